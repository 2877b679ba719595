#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.migrations; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: migrations
short_description: Show, check or apply the migrations of a release's database
version_added: 0.1.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - Runs C(gateway migrate) in a one-off Job of the gateway's own image and environment; the Deployment is not touched.
  - Each pending migration is shown with its class - additive, data-changing or destructive - and the reason (docs/lifecycle.md in the collection).
  - While a migration waits for a lock, the session that holds it is named by process id and statement, up to the first value in it.
  - V(apply) holds the release's lease, follows the Job like a deployment, and stops it when it fails. Destructive migrations need a restore point,
    or O(allow_destructive).
extends_documentation_fragment:
  - oceans.llm.auth
  - oceans.llm.release
attributes:
  check_mode:
    description: Reads the database's history; creates no Job.
    support: full
options:
  command:
    description: V(status) shows, V(check) fails when something is pending, V(apply) applies it.
    type: str
    default: status
    choices: [status, check, apply]
  allow_destructive:
    description: Destructive migrations that may run without a restore point, C(V28), or the release that brings them, C(v0.9.0).
    type: list
    elements: raw
    default: []
  timeout:
    description: Seconds for the migrations.
    type: int
    default: 900
  report_dir:
    description: Folder below which a failed V(apply) leaves its evidence. Empty is none.
    type: str
    default: ''
seealso:
  - module: oceans.llm.upgrade
"""

EXAMPLES = r"""
- name: What is pending?
  oceans.llm.migrations:
    name: oceans-llm
    namespace: oceans-llm
  register: migrations
"""

RETURN = r"""
pending:
  description: Versions that the deployed image knows and the database does not have, in order. Null when that is not known.
  type: list
  elements: int
  returned: always
database:
  description: The newest migration of the database, or null.
  type: int
  returned: always
applied:
  description: Versions that this task applied.
  type: list
  elements: int
  returned: when O(command=apply)
blocked_by:
  description: The session that a migration waits for; empty when there is none.
  type: str
  returned: when O(command) is not V(apply), outside of check mode
msg:
  description: One sentence.
  type: str
  returned: always
"""
