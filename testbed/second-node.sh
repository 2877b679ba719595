#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# One more node for the kind cluster, for tests that lose or drain one. Nothing is scheduled there but what tolerates its taint.
#   second-node.sh up|down [NAME]
# shellcheck source=testbed/lib.sh
. "$(dirname "$0")/lib.sh"

first=$CLUSTER-control-plane
node=$CLUSTER-${2:-second}
mark=oceans-llm.testbed/second

# As kind starts a worker (its docker provider, runArgsForNode); its labels make `kind delete cluster` take it along.
container() {
  docker run --detach --tty --name "$node" --hostname "$node" --network kind --restart=on-failure:1 --init=false --cgroupns=private \
    --privileged --security-opt seccomp=unconfined --security-opt apparmor=unconfined --tmpfs /tmp --tmpfs /run --volume /var \
    --volume /lib/modules:/lib/modules:ro --env KIND_EXPERIMENTAL_CONTAINERD_SNAPSHOTTER \
    --label "io.x-k8s.kind.cluster=$CLUSTER" --label io.x-k8s.kind.role=worker "$(docker inspect -f '{{.Config.Image}}' "$first")"
}

# Its token is good for ten minutes. The taint comes with the node: it would not be empty for long.
join() {
  local command
  command=$(docker exec "$first" kubeadm token create --ttl 10m --print-join-command)
  docker exec "$node" sh -c 'until ctr -n k8s.io images ls -q 2> /dev/null | grep -q /pause:; do sleep 0.2; done'
  docker exec "$node" sh -c "touch /etc/default/kubelet; . /etc/default/kubelet
    echo KUBELET_EXTRA_ARGS='\"'\$KUBELET_EXTRA_ARGS --register-with-taints=$mark=:NoSchedule --node-labels=$mark='\"' > /etc/default/kubelet"
  # what kubeadm looks for on a machine is not to be had in a container; kind leaves that out, too
  docker exec "$node" sh -c "$command --skip-phases=preflight"
  kubectl wait --for=create "node/$node" --timeout=60s
  kubectl wait --for=condition=Ready "node/$node" --timeout=90s
}

# Each node's pods are routed to it by name. Without that, whoever answers first on docker's network gets them, and a second cluster has the same pod networks.
routes() {
  local other
  for other in $(others); do
    docker exec "$other" ip route replace "$(pods_of "$node")" via "$(address "$node")"
    docker exec "$node" ip route replace "$(pods_of "$other")" via "$(address "$other")"
  done
}
others() { docker ps --filter "label=io.x-k8s.kind.cluster=$CLUSTER" --format '{{.Names}}' | grep -vx "$node"; }
address() { docker inspect -f '{{.NetworkSettings.Networks.kind.IPAddress}}' "$1"; }
pods_of() { kubectl get node "$1" -o 'jsonpath={.spec.podCIDR}'; }

images() {
  local refs=()
  mapfile -t refs < <(docker images --format '{{.Repository}}:{{.Tag}}' | grep -E "^$IMAGES/(gateway|admin-ui):")
  kind load docker-image --name "$CLUSTER" --nodes "$node" "${refs[@]}"
}

up() {
  docker inspect "$node" > /dev/null 2>&1 && down
  slow "node $node: container" container
  slow "node $node: joining" join
  routes
  [ -n "${GATEWAY_IMAGE:-}" ] || slow "node $node: images" images
}

down() {
  local pods other
  if pods=$(pods_of "$node" 2> /dev/null); then
    for other in $(others); do docker exec "$other" ip route del "$pods" 2> /dev/null || true; done
  fi
  docker rm --force --volumes "$node" > /dev/null 2>&1 || true
  kubectl delete node "$node" --ignore-not-found --wait=false > /dev/null
}

case ${1:-} in
  up | down) "$1" ;;
  *) fail "usage: second-node.sh up|down [NAME]" ;;
esac
