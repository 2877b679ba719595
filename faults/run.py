#!/usr/bin/env python3
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the faults of the catalogue on the kind cluster: which cause is reported, after how many seconds, and whether it is right. Run `make up` first.

    python faults/run.py [--outside] [--quick] [--only D1,F4] [--compare [only]] [--keep] [--list]

Writes reports/faults.json and reports/faults.md, or with --outside reports/outside.json. The last line is `N passed, N failed`.
"""

from __future__ import annotations

import argparse
import pathlib
import secrets
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from faults import kube, order, table
from faults.catalogue import ROWS
from faults.judge import measure
from faults.outside import ROWS as FOREIGN
from faults.outside import table as points
from faults.outside.measure import measure as graded
from faults.outside.measure import take_down
from faults.row import Row

REPORTS = kube.ROOT / "reports"


def meant(row: Any, ids: str) -> bool:
    """`D1` means D1 and D1u, `D` all of this class."""
    wanted = {w.strip().upper() for w in ids.split(",")}
    return not wanted.isdisjoint({row.id.upper(), row.id.rstrip("u").upper(), row.id[0].upper()})


def chosen(every: Sequence[Any], options: argparse.Namespace) -> list[Any]:
    rows = [r for r in every if (not options.only or meant(r, options.only)) and not (options.without and meant(r, options.without))]
    rows = [r for r in rows if r.compare or options.compare != "only"]
    return [r for r in rows if r.quick] if options.quick else rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--outside", action="store_true", help="run the faults of other projects (faults/outside) instead of faults/catalogue")
    parser.add_argument("--only", default="", metavar="IDS", help="comma-separated row ids (D1,F4u) or classes (D)")
    parser.add_argument("--without", default="", metavar="IDS", help="skip these row ids or classes")
    parser.add_argument("--quick", action="store_true", help="run only a few rows of every class (some minutes)")
    parser.add_argument("--keep", action="store_true", help="keep the namespaces")
    parser.add_argument("--compare", nargs="?", const="too", choices=("too", "only"), help="run some faults also with other tools; only: nothing but these")
    parser.add_argument("--patience", type=float, default=1.0, metavar="N", help="allow N times the seconds, for a busy machine")
    parser.add_argument("--merge", action="store_true", help="keep the results of all other rows in the report")
    parser.add_argument("--suite", default="", metavar="NAME", help="prefix of the namespaces, to run beside another run of the suite")
    parser.add_argument("--list", action="store_true", help="list the rows and exit")
    parser.add_argument("--at-once", type=int, default=3, metavar="N", help="number of rows that run at the same time (default 3)")
    options = parser.parse_args()
    rows = chosen(FOREIGN if options.outside else [v for row in ROWS for v in row.variants()], options)
    if options.list or not rows:
        for row in rows:
            print(listed(row))
        return 0 if rows else 2
    if not kube.KUBECONFIG.exists():
        print("faults: the cluster does not exist; run: make up", file=sys.stderr)
        return 2
    for number in (signal.SIGINT, signal.SIGTERM):  # a job in the background ignores Ctrl-C unless told otherwise
        signal.signal(number, signal.default_int_handler)
    rows = [replace(r, compare=r.compare and bool(options.compare), suite=options.suite or r.suite) for r in rows]
    return outside(rows, options) if options.outside else ours(rows, options)


def listed(row: Any) -> str:
    if isinstance(row, Row):
        return f"{row.id:6} {row.on[0]:8} {row.expect or 'must pass':24} {row.title}"
    return f"{row.id:8} {row.ways[0]:8} {'control' if row.wanted is None else 'fault':8} {row.title}"


def ours(rows: list[Row], options: argparse.Namespace) -> int:
    begun = time.monotonic()
    rows = [replace(r, within=r.within * options.patience, declared_within=r.declared_within * options.patience) for r in rows]
    results = order.run(rows, measure, table.line, secrets.token_hex(3), options.keep, options.at_once)
    seconds = time.monotonic() - begun
    if options.merge:
        earlier, before = table.read(REPORTS)
        results, seconds = merged(results, earlier, [v.id for row in ROWS for v in row.variants()]), seconds + before
    table.write(results, REPORTS, seconds)
    print(table.text(results))
    print(f"{len(results)} rows in {seconds:.0f} s; {REPORTS}/faults.md")
    return ended(sum(bool(r.problems) for r in results), len(results))


def outside(rows: list[Any], options: argparse.Namespace) -> int:
    begun, file = time.monotonic(), REPORTS / "outside.json"
    try:
        results = order.run(rows, graded, points.line, secrets.token_hex(3), options.keep, options.at_once)
    finally:
        take_down()
    seconds = time.monotonic() - begun
    if options.merge:
        results = merged(results, points.read(file), [row.id for row in FOREIGN])
    commit = kube.run("git", "-C", kube.ROOT, "rev-parse", "--short", "HEAD", check=False).strip()
    points.write(results, file, seconds, commit)
    print(points.text(results))
    print(points.summary(results))
    print(f"{len(results)} rows in {seconds:.0f} s; {file}")
    return ended(sum(not r.passed for r in results), len(results))


def merged(results: Sequence[Any], earlier: Sequence[Any], ids: Sequence[str]) -> list[Any]:
    both = {r.id: r for r in (*earlier, *results)}
    return [both[i] for i in ids if i in both]


def ended(failed: int, of: int) -> int:
    print(f"{of - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
