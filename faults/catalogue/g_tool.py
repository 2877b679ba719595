# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""G: the control plane and the tool itself."""

from __future__ import annotations

import calendar
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from .. import kube
from ..kube import Broken
from ..place import RELEASE, Place
from ..play import Play
from ..row import ENGINE_ROLES, UPGRADE, Row
from ..signals import exited


class Relay:
    """A TCP relay to the API server that can be switched off: then it refuses, and what was open is cut."""

    def __init__(self) -> None:
        host, port = re.search(r"server: https://([^:]+):(\d+)", kube.KUBECONFIG.read_text()).groups()  # type: ignore[union-attr]
        self._target = (host, int(port))
        self._open: list[socket.socket] = []
        self._listen()
        self.port = self._socket.getsockname()[1]
        self.port_fixed = self.port

    def _listen(self, port: int = 0) -> None:
        self._socket = socket.create_server(("127.0.0.1", port), reuse_port=False)
        threading.Thread(target=self._accept, args=(self._socket,), daemon=True).start()

    def _accept(self, server: socket.socket) -> None:
        while True:
            try:
                near, _address = server.accept()
                far = socket.create_connection(self._target)
            except OSError:
                return
            self._open += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    @staticmethod
    def _pump(one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(65536):
                other.sendall(data)
        except OSError:
            pass
        for each in (one, other):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def off(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for each in self._open:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self._open.clear()

    def on(self) -> None:
        self._listen(self.port)


def _through_relay(place: Place) -> None:
    relay = place.notes["relay"] = Relay()
    text = re.sub(r"server: https://[^\s]+", f"server: https://127.0.0.1:{relay.port}", kube.KUBECONFIG.read_text())
    (place.folder / "relay.kubeconfig").write_text(text)


def _away(seconds: float) -> Callable[[Place, Play], None]:
    def cut(place: Place, play: Play) -> None:
        play.until(r"Job/\S+ is running", 90)
        time.sleep(2)
        place.notes["relay"].off()
        time.sleep(seconds)
        place.notes["relay"].on()

    return cut


def _interrupted(number: int, tree: bool = False) -> Callable[[Place], Play]:
    """One run that is ended by a signal in the middle of the migration, and then another one."""

    def script(place: Place) -> Play:
        first = Play(place, place.variables(), label="first")
        if first.until(r"Job/\S+ is running", 90) is None:
            raise Broken(f"the first run ended too early: {first.screen[-400:]}")
        time.sleep(4)
        (first.kill_tree if tree else first.kill)(number)
        ended = time.monotonic()
        first.wait(60)
        said = None if tree else first.until("FAILED Interrupted", 25)
        place.notes.update(said=None if said is None else said - ended, status=place.release_status(), screen=first.screen)
        return Play(place, {**place.variables(), "oceans_llm_values": _calm(place)}, label="second")

    return script


def _clock(seconds: int) -> Callable[[Place], Play]:
    """The clock of the machine that Ansible runs on is wrong (clock.c)."""

    def script(place: Place) -> Play:
        compiler = shutil.which("cc")
        if compiler is None:
            raise Broken("this row needs a C compiler (Debian: apt-get install gcc libc6-dev)")
        library = place.folder / "clock.so"
        kube.run(compiler, "-shared", "-fPIC", "-o", str(library), str(kube.ROOT / "faults" / "clock.c"))
        wrong = {"LD_PRELOAD": str(library), "CLOCK_SHIFT": str(seconds)}
        clock = [sys.executable, "-c", "import time; print(time.time())"]
        said = subprocess.run(clock, env={**os.environ, **wrong}, capture_output=True, text=True, check=True)
        if abs(float(said.stdout) - time.time() - seconds) > 5:
            raise Broken(f"the clock did not change: {said.stdout}")
        return Play(place, place.variables(), place.row.roles, env=wrong)

    return script


def _dated_by_the_server(place: Place, play: Play) -> list[str]:
    """Whoever compares a report with the cluster's events must not be led astray."""
    off = [abs(path.stat().st_mtime - _stamp(path.parent.name)) for path in place.reports()]
    worst = max(off, default=0.0)
    return [] if off and worst < 120 else [f"the time in the folder name of a report differs from the server's time by {worst:.0f} s (allowed: 120 s)"]


def _stamp(folder: str) -> float:
    return calendar.timegm(time.strptime(folder.rsplit("-", 1)[-1], "%Y%m%dT%H%M%SZ"))


def _overtake(place: Place, play: Play) -> None:
    """Somebody else's pipeline, as soon as Helm is done and the pods are awaited."""
    play.until(r"Job/\S+ is complete", 120)
    kube.until(lambda: place.release_status() == "deployed", 30, "Helm did not end")
    helm = [str(kube.STATE / "bin" / "helm"), "--kubeconfig", str(kube.KUBECONFIG), "--namespace", place.namespace]
    chart = str(kube.ROOT / "charts" / "oceans-llm")
    kube.run(*helm, "upgrade", RELEASE, chart, "--reuse-values", "--no-hooks", "--set", "gateway.podAnnotations.by=somebody")


def _third_revision(kind: str, obj: Mapping[str, Any]) -> bool:
    return obj.get("kind") == "Secret" and (obj["metadata"].get("labels") or {}).get("version") == "3"


def _calm(place: Place) -> dict[str, object]:
    """The same without the slow migration."""
    values = json.loads(json.dumps(place.variables()["oceans_llm_values"]))
    values["gateway"]["extraEnv"] = []
    return dict(values)


def _said_and_safe(place: Place, play: Play) -> list[str]:
    notes, problems = place.notes, []
    if notes["said"] is None:
        problems.append(f"the interrupted run did not print FAILED Interrupted: {notes['screen'][-500:]}")
    elif notes["said"] > 15:
        problems.append(f"the interrupted run took {notes['said']:.1f} s to print FAILED Interrupted")
    if notes["status"] != "failed":
        problems.append(f"the interrupted run left the release {notes['status'] or 'without a revision'}")
    return problems


ROWS = (
    Row(
        "G1",
        "the API server does not answer for 20 s",
        prepare=_through_relay,
        variables={"oceans_llm_kubeconfig": "@FOLDER@/relay.kubeconfig"},
        knobs={"STANDIN_MIGRATION_SLOW": "30:30"},
        beside=_away(20),
        says=("cluster state unknown", "answers again"),
        takes=80,
    ),
    Row(
        "G2",
        "all watches are interrupted once",
        prepare=_through_relay,
        variables={"oceans_llm_kubeconfig": "@FOLDER@/relay.kubeconfig"},
        knobs={"STANDIN_MIGRATION_SLOW": "30:8"},
        beside=_away(0.2),
        takes=60,
    ),
    Row(
        "G4",
        "SIGTERM ends a run during the migration, and the next run continues",
        script=_interrupted(signal.SIGTERM),
        knobs={"STANDIN_MIGRATION_SLOW": "30:300"},
        check=_said_and_safe,
        takes=60,
        quick=True,
    ),
    Row(
        "G4t",
        "SIGKILL ends the process tree of a run during the migration, and the next run continues",
        script=_interrupted(signal.SIGKILL, tree=True),
        knobs={"STANDIN_MIGRATION_SLOW": "30:300"},
        says=("mark(s|ed|ing) .*as failed|dead",),
        takes=60,
    ),
    Row(
        "G4k",
        "SIGKILL ends a run during the migration, and the next run continues",
        script=_interrupted(signal.SIGKILL),
        knobs={"STANDIN_MIGRATION_SLOW": "30:300"},
        takes=60,
    ),
    Row(
        "G4i",
        "Ctrl-C ends a run during the migration, and the next run continues",
        script=_interrupted(signal.SIGINT),
        knobs={"STANDIN_MIGRATION_SLOW": "30:300"},
        check=_said_and_safe,
        takes=60,
    ),
    Row(
        "G5",
        "the clock of the Ansible controller is 10 min ahead",
        script=_clock(600),
        knobs={"STANDIN_MIGRATION_SLOW": "30:6", "STANDIN_SLOW_START": "serve:10"},
        check=_dated_by_the_server,
        takes=60,
    ),
    Row(
        "G5f",
        "a wrong database password, and the clock of the Ansible controller is 10 min behind",
        "DatabaseAuth",
        script=_clock(-600),
        variables={"oceans_llm_secrets": {"POSTGRES_URL": "postgresql://@DB@:wrong@postgres.@SERVER@.svc:5432/@DB@"}},
        roles=ENGINE_ROLES,
        signal=exited("migrate"),
        check=_dated_by_the_server,
        says=("28P01",),
    ),
    Row(
        "G6",
        "another user upgrades the release during the rollout",
        "ReleaseOvertaken",
        on=(UPGRADE,),
        knobs={"STANDIN_SLOW_START": "serve:45"},
        beside=_overtake,
        signal=_third_revision,
        says=("revision 3", "revision 2"),
        old_serve=False,  # what becomes of the pods is theirs
        takes=60,
    ),
)
