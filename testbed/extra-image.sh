#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# An image that one scenario needs, on request: the Go program of testbed/NAME on Debian with these packages.
#   extra-image.sh NAME [PACKAGE...]
# shellcheck source=testbed/lib.sh
. "$(dirname "$0")/lib.sh"
. "$TESTBED/go.sh"
# shellcheck source=testbed/image-lib.sh
. "$TESTBED/image-lib.sh"

name=${1:?usage: extra-image.sh NAME [PACKAGE...]}
shift
locked "extra-$name"
work=$CACHE/$name
want=$(digest "$TESTBED/$name")
if [ ! -x "$work/program" ] || ! stamped "$name" "$want"; then
  find_go
  mkdir -p "$work"
  slow "building $name" go_build "$TESTBED/$name" . "$work/program"
  printf '%s\n' 'ARG BASE' "FROM \${BASE}" 'COPY program /usr/local/bin/program' 'USER 65534' 'ENTRYPOINT ["program"]' > "$work/Dockerfile"
  stamp "$name" "$want"
fi
if [ $# -gt 0 ]; then
  base=oceans-llm/with-$1:$DEBIAN_RELEASE
  "$TESTBED/debian-image.sh" "$base" "$@"
  base_id=$(docker image inspect -f '{{.Id}}' "$base")
fi
image "$IMAGES/$name:1" "$work"
load
