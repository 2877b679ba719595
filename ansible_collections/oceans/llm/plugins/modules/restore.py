#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.restore; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: restore
short_description: Bring a restore point of a release's database back
version_added: 0.1.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - Looks first, while the gateway serves - the copy must be whole, the login must be allowed what it takes, and the encryption keys must be those
    of the time of the copy.
  - Then stops the gateway's pods, and in one transaction moves what is in schema C(public) to a schema of its own, reads the copy and compares
    all rows. Whatever fails, the database is what it was and the gateway is started again.
  - The gateway stays stopped after success. The role C(restore) deploys the version that fits.
extends_documentation_fragment:
  - oceans.llm.auth
  - oceans.llm.release
  - oceans.llm.release.restore_point
attributes:
  check_mode:
    description: Lists all restore points, refuses what can be refused without a Job, and says what would be done.
    support: full
options:
  point:
    description: Name of the restore point. Empty is the newest.
    type: str
    default: ''
  to:
    description: Name of a new database on the same server to restore into. The release and its database are left alone. Empty is the release's own.
    type: str
    default: ''
seealso:
  - module: oceans.llm.restore_point
"""

EXAMPLES = r"""
- name: Back to the state before the upgrade
  oceans.llm.restore:
    name: oceans-llm
    namespace: oceans-llm
"""

RETURN = r"""
extends_documentation_fragment: oceans.llm.release.restore_points
version:
  description: The version of the gateway that fits the database.
  returned: success
  type: str
  sample: v0.23.0
deploy:
  description: Whether that version has to be deployed now.
  returned: success
  type: bool
database:
  description: Where the rows are now.
  returned: when restored
  type: str
aside:
  description: The schema that has what was there before; empty for a new database.
  returned: when restored
  type: str
  sample: before_restore_20261128_154500
seconds:
  description: How long it took.
  returned: when restored
  type: float
"""
