# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels and annotations on every object that the collection writes, as the chart puts `commonLabels` and `commonAnnotations` on its own. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Common:
    """An object's own label or annotation of the same name is stronger. Null leaves one out, as in Helm."""

    labels: Mapping[str, Any] = field(default_factory=dict)
    annotations: Mapping[str, Any] = field(default_factory=dict)

    def on(self, obj: Mapping[str, Any]) -> dict[str, Any]:
        """The object with them, and the pods of a Job with them."""
        found = {**obj, "metadata": self._merged(obj.get("metadata") or {})}
        if obj.get("kind") == "Job":
            template = obj["spec"]["template"]
            found["spec"] = {**obj["spec"], "template": {**template, "metadata": self._merged(template.get("metadata") or {})}}
        return found

    def missing(self, live: Mapping[str, Any], obj: Mapping[str, Any]) -> dict[str, Any]:
        """The labels and annotations of the object as it would be written, if the live object lacks one of them; empty otherwise."""
        wanted = self.on(obj)["metadata"]
        parts = {part: wanted[part] for part in ("labels", "annotations") if wanted.get(part)}
        have = live.get("metadata") or {}
        return parts if any(entries.items() - (have.get(part) or {}).items() for part, entries in parts.items()) else {}

    def _merged(self, metadata: Mapping[str, Any]) -> dict[str, Any]:
        found = dict(metadata)
        for part, common in (("labels", self.labels), ("annotations", self.annotations)):
            texts = {key: str(value) for key, value in common.items() if value is not None}
            if texts:
                found[part] = texts | dict(metadata.get(part) or {})
        return found
