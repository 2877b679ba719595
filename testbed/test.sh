#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs the steps of `make test` and prints one line with the seconds of each. If a step fails, the script prints the end of its log and continues.
# Steps without a cluster run beside steps that mostly wait for the cluster.
#   test.sh [STEP...]
# shellcheck source=testbed/lib.sh
. "$(dirname "$0")/lib.sh"
. "$TESTBED/go.sh"
cd "$ROOT"

logs=$STATE/logs
results=$logs/results
collection=ansible_collections/oceans/llm
mkdir -p "$logs"
: > "$results"
export MOLECULE_COMMAND_BORDERS=false NO_COLOR=1

# step NAME COMMAND...
step() {
  local name=$1 log=$logs/$1.log start=$SECONDS rc=0
  shift
  printf '%-24s ...\n' "$name"
  "$@" > "$log" 2>&1 < /dev/null || rc=$?
  result "$name" "$rc" $((SECONDS - start)) "$log"
}
# result NAME EXIT SECONDS [LOG]
result() {
  if [ "$2" -eq 0 ]; then
    printf '%-24s ok     %4d s  %s\n' "$1" "$3" "$(closing_line "${4:-/dev/null}")"
  else
    tail -n 60 "${4:-/dev/null}"
    printf '%-24s FAILED %4d s  exit %d, log: %s\n' "$1" "$3" "$2" "${4:-above}"
  fi
  printf '%s %s\n' "$2" "$1" >> "$results"
  return "$2"
}
# Of a failed step: the few lines that name what failed, for a reader who sees only the end of it all.
reasons() {
  local name
  sed -n '/^0 /!s/^[0-9]* //p' "$results" | while read -r name; do
    grep -hE '^(FAILED|ERROR|E  |fatal:|CRITICAL|testbed:)|error:' "$logs/$name.log" 2> /dev/null | tail -n 6 | cut -c1-200 | sed "s/^/$name: /" || true
  done
}
# What the step's own runner says last: pytest's or the fault suite's closing line, or nothing.
closing_line() { grep -E '^(=+ )?[0-9]+ (passed|failed)' "$1" | tail -n 1 | tr -d '=' | sed 's/^ *//; s/ *$//' || true; }

