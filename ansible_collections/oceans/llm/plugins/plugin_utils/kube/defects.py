# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An exception that is a defect of the collection, as its report names it."""

from __future__ import annotations

import os
import traceback


def where(error: BaseException) -> str:
    """`file.py:12` of the innermost frame; empty when there is none."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""


def described(error: BaseException) -> str:
    """An exception and where it came from."""
    return f"{type(error).__name__}: {error}" + (f" at {where(error)}" if where(error) else "")
