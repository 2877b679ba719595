#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# kubernetes.core, from Galaxy or out of the `ansible` package, into the cache; .testbed/collections is a link to it.
# shellcheck source=testbed/lib.sh
. "$(dirname "$0")/lib.sh"
locked collections

home=$CACHE/collections/kubernetes.core-$KUBERNETES_CORE_VERSION
ln -sfn "$home" "$ROOT/.testbed/collections"
[ -f "$home/.complete" ] && exit 0

# ansible reads ./ansible.cfg of the folder it is called in, so it is called elsewhere
from_galaxy() {
  cd "$work" && timeout 60 ansible-galaxy collection install -p "$work/home" \
    "kubernetes.core:==$KUBERNETES_CORE_VERSION" --no-deps
}
from_package() {
  cd "$work"
  printf 'ansible==%s --hash=sha256:%s\n' "$ANSIBLE_PACKAGE_VERSION" "$ANSIBLE_PACKAGE_SHA256" > package.txt
  python -m pip download --disable-pip-version-check -q --progress-bar off --no-deps --require-hashes \
    --only-binary :all: -r package.txt -d "$work"
  python "$TESTBED/collection_from_wheel.py" ansible-*.whl kubernetes.core "$work"
  ansible-galaxy collection install --offline --no-deps -p "$work/home" \
    "$work/kubernetes-core-$KUBERNETES_CORE_VERSION.tar.gz"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if curl -fsS -m 5 -o /dev/null https://galaxy.ansible.com/api/ 2> /dev/null; then
  slow "kubernetes.core $KUBERNETES_CORE_VERSION from Galaxy" from_galaxy
else
  slow "kubernetes.core $KUBERNETES_CORE_VERSION out of the ansible package" from_package
fi
mkdir -p "$CACHE/collections"
rm -rf "$home"
mv "$work/home" "$home"
touch "$home/.complete"
