#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# kind, helm 4 (as helm and helm4), helm 3 (as helm3) and kubeconform, built from their Go modules into the cache; with `load` vegeta, too.
#   tools.sh [load]
# shellcheck source=testbed/lib.sh
. "$(dirname "$0")/lib.sh"
. "$TESTBED/go.sh"
locked tools

# tool NAME MODULE@VERSION [LDFLAGS]
tool() {
  local name=$1 module=$2 ldflags=${3:-} want
  want=$(digest "$module" "$ldflags")
  [ -x "$CACHE/bin/$name" ] && stamped "tool-$name" "$want" && return
  find_go
  slow "$name ${module##*@}" install_tool "$name" "$module" "$ldflags"
  stamp "tool-$name" "$want"
}
install_tool() {
  local bin
  bin=$(mktemp -d "$CACHE/bin/.build-XXXXXX")
  if GOBIN=$bin CGO_ENABLED=0 GOFLAGS='' go install -v -trimpath -ldflags "-s -w $3" "$2"; then
    mv -f "$bin"/* "$CACHE/bin/$1" && rmdir "$bin"
  else
    rm -rf "$bin"
    return 1
  fi
}

# helm tells its real version only when it is written in: the module itself says no patch level. Helm 3 takes Kubernetes 1.20 for the cluster's
# version in `helm template` unless its own client's is written in, as its releases have it (Helm 4 reads it from its modules).
client="-X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=$HELM3_KUBERNETES_MINOR"
client="$client ${client//chartutil/lint\/rules}"
tool kind "sigs.k8s.io/kind@$KIND_VERSION"
tool helm4 "helm.sh/helm/v4/cmd/helm@$HELM4_VERSION" "-X helm.sh/helm/v4/internal/version.version=$HELM4_VERSION"
tool helm3 "helm.sh/helm/v3/cmd/helm@$HELM3_VERSION" "-X helm.sh/helm/v3/internal/version.version=$HELM3_VERSION $client"
tool kubeconform "github.com/yannh/kubeconform/cmd/kubeconform@$KUBECONFORM_VERSION"
ln -sfn helm4 "$CACHE/bin/helm"
[ "${1:-}" != load ] || tool vegeta "github.com/tsenart/vegeta/v12@$VEGETA_VERSION"
