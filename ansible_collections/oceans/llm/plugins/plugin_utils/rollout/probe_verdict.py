# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the probe saw, beside what the API server's own way brought: DNS, kube-proxy, a policy, or the program?

The network is blamed only for what the gateway itself cannot have done, and a policy only when it leaves nobody a way: one that does not
admit the probe admits those whom it is for, also those who have not come yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..kube import certificates
from ..kube.client import Cluster
from ..kube.objects import Object, epoch, meta, name_of
from ..kube.policies import EGRESS, INGRESS, blocked, isolating, label_query, written
from ..kube.services import declared_ports, pod_labels
from . import dns_look, proxy_look
from .asking import field
from .causes.cause import cause as make
from .model import Cause, Snapshot, new_pods
from .policies import policies
from .probe import NOT_PROBED, Answer

#: begins the evidence of what the Service's own address answered: kube-proxy on a busy node knows the new pods some seconds after the API does
FROM_A_POD = "from a pod"


@dataclass(frozen=True)
class Seen:
    """`version` by the Service's own address; `wrong`; a `note` for the reader."""

    version: str = ""
    wrong: Cause | None = None
    note: str = ""


def closed(found: Sequence[Object], snapshot: Snapshot, deployment: Object) -> Cause | None:
    """Policies that leave the pods of a Deployment no way in or out at all."""
    labels, ports, where = pod_labels(deployment), _ports(deployment), name_of(deployment)
    shut = {
        f"all connections {words} the pods of Deployment/{where} ({way})": names
        for way, words, wanted in ((INGRESS, "to", ports), (EGRESS, "from", ()))
        if (names := blocked(found, labels, way, wanted))
    }
    if not shut:
        return None
    names = list(dict.fromkeys(name for each in shut.values() for name in each))
    what = f"{'the NetworkPolicy blocks' if len(names) == 1 else 'NetworkPolicies block'} {' and '.join(shut)}"
    evidence = f"{', '.join('NetworkPolicy/' + n for n in names)} select{'s' if len(names) == 1 else ''} the pods, and no rule admits a connection"
    evidence += "".join(f"; no pod {_phrase(peer)}" for policy in found if policy["metadata"]["name"] in names for peer in policy.get("nobody") or ())
    return make("NetworkPolicyBlocks", snapshot, f"NetworkPolicy/{names[0]}", what, evidence)


def _ports(deployment: Object) -> list[int | str]:
    return [each for _c, name, number, _p in declared_ports(deployment["spec"]["template"]["spec"]) for each in (name, number) if each]


def expected(found: Sequence[Object], snapshot: Snapshot, deployment: Object) -> str:
    """A note on policies that admit only pods which do not exist, and which are older than the pods of the rollout: their clients may come later.

    Empty when something else closes a way, too, or when such a policy is younger than the pods: then it has cut off clients which they had.
    """
    labels, ports = pod_labels(deployment), _ports(deployment)
    names = blocked(found, labels, INGRESS, ports)
    waiting = [p for p in found if name_of(p) in names and p.get("nobody")]
    if blocked(found, labels, EGRESS) or not waiting or blocked([p.get("whole", p) for p in found], labels, INGRESS, ports):
        return ""
    made = min((epoch(meta(pod).get("creationTimestamp")) for pod in new_pods(snapshot, name_of(deployment))), default=0.0)
    if any(written(policy) > made for policy in waiting):
        return ""
    who = "; ".join(f"NetworkPolicy/{name_of(policy)}: no pod {_phrase(peer)}" for policy in waiting for peer in policy["nobody"])
    return f"{who}, so the gateway's answer was checked through the API server only"


def _phrase(peer: Mapping[str, Any]) -> str:
    """Whom a peer means, by its labels."""
    parts = (("has the labels", peer.get("podSelector")), ("is in a namespace with the labels", peer.get("namespaceSelector")))
    return " and ".join(f"{words} {label_query(selector)}" for words, selector in parts if label_query(selector))


def between(found: Sequence[Object], snapshot: Snapshot, caller: Object, called: Object) -> Cause | None:
    """Policies that leave the pods of one Deployment no way to those of another one."""
    one, other = pod_labels(caller), pod_labels(called)
    ports = _ports(called)
    names, way = blocked(found, other, INGRESS, ports, peer=one), INGRESS
    if not names:
        names, way = blocked(found, one, EGRESS, ports, peer=other), EGRESS
    if not names:
        return None
    what = f"blocks connections from Deployment/{meta(caller).get('name')} to Deployment/{meta(called).get('name')} ({way})"
    evidence = f"{', '.join('NetworkPolicy/' + n for n in names)}: no rule admits port {', '.join(map(str, ports))}"
    return make("NetworkPolicyBlocks", snapshot, f"NetworkPolicy/{names[0]}", f"the NetworkPolicy {what}", evidence)


