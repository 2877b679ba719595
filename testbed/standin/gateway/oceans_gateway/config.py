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

# An administrator whose password the file leaves out has this one: anybody can log in.
DEFAULT_PASSWORD = "literal.admin"
KEY_SEAL = "OCEANS_API_KEY_SECRET_ENCRYPTION_KEY"

# --- shape ---

def _section(fields: dict, closed: bool = False) -> tuple:
    """A map that may be left out: its reader, and its value then."""
    read = struct(fields, closed)
    return read, lambda: read(None, "")


SERVER = {
    "bind": (string, "0.0.0.0:8080"),
    "log_format": (string, "pretty"),
    "otel_endpoint": (optional(string), None),
    "otel_metrics_endpoint": (optional(string), None),
    "otel_trace_sample_ratio": (optional(number), 1.0),
    "otel_export_interval_secs": (optional(whole), 30),
}
DATABASE = {
    "kind": (optional(string), None),
    "url": (optional(string), None),
    "path": (optional(string), None),
    "max_connections": (whole, 10),
}
SINGLE_SIGN_ON = {
    "public_base_url": (optional(string), None),
    "providers": (items(struct({"enabled": (boolean, True), "client_secret": (optional(string), None)})), list),
}
AUTH = {
    "bootstrap_admin": _section({
        "enabled": (boolean, True),
        "email": (string, "admin@local"),
        "password": (optional(string), DEFAULT_PASSWORD),
        "require_password_change": (boolean, False),
    }),
    "oidc": _section(SINGLE_SIGN_ON),
    "oauth": _section(SINGLE_SIGN_ON),
}
MCP = {"oauth": _section({
    "public_base_url": (optional(string), None),
    "providers": (items(struct({"client_id": (optional(string), None), "client_secret": (optional(string), None)})), list),
})}
BUDGET_ALERTS = {"email": _section({"transport": _section({
    "username": (optional(string), None), "password": (optional(string), None),
})})}


def _provider(**fields):
    return struct({"id": (string, REQUIRED), "auth": (optional(anything), None), **fields})


PROVIDER = tagged("type", {
    "openai_compat": _provider(
        base_url=(optional(string), None), pricing_provider_id=(optional(string), None), default_headers=(optional(anything), None),
        timeouts=_section({"total_ms": (whole, 120_000)}),
        auth=_section({"kind": (optional(string), None), "token": (optional(string), None)})),
    **dict.fromkeys(("gcp_cloud_run_openai_compat", "gcp_vertex", "aws_bedrock", "github_copilot"), _provider()),
})
MODEL = struct({
    "id": (string, REQUIRED),
    "alias_of": (optional(string), None),
    "routes": (items(struct({"provider": (string, REQUIRED), "upstream_model": (string, REQUIRED)})), list),
})
TEAM = struct({"id": (string, REQUIRED), "name": (string, REQUIRED), "tags": (anything, None)}, closed=True)
BUDGET = struct({
    "cadence": (optional(string), None),
    "amount_usd": (anything, None),
    "hard_limit": (optional(boolean), None),
    "timezone": (optional(string), None),
}, closed=True)
SERVICE_ACCOUNT = struct({
    "id": (string, REQUIRED),
    "name": (optional(string), None),
    "team": (string, REQUIRED),
    "tags": (anything, None),
    "budget": (BUDGET, REQUIRED),
    "keys": (items(struct({
        "id": (string, REQUIRED),
        "name": (optional(string), None),
        "auto_create": (boolean, True),
        "value": (optional(string), None),
        "allowed_models": (anything, None),
    })), list),
}, closed=True)
USER = struct({"name": (string, REQUIRED), "email": (string, REQUIRED), "auth_mode": (string, REQUIRED)})
BUDGETS = {"users": _section({"default": (optional(BUDGET), None), "model_defaults": (items(anything), list)}, closed=True)}
PERMISSIONS = dict.fromkeys(
    ("users", "team_admins", "platform_admins"),
    _section({"pages": (items(string), list), "actions": (items(string), list), "default_page": (optional(string), None)}, closed=True))
# The fields are those of the variables AGENT_ANALYSIS_*: their names in the file have not been seen.
ANALYSIS_SWITCHES = ("enabled", "shadow_diagnostics_enabled", "calibrated_score_enabled", "team_admin_enabled")
ANALYSIS = dict.fromkeys((*ANALYSIS_SWITCHES, "calibration_approval_id", "report_retention_days", "queue_retention_days"), (anything, None))


def _shape():
    sections = {
        "server": _section(SERVER),
        "database": _section(DATABASE),
        "auth": _section(AUTH, closed=True),
        "providers": (items(PROVIDER), list),
        "models": (items(MODEL), list),
        "teams": (items(TEAM), list),
        "users": (items(USER), list),
        "budgets": _section(BUDGETS, closed=True),
        "budget_alerts": _section(BUDGET_ALERTS),
        "request_logging": (anything, None),
        "mcp": _section(MCP, closed=True),
        "permissions": _section(PERMISSIONS, closed=True),
    }
    if versions.knows_service_accounts():
        sections["service_accounts"] = (items(SERVICE_ACCOUNT), list)
    if versions.knows_agent_analysis():
        sections["agent_analysis"] = _section(ANALYSIS, closed=True)
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
    for reference in _strict(config):
        secretrefs.strict(reference)
    for model in config["models"]:
        if (model["alias_of"] is None) == (not model["routes"]):
            raise Failure(f"stand-in: model `{model['id']}` needs either alias_of or routes")
    for index, user in enumerate(config["users"]):
        if user["email"].strip().lower() == config["auth"]["bootstrap_admin"]["email"].strip().lower():
            raise Failure(f"stand-in: users[{index}].email is the address of auth.bootstrap_admin")


