# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the pages."""

from __future__ import annotations

from . import DOCS, PAGES

for name, page in PAGES.items():
    (DOCS / f"{name}.md").write_text(page(), encoding="utf-8")
