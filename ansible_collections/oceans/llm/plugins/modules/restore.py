#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.restore; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: restore
short_description: Restore a restore point of the database of a release
version_added: 0.1.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - First checks that the copy is complete, that the database login has the needed permissions, and that the encryption keys are those of the copy. The
    gateway still answers requests.
  - Then stops the gateway's pods. One transaction moves the tables of schema C(public) into another schema, restores the copy, and compares all rows. When
    a step fails, the transaction is rolled back, and the gateway is started again.
  - After a successful restore the gateway stays stopped. The role C(restore) then deploys the version that fits the database.
extends_documentation_fragment:
  - oceans.llm.auth
  - oceans.llm.release
  - oceans.llm.release.restore_point
attributes:
  check_mode:
    description: Lists all restore points, runs the checks that need no Job, and prints what would be restored.
    support: full
options:
  point:
    description: Name of the restore point. Empty means the newest restore point.
    type: str
    default: ''
  to:
    description:
      - Restore into a new database of this name, which the task creates on the same server; the release and its database are not changed.
        Empty means that the content of the release's own database is replaced.
      - If the restore point is a Backup of CloudNativePG and the release contains the Cluster, the name of a new Cluster. The task writes nothing.
        It returns RV(cloudnativepg), with which the role C(restore) deploys the new Cluster and the version that fits.
    type: str
    default: ''
seealso:
  - module: oceans.llm.restore_point
"""

EXAMPLES = r"""
- name: Restore the newest restore point
  oceans.llm.restore:
    name: oceans-llm
    namespace: oceans-llm
"""

RETURN = r"""
extends_documentation_fragment: oceans.llm.release.restore_points
version:
  description: Image tag of the gateway that can run on the restored database.
  returned: success
  type: str
  sample: v0.23.0
deploy:
  description: Whether the gateway of RV(version) must be deployed after this task; false for a restore into a new database on the same server.
  returned: success
  type: bool
cloudnativepg:
  description: Chart values below C(database.cloudnativepg) that create a new Cluster from the Backup; empty without a new Cluster.
  returned: success
  type: dict
database:
  description: Database that the copy was restored into.
  returned: when restored
  type: str
aside:
  description: Database schema that contains the replaced tables; empty after a restore into a new database.
  returned: when restored
  type: str
  sample: before_restore_20261128_154500
seconds:
  description: Duration of the restore in seconds.
  returned: when restored
  type: float
"""
