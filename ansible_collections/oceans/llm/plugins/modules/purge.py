#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.purge; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: purge
short_description: Delete old request logs, and queue agent sessions for a new analysis
version_added: 0.2.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - Runs C(gateway purge-request-logs) in a one-off Job. A dry run goes first and prints how many request logs would be deleted.
  - Without O(retention) only dry runs are made, one for each age.
  - Prints a warning when the gateway is configured to purge request logs in each of several replicas.
extends_documentation_fragment:
  - oceans.llm.auth
  - oceans.llm.release
  - oceans.llm.release.job
attributes:
  check_mode:
    description: Creates no Job, and so counts nothing. To count without deleting, run the task without O(retention).
    support: full
options:
  retention:
    description: Age from which request logs are deleted, V(1d), V(3d) or V(7d). Empty means that nothing is deleted.
    type: str
    choices: ['', 1d, 3d, 7d]
    default: ''
  recompute:
    description: Queue agent sessions for a new analysis with C(gateway recompute-agent-analysis) (v0.24.0 and later).
    type: bool
    default: false
  recompute_limit:
    description: Largest number of agent sessions that one task queues for a new analysis, from 1 to 1000.
    type: int
    default: 100
"""

EXAMPLES = r"""
- name: Delete request logs older than seven days
  oceans.llm.purge:
    name: oceans-llm
    namespace: oceans-llm
    retention: 7d
"""

RETURN = r"""
matched:
  description: A map from each age to the number of request logs that are older.
  returned: when a dry run was made
  type: dict
  sample: {1d: 10, 3d: 8, 7d: 4}
deleted:
  description: Number of request logs that were deleted.
  returned: when O(retention) is set
  type: int
enqueued:
  description: Number of agent sessions that this task queued for a new analysis.
  returned: when O(recompute) is set
  type: int
"""
