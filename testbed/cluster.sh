#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The kind cluster. Its kubeconfig is .testbed/kubeconfig, never the user's own.
#   cluster.sh up      make it, or keep it when it answers
#   cluster.sh down    remove it
# shellcheck source=testbed/lib.sh
. "$(dirname "$0")/lib.sh"

node=$CLUSTER-control-plane

have_image() { docker image inspect "$1" > /dev/null 2>&1; }

exists() { kind get clusters 2> /dev/null | grep -qx "$CLUSTER"; }

# It was made from the same inputs, and its API server answers.
answers() {
  [ "$(docker exec "$node" sh -c 'cat /etc/oceans-llm-testbed && kubectl --kubeconfig /etc/kubernetes/admin.conf get --raw /readyz' 2> /dev/null)" = "$inputs
ok" ]
}

# What is here is used; the registry is asked only when neither image is.
choose_node_image() {
  if have_image "$KINDEST_NODE" ||
    { ! have_image "$NODE_IMAGE" && registry_answers && slow "pulling $KINDEST_NODE" docker pull -q "$KINDEST_NODE"; }; then
    image=$KINDEST_NODE config=kindest-node
  else
    image=$NODE_IMAGE config=own-node
    "$TESTBED/node-image.sh"
  fi
}

create() {
  kind delete cluster -q --name "$CLUSTER" --kubeconfig "$KUBECONFIG" 2> /dev/null || true
  rm -f "$KUBECONFIG"
  # a path in its configuration counts from here
  cd "$ROOT" && kind create cluster --name "$CLUSTER" --config "$TESTBED/kind/$config.yaml" --image "$image" \
    --kubeconfig "$KUBECONFIG" --wait 120s --retain
  docker exec "$node" sh -c "echo $inputs > /etc/oceans-llm-testbed"
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
  choose_node_image
  inputs=$(digest "$TESTBED/kind" "$(docker image inspect -f '{{.Id}}' "$image")")
  answers || slow "kind cluster $CLUSTER ($image)" create
  fetch_kubectl
  # one that another checkout has made from the same inputs is as good as ours
  kubectl get --raw /readyz > /dev/null 2>&1 || kind export kubeconfig -q --name "$CLUSTER" --kubeconfig "$KUBECONFIG"
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
