"""purge-request-logs: deletes request logs older than a retention; a dry run counts, and demands a finished schema."""

import time

from . import config, migrations
from .errors import context
from .store import Store, StoreError


def command(loaded: dict, retention: str, dry_run: bool) -> None:
    url = config.database_url(loaded)
    if dry_run:
        with context("database migration check failed"):
            migrations.check(url)
    else:
        migrations.run(url)
    store = Store(url, loaded["database"]["max_connections"])
    cutoff = time.time_ns() - int(retention.removesuffix("d")) * 86_400 * 1_000_000_000
    before = (cutoff / 1_000_000_000,)
    try:
        ((matched,),) = store.query("SELECT count(*) FROM answered_requests WHERE answered_at < to_timestamp(%s)", before)
        deleted = 0
        if not dry_run:
            deleted = len(store.query("DELETE FROM answered_requests WHERE answered_at < to_timestamp(%s) RETURNING 1", before))
    except StoreError as error:
        raise error.failure().within("stand-in: the request logs could not be purged") from None
    print(f"cutoff: {_shown(cutoff)}")
    print(f"dry_run: {str(dry_run).lower()}")
    print(f"matched_count: {matched}")
    print(f"deleted_count: {deleted}")


def _shown(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    fraction = f"{rest:09d}".rstrip("0") or "0"
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds)) + f".{fraction} +00:00:00"
