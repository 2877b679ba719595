#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.upgrade; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: upgrade
short_description: Upgrade a release by a plan that is stated first, and roll it back where the database allows that
version_added: 0.1.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - M(oceans.llm.deploy) with a policy before it. The plan is stated in a few lines before anything is changed - versions, pending migrations by class,
    restore point, drain, and until when the old version can come back.
  - An upgrade with destructive migrations does not start without a restore point, unless O(allow_destructive) names them.
  - After a failure the database and the old image are asked whether the old version can come back. O(on_failure=rollback) then rolls back where the
    table allows it, never over a destructive migration. The rollback is judged like every deployment. The task has failed in any case.
  - The table is in the collection, docs/lifecycle.md.
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
    description: States the plan and the changes; creates no Job, so that an image of an unknown release is not asked for its migrations.
    support: full
  diff_mode:
    description: The objects that change, before and after; values of Secrets are never shown.
    support: full
options:
  on_failure:
    description:
      - What becomes of a failed upgrade. V(keep) leaves everything as it is, and the last line says how to go back.
      - V(rollback) rolls back by itself where docs/lifecycle.md allows it. After Ctrl-C, or when another run has taken the release over,
        nothing is rolled back.
    type: str
    default: keep
    choices: [keep, rollback]
  restore_point:
    description:
      - How a restore point is taken before anything is migrated, as O(oceans.llm.restore_point#module:restore_point). Only when migrations are pending.
      - Where none can be taken the upgrade continues without one, unless a migration is destructive.
    type: dict
    default: {}
  allow_destructive:
    description: Destructive migrations that may run without a restore point, C(V28), or the release that brings them, C(v0.9.0).
    type: list
    elements: raw
    default: []
seealso:
  - module: oceans.llm.deploy
  - module: oceans.llm.rollback
"""

EXAMPLES = r"""
- name: To the new version, or back by itself
  oceans.llm.upgrade:
    name: oceans-llm
    namespace: oceans-llm
    values: {gateway: {image: {tag: v0.24.0}}, adminUi: {image: {tag: v0.24.0}}}
    on_failure: rollback
"""

RETURN = r"""
extends_documentation_fragment: oceans.llm.release.followed
plan:
  description: What was stated before the first write; also when the upgrade was stopped, and in check mode. report.json has it, too.
  type: dict
  returned: when the release differs from the plan
  contains:
    from: {description: Image tag of the revision that is replaced; empty for a first install., type: str, sample: v0.23.0}
    to: {description: The new image tag., type: str, sample: v0.24.0}
    chart: {description: "Name and version of the charts, C(from) and C(to).", type: dict}
    database: {description: Newest migration of the database. C(0) in an empty one; null when it is not known., type: int, sample: 43}
    pending: {description: "Pending migrations, each with C(version), C(class) and C(reason); null when they are not known.", type: list, elements: dict}
    not_known: {description: Why the pending migrations are not known., type: str}
    restore_point:
      description: >-
        C(way) in which a new one is taken first; C(known), the newest one with C(age_seconds), size, place and checksum; C(usable), whether it holds the
        database's schema; and why none was taken (C(not_taken)).
      type: dict
    drain_seconds: {description: Seconds that an old pod with open requests may take to end., type: int, sample: 55}
    state: {description: Row of the table in docs/lifecycle.md., type: str, sample: additive migrations pending}
    may_start: {description: Whether the table lets the upgrade start., type: bool}
    back: {description: "The way back: C(allowed), C(until), C(command), and whether it is C(automatic).", type: dict}
rollback:
  description: What became of the rollback after a failed upgrade. All other keys are those of M(oceans.llm.deploy), about the upgrade.
  type: dict
  returned: when a rollback was started
  contains:
    revision: {description: The revision that was brought back., type: int}
    version: {description: Its image tag., type: str, sample: v0.23.0}
    outcome: {description: "C(served), C(failed), or C(refused) before anything was changed.", type: str}
    seconds: {description: From the failure to the end of the rollback., type: float}
msg:
  description: The last line; of a failed upgrade with what became of the rollback, or how to go back.
  type: str
  returned: always
"""
