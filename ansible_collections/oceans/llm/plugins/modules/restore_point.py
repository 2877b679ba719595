#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.restore_point; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: restore_point
short_description: Create a restore point of the database of a release
version_added: 0.1.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - Copies the database while the gateway answers requests. M(oceans.llm.restore) can restore the copy.
  - The copy and the checksums of all rows are read in one database transaction. The ConfigMap C(RELEASE-restore-points) lists all restore points. The
    ConfigMap and the volume with the copies do not belong to the Helm release, so an uninstall keeps them.
  - The copy contains none of the gateway's Secrets. The list contains a keyed digest of the encryption keys, so that a
    restore fails before any change when the gateway has other keys.
extends_documentation_fragment:
  - oceans.llm.auth
  - oceans.llm.release
  - oceans.llm.release.restore_point
attributes:
  check_mode:
    description: Prints how the restore point would be created, and lists the existing ones.
    support: full
seealso:
  - module: oceans.llm.restore
"""

EXAMPLES = r"""
- name: Create a restore point before maintenance
  oceans.llm.restore_point:
    name: oceans-llm
    namespace: oceans-llm
"""

RETURN = r"""
extends_documentation_fragment: oceans.llm.release.restore_points
"""
