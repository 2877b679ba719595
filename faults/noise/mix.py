# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Healthy recorded streams made worse: reordered, delayed, duplicated, cut, with a neighbour's failures mixed in. Nothing that the release itself told is lost,
but for events, which the API server may drop."""

from __future__ import annotations

import datetime
import json
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

#: (server's time, kind, type, object), as a tape has them
Changes = list[tuple[float, str, str, Any]]
WATCHED = ("Deployment", "ReplicaSet", "Pod", "Job", "Event", "EndpointSlice", "PersistentVolumeClaim")
STAMP = re.compile(r'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z"')
#: kinds of a failing tape that a neighbour's objects are made of
NEIGHBOURLY = ("ReplicaSet", "Pod", "Job", "Event")
PREFIX = "next-door-"
#: marks the time in which the API server holds everything back, answers to questions as well
STALL = "Stall"


def reordered(changes: Sequence[Any], rng: random.Random) -> Changes:
    """Each kind has a watch of its own, with a delay of its own; one watch keeps its order."""
    delays = {kind: rng.choice([0.0, 0.2, 0.5, 1.0, 2.0]) for kind in WATCHED}
    return in_order((at + delays.get(kind, 0.0), kind, type_, obj) for at, kind, type_, obj in changes)


def delayed(changes: Sequence[Any], rng: random.Random) -> Changes:
    """The API server holds everything back now and then, by up to six seconds."""
    first, last = changes[0][0], changes[-1][0]
    stalls = sorted((rng.uniform(first, last), rng.uniform(1, 6)) for _ in range(3))
    held = ((max([at, *(since + wait for since, wait in stalls if since <= at < since + wait)]), kind, type_, obj) for at, kind, type_, obj in changes)
    return in_order([*held, *((since, STALL, "AWAY", since + wait) for since, wait in stalls)])


def unsure(changes: Sequence[Any]) -> list[tuple[float, float]]:
    """The times in which the picture may be old: stalls of the API server, and watches that are away."""
    found = [(at, until) for at, kind, _type, until in changes if kind == STALL]
    away: dict[str, float] = {}
    for at, kind, type_, _obj in changes:
        if type_ == "AWAY" and kind != STALL:
            away[kind] = at
        elif type_ == "BACK" and kind in away:
            found.append((away.pop(kind), at))
    return [*found, *((since, float("inf")) for since in away.values())]


def duplicated(changes: Sequence[Any], rng: random.Random) -> Changes:
    """Every fourth object is told once more, some events never; a series of an event is told as many times as it grows."""
    found: Changes = []
    for at, kind, type_, obj in changes:
        if kind == "Event" and rng.random() < 0.15:
            continue
        found.append((at, kind, type_, obj))
        if kind in WATCHED and type_ in ("ADDED", "MODIFIED") and rng.random() < 0.25:
            found.append((at, kind, "MODIFIED", obj))  # before whatever comes next: one watch keeps its order
    return in_order(found)


def cut(changes: Sequence[Any], rng: random.Random) -> Changes:
    """One or two watches break off for up to eight seconds, and go on where they were: all that they missed comes at once."""
    found = list(changes)
    for kind in rng.sample(WATCHED, 2):
        since = rng.uniform(changes[0][0], changes[-1][0])
        back = since + rng.uniform(0.5, 8)
        found = [(back if k == kind and since <= at < back else at, k, t, o) for at, k, t, o in found]
        found += [(since, kind, "AWAY", "connection reset by peer"), (back, kind, "BACK", "")]
    return in_order(found)


def beside(neighbour: Sequence[Any], their_start: float) -> Callable[[Sequence[Any], random.Random], Changes]:
    """Another release in the same namespace fails as it was recorded, at the same time."""

    def mix(changes: Sequence[Any], rng: random.Random) -> Changes:
        offset = changes[0][0] - their_start + rng.uniform(-5, 5)
        theirs = [(at + offset, kind, type_, renamed(obj, offset)) for at, kind, type_, obj in neighbour if kind in NEIGHBOURLY and isinstance(obj, dict)]
        return in_order([*changes, *theirs])

    return mix


def renamed(obj: dict[str, Any], offset: float) -> dict[str, Any]:
    """An object of somebody else: other names, other uids, other labels, at another time."""

    def later(found: re.Match[str]) -> str:
        then = datetime.datetime.fromisoformat(found.group(1) + "+00:00") + datetime.timedelta(seconds=offset)
        return f'"{then:%Y-%m-%dT%H:%M:%S}{found.group(2) or ""}Z"'

    copy = json.loads(STAMP.sub(later, json.dumps(obj)))
    _rename(copy)
    return dict(copy)


def _rename(node: Any) -> None:
    """Names and uids of objects wherever they are referred to, and the release's own label."""
    if isinstance(node, list):
        for each in node:
            _rename(each)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "uid" and isinstance(value, str):
                node[key] = f"next-{value}"
            elif key == "app.kubernetes.io/instance" or (key in ("name", "generateName") and not {"uid", "kind", "labels"}.isdisjoint(node)):
                node[key] = f"{PREFIX}{value}"
            else:
                _rename(value)


def in_order(changes: Any) -> Changes:
    return sorted(changes, key=lambda change: change[0])


WAYS: dict[str, Callable[[Sequence[Any], random.Random], Changes]] = {"reordered": reordered, "delayed": delayed, "duplicated": duplicated, "cut": cut}
