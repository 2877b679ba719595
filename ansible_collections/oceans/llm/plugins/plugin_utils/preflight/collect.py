# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the facts: one render, then everything that can be asked of the API server, several questions at a time.

Nothing is written: objects are sent with dryRun=All, and reviews of access are questions. What the caller may not read
stays unknown, and is not taken for missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

from ..helm import leftovers, lock, releases
from ..kube import paths
from ..kube.client import ApiError, Cluster
from ..secrets.pod_env import secret_names
from . import ask_database, dry_runs
from .dry_runs import Resources
from .facts import Denied, Object, Picture, label, meta, parents_of, pod_templates, program_of, store_of
from .sources import references

THREADS = 8  # the client's pool holds 24 connections
ANY = "*"
GATEWAYS = "gateway.networking.k8s.io/v1"
#: (resource, group, subresource, verbs, what needs it): whatever the chart renders, a run needs these
ALWAYS = (
    (
        "secrets",
        "",
        "",
        ("get", "list", "create", "update", "patch", "delete"),
        "Helm stores its record of the release in Secrets, and the role secrets writes one",
    ),
    ("pods", "", "", ("get", "list", "watch", "create"), "the run watches pods, and preflight sends them as a dry run"),
    ("pods", "", "", ("delete",), "a failed run deletes the pods of its Jobs, so that they do not change the database"),
    ("pods", "", "log", ("get",), "the run follows the logs of the Jobs, and reads the log of a failed container"),
    ("events", "", "", ("list", "watch"), "some causes of a failure are visible only in events"),
    ("deployments", "apps", "", ("get", "list", "watch"), "the run watches Deployments"),
    ("replicasets", "apps", "", ("list", "watch"), "the run watches ReplicaSets"),
    ("jobs", "batch", "", ("get", "list", "watch", "create", "patch", "delete"), "migration, bootstrap and seed run as Jobs, and a failed run stops them"),
    ("persistentvolumeclaims", "", "", ("list", "watch"), "the run watches PersistentVolumeClaims"),
    ("leases", "coordination.k8s.io", "", ("get", "create", "patch"), "a Lease prevents two runs from changing the release at the same time"),
    ("services", "", "proxy", ("get", "create"), "the run requests the gateway's version, and a login, through the proxy of the API server"),
)


def collect(picture: Picture, cluster: Cluster, say: Callable[[str], None] = lambda _line: None) -> Picture:
    """The picture with everything that the cluster can tell. `picture.objects` are rendered already; `say` gets what is waited for."""
    ns = picture.wanted.namespace
    namespace, known = _read(lambda: cluster.find(paths.namespace(ns)))
    picture = replace(picture, namespace=namespace, namespace_known=known, now=cluster.now())
    with ThreadPoolExecutor(THREADS) as pool:
        resources, groups = _discover(cluster, picture, pool)
        lock = pool.submit(_lock, cluster, ns, picture.wanted.release)
        release = pool.submit(_read, lambda: releases.latest(cluster, ns, picture.wanted.release))
        denied = pool.submit(_denied, cluster, picture, resources)
        ingress_classes = pool.submit(_items, cluster, paths.INGRESS_CLASSES)
        nodes = pool.submit(_items, cluster, paths.of("v1", "nodes"))
        storage_classes = pool.submit(_items, cluster, paths.STORAGE_CLASSES)
        policies = pool.submit(_items, cluster, paths.of("networking.k8s.io/v1", "networkpolicies", ns))
        quotas = pool.submit(_items, cluster, paths.collection("resourcequotas", ns))
        secrets = _objects(pool, _secret_names(picture), lambda name: cluster.find(paths.secret(ns, name)))
        configmaps = _objects(pool, _configmap_names(picture), lambda name: cluster.find(paths.configmap(ns, name)))
        stores = _objects(pool, _store_names(picture), lambda name: cluster.find(_store_path(picture, name)))
        gateways = _objects(pool, _gateway_names(picture), lambda name: cluster.find(paths.one_of(GATEWAYS, "gateways", *name.split("/"))))
        classes = {str((g.get("spec") or {}).get("gatewayClassName") or "") for g in gateways.values() if g} - {""}
        gateway_classes = _objects(pool, classes, lambda name: cluster.find(paths.one_of(GATEWAYS, "gatewayclasses", "", name)))
        left = pool.submit(leftovers.find, cluster, ns, picture.wanted.release, picture.objects)
        database = pool.submit(ask_database.look, replace(picture, secrets=secrets, configmaps=configmaps), cluster)
        runs = dry_runs.send(pool, cluster, picture, resources, say)
        return replace(
            picture,
            release=release.result()[0],
            leftovers=tuple(left.result()),
            held=lock.result()[0],
            last_revision=lock.result()[1],
            served={v: None if k is None else frozenset(k) for v, k in resources.items()},
            groups=groups,
            denied=denied.result(),
            dry_runs=runs,
            secrets=secrets,
            configmaps=configmaps,
            stores=stores,
            gateways=gateways,
            gateway_classes=gateway_classes,
            operators=_operators(cluster, picture),  # after the dry runs, which wait for a webhook that is just coming back
            quotas=quotas.result() or (),
            network_policies=policies.result() or (),
            ingress_classes=ingress_classes.result(),
            storage_classes=storage_classes.result(),
            nodes=nodes.result(),
            database=database.result(),
        )


