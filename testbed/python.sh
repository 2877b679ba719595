#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The virtualenv in .venv, exactly as requirements.lock says.
# shellcheck source=testbed/lib.sh
. "$(dirname "$0")/lib.sh"

# The first python on PATH, or among pyenv's versions, that ansible-core runs on.
find_python() {
  local candidate
  for candidate in python3.13 python3.14 python3.12 python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin/python3; do
    # a pyenv shim is on PATH for every version, also for those that are not switched on: running it tells
    if "$candidate" -c "import sys, venv, ensurepip
sys.exit(sys.version_info[:2] < tuple(map(int, '$PYTHON_MINIMUM'.split('.'))))" 2> /dev/null; then
      "$candidate" -c 'import os, sys; print(os.path.realpath(sys.executable))'
      return
    fi
  done
  fail "no Python $PYTHON_MINIMUM or newer with venv was found on PATH or in ~/.pyenv/versions, and ansible-core" \
    "needs it. Install one (Debian: apt-get install python3 python3-venv on release 13; else pyenv) and run this again."
}

venv=$ROOT/.venv
python=$(find_python)
want=$(digest "$ROOT/requirements.lock" "python $python" "venv $venv")
[ -x "$venv/bin/ansible-playbook" ] && [ "$(cat "$venv/.stamp" 2> /dev/null)" = "$want" ] && exit 0

install_packages() {
  rm -rf "$venv"
  "$python" -m venv "$venv"
  "$venv/bin/python" -m pip install --disable-pip-version-check --progress-bar off --require-hashes \
    --only-binary :all: -r "$ROOT/requirements.lock"
}
slow "python packages into .venv ($("$python" -V))" install_packages
printf '%s\n' "$want" > "$venv/.stamp"
