# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways into the release from outside the cluster, as the API has them: Ingresses and routes of the Gateway API."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from ..helm.releases import Release
from ..kube import certificates, paths
from ..kube.client import ApiError, Cluster
from ..kube.objects import Object, meta, ref
from ..kube.services import writer
from .causes.cause import cause as make
from .model import Cause, Snapshot
from .service_look import UNKNOWN, live_object, read

#: annotations by which an operator brings the certificate, perhaps later
BROUGHT = ("cert-manager.io/", "acme.cert-manager.io/")
#: kinds of the Gateway API that lead to Services -> plural
ROUTES = {"HTTPRoute": "httproutes", "GRPCRoute": "grpcroutes", "TLSRoute": "tlsroutes"}


def find(cluster: Cluster, snapshot: Snapshot, release: Release) -> Iterator[Cause]:
    """What is wrong with the release's Ingresses and routes. What may not be read is left out."""
    for rendered in release.manifest:
        if rendered.get("kind") == "Ingress":
            yield from _ingress(cluster, snapshot, rendered)
        elif rendered.get("kind") in ROUTES:
            yield from _route(cluster, snapshot, rendered)


def _live(cluster: Cluster, snapshot: Snapshot, rendered: Object, plural: str) -> Object | None:
    return live_object(cluster, paths.one_of(str(rendered["apiVersion"]), plural, snapshot.scope.namespace, str(meta(rendered)["name"])))


def _ingress(cluster: Cluster, snapshot: Snapshot, rendered: Object) -> Iterator[Cause]:
    where, live = ref(rendered), _live(cluster, snapshot, rendered, "ingresses")
    if live is UNKNOWN:
        return
    if live is None:
        yield make("IngressBackend", snapshot, where, "the Ingress does not exist, but belongs to the release", "404 Not Found")
        return
    who = writer(live, "spec")
    name, classes = (live.get("spec") or {}).get("ingressClassName"), read(cluster, paths.INGRESS_CLASSES)
    there, meant = sorted(str(meta(c).get("name")) for c in classes or ()), (rendered.get("spec") or {}).get("ingressClassName")
    if name and classes is not None and name not in there:
        what = f"the Ingress has the IngressClass {name}, which does not exist, so no controller serves the Ingress"
        yield make("IngressClassMissing", snapshot, where, what, f"ingressClassName: {name}{who}; IngressClasses: {', '.join(there) or 'none'}")
    elif name and meant and name != meant:
        controller = next((str((c.get("spec") or {}).get("controller") or "") for c in classes or () if meta(c).get("name") == name), "")
        what = f"the Ingress has the IngressClass {name}, but the release sets {meant}, so the controller of {meant} no longer serves the Ingress"
        yield make(
            "IngressClassMissing", snapshot, where, what, f"ingressClassName: {name}{who}{f'; controller of {name}: {controller}' if controller else ''}"
        )
    ours = {b[1:] for b in backends(rendered)}
    for path, service, port in backends(live):
        if (service, port) not in ours:
            sides = f"{path} routes to Service/{service} port {port}{who}; in the release: {' and '.join(f'Service/{s} port {p}' for s, p in sorted(ours))}"
            what = f"path {path} of the Ingress routes to Service/{service} port {port}, not to the release's Service"
            yield make("IngressBackend", snapshot, where, what, sides)
    meant_rules, there_rules = _rules(rendered), _rules(live)
    if lost := [r for r in meant_rules if r not in there_rules]:
        what = f"the Ingress has no rule for {', '.join(lost)}; its rules are: {', '.join(there_rules) or 'none'}"
        yield make("IngressBackend", snapshot, where, what, f"spec.rules{who}; rules in the release: {', '.join(meant_rules)}")
    automatic = any(str(a).startswith(BROUGHT) for a in meta(live).get("annotations") or {})
    for tls in (live.get("spec") or {}).get("tls") or ():
        yield from _certificate(cluster, snapshot, where, tls, automatic)


def _rules(ingress: Object) -> list[str]:
    """`host/path (pathType)` of every rule: what a client may ask for."""
    rules = (ingress.get("spec") or {}).get("rules") or ()
    return [f"{r.get('host') or '*'}{p.get('path') or '/'} ({p.get('pathType')})" for r in rules for p in (r.get("http") or {}).get("paths") or ()]


def hosts(cluster: Cluster, release: Release, namespace: str) -> list[str]:
    """scheme|host|address of the release's Ingresses, with |port of its HTTPRoutes; the address is what their controller published, if it did."""
    found = [line for o in release.manifest if o.get("kind") == "HTTPRoute" for line in _listeners(cluster, o, namespace)]
    for ingress in (o for o in release.manifest if o.get("kind") == "Ingress"):
        live: Mapping[str, Any] = {}
        with contextlib.suppress(ApiError):
            live = cluster.find(paths.one_of(str(ingress["apiVersion"]), "ingresses", namespace, str(meta(ingress)["name"]))) or {}
        published = (((live.get("status") or {}).get("loadBalancer") or {}).get("ingress") or [{}])[0]
        address = str(published.get("ip") or published.get("hostname") or "")
        secure = {h for tls in (ingress.get("spec") or {}).get("tls") or () for h in tls.get("hosts") or ()}
        for rule in (ingress.get("spec") or {}).get("rules") or ():
            host = str(rule.get("host") or "")
            if host and "*" not in host:
                found.append(f"{'https' if host in secure else 'http'}|{host}|{address}")
    return found[:4]


