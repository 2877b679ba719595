# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/causes.md, docs/preflight.md and docs/checks.md, made from the register of codes, and docs/reasons.md, made from the table of Kubernetes' reasons."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from ...plugins.plugin_utils.codes import CHECKS, ENTRIES, POST_CHECK, PREFLIGHT, ROLLOUT, Entry
from ...plugins.plugin_utils.rollout.causes.reasons import REASONS

CAUSES = """<!-- Made from plugins/plugin_utils/codes.py by tests/documents; do not edit. -->
# Causes that a rollout can report

This page is for operators who have the code of a failed run. A failed rollout ends with one line:

    FAILED <code> <object>: <cause> — <evidence> — <state of the database and of the old pods> — <hint>

Scripts may compare codes: a code never changes its meaning. `report.json` contains the code, too ([evidence.md](evidence.md)).
[preflight.md](preflight.md) lists the codes that are reported before the first write. A condition that both pages list has the same code.

| Severity | Effect on the run |
|---|---|
| **fatal** | The cause fails the run at once. |
| **retryable (fails after N s)** | The run reports the cause. The run fails if the cause lasts longer than N seconds. |
| **retryable** | The run reports the cause. The run fails if the cause lasts until `oceans_llm_timeout`. |

- A run may report another severity than the table. Example: if one pod crashes while other new pods are ready, the crash fails the run only after a minute.
- A missing Secret is `SecretPending` if an ExternalSecret of the same release will create it.
- A Deployment has failed if no pod of its new ReplicaSet can become ready. A Job has failed as soon as a fatal cause of the Job is found.
- The run looks for causes of the groups Post-check and Completions, and for TlsSecretMissing, only after the rollout is complete.

[reasons.md](reasons.md) lists the reasons that Kubernetes reports, and the code that a run reports for each reason.

## Placeholders

The column "What to do" contains placeholders in angle brackets. A run replaces these with the values of the failed object:

PLACEHOLDERS
You fill in any other placeholder, for example `<file>`.
"""
#: name in a hint -> its meaning; test_codes.py compares the names with those that the register uses
PLACEHOLDERS = {
    "name": "name of the object that the cause is about",
    "ns": "namespace of the release",
    "kind": "kind of the object that the cause is about",
    "container": "name of the container that failed",
    "node": "name of the node",
    "job": "name of the Job",
    "deployment": "name of the gateway's Deployment",
    "image": "complete image reference",
    "repository": "image reference without its tag",
    "registry": "host of the registry",
    "pull_secrets": "the Secrets in the pod's imagePullSecrets and what they must contain, or the command that creates a pull Secret",
    "missing": "name of the Secret or ConfigMap that does not exist, or that lacks a key",
    "key": "name of the missing key",
    "maker": "kind and name of the object that creates the Secret, for example `externalsecret/NAME`",
    "limit": "memory limit of the container",
    "variable": "name of the environment variable",
    "source": "Secret and key (or pod template) that the database URL comes from",
    "version": "number and name of the migration",
    "quota": "name of the ResourceQuota",
    "where": "host and port of the provider",
}
FINDINGS = """<!-- Made from plugins/plugin_utils/codes.py by tests/documents; do not edit. -->
# Preflight

This page is for operators who have the code of a finding. Preflight checks everything that can be checked before the first write, and reports all findings
together.

    ansible-playbook -i INVENTORY oceans.llm.preflight

## Effect of a finding

| Severity | Effect on the run |
|---|---|
| **error** | The run stops before the first write. |
| **warning** | The run continues. |
| **info** | The run continues. A line that begins with `note:` names something that could not be checked. |
| **error or warning** | The line of the finding names the severity: an error if the release could not work, a warning if the release might work. |

- `oceans_llm_preflight_waive: [CODE, …]` lets a run continue although there is a finding with this code. The variable applies to every role, also to
  `secrets`. A waived finding is still shown. If a waived code has no finding, a line of the run says so.
- To stop after the checks, set `oceans_llm_preflight_only: true`, pass `--tags preflight`, or run the playbook `oceans.llm.preflight`.

## How preflight checks

Preflight writes nothing.

- **Dry run**: Preflight sends the rendered objects to the API server with `dryRun=All`. For each pod template, it also sends a Pod, because ResourceQuota,
  LimitRange and Pod Security apply to Pods. The volumes of a CloudNativePG Cluster are sent as PersistentVolumeClaims, if the user may create those.
- **New namespace**: the API server accepts no dry run in a namespace that does not exist. Therefore Preflight sends the custom objects of operators (such as a
  CloudNativePG Cluster) to the namespace `default`, if the user may create them there. Quotas and policies of `default` are ignored.
- **Quotas**: ResourceQuotas are compared with the peak of the rollout: new pods and old pods, the largest Job, new objects, and the Secrets of Helm and of the
  collection.
- **Values**: if the chart refuses the values, each refusal is a finding. The other checks then use the objects that the chart would have rendered.
- **Permissions**: if the user may not read an object, Preflight does not know whether the object exists, and never reports the object as missing.
- **Database**: Preflight logs in to the database with the URL of the pods and reads the migration history. The session is read-only and takes at most two
  seconds. With SCRAM, the password itself is not sent. If the database cannot be reached, a line that begins with `note:` says so.
- **Way to the database**: a Service in the cluster is reached by port-forward (permission: `get` and `create` on `pods/portforward`). Any other address is
  reached from the Ansible controller.

Only the gateway's image can run `gateway config validate` and `gateway migrate --check`. Preflight derives both results from the configuration, the migration
history and the image tag. Therefore images with another name, builds of branches, and releases that are newer than this collection are not checked. The rollout
runs both commands.
"""

