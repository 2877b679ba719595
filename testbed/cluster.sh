#!/usr/bin/env bash
# The kind cluster. Its kubeconfig is .testbed/kubeconfig, never the user's own.
#   cluster.sh up      make it, or keep it when it answers
#   cluster.sh down    remove it
# shellcheck source=testbed/lib.sh
. "$(dirname "$0")/lib.sh"

node=$CLUSTER-control-plane

exists() { kind get clusters 2> /dev/null | grep -qx "$CLUSTER"; }

# The cluster answers with the kubeconfig that we hold, and its node is ready.
answers() {
  [ -s "$KUBECONFIG" ] && docker exec "$node" kubectl --kubeconfig /etc/kubernetes/admin.conf get node "$node" \
    -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}' 2> /dev/null | grep -qx True
}

# kind's own node image where a registry hands it out, else ours.
choose_node_image() {
  if docker image inspect "$KINDEST_NODE" > /dev/null 2>&1 ||
    { registry_answers && slow "pulling $KINDEST_NODE" docker pull -q "$KINDEST_NODE"; }; then
    image=$KINDEST_NODE config=kindest-node
  else
    image=$NODE_IMAGE config=own-node
    "$TESTBED/node-image.sh"
  fi
}

create() {
  kind delete cluster -q --name "$CLUSTER" --kubeconfig "$KUBECONFIG" 2> /dev/null || true
  rm -f "$KUBECONFIG"
  kind create cluster --name "$CLUSTER" --config "$TESTBED/kind/$config.yaml" --image "$image" \
    --kubeconfig "$KUBECONFIG" --wait 120s --retain
}

# kubectl of the cluster's own version, out of the node.
fetch_kubectl() {
  local want
  want=$(docker inspect -f '{{.Image}}' "$node")
  [ -x "$CACHE/bin/kubectl" ] && stamped kubectl "$want" && return
  docker cp -q -L "$node:/usr/bin/kubectl" "$CACHE/bin/.kubectl"
  mv -f "$CACHE/bin/.kubectl" "$CACHE/bin/kubectl"
  stamp kubectl "$want"
}

up() {
  "$TESTBED/engine.sh" up
  "$TESTBED/tools.sh"
  locked "cluster-$CLUSTER"
  if ! exists || ! answers; then
    choose_node_image
    slow "kind cluster $CLUSTER ($image)" create
  fi
  fetch_kubectl
}

down() {
  docker info > /dev/null 2>&1 || return 0
  if have kind && exists; then
    say "removing the kind cluster $CLUSTER"
    kind delete cluster -q --name "$CLUSTER" --kubeconfig "$KUBECONFIG"
  fi
  rm -f "$KUBECONFIG"
}

case ${1:-} in
  up | down) "$1" ;;
  *) fail "usage: cluster.sh up|down" ;;
esac
