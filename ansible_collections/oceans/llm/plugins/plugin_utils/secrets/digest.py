# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A keyed digest of the Secrets that pods use: a chart value that becomes an annotation of the pods. A rotation restarts them, and says what changed.

Environment variables from a Secret are read once, at a container's start; Helm does not see a Secret that it does not
render. So the live data are digested, one short HMAC-SHA-256 a Secret. The key is random and lives in a Secret of its own
beside the release (`<release>-digest-key`): whoever may read Deployments but not Secrets can guess no password from the
digests, and a digest of one Secret does not depend on another. Values and key are used in memory only.

Not digested: Secrets that the chart itself renders (its own checksum annotation covers them). A Secret that an operator
makes during the first install is not there when its pods are planned: its entry is `pending`, and stays so as long as the
Secret has not been written since the running pods were started. Otherwise the second run would restart everything.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..helm.promises import promised
from ..helm.releases import Release
from ..kube import paths
from ..kube.client import ApiError, Cluster
from ..kube.objects import component, epoch, own_labels, selector_of
from . import identity
from .identity import key_name
from .pod_env import from_store, secret_names

ANNOTATION = "oceans.llm/secrets-digest"
VALUE = "secretsDigest"  # of the chart, below each of OWNERS
#: component of a Deployment -> its part of the chart's values
OWNERS = {"gateway": "gateway", "admin-ui": "adminUi"}
ABSENT, PENDING = "absent", "pending"
LENGTH = 16  # hex digits, 64 bits


@dataclass(frozen=True)
class Written:
    """What the task oceans.llm.secrets wrote in this run (its result `written`); in check mode what it would write.

    `digest` is of the data that the Secret would then have: only in check mode, and only where the release has a key already.
    """

    name: str = ""
    keys: tuple[str, ...] = ()
    digest: str = ""

    @classmethod
    def of(cls, result: Mapping[str, Any], namespace: str) -> Written:
        """Of a task's result; nothing when that was about another namespace, or when there was none."""
        if result.get("namespace") != namespace:
            return cls()
        return cls(str(result.get("name") or ""), tuple(map(str, result.get("changed_keys") or ())), str(result.get("digest") or ""))


@dataclass(frozen=True)
class Digest:
    """`text`: what the annotation of each Deployment says. `changed`: Secrets with other data than the running pods were started with."""

    text: Mapping[str, str] = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    data: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    #: changed Secret -> the Deployments whose pods are started again for it
    restarts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def reasons(self, written: Written) -> list[str]:
        """A sentence for each changed Secret: by which keys, where this run knows them, and which pods are started again for it."""
        found = []
        for name in self.changed:
            ours = name == written.name
            keys = f" ({', '.join(written.keys)})" if ours and written.keys else ""
            pods = ", ".join(f"Deployment/{d}" for d in self.restarts.get(name, ()))
            found.append(f"Secret {name} {'would be' if ours and written.digest else 'was'} rotated{keys}, which restarts {pods}")
        return found

    def keys(self) -> dict[str, dict[str, list[str]]]:
        """Secret -> its key names, for the rules that say which keys there are."""
        return {name: {"keys": sorted(secret.get("data") or {})} for name, secret in self.data.items()}


