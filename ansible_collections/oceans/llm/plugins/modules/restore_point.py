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
attributes:
  check_mode:
    description: Says by which way it would be taken, and lists those that there are.
    support: full
  diff_mode:
    description: There is no diff.
    support: none
options:
  name:
    description: Name of the Helm release.
    type: str
    required: true
  namespace:
    description: Its namespace.
    type: str
    required: true
  restore_point:
    description: How restore points are taken and kept. The roles fill it from C(oceans_llm_restore_point) and its kin.
    type: dict
    default: {}
    suboptions:
      way:
        description: >-
          V(auto) is O(restore_point.command) where one is set, else a Backup of CloudNativePG where the Cluster has backups configured,
          else C(pg_dump).
        type: str
        choices: [auto, none, cnpg, pg_dump, command]
        default: auto
      image:
        description: PostgreSQL's own image with C(pg_dump) and C(pg_restore). Empty is the image of the server, where that is a pod of the cluster.
        type: str
        default: ''
      volume:
        description: >-
          C(claim), C(size) and C(storage_class) of the PersistentVolumeClaim for copies. It is created where it is missing, by default as
          C(RELEASE-restore-points) with 10Gi.
        type: dict
        default: {}
      s3:
        description: >-
          An object store in place of the volume - C(address) (C(s3://BUCKET/FOLDER)), C(region), C(endpoint), C(secret) with C(AWS_ACCESS_KEY_ID) and
          C(AWS_SECRET_ACCESS_KEY), and C(image) with curl.
        type: dict
        default: {}
      command:
        description: >-
          A program on this machine and its arguments. It is called with C(take NAME), or C(restore NAME PLACE DATABASE), and has the login in
          libpq's variables. Its last line may be JSON with C(place), C(size) and C(checksum).
        type: list
        elements: str
        default: []
      keep:
        description: Copies that stay on the volume. Older ones are removed when a new one is whole.
        type: int
        default: 3
  timeout:
    description: Seconds that one copy or one restore may take.
    type: int
    default: 900
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
restore_point:
  description: The restore point that was taken.
  returned: success
  type: dict
  sample: {kind: pg_dump, name: oceans-llm-20261128-153000, place: PersistentVolumeClaim/oceans-llm-restore-points, size: 49459, schema_version: 43}
restore_points:
  description: All restore points of the release, the oldest first.
  returned: success
  type: list
  elements: dict
"""
