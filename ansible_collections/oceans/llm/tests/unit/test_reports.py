# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/reports.md names tests that exist, and at least one in each row."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[5]
FOLDERS = {"unit": "ansible_collections/oceans/llm/tests/unit", "chart": "charts/oceans-llm/tests", "standin": "testbed/standin/tests"}
ROWS = [line.strip("| ").split(" | ") for line in (ROOT / "docs/reports.md").read_text().splitlines() if line.startswith("| ") and "| Tests |" not in line]


def there(test: str) -> bool:
    if "::" not in test:
        return (ROOT / "molecule" / test / "molecule.yml").exists()
    file, _colons, function = test.partition("::")
    folder, _slash, name = file.partition("/")
    path = ROOT / FOLDERS[folder] / name
    return path.exists() and bool(re.search(rf"^def {function}\(", path.read_text(), re.MULTILINE))


def test_every_row_has_an_input_what_came_out_what_happens_and_tests():
    assert len(ROWS) >= 35
    assert [row for row in ROWS if len(row) != 4 or not all(row) or "`" not in row[3]] == []


def test_every_test_that_is_named_exists():
    named = [test for row in ROWS for test in re.findall(r"`([^`]+)`", row[-1])]
    assert [test for test in named if not there(test)] == []