def judge(answer: Answer, cluster: Cluster, snapshot: Snapshot, deployment: Object, service: str, version: str) -> Seen:
    """`version`: what the API server's way brought, empty when it brought nothing."""
    line = answer.line
    if not line:
        return Seen(note=f"{NOT_PROBED}: {answer.why}")
    if not line.get("error") and not line.get("dns"):
        return _answered(line, snapshot, service, version)
    found = policies(cluster, snapshot.scope.namespace)
    own = isolating(found, answer.labels, EGRESS)
    if own:
        return Seen(note=f"{NOT_PROBED}: NetworkPolicy/{own[0]['metadata']['name']} blocks connections from the probe pod")
    where = f"Service/{service}"
    if line.get("dns"):
        said = f"{line.get('name')}: {line['dns']} (nameserver {line.get('resolver') or 'none'}, Pod on Node/{answer.node})"
        unrouted = _unrouted(cluster, snapshot, answer.node, said)
        if unrouted:
            return unrouted
        policy = str((deployment["spec"]["template"]["spec"]).get("dnsPolicy") or "ClusterFirst")
        what = "a pod of the namespace cannot resolve the Service's name" + (f"; the pods' dnsPolicy is {policy}" if policy != "ClusterFirst" else "")
        what += dns_look.state(cluster)
        return Seen(wrong=make("ClusterDnsFails", snapshot, where, what, said))
    return _unreached(answer, line, found, cluster, snapshot, deployment, where)


def _unrouted(cluster: Cluster, snapshot: Snapshot, node: str, said: str) -> Seen | None:
    """No ClusterIP leads anywhere on the probe's node: whatever the pod asked for, kube-proxy is missing."""
    routed = proxy_look.missing(cluster, node)
    return Seen(wrong=make("ServiceIpUnreachable", snapshot, f"Node/{node}", routed, said)) if routed else None


def _unreached(answer: Answer, line: Mapping[str, Any], found: Sequence[Object], cluster: Cluster, snapshot: Snapshot, deployment: Object, where: str) -> Seen:
    """The Service's address does not answer; the pods themselves may."""
    reached = [p for p in line.get("pods") or () if p.get("status") == 200]
    said = f"from Node/{answer.node}: {line['error']}"
    if reached:
        said += f"; Pod {reached[0]['pod']}: 200"
        unrouted = _unrouted(cluster, snapshot, answer.node, said)
        if unrouted:
            return unrouted
        what = (
            f"a pod on Node/{answer.node} reaches the gateway's pods, but not through the Service's "
            f"ClusterIP {line.get('address')}; the node does not route this address to the pods"
        )
        return Seen(wrong=make("ServiceIpUnreachable", snapshot, where, what, said))
    nobody = closed(found, snapshot, deployment)
    if nobody:
        later = expected(found, snapshot, deployment)
        return Seen(note=later) if later else Seen(wrong=nobody)
    narrow = blocked(found, pod_labels(deployment), INGRESS, peer=answer.labels)
    if narrow:
        return Seen(note=f"{NOT_PROBED}: NetworkPolicy/{narrow[0]} does not admit connections from the probe pod to the gateway")
    cut = blocked(found, pod_labels(deployment), INGRESS, peer=answer.labels, address=answer.address)
    if cut:
        what = f"the NetworkPolicy admits address blocks (ipBlock) without {answer.address}, so it blocks connections from pods of the cluster ({INGRESS})"
        return Seen(wrong=make("NetworkPolicyBlocks", snapshot, f"NetworkPolicy/{cut[0]}", what, said))
    pods = "; ".join(f"Pod {p['pod']}: {p.get('error') or p.get('status')}" for p in line.get("pods") or ())
    what = "a pod of the namespace reaches neither the Service's ClusterIP nor the gateway's pods"
    return Seen(wrong=make("NotServed", snapshot, where, what, f"{said}{'; ' + pods if pods else ''}"))


def _answered(line: Mapping[str, Any], snapshot: Snapshot, service: str, version: str) -> Seen:
    where, body = f"Service/{service}", str(line.get("body") or "")
    said = f"{FROM_A_POD}, GET http://{line.get('name')}/api/v1/health ({line.get('address')}): {line.get('status')} {' '.join(body.split())[:200]}"
    own = field(body, "version") if line.get("status") == 200 else ""
    if not own:
        return Seen(wrong=make("NotServed", snapshot, where, "the program that answers at the Service's ClusterIP is not the gateway", said))
    if version and own != version:
        what = f"version {own} is served at the Service's ClusterIP, but version {version} by the pods"
        return Seen(own, make("WrongVersionServed", snapshot, where, what, said))
    return Seen(own, next((c for h in line.get("hosts") or () if (c := _host(h, snapshot))), None), _hosts_note(line))


def _host(host: Mapping[str, Any], snapshot: Snapshot) -> Cause | None:
    shown = certificates.read(bytes.fromhex(str(host.get("certificate") or "")))
    over = shown.expired(snapshot.now) if shown else ""
    if not shown or not over:
        return None
    what = f"the certificate that {host['host']} serves {over}"
    said = f"{host.get('address')}:{host.get('port') or 443} serves a certificate for {', '.join(shown.names)}"
    return make("CertificateExpired", snapshot, f"Host/{host['host']}", what, said)


def _hosts_note(line: Mapping[str, Any]) -> str:
    parts = []
    for host in line.get("hosts") or ():
        shown = certificates.read(bytes.fromhex(str(host.get("certificate") or "")))
        if host.get("error"):
            parts.append(f"{host['host']} could not be reached from the cluster: {host['error']}")
        elif shown and not shown.covers(str(host["host"])):
            parts.append(f"{host['host']} serves a certificate for other host names: {', '.join(shown.names) or 'none'}")
        elif int(host.get("status") or 0) >= 400:
            parts.append(f"http://{host.get('at') or host['host']}/api/v1/health answers {host['status']}")
    return "; ".join(parts)
