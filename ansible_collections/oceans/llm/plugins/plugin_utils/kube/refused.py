# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exception that ends a task with a sentence."""

from __future__ import annotations


class Refused(Exception):
    """The task cannot or must not continue; the text is one sentence for the user: what is wrong, evidence, what to type."""
