# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators and classes that the chosen modes need. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...kube.objects import condition, epoch
from ...kube.services import matches, pod_labels
from ..facts import Object, Picture, label, meta, pod_templates, program_of, store_of
from ..finding import ERROR, WARNING, Finding
from ..sources import secret

DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
ALB, TARGET = "ingress.k8s.aws/alb", "alb.ingress.kubernetes.io/target-type"
DEFAULT_INGRESS = "ingressclass.kubernetes.io/is-default-class"
METRICS = "metrics.k8s.io"
COUNTED = (("Deployment", "replicas"), ("Cluster", "instances"))
CLUSTER_NAME = 50  # CloudNativePG refuses a longer name of a Cluster
#: API group -> what needs it, and what brings it
OPERATORS = {
    "postgresql.cnpg.io": ("oceans_llm_database_mode: cloudnativepg", "the operator CloudNativePG"),
    "external-secrets.io": ("oceans_llm_secrets_source: external_secrets", "External Secrets Operator"),
    "monitoring.coreos.com": ("a PodMonitor", "Prometheus Operator"),
}


def find(picture: Picture) -> Iterator[Finding]:
    yield from _served(picture)
    yield from _operators(picture)
    yield from _stores(picture)
    yield from _storage(picture)
    yield from _ingress(picture)
    yield from _autoscaler(picture)
    yield from _disruption(picture)
    yield from _room(picture)


#: times as many pods as all nodes take: no autoscaler of nodes makes up for that
FAR_TOO_MANY = 10


def _room(picture: Picture) -> Iterator[Finding]:
    """Pods against what the nodes take at most, whatever they ask for."""
    counted = (((o.get("spec") or {}).get(field), label(o), field) for kind, field in COUNTED for o in picture.kind(kind))
    wanted = [(number, where, field) for number, where, field in counted if isinstance(number, int)]
    open_nodes = [n for n in picture.nodes or () if not (n.get("spec") or {}).get("unschedulable")]
    room = sum(int(((n.get("status") or {}).get("allocatable") or {}).get("pods") or 0) for n in open_nodes)
    total = sum(number for number, _where, _field in wanted)
    if room and total > room:
        number, where, field = max(wanted)
        severity = ERROR if total > FAR_TOO_MANY * room else WARNING
        what = f"spec.{field} is {number}: the release has {total} pods, and the {len(open_nodes)} schedulable nodes can run {room} pods together"
        yield Finding("Unschedulable", where, what, f"lower {field}, or add nodes; list the nodes: kubectl get nodes", severity)


def _served(picture: Picture) -> Iterator[Finding]:
    if picture.served.get("v1", frozenset()) is None:
        what = f"{picture.server} answers, but does not serve the Kubernetes API (v1), so host, port or path of the address are wrong; nothing was changed"
        yield Finding("ClusterUnreachable", "cluster", what)
        return
    for obj in picture.objects:
        version, kind = str(obj.get("apiVersion")), str(obj.get("kind"))
        if version not in picture.served:
            continue
        kinds = picture.served[version]
        if kinds is not None and kind in kinds:
            continue
        group = version.partition("/")[0]
        what, who = OPERATORS.get(group, (f"{label(obj)}", f"the operator that serves {version}"))
        if group in picture.groups:
            hint = f"upgrade {who}"
            if kind == "ExternalSecret":
                hint = f"set oceans_llm_external_secrets.apiVersion to a version that is served, or upgrade {who}; list the versions: kubectl api-versions"
            yield Finding("ApiVersionNotServed", label(obj), f"the cluster serves {group}, but not {kind} in {version}; {what} needs it", hint)
        else:
            hint = f"install {who}, or remove {what} from the variables"
            yield Finding("OperatorMissing", label(obj), f"the cluster does not serve {kind} ({version}); {what} needs {who}", hint)


#: seconds for which an operator may be away without being in the way: it is just being restarted
RESTART = 30.0


def _operators(picture: Picture) -> Iterator[Finding]:
    """The operator's own Deployment: its webhook may answer, from another one, while nobody makes anything of the objects."""
    for program in sorted({program_of(obj) for obj in picture.objects} - {""}):
        found = [d for d in picture.operators if (meta(d).get("labels") or {}).get("app.kubernetes.io/name") == program]
        if not found or any((d.get("status") or {}).get("availableReplicas") for d in found):
            continue
        away = max(_away(d, picture.now) for d in found)
        name, ns = meta(found[0]).get("name"), meta(found[0]).get("namespace")
        needs = ", ".join(label(o) for o in picture.objects if program_of(o) == program)
        wanted = (found[0].get("spec") or {}).get("replicas", 1)
        what = f"0 of {wanted} pods of the operator {program} are available in namespace {ns}, so {needs} will not be processed"
        hint = f"read the events of the operator's Deployment: kubectl -n {ns} describe deployment {name}"
        yield Finding("OperatorUnavailable", f"Deployment/{name}", what, hint, ERROR if away > RESTART or not wanted else WARNING)


