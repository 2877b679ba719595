#!/usr/bin/env python3
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/accuracy.md, and the README's table, from the recorded scores.

python faults/outside/accuracy.py           write it
python faults/outside/accuracy.py --check   exit 1 when it is not what the scores say
python faults/outside/accuracy.py --take    take reports/outside.json as the last score, then write; rows without a comparison keep that of the score before
"""

from __future__ import annotations

import json
import pathlib
import statistics
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent))

from faults.kube import ROOT
from faults.outside import ROWS
from faults.outside.foreign import PASS, SOURCES

SCORES = pathlib.Path(__file__).parent / "scores"
PAGE, README = ROOT / "docs" / "accuracy.md", ROOT / "README.md"
Score = Mapping[str, Any]
#: a recorded score has the titles of its time
TITLES = {row.id: row.title for row in ROWS}
#: outcome -> its meaning, in the table and before the last line of each run
MEANINGS = {
    "right": "The run named the right object and the right fault.",
    "repaired": "The run of the role `deploy` repaired the fault: after the run, the requests of the test client succeeded.",
    "vague": "The run named the right object, but not its fault.",
    "time-out": "The run ended at its time limit and named no cause.",
    "wrong": "The run named another object or another fault.",
    "false success": "The run reported success while requests of the test client failed.",
    "no damage": "After the fault, no request of the test client failed. The row is not counted.",
    "broken": "The test suite itself failed. The row is not counted.",
}


INTRODUCTION = f"""# Accuracy

<!-- written by faults/outside/accuracy.py; do not edit -->

How often does the collection name the cause of a failed rollout?

1. `make outside` applies a fault to a healthy release on a kind cluster. The faults come from other projects, not from the authors of the collection.
2. A test client in another namespace, or kubectl, checks that requests fail or that a rollout does not complete.
3. The role `wait` follows the release for at most 60 s, or the role `deploy` deploys a version over the fault.
4. A program compares the last line of the run with the expected result in `faults/outside/`, and gives points. The expected results were written
   before the first run.

| Part of the result | Points | Meaning |
|---|---|---|
| entity | 0.33 | The run names the right object. |
| mechanism | 0.33 | The run names the right fault of this object. |
| scope | 0.34 | The run blames no other object. |

A row passes with {PASS:.2f} or more, so it needs all three parts. A hint gives no points.

