# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kubernetes.core.helm as a background job beside the watcher.

The module's own action refuses `async`; what works is to start the *module* with Ansible's async wrapper from an action
plugin. Its job file holds only `started`/`finished` until the module's result replaces everything in it. Helm's process
is found by the session id that it shares with the wrapper: the one process that may be ended by SIGTERM (release
`failed`), never by SIGKILL (release `pending-…`).
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

#: Ansible ends a job with SIGKILL when this is over, so it lies far above every timeout of the run (seconds)
ASYNC_LIMIT = 6 * 3600


@dataclass(frozen=True)
class Helm:
    """What is known of the helm process, one input among many. `running` None: nobody runs Helm here."""

    running: bool | None = None
    ended_at: float = 0.0
    error: str = ""



class HelmJob:
    """One run of the helm module in the background."""

    def __init__(self, job: dict[str, Any], clock: Callable[[], float]) -> None:
        self.id = str(job["ansible_job_id"])
        self._file = job.get("results_file") or os.path.expanduser(f"~/.ansible_async/{self.id}")
        self._clock = clock
        self._ended_at = 0.0
        self._terminating = False
        self.result: dict[str, Any] | None = None

    def poll(self) -> Helm:
        """Look once. Sets :attr:`result` when the module has ended, and removes the job file."""
        if self.result is None:
            self.result = self._read()
            if self.result is not None:
                self._ended_at = self._clock()
                self._remove()
        if self._terminating:  # the cause may be known before helm's process exists: look until the job is over
            self._signal()
        if self.result is None:
            return Helm(running=True)
        return Helm(running=False, ended_at=self._ended_at, error=error_of(self.result))

    def terminate(self, deadline: float = 20.0) -> bool:
        """End helm with SIGTERM and wait for the module's result; False when it is not there in time."""
        self._terminating = True
        end = time.monotonic() + deadline
        while self.poll().running:
            if time.monotonic() > end:
                return False
            time.sleep(0.05)  # a job file has no watch
        return True

    def alive(self) -> bool:
        """True while a helm process of this job is there."""
        return any(True for _pid in helm_processes(self.id))

    def _read(self) -> dict[str, Any] | None:
        try:
            with open(self._file, encoding="utf-8") as file:
                found = json.load(file)
        except (OSError, ValueError):  # not there yet, or half written
            return None
        if "ansible_job_id" in found and "started" in found and not found.get("finished"):
            return None
        return dict(found)

    def _remove(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._file)

    def _signal(self) -> None:
        for pid in helm_processes(self.id):
            with contextlib.suppress(ProcessLookupError):  # it ended by itself
                os.kill(pid, signal.SIGTERM)


class Launch:
    """Starts a job beside the caller. Ansible takes a second or two for that, in which Helm may be at work already: nobody who watches should
    have to wait for it."""

    def __init__(self, start: Callable[[], HelmJob]) -> None:
        self._start = start
        self._job: HelmJob | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._go, name="helm", daemon=True)
        self._thread.start()

    def _go(self) -> None:
        try:
            self._job = self._start()
        except BaseException as error:
            self._error = error

    def poll(self) -> Helm:
        """:raises BaseException: what kept it from starting."""
        return Helm(running=True) if self._thread.is_alive() else self._started().poll()

    def terminate(self, deadline: float = 20.0) -> bool:
        """See :meth:`HelmJob.terminate`; what never started has ended."""
        self._thread.join(deadline)
        if self._thread.is_alive():
            return False
        return self._job.terminate(deadline) if self._job else True

    def alive(self) -> bool:
        return self._thread.is_alive() or bool(self._job and self._job.alive())

    def _started(self) -> HelmJob:
        if self._job is None:
            raise self._error or RuntimeError("the job was not started")
        return self._job


def error_of(result: dict[str, Any]) -> str:
    """What Helm said when it failed, without the module's own wording; empty when it did not fail."""
    if not result.get("failed") and not result.get("rc"):
        return ""
    text = str(result.get("stderr") or result.get("msg") or "no message").strip()
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith(("WARNING", "level=", "I0", "W0"))]
    return (lines or [text])[-1].removeprefix("Error: ").strip()


def helm_processes(job_id: str) -> Iterator[int]:
    """Process ids of the helm commands of one async job (Linux: /proc)."""
    name = job_id.split(".", 1)[0]
    seen = list(_processes())
    sessions = {sid for _pid, sid, argv in seen if name in argv and any(a.endswith("async_wrapper.py") for a in argv)}
    for pid, sid, argv in seen:
        if sid in sessions and argv and os.path.basename(argv[0]).startswith("helm"):
            yield pid


def _processes() -> Iterator[tuple[int, int, list[str]]]:
    """(pid, session, argv) of every process that can be read."""
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat", encoding="ascii", errors="replace") as file:
                session = int(file.read().rsplit(")", 1)[1].split()[3])
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                argv = file.read().decode(errors="replace").split("\0")[:-1]
        except (OSError, ValueError, IndexError):
            continue
        yield int(entry), session, argv
