"""serve: everything that can fail comes first, the port opens last."""

import signal
import time

from . import bootstrap, config, knobs, log, migrations, seed
from .errors import Failure, context
from .store import Store, StoreError

CATALOGUE = "models_dev_supported_v2"
SOURCE = "https://models.dev/api.json"


def run(loaded: dict, wanted: dict[str, bool]) -> None:
    # Neither signal is handled by the gateway: the default action, and as PID 1 that is none at all.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if knobs.ignores_sigterm():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    url = config.database_url(loaded)
    if wanted["run-migrations"]:
        migrations.run(url)
    store = Store(url, loaded["database"]["max_connections"])
    if wanted["seed-config"]:
        seed.run(store, loaded)
    if wanted["bootstrap-admin"]:
        bootstrap.ensure_admin(store, loaded["auth"]["bootstrap_admin"])
    _catalogue(store)
    tokens = config.provider_tokens(loaded)
    config.check_for_serve(loaded)
    from . import web

    address = config.bind_address(loaded)
    shown = f"[{address[0]}]:{address[1]}" if ":" in address[0] else f"{address[0]}:{address[1]}"
    try:
        server = web.Server(address, web.State(store, loaded, tokens))
    except OSError as error:
        raise Failure(f"failed binding gateway listener at `{shown}`", f"{error.strerror} (os error {error.errno})") from None
    log.info("gateway", "gateway started", address=shown)
    server.serve_forever()


def _catalogue(store: Store) -> None:
    """Prices are fetched before the port opens. That they can't be is a warning; that the store has no table is the end."""
    try:
        store.query("SELECT 1 FROM pricing_catalog_cache LIMIT 1")
    except StoreError as error:
        _not_refreshed(str(error))
        with context("failed to initialize pricing catalog"):
            raise error.failure() from None
    kind, seconds = knobs.catalogue()
    if kind == "ok":
        store.query("INSERT INTO pricing_catalog_cache (name, content) VALUES (%s, '{}') ON CONFLICT (name) DO UPDATE SET stored_at = now()", (CATALOGUE,))
        return
    if kind == "blackhole":
        time.sleep(seconds)
    # How the gateway's own sentence goes on after the colon is not known.
    _not_refreshed("internal error: pricing catalog refresh request failed: stand-in: the source is out of reach")


def _not_refreshed(error: str) -> None:
    log.warn("gateway_service::pricing_catalog", "pricing catalog refresh failed; falling back to cached snapshot",
             catalog_key=CATALOGUE, source_url=SOURCE, error=error)
