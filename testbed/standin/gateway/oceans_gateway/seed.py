"""Objects of the configuration, written to the database: upserts one by one, nothing removed, not one transaction.

Budgets are not played: nothing is known of their fields.
"""

from . import config, migrations, passwords, secretrefs
from .errors import Failure, context
from .store import Store, StoreError


def command(loaded: dict) -> None:
    url = config.database_url(loaded)
    migrations.run(url)
    run(Store(url, loaded["database"]["max_connections"]), loaded)


def run(store: Store, loaded: dict) -> None:
    """Every secret is looked up before the first row is written."""
    config.provider_tokens(loaded)
    keys = [(account["id"], *_key(account["id"], key["value"])) for account in loaded["service_accounts"] for key in account["keys"]]
    with context("failed to seed foundational config data"):
        try:
            _providers_and_models(store, loaded)
            _identities(store, loaded, keys)
        except StoreError as error:
            raise error.failure() from None


def _key(account: str, reference: str) -> tuple[str, str]:
    """A key's public part and secret. What it is instead is not printed: it may be a secret all the same."""
    value = secretrefs.strict(reference)
    public, _, secret = value.removeprefix("gwk_").partition(".")
    if not value.startswith("gwk_") or not public or not secret:
        raise Failure(f"stand-in: a key of service account `{account}` does not look like gwk_PUBLIC.SECRET")
    return public, secret


def _providers_and_models(store: Store, loaded: dict) -> None:
    for provider in loaded["providers"]:
        store.query("INSERT INTO providers (id, type, base_url) VALUES (%s, %s, %s) "
                    "ON CONFLICT (id) DO UPDATE SET type = excluded.type, base_url = excluded.base_url",
                    (provider["id"], provider["type"], provider.get("base_url")))
    for model in loaded["models"]:
        store.query("INSERT INTO models (id, alias_of) VALUES (%s, %s) ON CONFLICT (id) DO UPDATE SET alias_of = excluded.alias_of",
                    (model["id"], model["alias_of"]))
        for place, route in enumerate(model["routes"]):
            store.query("INSERT INTO model_routes (model, place, provider, upstream_model) VALUES (%s, %s, %s, %s) "
                        "ON CONFLICT (model, place) DO UPDATE SET provider = excluded.provider, upstream_model = excluded.upstream_model",
                        (model["id"], place, route["provider"], route["upstream_model"]))


def _identities(store: Store, loaded: dict, keys: list[tuple[str, str, str]]) -> None:
    for table, key in (("teams", "id"), ("service_accounts", "id"), ("users", "email")):
        for entry in loaded.get(table, ()):
            identity = entry[key].strip().lower() if key == "email" else entry[key]
            store.query(f"INSERT INTO {table} ({key}, name) VALUES (%s, %s) ON CONFLICT ({key}) DO UPDATE SET name = excluded.name",
                        (identity, entry["name"] or identity))
    for owner, public, secret in keys:
        store.query("INSERT INTO bearer_keys (public_part, secret_digest, owner) VALUES (%s, %s, %s) "
                    "ON CONFLICT (public_part) DO UPDATE SET secret_digest = excluded.secret_digest, owner = excluded.owner",
                    (public, passwords.digest(secret), owner))
