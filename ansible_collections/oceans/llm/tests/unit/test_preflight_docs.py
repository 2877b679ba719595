# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every code of a finding is documented, and every documented code exists."""

from __future__ import annotations

import re
from pathlib import Path

COLLECTION = Path(__file__).resolve().parents[2]
UTILS = COLLECTION / "plugins/plugin_utils"


def test_codes_and_their_documentation_agree():
    sources = [*(UTILS / "preflight").rglob("*.py"), UTILS / "secrets/shapes.py", UTILS / "secrets/plan.py"]
    text = "\n".join(path.read_text() for path in sources)
    made = (
        set(re.findall(r'(?:Finding|Problem)\(\s*"([A-Za-z]+)"', text))
        | {f"{kind}{key}Missing" for kind in ("Secret", "ConfigMap") for key in ("", "Key")}
        | {"DatabaseAuth", "DatabaseMissing"}
    )
    documented = set(re.findall(r"^\| `([A-Za-z]+)` \|", (COLLECTION / "docs/preflight.md").read_text(), re.MULTILINE))
    assert made == documented and len(made) > 40
