# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's configuration: secrets pasted into it, references without a source, what `config validate` lets pass
and the gateway refuses later (faults.md A2, B9, B10). Pure; no sentence contains a value."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ...gateway import configuration
from ...secrets import patterns
from ...secrets.pod_env import Variable
from ..facts import Picture
from ..finding import WARNING, Finding, did_you_mean
from ..sources import gateway_environment, secret_objects

HINT = "put the value into oceans_llm_secrets and write env.NAME here"
#: the last part of the path of a field that holds a secret (gateway's configuration, strict and lenient fields)
SECRET_FIELD = re.compile(r"(?i)(^|[._])(password|client_secret|token|secret|api_key|secret_access_key|session_token|private_key)$")
#: a path of a file is no secret (github_copilot reads its private_key from one)
FILE = re.compile(r"^\.{0,2}/|\.(pem|key|json)$")
#: fields that take a reference, and nothing else
STRICT = re.compile(
    r"^(database\.url|auth\.(oidc|oauth)\.(public_base_url|providers\[\d+\]\.client_secret)|mcp\.oauth\.providers\[\d+\]\.client_(id|secret)"
    r"|budget_alerts\.email\.transport\.(username|password)|auth\.bootstrap_admin\.password|service_accounts\[\d+\]\.keys\[\d+\]\.value"
    r"|providers\[\d+\]\.auth\.(token|access_key_id|secret_access_key|session_token))$"
)
PROVIDER_TYPES = ("openai_compat", "gcp_cloud_run_openai_compat", "gcp_vertex", "aws_bedrock", "github_copilot")
SECTIONS = (
    "server",
    "database",
    "auth",
    "providers",
    "models",
    "teams",
    "service_accounts",
    "users",
    "budgets",
    "budget_alerts",
    "request_logging",
    "mcp",
    "permissions",
    "agent_analysis",
)
#: sections in which the gateway refuses unknown keys, with the keys that are known to exist
CLOSED = {"auth": ("bootstrap_admin", "oidc", "oauth")}


def find(picture: Picture) -> Iterator[Finding]:
    config = configuration.find(picture.objects) or picture.wanted.config
    if not config:
        return
    secret = list(pasted(config))
    yield from secret
    yield from plain(config, {finding.object for finding in secret})
    yield from structure(config)
    yield from bootstrap(config, picture.wanted.bootstrap_admin)
    environment = gateway_environment(picture)
    if environment is not None:
        yield from references(config, environment, picture)


def pasted(config: Mapping[str, Any]) -> Iterator[Finding]:
    for path, value in configuration.leaves(config):
        if not isinstance(value, str) or value.startswith("env."):
            continue
        why = "begins with literal., and the configuration is a ConfigMap that anyone in the namespace can read" if value.startswith("literal.") else ""
        why = why or patterns.why(value)
        if not why and SECRET_FIELD.search(path) and len(value) >= 8 and not FILE.search(value):
            why = "stands in a field that holds a secret, and is no reference"
        if why:
            yield Finding("SecretInConfig", f"config {path}", f"{why} (value not shown)", HINT)


def plain(config: Mapping[str, Any], said: Collection[str]) -> Iterator[Finding]:
    """Fields that take a reference only: of anything else the gateway says "unsupported secret reference", with the value, and ends."""
    admin = configuration.bootstrap_admin(config)
    for path, value in configuration.leaves(config):
        if not STRICT.match(path) or not isinstance(value, str) or value.startswith(("env.", "literal.")) or f"config {path}" in said:
            continue
        if path == "auth.bootstrap_admin.password" and not admin.get("enabled"):
            continue  # never resolved
        yield Finding("ConfigInvalid", f"config {path}", "takes a reference env.NAME, and is something else (value not shown)", HINT)


def structure(config: Mapping[str, Any]) -> Iterator[Finding]:
    """What stops the gateway at its first start, as far as it can be told from here."""
    for name in config:
        near = did_you_mean(str(name), SECTIONS) if name not in SECTIONS else ""
        if near:
            yield Finding("ConfigUnknown", f"config {name}", f"the gateway ignores the section {name!r}{near}", "correct it in oceans_llm_config", WARNING)
    for section, keys in CLOSED.items():
        for name in config.get(section) or {}:
            if name not in keys:
                yield Finding(
                    "ConfigInvalid", f"config {section}.{name}", f"unknown field {name!r}{did_you_mean(str(name), keys)}", "correct it in oceans_llm_config"
                )
    providers = {}
    for index, provider in enumerate(_maps(config.get("providers"))):
        providers[provider.get("id")] = provider
        kind = provider.get("type")
        if kind not in PROVIDER_TYPES:
            yield Finding(
                "ConfigInvalid",
                f"config providers[{index}].type",
                f"unknown provider type {kind!r}{did_you_mean(str(kind), PROVIDER_TYPES)}",
                f"one of {', '.join(PROVIDER_TYPES)}",
            )
    models = [m.get("id") for m in _maps(config.get("models"))]
    for index, model in enumerate(_maps(config.get("models"))):
        alias = model.get("alias_of")
        if alias and alias not in models:
            yield Finding(
                "ConfigInvalid",
                f"config models[{index}].alias_of",
                f"no model {alias!r}{did_you_mean(str(alias), map(str, models))}",
                "correct it in oceans_llm_config",
            )
        for number, route in enumerate(_maps(model.get("routes"))):
            if route.get("provider") not in providers:
                wanted = str(route.get("provider"))
                yield Finding(
                    "ConfigInvalid",
                    f"config models[{index}].routes[{number}].provider",
                    f"no provider {wanted!r}{did_you_mean(wanted, map(str, providers))}; `config validate` lets it pass, seeding fails on it",
                    "correct it in oceans_llm_config",
                )


def bootstrap(config: Mapping[str, Any], wanted: bool) -> Iterator[Finding]:
    section = configuration.bootstrap_admin(config)
    if not wanted:
        return
    if section.get("enabled") is not True:
        yield Finding(
            "BootstrapDisabled",
            "config auth.bootstrap_admin.enabled",
            "is not true, so the bootstrap would do nothing and call it success",
            "set it to true in oceans_llm_config, or oceans_llm_bootstrap_admin: false",
        )
    for field in ("email", "password"):
        if section.get("enabled") is True and not section.get(field):
            yield Finding(
                "BootstrapIncomplete",
                f"config auth.bootstrap_admin.{field}",
                "is missing; without it no administrator could log in",
                "set it in oceans_llm_config",
            )


def references(config: Mapping[str, Any], environment: Mapping[str, Variable], picture: Picture) -> Iterator[Finding]:
    admin = configuration.bootstrap_admin(config)
    for path, name in configuration.env_references(config):
        if name in environment:
            continue
        if path == "auth.bootstrap_admin.password" and not admin.get("enabled"):
            continue  # never resolved
        looked = ", ".join(secret_objects(picture)) or "no Secret at all"
        how = f"add {name} to oceans_llm_secrets" if picture.wanted.secrets_source in ("provision", "inline") else f"add the key {name} there"
        yield Finding(
            "EnvWithoutSource",
            f"config {path}",
            f"refers to env.{name}, and nothing provides {name} (looked in {looked})",
            f"{how}, or correct the name{did_you_mean(name, environment)}",
        )


def _maps(entries: Any) -> list[Mapping[str, Any]]:
    return [e for e in entries or () if isinstance(e, Mapping)]