DRAINS = """<!-- Made from plugins/plugin_utils/codes.py by tests/documents; do not edit. -->
# Checks

`oceans.llm.checks` reports one of these codes for each node with a gateway pod ([runbooks.md](runbooks.md#checks)).

    ansible-playbook -i INVENTORY oceans.llm.checks

The playbook computes whether each node could be drained, and drains no node. The inputs are the PodDisruptionBudget, the nodes of the pods, and the free
resources of the other nodes. An error fails the playbook.
"""


#: the end of a title that says when a finding is an error or a warning
_PREFLIGHT_ONLY = re.compile(r"; (?:only a warning|a warning|an error) .*")


def as_markdown() -> str:
    """docs/causes.md."""
    names = "".join(f"- `<{name}>`: {meaning}\n" for name, meaning in PLACEHOLDERS.items())
    entries = [replace(e, title=_PREFLIGHT_ONLY.sub("", e.title)) for e in ENTRIES if set(e.phases) & {ROLLOUT, POST_CHECK}]
    return CAUSES.replace("PLACEHOLDERS\n", f"{names}\n") + _tables(entries, _certainty)


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


#: a command follows a colon or semicolon, and reaches to the next semicolon or to the end of the hint
_COMMAND = re.compile(r"(?<=[:;] )(?:(?:kubectl|helm|ansible-galaxy|ansible-doc|openssl|skopeo|docker|curl) |SELECT |GRANT )[^;]+|<\w+>")


def _hint(entry: Entry) -> str:
    """Placeholders and commands as code, so that a reader sees where a command ends."""
    plain = entry.hint.format_map(_Shown()) if set(entry.phases) & {ROLLOUT, POST_CHECK} else entry.hint
    return _COMMAND.sub(lambda found: f"`{found.group().rstrip()}`", plain).replace("|", "\\|")


class _Shown(dict[str, str]):
    """`{name}` as `<name>`; doubled braces become those of JSON."""

    def __missing__(self, key: str) -> str:
        return f"<{key}>"


REASONS_INTRO = """<!-- Made from plugins/plugin_utils/rollout/causes/reasons.py by tests/documents; do not edit. -->
# Reasons that Kubernetes reports, and their codes

Kubernetes 1.34 can report these reasons for a pod, a Job, a Deployment or a PersistentVolumeClaim during a rollout. Next to each reason is the code that
the run reports ([causes.md](causes.md)). If the message of Kubernetes contains details, the run may report a more exact code. If a run times out and no code
fits, the cause names the state of the pod.

| In the column *Leads to* | Meaning |
|---|---|
| a code | The run reports this code. |
| normal | The reason is part of every healthy rollout. |
| shown | The run shows the reason as evidence of what it waits for. If the run times out, the cause names the reason. |
| other | The reason concerns an object for which a rollout does not wait. |

A reason that is not in these tables is handled like `shown`.
"""


def reasons_as_markdown() -> str:
    """The page of reasons."""
    parts = [REASONS_INTRO]
    for group, rows in REASONS.items():
        lines = "\n".join(f"| `{reason}` | {f'`{to}`' if to[0].isupper() else to} |" for reason, to in rows.items())
        parts.append(f"\n## {group}\n\n| Reason | Leads to |\n|---|---|\n{lines}\n")
    return "".join(parts)
