# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gateway's configuration (gateway.yaml) refers to, and what of it can be judged without the gateway. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

#: key of the ConfigMap that holds the configuration (chart contract)
CONFIG_KEY = "gateway.yaml"


def parse(configmap: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration inside a ConfigMap; empty when there is none."""
    text = (configmap.get("data") or {}).get(CONFIG_KEY) or ""
    loaded = yaml.safe_load(text) if text else {}
    return loaded if isinstance(loaded, dict) else {}


def find(objects: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The configuration among rendered objects."""
    for obj in objects:
        if obj.get("kind") == "ConfigMap" and CONFIG_KEY in (obj.get("data") or {}):
            return parse(obj)
    return {}


def leaves(data: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(path, value) of everything that is neither map nor list: `providers[0].auth.token`."""
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield from leaves(value, f"{path}.{key}" if path else str(key))
    elif isinstance(data, (list, tuple)):
        for index, value in enumerate(data):
            yield from leaves(value, f"{path}[{index}]")
    else:
        yield path, data


def env_references(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(path, NAME) of every `env.NAME`; NAME is all that follows the first dot."""
    return [(path, value[len("env.") :]) for path, value in leaves(config) if isinstance(value, str) and value.startswith("env.")]


def bootstrap_admin(config: Mapping[str, Any]) -> dict[str, Any]:
    """The section auth.bootstrap_admin; empty when it is not written."""
    found = (config.get("auth") or {}).get("bootstrap_admin") or {}
    return dict(found) if isinstance(found, Mapping) else {}
