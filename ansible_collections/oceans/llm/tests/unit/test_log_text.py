# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A log of any length and shape costs a bounded time, keeps its end, and shows no secret that lies across two of its pieces."""

from __future__ import annotations

import json
import threading
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.oceans.llm.plugins.plugin_utils.helm.process import Helm
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import logs
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.baseline import Before
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.log_text import LIMIT, LINE, Backlog, Cleaned, capped
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.logs import LogReader
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.model import Scope, Snapshot
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.tape import Tape
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.watch import Change, World
from ansible_collections.oceans.llm.plugins.plugin_utils.secrets.redact import HIDDEN, Redactor

from .fake_api import FakeApi, status

KEY = ("p", "c")
SECRET = "s3cr3t-horse-battery"


def clean():
    made = Redactor()
    made.learn([SECRET])
    return made


# --- what is kept -------------------------------------------------------------------------------------------------------


def test_the_end_is_kept_and_what_is_missing_is_counted():
    text = capped("".join(f"line {n} {'x' * 90}\n" for n in range(2000)))
    first, *rest = text.splitlines()
    assert len(text) <= LIMIT and rest[-1].startswith("line 1999 ") and first == f"… {2000 - len(rest)} lines left out"
    again = capped(text + "".join(f"more {n} {'x' * 90}\n" for n in range(2000)))
    assert again.splitlines()[0] == f"… {4000 - len(again.splitlines()) + 1} lines left out"


def test_lines_about_migrations_are_kept_wherever_they_stand():
    noise = "".join(f"DEBUG {n} {'x' * 90}\n" for n in range(3000))
    text = capped(f"applying migration V17\n{noise}")
    assert "applying migration V17\n" in text and "applying migration V17\n" in capped(text + noise) and len(capped(text + noise)) < 2 * LIMIT


def test_an_end_without_a_line_break_is_kept_too():
    assert capped("x" * 500_000 + "the error").endswith("the error") and len(capped("x" * 500_000)) < LIMIT


@settings(deadline=None)
@given(st.lists(st.text(alphabet="ab\n", max_size=9), max_size=12))
def test_a_backlog_is_the_text_however_it_was_cut(pieces):
    backlog, taken = Backlog(), ""
    for number, piece in enumerate(pieces):
        backlog.add(piece)
        taken += backlog.take() if number % 2 else ""
    backlog.end()
    whole = "".join(pieces)
    assert taken + backlog.take() == (whole if whole.endswith("\n") or not whole else whole + "\n")


def test_a_line_of_five_megabytes_is_cut_in_the_middle():
    backlog, began = Backlog(), time.process_time()
    for _piece in range(80):
        backlog.add("x" * 65_536)
    backlog.add(" the end\nnext\n")
    text = backlog.take()
    assert text.endswith(" the end\nnext\n") and "characters left out" in text and len(text) < 4 * LINE and time.process_time() - began < 1


# --- secrets ------------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(st.integers(1, len(SECRET) - 1), st.text(alphabet="ab \n", max_size=40), st.text(alphabet="ab \n", max_size=40))
def test_a_secret_across_two_pieces_is_hidden(at, before, after):
    log = Cleaned(clean())
    log.set(before + SECRET[:at])
    shown = log.add(SECRET[at:] + after)
    assert log.text == clean()(before + SECRET + after) and SECRET not in shown and HIDDEN in log.text


def test_a_secret_wrapped_over_lines_that_come_one_by_one_is_hidden():
    log = Cleaned(clean())
    for line in ("key:", f" {SECRET[:9]}", f" {SECRET[9:]}", "next"):
        log.add(line + "\n")
    assert SECRET[9:] not in log.text and log.text.endswith("next\n")


def test_the_tape_has_each_piece_once_and_no_secret():
    world, tape = World({}, 0.0, clean()), Tape()
    tape.begin(world, Scope((), (), "ns", "r"), Before())
    for number in range(300):
        change = Change("Log", "MORE" if number else "LOG", (*KEY, f"line {number} {SECRET} {'x' * 80}\n"))
        world.apply(change)
        tape.note(0.0, change, world)
    text = "\n".join(tape.lines(lambda data: data))
    assert len(text) < 90_000 and SECRET not in text and world.logs[KEY].endswith(f"line 299 {HIDDEN} {'x' * 80}\n")
    replayed = World({}, 0.0)
    for _at, kind, type_, obj in (json.loads(line) for line in text.splitlines()[1:]):
        replayed.apply(Change(kind, type_, tuple(obj)))
    assert replayed.logs == world.logs


def test_a_log_is_redacted_once_and_again_after_another_secret_was_learned():
    redactor, tape, seen = clean(), Tape(), []
    world = World({}, 0.0, redactor)
    change = Change("Log", "LOG", (*KEY, f"line {SECRET} later-learned\n"))
    world.apply(change)
    tape.note(0.0, change, world)
    list(tape.lines(seen.append, redactor.known()))
    assert seen == []
    redactor.learn(["later-learned"])
    [line] = tape.lines(redactor.deep, redactor.known())
    assert "later-learned" not in line and SECRET not in line


