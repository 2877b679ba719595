# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that nobody here invented: the catalogue of others, one way a row. The letters and numbers are those under which its originals are looked up."""

from __future__ import annotations

from dataclasses import replace

from . import carriers, completions, controls, kinds, traffic, unseen, workload
from .foreign import Foreign


def variants(row: Foreign) -> list[Foreign]:
    """One row for each way it is tried; the first keeps the id."""
    return [
        replace(row, id=row.id if way == row.ways[0] else f"{row.id}u", ways=(way,), **({} if way == row.ways[0] else {"quick": False, "compare": False}))
        for way in row.ways
    ]


PARTS = (workload.ROWS, workload.FIRST, traffic.ROWS, completions.ROWS, carriers.ROWS, kinds.ROWS, unseen.ROWS, controls.ROWS)
ROWS: tuple[Foreign, ...] = tuple(variant for part in PARTS for row in part for variant in variants(row))
