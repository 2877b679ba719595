# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that the rules of preflight look at: what was asked for, what was rendered, what is live. Pure data.

A fact that could not be read (the caller may not see it) is None where a missing object would be absent: not knowing is
no finding.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..helm.releases import Release
from ..kube.objects import Object, meta
from ..kube.objects import ref as label
from ..secrets.shapes import Problem

#: annotation that makes an object a Helm hook (Helm documentation, chart hooks)
HOOK = "helm.sh/hook"
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job")


@dataclass(frozen=True)
class Wanted:
    """What the run was asked for."""

    release: str
    namespace: str
    create_namespace: bool = False
    secrets_source: str = "provision"
    secret_name: str = ""
    #: keys that this run writes into `secret_name`; None: a value that it generates
    provision: Mapping[str, bytes | None] = field(default_factory=dict, repr=False)
    #: of these, what is no text or has no proper name, with what is wrong
    unwritable: tuple[tuple[str, Problem], ...] = ()
    bootstrap_admin: bool = False
    config: Mapping[str, Any] = field(default_factory=dict)
    #: of the chart's values
    platform: str = ""
    force_conflicts: bool = False
    recover_after: int = 900
    #: Secret and key with which completions are asked for; empty when none are
    probe_key: tuple[str, str] | tuple[()] = ()


@dataclass(frozen=True)
class Tools:
    """What this machine has. Empty: not there."""

    helm: str = ""
    helm_error: str = ""
    kubernetes_core: str = ""


@dataclass(frozen=True)
class DryRun:
    """One object sent to the API server with dryRun=All. `status` 0: accepted."""

    object: str
    status: int = 0
    reason: str = ""
    message: str = ""
    live: Object | None = None
    #: a Pod made from the template of `object`
    pod: bool = False
    #: what was accepted, as the API server would make it
    made: Object | None = None
    #: seconds that a webhook was given to come back, and did not
    waited: float = 0.0


@dataclass(frozen=True)
class Denied:
    """Something that the run needs and its caller may not do."""

    verb: str
    resource: str
    why: str


@dataclass(frozen=True)
class Database:
    """What the database told of itself. `unknown`: why it told nothing; `sqlstate`: it refused the login."""

    unknown: str = ""
    where: str = ""
    refusal: str = ""
    sqlstate: str = ""
    #: (version, name, checksum) of each migration that was applied, in order
    history: tuple[tuple[int, str, str], ...] = ()
    #: tables of an application, where there is no history
    tables: tuple[str, ...] = ()

    def phrase(self) -> str:
        if self.unknown:
            return f"not asked: {self.unknown}"
        if self.sqlstate:
            return f"refuses the login (SQLSTATE {self.sqlstate})"
        return f"at V{self.history[-1][0]} {self.history[-1][1]}" if self.history else "without a schema"


