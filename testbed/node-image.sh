#!/usr/bin/env bash
# The kind node image where kindest/node can't be pulled: Kubernetes, etcd, CoreDNS and the storage provisioner built
# from their Go modules, the rest from Debian packages. Prints nothing when there is nothing to do.
# shellcheck source=testbed/lib.sh
. "$(dirname "$0")/lib.sh"
. "$TESTBED/go.sh"

src=$TESTBED/node
work=$CACHE/node
debian=oceans-llm/node-debian:$DEBIAN_RELEASE
registry=registry.k8s.io # the names that kubeadm asks for; nothing is pulled from there
want=$(digest "$src" "$0" "$TESTBED/debian-image.sh" "$KUBERNETES_VERSION" "$ETCD_TAG" "$COREDNS_TAG" "$PAUSE_TAG" \
  "$LOCAL_PATH_VERSION")

up_to_date() { [ "$(docker image inspect -f '{{index .Config.Labels "inputs"}}' "$NODE_IMAGE" 2> /dev/null)" = "$want" ]; }

# program FOLDER OUT PACKAGE [LDFLAGS]
program() { slow "building ${2##*/}" go_build "$src/$1" "$3" "$work/bin/$2" "${4:-}"; }

programs() {
  local minor=${KUBERNETES_VERSION#v1.} v=k8s.io/component-base/version
  program components hyperkube . \
    "-X $v.gitVersion=$KUBERNETES_VERSION -X $v.gitMajor=1 -X $v.gitMinor=${minor%%.*}"
  program coredns coredns .
  program pause pause .
  program oci-limits oci-limits .
  program local-path local-path-provisioner github.com/rancher/local-path-provisioner
}

# archive NAME DOCKERFILE REF[,REF...] [BUILD OPTION...]: an image as a file for the node's image store
archive() {
  local name=$1 dockerfile=$2 refs tags=() ref
  IFS=, read -r -a refs <<< "$3"
  shift 3
  for ref in "${refs[@]}"; do tags+=(-t "$ref"); done
  docker_build "$@" "${tags[@]}" -f "$src/$dockerfile" "$work/bin"
  docker save -o "$work/context/images/$name.tar" "${refs[@]}"
  # they are for the node alone: with these names on the host, they would look like the upstream images
  docker rmi "${refs[@]}" > /dev/null
}

images() {
  local r=$registry v=$KUBERNETES_VERSION
  archive kube kube.Dockerfile \
    "$r/kube-apiserver:$v,$r/kube-controller-manager:$v,$r/kube-scheduler:$v,$r/kube-proxy:$v,$r/etcd:$ETCD_TAG" \
    --build-arg "BASE=$debian"
  archive coredns coredns.Dockerfile "$r/coredns/coredns:$COREDNS_TAG"
  archive pause pause.Dockerfile "$r/pause:$PAUSE_TAG"
  archive local-path local-path.Dockerfile "oceans-llm/local-path-provisioner:$LOCAL_PATH_VERSION" \
    --build-arg "BASE=$debian"
}

node() {
  rm -rf "$work/context"
  mkdir -p "$work/context/images"
  images
  cp -r "$src/rootfs" "$work/context/"
  chmod -R u+rwX,go+rX "$work/context/rootfs"
  sed -i "s/@PAUSE_TAG@/$PAUSE_TAG/" "$work/context/rootfs/etc/containerd/config.toml"
  sed -i "s/@LOCAL_PATH_VERSION@/$LOCAL_PATH_VERSION/" "$work/context/rootfs/kind/manifests/default-storage.yaml"
  cp -l "$work/bin/hyperkube" "$work/bin/oci-limits" "$work/context/"
  docker_build --build-arg "BASE=$debian" --build-arg "KUBERNETES_VERSION=$KUBERNETES_VERSION" \
    --label "inputs=$want" -t "$NODE_IMAGE" -f "$src/Dockerfile" "$work/context"
  rm -rf "$work/context"
}

up_to_date && exit 0
locked node-image
up_to_date && exit 0
say "building a kind node image: no image registry can be reached. The first build takes about 10 minutes."
find_go
mkdir -p "$work/bin"
read -r -d '' -a packages < "$src/packages" || true
"$TESTBED/debian-image.sh" "$debian" "${packages[@]}"
programs
slow "node image $NODE_IMAGE" node
