#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The demo's gateway on this machine, until Ctrl-C.
# shellcheck source=testbed/lib.sh
. "$(dirname "$0")/lib.sh"

[ -s "$KUBECONFIG" ] || fail "the cluster does not exist; run: make demo"
say "open http://127.0.0.1:8080/admin; press Ctrl-C to stop"
exec kubectl -n oceans-llm port-forward service/oceans-llm-gateway 8080
