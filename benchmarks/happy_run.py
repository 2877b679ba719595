#!/usr/bin/env python3
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure a successful run, and a second run without changes: lines, requests to the API server, memory, Helm processes.

    benchmarks/happy_run.py [--json FILE]

Three runs in one namespace: an install whose migration takes a minute, the same run again without changes, and a kubernetes.core.helm task on
the same release without changes. Requests are counted in the API server's audit log, memory in /proc, and Helm processes with a wrapper around
Helm.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "testbed"))

import audit  # noqa: E402 - a script of the testbed

from faults import kube  # noqa: E402
from faults.place import RELEASE, Place  # noqa: E402
from faults.play import Play, of_run  # noqa: E402
from faults.row import Row  # noqa: E402

#: V30 takes so long
WAIT = 60
ROW = Row("BENCH", "a slow migration", knobs={"STANDIN_MIGRATION_SLOW": f"30:{WAIT}"}, own_server=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=pathlib.Path, help="also write the figures to this file")
    options = parser.parse_args()
    place = Place(ROW, "bench", keep=False)
    try:
        place.make()
        helm = counting_helm(place)
        variables = {**place.variables(), "oceans_llm_helm_binary": str(helm), "oceans_llm_timeout": 300}
        rows = [
            {"run": f"first installation, {WAIT} s of migration", **ours(place, variables, "first")},
            {"run": "the same again", **ours(place, variables, "again")},
            {"run": "plain kubernetes.core.helm, the same again", **plain(place, helm)},
        ]
    finally:
        place.remove()
    for row in rows:
        print(", ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


def counting_helm(place: Place) -> pathlib.Path:
    """Helm, noting each of its processes that is more than a question for its version."""
    script = place.folder / "helm"
    script.write_text(f'#!/bin/sh\n[ "$1" = version ] || echo "$@" >> {place.folder}/helm.calls\nexec {kube.STATE}/bin/helm "$@"\n')
    script.chmod(0o755)
    return script


def helm_calls(place: Place) -> int:
    calls = place.folder / "helm.calls"
    found = len(calls.read_text().splitlines()) if calls.exists() else 0
    calls.unlink(missing_ok=True)
    return found


def ours(place: Place, variables: dict[str, Any], label: str) -> dict[str, Any]:
    since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    play = Play(place, variables, label=label)
    memory = Memory(play)
    begun = time.monotonic()
    if play.wait(400) != 0:
        raise SystemExit(f"the run failed:\n{play.screen}")
    seconds = time.monotonic() - begun
    own = [e for e in audit.events(since) if e.get("userAgent") == "oceans.llm" and audit.about(e, place.namespace)]
    found = {
        "seconds": round(seconds, 1),
        "lines": sum(text.startswith("[faults]") for _at, text in play.lines),
        "requests of ours": len(own),
        "helm processes": helm_calls(place),
        "writes of all": len(audit.requests(place.namespace, since)["writes"]),
        "MB of the engine": memory.end(),
    }
    waited = waiting(play)
    if waited:
        found["requests a minute while it waits"] = round(60 * sum(waited[0] <= stamp(e) <= waited[1] for e in own) / (waited[1] - waited[0]), 1)
    return found


def waiting(play: Play) -> tuple[float, float] | None:
    """From the first heartbeat to the last one, as times of the clock; None in a run without a long wait."""
    beats = [at for at, text in play.lines if "s … Job/" in text]
    if len(beats) < 3:
        return None
    now = time.time() - time.monotonic()
    return now + beats[0], now + beats[-1]


def stamp(event: dict[str, Any]) -> float:
    return datetime.fromisoformat(event["requestReceivedTimestamp"]).timestamp()


class Memory:
    """The greatest resident size of a process of the run that is Ansible's worker, looked at five times a second."""

    def __init__(self, play: Play) -> None:
        self.most, self._over = 0, threading.Event()
        self._play = play
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._over.wait(0.2):
            for pid in of_run(str(self._play.folder)):
                try:
                    status = pathlib.Path(f"/proc/{pid}/status").read_text()
                except OSError:
                    continue
                if "RssAnon" in status and "ansible" in status.splitlines()[0] and int(status.split("PPid:")[1].split()[0]) == self._play.process.pid:
                    self.most = max(self.most, int(status.split("RssAnon:")[1].split()[0]))

    def end(self) -> int:
        self._over.set()
        self._thread.join()
        return round(self.most / 1024)


def plain(place: Place, helm: pathlib.Path) -> dict[str, Any]:
    """kubernetes.core.helm with the values that the release has."""
    values = place.folder / "values.json"
    values.write_text(kube.run(kube.STATE / "bin" / "helm", "--kubeconfig", kube.KUBECONFIG, "-n", place.namespace, "get", "values", RELEASE, "-o", "json"))
    chart = place.variables()["oceans_llm_chart"]
    module = {"name": RELEASE, "namespace": place.namespace, "chart_ref": chart, "values_files": [str(values)], "binary_path": str(helm)}
    play = place.folder / "plain.yml"
    play.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [{"kubernetes.core.helm": module}]}]))
    since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    begun = time.monotonic()
    program = os.path.join(os.path.dirname(sys.executable), "ansible-playbook")
    subprocess.run(
        [program, "-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}", str(play)],
        check=True,
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "KUBECONFIG": str(kube.KUBECONFIG)},
    )
    return {
        "seconds": round(time.monotonic() - begun, 1),
        "helm processes": helm_calls(place),
        "writes of all": len(audit.requests(place.namespace, since)["writes"]),
    }


if __name__ == "__main__":
    sys.exit(main())
