# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gateway's configuration (gateway.yaml) refers to, and what of it can be judged without the gateway. Pure."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from ..kube import manifests

#: key of the ConfigMap that holds the configuration (chart contract)
CONFIG_KEY = "gateway.yaml"


def parse(configmap: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration inside a ConfigMap; empty when there is none."""
    text = (configmap.get("data") or {}).get(CONFIG_KEY) or ""
    return _read(text) if isinstance(text, str) else {}


@functools.lru_cache(maxsize=8)  # each group of preflight's checks asks for it
def _read(text: str) -> dict[str, Any]:
    try:
        loaded = manifests.load(text)
    except (yaml.YAMLError, ValueError):
        return {}  # the gateway says so itself
    return loaded if isinstance(loaded, dict) else {}


def configmap(objects: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The ConfigMap with the configuration among rendered objects."""
    return next((o for o in objects if o.get("kind") == "ConfigMap" and CONFIG_KEY in (o.get("data") or {})), None)


def find(objects: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The configuration among rendered objects."""
    return parse(configmap(objects) or {})


def leaves(data: Any, path: str = "") -> list[tuple[str, Any]]:
    """(path, value) of everything that is neither map nor list: `providers[0].auth.token`."""
    found: list[tuple[str, Any]] = []
    _gather(data, path, found)
    return found


def _gather(data: Any, path: str, found: list[tuple[str, Any]]) -> None:
    if isinstance(data, (dict, Mapping)):  # dict first: an abstract class is slow to ask
        for key, value in data.items():
            _gather(value, f"{path}.{key}" if path else str(key), found)
    elif isinstance(data, (list, tuple)):
        for index, value in enumerate(data):
            _gather(value, f"{path}[{index}]", found)
    else:
        found.append((path, data))


def env_references(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(path, NAME) of every `env.NAME`; NAME is all that follows the first dot."""
    return [(path, value[len("env.") :]) for path, value in leaves(config) if isinstance(value, str) and value.startswith("env.")]


def bootstrap_admin(config: Mapping[str, Any]) -> dict[str, Any]:
    """The section auth.bootstrap_admin; empty when it is not written."""
    return dict(section(config, "auth", "bootstrap_admin"))


def section(config: Any, *path: str) -> Mapping[str, Any]:
    """The map at a path; empty when there is none."""
    for part in path:
        config = config.get(part) if isinstance(config, Mapping) else None
    return config if isinstance(config, Mapping) else {}


def maps(entries: Any) -> list[tuple[int, Mapping[str, Any]]]:
    """(index, entry) of the maps in a list."""
    return [(i, e) for i, e in enumerate(entries) if isinstance(e, Mapping)] if isinstance(entries, (list, tuple)) else []


# --- references -----------------------------------------------------------------------------------------------------------

#: fields that take a reference, and nothing else: anything else ends the gateway, which prints it
STRICT = re.compile(
    r"database\.url|auth\.(oidc|oauth)\.(public_base_url|providers\[\d+\]\.client_secret)|mcp\.oauth\.providers\[\d+\]\.client_(id|secret)"
    r"|budget_alerts\.email\.transport\.(username|password)|auth\.bootstrap_admin\.password|service_accounts\[\d+\]\.keys\[\d+\]\.value"
    r"|providers\[\d+\]\.auth\.(token|access_key_id|secret_access_key|session_token)"
)
#: fields that take a reference or the value itself
LENIENT = re.compile(r"\A(?:auth\.oauth\.providers\[\d+\]\.client_id|mcp\.oauth\.public_base_url|providers\[\d+\]\.auth\.[a-z_]+|(.+\.)?credentials_path)")
#: what the program sets where the section auth.bootstrap_admin leaves it out; both are public
DEFAULT_ADMIN, DEFAULT_PASSWORD = "admin@local", "admin"


def resolved(config: Mapping[str, Any], path: str) -> bool:
    """True when the gateway looks for a reference at this path: not in other fields, and not for what is switched off."""
    if path == "auth.bootstrap_admin.password":
        return bool(bootstrap_admin(config).get("enabled"))
    off = re.fullmatch(r"auth\.(oidc|oauth)\.providers\[(\d+)\]\..*", path)
    if off:
        providers = dict(maps(section(config, "auth", off[1]).get("providers")))
        return providers.get(int(off[2]), {}).get("enabled") is not False
    return True


# --- models ---------------------------------------------------------------------------------------------------------------


def routes_of(config: Mapping[str, Any], model: str) -> list[Mapping[str, Any]]:
    """The routes of a model, or of the one that it is an alias of; none when the model is not in the configuration."""
    models = {str(m.get("id")): m for _i, m in maps(config.get("models"))}
    entry = models.get(model) or {}
    entry = models.get(str(entry.get("alias_of")), entry)
    return [route for _i, route in maps(entry.get("routes"))]


def providers_of(config: Mapping[str, Any], model: str) -> list[Mapping[str, Any]]:
    """The providers to which the routes of a model lead, in their order."""
    known = {str(p.get("id")): p for _i, p in maps(config.get("providers"))}
    return [known[name] for route in routes_of(config, model) if (name := str(route.get("provider"))) in known]
