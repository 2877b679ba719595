#!/usr/bin/env python3
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure an upgrade, and a run without changes, with the collection and with plain tools: same release, same change, alternating.

    benchmarks/upgrade.py [--rounds 3] [--json FILE]

The change is a pod annotation, so that both Deployments' pods and the migration Job are created again. The plain tools are
`helm upgrade` followed by `kubectl rollout status` of both Deployments. A play without a task shows what Ansible itself takes. Seconds are medians.
Only their ratios and differences are results.
"""

from __future__ import annotations

import argparse
import itertools
import json
import pathlib
import statistics
import subprocess
import sys
import time
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from faults import kube  # noqa: E402 - a package beside this folder
from faults.place import RELEASE, Place, merged  # noqa: E402
from faults.play import Play  # noqa: E402
from faults.row import Row  # noqa: E402

ROW = Row("UPGRADE", "an upgrade that goes well", own_server=True)
HELM = kube.STATE / "bin" / "helm"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="number of measurements of each tool")
    parser.add_argument("--json", type=pathlib.Path, help="also write the figures to this file")
    options = parser.parse_args()
    place = Place(ROW, "bench", keep=False)
    seconds: dict[str, list[float]] = {}
    try:
        place.make()
        ours(place, "gateway", "first", 0)
        numbers = itertools.count(1)
        for _round in range(options.rounds):
            for name, run in {
                "ansible-playbook, no task": lambda n: ours(place, "", f"empty-{n}", n),
                "helm upgrade and kubectl rollout status": lambda n: plain(place, n),
                "role deploy": lambda n: ours(place, "deploy", f"deploy-{n}", n),
                "role gateway": lambda n: ours(place, "gateway", f"gateway-{n}", n),
            }.items():
                number = next(numbers)
                seconds.setdefault(name, []).append(run(number))
                if name.startswith("role"):
                    role = name.split()[1]
                    seconds.setdefault(f"{name}, nothing to do", []).append(ours(place, role, f"{role}-{number}-again", number))
    finally:
        place.remove()
    rows = [{"run": name, "median": round(statistics.median(all_of), 1), "seconds": [round(s, 1) for s in all_of]} for name, all_of in seconds.items()]
    for row in rows:
        print(f"{row['run']:42} {row['median']:6.1f} s   {row['seconds']}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


def variables(place: Place, number: int) -> dict[str, Any]:
    notes = {"gateway": {"podAnnotations": {"bench": f"n{number}"}}, "adminUi": {"podAnnotations": {"bench": f"n{number}"}}}
    return merged(place.variables(), {"oceans_llm_values": notes, "oceans_llm_report_always": False})


def ours(place: Place, role: str, label: str, number: int) -> float:
    begun = time.monotonic()
    play = Play(place, variables(place, number), roles=role, label=label)
    if play.wait(300) != 0:
        raise SystemExit(f"the run failed:\n{play.screen}")
    return time.monotonic() - begun


def plain(place: Place, number: int) -> float:
    """With the values that the release has, and another annotation."""
    where = ("--kubeconfig", str(kube.KUBECONFIG), "-n", place.namespace)
    values = json.loads(kube.run(HELM, *where, "get", "values", RELEASE, "-o", "json"))
    for part in ("gateway", "adminUi"):
        values[part]["podAnnotations"]["bench"] = f"n{number}"
    file = place.folder / "values.json"
    file.write_text(json.dumps(values), encoding="utf-8")
    begun = time.monotonic()
    subprocess.run([str(HELM), *where, "upgrade", RELEASE, str(ROOT / "charts/oceans-llm"), "--values", str(file)], check=True, capture_output=True)
    for part in ("gateway", "admin-ui"):
        kube.kubectl("-n", place.namespace, "rollout", "status", f"deployment/{RELEASE}-oceans-llm-{part}", "--timeout=120s")
    return time.monotonic() - begun


if __name__ == "__main__":
    sys.exit(main())
