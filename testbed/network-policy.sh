#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Somebody who enforces NetworkPolicies on the cluster's first node: kube-router's firewall, and nothing else of it, as a process of the node.
# Our own node image has nobody who does (kindest/node has kindnet, and is left as it is).
#   network-policy.sh up|down
# shellcheck source=testbed/lib.sh
. "$(dirname "$0")/lib.sh"
. "$TESTBED/go.sh"

node=$CLUSTER-control-plane
work=$CACHE/network-policy
package=github.com/cloudnativelabs/kube-router/v2/cmd/kube-router
log=/var/log/kube-router.log

enforced_by_kindnet() { [ -n "$(kubectl -n kube-system get daemonset kindnet --ignore-not-found -o name)" ]; }

build() {
  local want
  want=$(digest "$TESTBED/network-policy" "$DEBIAN_RELEASE")
  [ -x "$work/kube-router" ] && stamped network-policy "$want" && return
  find_go
  mkdir -p "$work/root"
  slow "building kube-router" go_build "$TESTBED/network-policy" "$package" "$work/kube-router"
  # it calls ipset; iptables is in the node
  have apt-get || fail "no apt-get on this machine: kube-router needs Debian's ipset in the node"
  slow "ipset from Debian" ipset
  stamp network-policy "$want"
}
ipset() {
  local package
  cd "$work"
  apt-get download -q ipset libipset13 libmnl0
  for package in ./*.deb; do dpkg-deb -x "$package" root; done
  rm -f ./*.deb
}

running() { docker exec "$node" pgrep -x kube-router > /dev/null 2>&1; }

# Its chains are there: from now on a policy is enforced within a second or two.
enforcing() { docker exec "$node" iptables -S KUBE-ROUTER-FORWARD > /dev/null 2>&1; }

up() {
  enforced_by_kindnet && { say "network policies are enforced by kindnet"; return; }
  build
  running && enforcing && return
  tar -C "$work/root" -c . | docker exec -i "$node" tar -C / -x --keep-directory-symlink --no-same-owner
  docker cp -q "$work/kube-router" "$node:/usr/local/sbin/kube-router"
  docker exec -d "$node" sh -c "KUBECONFIG=/etc/kubernetes/admin.conf exec kube-router --kubeconfig=/etc/kubernetes/admin.conf --run-firewall=true \
    --run-router=false --run-service-proxy=false --run-loadbalancer=false --hostname-override=$node > $log 2>&1"
  local deadline=$((SECONDS + 60))
  until enforcing; do
    ((SECONDS < deadline)) || fail "kube-router does not enforce network policies after 60 s: $(docker exec "$node" tail -n 3 $log)"
    sleep 0.5
  done
}

down() {
  running || return 0
  docker exec "$node" sh -c "pkill -x kube-router; while pgrep -x kube-router > /dev/null; do sleep 0.2; done
    kube-router --kubeconfig=/etc/kubernetes/admin.conf --cleanup-config > /dev/null 2>&1 || true"
}

case ${1:-} in
  up | down) "$1" ;;
  *) fail "usage: network-policy.sh up|down" ;;
esac
