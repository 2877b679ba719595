# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's configuration: secrets pasted into it, references without a source, what `config validate` lets pass
and the gateway refuses later. Pure; no sentence contains a value."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from ...gateway import configuration
from ...secrets import patterns
from ...secrets.pod_env import Variable
from ...secrets.shapes import ADMIN_PASSWORD
from ..facts import Picture, gateway_container, meta
from ..finding import ERROR, WARNING, Finding, did_you_mean
from ..sources import awaited, gateway_environment, secret_objects

HINT = "put the value into oceans_llm_secrets under a key NAME, and write env.NAME in this field"
#: the last part of the path of a field that holds a secret (gateway's configuration, strict and lenient fields)
SECRET_FIELD = re.compile(r"(?i)(^|[._])(password|client_secret|token|secret|api_key|secret_access_key|session_token|private_key)$")
#: a path of a file is no secret (github_copilot reads its private_key from one)
FILE = re.compile(r"^\.{0,2}/|\.(pem|key|json)$")
#: how other programs write a reference to a variable. $NAME is not among them, because a password may look like that, and the finding shows the value
FOREIGN = re.compile(r"(?:os\.environ/|\$\{(?=\w+\}))(?P<name>[A-Z][A-Z0-9_]*)\}?")
#: numbers that YAML 1.1 takes for text, because they lack the dot or the sign
NUMBER_AS_TEXT = re.compile(r"\A[-+]?(\d+[eE][-+]?\d+|\d*\.\d*[eE]\d+)")
_HTTP = re.compile(r"https?://[^\s/]\S*")
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
#: sections that are lists of maps; the others are maps
LISTS = ("providers", "models", "teams", "service_accounts", "users")
#: fields that are text, in an entry of a list or in `routes`
TEXTS = ("id", "type", "base_url", "alias_of", "provider", "upstream_model", "name", "email")
#: fields without which the gateway does not read an entry of a section, or of `routes`
REQUIRED = {
    "providers": ("id", "type"),
    "models": ("id",),
    "teams": ("id", "name"),
    "service_accounts": ("id", "team", "budget"),
    "users": ("name", "email", "auth_mode"),
    "routes": ("provider", "upstream_model"),
}
#: what tells the entries of a section apart
KEYS = {"providers": "id", "models": "id", "teams": "id", "service_accounts": "id", "users": "email"}
#: sections in which the gateway refuses unknown keys, with the keys that are known to exist
CLOSED = {"auth": ("bootstrap_admin", "oidc", "oauth")}


def find(picture: Picture) -> Iterator[Finding]:
    config = configuration.find(picture.objects) or picture.wanted.config
    if not config:
        return
    secret = list(pasted(config))
    yield from secret
    yield from plain(config, {finding.object for finding in secret})
    yield from kinds(config)
    yield from structure(config)
    yield from entries(config)
    yield from fields(config)
    yield from numbers(picture.wanted.config)  # rendered, a number in Go's form (1e-07) is read as text here, too
    yield from transport(config)
    yield from addresses(config, picture)
    a_job = any("bootstrap-admin" in str(meta(job).get("name")) for job in picture.kind("Job"))
    yield from bootstrap(config, picture.wanted.bootstrap_admin, a_job)
    yield from unresolved(config)
    environment = gateway_environment(picture)
    if environment is not None and not awaited(picture):
        yield from references(config, environment, picture)
    for name in sorted(name for name in environment or () if name.startswith("OTEL_")):
        hint = "set server.otel_endpoint and the fields beside it in oceans_llm_config, and remove the variable"
        yield Finding("ConfigUnknown", f"env {name}", "the gateway does not read the variables of OpenTelemetry's SDK", hint, WARNING)


def pasted(config: Mapping[str, Any]) -> Iterator[Finding]:
    for path, value in configuration.leaves(config):
        if not isinstance(value, str) or value.startswith("env."):
            continue
        foreign = FOREIGN.fullmatch(value) if SECRET_FIELD.search(path) or configuration.STRICT.fullmatch(path) else None
        if foreign:
            what = f"{value} is a reference in the form of another program, and the gateway takes it as text"
            yield Finding("GatewayConfigInvalid", f"config {path}", what, f"write env.{foreign['name']}")
            continue
        why = "begins with literal., and the configuration is stored in a ConfigMap, which does not protect secrets" if value.startswith("literal.") else ""
        why = why or patterns.why(value)
        if not why and SECRET_FIELD.search(path) and len(value) >= 8 and not FILE.search(value):
            why = "is a plain value, but this field is for a secret"
        if why:
            yield Finding("SecretInConfig", f"config {path}", f"{why} (value not shown)", HINT)


