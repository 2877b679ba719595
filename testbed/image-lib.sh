# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Building images and putting them into the node. Sourced by images.sh and operators.sh, after lib.sh.

base=oceans-llm/base:$DEBIAN_RELEASE
node=$CLUSTER-control-plane

# Debian with the packages that all our images share: pulled where there is a registry, else made by debootstrap.
base_image() {
  local packages
  read -r -d '' -a packages < "$TESTBED/images/base/packages" || true
  "$TESTBED/debian-image.sh" "$base" "${packages[@]}"
}

# image REF FOLDER [BUILD OPTION...]
image() {
  local ref=$1 folder=$2 want
  shift 2
  want=$(digest "$folder" "$base_id" "$@")
  refs+=("$ref")
  [ "$(docker image inspect -f '{{index .Config.Labels "inputs"}}' "$ref" 2> /dev/null)" = "$want" ] && return
  slow "image $ref" docker_build --build-arg "BASE=$base" "$@" --label "inputs=$want" -t "$ref" "$folder"
}

# Load what the node does not hold with the same id; the engine's and the node's ids are both the config's digest.
load() {
  local ref missing=() held
  held=$(docker exec "$node" ctr -n k8s.io images ls -q)
  for ref in "${refs[@]}"; do
    [ "$(docker image inspect -f '{{.Id}}' "$ref")" = "$(loaded_id "$ref")" ] && grep -qxF "$ref" <<< "$held" ||
      missing+=("$ref")
  done
  [ "${#missing[@]}" -eq 0 ] && return
  slow "loading ${#missing[@]} images into the cluster" kind load docker-image --name "$CLUSTER" "${missing[@]}"
  for ref in "${missing[@]}"; do
    docker image inspect -f '{{.Id}}' "$ref" > "$STATE/loaded/$(digest "$ref")"
  done
}
loaded_id() { cat "$STATE/loaded/$(digest "$1")" 2> /dev/null || true; }

mkdir -p "$STATE/loaded"
refs=()
base_image
base_id=$(docker image inspect -f '{{.Id}}' "$base")
