# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which admission webhooks see the pods that a cause is about: named where they are slow, or where a pod is not what its template says.

The API server does not tell who changed a pod on its way in. The configurations do, as far as they may be read; they are asked once in a run,
and only then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..kube import paths
from ..kube.client import ApiError
from ..kube.objects import Object, epoch, meta
from ..kube.policies import selects
from .causes.cause import cause as make
from .causes.origin import changed
from .look import Look, completed
from .model import Cause, Snapshot

API, MUTATING, VALIDATING = "admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"
#: the Kubernetes default
TIMEOUT = 10
#: names in one sentence
SHOWN = 6
#: seconds within which a controller manager that runs renews its Lease
RENEWED = 20.0


@dataclass(frozen=True)
class Webhook:
    """One webhook of a configuration."""

    configuration: str
    spec: Mapping[str, Any]

    def sees(self, labels: Mapping[str, str], namespace: Mapping[str, str]) -> bool:
        """True when it is asked about the creation of such a pod."""
        selected = selects(self.spec.get("objectSelector"), labels) and selects(self.spec.get("namespaceSelector"), namespace)
        return selected and any(_about_pods(rule) for rule in self.spec.get("rules") or ())

    @property
    def seconds(self) -> int:
        return int(self.spec.get("timeoutSeconds") or TIMEOUT)

    @property
    def phrase(self) -> str:
        return f"{self.configuration} (webhook {self.spec.get('name')}, {self.seconds} s, failurePolicy {self.spec.get('failurePolicy') or 'Fail'})"


def _about_pods(rule: Mapping[str, Any]) -> bool:
    wanted = (("operations", "CREATE"), ("apiGroups", ""), ("resources", "pods"))
    return all({value, "*", "*/*"} & set(rule.get(field) or ()) for field, value in wanted)


class WebhookLook(Look):
    def _named(self, snapshot: Snapshot, cause: Cause) -> Cause:
        thing, differs = _subject(snapshot, cause)
        blamed = "a mutating webhook" in cause.cause
        if not thing or not (differs or blamed or cause.code in ("AdmissionTimeout", "ControllerSilent")):
            return cause
        labels, own = meta(thing).get("labels") or {}, self._once(self._labels, otherwise={"kubernetes.io/metadata.name": self._namespace})
        seen = [w for w in self._once(self._webhooks, otherwise=[]) if w.sees(labels, own)]
        if differs or blamed:
            who = ", ".join(w.phrase for w in seen if w.configuration.startswith(MUTATING)) or "none that this run can read"
            words = "" if not differs or differs in cause.cause else f"; {differs}"
            return completed(cause, f"{words}; mutating webhooks that were called for the pod: {who}")
        phrases = [w.phrase for w in seen[:SHOWN]] + ([f"{len(seen) - SHOWN} more"] if len(seen) > SHOWN else [])
        total = sum(w.seconds for w in seen)
        said = f": {', '.join(phrases)}; all time-outs together: {total} s" if seen else ""
        if cause.code == "AdmissionTimeout":
            return completed(cause, said)
        waited = snapshot.now - cause.since
        if total <= waited or self._once(self._renewed, otherwise=snapshot.now) < snapshot.now - RENEWED:
            return cause  # the webhooks cannot have taken so long, or the controller manager has stopped
        what = f"no pod has been created for {waited:.0f} s; the admission webhooks that are called for the pod may take this long{said}"
        return make("AdmissionTimeout", snapshot, cause.object, what, cause.evidence, since=cause.since)

    def _renewed(self) -> float:
        """When the controller manager renewed its Lease; a cluster that does not show it has none that is late."""
        found = self._cluster.get(paths.lease(paths.SYSTEM, "kube-controller-manager"))
        return epoch((found.get("spec") or {}).get("renewTime"))

    def _webhooks(self) -> list[Webhook]:
        found: list[Webhook] = []
        for kind in (MUTATING, VALIDATING):
            try:
                listed = self._cluster.list(paths.of(API, f"{kind.lower()}s"))["items"]
            except ApiError:
                continue  # what may not be read is not named
            for each in listed:
                found += [Webhook(f"{kind}/{meta(each)['name']}", spec) for spec in each.get("webhooks") or ()]
        return found

    def _labels(self) -> Mapping[str, str]:
        return meta(self._cluster.find(paths.namespace(self._namespace)) or {}).get("labels") or {}


def _subject(snapshot: Snapshot, cause: Cause) -> tuple[Object, str]:
    """(the pod or pod template that a cause is about, what of the pod is not its template's)."""
    kind, _slash, name = cause.object.partition("/")
    found: Object = snapshot.kind(kind).get(name) or {}
    if kind == "Pod":
        return found, changed(snapshot, found, cause.container) if found else ""
    return ((found.get("spec") or {}).get("template") or {}) if kind in ("ReplicaSet", "Job") else {}, ""
