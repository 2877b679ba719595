#!/usr/bin/env python3
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send requests and streams while a release changes, count the failures, and write docs/reliability.md. Run `make up` first.

    load/run.py [--rate 200] [--streams 200] [--longest 300] [--cells upgrade,rollback] [--no-document] [--keep]

The last line is the result. The exit code is 1 if a request failed, a stream was cut, or a change of the release was not completed.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import pathlib
import platform
import shutil
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from faults import kube
from load import document
from load.cells import CELLS, Cell
from load.count import Span, count
from load.traffic import KEPT, NEW, Request, Requests, Streams
from load.world import GATEWAY, RATE, World, stops

DOCUMENT = kube.ROOT / "docs" / "reliability.md"
#: seconds of traffic after an action: the endpoints have to settle, and the cell is to be seen
CALM = 10


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=200, help="requests per second, over new and kept connections together (default 200)")
    parser.add_argument("--requests", type=int, default=document.REQUESTS, help="minimum number of requests")
    parser.add_argument("--streams", type=int, default=document.STREAMS, help="number of streams")
    parser.add_argument("--shortest", type=float, default=20.0, help="duration of the shortest stream, in seconds")
    parser.add_argument("--longest", type=float, default=300.0, help="duration of the longest stream, in seconds")
    parser.add_argument("--over", type=float, default=800.0, help="seconds over which the starts of the streams are distributed")
    parser.add_argument("--cells", default="", help="run only the changes whose name contains one of these comma-separated words")
    parser.add_argument("--no-document", action="store_true", help="print the figures and do not write docs/reliability.md")
    parser.add_argument("--keep", action="store_true", help="keep the namespace")
    options = parser.parse_args()
    chosen = [c for c in CELLS if not options.cells or any(word.strip() in c.name for word in options.cells.split(","))]
    for number in (signal.SIGINT, signal.SIGTERM):  # a job in the background ignores Ctrl-C unless told otherwise
        signal.signal(number, signal.default_int_handler)
    world = World(options.keep, options.longest)
    try:
        cells, run = measure(world, chosen, options)
    finally:
        world.remove()
    text = document.as_markdown(cells, run)
    print(text, flush=True)
    if not options.no_document:
        DOCUMENT.write_text(text, encoding="utf-8")
    _requests, failed, cut = document.totals(cells)
    print(document.verdict(cells, run))
    return 1 if failed or cut or any(c.span.wrong for c in cells) else 0


def measure(world: World, chosen: list[Cell], options: argparse.Namespace) -> tuple[list[document.Count], document.Run]:
    target = world.make()
    watcher = kube.Watcher(world.place.namespace)
    vegeta = kube.STATE / "bin" / "vegeta"
    begun = time.monotonic()
    requests = [Requests(vegeta, target, how, options.rate // 2, folder(world, how)) for how in (NEW, KEPT)]
    streams = Streams(target, options.streams, options.over, options.shortest, options.longest, RATE)
    spans: list[Span] = []
    sent: list[Request] = []
    try:
        for cell in chosen:
            spans.append(one(world, cell))
        while not streams.over or options.rate * (time.monotonic() - begun) < options.requests * 1.02:
            time.sleep(1)
        streams.wait()
        # pods that drained for the last streams have ended a moment after them
        kube.until(lambda: len(kube.get(world.place.namespace, "pod", "-l", "app.kubernetes.io/component=gateway")) == 2, 420, "old pods still exist")
        spans[-1] = Span(**{**spans[-1].__dict__, "ended": time.time()})
    finally:
        for each in requests:
            sent += each.stop()
        watcher.stop()
    told = json.loads(kube.kubectl("-n", world.place.namespace, "get", "deployment", GATEWAY, "-o", "json"))["metadata"]["annotations"]["oceans-llm/drain"]
    done = streams.wait()
    (world.place.folder / "failures.json").write_text(
        json.dumps([r.__dict__ for r in sent if r.error] + [s.__dict__ for s in done if s.error] + [s.__dict__ for s in stops(watcher)], indent=1)
    )
    run = document.Run(
        machine=machine(),
        date=datetime.date.today().isoformat(),
        rate=options.rate,
        streams=len(done),
        cut=sum(1 for s in done if s.error),
        shortest=options.shortest,
        longest=options.longest,
        slowest=max((r.seconds for r in sent), default=0.0),
        drain=told,
        hows={c.name: c.how for c in chosen},
    )
    return count(spans, stops(watcher), sent, done), run


def one(world: World, cell: Cell) -> Span:
    began = time.time()
    print(f"{datetime.datetime.now():%H:%M:%S} {cell.name} …", flush=True)
    wrong = ""
    try:
        cell.do(world)
    except (kube.Broken, TimeoutError) as error:  # the figures of the other cells are worth having
        wrong = str(error)
    took = time.time() - began
    time.sleep(CALM)
    print(f"{datetime.datetime.now():%H:%M:%S} {cell.name}: {took:.0f} s {wrong}", flush=True)
    return Span(cell.name, began, time.time(), cell.excepted, took, " ".join(wrong.split())[-300:])


def folder(world: World, how: str) -> pathlib.Path:
    path = world.place.folder / how
    path.mkdir()
    return path


def machine() -> str:
    """What the figures were made on."""
    model = next((line.partition(":")[2].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    nodes = kube.get("", "node")
    busy = f"load average {os.getloadavg()[2]:.0f} in the last 15 minutes"
    kind = "kind" if shutil.which("kind") else "the cluster"
    return (
        f"{os.cpu_count()} cores ({model or platform.machine()}), {memory:.0f} GB, Linux {platform.release()}, {busy}; {kind} with {len(nodes)} "
        f"node{'s' if len(nodes) > 1 else ''}, Kubernetes {nodes[0]['status']['nodeInfo']['kubeletVersion']}"
    )


if __name__ == "__main__":
    sys.exit(main())
