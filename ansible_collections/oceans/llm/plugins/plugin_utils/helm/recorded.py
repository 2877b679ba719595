# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The chart of an earlier revision, from Helm's own record of it: it needs no registry, and it is the chart that served then."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class NotRecorded(Exception):
    """The record does not hold the whole chart; the text is a sentence."""


def write_chart(body: Mapping[str, Any], folder: str) -> str:
    """Write the chart of a record (releases.recorded) as a folder that Helm takes; returns its path. JSON is YAML, too.

    :raises NotRecorded: when it has sub-charts, which Helm does not keep (Helm, pkg/chart, field `dependencies`).
    """
    chart = body.get("chart") or {}
    metadata = chart.get("metadata") or {}
    if metadata.get("dependencies"):
        names = ", ".join(str(d.get("name")) for d in metadata["dependencies"])
        raise NotRecorded(f"the chart of the revision has sub-charts ({names}), which Helm's record does not contain")
    if not chart.get("templates"):
        raise NotRecorded("Helm's record of the revision does not contain the chart")
    texts = {"Chart.yaml": json.dumps(metadata).encode(), "values.yaml": json.dumps(chart.get("values") or {}).encode()}
    if chart.get("schema"):
        texts["values.schema.json"] = base64.b64decode(chart["schema"])
    for file in (*chart["templates"], *(chart.get("files") or ())):
        texts[file["name"]] = base64.b64decode(file.get("data") or "")
    root = os.path.join(folder, "recorded-chart")
    for name, data in texts.items():
        path = Path(root, name)
        if not os.path.abspath(path).startswith(os.path.join(root, "")):
            raise NotRecorded(f"the chart of the revision has a file {name!r} outside of the chart's folder")
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(data)
    return root