def _away(deployment: Object, now: float) -> float:
    """Seconds since the Deployment is not available."""
    since = condition(deployment, "Available").get("lastTransitionTime")
    return now - epoch(since) if since else 0.0


def _stores(picture: Picture) -> Iterator[Finding]:
    for obj in picture.kind("ExternalSecret"):
        name = store_of(obj)
        if name not in picture.stores:
            continue
        kind = name.partition("/")[0].lower()
        look = f"kubectl {'' if kind.startswith('cluster') else f'-n {picture.wanted.namespace} '}get {kind}"
        held = picture.stores[name]
        ready = condition(held or {}, "Ready")
        if held is None:
            hint = f"create the store, or set oceans_llm_external_secrets.secretStoreRef to a store that exists; list the stores: {look}"
            yield Finding("SecretStoreMissing", label(obj), f"its {name} does not exist", hint)
        elif ready.get("status") == "False":
            said = " ".join(str(ready.get("message") or ready.get("reason") or "no reason given").split())
            yield Finding("SecretStoreNotReady", label(obj), f"its {name} is not ready: {said}", f"correct the store; read its status: {look} -o yaml")


def _storage(picture: Picture) -> Iterator[Finding]:
    for cluster in picture.kind("Cluster"):
        name = str(meta(cluster).get("name"))
        if len(name) > CLUSTER_NAME:
            yield Finding("ClusterName", label(cluster), f"has {len(name)} characters, but CloudNativePG accepts at most {CLUSTER_NAME}")
        for part in ("storage", "walStorage"):
            storage = (cluster.get("spec") or {}).get(part)
            if storage is not None:
                yield from _class(picture, label(cluster), f"spec.{part}", storage.get("storageClass"))
    for claim in picture.kind("PersistentVolumeClaim"):
        yield from _class(picture, label(claim), "spec", (claim.get("spec") or {}).get("storageClassName"))


def _class(picture: Picture, where: str, path: str, name: str | None) -> Iterator[Finding]:
    classes = picture.storage_classes
    if classes is None:
        return
    if not name:
        if not any(_is_default(c, DEFAULT_CLASS) for c in classes):
            hint = "set oceans_llm_cloudnativepg.storage.storageClass to a StorageClass that exists; list the StorageClasses: kubectl get storageclass"
            yield Finding("StorageClassMissing", where, f"{path} names no StorageClass, and the cluster has no default StorageClass ({_names(classes)})", hint)
    elif name not in {meta(c).get("name") for c in classes}:
        hint = "set oceans_llm_cloudnativepg.storage.storageClass to a StorageClass that exists; list the StorageClasses: kubectl get storageclass"
        yield Finding("StorageClassMissing", where, f"{path}: StorageClass {name} does not exist ({_names(classes)})", hint)


def _ingress(picture: Picture) -> Iterator[Finding]:
    classes = picture.ingress_classes
    for ingress in picture.kind("Ingress"):
        spec = ingress.get("spec") or {}
        name = spec.get("ingressClassName")
        if classes is not None:
            if name and name not in {meta(c).get("name") for c in classes}:
                hint = "set oceans_llm_values.ingress.className to an IngressClass that exists; list the IngressClasses: kubectl get ingressclass"
                yield Finding("IngressClassMissing", label(ingress), f"IngressClass {name} does not exist ({_names(classes)})", hint)
            elif not name and not any(_is_default(c, DEFAULT_INGRESS) for c in classes):
                what = f"names no IngressClass, and the cluster has no default IngressClass ({_names(classes)})"
                hint = "set oceans_llm_values.ingress.className to an IngressClass that exists; list the IngressClasses: kubectl get ingressclass"
                yield Finding("IngressClassMissing", label(ingress), what, hint, WARNING)
        yield from _alb(picture, ingress, next((c.get("spec") or {} for c in classes or () if meta(c).get("name") == name), {}))
        automatic = any(str(a).startswith(("cert-manager.io/", "acme.cert-manager.io/")) for a in meta(ingress).get("annotations") or {})
        for tls in spec.get("tls") or ():
            yield from _tls(picture, ingress, str(tls.get("secretName") or ""), automatic)


def _alb(picture: Picture, ingress: Object, spec: Object) -> Iterator[Finding]:
    """Without parameters of its own, the controller expects a node port (AWS Load Balancer Controller, annotation target-type)."""
    if spec.get("controller") != ALB or spec.get("parameters") or (meta(ingress).get("annotations") or {}).get(TARGET) == "ip":
        return
    paths = [p for rule in (ingress.get("spec") or {}).get("rules") or () for p in (rule.get("http") or {}).get("paths") or ()]
    named = {((p.get("backend") or {}).get("service") or {}).get("name") for p in paths}
    if any(meta(s).get("name") in named and (s.get("spec") or {}).get("type", "ClusterIP") == "ClusterIP" for s in picture.kind("Service")):
        what = "the AWS Load Balancer Controller sends requests to node ports by default, and a Service of type ClusterIP has none"
        yield Finding("InvalidValue", label(ingress), what, f"set oceans_llm_values.ingress.annotations: {{{TARGET}: ip}}", WARNING)


