# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the damage is, seen by somebody foreign: one sentence, or nothing while all is well. Nothing of the collection is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import kube
from ..place import RELEASE, Place
from . import eye

Bite = Callable[[Place], str]


def unreachable(place: Place) -> str:
    """A client in another namespace gets no answer of a gateway."""
    answer = eye.gateway(place)
    return "" if answer.version else f"a client in the cluster: {answer.status or 'no answer'} {answer.body[:120]}".strip()


def unreachable_from_afar(place: Place) -> str:
    """The same, on the second node."""
    answer = eye.gateway(place, pod="far")
    return "" if answer.version else f"a client on the other node: {answer.status or 'no answer'} {answer.body[:120]}".strip()


def mixed(place: Place) -> str:
    """Some of ten requests are answered by something that is no gateway."""
    last = eye.gateway(place, times=10)
    return "" if last.version else f"one of ten requests was not answered by a gateway: {last.status} {last.body[:80]}"


def stuck(place: Place) -> str:
    """kubectl: the newest ReplicaSet of the gateway has not all of its pods ready (or a Deployment has none at all)."""
    deployment = kube.read(f"/apis/apps/v1/namespaces/{place.namespace}/deployments/{eye.GATEWAY}")
    if not deployment:
        return f"Deployment {eye.GATEWAY} does not exist"
    wanted, status = deployment["spec"].get("replicas", 1), deployment.get("status") or {}
    if status.get("observedGeneration", 0) < deployment["metadata"]["generation"]:
        return "the Deployment controller has not acted on the change yet"
    revision = deployment["metadata"]["annotations"].get("deployment.kubernetes.io/revision")
    replicasets = kube.read(f"/apis/apps/v1/namespaces/{place.namespace}/replicasets")["items"]
    newest = [s for s in replicasets if _owned(s, deployment) and _revision(s) == revision]
    ready = int((newest[0].get("status") or {}).get("readyReplicas") or 0) if newest else 0
    return "" if ready >= max(1, wanted) else f"the newest ReplicaSet has {ready} of {max(1, wanted)} pods ready"


def unfinished(place: Place) -> str:
    """kubectl: the migration's Job is not complete, or does not exist."""
    job = kube.read(f"/apis/batch/v1/namespaces/{place.namespace}/jobs/{RELEASE}-oceans-llm-migrate")
    done = any(c["type"] == "Complete" and c["status"] == "True" for c in (job.get("status") or {}).get("conditions") or ())
    return "" if done else f"Job {RELEASE}-oceans-llm-migrate is not complete"


def overstays(place: Place) -> str:
    """kubectl: the migration has ended, and its Job is not complete. Not before: a migration takes its time."""
    pods = kube.read(f"/api/v1/namespaces/{place.namespace}/pods?labelSelector=job-name%3D{RELEASE}-oceans-llm-migrate").get("items") or ()
    each = [s for p in pods for s in (p.get("status") or {}).get("containerStatuses") or () if s["name"] == "migrate"]
    place.notes["migrated"] = place.notes.get("migrated") or any((s["state"].get("terminated") or {}).get("exitCode") == 0 for s in each)
    return unfinished(place) if place.notes["migrated"] else ""


def not_pulled(place: Place) -> str:
    """kubectl: a container waits for its image."""
    pods = kube.read(f"/api/v1/namespaces/{place.namespace}/pods").get("items") or ()
    each = [s for p in pods for s in (p.get("status") or {}).get("containerStatuses") or ()]
    reasons = [(s["state"].get("waiting") or {}).get("reason", "") for s in each]
    return next((f"a container waits: {reason}" for reason in reasons if reason in ("ErrImagePull", "ImagePullBackOff")), "")


def killed(place: Place) -> str:
    """kubectl: the kubelet restarts a container because its liveness probe failed."""
    said = [e.get("message") or "" for e in kube.get(place.namespace, "event", "--field-selector", "reason=Killing")]
    return next((text for text in said if "failed liveness probe" in text), "")


def _owned(obj: dict[str, Any], owner: dict[str, Any]) -> bool:
    return any(o["uid"] == owner["metadata"]["uid"] for o in obj["metadata"].get("ownerReferences") or ())


def _revision(obj: dict[str, Any]) -> str | None:
    return (obj["metadata"].get("annotations") or {}).get("deployment.kubernetes.io/revision")


def either(*bites: Bite) -> Bite:
    """The first damage that is seen."""
    return lambda place: next((text for text in (bite(place) for bite in bites) if text), "")
