# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One row from its namespace to its verdict."""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from collections.abc import Iterator

from . import kube
from .compare import compare
from .kube import Broken, Watcher
from .order import Slots
from .place import NEW, OLD, Place
from .play import HOST, Play
from .row import ENGINE, PREFLIGHT, Measured, Row

#: seconds from naming the cause to FAILED: the fence, Helm's end, the logs (issue: safe state within 15 s)
SAFE_STATE = 15.0
#: seconds from the announcement of a task until its plugin is at work, and from its end until the screen shows it
ANSIBLE = 2.0


class Load:
    """Requests to the gateway through its Service, four a second, while a row runs."""

    def __init__(self, place: Place) -> None:
        self.asked, self.failed = 0, 0
        self._place, self._over = place, threading.Event()
        self._thread = threading.Thread(target=self._go, daemon=True)
        self._thread.start()

    def _go(self) -> None:
        api = kube.kubernetes.config.new_client_from_config(str(kube.KUBECONFIG))
        url = f"{api.configuration.host}/api/v1/namespaces/{self._place.namespace}/services/http:oc-oceans-llm-gateway:8080/proxy/api/v1/health"
        while not self._over.wait(0.25):
            try:
                answer = api.rest_client.pool_manager.request("GET", url, timeout=5.0, retries=False)
                ok = answer.status == 200
            except Exception:  # noqa: BLE001 - whatever it is, a user's request has failed
                ok = False
            self.asked, self.failed = self.asked + 1, self.failed + (not ok)

    def end(self) -> str:
        self._over.set()
        self._thread.join(6)
        return f"{self.failed} of {self.asked} failed"


@contextlib.contextmanager
def placed(place: Place) -> Iterator[Place]:
    """From the namespace to its end; what the row broke is put right whatever came of it."""
    try:
        place.make()
        yield place
    finally:
        try:
            if place.row.mend:
                place.row.mend()
        finally:
            place.remove()


def measure(row: Row, token: str, keep: bool, slots: Slots) -> Measured:
    """Never raises: what breaks in the suite is the row's problem."""
    result = Measured(row.id, row.title, row.on[0], row.expect or "must pass", within=row.within)
    begun = time.monotonic()
    try:
        with slots.alone() if row.alone else contextlib.nullcontext():
            _measure(row, Place(row, token, keep), result, slots)
    except Exception as error:  # noqa: BLE001 - a suite that dies in the middle says nothing about the other rows
        result.problems.append(f"the test suite failed: {type(error).__name__}: {error}")
    result.seconds = round(time.monotonic() - begun, 1)
    return result


def _measure(row: Row, place: Place, result: Measured, slots: Slots) -> None:
    with placed(place):
        with slots:
            if row.upgrade:
                base = Play(place, place.base_variables(), label="base")
                if base.wait(180) != 0:
                    raise Broken(f"the old version could not be installed: {base.screen[-600:]}")
            if row.prepare:
                row.prepare(place)
            before, revisions, watcher = place.version(), place.revisions(), Watcher(place.namespace)
            load = Load(place) if row.upgrade else None
            play = row.script(place) if row.script else Play(place, place.variables(), row.roles)
            beside = threading.Thread(target=_beside, args=(row, place, play, result), daemon=True)
            beside.start()
            code = play.wait(row.timeout + 120)
            beside.join(60)
            if load:
                result.requests = load.end()
        failure = play.failure
        if failure and row.watch_after:
            time.sleep(max(0.0, failure[0] + row.watch_after - time.monotonic()))
        watcher.stop()
        _judge(row, place, play, watcher, result, code, before, revisions)
        if row.compare:
            result.theirs = compare(place)


def _beside(row: Row, place: Place, play: Play, result: Measured) -> None:
    try:
        if row.beside:
            row.beside(place, play)
    except Exception as error:  # noqa: BLE001 - said with the row
        result.problems.append(f"the fault could not be created: {error}")


def _judge(row: Row, place: Place, play: Play, watcher: Watcher, result: Measured, code: int, before: int, revisions: int) -> None:
    result.lines = sum(1 for _at, text in play.lines if text.startswith(f"[{HOST}]"))
    failure = play.failure
    if not row.expect:
        _passed(row, place, play, result, code)
    elif row.by == PREFLIGHT:
        _refused(row, place, play, result, code, revisions)
    else:
        _failed(row, place, play, watcher, result, before)
    if row.expect and row.by == ENGINE and failure:
        result.line = failure[2]
    if row.check:
        result.problems += row.check(place, play)


def _passed(row: Row, place: Place, play: Play, result: Measured, code: int) -> None:
    wrong = [text for _at, text in play.lines if f"[{HOST}] FAILED" in text or f"[{HOST}] ERROR" in text or "fatal: [" in text]
    result.false_lines, result.got = len(wrong), "served" if code == 0 and not wrong else "failed"
    result.line = next((text for _at, text in reversed(play.lines) if text.startswith(f"[{HOST}]")), "")
    if code or wrong:
        result.problems.append(f"the run had to succeed: {(wrong or [play.screen[-400:]])[0][:600]}")
        return
    served, status, version = place.served(), place.release_status(), place.version()
    result.safe = f"serves {served or 'nothing'}, release {status}"
    result.database = f"V{version}"
    if served != NEW.removeprefix("v") or status != "deployed":
        result.problems.append(f"after success: {result.safe}")
    _says(row, play.screen, result)


