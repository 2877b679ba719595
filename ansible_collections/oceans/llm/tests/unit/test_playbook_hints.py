# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands in hints: with the inventory and for the host of the run, and from one place."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from ansible import context
from ansible.module_utils.common.collections import ImmutableDict

from ansible_collections.oceans.llm.plugins.plugin_utils import playbooks
from ansible_collections.oceans.llm.plugins.plugin_utils.codes import ENTRIES
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.drain import Finding

COLLECTION = Path(__file__).resolve().parents[2]
PLAYBOOKS = {path.stem for path in (COLLECTION / "playbooks").glob("*.yml")}
ROLES = {path.name for path in (COLLECTION / "roles").iterdir()}


@pytest.fixture
def run(monkeypatch):
    """A run of ansible-playbook with these inventories and hosts."""
    monkeypatch.setattr(playbooks, "_run", {"limit": ""})

    def begin(sources, host="", hosts=(), **more):
        monkeypatch.setattr(context, "CLIARGS", ImmutableDict(inventory=sources, **more))
        playbooks.begin(host, {"groups": {"all": list(hosts)}})

    return begin


def test_the_inventories_of_the_run(run):
    run(("/etc/my inventory.yml", "a,b,"))
    assert playbooks.command("migrations", "-e x=y") == "ansible-playbook -i '/etc/my inventory.yml' -i a,b, oceans.llm.migrations -e x=y"


def test_one_of_several_hosts(run):
    run(("/i.yml",), "one", ["one", "two"])
    assert playbooks.command("status") == "ansible-playbook -i /i.yml --limit one oceans.llm.status"
    run(("/i.yml",), "one", ["one"])
    assert playbooks.command("status") == "ansible-playbook -i /i.yml oceans.llm.status"


def test_what_the_inventory_needs_to_be_read_again(run):
    shown = ("@/etc/vars of prod.yml", "oceans_llm_namespace=prod")
    hidden = ("oceans_llm_secrets={A: canary}", "vault_key=canary", "oceans_llm_release=a oceans_llm_secrets=canary", '{"a": "canary"}')
    run(("/i.yml",), extra_vars=(*shown, *hidden), vault_ids=("prod@prompt",), vault_password_files=("/pw",), ask_vault_pass=True)
    options = "--ask-vault-pass --vault-id prod@prompt --vault-password-file /pw -e '@/etc/vars of prod.yml' -e oceans_llm_namespace=prod"
    assert playbooks.command("status") == f"ansible-playbook -i /i.yml {options} oceans.llm.status"


@pytest.mark.parametrize("sources", [None, (), ("",)])
def test_without_an_inventory_a_word_stands_for_it(run, sources):
    run(sources)
    assert playbooks.command("status") == "ansible-playbook -i INVENTORY oceans.llm.status"


def test_a_hint_of_the_register(run):
    run(("/i.yml",))
    assert Finding("DrainOutage", "n", "x").hint.endswith("then run: ansible-playbook -i /i.yml oceans.llm.deploy")


def texts(path):
    """The string literals of a file that are no documentation."""
    tree = ast.parse(path.read_text())
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))]
    docs = {id(body[0].value) for body in bodies if body and isinstance(body[0], ast.Expr)}
    return [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str) and id(n) not in docs]


COMMAND = re.compile(r"ansible-playbook (?!-v)|\brun (?:the playbook )?oceans\.llm\.\w+")


def test_no_hint_builds_a_command_of_its_own():
    files = [p for p in COLLECTION.glob("plugins/**/*.py") if p.parent.name not in ("modules", "doc_fragments") and p.name not in ("playbooks.py", "codes.py")]
    found = {(str(p.relative_to(COLLECTION)), text) for p in files for text in texts(p) if COMMAND.search(text)}
    assert files and {f for f in found if "end of the ansible-playbook process" not in f[1]} == set()


def test_commands_in_hints_name_playbooks_of_this_collection():
    """In the register of codes a command stands whole, because documents are made from it."""
    named = [name for entry in ENTRIES for name in re.findall(r"ansible-playbook (?:-i INVENTORY )?oceans\.llm\.(\w+)", entry.hint)]
    assert named and set(named) <= PLAYBOOKS
    assert not [e.hint for e in ENTRIES if re.search(r"ansible-playbook (?!-i INVENTORY)", e.hint) or COMMAND.search(e.hint.replace(playbooks.WORD, ""))]
    calls = [
        node.args[0].value
        for text in (path.read_text() for path in COLLECTION.glob("plugins/**/*.py"))
        for node in (ast.walk(ast.parse(text)) if "playbooks.command" in text else ())
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "playbooks.command" and isinstance(node.args[0], ast.Constant)
    ]
    assert calls and set(calls) <= PLAYBOOKS
