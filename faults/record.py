#!/usr/bin/env python3
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copy the tapes of the last run of the suite (stream.jsonl.gz of the rows that passed) to the collection's unit tests.

    python faults/run.py && python faults/record.py

A row has no tape if its result does not come from watch events: rows of preflight, interrupted runs, and requests through the Service.
"""

from __future__ import annotations

import json
import pathlib
import shutil
import sys
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from ansible_collections.oceans.llm.tests.recordings import replay
from faults import kube

TAPES = kube.ROOT / "ansible_collections/oceans/llm/tests/recordings/tapes"


def main() -> int:
    rows = json.loads((kube.ROOT / "reports" / "faults.json").read_text(encoding="utf-8"))["rows"]
    index: dict[str, Any] = json.loads((TAPES / "index.json").read_text(encoding="utf-8")) if (TAPES / "index.json").exists() else {}
    TAPES.mkdir(exist_ok=True)
    for row in rows:
        tape = taped(row) if row["passed"] else None
        if tape:
            shutil.copyfile(tape, TAPES / f"{row['id']}.jsonl.gz")
            (TAPES / f"{row['id']}.jsonl.gz").chmod(0o644)
            code, played = "" if row["expect"] == "must pass" else row["got"], replay.load(TAPES / f"{row['id']}.jsonl.gz")
            index[row["id"]] = {"title": row["title"], "way": row["way"], "code": code, "rules": replay.shown_by(replay.looks(played))}
    (TAPES / "index.json").write_text(json.dumps(dict(sorted(index.items())), indent=1) + "\n", encoding="utf-8")
    print(f"{len(index)} tapes in {TAPES}")
    return 0


def taped(row: dict[str, Any]) -> pathlib.Path | None:
    """The tape of the row's own run: the last failed one, or the longest of a run that succeeded (the others only look)."""
    reports = sorted((kube.STATE / "faults" / row["id"].lower() / "report").glob("*/report.json"), key=lambda p: p.stat().st_mtime)
    reports = [path for path in reports if (path.parent / "stream.jsonl.gz").exists()]
    bodies = [(path.parent / "stream.jsonl.gz", json.loads(path.read_text(encoding="utf-8"))) for path in reports]
    if row["expect"] == "must pass":
        served = [tape for tape, body in bodies if body["state"] == "done"]
        return max(served, key=lambda tape: tape.stat().st_size, default=None)
    failed = [tape for tape, body in bodies if body["code"] == row["got"]]
    return failed[-1] if failed else None


if __name__ == "__main__":
    sys.exit(main())
