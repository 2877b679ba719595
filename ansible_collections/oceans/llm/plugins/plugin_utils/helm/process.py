# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kubernetes.core.helm as a background job beside the watcher: start, look, end.

The module's own action refuses `async`; what works is to start the *module* with Ansible's async wrapper from an action plugin. Its
job file holds only `started`/`finished` until the module's result replaces everything in it.

The module starts helm several times (version, list, show chart, upgrade). It is given a program of ours as helm (`binary_path`),
which writes the numbers of helm's process and of the module's, and then becomes the real helm. So the one process that may be
ended is known: by SIGTERM (release `failed`), never by SIGKILL (release `pending-…`).

Whether anything has to change is decided when the module is started. The module would decide again, by the release's values and the chart's
version, and leave Helm alone when both are the same: a changed template, drift, or a revision to be made again would pass for done. So our
program answers these questions itself: as if there were no release. The module then starts `helm upgrade --install`, as for one that exists.
It asks for Helm's version before and after that, and is told once.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .cli import as_text

if TYPE_CHECKING:
    from ansible.plugins.action import ActionBase

#: Ansible ends a job with SIGKILL when this is over, so it lies far above every timeout of the run (seconds)
ASYNC_LIMIT = 6 * 3600
#: seconds that the module is given until it starts helm for the first time (Python and Ansible's payload on a busy machine)
FIRST_START = 60.0
#: seconds that a module which has ended is given until its result can be read
LAST_WORDS = 5.0
KILLED = "the module kubernetes.core.helm ended without a result (it was probably killed), so the result of helm is not known"

#: once there is a file `stop`, no helm is started any more: the module may be between two of them when the run is ended
WRAPPER = """#!/bin/sh
echo "$$ $PPID" > {folder}/pid.$$ && mv {folder}/pid.$$ {folder}/pid || exit 1
if [ -e {folder}/stop ]; then echo "Error: the run was ended before helm was started" >&2; exit 1; fi
cd {here} || exit 1
{environment}case "$1" in
  list) echo "[]" ;;
  show) echo "{{}}" ;;
  version) [ -s {folder}/version ] || {program} "$@" > {folder}/version || exit; cat {folder}/version ;;
  *) exec {program} "$@" ;;
esac
"""


@dataclass(frozen=True)
class Helm:
    """What is known of the helm process, one input among many. `running` None: nobody runs Helm here."""

    running: bool | None = None
    ended_at: float = 0.0
    error: str = ""


class HelmJob:
    """One run of the helm module in the background. `folder` is the one of :func:`wrapper`."""

    def __init__(self, job: Mapping[str, Any], folder: str, clock: Callable[[], float]) -> None:
        self._file = str(job.get("results_file") or "")
        self._folder, self._clock = folder, clock
        self._ended_at = 0.0
        self._begun = time.monotonic()
        self._module_gone: float | None = None
        self._unread = ""
        self._known: tuple[int | None, int | None] = (None, None)
        self._signalled: set[int] = set()
        self.result: dict[str, Any] | None = None

    def poll(self) -> Helm:
        """Look once. Sets :attr:`result` when the module has ended, or when no result can come any more."""
        if self.result is None:
            self.result = self._read() or self._lost()
            if self.alive():  # the module was killed, and its helm works on
                self.result = None
            if self.result is not None:
                self._ended_at = self._clock()
        if self.result is None:
            return Helm(running=True)
        return Helm(running=False, ended_at=self._ended_at, error=error_of(self.result))

    def terminate(self, deadline: float = 20.0) -> bool:
        """End helm with SIGTERM, let the module start no other one, and wait for the module's result; False when one of both is missing in time."""
        end = time.monotonic() + deadline
        stop(self._folder)
        while self.poll().running or self.alive():
            if time.monotonic() > end:
                return False
            self._signal()
            time.sleep(0.05)  # neither a job file nor somebody else's child can be waited for
        return True

    @property
    def pid(self) -> int | None:
        """Of the helm process that was started last; None before the first."""
        return self._who()[0]

    def _who(self) -> tuple[int | None, int | None]:
        """What the wrapper wrote last; the folder may be gone (a cleaner of temporary files), and Helm works on."""
        found = _numbers(self._folder)
        self._known = found if found != (None, None) else self._known
        return self._known

    def alive(self) -> bool:
        """True while a helm process of this job runs."""
        return _runs(self.pid)

    def _read(self) -> dict[str, Any] | None:
        try:
            found = json.loads(Path(self._file).read_text(encoding="utf-8"))
            self._unread = ""
        except (OSError, ValueError) as error:  # not there yet, or it never will be
            self._unread = str(error)
            return None
        if "ansible_job_id" in found and "started" in found and not found.get("finished"):
            return None
        if found.get("failed") and ("data" in found or "outdata" in found):  # Ansible's wrapper, of a module that printed no result
            return self._failure(KILLED)
        return dict(found)

    def _lost(self) -> dict[str, Any] | None:
        """A failure in place of the result that will not come: the module was killed, or its job file cannot be read."""
        now, (helm, module) = time.monotonic(), self._who()
        if module is None:
            if now - self._begun < FIRST_START:
                return None
            return self._failure(f"the module kubernetes.core.helm has not started helm within {FIRST_START:.0f} s")
        if _runs(module) or _runs(helm):
            self._module_gone = None
            return None
        self._module_gone = self._module_gone or now
        if now - self._module_gone < LAST_WORDS:
            return None
        return self._failure(KILLED)

    def _failure(self, what: str) -> dict[str, Any]:
        why = f"; the job file of the module cannot be read: {self._unread}" if self._unread else ""
        return {"failed": True, "msg": f"{what}{why}"}

    def _signal(self) -> None:
        pid = self.pid
        if pid and pid not in self._signalled and _runs(pid):  # once is enough: helm notes it, and a second one might find another process
            self._signalled.add(pid)
            os.kill(pid, signal.SIGTERM)