def plain(config: Mapping[str, Any], said: Collection[str]) -> Iterator[Finding]:
    """Fields that take a reference only: of anything else the gateway says "unsupported secret reference", with the value, and ends."""
    for path, value in configuration.leaves(config):
        if not configuration.STRICT.fullmatch(path) or not isinstance(value, str) or value.startswith(("env.", "literal.")) or f"config {path}" in said:
            continue
        if configuration.resolved(config, path):
            yield Finding("GatewayConfigInvalid", f"config {path}", "must be a reference of the form env.NAME (value not shown)", HINT)


def unresolved(config: Mapping[str, Any]) -> Iterator[Finding]:
    for path, name in configuration.env_references(config):
        if not configuration.STRICT.fullmatch(path) and not configuration.LENIENT.fullmatch(path):
            what = f"the gateway resolves no reference in this field and uses the text env.{name} literally"
            yield Finding("ReferenceNotResolved", f"config {path}", what, severity=WARNING)


def numbers(config: Mapping[str, Any]) -> Iterator[Finding]:
    for path, value in configuration.leaves(config):
        if isinstance(value, str) and NUMBER_AS_TEXT.fullmatch(value):
            yield Finding("NumberAsText", f"config {path}", f"{value} is text in YAML 1.1, not a number", severity=WARNING)


def transport(config: Mapping[str, Any]) -> Iterator[Finding]:
    held = configuration.section(config, "budget_alerts", "email", "transport")
    missing = [field for field in ("username", "password") if not held.get(field)]
    if len(missing) == 1:
        what = "is missing; the gateway needs both username and password, or neither"
        hint = "set both fields to env.NAME (NAME is a key of the gateway's Secret), or remove both"
        yield Finding("GatewayConfigInvalid", f"config budget_alerts.email.transport.{missing[0]}", what, hint)


def addresses(config: Mapping[str, Any], picture: Picture) -> Iterator[Finding]:
    """Of providers: what no client can send a request to, and what leads back into the pod itself."""
    found = gateway_container(picture.objects)
    alone = found is not None and len(found[2].get("containers") or ()) + len(found[2].get("initContainers") or ()) <= 2
    for index, provider in configuration.maps(config.get("providers")):
        url, where = provider.get("base_url"), f"config providers[{index}].base_url"
        if not isinstance(url, str) or url.startswith("env."):
            continue
        if not _HTTP.fullmatch(url):
            what = "begins or ends with whitespace" if url != url.strip() else "is not a URL that begins with https:// or http://"
            yield Finding("GatewayConfigInvalid", where, what, "correct base_url in oceans_llm_config")
        elif re.search(r"/((chat/)?completions|embeddings|responses|messages)/?$", url):
            what = "ends with the path of a request, which the gateway appends itself"
            yield Finding("ProviderAddressWrong", where, what, "remove the path of the request from base_url, so that it ends as in https://HOST/v1", WARNING)
        elif "?" in url:
            what = "contains a query, behind which the gateway would append the path of a request"
            yield Finding("ProviderAddressWrong", where, what, "remove the query from base_url", WARNING)
        elif re.match(r"https?://host\.docker\.internal([:/]|$)", url):
            what = "is a name that only Docker resolves, and no pod of a cluster"
            yield Finding("ProviderAddressWrong", where, what, "set base_url to a host or Service that the gateway's pods can reach", WARNING)
        elif alone and re.match(r"https?://(localhost|127\.\d+\.\d+\.\d+|\[::1\])([:/]|$)", url):
            what = "is an address of the gateway's own pod, in which no other program listens"
            yield Finding("ProviderAddressWrong", where, what, "set base_url to a host or Service that the gateway's pods can reach", WARNING)


