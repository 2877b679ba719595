# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Services of a release against its pods, as the API has them: no request goes to a pod for this.

Manual changes are reported with both values: what the Service says, and what the pods have.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..helm.releases import Release
from ..kube import paths
from ..kube.client import ApiError, Cluster, unless_forbidden
from ..kube.objects import Object, controlled_by, is_ready, meta, pod_phrase, ref, seen_at
from ..kube.services import declared_ports, labels_phrase, matches, meant_for, number_of, pod_labels, ports_phrase, target, writer
from .causes.cause import cause as make
from .model import Cause, Snapshot, new_replicaset, pods_of, replicasets

UNKNOWN: Object = {}
#: label of an EndpointSlice: who keeps it (discovery.k8s.io)
KEEPER = "endpointslice.kubernetes.io/managed-by"


def find(cluster: Cluster, snapshot: Snapshot, release: Release) -> Iterator[Cause]:
    """What is wrong with the Services that the release has for its Deployments, the nearest to the root first. What may not be read is left out."""
    namespace = snapshot.scope.namespace
    deployments = [o for o in release.manifest if o.get("kind") == "Deployment"]
    pairs = [(s, d) for s in release.manifest if s.get("kind") == "Service" for d in [meant_for(s, deployments)] if d]
    slices = read(cluster, paths.endpointslices(namespace)) if pairs else None
    for rendered, wanted in pairs:
        name = str(meta(rendered)["name"])
        live = live_object(cluster, paths.service(namespace, name))
        owner = snapshot.kind("Deployment").get(str(meta(wanted)["name"])) or wanted
        if live is None:
            what = f"the Service does not exist, but belongs to revision {release.revision} of the release"
            yield make("ServiceMissing", snapshot, f"Service/{name}", what, f"GET Service/{name}: 404 Not Found")
            continue
        found = list(_configured(cluster, snapshot, rendered, live, owner)) if live is not UNKNOWN else []
        if not found and slices is not None:
            own = [s for s in slices if is_of(s, name)]
            found = list(_ends(cluster, snapshot, name, own, owner))
            if not found and live is not UNKNOWN:
                found = list(_local(cluster, snapshot, rendered, live, own))
        yield from found


def is_of(piece: Object, service: str) -> bool:
    return (meta(piece).get("labels") or {}).get("kubernetes.io/service-name", service) == service


def read(cluster: Cluster, path: str, **query: str) -> list[Object] | None:
    """A list; None when it may not be read, or the cluster does not have the kind."""
    try:
        return list(cluster.list(path, **query)["items"])
    except ApiError as error:
        if error.status in (403, 404):
            return None
        raise


def live_object(cluster: Cluster, path: str) -> Object | None:
    """One object; None: it does not exist; UNKNOWN: it may not be read."""
    return unless_forbidden(lambda: cluster.find(path), UNKNOWN)


# --- what is written in the Service --------------------------------------------------------------------------------------


def _configured(cluster: Cluster, snapshot: Snapshot, rendered: Object, live: Object, owner: Object) -> Iterator[Cause]:
    where, spec, name = f"Service/{meta(live).get('name')}", live.get("spec") or {}, ref({"kind": "Deployment", **owner})
    if (owner.get("spec") or {}).get("replicas") == 0:
        who = writer(owner, "spec", "replicas") or _scaled(cluster, snapshot, str(meta(owner).get("name")))
        yield make("ScaledToZero", snapshot, name, f"the Deployment has 0 replicas{who}, so {where} has no pod", f"spec.replicas: 0{who}")
        return
    if spec.get("type") == "ExternalName" and (rendered.get("spec") or {}).get("type") != "ExternalName":
        to = f"it leads to the host {spec.get('externalName')}, not to the pods of {name}"
        what = f"the type of the Service is ExternalName{writer(live, 'spec', 'type')}, so {to}"
        yield make("ServiceSelector", snapshot, where, what, f"type: ExternalName, externalName: {spec.get('externalName')}")
        return
    selector, labels = spec.get("selector"), pod_labels(owner)
    if not matches(selector, labels):
        instead = _selected(snapshot, selector)
        what = f"the Service's selector matches no pod of {name}" + (f", but pods of {instead}" if instead else ", nor any other pod")
        sides = f"selector: {labels_phrase(selector)}{writer(live, 'spec', 'selector')}; labels of the pods: {labels_phrase(labels)}"
        yield make("ServiceSelector", snapshot, where, what, sides)
        return
    yield from _ports(snapshot, where, rendered, live, (owner["spec"]["template"].get("spec") or {}))


