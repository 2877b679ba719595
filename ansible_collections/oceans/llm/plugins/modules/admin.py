#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.admin; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: admin
short_description: Find out why an administrator cannot log in, and repair a half-made one
version_added: 0.2.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - Asks, in this order, the Service, C(/admin), the section C(auth.bootstrap_admin) of the configuration, the row in the database, the password,
    C(must_change_password), and single sign-on. Shows each link and ends at the first broken one, with what to do.
  - Fails when a link is broken.
  - C(gateway bootstrap-admin) without a password leaves an administrator who can never log in, and does nothing for it afterwards. With O(repair) such a row,
    to which nothing refers, is removed, the command is run again, and the login is proved.
extends_documentation_fragment:
  - oceans.llm.auth
  - oceans.llm.release
  - oceans.llm.release.job
attributes:
  check_mode:
    description: Asks and shows; repairs nothing and tries no login, which would make a session.
    support: full
options:
  repair:
    description: Make a missing or half-made administrator.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Why can nobody log in?
  oceans.llm.admin:
    name: oceans-llm
    namespace: oceans-llm
"""

RETURN = r"""
links:
  description: Each link up to the first broken one, with C(name), C(state), C(sentence) and C(cure).
  returned: always
  type: list
  elements: dict
broken:
  description: Name of the first broken link; empty when there is none.
  returned: always
  type: str
"""