class Launch:
    """Starts a job beside the caller. Ansible takes a second or two for that, and Helm may be running already: a watcher should not
    have to wait for it."""

    def __init__(self, start: Callable[[], HelmJob], folder: str, clock: Callable[[], float]) -> None:
        self._start, self._folder, self._clock = start, folder, clock
        self._job: HelmJob | None = None
        self._error: BaseException | None = None
        self._failed_at = 0.0
        self._thread = threading.Thread(target=self._go, name="helm", daemon=True)
        self._thread.start()

    def _go(self) -> None:
        try:
            self._job = self._start()
        except BaseException as error:  # told by poll
            self._error, self._failed_at = error, self._clock()

    def poll(self) -> Helm:
        """What kept it from starting is an error like one of Helm's own."""
        if self._thread.is_alive():
            return Helm(running=True)
        if self._job is None:
            text = str(self._error) or type(self._error).__name__
            return Helm(running=False, ended_at=self._failed_at, error=f"the module kubernetes.core.helm could not be started: {text}")
        return self._job.poll()

    def terminate(self, deadline: float = 20.0) -> bool:
        """See :meth:`HelmJob.terminate`; what never started has ended."""
        end = time.monotonic() + deadline
        stop(self._folder)
        self._thread.join(deadline)
        if self._thread.is_alive():
            return False
        return self._job.terminate(max(0.0, end - time.monotonic())) if self._job else True

    @property
    def pid(self) -> int | None:
        return self._job.pid if self._job else _numbers(self._folder)[0]

    def alive(self) -> bool:
        """True while helm runs, or may still be started."""
        return self._thread.is_alive() or bool(self._job and self._job.alive())


@dataclass(frozen=True)
class Upgrade:
    """What helm is to do. How to reach the cluster is said by the environment of the wrapper, and to the module not at all."""

    name: str
    namespace: str
    chart: str
    values: Mapping[str, Any]
    timeout: int
    force_conflicts: bool

    def options(self, folder: str, program: str) -> dict[str, Any]:
        """For the module: no wait, no atomic; the watcher is the wait."""
        return {
            "release_name": self.name,
            "release_namespace": self.namespace,
            "chart_ref": self.chart,
            "wait": False,
            "timeout": f"{self.timeout}s",
            # a file of our own: the module would write YAML in which a string like 0123456789 stands bare, a number to Helm
            "values_files": [values_file(folder, self.values)],
            "binary_path": program,
            **({"force_conflicts": True} if self.force_conflicts else {}),
        }


def launch(
    action: ActionBase,
    upgrade: Upgrade,
    folder: str,
    program: str,
    environment: Mapping[str, str | None],
    task_vars: Mapping[str, Any],
    clock: Callable[[], float],
) -> Launch:
    """Start kubernetes.core.helm for an action plugin whose connection is local; `program` is the real helm, `folder` readable for nobody else."""
    options = upgrade.options(folder, wrapper(folder, program, {**environment, "HELM_NAMESPACE": upgrade.namespace}))
    return Launch(lambda: start(action, options, folder, task_vars, clock), folder, clock)


def warm(action: ActionBase, task_vars: Mapping[str, Any]) -> None:
    """Have Ansible pack the module beside whatever comes before its start. Ansible keeps the package for this run, whichever task asked for it."""

    def pack() -> None:
        with contextlib.suppress(Exception):  # told when the module is started
            action._configure_module("kubernetes.core.helm", {}, _here(task_vars))

    threading.Thread(target=pack, name="helm module", daemon=True).start()


def _here(task_vars: Mapping[str, Any]) -> dict[str, Any]:
    """The module runs here, beside this plugin, with the Python that runs Ansible: it needs the same packages."""
    return {**task_vars, "ansible_python_interpreter": sys.executable}


