#!/usr/bin/env bash
# An image of a minimal Debian with some packages, made by debootstrap: for machines that reach no image registry.
#   debian-image.sh REF PACKAGE...
# shellcheck source=testbed/lib.sh
. "$(dirname "$0")/lib.sh"

ref=$1
shift
want=$(digest "$DEBIAN_RELEASE" "$0" "$@")
[ "$(docker image inspect -f '{{index .Config.Labels "inputs"}}' "$ref" 2> /dev/null)" = "$want" ] && exit 0
[ "$(id -u)" -eq 0 ] && have debootstrap ||
  fail "the image $ref is made by debootstrap, which needs root on Debian (apt-get install debootstrap)."

# Not needed in a container, and half of the size: documentation, package lists, the compiler that PostgreSQL's JIT
# uses (it turns itself off when llvmjit.so is absent).
prune() {
  rm -rf "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/* "$1"/var/log/* "$1"/usr/share/{doc,man,locale,info,lintian} \
    "$1"/usr/lib/*/{libLLVM*,libz3*} "$1"/usr/lib/postgresql/*/lib/{llvmjit*,bitcode}
}
make() {
  mkdir -p "$CACHE/debs"
  debootstrap --variant=minbase --cache-dir="$CACHE/debs" --include="$(IFS=,; printf '%s' "$*")" \
    "$DEBIAN_RELEASE" "$root"
  prune "$root"
  tar -C "$root" -c . | docker import -c "LABEL inputs=$want" - "$ref"
}

root=$(mktemp -d "$CACHE/debian-XXXXXX")
trap 'rm -rf "$root"' EXIT
slow "Debian $DEBIAN_RELEASE image $ref" make "$@"
