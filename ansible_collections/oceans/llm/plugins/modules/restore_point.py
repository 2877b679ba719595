#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.restore_point; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: restore_point
short_description: Take a restore point of a release's database
version_added: 0.1.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - Copies the database to where C(oceans.llm.restore) finds it, while the gateway keeps serving.
  - The copy and the sums of all rows are of one moment. A ConfigMap C(RELEASE-restore-points) lists all restore points; neither it nor the
    volume with the copies belongs to the Helm release.
  - The gateway's secrets are not in it. A keyed digest of the encryption keys is.
extends_documentation_fragment:
  - oceans.llm.auth
  - oceans.llm.release
  - oceans.llm.release.restore_point
attributes:
  check_mode:
    description: Says by which way it would be taken, and lists those that there are.
    support: full
seealso:
  - module: oceans.llm.restore
"""

EXAMPLES = r"""
- name: A copy before maintenance
  oceans.llm.restore_point:
    name: oceans-llm
    namespace: oceans-llm
"""

RETURN = r"""
extends_documentation_fragment: oceans.llm.release.restore_points
"""
