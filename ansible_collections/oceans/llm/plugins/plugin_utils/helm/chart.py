# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A chart on this machine: the collection's own, what a chart says of itself, and whether it is made for this collection."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible.module_utils.common.yaml import yaml_load

COLLECTION = Path(__file__).resolve().parents[3]
#: annotation in Chart.yaml of a chart that is made for this collection, under whatever name and version it is published
MADE_FOR = "oceans.llm/collection"


def own() -> str:
    """The folder of the chart that the collection brings along. In the repository its files are links to the one source."""
    return str((COLLECTION / "charts" / "oceans-llm" / "Chart.yaml").resolve().parent)


def is_ours(metadata: Mapping[str, Any]) -> bool:
    """`metadata`: a Chart.yaml, or what Helm's record of a release holds of it."""
    return (metadata.get("annotations") or {}).get(MADE_FOR) == "oceans.llm"


def metadata(chart: str) -> dict[str, Any]:
    """Chart.yaml of a folder or archive; empty when there is none that can be read."""
    return _file(chart, "Chart.yaml")


def defaults(chart: str) -> dict[str, Any]:
    """The chart's own values."""
    return _file(chart, "values.yaml")


def schema(chart: str) -> dict[str, Any]:
    """What the chart says of its values: types and forms."""
    return _file(chart, "values.schema.json")


def _file(chart: str, file: str) -> dict[str, Any]:
    try:
        if os.path.isdir(chart):
            found = yaml_load(Path(chart, file).read_text(encoding="utf-8"))
        else:
            with tarfile.open(chart) as archive:
                name = min((n for n in archive.getnames() if n.endswith(f"/{file}")), key=len)  # a dependency's is deeper
                member = archive.extractfile(name)
                found = yaml_load(member.read()) if member else {}
    except (OSError, ValueError, tarfile.TarError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}