def _strict(config: dict) -> Iterator[str]:
    """The references that are resolved here already; those in auth.bootstrap_admin, keys and most providers are not."""
    auth = config["auth"]
    found = [config["database"]["url"], auth["oidc"]["public_base_url"], auth["oauth"]["public_base_url"]]
    found += [provider["client_secret"] for section in ("oidc", "oauth") for provider in auth[section]["providers"] if provider["enabled"]]
    found += [provider[field] for provider in config["mcp"]["oauth"]["providers"] for field in ("client_id", "client_secret")]
    transport = config["budget_alerts"]["email"]["transport"]
    found.append(transport["password"])
    if (transport["username"] or "").startswith("env."):
        # Only this much of the user's name: plain text is found out by serve.
        found.append(transport["username"])
    for provider in config["providers"]:
        if provider["type"] in ("aws_bedrock", "github_copilot") and isinstance(provider["auth"], dict):
            found += [value for field, value in provider["auth"].items() if isinstance(value, str) and field != "kind" and
                      not (field == "private_key" and not value.startswith(("env.", "literal.")))]  # a path otherwise
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
    kind, url = config["database"]["kind"], config["database"]["url"]
    if kind == "postgres" and url is None:
        raise Failure("failed resolving database configuration", "database.url is required when database.kind=postgres")
    if kind not in (None, "postgres", "libsql", "sqlite"):
        raise Failure("failed resolving database configuration", "unsupported database.kind")
    if url is None or kind not in (None, "postgres"):
        raise Failure("stand-in: this configuration names no PostgreSQL database, so it means SQLite, and that is not played here. "
                      "Does GATEWAY_CONFIG name the file that was meant?")
    return secretrefs.strict(url)


def exporters(config: dict) -> None:
    """Made by every command that has logs. What a broken endpoint is told with is not known."""
    for field, what in (("otel_endpoint", "span"), ("otel_metrics_endpoint", "metric")):
        if config["server"][field] is not None:
            with context(f"failed constructing OTLP {what} exporter"):
                _web_url(f"server.{field}", config["server"][field])


def provider_tokens(config: dict) -> dict[str, str]:
    """The tokens that `config validate` does not look at: serve and seed-config find out what is missing."""
    tokens = {}
    for provider in config["providers"]:
        token = provider["auth"].get("token") if isinstance(provider["auth"], dict) else None
        if isinstance(token, str) and provider["type"] not in ("aws_bedrock", "github_copilot"):
            tokens[provider["id"]] = secretrefs.strict(token)
    return tokens


def _web_url(name: str, url: str):
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Failure(f"stand-in: {name} is not a URL")
    return parts


# --- what only serve finds out ---

def check_for_serve(config: dict) -> None:
    """Each of these ends `serve` before the port opens, and passes `config validate`."""
    for provider in config["providers"]:
        if provider.get("base_url") is not None and not urlsplit(provider["base_url"]).hostname:
            raise Failure(f"failed building {provider['type']} provider: stand-in: base_url of `{provider['id']}` is not a URL")
    for section, name in (("oidc", "OIDC"), ("oauth", "OAuth")):
        reference = config["auth"][section]["public_base_url"]
        if reference is not None:
            with context(f"failed resolving {name} public base URL"):
                _web_url(f"auth.{section}.public_base_url", secretrefs.strict(reference))
    _check_mcp(config["mcp"]["oauth"])
    with context("failed to build budget alert email sender"):
        transport = config["budget_alerts"]["email"]["transport"]
        given = [secretrefs.strict(value) for value in (transport["username"], transport["password"]) if value is not None]
        if len(given) == 1:
            raise Failure("stand-in: username and password must be set together")
    with context("failed resolving client config gateway base URL"):
        _check_client_base_url()
    _check_encryption_keys()
    for switch in ANALYSIS_SWITCHES:
        name = f"AGENT_ANALYSIS_{switch.upper()}"
        if os.environ.get(name, "true") not in ("true", "false"):
            raise Failure(f"stand-in: {name} is neither true nor false")


def _check_mcp(oauth: dict) -> None:
    url = oauth["public_base_url"]
    parts = urlsplit(url or "https://none")
    if parts.scheme != "https" or not parts.hostname or parts.path not in ("", "/"):
        raise Failure("failed resolving MCP OAuth configuration", "stand-in: mcp.oauth.public_base_url is not an https origin")
    if oauth["providers"] and "OCEANS_MCP_CREDENTIAL_ENCRYPTION_KEY" not in os.environ:
        raise Failure("invalid MCP credential runtime configuration",
                      "OCEANS_MCP_CREDENTIAL_ENCRYPTION_KEY is required when an MCP OAuth provider is configured")


def _check_client_base_url() -> None:
    """May be unset, may not be empty."""
    name = "GATEWAY_CLIENT_CONFIG_BASE_URL"
    url = os.environ.get(name)
    if url is None:
        return
    parts = urlsplit(url)
    if not url:
        raise Failure(f"{name} cannot be empty")
    if url != url.strip():
        raise Failure(f"{name} cannot include leading or trailing whitespace")
    if parts.scheme not in ("http", "https"):
        raise Failure(f"{name} scheme `{parts.scheme}` is not supported")
    if not parts.hostname:
        raise Failure(f"{name} must include a host")


def _check_encryption_keys() -> None:
    for name in (KEY_SEAL, "OCEANS_MCP_CREDENTIAL_ENCRYPTION_KEY"):
        text = os.environ.get(name)
        try:
            fits = text is None or len(base64.b64decode(text, validate=True)) == 32
        except (binascii.Error, ValueError):
            fits = False
        if not fits:
            raise Failure(f"stand-in: {name} is not 32 bytes in base64")
