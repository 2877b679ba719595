# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to the pods and from them: Services, NetworkPolicies, names, certificates. Pure."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from ...kube import certificates
from ...kube.endpoints import service_of
from ...kube.objects import condition
from ...kube.policies import EGRESS, INGRESS, blocked
from ...kube.services import declared_ports, labels_phrase, matches, number_of, ports_phrase, target
from ..ask_database import target as database
from ..facts import Object, Picture, gateway_container, label, meta, parents_of, pod_templates
from ..finding import ERROR, WARNING, Finding
from ..sources import secret
from .probes import bind

DNS = 53


def find(picture: Picture) -> Iterator[Finding]:
    yield from _services(picture)
    yield from _policies(picture)
    yield from _names(picture)
    yield from _ingresses(picture)
    yield from _certificates(picture)
    yield from _gateways(picture)


def _labels(template: Mapping[str, Any]) -> Mapping[str, str]:
    return (template.get("metadata") or {}).get("labels") or {}


# --- Services -----------------------------------------------------------------------------------------------------------


def _services(picture: Picture) -> Iterator[Finding]:
    templates = list(pod_templates(picture.objects))
    for service in picture.kind("Service"):
        selector = (service.get("spec") or {}).get("selector")
        if not selector or not templates:
            continue
        behind = [(where, t) for where, t in templates if where.startswith(("Deployment/", "StatefulSet/", "DaemonSet/")) and matches(selector, _labels(t))]
        if not behind:
            sides = "; ".join(f"labels of the pods of {where}: {labels_phrase(_labels(t))}" for where, t in templates if where.startswith("Deployment/"))
            what = f"its selector {labels_phrase(selector)} matches no pod of the release ({sides or 'the release has no Deployment'})"
            yield Finding("ServiceSelector", label(service), what, "set the selector of the Service to labels of the pods")
        elif len(behind) > 1:
            what = (
                f"its selector {labels_phrase(selector)} matches pods of {' and '.join(where for where, _t in behind)}, "
                "so the pods of each would get requests for the other"
            )
            yield Finding("ServiceSelector", label(service), what, "add a label to the selector that only the pods of one Deployment have")
        for port in (service.get("spec") or {}).get("ports") or ():
            for where, template in behind[:1]:
                yield from _port(picture, service, port, where, template["spec"])


def _port(picture: Picture, service: Object, port: Mapping[str, Any], where: str, spec: Mapping[str, Any]) -> Iterator[Finding]:
    wanted, what = target(port), f"port {port.get('port')} has targetPort {target(port)}"
    declared = list(declared_ports(spec))
    number, protocol = number_of(wanted, spec), str(port.get("protocol") or "TCP")
    gateway = gateway_container(picture.objects)
    listens = bind(picture) if gateway and gateway[0] == where else None
    sides, hint = f"{what}, and {where} declares {ports_phrase(spec)}", "set targetPort to a port that the container declares"
    if number is None:
        yield Finding("ServicePort", label(service), sides, hint)
    elif listens and number != listens and not any(n == number for c, _n, n, _p in declared if c != "gateway"):
        sides = f"{what}, and the gateway listens on port {listens} (oceans_llm_config.server.bind)"
        yield Finding("ServicePort", label(service), sides, "set targetPort and oceans_llm_config.server.bind to the same port")
    elif declared and number not in {n for _c, _n, n, _p in declared}:
        yield Finding("ServicePort", label(service), sides, hint, WARNING)
    elif declared and (number, protocol) not in {(n, p) for _c, _n, n, p in declared}:
        hint = "set the protocol of the Service port to that of the container port"
        yield Finding("ServicePort", label(service), f"{what} with protocol {protocol}, and {where} declares {ports_phrase(spec)}", hint)


# --- NetworkPolicies ----------------------------------------------------------------------------------------------------


