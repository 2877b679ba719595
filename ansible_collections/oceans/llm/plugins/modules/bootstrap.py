#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.bootstrap; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bootstrap
short_description: Create the gateway's first administrator, write the configuration into the database, and verify both
version_added: 0.1.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - First logs in through the gateway's Service. When the login succeeds, no administrator is created.
  - When the login fails, the task runs C(gateway bootstrap-admin) in a one-off Job with the pod template of the gateway's Deployment. Then it logs in again.
  - Refuses to start when C(auth.bootstrap_admin.enabled) is not true or the password is missing. The command would then report success without an
    administrator, or create one who can never log in.
  - Stores the result in the ConfigMap C(RELEASE-bootstrap). When the administrator changes the password later, the task does not fail.
  - Runs C(gateway seed-config) in a one-off Job, once for each new configuration.
extends_documentation_fragment:
  - oceans.llm.auth
  - oceans.llm.release
  - oceans.llm.release.job
options:
  admin:
    description: Create the administrator that C(auth.bootstrap_admin) of the configuration describes, then log in once as a test.
    type: bool
    default: false
  seed_config:
    description: Write the configuration into the database with C(gateway seed-config) when it differs from the
      configuration that this module wrote last.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Create the first administrator
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
  description: Result of the login as the administrator, as text. C(proved) means that the login succeeded in this run.
  returned: when O(admin) is set
  type: str
  sample: proved
seed:
  description: Whether the configuration was written into the database, as text.
  returned: when O(seed_config) is set
  type: str
"""
