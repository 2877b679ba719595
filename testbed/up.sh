#!/usr/bin/env bash
# A cluster that is ready for a rollout: kind, the images, and the empty registry. Quick when all is there.
# shellcheck source=testbed/lib.sh
. "$(dirname "$0")/lib.sh"

"$TESTBED/cluster.sh" up
"$TESTBED/images.sh"
kubectl apply --server-side -f "$TESTBED/manifests/registry.yaml" > /dev/null
kubectl -n oceans-llm-registry rollout status deployment/registry --timeout=60s > /dev/null
