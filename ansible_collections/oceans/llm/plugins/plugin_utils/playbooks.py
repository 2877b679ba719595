# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of this collection's playbooks in hints: each works when it is pasted, with the inventory and for the host of this run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from ansible import context

#: how a command begins in tables and documents, where no run is known
WORD = "ansible-playbook -i INVENTORY"
_run = {"limit": ""}  # of this process: Ansible forks one for each task and host


def begin(host: str, task_vars: Mapping[str, Any]) -> None:
    """The task is about this host; where the inventory has others, a command must not run for them, too."""
    hosts = (task_vars.get("groups") or {}).get("all") or task_vars.get("ansible_play_hosts_all") or ()
    _run["limit"] = host if len(hosts) > 1 else ""


#: variables of the command line that say which release is meant; a value of any other one may be a secret
_SHOWN = re.compile(r"oceans_llm_(hosts|namespace|release|context|kubeconfig|cluster_uid|database_mode|secrets_source|secret_name)=[^\s'\"{}]+")


def _options() -> list[str]:
    """What of the run's command line its inventory needs to be read again."""
    given = context.CLIARGS
    extra = [text for text in map(str, given.get("extra_vars") or ()) if text.startswith("@") or _SHOWN.fullmatch(text)]
    named = (("--vault-id", given.get("vault_ids")), ("--vault-password-file", given.get("vault_password_files")), ("-e", extra))
    asks = ["--ask-vault-pass"] if given.get("ask_vault_pass") else []
    return asks + [f"{option} {shlex.quote(str(value))}" for option, values in named for value in values or ()]


def command(playbook: str, options: str = "") -> str:
    return filled(f"{WORD} oceans.llm.{playbook} {options}".rstrip())


def filled(text: str) -> str:
    """A text of a table with the inventory and the host of this run in its commands."""
    sources = [str(source) for source in context.CLIARGS.get("inventory") or () if source] or ["INVENTORY"]
    parts = [f"-i {shlex.quote(source)}" for source in sources] + ([f"--limit {shlex.quote(_run['limit'])}"] if _run["limit"] else []) + _options()
    return text.replace(WORD, f"ansible-playbook {' '.join(parts)}")
