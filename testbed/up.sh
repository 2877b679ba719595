#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A cluster that is ready for a rollout: kind, the images, and the empty registry. Quick when all is there.
# shellcheck source=testbed/lib.sh
. "$(dirname "$0")/lib.sh"

"$TESTBED/cluster.sh" up
"$TESTBED/images.sh"
kubectl apply --server-side -f "$TESTBED/manifests/registry.yaml" > /dev/null
# A new cluster calls itself ready before it answers names: the first pods would not find their database.
for deployment in kube-system/coredns oceans-llm-registry/registry; do
  kubectl -n "${deployment%/*}" rollout status "deployment/${deployment#*/}" --timeout=90s > /dev/null
done
