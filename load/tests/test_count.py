# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of a run: what is counted where, what is excepted, and that nothing is lost on the way into the document."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from load.count import Span, Stop, count
from load.document import Run, as_markdown, totals, verdict
from load.traffic import CLOSED, KEPT, NEW, Request, Stream, Target, one_stream, read

SPANS = [Span("calm", 0, 100), Span("upgrade", 100, 200, took=60), Span("killed", 200, 300, excepted="a killed process finishes no request")]
STOPS = [Stop("a", 110, 250)]  # told in the upgrade, ended while the next one was under way
RUN = Run("two cores", "2026-01-02", 200, 3, 1, 20, 300, 0.5, "at most 330 s", {span.name: "so" for span in SPANS})


def test_a_failure_belongs_to_the_cell_that_stopped_the_pod() -> None:
    requests = [Request(249, 0.5, KEPT, "POST", "EOF"), Request(230, 0.5, NEW, "GET", "EOF"), Request(50, 0.1, NEW, "GET", "")]
    calm, upgrade, killed = count(SPANS, STOPS, requests, [])
    assert (calm.requests[NEW], upgrade.requests[NEW], killed.requests[NEW], killed.requests[KEPT]) == (1, 0, 1, 1)
    assert (upgrade.failed[KEPT], killed.failed[KEPT], killed.failed[NEW]) == (1, 0, 1)
    assert upgrade.stops == STOPS and dict(upgrade.errors) == {"POST over a kept connection: EOF": 1}


def test_a_stream_counts_in_every_cell_that_it_saw() -> None:
    calm, upgrade, killed = count(SPANS, STOPS, [], [Stream(90, 150, 60, ""), Stream(150, 250, 300, "EOF")])
    assert [(c.streams, c.cut) for c in (calm, upgrade, killed)] == [(1, 0), (2, 1), (1, 0)]


def test_what_is_excepted_is_shown_and_not_judged() -> None:
    cells = count(SPANS, [], [Request(t, 0.1, NEW, "GET", "refused" if t == 240 else "") for t in (10, 110, 240)], [Stream(210, 220, 60, "EOF")])
    assert totals(cells) == (2, 0, 0)
    text = as_markdown(cells, RUN)
    assert verdict(cells, RUN) == "0 of 2 requests failed, and 0 of 3 streams were cut" and "1 × killed: GET over a new connection: refused" in text
    assert "| killed (not counted) | 0 | 1 | 1 | 0 | 0 | 1 | 1 | 0 | – |" in text and "two cores" in text and "at most 330 s" in text


def test_a_run_below_the_bar_says_so() -> None:
    cells = count(SPANS, [], [Request(10, 0.1, NEW, "GET", "")] * 60_000, [])
    assert "This run was smaller" in as_markdown(cells, RUN)
    assert "smaller" not in as_markdown(cells, replace(RUN, streams=200))
    assert "smaller" in as_markdown(cells, replace(RUN, streams=200, rate=30))


def test_an_action_that_did_not_come_to_its_end_is_told() -> None:
    text = as_markdown(count([Span("calm", 0, 100, wrong="role upgrade failed")], [], [], []), RUN)
    assert "| calm (**not completed**) |" in text and "- **calm** was not completed: role upgrade failed" in text


def test_answers_of_vegeta() -> None:
    lines = [
        "1700000000500000000,200,2500000,10,20,,aGk=,,0,GET,http://h/v1/models,",
        '1700000000700000000,0,100,0,0,"Get ""http://h"": EOF",,,1,POST,http://h,',
        "1700000000900000000,503,100,0,0,503 Service Unavailable,,,2,POST,http://h,",
        "1700000000900000000,429,100,0,0,,,,2,POST,http://h,",
    ]
    first, second, third, fourth = read(iter(lines), KEPT)
    assert first == Request(1700000000.5, 0.0025, KEPT, "GET", "")
    assert (second.error, third.error, fourth.error) == (CLOSED, "503 Service Unavailable", "status 429")


def event(number: int) -> bytes:
    text = f"data: {number}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(text), text)


HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
DONE = b"e\r\ndata: [DONE]\n\n\r\n"


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        (HEAD + event(1) + event(2) + DONE + b"0\r\n\r\n", lambda error: error == ""),
        (HEAD + event(1) + event(2) + b"0\r\n\r\n", lambda error: "2 events" in error),
        (HEAD + event(1) + DONE + b"0\r\n\r\n", lambda error: "2 events of 2" in error),
        (HEAD + event(1) + event(2) + DONE, lambda error: "invalid literal" in error),
        (HEAD + event(1) + event(2)[:5], lambda error: "IncompleteReadError" in error),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", lambda error: "503" in error),
    ],
)
def test_a_stream_is_whole_only_with_its_end(answer: bytes, wrong: Callable[[str], bool]) -> None:
    async def exchange() -> str:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"}")
            writer.write(answer)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            try:
                return await one_stream(Target("127.0.0.1", server.sockets[0].getsockname()[1], "k"), 2)
            except (ValueError, asyncio.IncompleteReadError) as error:
                return f"{type(error).__name__}: {error}"

    assert wrong(asyncio.run(exchange()))
