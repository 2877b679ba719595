# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command; as soon as it prints TEXT, kill it with all that it started, or run something else: when_it_says.py TEXT kill|SHELL COMMAND..."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path


def tree(pid: int) -> list[int]:
    """A process and its descendants: each worker of ansible-playbook has a session of its own."""
    children: list[int] = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
        children = [int(child) for thread in Path(f"/proc/{pid}/task").iterdir() for child in (thread / "children").read_text().split()]
    return [pid, *(found for child in children for found in tree(child))]


text, do, *command = sys.argv[1:]
done = False
run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
for line in run.stdout or ():
    print(line, end="")
    if text in line and not done:
        done = True
        if do == "kill":
            for pid in tree(run.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            sys.exit(0 if run.wait() == -signal.SIGKILL else f"it ended with {run.returncode} before it could be killed")
        subprocess.run(do, shell=True, check=True)
code = run.wait()
sys.exit(code if done else f"it ended with {code} and never said {text!r}")
