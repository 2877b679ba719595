"""Which release this image claims to be, and the newest schema version that a release knows."""

import os

from .errors import Failure

# From this release on, up to this schema version.
NEWEST_SCHEMA = (
    ((0, 6), 18),
    ((0, 7), 20),
    ((0, 8), 24),
    ((0, 9), 28),
    ((0, 10), 32),
    ((0, 11, 2), 33),
    ((0, 12), 34),
    ((0, 13), 36),
    ((0, 14), 37),
    ((0, 15), 38),
    ((0, 17), 39),
    ((0, 18), 40),
    ((0, 20), 41),
    ((0, 22), 43),
    ((0, 24), 45),
    ((0, 25), 47),  # not released yet: what three days after v0.24.0 were built
)
DEFAULT = "v0.24.0"


def release() -> tuple[int, ...]:
    """The claimed release as numbers, e.g. (0, 24, 0)."""
    claimed = os.environ.get("STANDIN_VERSION") or DEFAULT
    try:
        numbers = tuple(int(part) for part in claimed.removeprefix("v").split("."))
    except ValueError:
        raise Failure(f"stand-in: STANDIN_VERSION `{claimed}` is not a release like v0.24.0") from None
    if numbers < NEWEST_SCHEMA[0][0]:
        raise Failure(f"stand-in: STANDIN_VERSION `{claimed}` is older than v0.6, the oldest release it can play")
    return numbers


def number() -> str:
    """As /api/v1/health shows it: without the v."""
    return ".".join(str(part) for part in release())


def newest_schema() -> int:
    return max(schema for since, schema in NEWEST_SCHEMA if since <= release())


def knows_service_accounts() -> bool:
    return newest_schema() >= 23


def knows_batches() -> bool:
    return newest_schema() >= 46


def knows_config_validate() -> bool:
    return release() >= (0, 20, 1)


def knows_agent_analysis() -> bool:
    """The config section came with its tables; an older release ignores it without a word."""
    return newest_schema() >= 44
