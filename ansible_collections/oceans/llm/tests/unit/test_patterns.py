# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every expression of the product reads any text in linear time; one table says what looks like a secret."""

from __future__ import annotations

import importlib
import re
import time
from pathlib import Path

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.kube.expression import Expression
from ansible_collections.oceans.llm.plugins.plugin_utils.secrets import patterns
from ansible_collections.oceans.llm.plugins.plugin_utils.secrets.redact import HIDDEN, Redactor

ROOT = Path(__file__).resolve().parents[5]
PLUGINS = Path(__file__).resolve().parents[2] / "plugins"


def parts(value):
    """What is inside a table or a row of one."""
    if isinstance(value, dict):
        return value.values()
    if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        return vars(value).values()
    return value if isinstance(value, (tuple, list)) else ()


def compiled():
    """(where, pattern) of every compiled expression in the globals of every file, tuples and dataclasses in them included."""
    for path in sorted(PLUGINS.rglob("*.py")):
        if path.parts[-2] in ("modules", "doc_fragments"):
            continue
        module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        found = {}

        def look(value, found, depth=0):
            if isinstance(value, Expression):
                value = value.compiled
            if isinstance(value, re.Pattern):
                found.setdefault(value.pattern, value)
            elif depth < 4:
                for each in parts(value):
                    look(each, found, depth + 1)

        for name, value in vars(module).items():
            if not name.startswith("__"):
                look(value, found)
        yield from ((f"{path.name}: {text[:60]}", pattern) for text, pattern in found.items() if isinstance(text, str))


PATTERNS = dict(compiled())
#: one word over and over: what base64, a minified page, a hex dump and a hostile program may print
WORDS = ("a", "A1b2", "-", " ", "x=", "a.", "password", "://", "://a:", "gwk_a-", "eyJaaaaaaaa-", "-----BEGIN ", "sk-", '"', "`", ": ", "(", "a@", "\\n", "0")


def seconds(action, text: str) -> float:
    began = time.process_time()
    action(text)
    return time.process_time() - began


@pytest.mark.parametrize("where", PATTERNS)
def test_an_expression_is_linear(where):
    """Measured by the processor's clock on a fiftieth of a megabyte, with room for a busy machine: a quadratic one takes a second for it."""
    search = PATTERNS[where].search
    for word in WORDS:
        text = word * (20_000 // len(word))
        if seconds(search, text[:5_000]) <= 0.02 / 64:
            continue  # even one that takes the cube of the length would pass
        taken = seconds(search, text)
        assert taken <= 0.02 or min(seconds(search, text) for _try in range(3)) <= 0.02, f"{taken * 50:.2f} s for a megabyte of {word!r}"


@pytest.mark.parametrize("word", WORDS)
def test_the_redactor_is_linear(word):
    clean = Redactor()
    clean.learn(["s3cr3t-horse-battery", "postgres://u:another-secret@db/x"])
    clean("warm")
    text = word * (100_000 // len(word))  # a quadratic one takes seconds for it
    assert seconds(clean, text) < 0.25 or seconds(clean, text) < 0.25


#: one example of each kind of token, made up
EXAMPLES = (
    "sk-proj-abc123XYZ", "sk_live_abc123XYZ99", "gwk_pub12.secretpart42", "ghp_" + "a1" * 12, "github_pat_" + "a1" * 12, "xoxb-1234567890-abc",
    "glpat-a1b2c3d4e5f6g7h8", "hf_" + "a1" * 10, "gsk_" + "a1" * 12, "nvapi-a1b2c3d4e5f6g7", "xai-a1b2c3d4e5f6g7h8", "r8_" + "a1" * 12,
    "pplx-a1b2c3d4e5f6g7h8", "npm_" + "a1" * 12, "pypi-a1b2c3d4e5f6g7h8", "dop_v1_" + "a1" * 12, "AKIAIOSFODNN7EXAMPLE", "AIza" + "a1" * 15,
    "ya29.a1b2c3d4e5f6", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc_DEF-1", "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
)  # fmt: skip


@pytest.mark.parametrize("token", EXAMPLES)
def test_a_token_is_hidden_and_named(token):
    assert Redactor()(f"key {token} in use") == f"key {HIDDEN} in use" and patterns.why(token)


def test_the_chart_knows_the_same_tokens():
    """The chart's own expressions (Go's syntax is the same here) are held against the examples."""
    text = (ROOT / "charts/oceans-llm/templates/_config.tpl").read_text()
    found = re.findall(r'regexMatch "((?:[^"\\]|\\.)*)"', text)
    expressions = [re.compile(each.replace("\\\\", "\\").replace("(?i)", "")) for each in found]
    missed = [token for token in EXAMPLES if not any(e.search(token) for e in expressions)]
    assert len(expressions) > 8 and not missed


@pytest.mark.parametrize("text", ["task-force", "desk-lamps", "risk-averse-people", "hf_model", "npm_config", "eyJ", "my-xai-model", "gwk_"])
def test_ordinary_words_are_no_tokens(text):
    assert patterns.why(text) == "" and Redactor()(text) == text