def _lock(cluster: Cluster, namespace: str, release: str) -> tuple[str, str]:
    """(who holds the lock, the revision that the last run was making)."""
    lease, _known = _read(lambda: cluster.find(paths.lease(namespace, lock.lease_name(release))))
    revision = (meta(lease or {}).get("annotations") or {}).get(lock.REVISION, "")
    return lock.holder(cluster, namespace, release), revision


# --- discovery ----------------------------------------------------------------------------------------------------------


def _discover(cluster: Cluster, picture: Picture, pool: ThreadPoolExecutor) -> tuple[Resources, frozenset[str]]:
    versions = sorted({str(o.get("apiVersion")) for o in picture.objects})
    groups = pool.submit(_read, lambda: cluster.get(paths.GROUPS))
    answers = {version: pool.submit(_read, partial(cluster.find, paths.version(version))) for version in versions}
    found: dict[str, Mapping[str, tuple[str, bool]] | None] = {}
    for version, answer in answers.items():
        listed, known = answer.result()
        if known:
            found[version] = {r["kind"]: (r["name"], bool(r["namespaced"])) for r in listed.get("resources") or () if "/" not in r["name"]} if listed else None
    return found, frozenset(g["name"] for g in (groups.result()[0] or {}).get("groups") or ())


# --- access -------------------------------------------------------------------------------------------------------------


def _denied(cluster: Cluster, picture: Picture, resources: Resources) -> tuple[Denied, ...]:
    ns = picture.wanted.namespace
    if cluster.can(ANY, ANY, ANY):
        return ()
    questions = [(verb, resource, group, sub, ns, why) for resource, group, sub, verbs, why in ALWAYS for verb in verbs]
    for obj in picture.objects:
        found = (resources.get(str(obj.get("apiVersion"))) or {}).get(str(obj.get("kind")))
        if found:
            group = str(obj["apiVersion"]).rpartition("/")[0]
            verbs = ("get", "create", "patch", "delete")
            questions += [(verb, found[0], group, "", ns if found[1] else "", f"the chart contains {label(obj)}") for verb in verbs]
    if picture.new_namespace and picture.wanted.create_namespace:
        questions.append(("create", "namespaces", "", "", "", f"namespace {ns} does not exist yet"))
    unique = {q[:5]: q for q in reversed(questions)}
    with ThreadPoolExecutor(THREADS) as pool:
        answers = {key: pool.submit(cluster.can, key[0], key[1], key[2], key[4], "", key[3]) for key in unique}
        return tuple(
            Denied(verb, f"{resource}/{sub}" if sub else resource, unique[key][5])
            for key, answer in answers.items()
            for verb, resource, _group, sub, _ns in [key]
            if not answer.result()
        )


# --- reading ------------------------------------------------------------------------------------------------------------


def _read(ask: Callable[[], Any]) -> tuple[Any, bool]:
    """(answer, known). Forbidden means not known; an unreachable server is an error of the whole."""
    try:
        return ask(), True
    except ApiError as error:
        if error.status in (401, 403):
            return None, False
        raise


def _items(cluster: Cluster, path: str) -> tuple[Object, ...] | None:
    found, known = _read(lambda: cluster.find(path))
    return tuple(found.get("items") or ()) if known and found else None


def _operators(cluster: Cluster, picture: Picture) -> tuple[Object, ...]:
    wanted = sorted({program_of(obj) for obj in picture.objects} - {""})
    if not wanted:
        return ()
    found, _known = _read(lambda: cluster.list(paths.DEPLOYMENTS, labelSelector=f"app.kubernetes.io/name in ({','.join(wanted)})"))
    return tuple((found or {}).get("items") or ())


def _objects(pool: ThreadPoolExecutor, names: Iterable[str], ask: Callable[[str], Any]) -> dict[str, Object | None]:
    answers = {name: pool.submit(_read, partial(ask, name)) for name in names}
    return {name: answer.result()[0] for name, answer in answers.items() if answer.result()[1]}


def _secret_names(picture: Picture) -> set[str]:
    names = {n for _where, template in pod_templates(picture.objects) for n in secret_names(template["spec"])}
    names |= {e.get("name", "") for _where, t in pod_templates(picture.objects) for e in t["spec"].get("imagePullSecrets") or ()}
    names |= {str(t.get("secretName") or "") for o in picture.kind("Ingress") for t in (o.get("spec") or {}).get("tls") or ()}
    return (names | {picture.wanted.secret_name}) - {""}


def _gateway_names(picture: Picture) -> set[str]:
    routes = (o for o in picture.objects if str(o.get("apiVersion")).startswith("gateway.networking.k8s.io/"))
    return {name for route in routes for name in parents_of(route, picture.wanted.namespace)}


def _configmap_names(picture: Picture) -> set[str]:
    return {source.object for _where, _container, source in references(picture) if source.kind == "ConfigMap"} - {""}


def _store_names(picture: Picture) -> set[str]:
    """`Kind/name` of the stores that ExternalSecrets read from."""
    return {store_of(obj) for obj in picture.kind("ExternalSecret")} - {""}


def _store_path(picture: Picture, store: str) -> str:
    kind, _slash, name = store.partition("/")
    version = next(str(o["apiVersion"]) for o in picture.kind("ExternalSecret") if store_of(o) == store)
    namespace = "" if kind == "ClusterSecretStore" else picture.wanted.namespace
    return paths.one_of(version, f"{kind.lower()}s", namespace, name)