def kinds(config: Mapping[str, Any]) -> Iterator[Finding]:
    """Of another type than the gateway reads: a map for a list, a number for a text."""
    for name in SECTIONS:
        value, wanted = config.get(name), list if name in LISTS else dict
        if value is not None and not isinstance(value, wanted):
            yield _of_another_kind(name, value, "a list" if name in LISTS else "a map")
            continue
        for index, entry in enumerate(value or () if name in LISTS else ()):
            where = f"{name}[{index}]"
            if not isinstance(entry, Mapping):
                yield _of_another_kind(where, entry, "a map")
                continue
            if not isinstance(entry.get("auth"), (Mapping, type(None))):
                yield _of_another_kind(f"{where}.auth", entry["auth"], "a map")
            if not isinstance(entry.get("routes"), (list, type(None))):
                yield _of_another_kind(f"{where}.routes", entry["routes"], "a list")
            inner = [(f"{where}.routes[{number}]", route) for number, route in configuration.maps(entry.get("routes"))]
            for path, held in [(where, entry), *inner]:
                yield from (_of_another_kind(f"{path}.{key}", held[key], "text") for key in TEXTS if not isinstance(held.get(key), (str, type(None))))
    bind = configuration.section(config, "server").get("bind")
    if not isinstance(bind, (str, type(None))):
        yield _of_another_kind("server.bind", bind, "text")


def _of_another_kind(path: str, value: Any, wanted: str) -> Finding:
    kind = next(words for types, words in KINDS if isinstance(value, types))
    how = "put the value in quotes" if wanted == "text" and not isinstance(value, (Mapping, list)) else f"write the value as {wanted}"
    return Finding("GatewayConfigInvalid", f"config {path}", f"is {kind} and must be {wanted}", f"{how} in oceans_llm_config")


KINDS: tuple[tuple[Any, str], ...] = ((bool, "a boolean"), ((int, float), "a number"), (Mapping, "a map"), (list, "a list"), (object, "text"))


def structure(config: Mapping[str, Any]) -> Iterator[Finding]:
    """What stops the gateway at its first start, as far as it can be told from here."""
    for name in config:
        near = did_you_mean(str(name), SECTIONS) if name not in SECTIONS else ""
        if near:
            yield Finding("ConfigUnknown", f"config {name}", f"the gateway has no section {name!r} and ignores it{near}", severity=WARNING)
    for section, keys in CLOSED.items():
        for name in configuration.section(config, section):
            if name not in keys:
                what = f"the gateway has no field {name!r} in this section{did_you_mean(str(name), keys)}"
                yield Finding("GatewayConfigInvalid", f"config {section}.{name}", what, "correct the name in oceans_llm_config")
    providers: dict[str, Mapping[str, Any]] = {}
    for index, provider in configuration.maps(config.get("providers")):
        providers[str(provider.get("id"))] = provider
        kind = provider.get("type")
        if kind not in (None, "", *PROVIDER_TYPES):
            what = f"unknown provider type {kind!r}{did_you_mean(str(kind), PROVIDER_TYPES)}"
            yield Finding("GatewayConfigInvalid", f"config providers[{index}].type", what, f"set the type to one of {', '.join(PROVIDER_TYPES)}")
    models = [str(m.get("id")) for _index, m in configuration.maps(config.get("models"))]
    for index, model in configuration.maps(config.get("models")):
        alias = model.get("alias_of")
        if alias and str(alias) not in models:
            what = f"the configuration has no model {alias!r}{did_you_mean(str(alias), models)}"
            yield Finding("GatewayConfigInvalid", f"config models[{index}].alias_of", what, "correct alias_of in oceans_llm_config, or add the model")
        for number, route in configuration.maps(model.get("routes")):
            if route.get("provider") and str(route["provider"]) not in providers:
                wanted = str(route.get("provider"))
                what = (
                    f"the configuration has no provider {wanted!r}{did_you_mean(wanted, providers)}; "
                    "`gateway config validate` accepts the route, but `gateway seed-config` fails on it"
                )
                hint = "correct the provider of the route in oceans_llm_config, or add the provider"
                yield Finding("GatewayConfigInvalid", f"config models[{index}].routes[{number}].provider", what, hint)


