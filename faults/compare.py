# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same fault under `helm upgrade --install --wait` and under kubernetes.core.helm with `wait: true`.

Both are run in the row's own namespace when our run is over and its release is gone, at once, under release names of their own, with the
very values that our run gave to Helm. One thing is changed in their favour: migrations run as an early hook. Helm starts late hooks only
after --wait is over, and the gateway waits for the migration: with them a healthy release would time out, too.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from . import kube
from .kube import ROOT
from .place import RELEASE, Place, merged

#: Helm's own default
TIMEOUT = "5m"
EARLY = {"migrations": {"hook": "pre-install,pre-upgrade"}}
CHART = str(ROOT / "charts" / "oceans-llm")


@dataclass
class Theirs:
    """What another tool made of the fault."""

    tool: str
    seconds: float
    exit: int
    said: str

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def compare(place: Place) -> list[dict[str, object]]:
    """Both tools, at once. The namespace is the row's; our release must have come to its end."""
    helm = [str(kube.STATE / "bin" / "helm"), "--kubeconfig", str(kube.KUBECONFIG), "-n", place.namespace]
    values = merged(json.loads(kube.run(*helm, "get", "values", RELEASE, "-o", "json")), EARLY)
    kube.run(*helm, "uninstall", RELEASE, "--no-hooks", "--wait")
    kube.kubectl("-n", place.namespace, "delete", "job", "--all", "--wait=true")
    file = place.folder / "theirs.json"
    file.write_text(json.dumps(values), encoding="utf-8")
    module = {"name": "core", "namespace": place.namespace, "chart_ref": CHART, "values_files": [str(file)], "wait": True, "timeout": TIMEOUT}
    play = place.folder / "theirs.yml"
    play.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [{"kubernetes.core.helm": module}]}]), encoding="utf-8")
    ansible = [os.path.join(os.path.dirname(sys.executable), "ansible-playbook"), "-i", "localhost,", "-c", "local"]
    commands = {
        "helm upgrade --install --wait": [*helm, "upgrade", "--install", "helm", CHART, "-f", str(file), "--wait", "--timeout", TIMEOUT],
        "kubernetes.core.helm wait: true": [*ansible, "-e", f"ansible_python_interpreter={sys.executable}", str(play)],
    }
    with ThreadPoolExecutor(len(commands)) as pool:
        return [theirs.as_dict() for theirs in pool.map(_timed, commands, commands.values())]


def _timed(tool: str, command: Sequence[str]) -> Theirs:
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "KUBECONFIG": str(kube.KUBECONFIG)}
    environment["PATH"] = f"{kube.STATE}/bin:{environment['PATH']}"
    begun = time.monotonic()
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, cwd=ROOT, env=environment, check=False, timeout=600
    )
    return Theirs(tool, round(time.monotonic() - begun, 1), done.returncode, last_message(done.stdout))


def last_message(output: str) -> str:
    """The sentence that a reader of the log would stop at."""
    found = re.findall(r"Error: [^\n\"\\]*|[^\n\"\\]*(?:deadline exceeded|timed out)[^\n\"\\]*", output)
    said = dict.fromkeys(text.strip() for text in found[-3:]) if found else [output.strip()[-300:]]
    return ", ".join(said)[:300]
