# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of docs/ that are made from tables in the code: name -> what makes it.

python -m ansible_collections.oceans.llm.tests.documents    # write all of them
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from . import causes, lifecycle

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES: dict[str, Callable[[], str]] = {
    "causes": causes.as_markdown,
    "preflight": causes.findings_as_markdown,
    "checks": causes.checks_as_markdown,
    "reasons": causes.reasons_as_markdown,
    "lifecycle": lifecycle.as_markdown,
}