## Scores
"""
#: the README's part that is made here, between these two lines
BEGIN, END = "<!-- comparison: made by faults/outside/accuracy.py -->", "<!-- end of the comparison -->"


def overview(compared: Sequence[Mapping[str, Any]]) -> str:
    """One line a tool, for the README: who names the fault, who calls it a success."""
    if not compared:
        return "No comparison has been recorded yet. Run `make outside-compare`."
    tools = list(dict.fromkeys(t["tool"] for r in compared for t in r["theirs"]))
    own = [{"outcome": "named" if r["outcome"] == "right" else r["outcome"], "seconds": r["named"], "named": r["outcome"] == "right"} for r in compared]
    rows = [("**oceans.llm, role `wait`**", own)]
    rows += [(tool, [{**t, "named": t["entity"] and t["mechanism"]} for r in compared for t in r["theirs"] if t["tool"] == tool]) for tool in tools]
    return _table(
        ("", f"names object and reason, of {len(compared)}", "reports success while the client sees damage", "median seconds"), [_of_tool(*row) for row in rows]
    )


def _of_tool(tool: str, results: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    said = [r for r in results if "success" in r["outcome"]]
    seconds = [r["seconds"] for r in results if r["seconds"] is not None]
    return tool, str(sum(r["named"] for r in results)), str(len(said)), f"{statistics.median(seconds):.0f}" if seconds else ""


def into_readme(text: str, compared: Sequence[Mapping[str, Any]]) -> str:
    before, _begin, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{overview(compared)}\n{END}{rest.partition(END)[2]}"


def page(first: Score, last: Score | None, compared: Sequence[Mapping[str, Any]]) -> str:
    scores = [("first", first), *([("last", last)] if last else [])]
    names = [name for name, _score in scores]
    parts = [
        INTRODUCTION,
        _table(("", *names, "goal"), _figures([s for _n, s in scores])) + "\n",
        _table(("Outcome", "Meaning"), list(MEANINGS.items())) + "\n",
        *(f"The {name} score: {score['note']}\n" for name, score in scores if score.get("note")),
        *(_compared(compared) if compared else ()),
        "## Row by row\n",
        _table(("row", "original", "fault", "way", *names, "seconds until named"), _rows(scores)),
        f"\n## The last line of each run ({names[-1]} score)\n",
        f"The lines are those of commit `{scores[-1][1]['commit']}`; the texts of messages may have changed since. The states of database and old pods, "
        "and the hint, are omitted.\n",
        *_said(scores[-1][1]),
        "## Sources\n",
        "The sources provide the faults and their mechanisms. Texts and code are from this repository. The column *original* has the id that the source "
        "gives the fault. The first letter of a fault's id names the source:\n",
        *(f"- `{letter}`: {text}" for letter, text in SOURCES.items()),
        "",
    ]
    return "\n".join(parts)


def _figures(scores: Sequence[Score]) -> list[Sequence[str]]:
    kinds = ("right", "repaired", "vague", "time-out", "wrong", "false success")
    seconds = [("median seconds until named", "median", "5"), ("95th percentile of the seconds", "p95", "15")]
    return [
        ("commit", *(f"`{s['commit']}`" for s in scores), ""),
        ("faults", *(str(s["faults"]) for s in scores), ""),
        *((kind, *(str(s["outcomes"].get(kind, 0)) for s in scores), "0" if kind in ("time-out", "false success") else "") for kind in kinds),
        ("entity named", *(f"{s['entity']:.0%}" for s in scores), "95 %"),
        ("mechanism named", *(f"{s['mechanism']:.0%}" for s in scores), "90 %"),
        *((text, *("" if s[key] is None else f"{s[key]:g}" for s in scores), goal) for text, key, goal in seconds),
        ("controls without an alarm", *(f"{s['green']} of {s['controls']}" for s in scores), "all"),
        ("not counted", *(", ".join(s["not counted"]) or "none" for s in scores), ""),
    ]


def _rows(scores: Sequence[tuple[str, Score]]) -> list[Sequence[str]]:
    by = [{r["id"]: r for r in score["rows"]} for _name, score in scores]
    found = []
    for row in ROWS:
        results = [b.get(row.id) for b in by]
        if any(results):
            named = next((f"{r['named']:g}" for r in reversed(results) if r and r["named"] is not None), "")
            found.append((row.id, row.name, row.title, row.ways[0], *(_outcome(r) for r in results), named))
    return found


def _outcome(result: Mapping[str, Any] | None) -> str:
    if not result:
        return ""
    return result["outcome"] if result["control"] or not result["score"] else f"{result['outcome']} ({result['score']:.2f})"


def _compared(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Who names it, who calls it a success."""
    tools = list(dict.fromkeys(t["tool"] for r in rows for t in r["theirs"]))
    counts = {tool: Counter(t["outcome"] for r in rows for t in r["theirs"] if t["tool"] == tool) for tool in tools}
    names = sum(r["outcome"] == "right" for r in rows)
    total = [f"- **oceans.llm**: {names} named", *(f"- **{tool}**: {', '.join(f'{n} {what}' for what, n in counts[tool].most_common())}" for tool in tools)]
    body = []
    for row in rows:
        by = {t["tool"]: t for t in row["theirs"]}
        ours = f"{row['outcome']}{'' if row['named'] is None else f' after {row["named"]:g} s'}"
        body.append((row["id"], TITLES.get(row["id"], row["title"]), ours, *(_theirs(by.get(tool)) for tool in tools)))
    return [
        "## The same faults with other tools\n",
        f"{len(rows)} faults. Each tool had the time limit of the row (60 s). A fault is named if the output of the tool "
        "contains the object and the fault. For kubectl this includes the whole output of `kubectl describe`, some hundred lines.\n",
        "\n".join(total) + "\n",
        _table(("row", "fault", "oceans.llm", *tools), body),
        "",
    ]


def _theirs(entry: Mapping[str, Any] | None) -> str:
    if not entry:
        return ""
    return f"{entry['outcome']}{'' if entry['seconds'] is None else f', {entry["seconds"]:.0f} s'}"


def _said(score: Score) -> list[str]:
    found = []
    for result in score["rows"]:
        if not result["control"] and result["line"]:
            title = TITLES.get(result["id"], result["title"])
            line = _plain(result["line"].partition(" — database")[0]).replace(" — ", "\\\n> — ")
            found.append(f"**{result['id']}** fault: {title}. {MEANINGS[result['outcome']]} Last line of the run:\n\n> {line}\n")
    return found


def _plain(text: str) -> str:
    return " ".join(text.replace("<", "&lt;").split())[:700]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(str(c).replace("|", "\\|") for c in row) + " |" for row in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def read(name: str) -> Any:
    file = SCORES / name
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def taken(report: Score, before: Score | None) -> dict[str, Any]:
    """The report as a score: other tools are seldom asked, so that their last results stay."""
    known = {r["id"]: r["theirs"] for r in (before or {}).get("rows", ())}
    return {**report, "rows": [{**row, "theirs": row["theirs"] or known.get(row["id"], [])} for row in report["rows"]]}


def main() -> int:
    if "--take" in sys.argv:
        report = json.loads((ROOT / "reports" / "outside.json").read_text(encoding="utf-8"))
        text = json.dumps(taken(report, read("last.json")), indent=1, ensure_ascii=False)
        (SCORES / "last.json").write_text(f"{text}\n", encoding="utf-8")
    first, last = read("first.json"), read("last.json")
    compared = [r for score in (read("compared.json"), last) if score for r in score["rows"] if r["theirs"]]
    rows = list({r["id"]: r for r in compared}.values())
    made = {PAGE: page(first, last, rows), README: into_readme(README.read_text(encoding="utf-8"), rows)}
    if "--check" in sys.argv:
        old = [file for file, text in made.items() if not file.exists() or file.read_text(encoding="utf-8") != text]
        for file in old:
            print(f"{file.relative_to(ROOT)} is not what the scores and the rows say: python faults/outside/accuracy.py")
        return int(bool(old))
    for file, text in made.items():
        file.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
