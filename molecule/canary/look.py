# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command and look for secrets in all that it leaves: output, argument lists, files, objects of the cluster.

    look.py FOLDER NAMESPACE PATTERN -- COMMAND...

FOLDER/needles.json has the values, FOLDER/cases what the run was given: there they must be found, or the search is no good. They
are looked for raw, base64 (in all three alignments), URL-encoded, JSON-escaped (twice, too), and split over lines. Exit code 0: the
output matches PATTERN and nothing was found.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

SHORTEST = 8  # characters of a needle in another notation: less would be found by chance


def notations(value: str) -> dict[str, str]:
    """The value in every notation in which it could get out."""
    data = value.encode()
    found = {"raw": value, "URL": quote(value, safe=""), "URL path": quote(value), "form": quote_plus(value)}
    found |= {
        "JSON in JSON": json.dumps(json.dumps(value)[1:-1])[1:-1],
        "JSON": json.dumps(value)[1:-1],
        "JSON with UTF-8": json.dumps(value, ensure_ascii=False)[1:-1],
        "repr": repr(value)[1:-1],
    }
    for shift in range(3):  # base64 of a longer text that holds it, at each alignment
        text = base64.b64encode(b"x" * shift + data).decode().rstrip("=")
        found[f"base64 +{shift}"] = text[(0, 2, 3)[shift] : len(text) - (len(text) % 4 != 0)]
    return {name: text for name, text in found.items() if len(text) >= SHORTEST}


def hits(text: str, needles: list[str]) -> list[str]:
    """`notation of needle N`, for each that is in the text, whole or split over lines."""
    joined = re.sub(r"\\n|\\r|[\s|>\"']", "", text)
    found = []
    for number, needle in enumerate(needles, 1):
        for name, form in notations(needle).items():
            if form in text:
                found.append(f"{name} of needle {number}")
            elif re.sub(r"[\s|>\"']", "", form) in joined:
                found.append(f"{name} of needle {number}, split")
    return found


def argument_lists(stop: threading.Event, seen: set[str]) -> None:
    """Every argument list of any process that was not there before, as fast as they can be read; of its first second, in which it becomes
    what it is (fork, then exec)."""
    born = dict.fromkeys(os.listdir("/proc"), 0.0)
    while not stop.wait(0.01):
        now = time.monotonic()
        for entry in filter(str.isdigit, os.listdir("/proc")):
            if now - born.setdefault(entry, now) > 1.0:
                continue
            with contextlib.suppress(OSError):
                seen.add(Path("/proc", entry, "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))


def run(command: list[str]) -> tuple[str, str]:
    """(output, all argument lists while it ran)."""
    stop, seen = threading.Event(), set[str]()
    watcher = threading.Thread(target=argument_lists, args=(stop, seen))
    watcher.start()
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    finally:
        stop.set()
        watcher.join()
    return done.stdout + done.stderr, "\n".join(seen)


def files(folder: Path) -> Iterator[tuple[str, str]]:
    """Reports, and whatever was left among the temporary files."""
    for part in ("reports", "temporary"):
        for path in sorted((folder / part).rglob("*")):
            if path.is_file():
                data = path.read_bytes()
                yield str(path.relative_to(folder)), (gzip.decompress(data) if path.suffix == ".gz" else data).decode(errors="replace")


def objects(namespace: str) -> Iterator[tuple[str, str]]:
    """Everything in the namespace; of Secrets only Helm's record (unpacked), metadata, and those that are not for the gateway."""
    kubectl = ["kubectl", "--namespace", namespace, "get", "--output=json", "--show-managed-fields", "--ignore-not-found"]
    kinds = "configmaps,pods,deployments,replicasets,jobs,services,serviceaccounts,events,leases,secrets"
    text = subprocess.run([*kubectl, kinds], capture_output=True, text=True, check=True).stdout
    for item in json.loads(text or '{"items": []}')["items"]:
        where = f"{item['kind']}/{item['metadata']['name']}"
        if item["kind"] == "Secret":
            data = item.pop("data", {})
            if item["type"] == "helm.sh/release.v1":
                yield f"{where} (unpacked)", gzip.decompress(base64.b64decode(base64.b64decode(data["release"]))).decode()
        yield where, json.dumps(item, ensure_ascii=False)


def main() -> int:
    folder, namespace, pattern = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    needles = json.loads((folder / "needles.json").read_text(encoding="utf-8"))
    output, argv = run(sys.argv[5:])
    left, live = list(files(folder)), list(objects(namespace))
    found = {place: said for place, text in (("output", output), ("argument lists", argv), *left, *live) if (said := hits(text, needles))}
    if not all(hits(path.read_text(encoding="utf-8"), needles) for path in (folder / "cases").iterdir()):
        print("the variables of the run hold no needle: nothing could be found")
        return 3
    if not re.search(pattern, output):
        print(f"{output[-6000:]}\nthe output does not match {pattern!r}")
        return 2
    for place, said in found.items():
        print(f"{place}: {', '.join(said)}")
    looked_through = f"{len(output)} characters of output, {len(argv.splitlines())} argument lists, {len(left)} files, {len(live)} objects"
    print(f"{looked_through}: {'LEAKED' if found else 'clean'}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
