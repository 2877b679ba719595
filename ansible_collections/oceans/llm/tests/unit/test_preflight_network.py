# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preflight of probes, Services, policies, names and certificates: what cannot work is said before the first write."""

from __future__ import annotations

import base64
import copy
import datetime
import time
from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.oceans.llm.plugins.plugin_utils.preflight import rules
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight.checks import network, probes
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight.facts import Picture, Wanted

from .place import deployment, labels, service
from .test_preflight import GOOD, configuration, live_secret
from .test_service_look import certificate

HEALTH = {"httpGet": {"path": "/healthz", "port": "http"}}
ENV = [{"name": "POSTGRES_URL", "valueFrom": {"secretKeyRef": {"name": "s", "key": "POSTGRES_URL"}}}]


def picture(objects: tuple = (), policies: tuple = (), url: str = GOOD["POSTGRES_URL"], gateway: dict | None = None, **container: Any) -> Picture:
    main = gateway or deployment("gw", "gateway", 8080, env=ENV, **container)
    config = configuration({"database": {"url": "env.POSTGRES_URL"}, "server": {"bind": "0.0.0.0:8080"}})
    given = (main, deployment("ui", "admin-ui", 3000), config, *(objects or (service(), service("ui", "admin-ui", 3000))))
    secrets = {"s": live_secret("s", **{**GOOD, "POSTGRES_URL": url})}
    return Picture(Wanted("r", "ns", secrets_source="existing", secret_name="s"), objects=given, network_policies=policies, now=time.time(), secrets=secrets)


def said(given: Picture, rule=None) -> list[tuple[str, str, str]]:
    found = [*probes.find(given), *network.find(given)] if rule is None else list(rule.find(given))
    return [(f.code, f.object, f.severity) for f in found]


def test_nothing_is_wrong_with_what_is_right():
    good = picture(startupProbe=HEALTH, readinessProbe={"tcpSocket": {"port": 8080}}, livenessProbe={"httpGet": {"port": 8080, "scheme": "HTTP"}})
    assert said(good) == [] and probes.find in rules.RULES and network.find in rules.RULES


@pytest.mark.parametrize(
    ("probe", "code", "words"),
    [
        ({"httpGet": {"port": "web"}}, "ProbeMisdirected", "uses port 'web', but the container declares 8080"),
        ({"httpGet": {"port": 9090}}, "ProbeMisdirected", "the gateway listens on port 8080"),
        ({"tcpSocket": {"port": "9090"}}, "ProbeMisdirected", "the gateway listens on port 8080"),
        ({"httpGet": {"port": "http", "scheme": "HTTPS"}}, "ProbeMisdirected", "plain HTTP"),
    ],
)
@pytest.mark.parametrize("name", ["startupProbe", "readinessProbe", "livenessProbe"])
def test_a_probe_that_cannot_succeed(name, probe, code, words):
    (finding,) = probes.find(picture(**{name: probe}))
    assert (finding.code, finding.object, finding.severity) == (code, "Deployment/gw", "error") and name in finding.sentence and words in finding.sentence


def test_a_port_of_another_program_that_is_not_declared_is_a_doubt():
    main = deployment("gw", "gateway", 8080)
    main["spec"]["template"]["spec"]["containers"].append({"name": "side", "ports": [{"containerPort": 1}], "readinessProbe": {"tcpSocket": {"port": 2}}})
    assert said(picture(gateway=main), probes) == [("ProbeMisdirected", "Deployment/gw", "warning")]


def test_two_containers_on_one_port():
    main = deployment("gw", "gateway", 8080)
    main["spec"]["template"]["spec"]["containers"].append({"name": "side", "ports": [{"containerPort": 8080}]})
    (finding,) = probes.find(picture(gateway=main))
    assert finding.code == "PortTaken" and "gateway and side" in finding.sentence


ACCEPTED = {"type": "Accepted", "status": "True"}
PENDING = {"type": "Accepted", "status": "Unknown", "reason": "Pending", "message": "Waiting for controller"}


@pytest.mark.parametrize(
    ("held", "codes"),
    [
        ({"edge/gate": {"status": {"conditions": [ACCEPTED]}}}, []),
        ({"edge/gate": {"spec": {"gatewayClassName": "nobody"}, "status": {"conditions": [PENDING]}}}, ["GatewayNotServed"]),
        ({"edge/gate": {"spec": {}}}, ["GatewayNotServed"]),
        ({"edge/gate": None}, ["GatewayMissing"]),
        ({}, []),  # may not be read
    ],
)
def test_a_route_whose_gateway_nobody_serves(held, codes):
    parents = [{"name": "gate", "namespace": "edge"}, {"kind": "Service", "name": "mesh"}]
    route = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "r"}, "spec": {"parentRefs": parents}}
    found = list(network.find(replace(picture((service(), route)), gateways=held)))
    assert [f.code for f in found] == codes and all(f.object == "HTTPRoute/r" for f in found)


