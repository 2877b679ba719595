#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.rollback; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rollback
short_description: Roll a release back to an earlier revision, or refuse before anything is changed
version_added: 0.1.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - First checks whether the earlier version can run on the present database. The task reads the migration history, and when the history is not
    sufficient, it runs the old image in a one-off Job. If the version cannot run, nothing is changed, and the message has the command that works
    instead.
  - Takes the chart and the values from Helm's record of the revision and deploys them as M(oceans.llm.deploy) does, with the same checks and reports.
    With a chart that has subcharts the task fails, because Helm's record does not contain the subcharts.
  - Secrets are not rolled back, even when they were replaced after that revision.
extends_documentation_fragment:
  - oceans.llm.auth
  - oceans.llm.release
  - oceans.llm.release.checked
  - oceans.llm.release.rollout
  - oceans.llm.release.change
attributes:
  check_mode:
    description: Reads the migration history and compares the objects; creates no Job and changes nothing.
    support: full
  diff_mode:
    description: Shows each changed object before and after. Values of Secrets are never shown.
    support: full
options:
  to:
    description:
      - Revision of the Helm release, for example V(3), or version of the gateway, for example V(v0.23.0). A version means the
        newest successful revision with this version.
      - Empty means the successful revision before the failed one. When the newest revision has not failed, the task fails, and the message lists
        the revisions to choose from.
    type: str
    default: ''
seealso:
  - module: oceans.llm.upgrade
  - module: oceans.llm.deploy
"""

EXAMPLES = r"""
- name: Roll back to an earlier version
  oceans.llm.rollback:
    name: oceans-llm
    namespace: oceans-llm
    to: v0.23.0
"""

RETURN = r"""
extends_documentation_fragment: oceans.llm.release.followed
rollback:
  description: The earlier revision that the rollback deployed again. All other return values are those of M(oceans.llm.deploy).
  type: dict
  returned: when the rollback was not refused
  contains:
    revision:
      description: Number of the earlier revision whose chart and values were deployed again. Helm gives the rollback a new number.
      type: int
    version: {description: Image tag of the earlier revision., type: str, sample: v0.23.0}
msg:
  description: The last line of the run. When the old version cannot run on the database, the line contains the reason and the command that works instead.
  type: str
  returned: always
"""
