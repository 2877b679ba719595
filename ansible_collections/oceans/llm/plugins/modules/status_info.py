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
    description: Read the newest and the pending migrations of the database with a one-off Job of the gateway's image. With V(false) no Job is created,
      and the migrations are not read.
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
  description: The lines of the screen, which the task also prints.
  returned: success
  type: list
  elements: str
installed:
  description: Whether the release exists. A release exists when Helm has a record of the release (a Secret of type C(helm.sh/release.v1)), or when
    objects have the label C(app.kubernetes.io/instance) of the release.
  returned: success
  type: bool
helm_record:
  description: Whether Helm has a record of the release. Argo CD, and other tools that apply the rendered objects, create no record.
  returned: success
  type: bool
revisions:
  description: Revisions of the release, newest first, each with C(revision), C(status), C(chart) and C(deployed_at).
  returned: success
  type: list
  elements: dict
version_served:
  description: Version that the gateway reports through its Service, as text; empty when the gateway reports no version.
  returned: success
  type: str
  sample: version 0.24.0
verified:
  description: Result of the request for the version. C(served) - the gateway answers. C(failed) - another program answers. C(unverified) - nothing answers.
    C(not asked) - the permission for the request is missing.
  returned: success
  type: str
ready:
  description: Whether C(/readyz) answers with status 200.
  returned: success
  type: bool
database:
  description: Newest migration in the database and the pending migrations, as text.
  returned: success
  type: str
restore_point:
  description: Name, age and size of the newest restore point, as text; empty when the release has no restore point.
  returned: success
  type: str
secrets:
  description: A map from the name of each Secret that the pods read to the sorted list of its keys.
  returned: success
  type: dict
"""
