#!/usr/bin/env python3
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the catalogue of faults on the kind cluster (make up first) and say what was said, how soon, and whether it was true.

    python faults/run.py [--quick] [--only D1,F4] [--keep] [--list]

Writes reports/faults.json and reports/faults.md; ends with `N passed, N failed`.
"""

from __future__ import annotations

import argparse
import pathlib
import secrets
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from faults import kube, registry, table
from faults.catalogue import ROWS
from faults.judge import measure
from faults.place import SHARED, Server
from faults.row import Measured, Row


def chosen(only: str, quick: bool) -> list[Row]:
    """The rows that are meant; `D1` means D1 and D1u."""
    rows = [v for row in ROWS for v in row.variants()]
    if only:
        wanted = {w.strip().upper() for w in only.split(",")}
        rows = [r for r in rows if r.id.upper() in wanted or r.id.rstrip("u").upper() in wanted or r.id[0].upper() in wanted]
    return [r for r in rows if r.quick] if quick else rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="IDS", help="comma-separated row ids (D1,F4u) or classes (D)")
    parser.add_argument("--quick", action="store_true", help="the rows that cover every class in a few minutes")
    parser.add_argument("--keep", action="store_true", help="leave the namespaces for a look")
    parser.add_argument("--compare", action="store_true", help="give some of the faults to helm --wait and kubernetes.core.helm, too (5 minutes each, beside)")
    parser.add_argument("--patience", type=float, default=1.0, metavar="N", help="allow N times the seconds: on a busy machine they are shown, not judged")
    parser.add_argument("--merge", action="store_true", help="keep the other rows of reports/faults.json as they are")
    parser.add_argument("--list", action="store_true", help="show the rows and end")
    parser.add_argument("--at-once", type=int, default=3, metavar="N", help="rows at once (3)")
    options = parser.parse_args()
    rows = chosen(options.only, options.quick)
    if options.list or not rows:
        for row in rows:
            print(f"{row.id:6} {row.on[0]:8} {row.expect or 'must pass':24} {row.title}")
        return 0 if rows else 2
    if not kube.KUBECONFIG.exists():
        print("faults: there is no cluster; make up", file=sys.stderr)
        return 2
    for number in (signal.SIGINT, signal.SIGTERM):  # a job in the background ignores Ctrl-C unless told otherwise
        signal.signal(number, signal.default_int_handler)
    begun, token = time.monotonic(), secrets.token_hex(3)
    rows = [
        replace(r, compare=r.compare and options.compare, within=r.within * options.patience, declared_within=r.declared_within * options.patience)
        for r in rows
    ]
    results = run(rows, token, options.keep, options.at_once)
    folder = kube.ROOT / "reports"
    seconds = time.monotonic() - begun
    if options.merge:
        earlier, before = table.read(folder)
        ids = [v.id for row in ROWS for v in row.variants()]
        merged = {r.id: r for r in (*earlier, *results)}
        results, seconds = [merged[i] for i in ids if i in merged], seconds + before
    table.write(results, folder, seconds)
    print(table.text(results))
    failed = sum(bool(r.problems) for r in results)
    print(f"{len(results)} rows in {seconds:.0f} s; {folder}/faults.md")
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


def run(rows: list[Row], token: str, keep: bool, at_once: int) -> list[Measured]:
    results: dict[str, Measured] = {}
    slots = threading.Semaphore(at_once)
    try:
        if any("5007" in str(row.variables) for row in rows):
            registry.up()
        operators = sorted({name for row in rows for name in row.needs})
        if operators:
            kube.run(kube.ROOT / "testbed" / "operators.sh", *operators, timeout=900)
        for together in ([r for r in rows if not r.alone], *([r] for r in rows if r.alone)):
            # a row that has only to wait (for a phantom, for other tools) gives its slot away: so there are more threads than slots
            with ThreadPoolExecutor(max_workers=at_once + 2 + sum(r.compare for r in together)) as pool:
                waiting = [pool.submit(measure, row, token, keep, slots) for row in sorted(together, key=lambda r: -r.takes)]
                try:
                    for done in as_completed(waiting):
                        result = done.result()
                        results[result.id] = result
                        print(table.line(result), flush=True)
                except KeyboardInterrupt:
                    print("faults: ending the rows that are at work, the others are left out", file=sys.stderr)
                    pool.shutdown(wait=True, cancel_futures=True)
                    break
    finally:
        if not keep:
            registry.down(token)
            Server(SHARED).down()
    return [results[row.id] for row in rows if row.id in results]


if __name__ == "__main__":
    sys.exit(main())
