#!/usr/bin/env python3
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Count false alarms in healthy rollouts whose watch events are delayed, repeated or cut.

    python faults/noise/run.py [--times 18] [--real]

The replays need no cluster. They use the tapes of runs that had to pass (tests/recordings/tapes), changed in every way of mix.py. --real adds rollouts on
kind under stress (stress.py). Writes reports/noise.json. The exit code is 1 if there was an alarm: FAILED, or a cause that the unchanged rollout did not show.
"""

from __future__ import annotations

import argparse
import itertools
import json
import pathlib
import random
import secrets
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent))

from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import still_so
from ansible_collections.oceans.llm.tests.recordings import replay
from faults.noise import mix

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TAPES = ROOT / "ansible_collections/oceans/llm/tests/recordings/tapes"
INDEX: dict[str, Any] = json.loads((TAPES / "index.json").read_text(encoding="utf-8"))
GOOD = sorted(row for row, about in INDEX.items() if not about["code"])
BAD = sorted(row for row, about in INDEX.items() if about["code"])
#: seconds between two looks while nothing happens: what a rule says lasts longer
STEP = 1.0
NEIGHBOUR, ALL = "neighbour", "all of it"


@cache
def tape(row: str) -> replay.Tape:
    return replay.load(TAPES / f"{row}.jsonl.gz")


def seen(row: str, changes: Sequence[Any] | None = None) -> tuple[str, dict[tuple[str, str], str], list[tuple[float, str]]]:
    """(state at the end, (code, kind of object) of everything that was shown and what was said first, failures)."""
    state, shown, failures = "", {}, []
    stalls = mix.unsure(changes or ())
    told = None if changes is None else [change for change in changes if change[1] != mix.STALL]
    for second, verdict in replay.verdicts(tape(row), told, step=STEP):
        state, at = verdict.state.value, float(tape(row).start["started"]) + second
        # what rests on silence is shown only after the API server was asked (still_so.py): in a stall it does not answer, and beside a
        # watch that broke off it has something newer
        unsure = still_so.SILENCE if any(since <= at <= until for since, until in stalls) else ()
        for c in (c for c in verdict.causes if c.code not in unsure):
            shown.setdefault((c.code, c.object.split("/")[0]), f"{second:.1f} s {c.code} {c.object}: {c.cause}")
        failures += [(second, f"{c.code} {c.object}: {c.cause}") for c in verdict.causes if mix.PREFIX in c.object]
        if verdict.cause:
            failures.append((second, f"FAILED {verdict.cause.code} {verdict.cause.object}: {verdict.cause.cause}"))
            break
    return state, shown, failures


@cache
def peaceful(row: str) -> dict[tuple[str, str], str]:
    """What a rollout shows when nobody disturbs it: a crash that happened, a taint that was lifted."""
    return seen(row)[1]


def worse(row: str, way: str, seed: int) -> mix.Changes:
    rng = random.Random(f"{row}-{way}-{seed}")
    changes = list(tape(row).changes)
    for each in mix.WAYS if way == ALL else [way] if way in mix.WAYS else []:
        changes = mix.WAYS[each](changes, rng)
    if way in (NEIGHBOUR, ALL):
        for bad in rng.sample(BAD, 2):
            changes = mix.beside(tape(bad).changes, float(tape(bad).start["started"]))(changes, rng)
    # a tape ends when the run was over: what was on its way then (a pod that stops) would look as if it never arrived
    # and before its first change there was no look: nobody was asked to judge yet
    first, last = tape(row).changes[0][0], tape(row).changes[-1][0]
    return [change for change in changes if first <= change[0] <= last]


def judged(job: tuple[str, str, int]) -> dict[str, Any]:
    row, way, seed = job
    state, shown, failures = seen(row, worse(*job))
    new = sorted(text for what, text in shown.items() if what not in peaceful(row))
    return {"row": row, "way": way, "seed": seed, "state": state, "failures": failures[:3], "new": new}


def replays(times: int) -> list[dict[str, Any]]:
    ways = [*mix.WAYS, NEIGHBOUR, ALL]
    jobs = [(row, way, seed) for seed, way, row in itertools.product(range(max(1, times // len(ways))), ways, GOOD) if tape(row).changes]
    with ProcessPoolExecutor(2) as pool:
        return list(pool.map(judged, jobs, chunksize=4))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=18, metavar="N", help=f"number of replays of each of the {len(GOOD)} tapes (default 18)")
    parser.add_argument("--real", action="store_true", help="also run rollouts on kind under stress")
    parser.add_argument("--at-once", type=int, default=3, metavar="N", help="number of rollouts at the same time (default 3)")
    options = parser.parse_args()
    begun = time.monotonic()
    found = replays(options.times)
    alarms = [r for r in found if r["failures"] or r["new"]]
    for each in alarms:
        print(f"ALARM {each['row']} {each['way']} {each['seed']}: {'; '.join(f'{s:.1f} s {text}' for s, text in each['failures'])} {', '.join(each['new'])}")
    print(
        f"{len(found)} replays in {time.monotonic() - begun:.0f} s: {sum(bool(r['failures']) for r in found)} failures, {len(alarms)} with an alarm",
        flush=True,
    )
    real = on_kind(options.at_once) if options.real else []
    body = {"version": 1, "replays": len(found), "alarms": alarms, "not done at the end": [r for r in found if r["state"] != "done"][:20], "real": real}
    (ROOT / "reports").mkdir(exist_ok=True)
    (ROOT / "reports" / "noise.json").write_text(json.dumps(body, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return int(bool(alarms) or any(not r["passed"] for r in real))


def on_kind(at_once: int) -> list[dict[str, Any]]:
    from faults import order
    from faults.noise.stress import ROWS
    from faults.outside import table
    from faults.outside.measure import measure, take_down

    try:
        results = order.run(ROWS, measure, table.line, secrets.token_hex(3), False, at_once)
    finally:
        take_down()
    print(f"{len(results)} rollouts under stress, {sum(not r.passed for r in results)} with an alarm")
    return [r.as_dict() for r in results]


if __name__ == "__main__":
    sys.exit(main())
