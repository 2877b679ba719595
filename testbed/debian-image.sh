#!/usr/bin/env bash
# An image of a minimal Debian with some packages: on top of Docker Hub's, or made by debootstrap where no registry is
# in reach.
#   debian-image.sh REF PACKAGE...
# shellcheck source=testbed/lib.sh
. "$(dirname "$0")/lib.sh"

ref=$1
shift
want=$(digest "$DEBIAN_RELEASE" "$0" "$@")
[ "$(docker image inspect -f '{{index .Config.Labels "inputs"}}' "$ref" 2> /dev/null)" = "$want" ] && exit 0
# Not needed in a container, and half of the size: documentation, package lists, the compiler that PostgreSQL's JIT
# uses (it turns itself off when llvmjit.so is absent).
prune() {
  rm -rf "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/* "$1"/var/log/* "$1"/usr/share/{doc,man,locale,info,lintian} \
    "$1"/usr/lib/*/{libLLVM*,libz3*} "$1"/usr/lib/postgresql/*/lib/{llvmjit*,bitcode}
}
from_nothing() {
  mkdir -p "$CACHE/debs"
  debootstrap --variant=minbase --cache-dir="$CACHE/debs" --include="$(IFS=,; printf '%s' "$*")" \
    "$DEBIAN_RELEASE" "$root"
  prune "$root"
  tar -C "$root" -c . | docker import -c "LABEL inputs=$want" - "$ref"
}
from_registry() {
  docker_build --build-arg "PACKAGES=$*" --label "inputs=$want" -t "$ref" - << DOCKERFILE
FROM debian:$DEBIAN_RELEASE-slim
ARG PACKAGES
RUN apt-get update -q && apt-get install -y -q --no-install-recommends \$PACKAGES && rm -rf /var/lib/apt/lists/*
DOCKERFILE
}

if registry_answers; then
  slow "Debian $DEBIAN_RELEASE image $ref" from_registry "$@"
else
  [ "$(id -u)" -eq 0 ] && have debootstrap ||
    fail "the image $ref is made by debootstrap, which needs root on Debian (apt-get install debootstrap)."
  root=$(mktemp -d "$CACHE/debian-XXXXXX")
  trap 'rm -rf "$root"' EXIT
  slow "Debian $DEBIAN_RELEASE image $ref" from_nothing "$@"
fi
