#!/usr/bin/env python3
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure a run whose migration prints thousands of lines per second, after one line of several megabytes.

    benchmarks/text.py [--lines 5000] [--bytes 5000000] [--json FILE]

Three runs: the first measures the longest pause between two lines of the run and the memory; the second gets a signal and measures the seconds until
the last line; in the third an image does not exist, and the seconds from the first watch event to the cause are measured.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import signal
import sys
import time
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "benchmarks"))

from happy_run import Memory  # noqa: E402 - a script beside this one

from faults.place import Place, merged  # noqa: E402
from faults.play import Play  # noqa: E402
from faults.row import Row  # noqa: E402

SECONDS = 25


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=5000, help="lines per second")
    parser.add_argument("--bytes", type=int, default=5_000_000, help="length of the first line, in bytes")
    parser.add_argument("--json", type=pathlib.Path, help="also write the figures to this file")
    options = parser.parse_args()
    knobs = {"STANDIN_FLOOD": f"migrate:{options.lines}:{SECONDS}:{options.bytes}", "STANDIN_MIGRATION_SLOW": f"30:{SECONDS}"}
    rows = [measured(Row(f"TEXT{n}", what, knobs=knobs), run) for n, (what, run) in enumerate(RUNS.items(), start=1)]
    for row in rows:
        print(", ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


def measured(row: Row, run: Any) -> dict[str, Any]:
    place = Place(row, "bench", keep=False)
    try:
        place.make()
        return {"run": row.title, **run(place)}
    finally:
        place.remove()


def watched(place: Place) -> dict[str, Any]:
    play = Play(place, place.variables(), label="flood")
    memory = Memory(play)
    code = play.wait(300)
    beats = [at for at, text in play.lines if text.startswith("[faults]")]
    return {"exit": code, "longest pause (s)": round(max(b - a for a, b in zip(beats, beats[1:], strict=False)), 1), "MB of the engine": memory.end()}


def interrupted(place: Place) -> dict[str, Any]:
    play = Play(place, place.variables(), label="signal")
    play.until(r"… Job/", 120)
    sent = time.monotonic()
    play.process.send_signal(signal.SIGTERM)
    told = play.until(r"SIGTERM|Interrupted", 60)
    play.wait(120)
    return {"signal answered after (s)": round((told or float("nan")) - sent, 1)}


def beside(place: Place) -> dict[str, Any]:
    wrong = {"oceans_llm_values": {"adminUi": {"image": {"tag": "v9.9.9"}}}}
    play = Play(place, merged(place.variables(), wrong), roles="secrets deploy", label="fault")
    changing, told = play.until(r"\] changing ", 120), play.until(r"ImageNotFound", 120)
    play.wait(120)
    return {"image that does not exist named after (s, from the start of the change)": round((told or float("nan")) - (changing or 0.0), 1)}


RUNS = {"a flood of log lines": watched, "a signal in the flood": interrupted, "a fault beside the flood": beside}


if __name__ == "__main__":
    sys.exit(main())
