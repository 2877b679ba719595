# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Job that copies a database or brings a copy back: dump.sh in PostgreSQL's own image, in a pod like the gateway's.

Like the gateway's for the way to the database: its proxies beside it, its certificate authority, its node selectors, its network policies. Of the
gateway's environment it has nothing. User and password come from a Secret of the Job's own, made from the URL that only the gateway's driver and
database_url.py can take apart; it belongs to the Deployment, so that nothing of it outlives a run that was killed and a release that goes.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..gateway import one_off_job, one_off_run
from ..gateway.driver import NAME as APPLICATION
from ..kube.client import Cluster
from ..kube.objects import Object, owned_by
from . import held
from .deployed import NotPossible
from .source import Source

COMPONENT = "restore-point"
SCRIPT, TRANSFER = Path(__file__).with_name("dump.sh"), Path(__file__).with_name("transfer.sh")
PLACE, WORK = "/restore-points", "/work"
MOUNTS = [{"name": "restore-points", "mountPath": PLACE}, {"name": "restore-point-work", "mountPath": WORK}]
S3_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
EVERY = 5.0  # seconds between two lines


@dataclass(frozen=True)
class Place:
    """Where copies are kept: a claim, or an object store as the option `s3` says it (address, endpoint, region, secret, image)."""

    claim: str = ""
    s3: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return str(self.s3["address"]).rstrip("/") if self.s3 else f"PersistentVolumeClaim/{self.claim}"

    @property
    def url(self) -> str:
        """Path-style, as every object store takes it."""
        endpoint = self.s3.get("endpoint") or f"https://s3.{self.s3['region']}.amazonaws.com"
        return f"{str(endpoint).rstrip('/')}/{str(self).removeprefix('s3://')}"


@dataclass(frozen=True)
class Recovered:
    """A volume with the data of a server, and the user whom the data belong to."""

    claim: str
    user: int


