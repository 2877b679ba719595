# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proves that defaults, argument specs and the README's table of variables say the same, both ways.

One source each: a default stands in roles/common/defaults/main.yml, its type and words in roles/gateway/meta/argument_specs.yml.
The other roles' specs (the variables that their tasks really use) and the README's table are cut out of these.

    python tests/check_argument_specs.py            # what differs, exit code 1
    python tests/check_argument_specs.py --write    # put it right
"""

from __future__ import annotations

import copy
import functools
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

COLLECTION = Path(__file__).resolve().parents[1]
#: role -> what it does in one line, and what a user of the role alone has to know
ROLES = {
    "preflight": (
        "Find everything that would fail a rollout, before anything is written",
        "The role renders the chart, reads the cluster, sends every object to the API server as a dry run, and reports all findings at once. "
        "The role writes nothing.",
    ),
    "secrets": (
        "Write the Secret that the gateway reads, key by key",
        "The role writes only the listed keys, with its own field manager. The role can generate missing keys once, and never prints a value.",
    ),
    "deploy": (
        "Install or upgrade the Helm release, and follow the rollout until it serves or has failed",
        "The role writes nothing when nothing differs. A fatal cause stops the migration Job, ends Helm and fails the task with that cause.",
    ),
    "wait": (
        "Follow the rollout of a release that another tool changed, until it serves or has failed",
        "The role works with every Helm release, also with a release that another tool installed. The role changes nothing.",
    ),
    "probe": (
        "Test whether the gateway of a running release answers requests, and whether a model answers",
        "The role runs the tests that every rollout runs at its end. Use the role, for example, after a rollback by hand. "
        "The role changes nothing in the release.",
    ),
    "upgrade": (
        "Upgrade the release by a plan that is printed first, and roll back when the database allows it",
        "The role runs preflight, secrets, the plan, the upgrade and bootstrap. Destructive migrations need a restore point. "
        "The policy is in docs/lifecycle.md.",
    ),
    "rollback": (
        "Roll the release back to an earlier revision, or refuse before anything is changed",
        "The role deploys the chart and the values from Helm's record of that revision. "
        "The role refuses a rollback when the old version cannot run on the present database.",
    ),
    "migrations": (
        "Show, check or apply the migrations of the database in a Job of the gateway's image",
        "The role names the database session that a migration waits for. Destructive migrations need a restore point, as in an upgrade.",
    ),
    "restore_point": (
        "Create a restore point of the database",
        "The role copies the database while the gateway serves; the role C(restore) can restore the copy. The copy contains none of the gateway's Secrets.",
    ),
    "restore": (
        "Restore a restore point of the database, and deploy the version of the gateway that fits it",
        "The role keeps the replaced tables in another schema of the database. If the restore fails, database and gateway stay unchanged.",
    ),
    "bootstrap": (
        "Create the first administrator, seed the configuration, and verify both",
        "The role runs the gateway's own commands in one-off Jobs, and verifies the administrator by a login.",
    ),
    "rotate": (
        "Rotate secrets of the gateway, and verify that the new values are in use and the old ones are refused",
        "The role counts the sessions and keys that become invalid, writes the Secret, restarts the pods, and tries the new and the old values. "
        "The role changes nothing else.",
    ),
    "admin": (
        "Find out why the administrator cannot log in, and repair an administrator without a password",
        "The role tests every step of the login, from the Service to single sign-on, and reports the first step that fails.",
    ),
    "purge": (
        "Delete old request logs with the gateway's own command, after a dry run",
        "One-off Jobs count the request logs. The role deletes request logs only if a retention is set. "
        "The role can also queue agent sessions for a new analysis.",
    ),
    "checks": (
        "Simulate the drain of each node, and request completions from each provider",
        "The role computes whether a drain interrupts the gateway, from the PodDisruptionBudget, the nodes of the gateway's pods, and the free resources "
        "of the other nodes. The role changes nothing.",
    ),
}
BEGIN, END = "<!-- variables: made by tests/check_argument_specs.py --write -->", "<!-- end of variables -->"
NAME = re.compile(r"\b_?oceans_llm_[a-z0-9_]+")
IMPORTED = re.compile(r"import_role:\n +name: oceans\.llm\.(\w+)")
RAW = re.compile(r"\boceans_llm_[a-z0-9_]+")


def load(path: Path) -> Any:
    return copy.deepcopy(_parsed(path.read_text(encoding="utf-8")))


@functools.cache
def _parsed(text: str) -> Any:
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - the safe one, written in C


def specs(role: str) -> dict[str, Any]:
    path = COLLECTION / "roles" / role / "meta" / "argument_specs.yml"
    return dict(load(path)["argument_specs"]["main"]) if path.exists() else {}


def used(role: str) -> set[str]:
    """The variables that a role's tasks use, through the computed ones too."""
    defaults, computed = load(COLLECTION / "roles/common/defaults/main.yml"), load(COLLECTION / "roles/common/vars/main.yml")
    found: set[str] = set()
    open_texts = _tasks(role)
    while open_texts:
        for name in NAME.findall(open_texts.pop()):
            if name in found:
                continue
            found.add(name)
            open_texts.append(str(computed.get(name, defaults.get(name, ""))))
    return found & set(defaults)


def _tasks(role: str) -> list[str]:
    """The tasks of a role; of `upgrade` those of the roles that it imports, too. (`gateway` has the whole spec.)"""
    texts = [path.read_text(encoding="utf-8") for path in (COLLECTION / "roles" / role / "tasks").glob("*.yml")]
    imported = {name for text in texts for name in IMPORTED.findall(text)} if role != "gateway" else set()
    return texts + [text for name in sorted(imported) for text in _tasks(name)]


