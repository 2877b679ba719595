# SPDX-License-Identifier: GPL-3.0-or-later
"""The chart inside the collection: one link for each file of charts/oceans-llm that Helm reads.

`ansible-galaxy collection build` puts the content of a linked file into the artifact, but leaves a linked folder out. ansible-test
does not take links that lead out of the collection, templates of Helm for YAML, nor scripts without a first line:
tests/sanity/ignore-*.txt says so for each file.

Usage: chart_links.py            what differs, exit code 1
       chart_links.py --write    put it right
"""

import os
import pathlib
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
CHART = ROOT / "charts" / "oceans-llm"
COLLECTION = ROOT / "ansible_collections" / "oceans" / "llm"
INSIDE = COLLECTION / "charts" / "oceans-llm"
READ = ("Chart.yaml", "LICENSE", "values.yaml", "values.schema.json", ".helmignore", "files/*", "templates/**/*")
CORES = ("2.20", "2.21", "2.22")  # a file of ignored findings is of one ansible-core


def wanted() -> dict[pathlib.Path, str]:
    """Link -> where it leads."""
    files = (file for pattern in READ for file in CHART.glob(pattern) if file.is_file())
    links = {INSIDE / file.relative_to(CHART): file for file in files}
    return {link: os.path.relpath(file, link.parent) for link, file in sorted(links.items())}


def ignored() -> str:
    """What ansible-test must not look at."""
    lines = []
    for link in wanted():
        name = link.relative_to(COLLECTION)
        lines.append(f"{name} symlinks!skip")
        if link.suffix == ".yaml" and "templates" in link.parts:
            lines.append(f"{name} yamllint!skip")
        if link.suffix == ".sh":  # a part of a container's command, without a first line that names the shell
            lines.append(f"{name} shellcheck!skip")
    return "\n".join(lines) + "\n"


def differences() -> list[str]:
    there = {link: str(link.readlink()) for link in INSIDE.rglob("*") if link.is_symlink()}
    found = [f"{link.relative_to(ROOT)} must point to {to}" for link, to in wanted().items() if there.pop(link, "") != to]
    found += [f"{link.relative_to(ROOT)} points to no file of the chart" for link in there]
    lists = [COLLECTION / "tests" / "sanity" / f"ignore-{core}.txt" for core in CORES]
    cure = "is out of date; run: python testbed/chart_links.py --write"
    return found + [f"{file.relative_to(ROOT)} {cure}" for file in lists if not file.exists() or file.read_text() != ignored()]


def write() -> None:
    shutil.rmtree(INSIDE, ignore_errors=True)
    for link, to in wanted().items():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(to)
    folder = COLLECTION / "tests" / "sanity"
    folder.mkdir(exist_ok=True)
    first, *others = (folder / f"ignore-{core}.txt" for core in CORES)
    first.write_text(ignored())
    for other in others:
        other.unlink(missing_ok=True)
        other.symlink_to(first.name)


if __name__ == "__main__":
    if "--write" in sys.argv[1:]:
        write()
    wrong = differences()
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)