def _scaled(cluster: Cluster, snapshot: Snapshot, deployment: str) -> str:
    """Since when, for what came by the scale subresource (kubectl scale, an autoscaler): the API server keeps no manager of that."""
    selector = f"involvedObject.name={deployment},reason=ScalingReplicaSet"
    events = read(cluster, paths.events(snapshot.scope.namespace), fieldSelector=selector) or ()
    down = [seen_at(e) for e in events if str(e.get("message") or "").endswith(" to 0")]
    when = f" at {datetime.datetime.fromtimestamp(max(down), datetime.UTC):%Y-%m-%dT%H:%M:%SZ}" if down else ""
    return f" (scaled{when} by kubectl scale or an autoscaler; the API server does not record who scales)"


def _selected(snapshot: Snapshot, selector: Mapping[str, str] | None) -> str:
    """The Deployment (or pod) that a selector matches."""
    pod = next((p for p in snapshot.kind("Pod").values() if matches(selector, meta(p).get("labels") or {})), None)
    return _owner(snapshot, pod) if pod else ""


def _owner(snapshot: Snapshot, pod: Object) -> str:
    """``Deployment/name`` of a pod, else what controls it, else the pod."""
    controller: Mapping[str, Any] = next(iter(meta(pod).get("ownerReferences") or ()), {})
    replicaset = next((r for r in snapshot.kind("ReplicaSet").values() if meta(r).get("uid") == controller.get("uid")), None)
    above = next(iter(meta(replicaset or {}).get("ownerReferences") or ()), {}) or controller
    return f"{above['kind']}/{above['name']}" if above.get("kind") and above.get("name") else f"Pod/{meta(pod).get('name')}"


def _ports(snapshot: Snapshot, where: str, rendered: Object, live: Object, pod_spec: Mapping[str, Any]) -> Iterator[Cause]:
    ports = (live.get("spec") or {}).get("ports") or []
    who = writer(live, "spec", "ports")
    have = ", ".join(f"{p.get('port')}/{p.get('protocol') or 'TCP'} to {target(p)}" for p in ports) or "none"
    for wanted in (rendered.get("spec") or {}).get("ports") or ():
        protocol = str(wanted.get("protocol") or "TCP")
        same = [p for p in ports if p.get("port") == wanted.get("port")]
        port = next((p for p in same if str(p.get("protocol") or "TCP") == protocol), next(iter(same), None))
        if port is None:
            what, sides = f"the Service has no port {wanted.get('port')}", f"ports: {have}{who}; in the release: {wanted.get('port')}/{protocol}"
        elif str(port.get("protocol") or "TCP") != protocol:
            what = f"port {port['port']} of the Service has the protocol {port.get('protocol')}, but the pods use {protocol}"
            sides = f"ports: {have}{who}; in the release: {wanted.get('port')}/{protocol}; the containers declare {ports_phrase(pod_spec)}"
        else:
            to = number_of(target(port), pod_spec)
            declared = {number for _c, _n, number, _p in declared_ports(pod_spec)}
            if to is None:
                what = f"targetPort {target(port)} of the Service is not the name of a port of the pods"
            elif declared and to not in declared and to != number_of(target(wanted), pod_spec):
                what = f"targetPort {target(port)} of the Service is not a port of the pods"
            else:
                continue
            sides = f"port {port['port']} to targetPort {target(port)}{who}; the containers declare {ports_phrase(pod_spec)}"
        yield make("ServicePort", snapshot, where, what, sides)


