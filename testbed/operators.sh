#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The real operators in the cluster, on request: never installed by the chart or by a role.
#   operators.sh cloudnativepg|external-secrets [...]
# Their programs are built from their Go modules, whose own manifests and chart are applied.
# shellcheck source=testbed/lib.sh
. "$(dirname "$0")/lib.sh"
. "$TESTBED/go.sh"
# shellcheck source=testbed/image-lib.sh
. "$TESTBED/image-lib.sh"

work=$CACHE/operators

module_dir() { (cd "$TESTBED/operators/$1" && GOFLAGS=-mod=mod go list -m -f '{{.Dir}}' "$2"); }
module_version() { (cd "$TESTBED/operators/$1" && go list -m -f '{{.Version}}' "$2"); }

# program NAME PACKAGE FILE: build it when its folder has changed
program() {
  local want
  want=$(digest "$TESTBED/operators/$1")
  [ -x "$work/$1/$3" ] && stamped "operator-$1" "$want" && return
  mkdir -p "$work/$1"
  slow "building the $1 operator" go_build "$TESTBED/operators/$1" "$2" "$work/$1/$3"
  stamp "operator-$1" "$want"
}

# until_dry_run FILE: the webhook takes a real object. An Available operator does not mean that: kube-proxy and the CA
# bundle may lag, and before the webhook's configuration exists a dry run passes without it.
until_dry_run() {
  local deadline=$((SECONDS + 120)) said
  until said=$(kubectl create --dry-run=server -o name -f "$1" 2>&1); do
    ((SECONDS < deadline)) || fail "the webhook does not answer after 120 s: $said"
    sleep 1
  done
}

cloudnativepg() {
  local module=github.com/cloudnative-pg/cloudnative-pg version operand kustomize
  version=$(module_version cloudnativepg $module)
  program cloudnativepg $module/cmd/manager manager
  # the operator reads the server's version from the tag; the node may hold an image without Barman from an older checkout
  operand=$IMAGES/cnpg-postgresql:$(docker run --rm "$base" dpkg-query -W -f '${Version}' postgresql-15 | cut -d- -f1)-barman
  cp "$TESTBED/operators/cloudnativepg/Dockerfile" "$work/cloudnativepg/"
  image "$IMAGES/cloudnative-pg:${version#v}" "$work/cloudnativepg"
  # with the programs by which a Cluster archives to an object store
  local base=oceans-llm/with-barman-cli-cloud:$DEBIAN_RELEASE base_id
  "$TESTBED/debian-image.sh" "$base" postgresql-15 barman-cli-cloud python3-boto3
  base_id=$(docker image inspect -f '{{.Id}}' "$base")
  image "$operand" "$TESTBED/images/cnpg-postgresql"
  load
  kustomize=$(mktemp -d "$STATE/kustomize-XXXXXX")
  install -m 644 "$(module_dir cloudnativepg $module)/releases/cnpg-${version#v}.yaml" "$kustomize/cnpg.yaml"
  sed "s#@OPERATOR_NAME@#$IMAGES/cloudnative-pg#g; s#@OPERATOR_TAG@#${version#v}#g; s#@OPERAND@#$operand#" \
    "$TESTBED/operators/cloudnativepg/kustomization.yaml" > "$kustomize/kustomization.yaml"
  # server-side: two of the CRDs are longer than the annotation of a plain apply may be
  kubectl kustomize "$kustomize" | kubectl apply --server-side --force-conflicts -f - > /dev/null
  rm -rf "$kustomize"
  kubectl -n cnpg-system rollout status deployment/cnpg-controller-manager --timeout=120s > /dev/null
  until_dry_run "$TESTBED/operators/cloudnativepg/probe.yaml"
}

# Not `kubectl wait`, which fails at once on an object whose conditions are still null.
established() {
  local deadline=$((SECONDS + 60))
  until [ "$(kubectl get crd "$1" -o 'jsonpath={.status.conditions[?(@.type=="Established")].status}' 2> /dev/null)" = True ]; do
    ((SECONDS < deadline)) || fail "the API server has not established $1 within 60 s"
    sleep 0.3
  done
}

external-secrets() {
  local module=github.com/external-secrets/external-secrets version source chart
  version=$(module_version external-secrets $module)
  program external-secrets . external-secrets
  source=$(module_dir external-secrets $module) # known once the build has fetched it
  cp "$TESTBED/operators/external-secrets/Dockerfile" "$work/external-secrets/"
  image "$IMAGES/external-secrets:$version" "$work/external-secrets"
  load
  kubectl apply --server-side -f "$source/deploy/crds/bundle.yaml" > /dev/null
  established externalsecrets.external-secrets.io
  established secretstores.external-secrets.io
  # a copy without the one dependency, which is not in the module and is off anyway
  chart=$(mktemp -d "$STATE/chart-XXXXXX")
  cp -r "$source/deploy/charts/external-secrets/." "$chart"
  chmod -R u+w "$chart"
  sed -i '/^dependencies:/,$d' "$chart/Chart.yaml"
  rm -f "$chart/Chart.lock"
  sed "s/@VERSION@/$version/" "$TESTBED/operators/external-secrets/values.yaml" > "$chart/testbed-values.yaml"
  helm upgrade --install external-secrets "$chart" -n external-secrets --create-namespace \
    -f "$chart/testbed-values.yaml" > /dev/null
  rm -rf "$chart"
  external_secrets_webhook
  until_dry_run "$TESTBED/operators/external-secrets/probe.yaml"
}

# A webhook pod that mounted its certificate before there was one sees it a minute later; a new pod sees it at once.
external_secrets_webhook() {
  kubectl -n external-secrets wait --for='jsonpath={.data.tls\.crt}' secret/external-secrets-webhook --timeout=120s > /dev/null
  if ! kubectl -n external-secrets wait --for=condition=Available deploy/external-secrets-webhook --timeout=28s > /dev/null 2>&1; then
    kubectl -n external-secrets delete pod -l app.kubernetes.io/name=external-secrets-webhook --wait=false > /dev/null
  fi
  kubectl -n external-secrets wait --for=condition=Available deploy --all --timeout=180s > /dev/null
}

[ $# -gt 0 ] || fail "usage: operators.sh cloudnativepg|external-secrets [...]"
find_go
for name in "$@"; do
  start=$SECONDS
  case $name in
    cloudnativepg | external-secrets) "$name" ;;
    *) fail "unknown operator '$name'; use cloudnativepg or external-secrets" ;;
  esac
  say "operator $name answers ($((SECONDS - start)) s)"
done
