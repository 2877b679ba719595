# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/causes.md, made from the register of codes, and docs/reasons.md, made from the table of Kubernetes' reasons.

python -m ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes.document > ansible_collections/oceans/llm/docs/causes.md
python -m ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes.document reasons > ansible_collections/oceans/llm/docs/reasons.md
"""

from __future__ import annotations

import re
import sys

from ...codes import ENTRIES, Entry
from .reasons import REASONS

INTRO = """<!-- Made from plugins/plugin_utils/codes.py by rollout/causes/document.py; do not edit. -->
# What a rollout can say

A failed rollout ends with one line:

    FAILED <code> <object>: <cause> — <evidence> — <database, old pods> — <what to do>

Codes are an interface: a code never changes its meaning, and report.json carries them too.

**certain** ends the run at once. **transient** is reported and may pass: where seconds are given, the run fails when the
cause lasts longer; where none are, it fails with the time limit of the whole run. **likely** is reported only. A rule may
know better than its row: a missing Secret that an ExternalSecret of the same release will create is `SecretPending`; a
crash of one pod beside ready ones is reported for a minute before it counts. A Deployment has failed when no pod of its
new ReplicaSet can become ready, a Job as soon as one cause is certain. [reasons.md](reasons.md) lists what Kubernetes can
say and the code that it leads to.

In the hints, `<name>` stands for the object's name and `<ns>` for its namespace.
"""


def as_markdown() -> str:
    """The whole page."""
    parts = [INTRO]
    for group in dict.fromkeys(entry.group for entry in ENTRIES):
        rows = "\n".join(_row(entry) for entry in ENTRIES if entry.group == group)
        parts.append(f"\n## {group}\n\n| Code | Meaning | Certainty | What to do |\n|---|---|---|---|\n{rows}\n")
    return "".join(parts)


def _row(entry: Entry) -> str:
    time = f" ({entry.budget:.0f} s)" if entry.budget else ""
    hint = re.sub(r"{(\w+)}", r"`<\1>`", entry.do.replace("{{", "(").replace("}}", ")")).replace("|", "\\|")
    return f"| `{entry.code}` | {entry.title} | {entry.certainty.value}{time} | {hint} |"


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
    print(reasons_as_markdown() if sys.argv[1:] == ["reasons"] else as_markdown(), end="")
