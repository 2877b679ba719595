#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Deploy onto the kind cluster by the playbook that users run, then ask the gateway as a user would.
# shellcheck source=testbed/lib.sh
. "$(dirname "$0")/lib.sh"

started=$SECONDS
"$TESTBED/database.sh" up
(cd "$ROOT" && ansible-playbook playbooks/deploy.yml -i inventories/kind)
deployed=$((SECONDS - started))
python "$TESTBED/demo_screen.py" --seconds "$deployed"