def start(action: ActionBase, options: Mapping[str, Any], folder: str, task_vars: Mapping[str, Any], clock: Callable[[], float]) -> HelmJob:
    """Have Ansible start the module in the background.

    As the user who runs Ansible, whatever the play's `become` says: the files are that user's, and so is the process that may have to be
    ended. The job file goes to `folder` instead of ~/.ansible_async: it holds the release's values, and Ansible makes it readable for all.

    :raises RuntimeError: when Ansible does not get it started.
    """
    jobs = os.path.join(folder, "job")
    os.makedirs(jobs, mode=0o700, exist_ok=True)
    with _background(action, jobs):
        job = action._execute_module(module_name="kubernetes.core.helm", module_args=dict(options), task_vars=_here(task_vars), wrap_async=True)
    if "ansible_job_id" not in job:
        raise RuntimeError(failure_of(job))
    return HelmJob(job, folder, clock)


@contextlib.contextmanager
def _background(action: ActionBase, jobs: str) -> Iterator[None]:
    """The task as Ansible's async wrapper wants it, without become, and with the folder for job files."""
    task, connection = action._task, action._connection
    shell, become, environment = connection._shell, connection.become, task.environment
    before = shell.get_option("async_dir")
    task.async_val, connection.become, task.environment = ASYNC_LIMIT, None, []  # action_base has put the task's own into this process
    shell.set_option("async_dir", jobs)
    try:
        yield
    finally:
        task.async_val, connection.become, task.environment = 0, become, environment
        shell.set_option("async_dir", before)


def values_file(folder: str, values: Mapping[str, Any]) -> str:
    """The values for Helm, readable for nobody else, gone with the folder."""
    path = os.path.join(folder, "values.json")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(as_text(values))
    return path


def wrapper(folder: str, program: str, environment: Mapping[str, str | None]) -> str:
    """Write the program that the module takes for helm; returns its path. `environment`: what helm gets besides, None takes a variable away.

    Helm runs where Ansible was started, like this plugin, and not in the playbook's folder: a kubeconfig may name a program with relative arguments.
    """
    lines = "".join(f"unset {name}\n" if value is None else f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
    path = os.path.join(folder, "helm")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o700), "w", encoding="utf-8") as file:
        file.write(WRAPPER.format(folder=shlex.quote(folder), here=shlex.quote(os.getcwd()), program=shlex.quote(program), environment=lines))
    return path


def stop(folder: str) -> None:
    """From now on the wrapper starts nothing. Without the folder there is no wrapper, either."""
    with contextlib.suppress(OSError):
        Path(folder, "stop").touch()


def _numbers(folder: str) -> tuple[int | None, int | None]:
    """(helm's process, the module's process) as the wrapper wrote them."""
    try:
        helm, module = Path(folder, "pid").read_text(encoding="ascii").split()
        return int(helm), int(module)
    except (OSError, ValueError):
        return None, None


def _runs(pid: int | None) -> bool:
    with contextlib.suppress(OSError):  # gone; or the number belongs to somebody else's process by now
        if pid:
            os.kill(pid, 0)
            return True
    return False


#: what is no word of Helm's: client-go's log (klog: severity, month and day), Helm's own log, warnings
_NOISE = re.compile(r"[IWEF]\d{4} |WARNING|level=|time=\S+ level=")
_KLOG = re.compile(r"[IWEF]\d{4} \S+ +\d+ \S+:\d+\] ")


def error_of(result: Mapping[str, Any]) -> str:
    """What Helm said when it failed, all of it and without the module's own wording; empty when it did not fail."""
    return failure_of(result) if result.get("failed") or result.get("rc") else ""


def failure_of(result: Mapping[str, Any]) -> str:
    """The words of a module that failed: Helm's error output, else the module's message, else the exception that ended the module."""
    for text in (result.get("stderr"), _message(result), result.get("stdout"), result.get("module_stderr"), _last_line(result.get("exception"))):
        words = _words(str(text or ""))
        if words:
            return words
    code = result.get("rc")
    ended = f"helm ended with exit code {code} and" if isinstance(code, int) and code else "the module kubernetes.core.helm failed and"
    return f"{ended} wrote no message; for Helm's record of the change, run helm history; for the complete result of the module, run ansible-playbook -vvv"


def _message(result: Mapping[str, Any]) -> str:
    """The module repeats Helm's output behind `stdout:` and `stderr:`; with both empty that is no message."""
    text = str(result.get("msg") or "").strip()
    return "" if re.fullmatch(r"Failure when executing Helm command\. Exited -?\d+\.\s*stdout:\s*stderr:\s*", text + "\n") else text


def _last_line(trace: Any) -> str:
    return trace.strip().splitlines()[-1] if isinstance(trace, str) and trace.strip() else ""


def _words(text: str) -> str:
    """Without log lines, unless there is nothing else."""
    lines = [line.rstrip() for line in text.strip().splitlines()]
    told = [line for line in lines if not _NOISE.match(line)]
    if not any(told):
        told = [_KLOG.sub("", line) for line in lines if line.startswith(("E", "F"))] or lines
    return "\n".join(told).strip().removeprefix("Error: ").strip()
