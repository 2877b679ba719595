# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The screens of docs/runbooks.md, from the lines that a run of the Molecule scenario `runbooks` has written (molecule/shared/tasks_run.yml).

python -m ansible_collections.oceans.llm.tests.documents.screens .testbed    # write them into the page
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from . import DOCS

PAGE = DOCS / "runbooks.md"
PROMPT = "$ ansible-playbook -i inventory "
SCREEN = re.compile(rf"(?<=^```console\n){re.escape(PROMPT)}(.*)\n((?:.*\n)*?)(?=```$)", re.M)
LEFT_OUT = "… the lines of the rollout"
_TIMED = re.compile(r"\[\w+\] +\d+\.\ds ")


def file_of(command: str) -> str:
    """The name of the file with the screen of a command."""
    return "screen." + re.sub("[^a-z0-9]+", "-", command.lower())


def shortened(lines: list[str]) -> list[str]:
    """Without the lines of the rollout, which other pages describe; the lines of a Job stay."""
    found: list[str] = []
    rollout = False
    for line in lines:
        rollout = "] changing " in line or (rollout and "] served: " not in line)
        if not (rollout and _TIMED.match(line)):
            found.append(line)
        elif found[-1] != LEFT_OUT:
            found.append(LEFT_OUT)
    return found


def written(page: str, folder: Path) -> str:
    """The page with the screens of the folder. A screen that was not recorded stays as it is."""

    def anew(match: re.Match[str]) -> str:
        file = folder / file_of(match[1])
        return "\n".join(shortened(file.read_text(encoding="utf-8").splitlines())) + "\n" if file.exists() else match[0]

    return SCREEN.sub(anew, page)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), Path(sys.argv[1])), encoding="utf-8")
