# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What other tools make of the same fault, one after the other in the row's own namespace, each with the row's own limit.

`kubectl rollout status`, then `kubectl describe` of everything that it is about: the whole output counts. `helm upgrade --wait` and kubernetes.core.helm with
`wait: true` get the values that the release has; their last message counts. As for our own runs: success while a client sees damage is a false success.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from .. import kube
from ..compare import CHART, last_message
from ..kube import ROOT, Broken
from ..place import RELEASE, Place
from . import grade
from .eye import GATEWAY
from .foreign import Foreign, Wanted

KUBECTL, HELM, MODULE = "kubectl rollout status, then describe", "helm upgrade --wait", "kubernetes.core.helm wait: true"
DESCRIBED = "deployment,replicaset,pod,service,endpointslice,ingress,networkpolicy,resourcequota,persistentvolumeclaim,job"


def theirs(row: Foreign, place: Place, wanted: Wanted) -> list[dict[str, Any]]:
    """One entry a tool. Helm may put the fault right: then it is done to the release again before the next one."""
    return [_kubectl(row, place, wanted), _helm(row, place, wanted), _module(row, place, wanted)]


def _kubectl(row: Foreign, place: Place, wanted: Wanted) -> dict[str, Any]:
    command = [str(kube.KUBECTL), "--kubeconfig", str(kube.KUBECONFIG), "-n", place.namespace]
    seconds, code, _output = _run([*command, "rollout", "status", f"deployment/{GATEWAY}", f"--timeout={row.timeout}s"])
    _more, _code, described = _run([*command, "describe", DESCRIBED])
    return _entry(KUBECTL, row, place, wanted, seconds, code, described, f"exit {code}, {len(described.splitlines())} lines of describe")


def _values(place: Place) -> pathlib.Path:
    file = place.folder / "values.json"
    file.write_text(place.helm("get", "values", RELEASE, "-o", "json"), encoding="utf-8")
    return file


def _helm(row: Foreign, place: Place, wanted: Wanted) -> dict[str, Any]:
    helm = [str(kube.STATE / "bin" / "helm"), "--kubeconfig", str(kube.KUBECONFIG), "-n", place.namespace]
    seconds, code, output = _run([*helm, "upgrade", RELEASE, CHART, "-f", str(_values(place)), "--wait", "--timeout", f"{row.timeout}s"])
    return _entry(HELM, row, place, wanted, seconds, code, output, last_message(output))


def _module(row: Foreign, place: Place, wanted: Wanted) -> dict[str, Any]:
    if not row.bite(place) and row.inject:
        try:
            row.inject(place)
            kube.until(lambda: row.bite(place), 20, "the fault no longer does damage")
        except (Broken, TimeoutError) as error:
            return {"tool": MODULE, "seconds": None, "exit": None, "entity": False, "mechanism": False, "outcome": "not tried", "said": str(error)[:200]}
    module = {"name": RELEASE, "namespace": place.namespace, "chart_ref": CHART, "values_files": [str(place.folder / "values.json")]}
    play = place.folder / "module.yml"
    task = {"kubernetes.core.helm": {**module, "wait": True, "timeout": f"{row.timeout}s", "force": False}}
    play.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]), encoding="utf-8")
    ansible = os.path.join(os.path.dirname(sys.executable), "ansible-playbook")
    seconds, code, output = _run([ansible, "-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}", str(play)])
    return _entry(MODULE, row, place, wanted, seconds, code, output, last_message(output))


def _run(command: Sequence[str]) -> tuple[float, int, str]:
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "KUBECONFIG": str(kube.KUBECONFIG)}
    environment["PATH"] = f"{kube.STATE}/bin:{environment['PATH']}"
    begun = time.monotonic()
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, cwd=ROOT, env=environment, check=False, timeout=300
    )
    return round(time.monotonic() - begun, 1), done.returncode, done.stdout


def _entry(tool: str, row: Foreign, place: Place, wanted: Wanted, seconds: float, code: int, output: str, said: str) -> dict[str, Any]:
    # describe writes "Name: x", not Kind/x
    entity = grade.matches(re.sub(r"\b[A-Z][A-Za-z]+/", "", wanted.entity), output)
    mechanism = all(grade.matches(p, output) for p in wanted.mechanism)
    damaged = row.bite(place)
    outcome = (
        ("false success" if damaged else "repaired") if code == 0 else "named" if entity and mechanism else "time-out" if seconds >= row.timeout else "failed"
    )
    if tool == KUBECTL and code == 0 and damaged and entity and mechanism:
        outcome = "success (named by describe)"
    return {"tool": tool, "seconds": seconds, "exit": code, "entity": entity, "mechanism": mechanism, "outcome": outcome, "said": said[:300]}
