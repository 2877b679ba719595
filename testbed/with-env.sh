#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Run a command with the project's tools, cluster and collections in its environment.
# shellcheck source=testbed/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$ROOT"
export ANSIBLE_COLLECTIONS_PATH=$ROOT:$ROOT/.testbed/collections
exec "$@"
