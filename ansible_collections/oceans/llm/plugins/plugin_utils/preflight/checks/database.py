# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The database against the image that is to work on it: newer than the image, another history, a login that is refused
(faults.md F10, F12; of F1 and F3 what the door tells). Pure.

The image itself cannot be asked before the first write, a pod would have to be made for it. But the history of migrations
can be read (ask_database.py), and which versions a release of the gateway knows is fixed for ever.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..facts import Picture, gateway_container, pod_templates
from ..finding import ERROR, WARNING, Finding
from .tools import numbers

#: the newest migration of each release of the gateway that brought one, in order; a release between two knows at most the later one's
NEWEST = (((0, 8), 24), ((0, 9), 28), ((0, 12), 34), ((0, 13), 36), ((0, 19), 40), ((0, 21), 41), ((0, 23), 43), ((0, 24), 45))
#: names of the migrations from the first one that a database may hold; a name never changes
FIRST = 17
NAMES = (
    "baseline",
    "route_compatibility_profiles",
    "request_log_attempts",
    "request_log_tool_cardinality",
    "request_log_agent_harness",
    "mcp_tool_invocations",
    "service_accounts",
    "identity_entity_tags",
    "oidc_sso_hardening",
    "oauth_providers_and_github_sso",
    "external_mcp_registry",
    "generic_budget_scopes",
    "mcp_tool_access_and_token_overhead",
    "mcp_aggregate_sessions",
    "mcp_upstream_credential_bindings",
    "oauth_provider_allowed_email_domains",
    "oauth_provider_sso_email_verification",
    "review_agent",
    "managed_api_key_secrets",
    "api_key_model_grant_mode",
    "model_allowlists",
    "budget_sources",
    "service_account_entity_tags",
    "route_metadata_overrides",
    "mcp_oauth_states",
    "cache_usage_accounting",
    "validate_cache_usage_accounting",
    "agent_session_analysis",
    "agent_analysis_configuration_version",
)
#: the gateway's own repository, and mirrors that keep its name
REPOSITORY = r"oceans-llm[-/]gateway"
#: what a server says at the door, and goes on to say (PostgreSQL documentation, appendix A)
LOGIN = ("28P01", "28000", "3D000")


def find(picture: Picture) -> Iterator[Finding]:
    database = picture.database
    if database is None or database.unknown:
        return
    if database.sqlstate:
        if database.sqlstate in LOGIN:
            text = f"{database.where} refuses the login with the URL that the pods would have: {database.refusal} ({database.sqlstate})"
            yield Finding("DatabaseLogin", "database", text, "correct user, password and database name in the URL, or the server's pg_hba.conf", WARNING)
        return
    severity = ERROR if _migrates(picture) else WARNING  # a gateway that only serves never looks at the history
    if not database.history and database.tables:
        text = f"{database.where} holds tables of an application ({', '.join(database.tables)}) and no history of migrations: the gateway refuses it"
        yield Finding("DatabaseForeign", "database", text, "name another database in the URL, or restore the table refinery_schema_history", severity)
    yield from _older_image(picture, severity)
    yield from _other_history(picture, severity)


def _older_image(picture: Picture, severity: str) -> Iterator[Finding]:
    image = _image(picture)
    known = newest(image)
    at = max((version for version, _name, _checksum in picture.database.history), default=0) if picture.database else 0
    if known is None or at <= known:
        return
    forward = next((f"v{major}.{minor}" for (major, minor), version in NEWEST if version >= at), "")
    yield Finding(
        "ImageOlderThanDatabase",
        f"image {image}",
        f"the database is at V{at}, and this release of the gateway knows at most V{known}: it refuses a database that is newer than itself",
        f"deploy {f'{forward} or later' if forward else 'the release that migrated it, or a later one'}, or restore a backup from before that migration",
        severity,
    )


def _other_history(picture: Picture, severity: str) -> Iterator[Finding]:
    for version, name, checksum in picture.database.history if picture.database else ():
        if not FIRST <= version < FIRST + len(NAMES):
            continue
        expected, file = NAMES[version - FIRST], f"V{version}__{NAMES[version - FIRST]}.sql"
        if (name, checksum) != (expected, file):
            yield Finding(
                "MigrationHistoryForeign",
                "database",
                f"V{version} in its history is {name} ({checksum}), the gateway's own {expected} ({file}): the history was edited, or comes from another fork",
                "stop, and find out who migrated it (refinery_schema_history.applied_on tells when); restore a backup, or correct that row knowingly",
                severity,
            )
            return  # the gateway stops at the first one, too


def newest(image: str) -> int | None:
    """The newest migration that an image can know; None when its name does not tell."""
    found = re.fullmatch(rf"(?:.*/)?{REPOSITORY}:(v?\d+\.\d+\.\d+)(?:@sha256:[0-9a-f]+)?", image)
    version = numbers(found[1]) if found else None
    return next((known for release, known in NEWEST if version is not None and version[:2] <= release), None)


def _image(picture: Picture) -> str:
    found = gateway_container(picture.objects)
    return str(found[1].get("image") or "") if found else ""


def _migrates(picture: Picture) -> bool:
    """True when a pod of the release runs `gateway migrate`: the Job, or the waiter in front of the gateway."""
    for _where, template in pod_templates(picture.objects):
        for container in (*(template["spec"].get("initContainers") or ()), *(template["spec"].get("containers") or ())):
            words = " ".join(str(word) for word in (*(container.get("command") or ()), *(container.get("args") or ())))
            if re.search(r"\bmigrate\b", words):
                return True
    return False
