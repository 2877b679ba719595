# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The namespace of a release: there, or made when that was asked for."""

from __future__ import annotations

from . import paths
from .client import ApiError, Cluster, ClusterError, unless_forbidden

EXISTS, CREATED, PLANNED = "exists", "created", "planned"


def ensure(cluster: Cluster, name: str, create: bool, dry_run: bool) -> str:
    """`exists`, `created`, or `planned` (with `dry_run`).

    :raises ClusterError: when the namespace is being deleted, or does not exist and must not be created.
    """
    # a caller with rights in one namespace only may not look at it: what is done in it will show
    found = unless_forbidden(lambda: cluster.find(paths.namespace(name)), {})
    if found is not None:
        begun = (found.get("metadata") or {}).get("deletionTimestamp")
        if begun:
            raise ClusterError(
                f"namespace {name} has been terminating since {begun}; wait until the namespace is deleted, or set oceans_llm_namespace to another namespace"
            )
        return EXISTS
    if not create:
        raise ClusterError(
            f"namespace {name} does not exist on {cluster.server}; set oceans_llm_create_namespace: true, or run: kubectl create namespace {name}"
        )
    if dry_run:
        return PLANNED
    try:
        cluster.create(paths.NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    except ApiError as error:
        if error.status == 403:
            raise ClusterError(
                f"namespace {name} does not exist, and this user cannot create it: {error}; have an administrator create the namespace: "
                f"kubectl create namespace {name}, or on OpenShift: oc new-project {name}"
            ) from error
        if error.status != 409:
            raise
        return ensure(cluster, name, create, dry_run)  # another host's task, or a GitOps tool, was quicker: it may also be on its way out
    return CREATED