# --- who stands behind it ------------------------------------------------------------------------------------------------


def ready_ends(slices: Sequence[Object]) -> list[Object]:
    ends = [(end, end.get("conditions") or {}) for piece in slices for end in piece.get("endpoints") or ()]
    return [end for end, state in ends if state.get("ready") and not state.get("terminating")]


def _ends(cluster: Cluster, snapshot: Snapshot, service: str, slices: Sequence[Object], owner: Object) -> Iterator[Cause]:
    """Addresses that somebody added, no ready pod, pods of somebody else, or pods that the rollout was to replace."""
    where, ready, name = f"Service/{service}", ready_ends(slices), str(meta(owner).get("name"))
    for piece in slices:
        keeper = str((meta(piece).get("labels") or {}).get(KEEPER) or "")
        if "." not in keeper:  # a controller has a domain for its name; the documentation's example for people is "staff"
            yield from _by_hand(cluster, snapshot, where, piece, keeper, owner)
    newest = new_replicaset(snapshot, name)
    new = pods_of(snapshot, meta(newest)["uid"]) if newest else []
    if not ready:
        live = {meta(p)["name"]: p for p in read(cluster, paths.pods(snapshot.scope.namespace)) or ()}  # a pod may have become unready since
        now = [live.get(meta(p)["name"], p) for p in new]
        states = "; ".join(f"Pod/{meta(p)['name']} {pod_phrase(p) if not is_ready(p) else 'is ready'}" for p in now) or f"Deployment/{name} has no pod"
        yield make("NoEndpoints", snapshot, where, "the Service has no ready endpoint", f"{len(slices)} EndpointSlices without a ready address; {states}")
        return
    known = {str(meta(p)["name"]) for p in new}
    others = [pod for n in sorted({str((e.get("targetRef") or {}).get("name") or "") for e in ready} - known - {""}) if (pod := _pod(cluster, snapshot, n))]
    selector = ((owner.get("spec") or {}).get("selector") or {}).get("matchLabels") or pod_labels(owner)
    foreign = [p for p in others if _is_foreign(snapshot, name, selector, p)]
    if foreign:
        whose = ", ".join(sorted({_owner(snapshot, p) for p in foreign}))
        sides = f"{', '.join('Pod/' + str(meta(p)['name']) for p in foreign)}; labels that Deployment/{name} selects by: {labels_phrase(selector)}"
        what = f"the Service also sends requests to pods of {whose}, not only to those of Deployment/{name}"
        alike = all(matches(selector, meta(p)["labels"]) for p in foreign)
        hint = f"give the pods of {whose} other labels than those of Deployment/{name}, or delete {whose}" if alike else ""
        yield make("ServiceSelector", snapshot, where, what, sides, hint=hint)
        return
    old = [str(meta(p)["name"]) for p in others if newest and not controlled_by(p, meta(newest).get("uid"))]
    if new and old:
        yield make("OldPodsServe", snapshot, where, "endpoints of the Service still point to pods of the old ReplicaSet", ", ".join(old))