@dataclass(frozen=True)
class Picture:
    """The whole of it."""

    wanted: Wanted
    tools: Tools = field(default_factory=Tools)
    #: why the cluster could not be asked; empty when it could
    unreachable: str = ""
    server: str = ""
    now: float = 0.0
    #: why Helm refused to render the chart, in its own words; `objects` are then rendered without the chart's validations
    chart_errors: tuple[str, ...] = ()
    chart_unavailable: str = ""
    #: Chart.yaml
    chart: Mapping[str, Any] = field(default_factory=dict)
    #: bytes of Helm's record of the release, estimated; 0: not known
    record_size: int = 0
    #: the chart's own defaults, and what it says of their types and forms; empty unless it refuses the values
    chart_schema: Mapping[str, Any] = field(default_factory=dict)
    chart_values: Mapping[str, Any] = field(default_factory=dict)
    objects: tuple[Object, ...] = ()
    #: as Helm rendered them, for the API server to judge; `objects` are cut down to what the rules understand
    rendered: tuple[Object, ...] = ()
    variables: tuple[str, ...] = ()
    known_variables: tuple[str, ...] = ()
    #: of the variables, those that are not empty
    given: tuple[str, ...] = ()

    namespace: Object | None = None
    namespace_known: bool = True
    release: Release | None = None
    #: `Kind/name` of hook copies that nothing rendered makes (helm/leftovers.py)
    leftovers: tuple[str, ...] = ()
    #: who holds the lock of the release, as a sentence; empty when nobody is
    held: str = ""
    #: the revision that the last run of this collection was making (helm/lock.py)
    last_revision: str = ""
    #: apiVersion -> kinds; None: the server does not serve that version
    served: Mapping[str, frozenset[str] | None] = field(default_factory=dict)
    groups: frozenset[str] = frozenset()
    denied: tuple[Denied, ...] = ()
    dry_runs: tuple[DryRun, ...] = ()
    #: live Secrets and ConfigMaps by name; None: not there. A name that is absent could not be read.
    secrets: Mapping[str, Object | None] = field(default_factory=dict, repr=False)
    configmaps: Mapping[str, Object | None] = field(default_factory=dict, repr=False)
    #: what ExternalSecrets read from, by `Kind/name`; None: not there
    stores: Mapping[str, Object | None] = field(default_factory=dict)
    #: Deployments of the operators that the objects need, of all namespaces; none when the caller may not look
    operators: tuple[Object, ...] = ()
    quotas: tuple[Object, ...] = ()
    #: None: could not be read
    ingress_classes: tuple[Object, ...] | None = None
    nodes: tuple[Object, ...] | None = None
    storage_classes: tuple[Object, ...] | None = None
    #: of the namespace; none when they may not be read
    network_policies: tuple[Object, ...] = ()
    #: Gateways that routes name as their parents, by `namespace/name`; None: not there. What is absent could not be read.
    gateways: Mapping[str, Object | None] = field(default_factory=dict)
    #: of these Gateways, by name
    gateway_classes: Mapping[str, Object | None] = field(default_factory=dict)
    #: None: there is nothing to ask yet
    database: Database | None = None

    def __post_init__(self) -> None:
        """No rule has to know of null, or of a text where a map belongs: the API server takes the one for nothing, and refuses the other."""
        objects = (well_formed(o) for o in self.objects if isinstance(o, Mapping))
        object.__setattr__(self, "objects", tuple(o for o in objects if o.get("kind") and meta(o).get("name")))

    def sent(self) -> Iterator[Object]:
        """What is sent to the API server: all that can be addressed."""
        for obj in self.rendered or self.objects:
            metadata = obj.get("metadata") if isinstance(obj, Mapping) else None
            if isinstance(metadata, Mapping) and metadata.get("name") and isinstance(metadata.get("annotations") or {}, Mapping):
                yield obj

    @functools.cached_property
    def _by_kind(self) -> dict[Any, list[Object]]:
        found: dict[Any, list[Object]] = {}
        for obj in self.objects:
            found.setdefault(obj["kind"], []).append(obj)
        return found

    def kind(self, kind: str) -> Iterator[Object]:
        return iter(self._by_kind.get(kind, ()))

    @property
    def new_namespace(self) -> bool:
        """True when the namespace is known not to be there."""
        return self.namespace_known and self.namespace is None


#: fields that are a map, and fields that are a list of maps, in every object that a rule looks into
MAPS = {
    *("metadata", "spec", "status", "template", "jobTemplate", "labels", "annotations", "selector", "matchLabels", "securityContext", "resources", "requests"),
    *("limits", "secretRef", "configMapRef", "valueFrom", "secretKeyRef", "configMapKeyRef", "secret", "configMap", "projected", "csi", "scaleTargetRef"),
    *("resource", "target", "secretStoreRef", "storage", "walStorage", "stringData"),
}
#: fields whose keys are the user's own
OWN_KEYS = ("labels", "annotations", "matchLabels", "data", "stringData")
LISTS = {
    *("containers", "initContainers", "env", "envFrom", "volumes", "imagePullSecrets", "sources", "tls", "rules", "metrics", "ports", "dataFrom"),
    *("conditions", "parentRefs"),
}
#: fields that name something
TEXTS = {"name", "namespace", "kind", "key", "prefix", "secretName", "secretKey", "storageClass", "storageClassName", "ingressClassName", "serviceAccountName"}
#: what an entry of a list must have to be looked at
NAMED = ("containers", "initContainers", "env", "volumes")


