#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.admin; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: admin
short_description: Find out why the administrator cannot log in, and repair an administrator without a password
version_added: 0.2.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - Tests the steps of the administrator's login in this order - the Service, C(/admin), the configuration C(auth.bootstrap_admin), the row in the table
    C(users), the password, C(must_change_password), single sign-on.
  - Prints each step. The task fails at the first step that fails, and prints what to do.
  - C(gateway bootstrap-admin) without a password creates an administrator who can never log in. The command does not correct that row later.
  - With O(repair) the task deletes such a row when no other row refers to the administrator. Then the task runs the command again and verifies the login.
extends_documentation_fragment:
  - oceans.llm.auth
  - oceans.llm.release
  - oceans.llm.release.job
attributes:
  check_mode:
    description: Runs the tests without a login, because a login creates a session. Neither deletes nor creates an administrator.
    support: full
options:
  repair:
    description: Create the administrator when no administrator exists, or delete and recreate an administrator without a password.
      With V(false) the task only reports why no administrator can log in.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Find out why the administrator cannot log in
  oceans.llm.admin:
    name: oceans-llm
    namespace: oceans-llm
"""

RETURN = r"""
links:
  description: Each tested step of the login with C(name), C(state) (C(ok), C(BROKEN), C(note) or C(not known)), C(sentence) and C(cure) (what to do).
    The first step that failed is the last entry.
  returned: always
  type: list
  elements: dict
broken:
  description: Name of the step that failed; empty when no step failed.
  returned: always
  type: str
"""
