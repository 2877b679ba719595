# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/causes.md, made from the catalogue.

python -m ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes.document > ansible_collections/oceans/llm/docs/causes.md
"""

from __future__ import annotations

import re

from ...codes import ENTRIES, Entry

INTRO = """<!-- Made from plugins/plugin_utils/codes.py by rollout/causes/document.py; do not edit. -->
# What a rollout can say

A failed rollout ends with one line:

    FAILED <code> <object>: <cause> — <evidence> — <database, old pods> — <what to do>

Codes are an interface: a code never changes its meaning, and report.json carries them too.

**certain** ends the run at once. **transient** is shown and may pass; where seconds are given, the run ends when it has
lasted longer than that; where none are, it ends only with the whole run. A rule may know better than its row: a missing
Secret that an ExternalSecret of the same release is about to make is `SecretPending`; a crash of one pod beside healthy
ones is shown for a minute before it counts. A Deployment has failed when no pod of its newest ReplicaSet can become
ready, a Job as soon as one cause is certain.

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


if __name__ == "__main__":
    print(as_markdown(), end="")