def places(defaults: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Component -> path of the chart value with the digest of its pods. `defaults`: the chart's own values.

    A chart without the value `secretsDigest` gets the annotation among the annotations of its pods, and a chart without these gets nothing.
    """
    found: dict[str, tuple[str, ...]] = {}
    for name, owner in OWNERS.items():
        known = defaults.get(owner)
        if isinstance(known, Mapping) and VALUE in known:
            found[name] = (owner, VALUE)
        elif isinstance(known, Mapping) and isinstance(known.get("podAnnotations"), Mapping):
            found[name] = (owner, "podAnnotations", ANNOTATION)
    return found


def with_digests(values: Mapping[str, Any], where: Mapping[str, tuple[str, ...]], release: Release | None, texts: Mapping[str, str]) -> dict[str, Any]:
    """A copy of the values with the text of each Deployment at the place of its component. A value of the user's stays as it is."""
    result: dict[str, Any] = json.loads(json.dumps(values))
    for name, deployment in _deployments(release):
        *path, last = where.get(component(deployment), ("",))
        if not path or not texts.get(name):
            continue
        at = result
        for part in path:
            if not isinstance(at.get(part), dict):
                at[part] = {}
            at = at[part]
        at[last] = at.get(last) or texts[name]
    return result


def as_live(values: Mapping[str, Any], where: Mapping[str, tuple[str, ...]], live: Release | None) -> dict[str, Any]:
    """A copy of the values with the digests of the live revision."""
    return with_digests(values, where, live, {name: _annotation(deployment) for name, deployment in _deployments(live)})


def without_digests(values: Mapping[str, Any], where: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """A copy of the values of an earlier revision, without the digests of its time."""
    result: dict[str, Any] = json.loads(json.dumps(values))
    for *path, last in where.values():
        at: Any = result
        for part in path:
            at = at.get(part) if isinstance(at, dict) else None
        if isinstance(at, dict):
            at.pop(last, None)
    return result


def work_out(
    cluster: Cluster,
    namespace: str,
    planned: Release,
    live: Release | None,
    key: bytes | None,
    foreseen: Written | None = None,
    components: Collection[str] = (),
) -> Digest:
    """Read what the annotated Deployments use, and those of `components`, and digest it. `key` None (check mode before the first run):
    everything is new.

    `foreseen`: a Secret that check mode did not write; its digest is taken from there.
    """
    rendered = {o["metadata"]["name"] for o in planned.manifest if o.get("kind") == "Secret"}
    promises = promised(planned.objects)
    before = {name: parse(_annotation(o)) for name, o in _deployments(live)}
    data: dict[str, Mapping[str, Any]] = {}
    texts: dict[str, str] = {}
    restarts: dict[str, tuple[str, ...]] = {}
    for name, deployment in _deployments(planned):
        if not _annotation(deployment) and component(deployment) not in components:
            continue
        entries = {}
        for secret in sorted(secret_names(pod_spec(deployment)) - rendered):
            found = cluster.find(paths.secret(namespace, secret))
            if found is not None:
                data[secret] = found
            if foreseen and foreseen.digest and foreseen.name == secret:
                entries[secret] = foreseen.digest
            else:
                is_promised = secret in promises or from_store(pod_spec(deployment))
                entries[secret] = _entry(cluster, namespace, name, secret, found, key, before.get(name, {}), is_promised)
            if before.get(name) and before[name].get(secret, entries[secret]) != entries[secret]:
                restarts[secret] = (*restarts.get(secret, ()), name)
        texts[name] = ",".join(f"{s}={d}" for s, d in entries.items())
    return Digest(texts, tuple(sorted(restarts)), data, restarts)


def outdated(cluster: Cluster, deployment: Mapping[str, Any], key: bytes | None) -> frozenset[str]:
    """Secrets that were changed since the running pods of a live Deployment were started; none where that is not known."""
    found, before = set(), parse(_annotation(deployment))
    namespace, name = deployment["metadata"]["namespace"], deployment["metadata"]["name"]
    for secret, known in before.items():
        data = cluster.find(paths.secret(namespace, secret)) if key and known != ABSENT else None
        if data is not None and _entry(cluster, namespace, name, secret, data, key, before, is_promised=known == PENDING) != known:
            found.add(secret)
    return frozenset(found)


def _entry(
    cluster: Cluster,
    namespace: str,
    deployment: str,
    name: str,
    found: Mapping[str, Any] | None,
    key: bytes | None,
    before: Mapping[str, str],
    is_promised: bool,
) -> str:
    if found is None:
        return PENDING if is_promised else ABSENT
    if before.get(name) == PENDING and is_promised and not _written_since(cluster, namespace, deployment, found):
        return PENDING
    return digest(found.get("data") or {}, key) if key else PENDING


def digest(data: Mapping[str, str], key: bytes) -> str:
    """HMAC-SHA-256 over the sorted keys and values, unambiguous by their JSON form."""
    return hmac.new(key, json.dumps(sorted(data.items())).encode(), hashlib.sha256).hexdigest()[:LENGTH]


def parse(text: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in text.split(",") if "=" in part)


def _written_since(cluster: Cluster, namespace: str, deployment: str, secret: Mapping[str, Any]) -> bool:
    """True when the Secret was written after the oldest running pod of the Deployment had started."""
    found = cluster.find(paths.deployment(namespace, deployment))
    if found is None:
        return False
    pods = cluster.list(paths.pods(namespace), labelSelector=selector_of(found))["items"]
    started = [epoch((p.get("status") or {}).get("startTime")) for p in pods if not p["metadata"].get("deletionTimestamp")]
    stamps = [epoch(m.get("time")) for m in secret["metadata"].get("managedFields") or () if "f:data" in (m.get("fieldsV1") or {})]
    written = max(stamps, default=epoch(secret["metadata"].get("creationTimestamp")))
    # the pods waited for the Secret: it is older than their containers, younger than the pods themselves
    states = (s.get("state") or {} for p in pods for s in (p.get("status") or {}).get("containerStatuses") or ())
    containers = [epoch((state.get("running") or {}).get("startedAt")) for state in states]
    return bool(started) and written > max([*started, *containers])


def key_of(cluster: Cluster, namespace: str, release: str, make: bool) -> bytes | None:
    """The key of this release, made once. None when there is none yet and none is to be made, or none may be."""
    path = paths.secret(namespace, key_name(release))
    found = cluster.find(path)
    if found is not None and make:
        _bring_up_to_date(cluster, path, found)
    if found is None and make:
        labels = {**own_labels(release), **identity.label(cluster)}
        data = {"key": base64.b64encode(secrets.token_bytes(32)).decode()}
        body = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": {"name": key_name(release), "labels": labels}, "data": data}
        try:
            found = cluster.create(paths.secrets(namespace), body)
        except ApiError as error:
            if error.status != 409:
                raise
            found = cluster.get(path)
    return base64.b64decode(found["data"]["key"]) if found else None


def _bring_up_to_date(cluster: Cluster, path: str, found: Mapping[str, Any]) -> None:
    """Labels and annotations of a key that is older than the memory of clusters, or than the common ones of today, or that was moved on purpose."""
    remembers = {} if not cluster.uid or identity.remembered(found) else {"labels": identity.label(cluster)}
    missing = cluster.common.missing(found, {"metadata": remembers})
    if missing:
        cluster.patch(path, {"metadata": missing})


def _deployments(release: Release | None) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for obj in release.manifest if release else ():
        if obj.get("kind") == "Deployment":
            yield obj["metadata"]["name"], obj


def _annotation(deployment: Mapping[str, Any]) -> str:
    meta = ((deployment.get("spec") or {}).get("template") or {}).get("metadata") or {}
    return str((meta.get("annotations") or {}).get(ANNOTATION) or "")


def pod_spec(workload: Mapping[str, Any]) -> Mapping[str, Any]:
    return dict(((workload.get("spec") or {}).get("template") or {}).get("spec") or {})