def differences() -> Iterator[str]:
    defaults, full = load(COLLECTION / "roles/common/defaults/main.yml"), specs("gateway").get("options", {})
    computed = _text(COLLECTION / "roles/common/vars/main.yml")
    for name in sorted(set(defaults) - set(full)):
        yield f"{name} has a default and no argument spec (roles/gateway/meta/argument_specs.yml)"
    for name in sorted(set(full) - set(defaults)):
        yield f"{name} has an argument spec and no default (roles/common/defaults/main.yml)"
    for name in sorted(set(full) & set(defaults)):
        if said_default(defaults[name]) not in _joined(full[name]["description"]):
            yield f"{name}: default {defaults[name]!r}, but its argument spec does not say {said_default(defaults[name])!r}"
        if {"default", "no_log"} & set(full[name]):
            yield f"{name}: its argument spec has the key default or no_log, and Ansible would refuse null, or break down on a date"
        if not re.search(rf"\b{name} \| oceans\.llm\.variable\('{name}'\)|\b{name.removeprefix('oceans_llm_')}={name}\b", computed):  # by chart_values
            yield f"{name} is converted nowhere (roles/common/vars/main.yml: _{name})"
    for name in sorted(set(defaults) - set().union(*(used(role) for role in ROLES)) - used("gateway")):
        yield f"{name} is used by no role"
    for path in sorted([*COLLECTION.glob("roles/*/tasks/*.yml"), *COLLECTION.glob("playbooks/*.yml")]):
        code = "".join(line for line in _text(path).splitlines(keepends=True) if not line.lstrip().startswith("#"))
        for name in sorted(set(RAW.findall(code)) & set(defaults)):
            yield f"{path.relative_to(COLLECTION)} reads {name} as it was written; use _{name}, which is converted"
    for role in ROLES:
        if rendered_specs(role) != _text(COLLECTION / "roles" / role / "meta" / "argument_specs.yml"):
            yield f"roles/{role}/meta/argument_specs.yml is not what the role uses (--write puts it right)"
    readme = _text(COLLECTION / "README.md")
    if BEGIN not in readme or table() != readme.partition(BEGIN)[2].partition(END)[0].strip():
        yield "the table of variables in README.md is out of date (--write puts it right)"


def said_default(value: Any) -> str:
    """The sentence of an option's description; nothing for what is empty."""
    if value in ("", [], {}):
        return ""
    values = value if isinstance(value, list) else [value]
    return "The default is " + ", ".join(f"V({str(v).lower() if isinstance(v, bool) else v})" for v in values) + "."


def _joined(words: Any) -> str:
    return words if isinstance(words, str) else " ".join(words)


def rendered_specs(role: str) -> str:
    full, uses = specs("gateway")["options"], used(role)
    own = [name for name in full if name in uses]
    main = {
        "short_description": ROLES[role][0],
        "description": ROLES[role][1],
        "author": "oceans.llm contributors",
        "version_added": "0.1.0",
        "options": {name: {**full[name], "description": _references(full[name]["description"], own)} for name in own},
    }
    body = yaml.dump({"argument_specs": {"main": main}}, Dumper=Indented, sort_keys=False, width=130, allow_unicode=True)
    return "# SPDX-License-Identifier: GPL-3.0-or-later\n# Cut out of roles/gateway/meta/argument_specs.yml by tests/check_argument_specs.py --write.\n" + body


def _references(words: Any, own: list[str]) -> Any:
    """A reference to an option that this role does not have becomes plain code."""
    if isinstance(words, list):
        return [_references(w, own) for w in words]
    return re.sub(r"\bO\(([a-z_]+)\)", lambda m: m[0] if m[1] in own else f"C({m[1]})", words)


class Indented(yaml.SafeDumper):
    """Lists indented below their key, as the linters want them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def table() -> str:
    rows = ["| Variable | Type | Default | Meaning |", "|---|---|---|---|"]
    defaults = load(COLLECTION / "roles/common/defaults/main.yml")
    for name, option in specs("gateway")["options"].items():
        words = _joined(option["description"]).replace(said_default(defaults.get(name, "")), "").strip()
        kind = ("dict" if defaults.get(name) == {} else option["type"]) + (f" ({', '.join(filter(None, option['choices']))})" if "choices" in option else "")
        rows.append(f"| `{name}` | {kind} | {_default(defaults.get(name))} | {_markdown(words)} |")
    return "\n".join(rows)


def _default(value: Any) -> str:
    if value in ("", [], {}):
        return "empty"
    if isinstance(value, list):
        return "<br>".join(f"`{v}`" for v in value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _markdown(text: str) -> str:
    return re.sub(r"\b[A-Z]\(([^()]*)\)", r"`\1`", text).replace("|", "\\|")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def write() -> None:
    for role in ROLES:
        (COLLECTION / "roles" / role / "meta" / "argument_specs.yml").write_text(rendered_specs(role), encoding="utf-8")
    path = COLLECTION / "README.md"
    before, _begin, rest = _text(path).partition(BEGIN)
    path.write_text(f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


def main(arguments: list[str]) -> int:
    if "--write" in arguments:
        write()
    found = list(differences())
    for line in found:
        print(line)
    print(f"{len(found)} differences between defaults, argument specs and README")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
