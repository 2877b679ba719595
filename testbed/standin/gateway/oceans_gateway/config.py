"""gateway.yaml: the fields that are known from the outside, what `config validate` checks of them, and what it leaves for
later. The gateway has more fields than these; where it is known to ignore unknown keys, so does this.
"""

import base64
import binascii
import ipaddress
import os
from collections.abc import Iterator
from urllib.parse import urlsplit

from . import schema, secretrefs, versions
from .errors import Failure, context
from .schema import REQUIRED, anything, boolean, items, number, optional, string, struct, tagged, whole

# --- shape ---

def _section(fields: dict, closed: bool = False) -> tuple:
    """A map that may be left out: its reader, and its value then."""
    read = struct(fields, closed)
    return read, lambda: read(None, "")


SERVER = {
    "bind": (string, "0.0.0.0:8080"),
    "log_format": (string, "text"),
    "otel_endpoint": (optional(string), None),
    "otel_metrics_endpoint": (optional(string), None),
    "otel_trace_sample_ratio": (optional(number), None),
    "otel_export_interval_secs": (optional(whole), None),
}
DATABASE = {
    "kind": (optional(string), None),
    "url": (optional(string), None),
    "path": (optional(string), None),
    "max_connections": (whole, 8),
}
SINGLE_SIGN_ON = {
    "public_base_url": (optional(string), None),
    "providers": (items(struct({"client_secret": (optional(string), None)})), list),
}
AUTH = {
    "bootstrap_admin": _section({
        "enabled": (boolean, True),
        "email": (string, "admin@local"),
        "password": (optional(string), None),
        "require_password_change": (boolean, False),
    }),
    "oidc": _section(SINGLE_SIGN_ON),
    "oauth": _section(SINGLE_SIGN_ON),
}
MCP = {"oauth": _section({
    "providers": (items(struct({"client_id": (optional(string), None), "client_secret": (optional(string), None)})), list),
})}
BUDGET_ALERTS = {"email": _section({"transport": _section({"password": (optional(string), None)})})}


def _provider(**fields):
    return struct({"id": (string, REQUIRED), "auth": (optional(anything), None), **fields})


PROVIDER = tagged("type", {
    "openai_compat": _provider(
        base_url=(optional(string), None), pricing_provider_id=(optional(string), None),
        auth=_section({"kind": (optional(string), None), "token": (optional(string), None)})),
    **dict.fromkeys(("gcp_cloud_run_openai_compat", "gcp_vertex", "aws_bedrock", "github_copilot"), _provider()),
})
MODEL = struct({
    "id": (string, REQUIRED),
    "alias_of": (optional(string), None),
    "routes": (items(struct({"provider": (string, REQUIRED), "upstream_model": (string, REQUIRED)})), list),
})
TEAM = struct({"id": (string, REQUIRED), "name": (optional(string), None)}, closed=True)
SERVICE_ACCOUNT = struct({
    "id": (string, REQUIRED),
    "name": (optional(string), None),
    "keys": (items(struct({"value": (string, REQUIRED)})), list),
}, closed=True)
USER = struct({"email": (string, REQUIRED), "name": (optional(string), None)})


def _shape():
    sections = {
        "server": _section(SERVER),
        "database": _section(DATABASE),
        "auth": _section(AUTH, closed=True),
        "providers": (items(PROVIDER), list),
        "models": (items(MODEL), list),
        "teams": (items(TEAM), list),
        "service_accounts": (items(SERVICE_ACCOUNT), list),
        "users": (items(USER), list),
        "budgets": _section({}, closed=True),
        "budget_alerts": _section(BUDGET_ALERTS),
        "request_logging": (anything, None),
        "mcp": _section(MCP, closed=True),
        "permissions": _section({}, closed=True),
    }
    if versions.knows_agent_analysis():
        sections["agent_analysis"] = _section({}, closed=True)
    return struct(sections)


# --- loading ---

