# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/lifecycle.md, made from the policy and the table of migrations."""

from __future__ import annotations

from ...plugins.plugin_utils.gateway import schema
from ...plugins.plugin_utils.lifecycle import migrations, policy

INTRO = """<!-- Made from plugins/plugin_utils/lifecycle/policy.py and migrations.py by tests/documents; do not edit. -->
# Upgrade, rollback and migrations

This page is for operators who change the version of a deployed gateway.

    ansible-playbook -i INVENTORY oceans.llm.upgrade -e oceans_llm_version=v0.24.0
    ansible-playbook -i INVENTORY oceans.llm.rollback

A gateway refuses a database schema of a newer version. Therefore you can return to an older version only in two cases:

- No migration of the newer version is committed yet.
- The older image accepts the schema. The run checks the schema, if necessary by a Job with the older image.

In all other cases, restore a [restore point](restore.md).

| Playbook | What it does | Its own variables |
|---|---|---|
| `oceans.llm.upgrade` | runs preflight and secrets, prints the plan, deploys, runs bootstrap | `oceans_llm_on_failure`, `oceans_llm_allow_destructive` |
| `oceans.llm.rollback` | deploys chart and values of an earlier revision; fails before any change if the policy forbids it | `oceans_llm_rollback_to` |
| `oceans.llm.migrations` | runs `gateway migrate --status`, `--check` or `--apply` in a Job of the gateway's image | `oceans_llm_migrate` |

An upgrade and a rollback end with the same checks as a deployment ([served.md](served.md)) and write the same evidence folder ([evidence.md](evidence.md)).

## Pending migrations

The run reads the migration history of the database and compares it with the [table of migrations](#the-migrations). If the table does not know the
version, or if the history cannot be read, a one-off Job runs `gateway migrate --status` with the new image. Check mode creates no Job and treats such
migrations as unknown.

If migrations are pending, the run creates a restore point before the first migration. `oceans_llm_restore_point` selects the method; with `none`, no
restore point is created. If no restore point can be created, the upgrade continues unless a migration is destructive.

## Automatic rollback

With `oceans_llm_on_failure: rollback`, a failed upgrade is rolled back if the column *Automatic* of the table in [The policy](#the-policy) says
`rollback`. The run first stops the migration Job and reads the migration history again. The task fails in any case. The result of the task contains the
outcome of the rollback (key `rollback`).

- There is no automatic rollback after a destructive migration, after Ctrl-C, or if another run has taken over the release.
- A rollback changes chart and values. A rollback does not change Secrets.

## The policy

| Column | Question |
|---|---|
| Start | May an upgrade start (or be repeated)? |
| Automatic | What does `oceans_llm_on_failure: rollback` do? |
| Back | May you roll back? |
| Command | Which command continues from this state? |
| Until | Until when does this row apply? Or: which data does its command lose? |

| State | Start | Automatic | Back | Command | Until |
|---|---|---|---|---|---|
"""
MIGRATIONS = """
A restore point is usable if it is at most {hours:.0f} h old and has the current schema of the database. Without such a restore point, destructive migrations
start only if `oceans_llm_allow_destructive` contains each destructive migration (such as `V28`), or the new version (such as `v0.9.0`).

## The migrations

The documentation of the gateway says that V23 and V28 destroy data, and that V46 and V47 only add data. The class of every other migration is derived
from its name; if the name is unclear, the stricter class applies. A migration that is not in this table counts as destructive.

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
