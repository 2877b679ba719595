# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program of a kubeconfig's user that prints credentials (client-go credential plugin): its time limit, and its failures as sentences.

The Python client waits for it without a limit, and a program that asks for a login in a browser or a terminal waits for ever: nobody can answer it here.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

#: seconds; a program that needs no answer has printed its credentials long before
LIMIT = 30.0
_LATE = "printed no credentials within"
#: with a session of its own, so that what the program started ends with it and holds no pipe open
_PROGRAM = f"""
import os, signal, subprocess, sys
try:
    program = subprocess.Popen(sys.argv[2:], start_new_session=True)
except OSError as error:
    sys.exit(str(error))
try:
    sys.exit(program.wait(float(sys.argv[1])))
except BaseException as error:
    if isinstance(error, SystemExit):
        raise
    os.killpg(program.pid, signal.SIGKILL)
    sys.exit("{_LATE}")
"""


def limited(config: Mapping[str, Any]) -> dict[str, Any]:
    """The kubeconfig of one user, whose program is ended after :data:`LIMIT` seconds."""
    entry = config["users"][0]
    program = entry["user"].get("exec")
    if not isinstance(program, Mapping) or not program.get("command"):
        return dict(config)
    args = ["-I", "-S", "-c", _PROGRAM, str(LIMIT), str(program["command"]), *map(str, program.get("args") or ())]
    return {**config, "users": [{**entry, "user": {**entry["user"], "exec": {**program, "command": sys.executable, "args": args}}}]}


def sentence(complaint: str, command: str) -> str:
    """What the Python client says of the program, with the program's name."""
    said = complaint.partition("exec: process returned ")[2].partition(". ")[2]
    if "failed to decode process output" in complaint:
        return f"the program {command} of the kubeconfig did not print an ExecCredential in JSON"
    if "No such file" in complaint:
        return f"the program {command} of the kubeconfig is not installed on this machine"
    if _LATE in complaint:
        words = said.replace(_LATE, "").strip()
        what = f"the program {command} of the kubeconfig {_LATE} {LIMIT:.0f} s and was ended, because it probably waits for a login"
        return what + (f"; output of the program: {words}" if words else "")
    return f"the program {command} of the kubeconfig failed: {said}" if said else complaint