def run(
    cluster: Cluster, source: Source, image: str, place: Place, words: Sequence[str], doing: str, say: Callable[[str], None], deadline: int,
    recovered: Recovered | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The script's answer. `doing`: what is told while it runs. :raises NotPossible: with the reason, in the script's words."""
    body = job(source, image, place, words, deadline)
    if recovered:
        _on_volume(body["spec"]["template"]["spec"], recovered)
    with _login(cluster, source), telling(say, doing):
        answer = one_off_run.ask(cluster, body, deadline + 30)
    if answer.code is None:
        raise NotPossible(f"{doing}: {answer.text}")
    if answer.code:
        raise NotPossible(reason(answer.text) or f"{doing}: exit code {answer.code}")
    return dict(json.loads(answer.text.strip().splitlines()[-1]))


def reason(text: str) -> str:
    """The script's own sentence, and what the program said before it."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    last = lines.pop().removeprefix("restore point: ") if lines else ""
    said = next((line for line in reversed(lines) if "rror" in line or "not found" in line), lines[-1] if lines else "")
    return f"{last} ({said})" if said else last


@contextlib.contextmanager
def telling(say: Callable[[str], None], doing: str) -> Iterator[None]:
    """A line at once, and one every few seconds."""
    over = threading.Event()

    def tell() -> None:
        seconds = 0.0
        while not over.wait(EVERY):
            seconds += EVERY
            say(f"{doing} ({seconds:.0f} s)")

    say(doing)
    thread = threading.Thread(target=tell, name="restore point", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextlib.contextmanager
def _login(cluster: Cluster, source: Source) -> Iterator[None]:
    """The Secret with user and password, for as long as the Job runs."""
    name, login = secret_name(source.release.name), {"PGUSER": source.target.user, "PGPASSWORD": source.target.password}
    held.put(cluster, source.gateway.deployment, name, login, f"oceans-llm-{COMPONENT}")
    try:
        yield
    finally:
        held.remove(cluster, source.release.namespace, name)


def secret_name(release: str) -> str:
    return f"{release}-restore-point-login"


# --- the Job, pure --------------------------------------------------------------------------------------------------------


def job(source: Source, image: str, place: Place, words: Sequence[str], deadline: int) -> dict[str, Any]:
    release, target = source.release.name, source.target
    made = one_off_job.job(source.gateway.deployment, [], prefix=f"{release[:36]}-{COMPONENT}", component=COMPONENT, deadline=deadline)
    spec = made["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    authority = [m for m in container.get("volumeMounts") or () if f"{target.authority}/".startswith(f"{str(m['mountPath']).rstrip('/')}/")]
    for name in ("env", "envFrom", "volumeDevices", "workingDir"):
        container.pop(name, None)
    container |= {
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", SCRIPT.read_text(encoding="utf-8"), COMPONENT],
        "args": list(words),
        "env": [{"name": name, "value": value} for name, value in _environment(source).items()],
        "envFrom": [{"secretRef": {"name": secret_name(release)}}],
        "volumeMounts": [*authority, *MOUNTS],
    }
    if place.s3:
        _with_transfer(spec, container, place, words)
    used = {m["name"] for c in (*spec["containers"], *spec.get("initContainers", ())) for m in c.get("volumeMounts") or ()}
    spec["volumes"] = [
        *(v for v in spec.get("volumes") or () if v["name"] in used),
        {"name": "restore-points", **({"emptyDir": {}} if place.s3 else {"persistentVolumeClaim": {"claimName": place.claim}})},
        {"name": "restore-point-work", "emptyDir": {}},
    ]
    spec |= {"automountServiceAccountToken": False, "securityContext": _security(spec, container)}
    made["metadata"]["ownerReferences"] = owned_by(source.gateway.deployment)
    return made


def _with_transfer(spec: dict[str, Any], dump: dict[str, Any], place: Place, words: Sequence[str]) -> None:
    """A second container carries the copy: after it was taken, or before it is read. The last of the two is the one that is asked."""
    taking = words[0] in ("take", "recovered")
    login = [{"name": key, "valueFrom": {"secretKeyRef": {"name": place.s3["secret"], "key": key}}} for key in S3_KEYS]
    transfer = {
        **{key: value for key, value in dump.items() if key in ("imagePullPolicy", "resources", "securityContext")},
        "name": f"{COMPONENT}-transfer",
        "image": place.s3["image"],
        "command": ["sh", "-c", TRANSFER.read_text(encoding="utf-8"), COMPONENT],
        "args": ["put", *words[1:]] if taking else ["get", words[1]],
        "env": [{"name": "S3_URL", "value": place.url}, {"name": "S3_REGION", "value": place.s3["region"]}, *login],
        "volumeMounts": MOUNTS,
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    first, last = (dump, transfer) if taking else (transfer, dump)
    spec["initContainers"] = [*spec.get("initContainers", ()), first]
    spec["containers"] = [last]


def _on_volume(spec: dict[str, Any], recovered: Recovered) -> None:
    """PostgreSQL is started in the pod, on this volume."""
    (dump,) = (c for c in (*spec["containers"], *spec.get("initContainers", ())) if c["args"][0] == "recovered")
    user = {"runAsUser": recovered.user, "runAsGroup": recovered.user}
    dump["volumeMounts"] = [*dump["volumeMounts"], {"name": "recovered", "mountPath": "/recovered"}]
    dump["securityContext"] = {**(dump.get("securityContext") or {}), **user}
    spec["volumes"] = [*spec["volumes"], {"name": "recovered", "persistentVolumeClaim": {"claimName": recovered.claim}}]
    spec["securityContext"] = {**spec["securityContext"], "fsGroup": recovered.user}


def _environment(source: Source) -> dict[str, str]:
    target = source.target
    given = {
        "PGHOST": target.host,
        "PGPORT": str(target.port),
        "PGDATABASE": target.name,
        "PGSSLMODE": target.sslmode,
        "PGSSLROOTCERT": target.authority,
        "PGAPPNAME": APPLICATION,
        "PGCONNECT_TIMEOUT": "10",
    }
    return {name: value for name, value in given.items() if value}


def _security(spec: Object, container: Object) -> dict[str, Any]:
    """The volume has to be writable for the user that the pod runs as, where that is known (OpenShift gives both by itself)."""
    own = dict(spec.get("securityContext") or {})
    user = (container.get("securityContext") or {}).get("runAsUser", own.get("runAsUser"))
    return own if user is None else {"fsGroup": user, **own}
