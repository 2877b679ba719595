# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The screens of docs/runbooks.md have the words that the plugins print today."""

from __future__ import annotations

import re

import pytest

from ansible_collections.oceans.llm.tests.documents import screens

from .test_playbook_hints import COLLECTION, texts

SCREENS = [(match[1], match[2]) for match in screens.SCREEN.finditer(screens.PAGE.read_text())]
#: words of other programs: PostgreSQL's refusal of a login
OTHERS = {"password authentication failed for user"}
#: texts of the plugins between two values, the longest first
TEXTS = {part.strip() for file in COLLECTION.glob("plugins/**/*.py") for text in texts(file) for part in re.split(r"\{.*?\}|\n", text)} | OTHERS
PARTS = sorted((part for part in TEXTS if len(part) > 7 and " " in part), key=len, reverse=True)
UNKNOWN = re.compile(r"(?:(?<=\s)|^)[a-z]{2,}(?: [a-z]{2,}){2,}(?=[,;:]?(?:\s|$))")


def unknown(line: str) -> list[str]:
    """Three words or more in a row that no text of the plugins has."""
    for part in PARTS:
        line = line.replace(part, "\0")
    return UNKNOWN.findall(line)


@pytest.mark.parametrize(("command", "lines"), SCREENS)
def test_the_plugins_print_these_words(command, lines):
    assert lines and {line: words for line in lines.splitlines() if line != screens.LEFT_OUT and (words := unknown(line))} == {}


def test_other_words_are_found():
    line = "[kind] session_key: KEY: 7 sessions will end, and every user must log in again; requests with API keys continue to work"
    assert unknown(line) == [] and unknown(line.replace("will end", "will be over")) != []


def test_a_recorded_screen_replaces_that_of_its_command_and_no_other(tmp_path):
    page = f"a\n\n```console\n{screens.PROMPT}oceans.llm.x -e a=b\nold\n```\n\n```console\n{screens.PROMPT}oceans.llm.y\nkept\n```\n"
    recorded = ["[k] changing r", "[k]   0.2s a pod", "[k] 10.0s … a pod", "[k] requesting", "[k] served: r", "[k]   0.1s a Job"]
    (tmp_path / "screen.oceans-llm-x-e-a-b").write_text("\n".join([f"{screens.PROMPT}oceans.llm.x -e a=b", *recorded]))
    new = "[k] changing r\n… the lines of the rollout\n[k] requesting\n[k] served: r\n[k]   0.1s a Job"
    assert screens.written(page, tmp_path) == page.replace("old", new)
