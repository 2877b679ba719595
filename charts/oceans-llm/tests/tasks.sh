#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What the mise tasks and the make targets do.
#   tasks.sh helm-check       update dependencies, lint, render the default chart and every example
#   tasks.sh helm-template    print every rendered example
# HELM: another helm program than the project's own (or the one on PATH).
set -euo pipefail

chart=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
own=${OCEANS_LLM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/oceans-llm}/bin/helm
helm=${HELM:-$own}
[ -x "$helm" ] || helm=$(command -v helm) || {
  printf 'helm is neither in %s nor on PATH; run testbed/tools.sh to build it\n' "$(dirname "$own")" >&2
  exit 1
}

# The defaults know everything but the Secret with the PostgreSQL URL; without it the chart refuses, as it should.
default=(--set database.external.existingSecret.name=oceans-llm-postgres)

render() { # NAME HELM-ARGUMENT...
  local name=$1 objects
  shift
  objects=$("$helm" template oceans-llm "$chart" "$@" | grep -c '^kind:') || { printf 'render %s: failed\n' "$name" >&2; return 1; }
  printf 'render %-32s %2d objects\n' "$name" "$objects"
}

helm-check() {
  local example
  "$helm" dependency update "$chart"
  "$helm" lint --strict "$chart" "${default[@]}"
  render default "${default[@]}"
  for example in "$chart"/examples/*.yaml; do
    "$helm" lint --strict --quiet "$chart" -f "$example"
    render "$(basename "$example" .yaml)" -f "$example"
  done
}

helm-template() {
  local example
  for example in "$chart"/examples/*.yaml; do
    printf '# ---- %s\n' "${example#"$chart"/}"
    "$helm" template oceans-llm "$chart" -f "$example"
  done
}

case ${1:-} in
  helm-check | helm-template) "$1" ;;
  *) printf 'usage: %s helm-check|helm-template\n' "$0" >&2; exit 2 ;;
esac
