# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The register of codes: what it may hold, what the plugins may report, and the pages that are made from it.

conftest.py adds: each code is made at least once in a whole run.
"""

from __future__ import annotations

import ast
import pathlib
import re
import string
from dataclasses import replace

import pytest
import yaml

from ansible_collections.oceans.llm.plugins.plugin_utils import codes
from ansible_collections.oceans.llm.plugins.plugin_utils.codes import BY_CODE, CHECKS, ENTRIES, PREFLIGHT, RETRYABLE
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight.finding import Finding
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes.cause import cause
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.model import Scope, Snapshot
from ansible_collections.oceans.llm.tests.documents import DOCS, PAGES
from ansible_collections.oceans.llm.tests.documents.causes import PLACEHOLDERS, as_markdown, findings_as_markdown

COLLECTION = pathlib.Path(__file__).parents[2]
PLUGINS = [p for p in (COLLECTION / "plugins").rglob("*.py") if p.name != "codes.py"]
#: calls whose first text is a code
MAKERS = {"Finding", "Problem", "cause", "make", "Failure"}
SEVERITIES = {PREFLIGHT: {"error", "warning", "error or warning"}, CHECKS: {"error", "warning", "ok"}}
CERTAINTIES = {"fatal", "retryable", "shown"}


def told(code: str) -> bool:
    """True when a code that a parser returned can be told: it has its row, with something to do."""
    said = cause(code, Snapshot(0.0, 0.0, {}, Scope((), (), "ns", "rel")), "Pod/x", "what", "evidence")
    return said.code == code and bool(said.hint)


def test_each_code_stands_in_the_register_once():
    assert len(BY_CODE) == len(ENTRIES) > 150


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.code)
def test_a_row_is_whole(entry):
    assert all(severity in SEVERITIES.get(phase, {severity}) for phase, severity in entry.phases.items()), entry.phases
    assert all(severity.split()[0] in CERTAINTIES for phase, severity in entry.phases.items() if phase not in SEVERITIES), entry.phases
    assert entry.budget is None or entry.certainty is RETRYABLE
    names = {name for _text, name, _spec, _conversion in string.Formatter().parse(entry.hint) if name}
    assert not names or not set(entry.phases) <= set(SEVERITIES), "the hint of a finding is said as it stands"


def test_a_hint_names_variables_that_exist():
    known = set(yaml.safe_load((COLLECTION / "roles/common/defaults/main.yml").read_text(encoding="utf-8")))
    wrong = [(e.code, name) for e in ENTRIES for name in re.findall(r"oceans_llm_\w+", f"{e.hint} {e.title}") if name not in {*known, "oceans_llm_"}]
    assert not wrong


def test_the_page_of_causes_explains_each_placeholder_and_shows_commands_as_they_are_typed():
    hints = [entry.hint for entry in ENTRIES if not set(entry.phases) <= set(SEVERITIES)]
    assert {name for hint in hints for _text, name, _spec, _conversion in string.Formatter().parse(hint) if name} == set(PLACEHOLDERS)
    assert """`kubectl -n <ns> patch job <job> --type=merge -p '{"spec":{"suspend":false}}'`""" in as_markdown()
    assert "not the first helm on PATH" in findings_as_markdown(), "only what follows a colon is a command"


def calls():
    """(file, line, code) of each call that makes a cause or a finding with a code that is written there."""
    for path in PLUGINS:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in MAKERS and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield path, node.lineno, first.value


def test_a_code_that_is_written_in_a_call_is_in_the_register_for_that_phase():
    found = list(calls())
    assert len(found) > 150
    wrong = [(path.name, line, code) for path, line, code in found if code not in BY_CODE]
    assert not wrong
    checks = [(path.name, line, code) for path, line, code in found if "preflight" in path.parts and PREFLIGHT not in BY_CODE[code].phases]
    assert not checks, "preflight reports it, and the register does not say so"


def test_a_code_that_is_not_in_the_register_is_refused():
    empty = Snapshot(scope=Scope((), (), "ns", "r"), objects={}, now=0.0, started=0.0)
    with pytest.raises(KeyError):
        Finding("NoSuchCode", "o", "s", "h")
    with pytest.raises(KeyError):
        cause("NoSuchCode", empty, "Pod/x", "w", "e")
    with pytest.raises(ValueError, match="NoSuchForm"):
        list(codes._rows("\n# Group\nNoSuchForm a row without its phases\n    hint\n"))


def test_a_finding_without_a_hint_has_the_registers():
    assert Finding("MetricsMissing", "o", "s").hint == BY_CODE["MetricsMissing"].hint
    assert replace(Finding("MetricsMissing", "o", "s"), waived=True).hint == BY_CODE["MetricsMissing"].hint


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_tables_say(name):
    assert (DOCS / f"{name}.md").read_text(encoding="utf-8") == PAGES[name](), "make it again: python -m ansible_collections.oceans.llm.tests.documents"
