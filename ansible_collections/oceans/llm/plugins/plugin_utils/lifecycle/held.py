# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets of this collection's own beside a release: they belong to the gateway's Deployment, so that none of them outlives it.

The Secret of a rotation holds the values that it replaces until every class is proven: a rotation that broke off is run again, and can then still
prove that the gateway refuses them.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Mapping

from ..kube import paths
from ..kube.client import ApiError, Cluster
from ..kube.objects import Object, meta, own_labels, owned_by
from ..secrets.plan import values_of

MANAGER = "oceans-llm-rotation"  # field manager of a rotation
SESSION = "session"  # key of a session of before; the others are SECRET.KEY


def rotation(release: str) -> str:
    """Name of the Secret of a rotation."""
    return f"{release}-rotation"


def put(cluster: Cluster, deployment: Object, name: str, values: Mapping[str, str], manager: str) -> None:
    about = {"name": name, "labels": own_labels(), "ownerReferences": owned_by(deployment)}
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    body = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": about, "data": data}
    cluster.apply(paths.secret(meta(deployment)["namespace"], name), body, manager=manager, force=True)


def read(cluster: Cluster, namespace: str, name: str) -> dict[str, str]:
    """Its values; none when it does not exist."""
    return {key: value.decode("utf-8", "replace") for key, value in values_of(cluster.find(paths.secret(namespace, name))).items()}


def remove(cluster: Cluster, namespace: str, name: str) -> None:
    with contextlib.suppress(ApiError):
        cluster.delete(paths.secret(namespace, name))