# --- reading ------------------------------------------------------------------------------------------------------------


def snapshot(state: dict) -> Snapshot:
    pod = {
        "metadata": {"name": "p", "uid": "p", "ownerReferences": [{"uid": "j"}]},
        "spec": {"containers": [{"name": "c"}]},
        "status": {"containerStatuses": [{"name": "c", "restartCount": 0, "state": state}]},
    }
    return Snapshot(0.0, 0.0, {"Job": {"m": {"metadata": {"name": "m", "uid": "j"}}}, "Pod": {"p": pod}}, Scope((), ("m",), "ns", "r"))


def reading(api: FakeApi):
    world = World({}, 0.0, clean())
    there = threading.Event()
    changes: list[Change] = []

    def put(change: Change) -> None:
        changes.append(change)
        there.set()

    return LogReader(Cluster.connect({"host": api.url}), "ns", clean(), put), world, changes, there


def chunked(*pieces: bytes, hold: threading.Event | None = None):
    def answer(handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for piece in pieces:
            handler.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        if hold:
            hold.wait(10)
        handler.wfile.write(b"0\r\n\r\n")
        handler.close_connection = True

    return answer


def test_a_flood_wakes_the_loop_now_and_then_and_the_end_arrives():
    flood = [b"".join(b"2026 DEBUG sqlx query %d %s\n" % (100 * n + m, b"x" * 60) for m in range(100)) for n in range(200)]  # 20,000 lines
    with FakeApi() as api:
        api.on("GET", paths.pod_log("ns", "p"), chunked(*flood, b"Error: the end\n"))
        reader, world, changes, there = reading(api)
        began, used, applied = time.monotonic(), time.process_time(), 0
        while not world.logs.get(KEY, "").endswith("Error: the end\n") and time.monotonic() - began < 30:
            reader.read_new(snapshot({"running": {}}), world.logs)
            there.wait(0.25)
            there.clear()
            while applied < len(changes):
                world.apply(changes[applied])
                applied += 1
        assert world.logs[KEY].endswith("Error: the end\n") and "lines left out" in world.logs[KEY] and len(world.logs[KEY]) <= LIMIT + 100
        assert applied < 5 * (time.monotonic() - began) + 3, "one piece each fifth of a second at most, and the last one"
        assert time.process_time() - used < 5


def test_a_refused_log_is_asked_for_again_and_is_no_word_of_the_program(monkeypatch):
    monkeypatch.setattr(logs, "RESUME", 0.01)
    with FakeApi() as api:
        api.on("GET", paths.pod_log("ns", "p"), status(400, "BadRequest", "container is waiting to start"), status(403, "Forbidden", "no"), chunked(b"hello\n"))
        reader, world, changes, there = reading(api)
        end = time.monotonic() + 10
        while not changes and time.monotonic() < end:
            reader.read_new(snapshot({"running": {}}), world.logs)
            assert world.logs == {}
            there.wait(0.05)
        world.apply(changes[0])
        assert world.logs == {KEY: "hello\n"} and api.asked(paths.pod_log("ns", "p")) == 3


def test_the_end_of_an_ended_log_is_read_whatever_its_length():
    with FakeApi() as api:
        lines = [b'{"level":"INFO","fields":"%s"}\n' % (b"x" * 2000)] * 119
        api.on("GET", paths.pod_log("ns", "p"), chunked(*lines, b"Error: password authentication failed\n"))
        reader, world, _changes, _there = reading(api)
        reader.read_new(snapshot({"terminated": {"exitCode": 1}}), world.logs)
        assert world.logs[KEY].endswith("Error: password authentication failed\n")
        assert "limitBytes" not in api.seen[-1][2] and api.seen[-1][2]["tailLines"] == ["120"]


def test_a_node_that_is_slow_to_answer_does_not_hold_up_the_loop(monkeypatch):
    monkeypatch.setattr(logs, "PATIENCE", 0.1)
    hold = threading.Event()
    with FakeApi() as api:
        api.on("GET", paths.pod_log("ns", "p"), chunked(b"late words\n", hold=hold))
        reader, world, changes, there = reading(api)
        began = time.monotonic()
        reader.read_new(snapshot({"terminated": {"exitCode": 1}}), world.logs)
        assert time.monotonic() - began < 5 and not changes and not world.logs
        hold.set()
        assert there.wait(10)
        world.apply(changes[0])
        assert world.logs == {KEY: "late words\n"}


def test_helm_is_told_apart_from_logs_on_the_tape():
    tape = Tape()
    tape.helm(1.0, Helm(running=True))
    assert [json.loads(line)[1:3] for line in tape.lines(lambda data: data)] == [["Helm", "SET"]]
