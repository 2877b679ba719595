# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue, one class a file. The letters and numbers are those of the design's fault catalogue."""

from __future__ import annotations

from ..row import Row
from . import a_before, b_secrets, c_platform, d_images, e_readiness, f_database, g_tool, h_operators

ROWS: tuple[Row, ...] = tuple(row for part in (a_before, b_secrets, c_platform, d_images, e_readiness, f_database, g_tool, h_operators) for row in part.ROWS)
