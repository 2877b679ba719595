# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What completes the sentences of causes with facts that are not watched: the frame of the files `*_look.py` that the loop asks."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

from ..kube.client import ApiError, Cluster
from ..kube.objects import Object
from .model import Cause, Snapshot

Answer = TypeVar("Answer")


class Look:
    """Completes the sentences of one run. Override :meth:`_named`; it is called for causes with one of :attr:`CODES`, or for all."""

    CODES: tuple[str, ...] = ()

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster, self._namespace = cluster, namespace
        self._answers: dict[Hashable, Any] = {}

    def named(self, snapshot: Snapshot, causes: Iterable[Cause]) -> list[Cause]:
        return [self._named(snapshot, cause) if not self.CODES or cause.code in self.CODES else cause for cause in causes]

    def _named(self, snapshot: Snapshot, cause: Cause) -> Cause:
        raise NotImplementedError

    def _once(self, question: Callable[..., Answer], *about: Hashable, otherwise: Any) -> Answer:
        """The answer to a question that is asked once in a run; `otherwise` where the API server does not give it: what may not be read is not said."""
        key = (question, *about)
        if key not in self._answers:
            try:
                self._answers[key] = question(*about)
            except ApiError:
                self._answers[key] = otherwise
        answer: Answer = self._answers[key]
        return answer


def completed(cause: Cause, more: str, closed: bool = False) -> Cause:
    """With more of the sentence, which is a fact: the cause is no guess any more."""
    return replace(cause, cause=cause.cause + more, guess=False, closed=cause.closed or closed) if more else cause


def pod_of(snapshot: Snapshot, cause: Cause) -> Object | None:
    """The pod that a cause is about."""
    kind, _slash, name = cause.object.partition("/")
    return snapshot.kind(kind).get(name) if kind == "Pod" else None