def load(path: str) -> dict:
    """The configuration, checked. A file that is not there is an empty configuration, and that means SQLite."""
    with context(f"failed to load gateway configuration from `{path}`"):
        if not os.path.exists(path):
            return _shape()(None, "")
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read()
        except OSError as error:
            raise Failure(f"stand-in: `{path}` can't be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise Failure(f"stand-in: `{path}` is not UTF-8") from None
        with context(f"failed parsing yaml config `{path}`"):
            loaded = _shape()(schema.compose(text), "")
        with context(f"invalid gateway configuration `{path}`"):
            _check(loaded)
        return loaded


def validated(path: str) -> dict:
    """For `config validate`, the one command that minds a missing file."""
    if not os.path.exists(path):
        raise Failure(f"gateway configuration `{path}` does not exist")
    return load(path)


# --- checks ---

def _check(config: dict) -> None:
    bind_address(config)
    database = config["database"]
    if database["kind"] == "postgres" and database["url"] is None:
        raise Failure("stand-in: database.kind is postgres, and there is no database.url")
    for reference in _strict(config):
        secretrefs.strict(reference)
    for model in config["models"]:
        if (model["alias_of"] is None) == (not model["routes"]):
            raise Failure(f"stand-in: model `{model['id']}` needs either alias_of or routes")


def _strict(config: dict) -> Iterator[str]:
    """The references that are resolved here already; those in auth.bootstrap_admin, keys and most providers are not."""
    auth = config["auth"]
    found = [config["database"]["url"], auth["oidc"]["public_base_url"], auth["oauth"]["public_base_url"]]
    found += [provider["client_secret"] for section in ("oidc", "oauth") for provider in auth[section]["providers"]]
    found += [provider[field] for provider in config["mcp"]["oauth"]["providers"] for field in ("client_id", "client_secret")]
    found.append(config["budget_alerts"]["email"]["transport"]["password"])
    for provider in config["providers"]:
        if provider["type"] in ("aws_bedrock", "github_copilot") and isinstance(provider["auth"], dict):
            found += [value for field, value in provider["auth"].items() if field != "kind" and isinstance(value, str)]
    return (reference for reference in found if reference is not None)


# --- what the commands ask for ---

def bind_address(config: dict) -> tuple[str, int]:
    bind = config["server"]["bind"]
    host, _, port = bind.rpartition(":")
    try:
        if not port.isdigit() or int(port) > 65535:
            raise ValueError
        return str(ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))), int(port)
    except ValueError:
        raise Failure(f"stand-in: server.bind `{bind}` is not ADDRESS:PORT") from None


def database_url(config: dict) -> str:
    database = config["database"]
    if database["url"] is None or database["kind"] not in (None, "postgres"):
        raise Failure("stand-in: this configuration names no PostgreSQL database, so it means SQLite, and that is not played here. "
                      "Does GATEWAY_CONFIG name the file that was meant?")
    return secretrefs.strict(database["url"])


def provider_tokens(config: dict) -> dict[str, str]:
    """The tokens that `config validate` does not look at: serve and seed-config find out what is missing."""
    tokens = {}
    for provider in config["providers"]:
        token = provider["auth"].get("token") if isinstance(provider["auth"], dict) else None
        if isinstance(token, str) and provider["type"] not in ("aws_bedrock", "github_copilot"):
            tokens[provider["id"]] = secretrefs.strict(token)
    return tokens


def client_base_url() -> str | None:
    """GATEWAY_CLIENT_CONFIG_BASE_URL: may be unset, may not be empty."""
    name = "GATEWAY_CLIENT_CONFIG_BASE_URL"
    url = os.environ.get(name)
    if url is not None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Failure(f"stand-in: {name} is `{url}`, not an http or https URL")
    return url


def check_encryption_keys() -> None:
    for name in ("OCEANS_API_KEY_SECRET_ENCRYPTION_KEY", "OCEANS_MCP_CREDENTIAL_ENCRYPTION_KEY"):
        text = os.environ.get(name)
        try:
            fits = text is None or len(base64.b64decode(text, validate=True)) == 32
        except (binascii.Error, ValueError):
            fits = False
        if not fits:
            raise Failure(f"stand-in: {name} is not 32 bytes in base64")
