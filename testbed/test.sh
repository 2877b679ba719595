#!/usr/bin/env bash
# The steps of `make test`, one line each with its seconds; a failed step shows the end of its log, and the others go on.
#   test.sh [STEP...]
# shellcheck source=testbed/lib.sh
. "$(dirname "$0")/lib.sh"
. "$TESTBED/go.sh"
cd "$ROOT"

logs=$STATE/logs
mkdir -p "$logs"
passed=0 failed=0 failures=()
collection=ansible_collections/oceans/llm

# step NAME COMMAND...
step() {
  local name=$1 log=$logs/$1.log start=$SECONDS rc=0
  shift
  printf '%-15s ...\n' "$name"
  "$@" > "$log" 2>&1 < /dev/null || rc=$?
  if [ "$rc" -eq 0 ]; then
    passed=$((passed + 1))
    printf '%-15s ok      %4d s  %s\n' "$name" $((SECONDS - start)) "$(closing_line "$log")"
  else
    failed=$((failed + 1)) failures+=("$name")
    tail -n 60 "$log"
    printf '%-15s FAILED  %4d s  exit %d, whole log: %s\n' "$name" $((SECONDS - start)) "$rc" "$log"
  fi
}
# What the step's own runner says last: pytest's closing line, or nothing.
closing_line() { grep -E '^(=+ )?[0-9]+ (passed|failed)' "$1" | tail -n 1 | tr -d '=' | sed 's/^ *//; s/ *$//' || true; }

lint() {
  local rc=0
  run() { printf '+ %s\n' "$*" && "$@" || rc=1; }
  run ruff check .
  run mypy
  run yamllint -s .
  have shellcheck || apt_get_shellcheck
  if have shellcheck; then run shellcheck -S warning -x testbed/*.sh .ci/run; else say "no shellcheck on this machine: shell scripts were not linted"; fi
  run ansible-lint --offline -q
  run ansible-playbook --syntax-check playbooks/*.yml -i inventories/example
  return "$rc"
}
apt_get_shellcheck() {
  [ "$(id -u)" -eq 0 ] && have apt-get || return 0
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q shellcheck > /dev/null || say "apt-get could not install shellcheck"
}
unit() { python -m pytest -q "$collection/tests/unit" && find_go && (cd testbed/node/oci-limits && go test ./...); }
chart() { "$TESTBED/tools.sh" && python -m pytest -q -m "not cluster" charts/oceans-llm/tests; }
standin() { python -m pytest -q testbed/standin/tests; }
chart-cluster() { python -m pytest -q -m cluster charts/oceans-llm/tests; }
molecule-scenarios() {
  local scenario rc=0
  for scenario in molecule/*/molecule.yml; do
    scenario=$(basename "$(dirname "$scenario")")
    step "molecule:$scenario" molecule test -s "$scenario" || rc=1
  done
  return "$rc"
}

# The cluster takes minutes the first time and tells of them itself, so it is no quiet step.
up() {
  local start=$SECONDS
  if "$TESTBED/up.sh"; then
    printf '%-15s ok      %4d s\n' cluster $((SECONDS - start))
  else
    printf '%-15s FAILED  %4d s\n' cluster $((SECONDS - start))
    failed=$((failed + 1)) failures+=(cluster)
    return 1
  fi
}

run_step() {
  case $1 in
    lint | unit | chart | standin) step "$1" "$1" ;;
    chart-cluster) up && step "$1" "$1" ;;
    molecule) up && molecule-scenarios ;;
    helm-check | helm-template) "$TESTBED/tools.sh" && "$1" ;;
    *) fail "no step '$1'; there are: lint unit chart standin chart-cluster molecule" ;;
  esac
}

if [ $# -eq 0 ]; then set -- lint unit chart standin chart-cluster molecule; fi
started=$SECONDS
for name in "$@"; do run_step "$name" || true; done
[ "$failed" -eq 0 ] || printf 'failed: %s\n' "${failures[*]}"
printf '%d steps in %d s\n' $((passed + failed)) $((SECONDS - started))
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