@pytest.mark.parametrize(
    ("limit", "replicas", "warned"), [("100%", 2, True), (2, 2, True), (1, 1, True), ("25%", 1, False), (1, 2, False), (0, 1, False), ("50%", 2, False)]
)
def test_a_strategy_that_leaves_nobody(limit, replicas, warned):
    main = deployment("gw", "gateway", 8080)
    main["spec"] |= {"replicas": replicas, "strategy": {"rollingUpdate": {"maxUnavailable": limit}}}
    assert said(picture(gateway=main), probes) == ([("StrategyLeavesNobody", "Deployment/gw", "warning")] if warned else [])


PORT = {"name": "http", "port": 8080, "targetPort": "http"}


@pytest.mark.parametrize(
    ("spec", "code", "severity"),
    [
        ({"selector": {"app": "x"}}, "ServiceSelector", "error"),
        ({"selector": {"app.kubernetes.io/instance": "rel"}}, "ServiceSelector", "error"),
        ({"ports": [{**PORT, "targetPort": "web"}]}, "ServicePort", "error"),
        ({"ports": [{**PORT, "targetPort": 9999}]}, "ServicePort", "error"),
        ({"ports": [{**PORT, "protocol": "UDP"}]}, "ServicePort", "error"),
    ],
)
def test_a_service_that_leads_nowhere(spec, code, severity):
    assert said(picture((service(**spec),))) == [(code, "Service/gw", severity)]


def test_a_service_port_of_another_program_is_a_doubt():
    assert said(picture((service("ui", "admin-ui", ports=[{**PORT, "targetPort": 9}]),))) == [("ServicePort", "Service/ui", "warning")]


def policy(component: str = "gateway", **spec: Any) -> dict:
    return {"kind": "NetworkPolicy", "metadata": {"name": "cage"}, "spec": {"podSelector": {"matchLabels": labels(component)}, **spec}}


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({}, "no incoming traffic (Ingress) to port gateway: http 8080"),
        ({"policyTypes": ["Egress"]}, "no outgoing traffic (Egress)"),
        ({"policyTypes": ["Ingress", "Egress"]}, "no incoming traffic (Ingress) to port gateway: http 8080, and no outgoing traffic (Egress)"),
        ({"policyTypes": ["Egress"], "egress": [{"ports": [{"port": 5432}]}]}, "no outgoing traffic (Egress) to DNS"),
        ({"policyTypes": ["Egress"], "egress": [{"ports": [{"port": 53, "protocol": "UDP"}]}]}, "no outgoing traffic (Egress) to port 5432 of the database"),
    ],
)
@pytest.mark.parametrize("rendered", [True, False])
def test_a_policy_that_leaves_no_way_is_named_with_the_way(spec, words, rendered):
    given = picture((service(), policy(**spec))) if rendered else picture(policies=(policy(**spec),))
    (finding,) = network.find(given)
    assert (finding.code, finding.object, finding.severity) == ("NetworkPolicyBlocks", "Deployment/gw", "warning")
    assert "NetworkPolicy/cage selects its pods" in finding.sentence and words in finding.sentence


def test_a_live_policy_that_the_run_changes_is_judged_as_it_will_be():
    assert said(picture((service(), policy(ingress=[{}])), policies=(policy(),))) == []


@pytest.mark.parametrize(
    ("spec", "url", "severity"),
    [
        ({"dnsPolicy": "Default"}, "postgresql://u:p@pg.db.svc:5432/d", "error"),
        ({"dnsPolicy": "Default"}, "postgresql://u:p@pg:5432/d", "error"),
        ({"hostNetwork": True}, "postgresql://u:p@pg.db.svc.cluster.local:5432/d", "error"),
        ({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["192.0.2.1"]}}, "postgresql://u:p@pg.db.svc:5432/d", "warning"),
        ({"dnsPolicy": "Default"}, "postgresql://u:p@db.example.com:5432/d", ""),
        ({"dnsPolicy": "ClusterFirstWithHostNet", "hostNetwork": True}, "postgresql://u:p@pg:5432/d", ""),
    ],
)
def test_a_dns_policy_that_does_not_know_the_databases_name(spec, url, severity):
    main = deployment("gw", "gateway", 8080, env=copy.deepcopy(ENV))
    main["spec"]["template"]["spec"] |= spec
    assert said(picture(gateway=main, url=url)) == ([("DnsPolicy", "Deployment/gw", severity)] if severity else [])


