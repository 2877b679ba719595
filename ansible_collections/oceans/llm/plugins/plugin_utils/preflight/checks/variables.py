# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables nobody knows: a misspelt oceans_llm_* is a setting that silently does nothing. A user may have such variables, too. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator

from ..facts import Picture
from ..finding import ERROR, WARNING, Finding, did_you_mean

PREFIX = "oceans_llm_"
#: (variable, whether it is read, the setting with which it is)
UNREAD: tuple[tuple[str, Callable[[Picture], bool], str], ...] = (
    ("oceans_llm_secrets", lambda p: p.wanted.secrets_source in ("provision", "inline"), "oceans_llm_secrets_source: provision"),
    ("oceans_llm_external_secrets", lambda p: p.wanted.secrets_source == "external_secrets", "oceans_llm_secrets_source: external_secrets"),
    ("oceans_llm_cloudnativepg", lambda p: any(p.kind("Cluster")), "oceans_llm_database_mode: cloudnativepg"),
)
#: variables of the playbooks, which no role has a default for
OF_PLAYBOOKS = ("oceans_llm_hosts", "oceans_llm_delete_database", "oceans_llm_status_database")


def find(picture: Picture) -> Iterator[Finding]:
    for name, read, where in UNREAD if picture.objects else ():
        if name in picture.given and not read(picture):
            hint = f"set {where}, or remove the variable"
            yield Finding("UnknownVariable", name, f"is set, but is read only with {where}", hint, WARNING)
    known = {*picture.known_variables, *OF_PLAYBOOKS}
    for name in sorted(picture.variables):
        if name.startswith(PREFIX) and name not in known:
            near = [k for k in sorted(known) if near_miss(name, k)]
            like = near or [k for k in sorted(known) if _of_it(name, k)]
            what = f"no role, module or playbook of the collection reads the variable {name}{did_you_mean(name, like)}"
            hint = "remove the variable, unless a playbook of your own reads it"
            if near:
                hint = "correct the name or remove the variable; to list all variables: ansible-doc -t role oceans.llm.gateway"
            yield Finding("UnknownVariable", name, what, hint, ERROR if near else WARNING)


def near_miss(name: str, known: str) -> bool:
    """A misspelling, and no variable of the user's own: nearly all letters, or each of its words, are those of a known name."""
    one, other = name.removeprefix(PREFIX), known.removeprefix(PREFIX)
    if _alike(one, other) >= 0.85:
        return True
    words = list(zip(one.split("_"), other.split("_"), strict=False))
    return one.count("_") == other.count("_") and all(_alike(a, b) >= 0.75 for a, b in words)


def _of_it(name: str, known: str) -> bool:
    """A known name of one word that is, perhaps in the singular, one of the words: replica_count, kubeconfig_path, gateway_version."""
    word = known.removeprefix(PREFIX)
    return "_" not in word and any(part in (word, word.removesuffix("s")) for part in name.removeprefix(PREFIX).split("_"))


def _alike(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()