def entries(config: Mapping[str, Any]) -> Iterator[Finding]:
    """Entries that lack a field, or that are there twice; models that lead nowhere, service accounts of a team that is not there."""
    for section, key in KEYS.items():
        listed = configuration.maps(config.get(section))
        names = [str(entry.get(key) or "").strip().lower() for _index, entry in listed]
        for name in sorted({name for name in names if name and names.count(name) > 1}):
            what = f"has {names.count(name)} entries with the {key} {name!r}, and the gateway uses only one of these entries"
            yield Finding("GatewayConfigInvalid", f"config {section}", what, severity=WARNING)
        for index, entry in listed:
            yield from _lacks(f"{section}[{index}]", entry, REQUIRED[section])
    for index, provider in configuration.maps(config.get("providers")):
        if provider.get("type") == "openai_compat":
            yield from _lacks(f"providers[{index}]", provider, ("base_url",), WARNING)
    aliases = {str(model.get("id")): str(model.get("alias_of")) for _index, model in configuration.maps(config.get("models")) if model.get("alias_of")}
    for index, model in configuration.maps(config.get("models")):
        where, passed = f"models[{index}]", [str(model.get("id"))]
        while passed[-1] in aliases and passed[-1] not in passed[:-1]:
            passed.append(aliases[passed[-1]])
        if passed[-1] in passed[:-1]:
            hint = "set alias_of to a model that has routes, in oceans_llm_config"
            yield Finding("GatewayConfigInvalid", f"config {where}.alias_of", f"leads in a circle: {' → '.join(passed)}", hint)
        elif not model.get("routes") and not model.get("alias_of"):
            yield Finding("GatewayConfigInvalid", f"config {where}", "has neither routes nor alias_of", "add routes or alias_of in oceans_llm_config")
        for number, route in configuration.maps(model.get("routes")):
            yield from _lacks(f"{where}.routes[{number}]", route, REQUIRED["routes"])
    teams = [str(team.get("id")) for _index, team in configuration.maps(config.get("teams"))]
    for index, account in configuration.maps(config.get("service_accounts")):
        team = str(account.get("team") or "")
        if team and team not in teams:
            what = f"the configuration has no team {team!r}{did_you_mean(team, teams)}, so `gateway seed-config` fails unless the database has one"
            yield Finding("GatewayConfigInvalid", f"config service_accounts[{index}].team", what, "correct the team, or add it to teams", WARNING)


def _lacks(where: str, entry: Mapping[str, Any], wanted: Collection[str], severity: str = ERROR) -> Iterator[Finding]:
    for key in wanted:
        if entry.get(key) in (None, ""):
            what = f"is missing{did_you_mean(key, set(entry) - {key})}"
            yield Finding("GatewayConfigInvalid", f"config {where}.{key}", what, f"add {key} in oceans_llm_config", severity)


def _number(least: float, most: float = float("inf"), whole: bool = True) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int if whole else (int, float)) and not isinstance(value, bool) and least <= value <= most


def _text(pattern: str) -> Callable[[Any], bool]:
    return lambda value: bool(re.fullmatch(pattern, str(value)))


#: (path, test, what it must be, severity); a value that is not there, or env.NAME, is not looked at
FIELDS: tuple[tuple[str, Callable[[Any], bool], str, str], ...] = (
    ("server.bind", _text(r"(\[[0-9A-Fa-f:.]+\]|[\d.]+|localhost):\d+"), "must be an IP address with a port, such as 0.0.0.0:8080", ERROR),
    ("server.log_format", _text("json|pretty"), "must be json or pretty", WARNING),
    ("server.otel_endpoint", _text("http://.+"), "must begin with http://, because the gateway sends gRPC without TLS", WARNING),
    ("server.otel_metrics_endpoint", _text("http://.+"), "must begin with http://, because the gateway sends gRPC without TLS", WARNING),
    ("server.otel_endpoint", _text("(?!.*:4318/?$).*"), "has the port of OTLP over HTTP (4318), and the gateway sends gRPC (4317)", WARNING),
    ("server.otel_metrics_endpoint", _text("(?!.*:4318/?$).*"), "has the port of OTLP over HTTP (4318), and the gateway sends gRPC (4317)", WARNING),
    ("server.otel_trace_sample_ratio", _number(0, 1, whole=False), "must be a number from 0 to 1 (1 is every trace)", WARNING),
    ("server.otel_export_interval_secs", _number(1), "must be a whole number of seconds", ERROR),
    ("server.otel_export_interval_secs", _number(0, 3600), "is more than an hour; the unit is seconds", WARNING),
    ("database.kind", _text("postgres|(?i:(?!pg|post).*)"), "must be postgres", ERROR),
    ("database.kind", _text("(?i:pg|post).*"), "gives each pod and the migration Job a database of its own; set database.kind to postgres", WARNING),
    ("database.max_connections", _number(1), "must be a whole number of at least 1", ERROR),
    ("auth.bootstrap_admin.enabled", lambda value: isinstance(value, bool), "must be true or false, without quotes", ERROR),
    ("auth.bootstrap_admin.email", _text(r"[^@\s]+@[^@\s]+"), "is not an e-mail address", WARNING),
)


