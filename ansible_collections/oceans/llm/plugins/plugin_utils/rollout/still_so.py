# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cause that rests on silence is shown only when the API server was asked and has nothing newer.

A watch that is late tells nothing, and looks like a program or a controller that does nothing. Asked once for each such cause; an API server
that does not answer at once has confirmed nothing, and is asked again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any

from ..kube import paths
from ..kube.client import ApiError
from ..kube.objects import meta
from ..secrets.patterns import HIDDEN
from .look import Look
from .model import Cause, Snapshot

#: causes that say that nothing happened, or that nobody has undone something so far
SILENCE = ("DatabaseSilent", "MigrationWaits", "ControllerSilent", "OldPodStuck", "JobSuspended", "DeploymentMissing")
#: seconds for an answer, and between two questions about one cause
PATIENCE, AGAIN = 2.0, 1.0
PATHS = {"Pod": paths.pod, "Deployment": paths.deployment, "Job": paths.job}


class StillSo(Look):
    """Holds back what may be old."""

    def named(self, snapshot: Snapshot, causes: Iterable[Cause]) -> list[Cause]:
        return [cause for cause in causes if cause.code not in SILENCE or self._sure(snapshot, cause)]

    def _sure(self, snapshot: Snapshot, cause: Cause) -> bool:
        key = (cause.code, cause.object)
        at, sure = self._answers.get(key, (0.0, False))
        if not sure and time.monotonic() - at > AGAIN:
            sure = self._confirmed(snapshot, cause)
            self._answers[key] = (time.monotonic(), sure)
        return sure

    def _confirmed(self, snapshot: Snapshot, cause: Cause) -> bool:
        """True when the object is what it is in the picture, and its log is, too. What may not be asked is believed."""
        kind, _slash, name = cause.object.partition("/")
        known = snapshot.kind(kind).get(name)
        if kind not in PATHS:
            return True
        try:
            status, text = self._ask(PATHS[kind](self._namespace, name))
            if known is None:
                return status in (403, 404)
            if status == 200 and meta(json.loads(text)).get("resourceVersion") != meta(known).get("resourceVersion"):
                return False
            return status == 403 or (status == 200 and (not cause.container or self._same_log(snapshot, name, cause.container)))
        except (ApiError, ValueError):
            return False

    def _ask(self, path: str, **query: Any) -> tuple[int, str]:
        status, _headers, text = self._cluster.raw("GET", path, query=query, timeout=(PATIENCE, PATIENCE))
        return status, text

    def _same_log(self, snapshot: Snapshot, pod: str, container: str) -> bool:
        """The last line of the log is one that is known. One in which a secret was hidden cannot be compared."""
        status, last = self._ask(paths.pod_log(self._namespace, pod), container=container, tailLines=1)
        known = snapshot.logs.get((pod, container), "")
        return status != 200 or last.strip() in known or HIDDEN in known
