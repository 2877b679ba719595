# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/causes.md and docs/preflight.md, made from the register of codes, and docs/reasons.md, made from the table of Kubernetes' reasons.

python -m ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes.document [preflight|checks|reasons] > ansible_collections/oceans/llm/docs/….md
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable

from ...codes import CHECKS, ENTRIES, POST_CHECK, PREFLIGHT, ROLLOUT, Entry
from .reasons import REASONS

CAUSES = """<!-- Made from plugins/plugin_utils/codes.py by rollout/causes/document.py; do not edit. -->
# Causes: what a rollout can report

A failed rollout ends with one line:

    FAILED <code> <object>: <cause> — <evidence> — <database, old pods> — <hint>

Codes are an interface: a code never changes its meaning, and report.json has them too. [preflight.md](preflight.md) lists the codes
that are reported before the first write; the same condition has the same code there.

| Severity | What it does to the run |
|---|---|
| **fatal** | fails the run at once |
| **retryable (fails after N s)** | is reported, and fails the run when it lasts longer than N seconds; without N, it fails the run with `oceans_llm_timeout` |

A rule may know better than its row. A missing Secret that an ExternalSecret of the same release will create is `SecretPending`. A crash
of one pod beside ready pods is reported for a minute before it fails the run. A Deployment has failed when no pod of its new ReplicaSet
can become ready, a Job as soon as one cause is fatal. Causes of the group Post-check are looked for after the rollout is complete.
[reasons.md](reasons.md) lists the reasons of Kubernetes and the code that each leads to.

In the hints, `<name>` stands for the object's name and `<ns>` for its namespace.
"""
FINDINGS = """<!-- Made from plugins/plugin_utils/codes.py by rollout/causes/document.py; do not edit. -->
# Preflight

Preflight checks everything that can be known before the first write, and reports all findings at once. It writes nothing: rendered
objects, and a Pod made from every pod template, are sent to the API server with `dryRun=All`. (ResourceQuota, LimitRange and Pod
Security apply to Pods; a dry run of a Deployment does not see them.) The volumes of a CloudNativePG Cluster are tried as
PersistentVolumeClaims, if the caller may create those. ResourceQuotas are compared with all that the rollout adds at its peak: new pods
beside old ones, the largest Job, new objects, the Secrets of Helm and of the collection.

- An **error** stops the run, a **warning** does not. Notes (**info**) say what could not be checked.
- `oceans_llm_preflight_waive: [CODE, …]` lets a run continue in spite of a finding, in every role; the role `secrets` accepts waived
  codes, too. Waived findings are still shown. A waiver without a finding is reported.
- `oceans_llm_preflight_only: true`, the tag `preflight`, or the playbook `oceans.llm.preflight` stop after the checks.
- If the chart refuses the values, its refusals are findings, and the other checks use what the chart would have rendered.
- Objects that the caller may not read are unknown. They are never reported as missing.
- Objects cannot be dry-run in a namespace that does not exist yet. The webhooks and schemas of operators are then asked in the namespace
  `default`, if the caller may create the objects there. Quotas and policies of `default` are ignored.
- The migration history is read from the database: one login with the URL that the pods will have (SCRAM proves the password without
  sending it), one `SELECT` in a read-only session, two seconds at most. A Service in the cluster is reached by port-forward (permission:
  `get` and `create` on `pods/portforward`), other addresses from the Ansible controller. If the database cannot be reached, a note says so.

Two things are known only after pods run: what `gateway config validate` says about the configuration, and what `gateway migrate --check`
says about the database. Preflight works them out from the configuration and the migration history instead. Which migrations an image
contains is known from its tag, so images with another name, branch builds, and releases newer than this collection are not checked.
The rollout asks the program itself.
"""

DRAINS = """<!-- Made from plugins/plugin_utils/codes.py by rollout/causes/document.py; do not edit. -->
# Checks

The codes that `oceans.llm.checks` reports ([runbooks.md](runbooks.md)), one for each node that has gateway pods. The drain is worked out from
the PodDisruptionBudget, the places of the pods, and the room on the other nodes; no pod is moved. Errors fail the playbook.
"""


def as_markdown() -> str:
    """docs/causes.md."""
    return CAUSES + _tables([entry for entry in ENTRIES if set(entry.phases) & {ROLLOUT, POST_CHECK}], _certainty)


def findings_as_markdown() -> str:
    """docs/preflight.md."""
    return FINDINGS + _tables([entry for entry in ENTRIES if PREFLIGHT in entry.phases], lambda entry: entry.phases[PREFLIGHT])


def checks_as_markdown() -> str:
    """docs/checks.md."""
    return DRAINS + _tables([entry for entry in ENTRIES if CHECKS in entry.phases], lambda entry: entry.phases[CHECKS])


def _tables(entries: list[Entry], severity: Callable[[Entry], str]) -> str:
    parts = []
    for group in dict.fromkeys(entry.group for entry in entries):
        rows = "".join(f"| `{e.code}` | {e.title} | {severity(e)} | {_hint(e)} |\n" for e in entries if e.group == group)
        parts.append(f"\n## {group}\n\n| Code | Meaning | Severity | What to do |\n|---|---|---|---|\n{rows}")
    return "".join(parts)


def _certainty(entry: Entry) -> str:
    return f"{entry.certainty.value} (fails after {entry.budget:.0f} s)" if entry.budget else entry.certainty.value


def _hint(entry: Entry) -> str:
    return re.sub(r"{(\w+)}", r"`<\1>`", entry.hint.replace("{{", "(").replace("}}", ")")).replace("|", "\\|")


REASONS_INTRO = """<!-- Made from plugins/plugin_utils/rollout/causes/reasons.py by document.py; do not edit. -->
# What Kubernetes can say, and what becomes of it

Each reason of Kubernetes 1.34 that a pod, Job, Deployment or volume claim can show on the way of a rollout, and the code
([causes.md](causes.md)) that it leads to; the words beside a reason may lead to a more exact one. A time-out is never bare: where no
code is known, the cause names the state that the pod is in.

**normal**: part of every healthy rollout. **shown**: evidence of what is waited for, and named in the time-out's cause, as is any
reason that is not in this list. **other**: about something that a rollout does not wait for.
"""


def reasons_as_markdown() -> str:
    """The page of reasons."""
    parts = [REASONS_INTRO]
    for group, rows in REASONS.items():
        lines = "\n".join(f"| `{reason}` | {f'`{to}`' if to[0].isupper() else to} |" for reason, to in rows.items())
        parts.append(f"\n## {group}\n\n| Reason | Leads to |\n|---|---|\n{lines}\n")
    return "".join(parts)


if __name__ == "__main__":
    print({"reasons": reasons_as_markdown, "preflight": findings_as_markdown, "checks": checks_as_markdown}.get("".join(sys.argv[1:]), as_markdown)(), end="")
