#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.rollback; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rollback
short_description: Bring an earlier revision of a release back, or refuse before anything is changed
version_added: 0.1.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - Asks first whether the earlier version can run on the database as it is now - the database's history of migrations, and the old image by a
    one-off Job where that leaves it open. If it cannot, nothing is changed, and the message has the command that works instead.
  - Chart and values come from Helm's own record of the revision, and are deployed like any others. Plan, lease, verdict and evidence are those of
    M(oceans.llm.deploy). Charts with sub-charts are refused, because Helm does not record these.
  - Secrets stay as they are, also where they were rotated since.
extends_documentation_fragment:
  - oceans.llm.auth
  - oceans.llm.release
  - oceans.llm.release.checked
  - oceans.llm.release.rollout
  - oceans.llm.release.change
attributes:
  check_mode:
    description: Asks the database and compares; creates no Job and changes nothing.
    support: full
  diff_mode:
    description: The objects that change, before and after; values of Secrets are never shown.
    support: full
options:
  to:
    description:
      - A revision (V(3)) or a version (V(v0.23.0), its newest revision that was served).
      - Empty means the revision that Helm still calls deployed below one that failed. When the newest revision is deployed, the task is refused
        with the revisions to choose from.
    type: str
    default: ''
seealso:
  - module: oceans.llm.upgrade
  - module: oceans.llm.deploy
"""

EXAMPLES = r"""
- name: Back to the version of yesterday
  oceans.llm.rollback:
    name: oceans-llm
    namespace: oceans-llm
    to: v0.23.0
"""

RETURN = r"""
extends_documentation_fragment: oceans.llm.release.followed
rollback:
  description: What was brought back. All other keys are those of M(oceans.llm.deploy).
  type: dict
  returned: when the rollback was not refused
  contains:
    revision: {description: The revision whose chart and values were deployed., type: int}
    version: {description: Its image tag., type: str, sample: v0.23.0}
msg:
  description: The last line; of a refusal why, and the command that works instead.
  type: str
  returned: always
"""
