#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.upgrade; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: upgrade
short_description: Upgrade a release by a plan that is printed first, and roll back when the database allows it
version_added: 0.1.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - Prints a plan, and then upgrades the release as M(oceans.llm.deploy) does. The plan has the versions, the pending migrations by class and the restore
    point. It also has the time that old pods need to stop, and the limit until which a rollback is possible.
  - An upgrade with destructive migrations needs a restore point, unless O(allow_destructive) names the migrations.
  - After a failed upgrade the task checks whether the old version can run on the present database. With O(on_failure=rollback) it then rolls back when
    the table in docs/lifecycle.md allows it, and never after a destructive migration. The task fails even when the rollback succeeds.
extends_documentation_fragment:
  - oceans.llm.auth
  - oceans.llm.release
  - oceans.llm.release.chart
  - oceans.llm.release.version
  - oceans.llm.release.checked
  - oceans.llm.release.rollout
  - oceans.llm.release.change
  - oceans.llm.release.install
attributes:
  check_mode:
    description: Prints the plan and the changes. Creates no Job, so the migrations of an image that this collection does not know stay unknown.
    support: full
  diff_mode:
    description: Shows each changed object before and after. Values of Secrets are never shown.
    support: full
options:
  on_failure:
    description:
      - What happens after a failed upgrade. V(keep) leaves the release as it is, and the last line has the command for a rollback.
      - V(rollback) deploys the previous revision when docs/lifecycle.md allows it. After Ctrl-C, or when another run has taken over the release,
        nothing is rolled back.
    type: str
    default: keep
    choices: [keep, rollback]
  restore_point:
    description:
      - Settings of the restore point that is created before pending migrations run, as in O(oceans.llm.restore_point#module:restore_point).
      - When no restore point can be created, the upgrade continues, unless a migration is destructive.
    type: dict
    default: {}
  allow_destructive:
    description: Destructive migrations that may run without a restore point. An entry is the number of a migration, for example V(V28), or the
      version of the gateway that contains the migration, for example V(v0.9.0). Empty means that a destructive migration needs a restore point.
    type: list
    elements: raw
    default: []
seealso:
  - module: oceans.llm.deploy
  - module: oceans.llm.rollback
"""

EXAMPLES = r"""
- name: Upgrade, and roll back automatically after a failure
  oceans.llm.upgrade:
    name: oceans-llm
    namespace: oceans-llm
    values: {gateway: {image: {tag: v0.24.0}}, adminUi: {image: {tag: v0.24.0}}}
    on_failure: rollback
"""

RETURN = r"""
extends_documentation_fragment: oceans.llm.release.followed
plan:
  description: The plan, which the task prints before the first write. The task also returns the plan in check mode, and when the plan does not allow
    the upgrade. C(report.json) contains the plan, too.
  type: dict
  returned: when the release differs from the plan
  contains:
    from: {description: Image tag of the revision that is replaced; empty for a first install., type: str, sample: v0.23.0}
    to: {description: Image tag that the upgrade deploys., type: str, sample: v0.24.0}
    chart: {description: "Name and version of the chart that is replaced (C(from)) and of the chart that is deployed (C(to)).", type: dict}
    database: {description: Number of the newest migration in the database; C(0) in an empty database; null when unknown., type: int, sample: 43}
    pending: {description: "Pending migrations, each with C(version), C(class) and C(reason); null when they are not known.", type: list, elements: dict}
    not_known: {description: Why the pending migrations are not known., type: str}
    restore_point:
      description: >-
        C(way) - how a new restore point is created before the migrations. C(known) - the newest restore point with C(age_seconds), size, place and
        checksum. C(usable) - whether that restore point has the present schema of the database. C(not_taken) - why no restore point was created.
      type: dict
    drain_seconds: {description: Seconds that an old pod with open requests may take to stop., type: int, sample: 55}
    state: {description: "State of the upgrade, as named in the table of docs/lifecycle.md.", type: str, sample: additive migrations pending}
    may_start: {description: Whether the table of docs/lifecycle.md allows the upgrade to start., type: bool}
    back:
      description: C(allowed) - whether a rollback is possible. C(until) - until when. C(command) - the command for the rollback. C(automatic) - whether
        O(on_failure=rollback) rolls back.
      type: dict
rollback:
  description: Result of the rollback after a failed upgrade. All other return values are those of M(oceans.llm.deploy), for the upgrade.
  type: dict
  returned: when O(on_failure=rollback) tried a rollback
  contains:
    revision: {description: Number of the earlier revision whose chart and values were deployed again., type: int}
    version: {description: Image tag of the earlier revision., type: str, sample: v0.23.0}
    outcome:
      description: >-
        How the rollback ended. C(served) - the old version answers requests. C(refused) - the rollback changed nothing, for example because the
        old version cannot run on the present database; RV(msg) contains the reason. The return value C(outcome) of M(oceans.llm.deploy) explains
        all other values, such as C(failed).
      type: str
    seconds: {description: Seconds from the failure to the end of the rollback., type: float}
msg:
  description: The last line of the run. After a failed upgrade the line contains the result of the rollback. If no rollback was started, the line
    contains the command for a rollback.
  type: str
  returned: always
"""
