"""Objects of the configuration, written to the database: upserts one by one, nothing removed, not one transaction.

Budgets are not played.
"""

import os

from . import config, migrations, passwords, postgres_url, secretrefs
from .errors import Failure, context
from .store import Store


def command(loaded: dict) -> None:
    url = config.database_url(loaded)
    migrations.run(url)
    run(Store(url, loaded["database"]["max_connections"]), loaded)


def local_demo(loaded: dict) -> None:
    host = postgres_url.parse(config.database_url(loaded))["host"]
    if host not in ("localhost", "127.0.0.1", "::1") and not host.startswith("/"):
        raise Failure("stand-in: seed-local-demo is for a database on this machine only")
    command(loaded)


def run(store: Store, loaded: dict) -> None:
    """Every secret is looked up before the first row is written."""
    config.provider_tokens(loaded)
    keys = [(account["id"], *found) for account in loaded.get("service_accounts", ()) for key in account["keys"] if (found := _key(account["id"], key))]
    with context("failed to seed foundational config data"):
        _providers_and_models(store, loaded)
        _identities(store, loaded, keys)


def _key(account: str, key: dict) -> tuple[str, str, bool] | None:
    """A key's public part, its secret, and whether one that is there already stays. What it is instead is not printed: it may be a secret all the same."""
    if key["value"] is None:
        if not key["auto_create"]:
            return None
        with context(f"failed encrypting gateway key for service account `{account}`"):
            if not os.environ.get(config.KEY_SEAL):
                raise Failure(f"stand-in: {config.KEY_SEAL} is not set")
        return f"{account}-{key['id']}", os.urandom(16).hex(), True
    with context(f"service account `{account}` key `{key['id']}` value"):
        value = secretrefs.strict(key["value"])
        public, _, secret = value.removeprefix("gwk_").partition(".")
        if not value.startswith("gwk_") or not public or not secret:
            raise Failure("stand-in: the key does not have the form gwk_PUBLIC.SECRET")
    return public, secret, False


def _providers_and_models(store: Store, loaded: dict) -> None:
    for provider in loaded["providers"]:
        store.ask("INSERT INTO providers (id, type, base_url) VALUES (%s, %s, %s) "
                  "ON CONFLICT (id) DO UPDATE SET type = excluded.type, base_url = excluded.base_url",
                  (provider["id"], provider["type"], provider.get("base_url")))
    for model in loaded["models"]:
        store.ask("INSERT INTO models (id, alias_of) VALUES (%s, %s) ON CONFLICT (id) DO UPDATE SET alias_of = excluded.alias_of",
                  (model["id"], model["alias_of"]))
        for place, route in enumerate(model["routes"]):
            store.ask("INSERT INTO model_routes (model, place, provider, upstream_model) VALUES (%s, %s, %s, %s) "
                      "ON CONFLICT (model, place) DO UPDATE SET provider = excluded.provider, upstream_model = excluded.upstream_model",
                      (model["id"], place, route["provider"], route["upstream_model"]))


def _identities(store: Store, loaded: dict, keys: list[tuple[str, str, str, bool]]) -> None:
    for table, key in (("teams", "id"), ("service_accounts", "id"), ("users", "email")):
        for entry in loaded.get(table, ()):
            if table == "service_accounts" and not store.ask("SELECT 1 FROM teams WHERE id = %s", (entry["team"],)):
                raise Failure(f"store conflict: stand-in: team `{entry['team']}` of service account `{entry['id']}` does not exist")
            identity = entry[key].strip().lower() if key == "email" else entry[key]
            store.ask(f"INSERT INTO {table} ({key}, name) VALUES (%s, %s) ON CONFLICT ({key}) DO UPDATE SET name = excluded.name",
                      (identity, entry["name"] or identity))
    for owner, public, secret, keep in keys:
        store.ask("INSERT INTO api_keys (public_part, secret_digest, owner) VALUES (%s, %s, %s) ON CONFLICT (public_part) DO "
                  + ("NOTHING" if keep else "UPDATE SET secret_digest = excluded.secret_digest, owner = excluded.owner"),
                  (public, passwords.digest(secret), owner))