def test_the_admin_uis_name_counts_too():
    main = deployment("gw", "gateway", 8080, env=[{"name": "ADMIN_UI_UPSTREAM", "value": "http://ui:3000"}])
    main["spec"]["template"]["spec"]["dnsPolicy"] = "Default"
    (finding,) = network.find(picture(gateway=main, url="postgresql://u:p@db.example.com/d"))
    assert "ADMIN_UI_UPSTREAM ui" in finding.sentence


def tls_findings(crt: bytes, key: bytes, now: float | None = None) -> list:
    tls = {"kind": "Ingress", "metadata": {"name": "in"}, "spec": {"tls": [{"secretName": "tls", "hosts": ["a.example"]}]}}
    given = picture((service(), tls))
    data = {"tls.crt": base64.b64encode(crt).decode(), "tls.key": base64.b64encode(key).decode()}
    held = {**given.secrets, "tls": {"metadata": {"name": "tls"}, "data": data}}
    return list(network.find(replace(given, secrets=held, now=now or given.now)))


def private(key: Any, password: bytes = b"", form: str = "PKCS8") -> bytes:
    secret = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, getattr(serialization.PrivateFormat, form), secret)


KEY, OTHER = (ec.generate_private_key(ec.SECP256R1()) for _each in range(2))
CRT, ROOT = certificate(30, "a.example", key=KEY), certificate(30, "root", key=OTHER)


@pytest.mark.parametrize(("days", "name", "codes"), [(30, "a.example", []), (-2, "a.example", ["CertificateExpired"]), (30, "b.example", ["CertificateName"])])
def test_a_certificate_that_browsers_refuse(days, name, codes):
    found = tls_findings(certificate(days, name, key=KEY), private(KEY))
    assert [f.code for f in found] == codes and all(f.object == "Ingress/in" for f in found)


@pytest.mark.parametrize(
    ("crt", "key", "told"),
    [
        (CRT, private(KEY, form="TraditionalOpenSSL"), ""),
        ((CRT + ROOT).replace(b"\n", b"\r\n"), private(KEY), ""),
        (ROOT + CRT, private(KEY), "at position 2"),
        (CRT, private(OTHER), "does not belong to tls.crt"),
        (CRT, private(KEY, b"password"), "encrypted with a password"),
        (private(KEY), CRT, "tls.crt contains no certificate"),
        (base64.b64encode(CRT), private(KEY), "base64 twice"),
        (CRT.replace(b"\n", b"\\n"), private(KEY), "without line breaks"),
        (CRT, b"x", "tls.key contains no private key"),
    ],
)
def test_a_certificate_and_a_key_that_no_server_takes(crt, key, told):
    found = [f for f in tls_findings(crt, key) if f.code == "TlsSecretMissing"]
    assert [told in f.sentence for f in found] == ([True] if told else [])


def test_a_certificate_that_is_not_valid_yet_or_has_no_alternative_name():
    (finding,) = tls_findings(CRT, private(KEY), now=time.time() - 100 * 86400)
    assert (finding.code, finding.severity) == ("CertificateExpired", "warning") and "not valid before" in finding.sentence
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a.example")])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder(name, name, KEY.public_key(), 1, now - datetime.timedelta(days=1), now + datetime.timedelta(days=30))
    (finding,) = tls_findings(made.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM), private(KEY))
    assert finding.code == "CertificateName" and "subject alternative name" in finding.sentence


@pytest.mark.parametrize(
    ("name", "wrong", "right"),
    [("proxy-read-timeout", ("300s", "5m"), ("300",)), ("proxy-body-size", ("64Mi", "64MB"), ("64m", "0", "1G"))],
)
def test_an_annotation_whose_unit_the_controller_does_not_read(name, wrong, right):
    def told(value: str) -> list:
        annotations = {f"nginx.ingress.kubernetes.io/{name}": value, f"nginx.org/{name}": "5m"}
        given = picture((service(), {"kind": "Ingress", "metadata": {"name": "in", "annotations": annotations}, "spec": {}}))
        return [(f.code, f.severity) for f in network.find(given)]

    assert [told(value) for value in wrong] == [[("InvalidValue", "warning")]] * len(wrong)
    assert [told(value) for value in right] == [[]] * len(right)


@pytest.mark.parametrize(("rule", "found"), [("b.example", 1), ("a.example", 0), ("*.example", 0), (None, 0)])
def test_a_certificate_for_a_host_that_no_rule_serves(rule, found):
    spec = {"tls": [{"hosts": ["a.example"]}], "rules": [{"host": rule} if rule else {}]}
    given = picture((service(), {"kind": "Ingress", "metadata": {"name": "in"}, "spec": spec}))
    assert [f.code for f in network.find(given)] == ["CertificateName"] * found
