#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Remove what the project made, and nothing else.
#   clean.sh          the cluster, the container engine that we started, .venv and .testbed
#   clean.sh cache    also the images and the build cache
# shellcheck source=testbed/lib.sh
. "$(dirname "$0")/lib.sh"

remove_images() {
  docker info > /dev/null 2>&1 || return 0
  local left before=
  # an image can be removed only after the images that were built on it: one round for each layer
  while left=$(docker images --format '{{.Repository}}:{{.Tag}}' -f reference='oceans-llm/*' -f reference='127.0.0.1:5000/oceans-llm/*') &&
    [ -n "$left" ] && [ "$left" != "$before" ]; do
    before=$left
    xargs -r docker rmi -f <<< "$left" > /dev/null 2>&1 || true
  done
  [ -z "$left" ] || fail "these images could not be removed, because a container uses them: $(paste -s -d ' ' <<< "$left")"
}

case ${1:-} in
  "")
    "$TESTBED/cluster.sh" down
    "$TESTBED/engine.sh" down
    rm -rf "$ROOT/.venv" "$ROOT/.testbed" "$ROOT/reports"
    say "removed the cluster and the created files. The cache remains in $CACHE ($(du -sh "$CACHE" | cut -f1)); make clean-cache removes the cache, too."
    ;;
  cache)
    "$TESTBED/engine.sh" up
    remove_images
    "$TESTBED/engine.sh" down
    rm -rf "$CACHE" "$ROOT/.testbed"
    say "removed the cache $CACHE and the images. To remove Go's own caches: go clean -cache -modcache"
    ;;
  *) fail "usage: clean.sh [cache]" ;;
esac