def _policies(picture: Picture) -> Iterator[Finding]:
    """Warnings: whether the cluster's network enforces policies is not known from here."""
    rendered = {meta(p).get("name") for p in picture.kind("NetworkPolicy")}
    found = [*picture.kind("NetworkPolicy"), *(p for p in picture.network_policies if meta(p).get("name") not in rendered)]
    where_to = database(picture) if found else None
    for where, template in pod_templates(picture.objects) if found else ():
        labels, ports = _labels(template), [each for _c, name, number, _p in declared_ports(template["spec"]) for each in (name, number) if each]
        into, out = blocked(found, labels, INGRESS, ports) if ports else [], blocked(found, labels, EGRESS)
        no_way_in, no_way_out = f"no incoming traffic ({INGRESS}) to port {ports_phrase(template['spec'])}", f"no outgoing traffic ({EGRESS})"
        if into == out:
            yield from _closed(where, into, f"{no_way_in}, and {no_way_out}")
        else:
            yield from _closed(where, into, no_way_in)
            yield from _closed(where, out, no_way_out)
        if not out:
            words = f"no outgoing traffic ({EGRESS}) to DNS (port 53/UDP), so no name resolves"
            yield from _closed(where, blocked(found, labels, EGRESS, (DNS,), protocol="UDP"), words)
            if where_to and gateway_container(picture.objects) and _has_image(picture, template):
                words = f"no outgoing traffic ({EGRESS}) to port {where_to.port} of the database"
                yield from _closed(where, blocked(found, labels, EGRESS, (where_to.port,)), words)


def _has_image(picture: Picture, template: Mapping[str, Any]) -> bool:
    """True for pods of the gateway's image: they talk to the database."""
    gateway = gateway_container(picture.objects)
    return gateway is not None and any(c.get("image") == gateway[1].get("image") for c in template["spec"].get("containers") or ())


def _closed(where: str, names: Iterable[str], what: str) -> Iterator[Finding]:
    names = list(names)
    if names:
        s = "s" if len(names) == 1 else ""
        said = f"{', '.join('NetworkPolicy/' + n for n in names)} select{s} its pods and allow{s} {what}"
        hint = "add a rule for this traffic to a NetworkPolicy; ignore this warning if the network plugin does not enforce NetworkPolicies"
        yield Finding("NetworkPolicyBlocks", where, said, hint, WARNING)


# --- names and certificates ----------------------------------------------------------------------------------------------


def _names(picture: Picture) -> Iterator[Finding]:
    ns, where_to = picture.wanted.namespace, database(picture)
    hosts = {"the database's host": where_to.host} if where_to else {}
    for where, template in pod_templates(picture.objects):
        spec = template["spec"]
        policy = str(spec.get("dnsPolicy") or "ClusterFirst")
        node = policy == "Default" or (policy == "ClusterFirst" and spec.get("hostNetwork"))
        if not node and policy != "None":
            continue
        own = dict(hosts) if _has_image(picture, template) else {}
        own |= {v["name"]: host for c in spec.get("containers") or () for v in c.get("env") or () if (host := _host(v.get("value")))}
        inside = [f"{what} {host}" for what, host in own.items() if service_of(host, ns)]
        servers = ", ".join((spec.get("dnsConfig") or {}).get("nameservers") or ()) or "none"
        reason = "the resolver of the node, which does not resolve names of the cluster" if node else f"only the nameservers {servers}"
        if inside:
            said = f"dnsPolicy {policy}{' with hostNetwork' if spec.get('hostNetwork') else ''} uses {reason}; {', '.join(inside)} is a name of the cluster"
            hint = "set dnsPolicy to ClusterFirst (with hostNetwork: ClusterFirstWithHostNet)"
            yield Finding("DnsPolicy", where, said, hint, ERROR if node else WARNING)


def _host(value: Any) -> str:
    """The host of a URL in a variable; empty for anything else."""
    text = str(value or "")
    if not re.match(r"^[a-z]+://", text):
        return ""
    try:
        return urlsplit(text).hostname or ""
    except ValueError:
        return ""


#: annotation of ingress-nginx -> the form that its controller reads; it ignores any other value (ingress-nginx documentation, "Annotations")
NGINX = (
    (re.compile(r"nginx\.ingress\.kubernetes\.io/(proxy|auth)-\w+-timeout"), re.compile(r"\d+"), "a number of seconds without a unit"),
    (re.compile(r"nginx\.ingress\.kubernetes\.io/(proxy-body-size|client-body-buffer-size|proxy-buffer-size)"), re.compile(r"\d+[kKmMgG]?"), "such as 64m"),
)


