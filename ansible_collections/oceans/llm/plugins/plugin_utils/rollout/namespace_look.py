# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is the namespace being deleted while a release in it is watched? Its pods and Deployments go one by one, and nothing in them says why."""

from __future__ import annotations

import time

from ..kube import paths
from ..kube.client import ApiError, Cluster
from ..kube.objects import meta

AGAIN = 5.0  # seconds between two questions


class NamespaceLook:
    """What Follower calls `lost`: a sentence, empty while nothing is wrong or nobody may know."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster, self._namespace = cluster, namespace
        self._at, self._said = 0.0, ""

    def __call__(self) -> str:
        if time.monotonic() - self._at > AGAIN:
            self._at, self._said = time.monotonic(), self._read()
        return self._said

    def _read(self) -> str:
        try:
            found = self._cluster.find(paths.namespace(self._namespace)) or {}
        except ApiError:
            return self._said
        since, state = meta(found).get("deletionTimestamp"), (found.get("status") or {}).get("conditions") or ()
        held = "; ".join(str(c.get("message")) for c in state if c.get("status") == "True" and "Remaining" in str(c.get("type")))
        return f"namespace {self._namespace} has been terminating since {since}{f': {held}' if held else ''}" if since else ""