def _tls(picture: Picture, ingress: Object, name: str, automatic: bool) -> Iterator[Finding]:
    held = secret(picture, name) if name else None
    if name and held is None and not automatic:
        create = f"kubectl -n {picture.wanted.namespace} create secret tls {name} --cert=FILE --key=FILE"
        hint = f"create the Secret: {create}, or set the annotation cert-manager.io/cluster-issuer of the Ingress"
        yield Finding("TlsSecretMissing", label(ingress), f"its TLS Secret {name} does not exist", hint)
    elif held is not None and held.closed and not {"tls.crt", "tls.key"} <= set(held.data):
        what = f"its TLS Secret {name} lacks tls.crt or tls.key (keys: {', '.join(sorted(held.data)) or 'none'})"
        hint = f"create the Secret again: kubectl -n {picture.wanted.namespace} create secret tls {name} --cert=FILE --key=FILE"
        yield Finding("TlsSecretMissing", label(ingress), what, hint)


def _autoscaler(picture: Picture) -> Iterator[Finding]:
    for hpa in picture.kind("HorizontalPodAutoscaler"):
        spec = hpa.get("spec") or {}
        target = next((d for d in picture.kind("Deployment") if meta(d).get("name") == (spec.get("scaleTargetRef") or {}).get("name")), None)
        measured = {
            str((m.get("resource") or {}).get("name"))
            for m in spec.get("metrics") or ()
            if m.get("type") == "Resource" and (m.get("resource") or {}).get("target", {}).get("type") == "Utilization"
        }
        for container in (c for _where, template in pod_templates((target,) if target else ()) for c in template["spec"].get("containers") or ()):
            requests = {**((container.get("resources") or {}).get("limits") or {}), **((container.get("resources") or {}).get("requests") or {})}
            for resource in sorted(measured - set(requests)):
                what = (
                    f"scales on the utilization of {resource}, and container {container['name']} has no request for {resource}, "
                    "so the utilization cannot be calculated"
                )
                yield Finding("HpaWithoutRequests", label(hpa), what, f"set oceans_llm_values.scheduling.resources.requests.{resource}")
        if any(m.get("type") in ("Resource", "ContainerResource") for m in spec.get("metrics") or ()) and picture.groups and METRICS not in picture.groups:
            what = f"the cluster does not serve {METRICS}, so the HorizontalPodAutoscaler will never scale"
            yield Finding("MetricsMissing", label(hpa), what, severity=WARNING)


def _disruption(picture: Picture) -> Iterator[Finding]:
    for pdb in picture.kind("PodDisruptionBudget"):
        spec = pdb.get("spec") or {}
        wanted = (spec.get("selector") or {}).get("matchLabels") or {}
        target = next((d for d in picture.kind("Deployment") if matches(wanted, pod_labels(d))), None)
        if target is None:
            continue
        hpa = next(
            (h for h in picture.kind("HorizontalPodAutoscaler") if ((h.get("spec") or {}).get("scaleTargetRef") or {}).get("name") == meta(target).get("name")),
            None,
        )
        # left out, the API server sets 1, and leaves the number of a live Deployment alone
        replicas = int((hpa.get("spec") or {}).get("minReplicas", 1) if hpa else (target.get("spec") or {}).get("replicas", 1))
        allowed = disruptions(spec, replicas)
        if allowed <= 0:
            yield Finding("PdbBlocks", label(pdb), f"allows no disruption of the {replicas} pod(s), so no node that runs one can be drained")


def disruptions(spec: Mapping[str, Any], replicas: int) -> int:
    """How many pods may be away (Kubernetes API, PodDisruptionBudgetSpec: both round up)."""
    if spec.get("maxUnavailable") not in (None, ""):
        return _count(spec["maxUnavailable"], replicas)
    return replicas - _count(spec.get("minAvailable", 0), replicas)


def _count(value: Any, replicas: int) -> int:
    text = str(value)
    return -(-int(text[:-1]) * replicas // 100) if text.endswith("%") else int(text)


def _is_default(obj: Object, annotation: str) -> bool:
    return str((meta(obj).get("annotations") or {}).get(annotation, "")).lower() == "true"


def _names(objects: tuple[Object, ...]) -> str:
    return "existing: " + ", ".join(sorted(str(meta(o).get("name")) for o in objects)) if objects else "none exists"
