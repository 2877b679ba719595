# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting by a watch: until objects are deleted or otherwise no longer count, or until the status of one says what is waited for."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from typing import Any

from .client import ApiError, Cluster
from .objects import Object, name_of


def left(cluster: Cluster, path: str, seconds: float, counts: Callable[[Object], bool], **query: Any) -> list[str]:
    """Names of the objects that still count, when there are none or when the time is over."""
    end = time.monotonic() + seconds
    while True:
        listed = cluster.list(path, **query)
        names = {name_of(obj) for obj in listed["items"] if counts(obj)}
        seconds = end - time.monotonic()
        if not names or seconds < 1:
            return sorted(names)
        try:
            for event in cluster.watch(path, listed["metadata"]["resourceVersion"], timeout=seconds, **query):
                if event["type"] == "DELETED" or (event["type"] != "BOOKMARK" and not counts(event["object"])):
                    names.discard(name_of(event["object"]))
                if not names:
                    break  # and look once more: another one may have been made meanwhile
        except ApiError as error:
            if error.status not in (0, 410):
                raise


def until(cluster: Cluster, path: str, name: str, timeout: float, over: Callable[[Mapping[str, Any]], bool]) -> dict[str, Any]:
    """The status of an object when it is over, or when the time is."""
    end = time.monotonic() + timeout
    only, status = f"metadata.name={name}", {}
    while time.monotonic() < end:
        listed = cluster.list(path, fieldSelector=only)
        changes = cluster.watch(path, listed["metadata"]["resourceVersion"], timeout=max(1.0, end - time.monotonic()), fieldSelector=only)
        for found in itertools.chain(listed["items"], (event["object"] for event in changes if event["type"] != "BOOKMARK")):
            status = dict(found.get("status") or {})
            if over(status):
                return status
    return status