def fields(config: Mapping[str, Any]) -> Iterator[Finding]:
    """Values of another form than the gateway reads. Of a field that breaks several rows, the first is said."""
    said: set[str] = set()
    for path, fits, what, severity in FIELDS:
        value = configuration.section(config, *path.split(".")[:-1]).get(path.rpartition(".")[2])
        if value is not None and not isinstance(value, (Mapping, list)) and not str(value).startswith("env.") and path not in said and not fits(value):
            said.add(path)
            yield Finding("GatewayConfigInvalid", f"config {path}", what, "correct the value in oceans_llm_config", severity)
    for index, user in configuration.maps(config.get("users")):
        if user.get("email") and "@" not in str(user["email"]):
            yield Finding("GatewayConfigInvalid", f"config users[{index}].email", "is not an e-mail address", "correct the value in oceans_llm_config", WARNING)


def bootstrap(config: Mapping[str, Any], wanted: bool, a_job: bool = False) -> Iterator[Finding]:
    """`a_job`: the chart's own Job makes the administrator."""
    section = configuration.bootstrap_admin(config)
    if wanted and section.get("enabled") is not True:
        what = "is not true, so `gateway bootstrap-admin` would do nothing and report success"
        yield Finding("BootstrapDisabled", "config auth.bootstrap_admin.enabled", what)
    if not section or section.get("enabled", True) is False:
        return
    email = configuration.DEFAULT_ADMIN if section.get("email") is None else str(section["email"])
    if section.get("enabled") is True and not section.get("password"):
        what = f"is missing, so the gateway would set its public default: anyone could log in as {email} with {configuration.DEFAULT_PASSWORD}"
        hint = f"set the field to env.{ADMIN_PASSWORD} in oceans_llm_config, and add {ADMIN_PASSWORD} to oceans_llm_secrets_generate"
        yield Finding("BootstrapIncomplete", "config auth.bootstrap_admin.password", what, hint, ERROR if wanted or a_job else WARNING)
    for index, user in configuration.maps(config.get("users")):
        if str(user.get("email") or "").strip().lower() == email.strip().lower():
            sentence = "is the address of auth.bootstrap_admin, and the gateway does not accept it for another user"
            yield Finding("GatewayConfigInvalid", f"config users[{index}].email", sentence, "remove this user, or change one of the addresses")


def _shown(name: str) -> str:
    """In quotation marks where a blank would not be seen."""
    return f"env.{name}" if name == name.strip() else repr(f"env.{name}")


def references(config: Mapping[str, Any], environment: Mapping[str, Variable], picture: Picture) -> Iterator[Finding]:
    for path, name in configuration.env_references(config):
        if name in environment or not configuration.resolved(config, path):
            continue
        if not configuration.STRICT.fullmatch(path) and not configuration.LENIENT.fullmatch(path):
            continue  # said by `unresolved`
        if not name:
            hint = "write env.NAME in this field, where NAME is a key of the gateway's Secret"
            yield Finding("GatewayVariableMissing", f"config {path}", "is env. without the name of a variable", hint)
            continue
        looked = ", ".join(secret_objects(picture)) or "no Secret, because the pods read none"
        how = f"add {name} to oceans_llm_secrets" if picture.wanted.secrets_source in ("provision", "inline") else f"add the key {name} to that Secret"
        what = f"refers to {_shown(name)}, and no Secret, ConfigMap or variable of the pods provides {name} (searched: {looked})"
        yield Finding("GatewayVariableMissing", f"config {path}", what, f"{how}, or correct the name{did_you_mean(name, environment)}")
