# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/lifecycle.md, made from the policy and the table of migrations.

python -m ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.document > ansible_collections/oceans/llm/docs/lifecycle.md
"""

from __future__ import annotations

from ..gateway import schema
from . import migrations, policy

INTRO = """<!-- Made from plugins/plugin_utils/lifecycle/policy.py and migrations.py by document.py; do not edit. -->
# Upgrade, rollback, and the database between them

A gateway refuses a database that is newer than itself. So a version can come back only while no migration of the newer one is committed, or
where its image was asked and accepts the schema. `oceans.llm.upgrade` states its plan before it writes, and `oceans.llm.rollback` either proves that
the old version serves, or refuses before anything is changed. Both are judged like every deployment ([served.md](served.md)) and leave the
same evidence.

| Playbook | What it does | Variables of its own |
|---|---|---|
| `oceans.llm.upgrade` | preflight, secrets, the plan in a few lines, deploy, bootstrap | `oceans_llm_on_failure`, `oceans_llm_allow_destructive` |
| `oceans.llm.rollback` | deploys chart and values of an earlier revision, from Helm's own record of it | `oceans_llm_rollback_to` |
| `oceans.llm.migrations` | runs `gateway migrate --status`, `--check` or `--apply` as a Job of the gateway's own image | `oceans_llm_migrate` |

What is pending is read from the database's history and the table below; where the image is of a release that the table does not know, or the history
cannot be read from here, the new image is asked by a one-off Job. In check mode no Job is created, and what would need one counts as unknown.

Before anything is migrated a restore point is taken (`oceans_llm_restore_point`: `auto`, or a way of its own; `none` takes none), and only when something is
pending. Where none can be taken, the upgrade continues without one, unless a migration is destructive.

`oceans_llm_on_failure: rollback` rolls a failed upgrade back where the column *automatic* says `rollback`, after the migration Job is stopped and the
database was asked again. It never does so over a destructive migration, after Ctrl-C, or when another run has taken the release over. The task has
failed in any case; its result says what became of the rollback (`rollback`). The Secrets stay as they are: a rollback brings back chart and values, not keys.

## The policy

*Start*: may an upgrade start (again). *Automatic*: what `oceans_llm_on_failure: rollback` does. *Back*: may a user roll back. *Until*: when that ends.

| State | Start | Automatic | Back | Command | Until |
|---|---|---|---|---|---|
"""
MIGRATIONS = """
A restore point counts when it is at most {hours:.0f} h old and holds the schema that the database has. Destructive migrations without one start
only when `oceans_llm_allow_destructive` names each of them (`V28`), or the new version (`v0.9.0`).

## The migrations

Documented is that V23 and V28 destroy data, and that V46 and V47 only add. The class of every other one is taken from its name; where the name
leaves a doubt, the stricter class stands here. A migration that is not in this table counts as destructive.

| Migration | First release | Class | Reason |
|---|---|---|---|
"""


def as_markdown() -> str:
    """The whole page."""
    rows = "".join(f"{_row(row)}\n" for row in policy.TABLE.values())
    return INTRO + rows + MIGRATIONS.format(hours=policy.FRESH / 3600) + "".join(f"{_migration(version)}\n" for version in migrations.TABLE)


def _row(row: policy.Decision) -> str:
    command = row.command.format(target="REVISION", versions="VERSIONS", point="NAME")
    return f"| {row.state.value} | {_yes(row.may_start)} | {row.on_failure.value} | {_yes(row.may_go_back)} | `{command}` | {row.until} |"


def _migration(version: int) -> str:
    first = schema.release_for(version) or f"after v{'.'.join(map(str, schema.LAST))}"
    return f"| V{version} {schema.NAMES[version - schema.FIRST]} | {first} | {migrations.kind(version)} | {migrations.reason(version)} |"


def _yes(true: bool) -> str:
    return "yes" if true else "no"


if __name__ == "__main__":
    print(as_markdown(), end="")
