#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A real Ingress and Gateway API controller in the cluster, on request: Traefik from its Go module (about 4 minutes the first time).
#   ingress.sh up|down
# shellcheck source=testbed/lib.sh
. "$(dirname "$0")/lib.sh"
. "$TESTBED/go.sh"

src=$TESTBED/ingress
work=$CACHE/ingress
version=$(sed -n 's#^require github.com/traefik/traefik/v3 v##p' "$src/go.mod")
ref=$IMAGES/traefik:$version

# module MODULE@VERSION FOLDER: a copy of a module, to be changed
module() {
  cp -r "$(go mod download -json "$1" | python -c 'import json, sys; print(json.load(sys.stdin)["Dir"])')" "$2"
  chmod -R u+w "$2"
}

# Three modules of its closure are in no proxy, or not whole: its extension point (empty in the open edition), a fork of
# go-http-auth with two functions more, and the certificate client's DNS providers, which no test needs.
sources() {
  chmod -R u+w "$work/src" 2> /dev/null || true
  rm -rf "$work/src"
  mkdir -p "$work/src"
  cd "$work/src"
  export GOFLAGS=-mod=mod
  module github.com/go-acme/lego/v5@v5.4.1 lego
  module github.com/abbot/go-http-auth@v0.4.0 http-auth
  find lego http-auth -name '*_test.go' -delete
  cp "$src/dns/dns.go" lego/providers/dns/zz_gen_dns_providers.go
  cp "$src/auth/more.go" http-auth/
  [ -e http-auth/go.mod ] || printf 'module github.com/abbot/go-http-auth\n\ngo 1.20\n' > http-auth/go.mod
  cp -r "$src/ext" ext
  cp "$src/go.mod" .
}
compile() { (sources && GOFLAGS='-mod=mod -buildvcs=false' GOWORK=off go build -v -trimpath -ldflags '-s -w' -o "$work/image/traefik" github.com/traefik/traefik/v3/cmd/traefik); }

build() {
  local want
  want=$(digest "$src")
  find_go
  [ -x "$work/image/traefik" ] && stamped ingress "$want" && return
  mkdir -p "$work/image"
  slow "building Traefik $version" compile
  stamp ingress "$want"
}

# Of the module that Traefik itself is built with; kept, since Gateways of the user's may be there.
gateway_types() {
  local folder
  folder=$(cd "$work/src" && GOFLAGS=-mod=mod go list -m -f '{{.Dir}}' sigs.k8s.io/gateway-api)
  kubectl apply --server-side -f "$folder/config/crd/standard" > /dev/null
  kubectl wait --for=condition=Established crd/gatewayclasses.gateway.networking.k8s.io crd/httproutes.gateway.networking.k8s.io --timeout=60s > /dev/null
}

up() {
  # shellcheck source=testbed/image-lib.sh
  . "$TESTBED/image-lib.sh"
  build
  cp "$src/Dockerfile" "$work/image/"
  image "$ref" "$work/image"
  load
  gateway_types
  sed "s#@IMAGE@#$ref#" "$TESTBED/manifests/ingress.yaml" | kubectl apply --server-side --force-conflicts -f - > /dev/null
  kubectl -n oceans-llm-ingress rollout status deployment/traefik --timeout=120s > /dev/null
}

down() { sed "s#@IMAGE@#$ref#" "$TESTBED/manifests/ingress.yaml" | kubectl delete --ignore-not-found --wait=false -f - > /dev/null; }

case ${1:-} in
  up | down) "$1" ;;
  *) fail "usage: ingress.sh up|down" ;;
esac