def _refused(row: Row, place: Place, play: Play, result: Measured, exit_code: int, revisions: int) -> None:
    found = {c: (at, line) for at, c, line in play.refusals}
    code = next((c for c in row.expect.split("|") if c in found), "")
    at, line = found.get(code, (None, ""))
    result.got, result.line = code if at else ", ".join(found) or f"exit {exit_code}", line or play.screen[-300:]
    start = play.role_started("preflight") or play.started
    result.signal = round(start - play.started, 2)
    if at:
        result.named = result.said = round(at - play.started, 2)
    if not at:
        result.problems.append(f"preflight did not report {row.expect}: {result.line[-400:]}")
    elif result.after_signal is not None and result.after_signal > row.within + ANSIBLE:
        result.problems.append(f"the finding was printed after {result.after_signal} s; the limit is {row.within} s (plus {ANSIBLE:g} s for Ansible)")
    if exit_code == 0:
        result.problems.append("preflight did not stop the run, and the run succeeded")
    changed = place.revisions() != revisions and row.script is None  # a script's first run may have made one
    result.safe = "something was released" if changed else "nothing was changed"
    if changed:
        result.problems.append("preflight refused, but a revision was created")
    _says(row, line, result)


def _failed(row: Row, place: Place, play: Play, watcher: Watcher, result: Measured, before: int) -> None:
    failure = play.failure
    if failure is None:
        result.got = "served" if play.process.returncode == 0 else f"no FAILED line (exit {play.process.returncode})"
        result.problems.append(f"a failure was expected, and the run reported none; the end of its output: {play.screen[-500:]}")
        return
    at, result.got, line = failure
    result.said = round(at - play.started, 2)
    named = play.first(row.named or rf"^\[{HOST}\] .*\b({row.expect})\b")
    result.named = round((named or at) - play.started, 2)
    if result.got not in row.expect.split("|"):
        result.problems.append(f"the run reported {result.got}: {line[:500]}")
    first = watcher.first(row.signal) if row.signal else None
    if row.signal and first is None:
        result.problems.append("the suite's own watch did not see the fault")
    elif first is not None:
        result.signal = round(first - play.started, 2)
        _in_time(row, result)
    _says(row, line, result)
    _safe(row, place, play, watcher, result, at, before)


def _in_time(row: Row, result: Measured) -> None:
    named, declared = result.after_signal, result.declared_after
    limit = row.declared_within or row.within + SAFE_STATE
    if named is not None and named > row.within:
        result.problems.append(f"the cause was named {named} s after the first signal; the limit is {row.within} s")
    if declared is not None and declared > limit:
        result.problems.append(f"FAILED was printed {declared} s after the first signal; the limit is {limit} s")


def _safe(row: Row, place: Place, play: Play, watcher: Watcher, result: Measured, at: float, before: int) -> None:
    alive, status, version = watcher.jobs_alive_after(at), place.release_status(), place.version()
    parts = ["no Job pod alive" if not alive else f"alive: {', '.join(alive)}", f"release {status or 'none'}"]
    if alive:
        result.problems.append(f"pods of Jobs ran after FAILED: {', '.join(alive)}")
    if status not in ("failed", "deployed") or (status == "deployed" and not row.expect):
        result.problems.append(f"the release is {status or 'missing'}, not failed")
    if row.upgrade and row.old_serve:
        served = place.served()
        parts.append(f"old pods serve {served or 'nothing'}")
        if served != OLD.removeprefix("v"):
            result.problems.append(f"the old pods do not serve: {served or 'no answer'}")
    result.safe = ", ".join(parts)
    _database(place, result, before, version)


def _database(place: Place, result: Measured, before: int, version: int) -> None:
    """What was said of the database, held against psql."""
    reports = place.reports()
    said = str(json.loads(reports[-1].read_text())["database"]) if reports else ""
    result.database = f"{said} / psql: {f'V{version}' if version else 'no history'}"
    told = re.search(r"database (?:still )?at V(\d+)", said)
    if told and int(told.group(1)) != version:
        result.problems.append(f"the run states '{said}', but psql shows V{version}")
    if re.search(r"unchanged|no migration began|still at the version before", said) and version != before:
        result.problems.append(f"the run states '{said}', but psql shows that V{before} became V{version}")
    unreachable = re.search(r"refuses the connection|gives no answer|cannot be reached|has no address|no ready pod|too many connections", said)
    if not said or (re.search(r"unknown|could not be read", said) and not unreachable):  # of a server that nobody reaches nothing can be known
        result.problems.append(f"the run does not state the database's version: {said or 'no report'}")


def _says(row: Row, text: str, result: Measured) -> None:
    missing = [p for p in row.says if not re.search(p, text)]
    if missing:
        result.problems.append(f"missing in the output: {' · '.join(missing)}")
