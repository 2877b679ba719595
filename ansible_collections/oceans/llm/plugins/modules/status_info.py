#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.status_info; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: status_info
short_description: Show what is deployed, served and stored, on one screen
version_added: 0.1.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - Shows revisions, the version served and its readiness, pods, the database's schema, the Secrets' age, and which run holds the lock.
  - The database is asked by C(gateway migrate --status) in a one-off Job made from the gateway's own pod template, which is removed again.
extends_documentation_fragment:
  - oceans.llm.auth
  - oceans.llm.release
attributes:
  check_mode:
    description: Does not ask the database in check mode, because that takes a Job.
    support: full
options:
  database:
    description: Ask the database, too.
    type: bool
    default: true
  revisions:
    description: How many revisions to show.
    type: int
    default: 5
"""

EXAMPLES = r"""
- name: What is there?
  oceans.llm.status_info:
    name: oceans-llm
    namespace: oceans-llm
"""

RETURN = r"""
screen:
  description: The lines that were shown.
  returned: success
  type: list
  elements: str
installed:
  description: Whether Helm knows the release.
  returned: success
  type: bool
revisions:
  description: Newest first.
  returned: success
  type: list
  elements: dict
version_served:
  description: What the gateway says of itself, through its Service.
  returned: success
  type: str
  sample: version 0.24.0
verified:
  description: C(served), C(failed) when something else answers, C(unverified) when nobody could ask, C(not asked) when a right to ask is missing.
  returned: success
  type: str
ready:
  description: Whether C(/readyz) answers 200.
  returned: success
  type: bool
database:
  description: The schema's version, and what is pending.
  returned: success
  type: str
restore_point:
  description: The newest restore point, in words; empty when there is none.
  returned: success
  type: str
secrets:
  description: Names of the keys of each Secret that the pods read.
  returned: success
  type: dict
"""