def _listeners(cluster: Cluster, route: Object, namespace: str) -> Iterator[str]:
    """A line for each host of a route and each listener of its Gateways that speaks HTTP."""
    for parent in (route.get("spec") or {}).get("parentRefs") or ():
        held: Mapping[str, Any] = {}
        with contextlib.suppress(ApiError):
            where = paths.one_of(str(route["apiVersion"]), "gateways", str(parent.get("namespace") or namespace), str(parent.get("name")))
            held = cluster.find(where) or {}
        address = next((str(a.get("value")) for a in (held.get("status") or {}).get("addresses") or ()), "")
        for listener in (held.get("spec") or {}).get("listeners") or ():
            wanted = parent.get("sectionName") in (None, "", listener.get("name")) and listener.get("protocol") in ("HTTP", "HTTPS")
            for host in (route["spec"].get("hostnames") or [listener.get("hostname")]) if wanted else ():
                if host and "*" not in host:
                    yield f"{listener['protocol'].lower()}|{host}|{address}|{listener.get('port')}"


def backends(ingress: Object) -> Iterator[tuple[str, str, str]]:
    """(host and path, Service, port) of every backend."""
    spec = ingress.get("spec") or {}
    for rule in spec.get("rules") or ():
        for path in (rule.get("http") or {}).get("paths") or ():
            yield f"{rule.get('host') or ''}{path.get('path') or '/'}", *_backend(path.get("backend") or {})
    if spec.get("defaultBackend"):
        yield "(default)", *_backend(spec["defaultBackend"])


def _backend(backend: Mapping[str, Any]) -> tuple[str, str]:
    service = backend.get("service") or {}
    port = service.get("port") or {}
    return str(service.get("name") or ""), str(port.get("name") or port.get("number") or "")


def _certificate(cluster: Cluster, snapshot: Snapshot, where: str, tls: Mapping[str, Any], automatic: bool) -> Iterator[Cause]:
    name = str(tls.get("secretName") or "")
    held = live_object(cluster, paths.secret(snapshot.scope.namespace, name)) if name else UNKNOWN
    lacks = "does not exist" if held is None else "lacks tls.crt or tls.key" if held and not {"tls.crt", "tls.key"} <= set(held.get("data") or {}) else ""
    if lacks and not automatic:
        what = f"the TLS Secret/{name} of the Ingress {lacks}, so the controller serves its own default certificate, which no client trusts"
        yield make("TlsSecretMissing", snapshot, where, what, f"spec.tls names Secret/{name} for {', '.join(tls.get('hosts') or ()) or 'every host'}")
    found = certificates.read(base64.b64decode(((held or {}).get("data") or {}).get("tls.crt") or ""))
    over = found.expired(snapshot.now) if found else ""
    if found and over:
        what = f"the certificate in Secret/{name} {over}"
        yield make("CertificateExpired", snapshot, where, what, f"Secret/{name} tls.crt for {', '.join(found.names)}: notAfter is in the past")


def _refs(route: Object) -> set[str]:
    refs = [b for rule in (route.get("spec") or {}).get("rules") or () for b in rule.get("backendRefs") or ()]
    return {f"Service/{b.get('name')} port {b.get('port')}" for b in refs}


def _route(cluster: Cluster, snapshot: Snapshot, rendered: Object) -> Iterator[Cause]:
    try:
        live = _live(cluster, snapshot, rendered, ROUTES[str(rendered["kind"])])
    except ApiError as error:
        if error.unreachable:
            raise
        return
    where = ref(rendered)
    if live is UNKNOWN:
        return
    if live is None:
        yield make("RouteRefused", snapshot, where, "the route does not exist, but belongs to the release", "404 Not Found")
        return
    ours, theirs = _refs(rendered), _refs(live)
    if theirs != ours:
        sides = f"backendRefs: {', '.join(sorted(theirs)) or 'none'}{writer(live, 'spec', 'rules')}; in the release: {', '.join(sorted(ours))}"
        yield make("IngressBackend", snapshot, where, "the route does not lead to the release's Service", sides)
    parents = ((live.get("status") or {}).get("parents")) or ()
    wanted = ", ".join(str(p.get("name")) for p in (live.get("spec") or {}).get("parentRefs") or ())
    if not parents:
        what = f"no controller has accepted the route; its parentRefs name {wanted or 'nothing'}"
        yield make("RouteRefused", snapshot, where, what, "status.parents is empty")
    for parent in parents:
        for condition in parent.get("conditions") or ():
            if condition.get("type") in ("Accepted", "ResolvedRefs") and condition.get("status") == "False":
                of = f"Gateway/{(parent.get('parentRef') or {}).get('name')}"
                said = f"{condition['type']}: False, {condition.get('reason')}: {condition.get('message')}"
                yield make("RouteRefused", snapshot, where, f"{of} does not serve the route ({condition.get('reason')})", said)
