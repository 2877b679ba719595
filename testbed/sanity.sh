#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The collection as Galaxy and its users see it: ansible-test sanity, lint of documentation and changelog, and a tarball that is
# built, installed into an empty path and tried from there.
#   sanity.sh [STEP...]    steps: sanity docs changelog smoke
# ansible-test wants a git checkout in a folder ansible_collections/NAMESPACE/NAME, so all of it works on a copy.
# shellcheck source=testbed/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$ROOT"

collection=$ROOT/ansible_collections/oceans/llm
core=$(readlink -f "$STATE/collections")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
copy=$scratch/ansible_collections/oceans/llm
version=$(sed -n 's/^version: *//p' "$collection/galaxy.yml")
export ANSIBLE_NOCOLOR=1 ANSIBLE_LOCAL_TEMP=$scratch/tmp

checkout() {
  mkdir -p "$copy"
  # the files of the chart, not links that would lead nowhere
  tar -C "$collection" --dereference --exclude=__pycache__ --exclude=.ansible --exclude=tests/output --exclude='*.tar.gz' -cf - . | tar -C "$copy" -xf -
  ln -s "$core/ansible_collections/kubernetes" "$scratch/ansible_collections/kubernetes"
  git -C "$copy" init -q
  git -C "$copy" add -A
}

# ansible-test makes virtualenvs of its own and starts each with get-pip.py from a host of its project. Where a closed network does
# not reach that, a stand-in takes its place in ansible-test's cache: it does the same with a wheel from the package index.
get_pip() {
  local wanted cache=$HOME/.ansible/test/cache script
  wanted=$(python -c 'from ansible_test._internal import python_requirements as r
from types import SimpleNamespace
print(r.get_venv_packages(SimpleNamespace(version="3.12"))["pip"])')
  script=$cache/get_pip_${wanted//./_}.py
  [ ! -e "$script" ] || return 0
  ! curl -s -f -m 5 -o /dev/null "https://ci-files.testing.ansible.com/ansible-test/get-pip-$wanted.py" || return 0
  say "get-pip.py cannot be downloaded; installing pip $wanted from the package index instead"
  mkdir -p "$cache"
  python -m pip download -q --no-deps -d "$cache" "pip==$wanted"
  cat > "$script.new" << 'PYTHON'
"""In place of get-pip.py: pip, out of its own wheel beside this file, installs what ansible-test asks for."""
import os
import re
import runpy
import sys

version = re.search(r"get_pip_([0-9_]+)\.py$", os.environ["GET_PIP"]).group(1).replace("_", ".")
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "pip-%s-py3-none-any.whl" % version))
# get-pip.py takes these two for itself
sys.argv = [sys.argv[0], "install"] + [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
PYTHON
  mv "$script.new" "$script"
}

sanity() {
  get_pip
  (cd "$copy" && ansible-test sanity --local --color no --python "$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')")
}

docs() { ANSIBLE_COLLECTIONS_PATH=$scratch antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs=self "$copy"; }

changelog() { (cd "$copy" && antsibull-changelog lint); }

# From the tarball, in a path that holds nothing else of ours: is all there that a user needs?
smoke() {
  local place=$scratch/installed name
  mkdir -p "$scratch/built" "$place"
  ansible-galaxy collection build --output-path "$scratch/built" "$copy" > /dev/null
  export ANSIBLE_COLLECTIONS_PATH=$place:$core
  ansible-galaxy collection install --offline --collections-path "$place" "$scratch/built/oceans-llm-$version.tar.gz" > /dev/null
  cd "$scratch"
  for name in preflight secrets deploy wait bootstrap status_info uninstall; do
    ansible-doc -t module "oceans.llm.$name" > "$scratch/doc"
    grep -q "^> MODULE oceans.llm.$name\|OCEANS.LLM.${name^^}" "$scratch/doc"
  done
  for name in preflight secrets deploy wait bootstrap gateway; do ansible-doc -t role "oceans.llm.$name" 2> /dev/null | grep -q oceans_llm_namespace; done
  for name in deploy preflight status diagnose uninstall; do ansible-playbook --syntax-check -i localhost, "oceans.llm.$name" > /dev/null; done
  [ ! -e "$place/ansible_collections/oceans/llm/tests" ] || fail "the collection's tarball contains the tests"
  # one run of everything in check mode; the cluster does not exist, and the run must report that
  ansible-playbook -i localhost, --check --connection local oceans.llm.deploy \
    -e '{"oceans_llm_auth": {"host": "https://127.0.0.1:1"}, "oceans_llm_secrets": {"POSTGRES_URL": "postgresql://u:p@h/d"}}' > "$scratch/run" 2>&1 \
    && fail "a run without a cluster must fail, but succeeded: $(cat "$scratch/run")"
  grep -q 'ERROR ClusterUnreachable cluster: the API server https://127.0.0.1:1 ' "$scratch/run" || fail "a run without a cluster did not report ClusterUnreachable: $(cat "$scratch/run")"
  grep -q ' [1-9][0-9]* objects rendered' "$scratch/run" || fail "the chart of the installed collection rendered no objects: $(cat "$scratch/run")"
  diff -r --exclude=tests --exclude=examples --exclude=dashboards --exclude=README.md "$ROOT/charts/oceans-llm" "$place/ansible_collections/oceans/llm/charts/oceans-llm" \
    || fail "the chart in the tarball differs from charts/oceans-llm: run python testbed/chart_links.py --write"
  [ ! -s "$KUBECONFIG" ] || ! kubectl version > /dev/null 2>&1 || check_run
  say "built, installed and tested: $(du -h "$scratch/built/oceans-llm-$version.tar.gz" | cut -f1)"
}

# With a cluster: what a first install would do, predicted by the installed collection.
check_run() {
  ansible-playbook -i localhost, --check --connection local -v oceans.llm.deploy -e oceans_llm_namespace=sanity-smoke \
    -e '{"oceans_llm_secrets": {"POSTGRES_URL": "postgresql://u:p@h/d"}}' > "$scratch/run" 2>&1 || fail "the check-mode run failed: $(cat "$scratch/run")"
  grep -q 'would change: +ConfigMap' "$scratch/run" || fail "the check-mode run predicted no change: $(cat "$scratch/run")"
  ! kubectl get namespace sanity-smoke > /dev/null 2>&1 || fail "the check-mode run created the namespace sanity-smoke, but must write nothing"
}

[ -d "$core" ] || fail "kubernetes.core is not installed: run testbed/collections.sh"
[ $# -gt 0 ] || set -- sanity docs changelog smoke
checkout
for step in "$@"; do
  case $step in
    sanity | docs | changelog | smoke)
      start=$SECONDS
      ("$step")
      say "$step: $((SECONDS - start)) s"
      ;;
    *) fail "unknown step '$step'; use sanity, docs, changelog or smoke" ;;
  esac
done
