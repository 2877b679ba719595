# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of Kubernetes' reasons: every known name has a row, every row a code that exists, and the page is made from it."""

from __future__ import annotations

import pathlib
import re

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.codes import BY_CODE
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes import jobs, starting
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes.document import reasons_as_markdown
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes.reasons import NORMAL, OTHER, REASONS, SHOWN

KNOWN = (pathlib.Path(__file__).parent / "kubernetes-reasons.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("group", re.findall(r"^\[(.+)\]$", KNOWN, re.MULTILINE))
def test_every_name_in_the_sources_of_kubernetes_has_a_row(group):
    names = KNOWN.split(f"[{group}]\n")[1].split("\n\n")[0].split()
    assert len(names) > 2 and not set(names) - set(REASONS[group])


def test_every_row_leads_to_a_code_that_exists():
    assert not {to for rows in REASONS.values() for to in rows.values()} - set(BY_CODE) - {NORMAL, SHOWN, OTHER}
    assert "Evicted" in jobs.DISRUPTED and "SysctlForbidden" in starting.REJECTED


def test_the_page_is_the_table():
    page = pathlib.Path(__file__).parents[2] / "docs" / "reasons.md"
    assert page.read_text(encoding="utf-8") == reasons_as_markdown(), "python -m …rollout.causes.document reasons > docs/reasons.md"
