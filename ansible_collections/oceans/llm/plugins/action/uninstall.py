# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of oceans.llm.uninstall: take a release away, under the lock that every run of the collection takes; data and keys stay."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.oceans.llm.plugins.plugin_utils import playbooks
from ansible_collections.oceans.llm.plugins.plugin_utils.action_base import ClusterAction, Refused, documented
from ansible_collections.oceans.llm.plugins.plugin_utils.helm import keep, leftovers, lock, releases
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.cli import Helm, HelmError, for_helm
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.keep import Data
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.lock import Lock
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.promises import promised
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.releases import Release
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths, waiting
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import ApiError, Cluster, unless_forbidden
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.objects import INSTANCE, name_of
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import unrecorded
from ansible_collections.oceans.llm.plugins.plugin_utils.secrets import digest, pod_env


def database(namespace: str, name: str) -> str:
    """Path of a CloudNativePG Cluster."""
    return paths.one_of("postgresql.cnpg.io/v1", "clusters", namespace, name)


@dataclass(frozen=True)
class Found:
    """What is there to be removed: the release, and `Kind/name` -> path of each object that Helm does not remove with it."""

    release: Release | None
    jobs: dict[str, str]
    others: dict[str, str]
    lease: bool

    def names(self) -> list[str]:
        release = [f"release {self.release.name} (revision {self.release.revision}, {self.release.status})"] if self.release else []
        return [*release, *self.jobs, *self.others]

    def __bool__(self) -> bool:
        return bool(self.names() or self.lease)


class ActionModule(ClusterAction):
    """Look, take the lock, remove, and take the lock's Lease away last of all."""

    ARGUMENTS = documented("uninstall")
    TELLS = True

    def act(self, args: dict[str, Any], cluster: Cluster) -> dict[str, Any]:
        with tempfile.TemporaryDirectory(prefix="oceans-llm-", ignore_cleanup_errors=True) as scratch:
            return self._uninstall(args, cluster, scratch)

    def _uninstall(self, args: dict[str, Any], cluster: Cluster, scratch: str) -> dict[str, Any]:
        lock = Lock(cluster, args["namespace"], args["name"], self.say)
        lock.look()
        found = self._look(args, cluster)
        if found.release is None and (live := unrecorded.find(cluster, args["namespace"], args["name"])):
            raise Refused(
                f"nothing was removed: Helm has no record of release {live.name}, because another tool (such as Argo CD, Flux or kubectl) applied its objects; "
                f"remove the release with that tool — list its objects: kubectl -n {live.namespace} get all -l {unrecorded.INSTANCE}={live.name}"
            )
        self._named(args, cluster, found)
        result: dict[str, Any] = {"changed": bool(found), "removed": found.names(), "kept": kept(found.release, args["delete_database"])}
        if not found:
            return result | {"msg": f"nothing to remove: {args['namespace']}/{args['name']} does not exist"}
        if self._task.check_mode:
            return self._told(result, "would remove")
        try:
            helm = Helm(args["helm_binary"], for_helm(self.auth(args), scratch))
        except HelmError as error:
            raise Refused(f"nothing was removed: {error}") from error
        with lock.of(found.release.revision if found.release else 0, remove=True):
            found = self._look(args, cluster)  # a run that ended between the look and the lock may have changed it
            if found.release:
                self._remove_release(args, cluster, helm, found.release)
            for path in found.jobs.values():
                cluster.delete(path, "Foreground")  # their pods go first, and are not left behind
            self._gone(args, cluster, found.jobs)
            for path in found.others.values():
                cluster.delete(path)
        return self._told(result | {"removed": found.names()}, "removed")

    def _look(self, args: dict[str, Any], cluster: Cluster) -> Found:
        ns, name = args["namespace"], args["name"]
        listed = cluster.list(paths.jobs(ns), labelSelector=f"{INSTANCE}={name}")["items"]
        jobs = {f"Job/{name_of(job)}": paths.job(ns, name_of(job)) for job in listed if not job["metadata"].get("deletionTimestamp")}
        others = {
            f"Secret/{digest.key_name(name)}": paths.secret(ns, digest.key_name(name)),
            f"ConfigMap/{name}-bootstrap": paths.configmap(ns, f"{name}-bootstrap"),
        }
        if args["delete_database"]:
            others[f"Cluster/{args['delete_database']}"] = database(ns, args["delete_database"])
        there = {what: path for what, path in others.items() if cluster.find(path) is not None}
        release = releases.latest(cluster, ns, name)
        # the hooks of this release are left-overs, too, once it is gone
        there |= leftovers.find(cluster, ns, name, release.manifest if release else ())
        lease = unless_forbidden(lambda: cluster.find(paths.lease(ns, lock.lease_name(name))), None)
        return Found(release, jobs, there, lease is not None)

    @staticmethod
    def _named(args: dict[str, Any], cluster: Cluster, found: Found) -> None:
        """:raises Refused: when the database that is to be deleted is another release's, or a wrong name."""
        named, own = args["delete_database"], data_of(found.release)
        if not named:
            return
        live = cluster.find(database(args["namespace"], named))
        owner = keep.release_of(live) if live else ""
        if owner not in ("", args["name"]):
            raise Refused(f"nothing was removed: Cluster/{named} belongs to release {owner}, not to {args['name']}; correct oceans_llm_delete_database")
        clusters = [d.name for d in own if d.name.startswith("Cluster/")]
        if live is None and clusters and f"Cluster/{named}" not in clusters:
            raise Refused(
                f"nothing was removed: Cluster/{named} does not exist; the database of the release is {', '.join(clusters)} — "
                "correct oceans_llm_delete_database, or remove it"
            )

    def _remove_release(self, args: dict[str, Any], cluster: Cluster, helm: Helm, release: Release) -> None:
        """Helm deletes every object of the record but those that the record itself wants kept: first make it want all data kept."""
        data = [d for d in data_of(release) if d.name != f"Cluster/{args['delete_database']}"]
        loose = [d for d in data if not d.kept]
        if loose:
            keep.keep_in_record(cluster, release, loose)
            self.say(f"kept {_names(loose)}: helm uninstall would delete the data, so Helm's record now has the annotation {keep.POLICY}: keep")
        there = [d for d in data if _exists(cluster, d)]
        try:
            helm.uninstall(args["name"], args["namespace"], args["timeout"])
        except HelmError as error:
            raise Refused(
                f"Helm could not remove the release {args['namespace']}/{args['name']}: {error}; the remaining objects still exist — "
                f"fix the cause, then run the playbook again: {playbooks.command('uninstall')}"
            ) from error
        lost = [d for d in there if not _exists(cluster, d)]
        if lost:
            raise Refused(
                f"{_names(lost)} was deleted, or is being deleted, despite the annotation helm.sh/resource-policy: keep; restore the data from a backup"
            )

    @staticmethod
    def _gone(args: dict[str, Any], cluster: Cluster, jobs: Collection[str]) -> None:
        """Wait until none of the Jobs is there any more. :raises Refused: when the time is over."""
        if not jobs:
            return
        where, of_release = paths.jobs(args["namespace"]), f"{INSTANCE}={args['name']}"
        try:
            left = waiting.left(cluster, where, args["timeout"], lambda job: f"Job/{name_of(job)}" in jobs, labelSelector=of_release)
        except ApiError as error:
            if error.status == 403:
                raise Refused(f"the Jobs of the release cannot be watched: {error}; their deletion was requested") from error
            raise
        if left:
            raise Refused(
                f"{', '.join(f'Job/{name}' for name in left)}: deletion was requested, but the Job still exists after "
                f"{args['timeout']} s — find the pod that blocks it: kubectl -n {args['namespace']} get pods"
            )

    def _told(self, result: dict[str, Any], verb: str) -> dict[str, Any]:
        stays = f"; kept: {', '.join(result['kept'])}" if result["kept"] else ""
        text = f"{verb}: {', '.join(result['removed']) or 'the Lease of an earlier run'}{stays}"
        self.say(text)
        return result | {"msg": text}


