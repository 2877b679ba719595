# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure the seconds until each tool reports that an image does not exist, and print its message: same cluster, chart and values, one run.

    benchmarks/time_to_truth.py [--timeout 60] [--json FILE]

Three tools run one after the other, each in its own namespace, which is removed afterwards: the playbook of this
project, `helm upgrade --install --wait`, and `kubernetes.core.helm` with `wait: true`. --timeout applies to the last
two (Helm's default is 5 minutes). Only the ratio of the seconds is a result.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

ROOT = pathlib.Path(__file__).resolve().parent.parent
CHART = str(ROOT / "charts" / "oceans-llm")
IMAGES = "127.0.0.1:5000/oceans-llm"
VALUES = {
    "gateway": {"image": {"repository": f"{IMAGES}/gateway", "tag": "v9.9.9"}},
    "adminUi": {"image": {"repository": f"{IMAGES}/admin-ui", "tag": "v0.24.0"}},
    "secrets": {"existingSecret": {"name": "app"}},
    # in favour of the other two: late hooks start when --wait is over, so that with them a healthy release would time out, too
    "migrations": {"hook": "pre-install,pre-upgrade"},
}
LOCAL = ("-i", "localhost,", "-c", "local", "-e", "ansible_python_interpreter=" + sys.executable)
SECRET = {"POSTGRES_URL": "postgresql://oceans:none@postgres.nowhere.svc:5432/oceans_llm", "GATEWAY_IDENTITY_TOKEN_SECRET": "b" * 40}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--timeout", type=int, default=60, help="time-out of helm and kubernetes.core.helm, in seconds")
    parser.add_argument("--json", type=pathlib.Path, help="also write the figures to this file")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for name, command in tools(pathlib.Path(scratch), options.timeout).items():
            rows.append({"tool": name, **measured(name, command)})
            print(f"{rows[-1]['tool']:40} {rows[-1]['seconds']:7.1f} s  exit {rows[-1]['exit']}  {rows[-1]['said']}", flush=True)
    first = rows[0]["seconds"]
    for row in rows[1:]:
        print(f"{row['tool']} took {row['seconds'] / first:.1f} times as long as oceans.llm (time-out {options.timeout} s)")
    if options.json:
        options.json.write_text(json.dumps({"timeout": options.timeout, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    return 0


def tools(scratch: pathlib.Path, timeout: int) -> dict[str, Callable[[str], list[str]]]:
    """Tool -> the command for one namespace."""
    values = scratch / "values.json"
    values.write_text(json.dumps(VALUES), encoding="utf-8")
    ours, theirs = scratch / "ours.yml", scratch / "theirs.yml"
    ours.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "roles": ["oceans.llm.deploy"]}]), encoding="utf-8")
    module = {"name": "r", "namespace": "{{ ns }}", "chart_ref": CHART, "values_files": [str(values)], "wait": True, "timeout": f"{timeout}s"}
    theirs.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [{"kubernetes.core.helm": module}]}]), encoding="utf-8")

    def variables(namespace: str) -> str:
        return json.dumps(
            {
                "oceans_llm_namespace": namespace,
                "oceans_llm_release": "r",
                "oceans_llm_chart": CHART,
                "oceans_llm_values": VALUES,
                "oceans_llm_chart_version": "",
                "oceans_llm_secrets_source": "existing",
                "oceans_llm_secret_name": "app",
            }
        )

    return {
        "oceans.llm.deploy": lambda ns: ["ansible-playbook", *LOCAL, str(ours), "-e", variables(ns)],
        f"helm upgrade --install --wait ({timeout} s)": lambda ns: [
            "helm",
            "upgrade",
            "--install",
            "r",
            CHART,
            "-n",
            ns,
            "-f",
            str(values),
            "--wait",
            "--timeout",
            f"{timeout}s",
        ],
        f"kubernetes.core.helm wait: true ({timeout} s)": lambda ns: ["ansible-playbook", *LOCAL, str(theirs), "-e", json.dumps({"ns": ns})],
    }


def measured(name: str, command: Callable[[str], list[str]]) -> dict[str, object]:
    namespace = "bench-" + re.sub(r"[^a-z]+", "-", name.lower()).strip("-")[:40].strip("-")
    kubectl("create", "namespace", namespace)
    try:
        literals = [f"--from-literal={key}={value}" for key, value in SECRET.items()]
        kubectl("-n", namespace, "create", "secret", "generic", "app", *literals)
        started = time.monotonic()
        done = subprocess.run(command(namespace), capture_output=True, text=True, cwd=ROOT, check=False, env={**os.environ, "ANSIBLE_NOCOLOR": "1"})
        seconds = time.monotonic() - started
        return {"seconds": round(seconds, 1), "exit": done.returncode, "said": last_message(done.stdout + done.stderr)}
    finally:
        kubectl("delete", "namespace", namespace, "--wait=false")


def last_message(text: str) -> str:
    """The sentence that a reader of the log would stop at."""
    found = re.search(r"FAILED [A-Z]\w+ .*|UPGRADE FAILED.*|INSTALLATION FAILED.*|[^\n]*deadline exceeded[^\n]*|timed out[^\n\\]*", text)
    return (found[0] if found else text.strip()[-300:]).strip()[:300]


def kubectl(*arguments: str) -> None:
    subprocess.run(["kubectl", *arguments], check=True, capture_output=True)


if __name__ == "__main__":
    sys.exit(main())