def _ingresses(picture: Picture) -> Iterator[Finding]:
    """What an Ingress says and its controller does not do."""
    for ingress in picture.kind("Ingress"):
        spec = ingress.get("spec") or {}
        for name, value in (meta(ingress).get("annotations") or {}).items():
            for called, form, wanted in NGINX:
                if called.fullmatch(str(name)) and not form.fullmatch(str(value)):
                    what = f"its annotation {name} is {value!r}, and ingress-nginx ignores a value that is not {wanted}"
                    yield Finding("InvalidValue", label(ingress), what, f"write {wanted} in oceans_llm_values.ingress.annotations", WARNING)
        ruled = {str(rule.get("host") or "") for rule in spec.get("rules") or ()}
        for host in (h for tls in spec.get("tls") or () for h in tls.get("hosts") or ()):
            if ruled and not ruled & {"", host, f"*.{str(host).partition('.')[2]}"}:
                hint = "correct oceans_llm_values.ingress.hosts or oceans_llm_values.ingress.tls"
                yield Finding("CertificateName", label(ingress), f"its tls names {host}, and no rule has this host", hint, WARNING)


def _certificates(picture: Picture) -> Iterator[Finding]:
    for ingress in picture.kind("Ingress"):
        for tls in (ingress.get("spec") or {}).get("tls") or ():
            name = str(tls.get("secretName") or "")
            held = secret(picture, name) if name else None
            crt, key = ((held.data.get(k) if held else None) or b"" for k in ("tls.crt", "tls.key"))
            found, wrong = certificates.read(crt), certificates.pair(crt, key) if crt and key else ""
            if wrong:
                hint = f"create the Secret again: kubectl -n {picture.wanted.namespace} create secret tls {name} --cert=FILE --key=FILE"
                yield Finding("TlsSecretMissing", label(ingress), f"its TLS Secret {name} cannot be used: {wrong}", hint)
            if not found:
                continue
            over = found.expired(picture.now)
            if over:
                hint = "renew the certificate, then run the playbook again"
                yield Finding("CertificateExpired", label(ingress), f"the certificate in Secret {name} {over}", hint)
            if found.since > picture.now > 0:
                what = f"the certificate in Secret {name} is not valid before {datetime.datetime.fromtimestamp(found.since, datetime.UTC):%Y-%m-%d %H:%M} UTC"
                yield Finding("CertificateExpired", label(ingress), what, "use a certificate that is valid now", WARNING)
            if not found.alternative:
                what = f"the certificate in Secret {name} has no subject alternative name, so clients do not accept it for any host"
                yield Finding("CertificateName", label(ingress), what, "use a certificate that names the host as a subject alternative name", WARNING)
            for host in tls.get("hosts") or ():
                if (
                    found.alternative
                    and not found.covers(host.removeprefix("*.") if host.startswith("*.") and host in found.names else host)
                    and host not in found.names
                ):
                    sides = f"the certificate in Secret {name} is for {', '.join(found.names) or 'no name'}, not for {host}"
                    yield Finding("CertificateName", label(ingress), sides, severity=WARNING)


def _gateways(picture: Picture) -> Iterator[Finding]:
    """Routes whose Gateway nobody serves."""
    for route in picture.objects:
        for name in parents_of(route, picture.wanted.namespace) if str(route.get("apiVersion")).startswith("gateway.networking.k8s.io/") else ():
            if name not in picture.gateways:
                continue
            held = picture.gateways[name]
            ns, _slash, own = name.partition("/")
            look = f"read the conditions of the Gateway: kubectl -n {ns} describe gateways.gateway.networking.k8s.io {own}"
            if held is None:
                yield Finding("GatewayMissing", label(route), f"its parent Gateway {name} does not exist")
                continue
            accepted = condition(held, "Accepted")
            cls = (held.get("spec") or {}).get("gatewayClassName")
            if accepted.get("status") != "True":
                said = f"{accepted.get('reason') or 'no condition Accepted'}: {accepted.get('message') or 'no controller has set a condition'}"
                yield Finding("GatewayNotServed", label(route), f"no controller has accepted the parent Gateway {name} of GatewayClass {cls} ({said})", look)