def data_of(release: Release | None) -> list[Data]:
    """The objects of a release that hold data."""
    return keep.data_of(release.manifest, release.namespace) if release else []


def kept(release: Release | None, delete_database: str) -> list[str]:
    """What stays: all that holds data, what the chart wants kept, and Secrets that the pods read and nothing that is removed made."""
    if release is None:
        return []
    objects = [f"{o['kind']}/{o['metadata']['name']}" for o in release.manifest if keep.has_policy(o)]
    stays = {*objects, *(d.name for d in data_of(release))} - {f"Cluster/{delete_database}"}
    deleted = {secret for secret, maker in promised(release.manifest).items() if maker not in stays and maker not in _orphaning(release)}
    own = set(releases.names(release.manifest, "Secret"))
    used = {n for o in release.manifest if o.get("kind") == "Deployment" for n in pod_env.secret_names(digest.pod_spec(o))}
    return [f"Secret/{n}" for n in sorted(used - own - deleted)] + sorted(stays)


def _orphaning(release: Release) -> set[str]:
    """ExternalSecrets whose Secret outlives them (External Secrets, spec.target.creationPolicy: all but Owner)."""
    made = (o for o in release.manifest if o.get("kind") == "ExternalSecret")
    return {f"ExternalSecret/{o['metadata']['name']}" for o in made if ((o.get("spec") or {}).get("target") or {}).get("creationPolicy", "Owner") != "Owner"}


def _exists(cluster: Cluster, data: Data) -> bool:
    """True, too, where this user may not see it: nothing is claimed then."""
    live: Mapping[str, Any] | None = unless_forbidden(lambda: cluster.find(data.path), {"metadata": {}})
    return live is not None and not live["metadata"].get("deletionTimestamp")


def _names(data: Iterable[Data]) -> str:
    return ", ".join(d.name for d in data)
