#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# requirements.in -> requirements.lock: every package with its hashes, and no index named.
# shellcheck source=testbed/lib.sh
. "$(dirname "$0")/lib.sh"

uv=$CACHE/uv
[ -x "$uv/bin/uv" ] || { python -m venv "$uv" && "$uv/bin/python" -m pip install -q --disable-pip-version-check uv; }
cd "$ROOT"
"$uv/bin/uv" pip compile -q --universal --no-emit-index-url --generate-hashes --no-annotate \
  --python-version "$PYTHON_MINIMUM" --python .venv/bin/python requirements.in -o requirements.lock
say "requirements.lock now lists $(grep -c == requirements.lock) packages"
