# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties over names, secret sources and hooks: whatever the values, the objects are valid and belong together."""

from __future__ import annotations

import re
from typing import Any

from chart_lib import Object, containers, get, hooks_of, merged, named, render, secret_data, template_of, templates
from hypothesis import given
from hypothesis import strategies as st

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
LABEL_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")

dns = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?", fullmatch=True)
# what Helm takes as a release name: 53 characters, dots too
release = st.one_of(dns, st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?\.[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)).filter(
    lambda r: len(r) <= 53
)
override = st.one_of(st.just(""), st.just(""), st.from_regex(r"[a-z0-9]([-a-z0-9]{0,80}[a-z0-9])?", fullmatch=True))
hook = st.sampled_from(["post-install,post-upgrade", "pre-install,pre-upgrade", "pre-install,post-upgrade", "post-install", "pre-upgrade, post-install"])

SECRET = "canary-7f3a9"


@st.composite
def sources(draw: st.DrawFn) -> dict[str, Any]:
    """Some way to provide what the configuration asks for."""
    mode = draw(st.sampled_from(["external", "existing", "inline", "store", "cnpg", "cnpg with own credentials"]))
    values: dict[str, Any] = {
        "external": {"database": {"external": {"existingSecret": {"name": "pg"}}}},
        "existing": {"secrets": {"existingSecret": {"name": "app"}}},
        "inline": {"secrets": {"inline": {"POSTGRES_URL": f"postgresql://u:{SECRET}@h/d"}}},
        "store": {"externalSecrets": {"enabled": True, "secretStoreRef": {"name": "s"}, "data": [{"secretKey": "POSTGRES_URL"}]}},
        "cnpg": {"database": {"mode": "cloudnativepg"}},
        "cnpg with own credentials": {"database": {"mode": "cloudnativepg", "cloudnativepg": {"existingCredentialsSecret": "creds"}}},
    }[mode]
    if draw(st.booleans()):
        values = merged(values, {"secrets": {"inline": {"GATEWAY_IDENTITY_TOKEN_SECRET": SECRET}}})
    if draw(st.booleans()):
        values = merged(values, {"gateway": {"extraEnvFrom": [{"secretRef": {"name": "more"}}]}})
    late = mode in ("store", "cnpg", "cnpg with own credentials")
    values = merged(values, {"migrations": {"enabled": draw(st.booleans()), "hook": draw(hook)}})
    if not late and not values["migrations"]["hook"].startswith("post") and draw(st.booleans()):
        values = merged(values, {"gateway": {"migrationWaiter": {"enabled": False}}})
    values["seedConfigJob"] = {"enabled": draw(st.booleans()), "hook": "post-install" if late else draw(hook)}
    # on a first install somebody has to migrate, or the waiter is off
    if values["migrations"]["enabled"] and "install" not in values["migrations"]["hook"]:
        values["migrations"]["hook"] += ",post-install"
    return values


def check_valid(objects: list[Object], release_name: str) -> None:
    seen = set()
    for obj in objects:
        name = obj["metadata"]["name"]
        identity = (obj["kind"], name)
        assert identity not in seen, f"two objects are called {identity}"
        seen.add(identity)
        assert len(name) <= (50 if obj["kind"] == "Cluster" else 63), name
        assert (LABEL_1035 if obj["kind"] == "Service" else LABEL).fullmatch(name), name
        maps = [obj["metadata"]["labels"]]
        template = template_of(obj)
        if template:
            maps.append(template["metadata"]["labels"])
        for labels in maps:
            assert labels["app.kubernetes.io/instance"] == release_name
            for key, value in labels.items():
                assert isinstance(value, str) and len(value) <= 63 and LABEL_VALUE.fullmatch(value), (key, value)
    deployments = [o["metadata"]["name"] for o in objects if o["kind"] == "Deployment"]
    assert len(set(deployments)) == 2


