#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A container engine: the one that runs here, or Debian's own on a bare Debian machine with root.
#   engine.sh up      make sure that `docker` answers
#   engine.sh down    stop dockerd, if this script started it
# shellcheck source=testbed/lib.sh
. "$(dirname "$0")/lib.sh"
. "$TESTBED/go.sh"

run=$CACHE/docker
pidfile=$run/dockerd.pid

# The pid of the dockerd that this script started, if that very process still lives.
our_dockerd() {
  local pid
  pid=$(cat "$pidfile" 2> /dev/null) && [ "$(cat "/proc/$pid/comm" 2> /dev/null)" = dockerd ] && printf '%s\n' "$pid"
}

refuse_unless_bare_debian() {
  local why
  why=$(docker info 2>&1 > /dev/null | grep -m 1 . || true)
  [ "$(id -u)" -eq 0 ] || fail "no container engine answers (${why:-docker is not installed}) and only root could" \
    "start one: start Docker, or let this user talk to it (usermod -aG docker $(id -un)), and run this again."
  [ -e /etc/debian_version ] && have apt-get || fail "no container engine answers (${why:-docker is not installed})" \
    "and this machine is not a Debian one, where it could be set up for you: start Docker and run this again."
}

install_packages() {
  local missing=() package
  for package in docker.io debootstrap; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null | grep -qx installed || missing+=("$package")
  done
  [ "${#missing[@]}" -eq 0 ] && return
  slow "apt-get install ${missing[*]}" apt_install "${missing[@]}"
}
apt_install() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q
  apt-get install -y -q --no-install-recommends "$@"
}

# A dockerd that was killed leaves pid files; when another process has such a pid by now, the next dockerd takes it for
# its own predecessor, still alive, and refuses to start.
remove_stale() { # remove_stale PIDFILE COMMAND
  [ ! -e "$1" ] || [ "$(cat "/proc/$(cat "$1")/comm" 2> /dev/null)" = "$2" ] || rm -f "$1"
}

# dockerd runs every container through oci-limits, so that a host that is confined itself can still run a kind node.
start_dockerd() {
  mkdir -p "$run"
  find_go
  slow "dockerd's runtime" go_build "$TESTBED/node/oci-limits" . "$run/oci-limits"
  cat > "$run/daemon.json" << JSON
{
  "default-runtime": "limits",
  "runtimes": {"limits": {"path": "$run/oci-limits"}},
  "pidfile": "$pidfile"
}
JSON
  remove_stale "$pidfile" dockerd
  remove_stale /var/run/docker/containerd/containerd.pid containerd
  setsid dockerd --config-file "$run/daemon.json" < /dev/null > "$run/dockerd.log" 2>&1 9>&- &
  wait_for_dockerd $!
}
wait_for_dockerd() {
  local deadline=$((SECONDS + 60))
  until docker info > /dev/null 2>&1; do
    kill -0 "$1" 2> /dev/null && ((SECONDS < deadline)) || {
      tail -n 20 "$run/dockerd.log" >&2
      fail "dockerd did not start; read the log $run/dockerd.log"
    }
    sleep 0.3
  done
}

up() {
  docker info > /dev/null 2>&1 && return
  locked engine
  refuse_unless_bare_debian
  say "No container engine answers. As root on Debian: setting up Debian's docker.io and starting dockerd" \
    "(\`make clean\` stops it again)."
  install_packages
  # where systemd runs, the package has started it
  docker info > /dev/null 2>&1 || start_dockerd
}

down() {
  local pid
  pid=$(our_dockerd) || return 0
  say "stopping dockerd ($pid)"
  kill "$pid"
  while kill -0 "$pid" 2> /dev/null; do sleep 0.2; done
}

case ${1:-} in
  up | down) "$1" ;;
  *) fail "usage: engine.sh up|down" ;;
esac
