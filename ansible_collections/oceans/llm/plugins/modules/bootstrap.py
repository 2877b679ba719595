#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.bootstrap; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bootstrap
short_description: Make the gateway's first administrator and seed its configuration, and prove it
version_added: 0.1.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - Tries a real login through the gateway's Service first. When it works, nothing is done.
  - Otherwise runs C(gateway bootstrap-admin) in a one-off Job made from the gateway Deployment's own pod template, follows it, and logs in again.
  - Refuses before anything is done when C(auth.bootstrap_admin.enabled) is not true or the password is missing, because the command
    would then succeed without an administrator, or make one who can never log in.
  - What was proved is kept in the ConfigMap C(RELEASE-bootstrap), so a password that the administrator changed later is no failure.
  - Seeds with C(gateway seed-config), once for each configuration.
extends_documentation_fragment:
  - oceans.llm.auth
  - oceans.llm.release
  - oceans.llm.release.job
options:
  admin:
    description: Make the administrator of C(auth.bootstrap_admin) and prove the login.
    type: bool
    default: false
  seed_config:
    description: Seed the configuration into the database when it differs from the last seeded one.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: The first administrator
  oceans.llm.bootstrap:
    name: oceans-llm
    namespace: oceans-llm
    admin: true
"""

RETURN = r"""
admin:
  description: E-mail address of the administrator.
  returned: when O(admin) is set
  type: str
login:
  description: How the login was proved.
  returned: when O(admin) is set
  type: str
  sample: proved
seed:
  description: What was done about the configuration.
  returned: when O(seed_config) is set
  type: str
"""
