# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is this the cluster that the release belongs to? Asked before the first write of every task.

A cluster is known by the uid of its namespace kube-system, which nobody can choose. It is remembered beside the release, as a label of the
Secret that holds the digest key, and may be pinned in the inventory. The mistake that this is for: a kubeconfig whose current context is
another one today, and two hosts of the inventory that lead to the same place.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Collection, Mapping
from typing import Any

from ..kube import paths
from ..kube.client import ApiError, Cluster
from ..kube.refused import Refused

LABEL = "oceans.llm/cluster-uid"


class WrongCluster(Refused):
    """Not the cluster that was meant; the text is a sentence. Nothing was written."""


def check(cluster: Cluster, namespace: str, release: str, pinned: str, host: str, others: Collection[str], folder: str) -> None:
    """`others`: the other hosts of the play; `folder`: one that all tasks of this run share.

    :raises WrongCluster: when the cluster is not the pinned or the remembered one, or when another host of the play has the same release.
    """
    uid = cluster.uid = uid_of(cluster)
    if pinned and not uid:
        raise WrongCluster(
            f"oceans_llm_cluster_uid is set, but the caller lacks the permission to read the uid of {cluster.server}; nothing was changed — "
            "grant get on the namespace kube-system, or remove oceans_llm_cluster_uid"
        )
    if pinned and pinned != uid:
        raise WrongCluster(
            f"{cluster.server} is not the cluster that the inventory names: its uid is {uid}, but oceans_llm_cluster_uid is {pinned}; nothing was changed — "
            "correct oceans_llm_kubeconfig and oceans_llm_context"
        )
    known = remembered(_readable(cluster, paths.secret(namespace, key_name(release))))
    if uid and known and known != uid:
        raise WrongCluster(
            f"{namespace}/{release} belongs to another cluster: the release was deployed to the cluster with uid {known}, but {cluster.server} has uid {uid}; "
            f"nothing was changed — correct oceans_llm_context; if the release was moved on purpose: "
            f"kubectl -n {namespace} label secret {key_name(release)} {LABEL}-"
        )
    other = _claimed(f"{uid or cluster.server} {namespace} {release}", host, folder) if others else host
    if other != host and other in others:
        raise WrongCluster(
            f"hosts {other} and {host} of this play name the same release {namespace}/{release} on the same cluster ({cluster.server}); nothing was changed "
            f"for {host} — correct one of these hosts in the inventory, or run with --limit {other}"
        )


def uid_of(cluster: Cluster) -> str:
    """Empty when it may not be read."""
    return str(((_readable(cluster, paths.namespace(paths.SYSTEM)) or {}).get("metadata") or {}).get("uid") or "")


def key_name(release: str) -> str:
    """The Secret that holds the key of the release's digests."""
    return f"{release}-digest-key"


def remembered(secret: Mapping[str, Any] | None) -> str:
    return str((((secret or {}).get("metadata") or {}).get("labels") or {}).get(LABEL) or "")


def label(cluster: Cluster) -> dict[str, str]:
    """For what remembers the cluster; empty when its uid is not known."""
    return {LABEL: cluster.uid} if cluster.uid else {}


def _readable(cluster: Cluster, path: str) -> dict[str, Any] | None:
    try:
        return cluster.find(path)
    except ApiError as error:
        if error.unreachable or error.status == 401:
            raise
        return None


def _claimed(what: str, host: str, folder: str) -> str:
    """The host that came first to this release in this run of Ansible; the own one when nothing can be written."""
    path = os.path.join(folder, f"oceans-llm-{hashlib.sha256(what.encode()).hexdigest()[:24]}")
    try:
        with tempfile.NamedTemporaryFile("w", dir=folder, encoding="utf-8") as own:
            own.write(host)
            own.flush()
            with contextlib.suppress(FileExistsError):
                os.link(own.name, path)  # whole at once: the other host reads it at the same moment
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return host
