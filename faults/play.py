# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of ansible-playbook, as a user starts it, with the time at which each line came."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from . import kube
from .kube import ROOT
from .place import Place

HOST = "faults"
MARK = "OCEANS_LLM_FAULT_RUN"
FAILED = re.compile(r"(FAILED (\S+) .*)$")
#: how Ansible shows a failed task; after a signal it shows nothing, and the engine says its sentence itself
RESULT = f"fatal: [{HOST}]: FAILED! => "
REFUSED = re.compile(rf"^\[{HOST}\] ERROR (\S+) (.*)$")
HEADER = re.compile(r"^TASK \[(?:oceans\.llm\.)?(\w+) : ")


class Play:
    """Started at once; :meth:`wait` for its end."""

    def __init__(
        self,
        place: Place,
        variables: Mapping[str, Any],
        roles: str = "gateway",
        label: str = "run",
        options: tuple[str, ...] = (),
        env: Mapping[str, str] | None = None,
    ) -> None:
        folder = place.folder / label
        folder.mkdir(parents=True)
        (folder / "vars.json").write_text(json.dumps(variables, indent=1))
        (folder / "hosts.yml").write_text(
            f"all:\n  hosts:\n    {HOST}:\n      ansible_connection: local\n      ansible_python_interpreter: '{{{{ ansible_playbook_python }}}}'\n"
        )
        (folder / "play.yml").write_text(
            "- name: Roll out\n  hosts: all\n  gather_facts: false\n  tasks:\n"
            + "".join(f"    - name: {r}\n      ansible.builtin.include_role:\n        name: oceans.llm.{r}\n" for r in roles.split())
        )
        self.folder, self.lines = folder, []
        self.started = time.monotonic()
        self._grew = threading.Condition()
        settings = {
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "",  # a user lets Python keep compiled code
            "ANSIBLE_FORCE_COLOR": "0",
            "ANSIBLE_NOCOLOR": "1",
            "PATH": f"{ROOT}/.venv/bin:{kube.STATE}/bin:{os.environ['PATH']}",
            "KUBECONFIG": str(kube.KUBECONFIG),
            MARK: str(folder),
            **(env or {}),
        }
        self.process = subprocess.Popen(
            [
                os.path.join(os.path.dirname(sys.executable), "ansible-playbook"),
                "-i",
                str(folder / "hosts.yml"),
                "-e",
                f"@{folder / 'vars.json'}",
                str(folder / "play.yml"),
                *options,
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **settings},
            start_new_session=True,
        )
        self.lines: list[tuple[float, str]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with open(self.folder / "screen.txt", "w", encoding="utf-8") as file:
            for line in self.process.stdout:
                file.write(f"{time.monotonic() - self.started:7.2f} {line}")
                with self._grew:
                    self.lines.append((time.monotonic(), line.rstrip("\n")))
                    self._grew.notify_all()

    def until(self, wanted: str | Callable[[str], Any], seconds: float = 90.0) -> float | None:
        """Wait for a line; when it came, or None when it did not in this time or the run ended without it. `wanted`: a pattern, or what a line is asked."""
        meant = re.compile(wanted).search if isinstance(wanted, str) else wanted
        end, seen = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            with self._grew:
                for at, text in self.lines[seen:]:
                    if meant(text):
                        return at
                seen = len(self.lines)
                if self.process.poll() is not None and not self._reader.is_alive():
                    return None
                self._grew.wait(0.5)
        return None

    def first(self, wanted: str | Callable[[str], Any]) -> float | None:
        meant = re.compile(wanted).search if isinstance(wanted, str) else wanted
        return next((at for at, text in self.lines if meant(text)), None)

    def wait(self, seconds: float = 600.0) -> int:
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill(signal.SIGKILL)
            code = self.process.wait(10)
        self._reader.join(10)
        return code

    def kill(self, number: int) -> None:
        """To ansible-playbook and its workers, as a terminal or a CI system does it."""
        os.killpg(self.process.pid, number)

    def kill_tree(self, number: int) -> None:
        """To every process of the run, Helm and Ansible's own sessions too, as the end of a machine or a container does it."""
        for pid in of_run(str(self.folder)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    @property
    def screen(self) -> str:
        return "\n".join(text for _at, text in self.lines)

    @property
    def failure(self) -> tuple[float, str, str] | None:
        """(when, code, line) of the engine's FAILED."""
        for at, text in self.lines:
            said = json.loads(text.removeprefix(RESULT)).get("msg", "") if text.startswith(RESULT) else text.removeprefix(f"[{HOST}] ")
            found = FAILED.match(said) if said != text else None
            if found:
                return at, found.group(2), found.group(1)
        return None

    @property
    def refusals(self) -> list[tuple[float, str, str]]:
        """(when, code, line) of what preflight found."""
        return [(at, m.group(1), text) for at, text in self.lines for m in [REFUSED.match(text)] if m]

    def role_started(self, role: str) -> float | None:
        """When the first task of a role was announced."""
        for at, text in self.lines:
            found = HEADER.match(text)
            if found and found.group(1) == role:
                return at
        return None


def of_run(mark: str) -> list[int]:
    """Every process that has this mark in its environment: children, their own sessions (Ansible's async wrapper), Helm."""
    found, wanted = [], f"{MARK}={mark}".encode()
    for path in pathlib.Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if wanted in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found
