# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What every testbed script shares: where things are, how it speaks, when a step may be skipped.
# Sourced, never run.
# shellcheck disable=SC2034 # what is set here is used by those who source it
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TESTBED=$ROOT/testbed
STATE=$ROOT/.testbed
CACHE=${OCEANS_LLM_CACHE:-${XDG_CACHE_HOME:-${HOME:?HOME is not set}/.cache}/oceans-llm}
CLUSTER=${OCEANS_LLM_CLUSTER:-oceans-llm}
# shellcheck source=testbed/versions.env
. "$TESTBED/versions.env"
NODE_IMAGE=oceans-llm/node:$KUBERNETES_VERSION # ours, where kind's can't be pulled
# The registry inside the node answers to this name, over plain http (containerd's rule for a loopback address).
IMAGES=127.0.0.1:5000/oceans-llm

# A second cluster keeps its own state beside the first one's.
export OCEANS_LLM_STATE=. # below .testbed; for Molecule's configuration
[ "$CLUSTER" = oceans-llm ] || OCEANS_LLM_STATE=$CLUSTER STATE=$ROOT/.testbed/$CLUSTER
export KUBECONFIG=$STATE/kubeconfig
export PATH=$ROOT/.venv/bin:$CACHE/bin:$PATH
# a play that matches no host would pass for a test that passed; Molecule's own configuration says so too, but is found in a git clone only
export ANSIBLE_HOST_PATTERN_MISMATCH=error
# else each ansible-playbook and each worker of pytest compiles the collection and the tests again: 1 to 4 s of CPU
unset PYTHONDONTWRITEBYTECODE
mkdir -p "$STATE" "$CACHE/bin" "$CACHE/logs" "$CACHE/stamps"
ln -sfn "$CACHE/bin" "$STATE/bin" # for those who do not know where the cache is: Molecule, and people

say() { printf '%s\n' "$*"; }
fail() { printf 'testbed: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" > /dev/null 2>&1; }

# digest PATH|TEXT...: one hash over files and folders (names and contents) and plain words.
digest() {
  local item
  for item in "$@"; do
    if [ -d "$item" ]; then
      (cd "$item" && find . -type f -not -path '*/__pycache__/*' -print0 | sort -z | xargs -0 -r sha256sum)
    elif [ -f "$item" ]; then
      sha256sum < "$item"
    else
      printf '%s\n' "$item"
    fi
  done | sha256sum | cut -d' ' -f1
}

# A step is done when its stamp holds the digest of its inputs; the result itself is checked by the caller.
stamped() { [ "$(cat "$CACHE/stamps/$1" 2> /dev/null)" = "$2" ]; }
stamp() { printf '%s\n' "$2" > "$CACHE/stamps/$1"; }

# Two runs at once (two checkouts, one cache) take turns: locked NAME, to the end of the calling script.
locked() {
  exec 9> "$CACHE/$1.lock"
  flock -n 9 || { say "$1: waiting for another run of the same step"; flock 9; }
}

# slow LABEL COMMAND...: run it with its output in a log, tell every 15 seconds that and where it is,
# and show the log's end if it fails.
slow() {
  local label=$1 log start=$SECONDS pid rc=0 next=15
  shift
  log=$CACHE/logs/$(printf '%s' "$label" | tr -cs 'A-Za-z0-9.\n' '-').log
  say "$label ..."
  "$@" > "$log" 2>&1 9>&- &
  pid=$!
  while kill -0 "$pid" 2> /dev/null; do
    if ((SECONDS - start >= next)); then
      say "$label: $((SECONDS - start)) s, $(tail -n 1 "$log" | tr -d '\r' | cut -c1-100)"
      next=$((next + 15))
    fi
    sleep 0.2
  done
  wait "$pid" || rc=$?
  if [ "$rc" -ne 0 ]; then
    tail -n 40 "$log" >&2
    fail "$label failed after $((SECONDS - start)) s (exit $rc); see the log $log"
  fi
  say "$label: done in $((SECONDS - start)) s"
}

# docker_build ARGUMENT...: by BuildKit where docker has it, else by the builder that every engine has.
docker_build() {
  if docker buildx version > /dev/null 2>&1; then
    DOCKER_BUILDKIT=1 docker build --load "$@"
  else
    DOCKER_BUILDKIT=0 docker build "$@"
  fi
}

# Docker Hub answers (401 is an answer): a short look, so that a closed network costs no minutes.
registry_answers() { curl -s -m 5 -o /dev/null https://registry-1.docker.io/v2/; }