lint() {
  local rc=0 inventory
  run() { printf '+ %s\n' "$*" && "$@" || rc=1; }
  run ruff check .
  run mypy
  run yamllint -s .
  run shell_scripts
  run ansible-lint --offline -q
  run python "$collection/tests/check_argument_specs.py"
  for inventory in inventories/*; do run ansible-playbook --syntax-check playbooks/*.yml -i "$inventory"; done
  return "$rc"
}
shell_scripts() {
  if ! have shellcheck && [ "$(id -u)" -eq 0 ] && have apt-get; then
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q shellcheck > /dev/null || true
  fi
  have shellcheck || { say "shellcheck is not installed: the shell scripts were not checked"; return; }
  shellcheck -S warning -x testbed/*.sh .ci/run
}
unit() { python -m pytest -q -n 2 --dist worksteal "$collection/tests/unit" faults/tests load/tests; }
shim() { find_go && (cd testbed/node/oci-limits && go test ./...); }
chart() { python -m pytest -q -n 2 -m "not cluster and not contour" charts/oceans-llm/tests; }
standin() { python -m pytest -q testbed/standin/tests; }
# Its tests mostly wait for pods, so four run at once, the longest first, and no other step beside them uses the cluster.
# It makes the operators' types where there are none, and takes them away again: no operator may come in the meantime.
chart-cluster() { flock "$STATE/crds.lock" python -m pytest -q -n 4 --dist load --maxschedchunk 1 -m cluster charts/oceans-llm/tests; }
# A Gateway API controller that enforces the time limits of routes; a stream of two minutes. Not part of `make test`: the build takes 4 minutes.
chart-contour() { OCEANS_LLM_STREAM_SECONDS=130 python -m pytest -q -m contour charts/oceans-llm/tests; }
# other steps and other people's machines are no place to judge seconds: they are measured, shown, and given ten times
faults() { python faults/run.py --quick --patience 10; }
# names only: seconds are shown
outside() { python faults/outside/accuracy.py --check && python faults/run.py --outside --quick; }
sanity() { "$TESTBED/sanity.sh"; }
scenario() {
  case $1 in
    cloudnativepg | external_secrets | move) flock -s "$STATE/crds.lock" molecule test -s "$1" ;;
    *) molecule test -s "$1" ;;
  esac
}

# The cluster takes minutes the first time and tells of them itself, so it is no quiet step.
cluster() {
  local start=$SECONDS rc=0
  "$TESTBED/up.sh" || rc=$?
  result cluster "$rc" $((SECONDS - start))
}

# lane STEP...: those that no other lane has taken, one after the other; a claim (a folder: made by one only) tells who has which.
lane() {
  local name
  for name in "$@"; do
    if mkdir "$logs/claims/$name" 2> /dev/null; then
      case $name in
        molecule:*) step "$name" scenario "${name#*:}" || true ;;
        *) step "$name" "$name" || true ;;
      esac
    fi
  done
}
claims() {
  rm -rf "$logs/claims"
  mkdir -p "$logs/claims"
}
# The longest first, so that the last ones end together.
scenarios() {
  local name
  for name in platforms check_mode canary cloudnativepg external_secrets move; do echo "molecule:$name"; done
  for name in molecule/*/molecule.yml; do echo "molecule:$(basename "$(dirname "$name")")"; done
}
molecule_alone() {
  local steps lanes=()
  mapfile -t steps < <(scenarios)
  for _ in 1 2; do lane "${steps[@]}" & lanes+=($!); done
  wait "${lanes[@]}"
}
cluster_is_up() {
  cluster && export OCEANS_LLM_CLUSTER_IS_UP=yes
}

run_step() {
  case $1 in
    lint | unit | shim | standin | sanity) step "$1" "$1" ;;
    chart) "$TESTBED/tools.sh" && step chart chart ;;
    cluster) cluster ;;
    chart-cluster | chart-contour | faults | outside) cluster && step "$1" "$1" ;;
    molecule) cluster_is_up && claims && molecule_alone ;;
    helm-check | helm-template) "$TESTBED/tools.sh" && charts/oceans-llm/tests/tasks.sh "$1" ;;
    *) fail "unknown step '$1'; use lint, unit, shim, chart, standin, sanity, chart-cluster, chart-contour, molecule, faults or outside" ;;
  esac
}
# Three at a time: what needs the cluster mostly waits for pods. What needs none keeps a core busy, so it gets the CPU that the pods leave.
everything() {
  local without=(sanity lint unit chart standin shim) with=(faults outside) first lanes=()
  "$TESTBED/tools.sh"
  claims
  (renice -n 10 -p "$BASHPID" > /dev/null && lane "${without[@]}") & first=$!
  if cluster_is_up; then
    lane chart-cluster
    mapfile -t -O "${#with[@]}" with < <(scenarios)
    for _ in 1 2; do lane "${with[@]}" & lanes+=($!); done
    wait "$first"
    lane "${with[@]}"
    wait "${lanes[@]}"
  else
    wait "$first"
  fi
}

if [ $# -eq 0 ]; then everything; else for name in "$@"; do run_step "$name" || true; done; fi
failed=$(grep -vc '^0 ' "$results" || true)
reasons
[ "$failed" -eq 0 ] || say "failed: $(sed -n '/^0 /!s/^[0-9]* //p' "$results" | paste -s -d ' ')"
say "$(wc -l < "$results") steps in $SECONDS s"
say "$(grep -c '^0 ' "$results" || true) passed, $failed failed"
[ "$failed" -eq 0 ]
