# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A database Cluster that does not come up: what its operator says of it in its own log.

CloudNativePG tells some refusals nowhere else: a Job or pod that the API server does not accept is an error of its log, while the Cluster's
phase stays as it was and no event is written. Read only while such a cause is there, and where the caller may.
"""

from __future__ import annotations

import time
from dataclasses import replace

from ..gateway import log_words
from ..kube.client import ApiError
from ..kube.objects import meta, name_of
from .look import Look, completed
from .model import Cause, Snapshot

OPERATOR, PODS = "app.kubernetes.io/name=cloudnative-pg", "/api/v1/pods"
#: seconds that a Cluster is given before its operator is asked, and between two questions
PATIENCE, AGAIN = 8.0, 10.0
LINES = 400


class OperatorLook(Look):
    """Asks again: a log goes on."""

    CODES = ("PostgresClusterWaits",)
    _asked, _may = 0.0, True

    def _named(self, snapshot: Snapshot, cause: Cause) -> Cause:
        name = cause.object.partition("/")[2]
        if self._may and snapshot.now - cause.since > PATIENCE and time.monotonic() - self._asked > AGAIN:
            self._asked = time.monotonic()
            self._answers[(name,)] = self._read(name)
        said = self._answers.get((name,))
        return replace(completed(cause, f"; last error of the operator: {said}"), evidence=said) if said else cause

    def _read(self, name: str) -> str:
        """The operator's last error about a Cluster, when it is the last thing that it says of it."""
        try:
            for pod in self._cluster.list(PODS, labelSelector=OPERATOR)["items"]:
                container = str(pod["spec"]["containers"][0]["name"])
                text = self._cluster.logs(str(meta(pod)["namespace"]), name_of(pod), container, tail=LINES)
                if error := last_error(text, self._namespace, name):
                    return error
        except ApiError as error:
            self._may = error.status != 403
        return ""


def last_error(text: str, namespace: str, name: str) -> str:
    """Of a controller's JSON log (controller-runtime): the error of the last line about one object that is an error."""
    for told in log_words.json_lines(text):
        if told.get("level") == "error" and (told.get("namespace"), told.get("name")) == (namespace, name) and told.get("error"):
            return " ".join(str(told["error"]).split())[:300]
    return ""
