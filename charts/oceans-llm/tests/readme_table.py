# SPDX-License-Identifier: GPL-3.0-or-later
"""The values table of README.md, made from the comments in values.yaml.

    python charts/oceans-llm/tests/readme_table.py            # write it into README.md
    python charts/oceans-llm/tests/readme_table.py --check    # say whether it is up to date

A comment that begins with `# -- ` describes the next key; lines below it go on with the sentence.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).resolve().parent.parent
BEGIN = "<!-- values: made by tests/readme_table.py from values.yaml -->"
END = "<!-- end of values -->"


def described(source: str) -> Iterator[tuple[str, Any, str]]:
    """(dotted key, default, description) of every described key, in the file's order."""
    values = yaml.safe_load(source)
    parents: list[tuple[int, str]] = []
    comment: list[str] = []
    for line in source.splitlines():
        bare = line.strip()
        if bare.startswith("# -- "):
            comment = [bare[5:]]
        elif bare.startswith("#") and comment:
            comment.append(bare.lstrip("# "))
        elif bare and not bare.startswith(("#", "- ")) and ":" in bare:
            indent = len(line) - len(line.lstrip())
            while parents and parents[-1][0] >= indent:
                parents.pop()
            parents.append((indent, bare.split(":", 1)[0]))
            if comment:
                path = [name for _, name in parents]
                yield ".".join(path), lookup(values, path), " ".join(comment)
                comment = []
        else:
            comment = []


def lookup(values: Any, path: list[str]) -> Any:
    for name in path:
        values = values[name]
    return values


def table(source: str) -> str:
    rows = ["| Key | Default | Meaning |", "|---|---|---|"]
    for key, default, text in described(source):
        shown = json.dumps(default, ensure_ascii=False)
        # a long map is easier to read in values.yaml
        cell = f"`{shown}`" if len(shown) <= 60 else "see `values.yaml`"
        rows.append(f"| `{key}` | {cell} | {text.replace('|', '&#124;')} |")
    return "\n".join(rows)


def readme(text: str, source: str) -> str:
    """README.md with the table in its place."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{table(source)}\n{END}{tail}"


def main(arguments: list[str]) -> int:
    target = CHART / "README.md"
    now = target.read_text()
    wanted = readme(now, (CHART / "values.yaml").read_text())
    if "--check" in arguments:
        if now != wanted:
            print("README.md: the values table is old; run: python charts/oceans-llm/tests/readme_table.py", file=sys.stderr)
        return int(now != wanted)
    target.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