#: dict first: to ask an abstract class about every field takes most of the time
MAP = (dict, Mapping)
NESTED = (dict, list, Mapping)


def _fits(key: Any, value: Any) -> bool:
    """False where a field has another type than Kubernetes gives it."""
    if key in MAPS:
        return isinstance(value, MAP)
    if key in LISTS:
        return isinstance(value, list)
    return key not in TEXTS or not isinstance(value, NESTED)


def well_formed(data: Any, key: str = "") -> Any:
    """The same without null, and without what is of another type than its field, at every level."""
    if isinstance(data, MAP):
        if key in OWN_KEYS:
            return {k: v for k, v in data.items() if v is not None}
        return {k: well_formed(v, str(k)) if isinstance(v, NESTED) else v for k, v in data.items() if v is not None and _fits(k, v)}
    if isinstance(data, list):
        kept = [well_formed(v) for v in data if v is not None and not (key in LISTS and not isinstance(v, MAP))]
        return [v for v in kept if key not in NAMED or v.get("name")]
    return data


#: API group of a custom resource -> label app.kubernetes.io/name of the operator that looks after it
PROGRAMS = {"postgresql.cnpg.io": "cloudnative-pg", "external-secrets.io": "external-secrets"}


def program_of(obj: Object) -> str:
    """The operator that an object needs; empty when it needs none."""
    return PROGRAMS.get(str(obj.get("apiVersion")).partition("/")[0], "")


def store_of(obj: Object) -> str:
    """`Kind/name` of the store that an ExternalSecret reads from; empty when it names none as a whole."""
    found = (obj.get("spec") or {}).get("secretStoreRef") or {}
    return f"{found.get('kind') or 'SecretStore'}/{found['name']}" if found.get("name") else ""


def parents_of(route: Object, namespace: str) -> Iterator[str]:
    """`namespace/name` of every Gateway that a route of the Gateway API names as its parent."""
    for parent in (route.get("spec") or {}).get("parentRefs") or ():
        if parent.get("name") and parent.get("kind", "Gateway") == "Gateway":
            yield f"{parent.get('namespace') or namespace}/{parent['name']}"


def is_hook(obj: Object) -> bool:
    return HOOK in (meta(obj).get("annotations") or {})


def is_test(obj: Object) -> bool:
    return "test" in str((meta(obj).get("annotations") or {}).get(HOOK, ""))


def pod_templates(objects: tuple[Object, ...]) -> Iterator[tuple[str, Object]]:
    """(`Kind/name`, pod template) of everything that makes pods."""
    for obj in objects:
        spec = obj.get("spec") or {}
        if obj.get("kind") == "CronJob":
            spec = (spec.get("jobTemplate") or {}).get("spec") or {}
        elif obj.get("kind") not in WORKLOADS or is_test(obj):
            continue
        if (spec.get("template") or {}).get("spec"):
            yield label(obj), spec["template"]


def gateway_container(objects: tuple[Object, ...]) -> tuple[str, Object, Object] | None:
    """(`Deployment/name`, container, pod spec) of the gateway; None when nothing was rendered."""
    for where, template in pod_templates(tuple(o for o in objects if o.get("kind") == "Deployment")):
        for container in template["spec"].get("containers") or ():
            if container["name"] == "gateway":
                return where, container, template["spec"]
    return None
