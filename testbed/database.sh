#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A PostgreSQL server in the cluster, empty, for the demo or for one test scenario.
#   database.sh up|down [NAMESPACE] [SIZE]
# With a SIZE (100Mi) its volume is memory of that size, which can be filled up; else it is a claim, whose size nobody enforces here.
# Its password is made once and kept in .testbed/NAMESPACE.password (mode 600); inventories/kind reads it there.
# shellcheck source=testbed/lib.sh
. "$(dirname "$0")/lib.sh"

namespace=${2:-oceans-llm-db}
size=${3:-}
password=$STATE/$namespace.password

# The server keeps the password that its data were made with: the Secret in the cluster is the truth.
secret() {
  local held
  held=$(kubectl -n "$namespace" get secret postgres -o 'go-template={{.data.password | base64decode}}' 2> /dev/null || true)
  if [ -n "$held" ]; then
    (umask 077 && printf '%s\n' "$held" > "$password")
    return
  fi
  (umask 077 && python -c 'import secrets; print(secrets.token_urlsafe(24))' > "$password")
  kubectl -n "$namespace" create secret generic postgres --from-file=password=/dev/stdin > /dev/null \
    < <(tr -d '\n' < "$password")
}

manifest() {
  local small="{name: data, emptyDir: {medium: Memory, sizeLimit: $size}}"
  sed "s/@NAMESPACE@/$namespace/g${size:+; s/{name: data, persistentVolumeClaim: .*/$small/}" "$TESTBED/manifests/postgres.yaml"
}

up() {
  kubectl create namespace "$namespace" --dry-run=client -o yaml | kubectl apply --server-side -f - > /dev/null
  secret
  manifest | kubectl apply --server-side -f - > /dev/null
  kubectl -n "$namespace" rollout status deployment/postgres --timeout=120s > /dev/null
}

down() {
  kubectl delete namespace "$namespace" --ignore-not-found --wait=false > /dev/null
  rm -f "$password"
}

case ${1:-} in
  up | down) "$1" ;;
  *) fail "usage: database.sh up|down [NAMESPACE] [SIZE]" ;;
esac
