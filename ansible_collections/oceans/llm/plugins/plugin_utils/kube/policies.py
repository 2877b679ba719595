# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What NetworkPolicies do to a pod (Kubernetes API, NetworkPolicySpec): which of them select it, and whether they leave a way. Pure.

A peer that cannot be judged from here (another namespace's labels, an address block) counts as admitted: nobody is blamed on a guess.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .objects import Object, epoch, meta

INGRESS, EGRESS = "Ingress", "Egress"


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """A LabelSelector; an empty one selects everything."""
    wanted = (selector or {}).get("matchLabels") or {}
    if any(labels.get(k) != v for k, v in wanted.items()):
        return False
    return all(_expression(e, labels) for e in (selector or {}).get("matchExpressions") or ())


def _expression(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression.get("key") or "", expression.get("values") or ()
    there = key in labels
    match expression.get("operator"):
        case "In":
            return there and labels[key] in values
        case "NotIn":
            return not there or labels[key] not in values
        case "Exists":
            return there
        case "DoesNotExist":
            return not there
    return True


def isolating(policies: Iterable[Object], labels: Mapping[str, str], way: str) -> list[Object]:
    """The policies that close one way of a pod to everything they do not admit."""
    return [p for p in policies if way in _ways(p.get("spec") or {}) and selects((p.get("spec") or {}).get("podSelector"), labels)]


def _ways(spec: Mapping[str, Any]) -> Sequence[str]:
    return spec.get("policyTypes") or ([INGRESS, EGRESS] if spec.get("egress") else [INGRESS])


def for_caller(policy: Object, namespace: Mapping[str, str], labels: Mapping[str, str]) -> Object:
    """The policy with those rules for what comes in that admit a pod of another namespace, by the labels of both."""

    def admits(peer: Mapping[str, Any]) -> bool:
        selected = peer.get("namespaceSelector") is not None and selects(peer["namespaceSelector"], namespace) and selects(peer.get("podSelector"), labels)
        return bool(peer.get("ipBlock")) or selected

    spec = policy.get("spec") or {}
    rules = [{**r, "from": []} for r in spec.get("ingress") or () if not r.get("from") or any(admits(p) for p in r["from"])]
    return {**policy, "spec": {**spec, "ingress": rules, "policyTypes": _ways(spec)}}


def label_query(selector: Mapping[str, Any] | None) -> str:
    """A LabelSelector as the API takes it in a query."""
    words = {"In": "{key} in ({values})", "NotIn": "{key} notin ({values})", "Exists": "{key}", "DoesNotExist": "!{key}"}
    own = [f"{key}={value}" for key, value in ((selector or {}).get("matchLabels") or {}).items()]
    for each in (selector or {}).get("matchExpressions") or ():
        own.append(words[each["operator"]].format(key=each["key"], values=",".join(each.get("values") or ())))
    return ",".join(own)


def without_nobody(policy: Object, is_there: Callable[[Mapping[str, Any]], bool]) -> Object:
    """The policy without peers that mean nobody (`is_there` is asked for each); a rule whose peers are all such admits nobody.

    These peers are kept as `nobody`, and the policy with them as `whole`.
    """
    spec, nobody = dict(policy.get("spec") or {}), []
    for rules, peers in (("ingress", "from"), ("egress", "to")):
        kept = []
        for rule in spec.get(rules) or ():
            there = [p for p in rule.get(peers) or () if is_there(p)]
            nobody += [p for p in rule.get(peers) or () if p not in there]
            if there or not rule.get(peers):
                kept.append({**rule, **({peers: there} if there else {})})
        if rules in spec:
            spec[rules] = kept
    return {**policy, "nobody": nobody, "whole": policy, "spec": {**spec, "policyTypes": _ways(policy.get("spec") or {})}}


def written(policy: Object) -> float:
    """When its specification was written last, as far as the fields' managers tell."""
    stamps = [epoch(m.get("time")) for m in meta(policy).get("managedFields") or () if "f:spec" in (m.get("fieldsV1") or {})]
    return max([*stamps, epoch(meta(policy).get("creationTimestamp"))])


def blocked(
    policies: Iterable[Object],
    labels: Mapping[str, str],
    way: str,
    ports: Iterable[int | str] = (),
    peer: Mapping[str, str] | None = None,
    protocol: str = "TCP",
    address: str = "",
) -> list[str]:
    """Names of the policies that together leave a pod no way; empty when there is one.

    `ports`: of the far end (in: of the pod), number and name; none means any. `peer`: labels of the one pod of the same namespace that
    it is about; None means anybody. `address`: of the far end; one that is not public may be any pod's, so that a selector may mean it.
    """
    closing = isolating(policies, labels, way)
    wanted = set(ports)
    for policy in closing:
        spec = policy["spec"]
        rules = spec.get("ingress" if way == INGRESS else "egress") or ()
        peers = "from" if way == INGRESS else "to"
        admits = ((rule.get("ports") or (), rule.get(peers) or ()) for rule in rules)
        if any(_port(at, wanted, protocol) and _peer(whom, peer) and _at(whom, address) for at, whom in admits):
            return []
    return sorted(str(meta(p).get("name")) for p in closing)


def _port(ports: Sequence[Mapping[str, Any]], wanted: set[int | str], protocol: str) -> bool:
    if not ports or not wanted:
        return True
    for each in ports:
        if (each.get("protocol") or "TCP") != protocol:
            continue
        port, end = each.get("port"), each.get("endPort")
        if port is None or port in wanted or (end and isinstance(port, int) and any(isinstance(w, int) and port <= w <= end for w in wanted)):
            return True
    return False


def _peer(peers: Sequence[Mapping[str, Any]], labels: Mapping[str, str] | None) -> bool:
    if not peers or labels is None:
        return True
    return any(p.get("ipBlock") or p.get("namespaceSelector") is not None or selects(p.get("podSelector"), labels) for p in peers)


def _at(peers: Sequence[Mapping[str, Any]], address: str) -> bool:
    if not peers or not address:
        return True
    end = ipaddress.ip_address(address)
    return any(_within(p["ipBlock"], end) if p.get("ipBlock") else end.is_private for p in peers)


def _within(block: Mapping[str, Any], end: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return end in ipaddress.ip_network(block.get("cidr") or "", strict=False) and not any(
        end in ipaddress.ip_network(each, strict=False) for each in block.get("except") or ()
    )