def _by_hand(cluster: Cluster, snapshot: Snapshot, where: str, piece: Object, keeper: str, owner: Object) -> Iterator[Cause]:
    """A slice that no controller keeps up to date: an address that no pod has (any more), or a port on which the pods do not listen."""
    name, spec = str(meta(owner).get("name")), ((owner.get("spec") or {}).get("template") or {}).get("spec") or {}
    ends = [(str(a), end.get("targetRef") or {}) for end in ready_ends([piece]) for a in end.get("addresses") or ()]
    strange = [address for address, target in ends if not target or address not in _addresses(_pod(cluster, snapshot, str(target.get("name"))) or {})]
    declared = {number for _c, _n, number, _p in declared_ports(spec)}
    ports = [str(p["port"]) for p in piece.get("ports") or () if declared and p.get("port") not in {None, *declared}]
    if strange or (ends and ports):
        to = f"{', '.join(strange)}, which is not a pod of Deployment/{name}" if strange else f"port {', '.join(ports)} of the pods of Deployment/{name}"
        more = "" if strange else f", which no container declares ({ports_phrase(spec)})"
        what = f"the EndpointSlice sends some requests of {where} to {to}{writer(piece, 'endpoints')}{more}"
        behind = ", ".join(sorted({f"targetRef {t.get('kind')}/{t.get('name')}" for _a, t in ends if t})) or "no targetRef"
        yield make("ForeignEndpoint", snapshot, f"EndpointSlice/{meta(piece).get('name')}", what, f"{KEEPER}: {keeper or 'none'}; {behind}")


def _addresses(pod: Object) -> list[str]:
    status = pod.get("status") or {}
    return [str(ip) for ip in (status.get("podIP"), *(each.get("ip") for each in status.get("podIPs") or ())) if ip]


def _is_foreign(snapshot: Snapshot, deployment: str, selector: Mapping[str, str], pod: Object) -> bool:
    """By its labels; with the very same labels by its controller. One that is not in the picture yet may be a new ReplicaSet."""
    labels = meta(pod).get("labels")
    if labels is None or not matches(selector, labels):
        return labels is not None
    controller: Mapping[str, Any] = next(iter(meta(pod).get("ownerReferences") or ()), {})
    known, own = {meta(r).get("uid") for r in snapshot.kind("ReplicaSet").values()}, {meta(r).get("uid") for r in replicasets(snapshot, deployment)}
    return controller.get("kind", "ReplicaSet") != "ReplicaSet" or not controller or controller.get("uid") in known - own


def _pod(cluster: Cluster, snapshot: Snapshot, name: str) -> Object | None:
    """A pod that the rollout's picture may be too old for: an autoscaler adds pods at any time. None when it is gone."""
    known = snapshot.kind("Pod").get(name)
    if known is not None:
        return known
    found = live_object(cluster, paths.pod(snapshot.scope.namespace, name))
    return None if found is UNKNOWN else found


def _local(cluster: Cluster, snapshot: Snapshot, rendered: Object, live: Object, slices: Sequence[Object]) -> Iterator[Cause]:
    """`internalTrafficPolicy: Local` serves callers on the pods' own nodes only; the release does not ask for that."""
    policy = "internalTrafficPolicy"
    if (live.get("spec") or {}).get(policy) != "Local" or (rendered.get("spec") or {}).get(policy) == "Local":
        return
    local = {str(e.get("nodeName")) for e in ready_ends(slices) if e.get("nodeName")}
    nodes, scheduled = read(cluster, paths.of("v1", "nodes")), (p for p in snapshot.kind("Pod").values() if (p.get("spec") or {}).get("nodeName"))
    names = {str(meta(n)["name"]) for n in nodes if _has_callers(n)} if nodes is not None else {str(p["spec"]["nodeName"]) for p in scheduled}
    without = sorted(names - local)
    if local and without:
        who = writer(live, "spec", policy)
        what = f"{policy} is Local{who}: callers on {', '.join('Node/' + n for n in without)} reach no pod of the gateway, because none runs on their node"
        yield make("NoLocalEndpoint", snapshot, f"Service/{meta(live).get('name')}", what, f"ready pods on: {', '.join(sorted(local))}")


def _has_callers(node: Object) -> bool:
    """A node where pods run that may call the gateway; a taint keeps away only those that do not tolerate it."""
    return is_ready(node) and not any(str(t.get("key")).startswith("node-role.kubernetes.io/") for t in (node.get("spec") or {}).get("taints") or ())
