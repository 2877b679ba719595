# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's commands without the cost of a new interpreter: this process has everything imported, forks for each
command it is told on stdin (one JSON object a line), and answers with the exit code. Not used for what is about processes
and signals: those tests start the script itself.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

MODULES = ("bootstrap", "cli", "completions", "marks", "migrations", "purge", "recompute", "seed", "serve", "web")


def child(order: dict[str, Any]) -> int:
    signal.alarm(order["seconds"])
    os.chdir(order["folder"])
    for number, path in ((1, order["out"]), (2, order["err"])):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.environ.clear()
    os.environ.update(order["environment"])
    code = 1
    try:
        code = importlib.import_module("oceans_gateway.cli").main(order["words"])
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def main() -> None:
    sys.path.insert(0, str(Path(__file__).parents[1] / "gateway"))
    sys.dont_write_bytecode = True
    for name in MODULES:
        importlib.import_module(f"oceans_gateway.{name}")
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            os._exit(child(json.loads(line)))
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
