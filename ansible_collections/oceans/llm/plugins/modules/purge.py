#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.purge; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: purge
short_description: Delete old request logs, and have agent sessions analysed again
version_added: 0.2.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - Runs C(gateway purge-request-logs) in a one-off Job. Its dry run comes first and says how many request logs are older.
  - Without O(retention) only the dry runs are made.
  - Says so when several replicas each run a purge of their own.
extends_documentation_fragment:
  - oceans.llm.auth
  - oceans.llm.release
  - oceans.llm.release.job
attributes:
  check_mode:
    description: Creates no Job, so that nothing is counted. A run without O(retention) counts, and deletes nothing.
    support: full
options:
  retention:
    description: Request logs older than this are deleted; empty deletes nothing.
    type: str
    choices: ['', 1d, 3d, 7d]
    default: ''
  recompute:
    description: Queue agent sessions for a new analysis (C(gateway recompute-agent-analysis), v0.24 and later).
    type: bool
    default: false
  recompute_limit:
    description: How many sessions at most, 1 to 1000.
    type: int
    default: 100
"""

EXAMPLES = r"""
- name: Keep a week of request logs
  oceans.llm.purge:
    name: oceans-llm
    namespace: oceans-llm
    retention: 7d
"""

RETURN = r"""
matched:
  description: Retention -> number of request logs that are older.
  returned: when a dry run was made
  type: dict
deleted:
  description: Number of request logs that were deleted.
  returned: when some were to be deleted
  type: int
enqueued:
  description: Number of agent sessions that were queued.
  returned: when O(recompute) is set
  type: int
"""
