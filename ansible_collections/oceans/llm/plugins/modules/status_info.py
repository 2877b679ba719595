#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.status_info; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: status_info
short_description: Show the deployed revision, the served version, the pods and the database on one screen
version_added: 0.1.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - Shows the revisions, the served version and its readiness, the pods, the schema of the database, and the age of the Secrets. Names the run that holds
    the Lease of the release.
  - Reads the schema of the database with C(gateway migrate --status) in a one-off Job with the pod template of the gateway. The Job is deleted afterwards.
extends_documentation_fragment:
  - oceans.llm.auth
  - oceans.llm.release
attributes:
  check_mode:
    description: Does not read the schema of the database, because that needs a Job.
    support: full
options:
  database:
    description: Read the schema of the database in a one-off Job. With V(false) no Job is created.
    type: bool
    default: true
  revisions:
    description: Number of revisions to show.
    type: int
    default: 5
"""

EXAMPLES = r"""
- name: Show the state of the release
  oceans.llm.status_info:
    name: oceans-llm
    namespace: oceans-llm
"""

RETURN = r"""
screen:
  description: The printed lines.
  returned: success
  type: list
  elements: str
installed:
  description: Whether the release exists - as a record of Helm, or as objects with the label C(app.kubernetes.io/instance).
  returned: success
  type: bool
helm_record:
  description: Whether Helm has a record of the release. Argo CD and Flux create none when they apply the rendered objects.
  returned: success
  type: bool
revisions:
  description: Revisions of the release, newest first.
  returned: success
  type: list
  elements: dict
version_served:
  description: Version that the gateway reports through its Service.
  returned: success
  type: str
  sample: version 0.24.0
verified:
  description: C(served) - the gateway answers. C(failed) - another program answers. C(unverified) - no answer. C(not asked) - a permission is missing.
  returned: success
  type: str
ready:
  description: Whether C(/readyz) answers with status 200.
  returned: success
  type: bool
database:
  description: Version of the database schema, and the pending migrations.
  returned: success
  type: str
restore_point:
  description: The newest restore point, as text; empty when there is none.
  returned: success
  type: str
secrets:
  description: Names of the keys of each Secret that the pods read.
  returned: success
  type: dict
"""
