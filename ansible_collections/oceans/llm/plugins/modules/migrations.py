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
  - Runs C(gateway migrate) in a one-off Job with the image and the environment of the gateway. The Deployment is not changed.
  - Prints each pending migration with its class (additive, data-changing or destructive) and the reason (docs/lifecycle.md of the collection).
  - When a migration waits for a lock, a line names the database session that holds the lock (process id and beginning of its SQL statement).
  - O(command=apply) holds the Lease of the release, follows the Job like a rollout, and stops the Job when a migration fails. A destructive migration
    needs a restore point, or O(allow_destructive).
extends_documentation_fragment:
  - oceans.llm.auth
  - oceans.llm.release
attributes:
  check_mode:
    description: Reads the migration history of the database and creates no Job.
    support: full
options:
  command:
    description: V(status) prints the pending migrations. V(check) fails when migrations are pending. V(apply) applies the pending migrations.
    type: str
    default: status
    choices: [status, check, apply]
  allow_destructive:
    description: Destructive migrations that may run without a restore point. An entry is the number of a migration, for example V(V28), or the
      version of the gateway that contains the migration, for example V(v0.9.0). Empty means that a destructive migration needs a restore point.
    type: list
    elements: raw
    default: []
  timeout:
    description: Time limit of all migrations together, in seconds. When the time is over, the task fails.
    type: int
    default: 900
  report_dir:
    description: Folder on the Ansible controller in which a failed O(command=apply) writes its report. Empty means that no report is written.
    type: str
    default: ''
seealso:
  - module: oceans.llm.upgrade
"""

EXAMPLES = r"""
- name: Show the pending migrations
  oceans.llm.migrations:
    name: oceans-llm
    namespace: oceans-llm
  register: migrations
"""

RETURN = r"""
pending:
  description: Numbers of the pending migrations in their order; null when the pending migrations are not known.
  type: list
  elements: int
  returned: always
database:
  description: Number of the newest migration in the database; null when the number is not known.
  type: int
  returned: always
applied:
  description: Numbers of the migrations that this task applied.
  type: list
  elements: int
  returned: when O(command=apply)
blocked_by:
  description: Database session that holds a lock for which a migration waits; empty when no migration waits.
  type: str
  returned: when O(command) is not V(apply), outside of check mode
msg:
  description: Result of the task in one sentence.
  type: str
  returned: always
"""