@given(name=release, name_override=override, full_override=override)
def test_any_name_gives_valid_unique_names(name: str, name_override: str, full_override: str) -> None:
    values = {
        "nameOverride": name_override,
        "fullnameOverride": full_override,
        "database": {"mode": "cloudnativepg"},
        "secrets": {"inline": {"K": "v"}},
        "externalSecrets": {"enabled": True, "secretStoreRef": {"name": "s"}, "data": [{"secretKey": "A"}]},
        "networkPolicy": {"enabled": True, "egress": [{}]},
        "seedConfigJob": {"enabled": True},
        "ingress": {"enabled": True, "hosts": [{"host": "a.b"}]},
        "gateway": {"replicaCount": 2},
    }
    objects = render(values, release=name)
    check_valid(objects, name)
    check_references(objects)
    # what fits is never changed: a live release is upgraded in place
    full = named(objects, "ServiceAccount")["metadata"]["name"]
    if len(full) <= 63 - len("-bootstrap-admin"):
        assert {o["metadata"]["name"] for o in objects if o["kind"] in ("Deployment", "Service")} == {f"{full}-gateway", f"{full}-admin-ui"}
    if not full_override and not name_override and len(name) <= 40 and re.fullmatch(r"[a-z][-a-z0-9]*", name):
        assert full == (name if "oceans-llm" in name else f"{name}-oceans-llm")


def check_references(objects: list[Object]) -> None:
    """Names that one object uses are names of objects that are there, at the time they are needed."""
    there = {(o["kind"], o["metadata"]["name"]): o for o in objects}
    own_secrets = {o["metadata"]["name"] for o in objects if o["kind"] == "Secret"}
    prefix = named(objects, "ConfigMap", hook=False)["metadata"]["name"].removesuffix("-config")
    for obj in objects:
        template = template_of(obj)
        if not template:
            continue
        spec, early = template["spec"], any(h.startswith("pre-") for h in hooks_of(obj))
        needed = [("ServiceAccount", spec["serviceAccountName"])]
        needed += [("ConfigMap", v["configMap"]["name"]) for v in spec.get("volumes", []) if "configMap" in v]
        for c in containers(template):
            needed += [("Secret", n) for e in c.get("envFrom", []) if (n := e["secretRef"]["name"]) in own_secrets or n.startswith(f"{prefix}-env")]
            mounted = {m["name"] for m in c.get("volumeMounts", [])}
            assert mounted <= {v["name"] for v in spec.get("volumes", [])}
            names = [e["name"] for e in c.get("env", [])]
            assert len(names) == len(set(names))
            paths = [m["mountPath"] for m in c.get("volumeMounts", [])]
            assert len(paths) == len(set(paths))
        for identity in needed:
            assert identity in there, f"{obj['kind']} {obj['metadata']['name']} needs {identity}"
            if early:  # an earlier hook of every phase this Job runs in
                need = there[identity]
                assert hooks_of(need) >= hooks_of(obj)
                assert int(get(need, 'metadata.annotations."helm.sh/hook-weight"')) < int(get(obj, 'metadata.annotations."helm.sh/hook-weight"'))
            elif obj["kind"] != "Pod":
                assert not hooks_of(there[identity]), "a copy is gone when this runs"
    scaled = {o["spec"]["scaleTargetRef"]["name"] for o in objects if o["kind"] == "HorizontalPodAutoscaler"}
    assert scaled <= {o["metadata"]["name"] for o in objects if o["kind"] == "Deployment"}
    for ingress in (o for o in objects if o["kind"] == "Ingress"):
        for rule in ingress["spec"]["rules"]:
            assert all(("Service", p["backend"]["service"]["name"]) in there for p in rule["http"]["paths"])


@given(values=sources())
def test_any_source_and_hook_gives_objects_that_fit_together(values: dict[str, Any]) -> None:
    objects = render(values)
    check_valid(objects, "r")
    check_references(objects)
    # no secret outside a Secret
    for obj in objects:
        if obj["kind"] == "Secret":
            assert any(SECRET in v for v in secret_data(obj).values())
        else:
            assert SECRET not in str(obj), f"{obj['kind']} holds a secret value"
    # the same environment in the same order, wherever the gateway's program runs
    found = [c for t in templates(objects).values() for c in containers(t) if c["name"] not in ("admin-ui", "reach")]
    assert len({str(c["env"]) for c in found}) == 1
    plain = [str(c.get("envFrom")).replace("-hook-env", "-env") for c in found]
    assert len(set(plain)) == 1
    # nobody waits for a Job that comes before
    waits = any(c["name"] == "wait-for-migrations" for c in found)
    job = [o for o in objects if o["metadata"]["name"].endswith("-migrate")]
    assert waits == bool(job and any(h.startswith("post-") for h in hooks_of(job[0])) and get(values, "gateway.migrationWaiter.enabled") is not False)
