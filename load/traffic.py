# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The traffic. Requests come from vegeta, because it keeps its rate whatever the gateway does, keeps connections or does not, and writes down
every single answer with its time; wrk and hey slow down with the server and keep sums. Streams are read here, to their last byte.
"""

from __future__ import annotations

import asyncio
import csv
import json
import pathlib
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

#: how requests come: over a new connection each, or over connections that are kept
NEW, KEPT = "new", "kept"
#: seconds without a byte after which a stream counts as cut
SILENCE = 60.0


@dataclass(frozen=True)
class Target:
    """Where the gateway is, and with which key it is asked."""

    host: str
    port: int
    key: str

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"


@dataclass(frozen=True)
class Request:
    """One request that was answered, or was not. `at` is when it was sent, in seconds since the epoch."""

    at: float
    seconds: float
    how: str
    method: str
    error: str


@dataclass(frozen=True)
class Stream:
    """One stream, from its request to its last byte."""

    began: float
    ended: float
    meant: float
    error: str


class Requests:
    """vegeta, until :meth:`stop`: half of the requests list the models, half ask for a completion."""

    def __init__(self, program: pathlib.Path, target: Target, how: str, rate: int, folder: pathlib.Path) -> None:
        self.how, self._program, self._file = how, program, folder / f"{how}.bin"
        body = folder / "body.json"
        body.write_text(json.dumps({"model": "fast", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 3}))
        targets = folder / "targets.txt"
        targets.write_text(
            f"GET {target.url}/v1/models\nAuthorization: Bearer {target.key}\n\n"
            f"POST {target.url}/v1/chat/completions\nAuthorization: Bearer {target.key}\nContent-Type: application/json\n@{body}\n"
        )
        options = ["-rate", f"{rate}/s", "-duration", "0", "-timeout", "30s", f"-keepalive={str(how == KEPT).lower()}", "-targets", str(targets)]
        self._process = subprocess.Popen([str(program), "attack", *options, "-output", str(self._file)], stderr=subprocess.PIPE, text=True)

    def stop(self) -> list[Request]:
        self._process.send_signal(signal.SIGINT)
        _out, said = self._process.communicate(timeout=60)
        if self._process.returncode or said:
            raise RuntimeError(f"vegeta ended with {self._process.returncode}: {said.strip()[-300:]}")
        encoded = subprocess.Popen([str(self._program), "encode", "-to", "csv", str(self._file)], stdout=subprocess.PIPE, text=True)
        assert encoded.stdout is not None
        found = list(read(encoded.stdout, self.how))
        encoded.wait()
        self._file.unlink()
        return found


CLOSED = "the connection was closed before the answer (EOF)"
#: what Go writes before the error itself: method, URL and addresses
_GO = re.compile(r'^\w+ "[^"]*": (?:(?:read|write|dial) tcp \S+: (?:read: |write: )?)?')


def read(lines: Iterator[str] | object, how: str) -> Iterator[Request]:
    """Of vegeta's CSV: when, status, how long, sizes, error, body, name, number, method, …"""
    csv.field_size_limit(sys.maxsize)
    for row in csv.reader(lines):  # type: ignore[arg-type]
        status = int(row[1])
        error = "" if 200 <= status < 300 else _GO.sub("", row[5]).replace("EOF", CLOSED) or f"status {status}"
        yield Request(int(row[0]) / 1e9, int(row[2]) / 1e9, how, row[9], error)


class Streams:
    """So many streams, one after another in even steps, in a thread of their own; each may last between two numbers of seconds."""

    def __init__(self, target: Target, count: int, over: float, shortest: float, longest: float, rate: float, seed: int = 1) -> None:
        self._target, self._rate = target, rate
        lengths = random.Random(seed)
        self._plan = [(over * i / count, lengths.uniform(shortest, longest)) for i in range(count)]
        self.done: list[Stream] = []
        self._thread = threading.Thread(target=lambda: asyncio.run(self._all()), daemon=True)
        self._thread.start()

    async def _all(self) -> None:
        start = time.monotonic()
        tasks = []
        for after, seconds in self._plan:
            await asyncio.sleep(max(0.0, start + after - time.monotonic()))
            tasks.append(asyncio.create_task(self._one(seconds)))
        await asyncio.gather(*tasks)

    async def _one(self, seconds: float) -> None:
        began = time.time()
        try:
            error = await one_stream(self._target, int(seconds * self._rate))
        except TimeoutError:
            error = f"no data for {SILENCE:.0f} s"
        except (asyncio.IncompleteReadError, ValueError):
            error = "the connection ended before the end of the stream"
        except OSError as broken:
            error = str(broken)
        self.done.append(Stream(began, time.time(), seconds, error))

    @property
    def over(self) -> bool:
        """All of them have come to an end."""
        return not self._thread.is_alive()

    def wait(self) -> list[Stream]:
        self._thread.join()
        return self.done


async def one_stream(target: Target, tokens: int) -> str:
    """What was wrong with it; empty when its last event is [DONE] and its last chunk has come."""
    reader, writer = await asyncio.open_connection(target.host, target.port)
    try:
        body = json.dumps({"model": "stream", "stream": True, "messages": [{"role": "user", "content": "hello"}], "max_tokens": tokens}).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {target.key}\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        status = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SILENCE)).split(b"\r\n")[0].decode()
        if " 200 " not in status:
            return status
        events, last = 0, b""
        while size := int(await asyncio.wait_for(reader.readline(), SILENCE), 16):
            last = await asyncio.wait_for(reader.readexactly(size + 2), SILENCE)
            events += 1
        return "" if last.strip() == b"data: [DONE]" and events > tokens else f"{events} events of {tokens}, the last one {last.strip()[:60]!r}"
    finally:
        writer.close()
