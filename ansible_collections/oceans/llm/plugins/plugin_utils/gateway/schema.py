# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The schema of the gateway's database: which migrations there are, which release knows which, and how its history is read."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .postgres import Session

#: the gateway's own repository, and mirrors that keep its name, with the release in the tag
_IMAGE = re.compile(r"\A(?:.*/)?oceans-llm[-/]gateway:v?(\d+)\.(\d+)\.(\d+)(?:@sha256:[0-9a-f]+)?")
#: first release -> newest migration that it knows; the releases up to the next row know the same ones
NEWEST = (
    ((0, 6, 0), 18),
    ((0, 7, 0), 20),
    ((0, 8, 0), 24),
    ((0, 9, 0), 28),
    ((0, 10, 0), 32),
    ((0, 11, 2), 33),
    ((0, 12, 0), 34),
    ((0, 13, 0), 36),
    ((0, 14, 0), 37),
    ((0, 15, 0), 38),
    ((0, 17, 0), 39),
    ((0, 18, 0), 40),
    ((0, 20, 0), 41),
    ((0, 22, 0), 43),
    ((0, 24, 0), 45),
)
#: the last release of the table, and the patch releases in it; of any other patch release it is not known what it brought
LAST, PATCHES = (0, 24, 0), ((0, 11, 1), (0, 11, 2))
#: names of the migrations from the first one that a database may hold, those of the release to come included; a name never changes
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
    "batch_jobs",
    "batch_pricing_snapshot",
)
#: any of these without a history of migrations, and the gateway refuses the database as somebody else's
_TABLES = """
providers gateway_models teams service_accounts users team_memberships oidc_providers oidc_login_states oauth_providers oauth_login_states
user_password_auth user_oidc_auth user_oauth_auth user_model_allowlist team_model_allowlist service_account_model_allowlist model_allowlist_users
model_allowlist_teams api_keys api_key_model_grants audit_logs model_routes pricing_catalog_cache password_invitations user_oidc_links
user_oauth_links user_sessions model_pricing request_logs request_log_payloads request_log_tags request_log_attempts mcp_tool_invocations
mcp_tool_invocation_payloads external_mcp_servers external_mcp_tools external_mcp_discovery_runs mcp_aggregate_sessions
mcp_upstream_credential_bindings mcp_toolsets mcp_toolset_tools mcp_tool_grants mcp_tool_token_estimates request_mcp_token_overheads budgets
budget_alerts budget_alert_deliveries review_agent_repositories review_agent_pull_requests review_agent_runs api_key_managed_credentials
api_key_secret_materials agent_session_sources agent_sessions agent_session_requests agent_inferred_observation_sets agent_inferred_observations
agent_session_analyses agent_analysis_recompute_queue usage_cost_event_duplicates_archive usage_cost_events batch_jobs batch_items
"""
TABLES = tuple(_TABLES.split())
#: tables that came with a release later than the newest one: an older gateway does not mind them
LATER = ("batch_jobs", "batch_items")

_THERE = "SELECT to_regclass('public.refinery_schema_history')"
_HISTORY = "SELECT version, name, checksum FROM public.refinery_schema_history ORDER BY version"
_FOREIGN = f"SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename = ANY ('{{{','.join(TABLES)}}}') ORDER BY 1"

#: (version, name, checksum) of each migration that was applied, in order
History = tuple[tuple[int, str, str], ...]


@dataclass(frozen=True)
class Known:
    """The newest migration that a release knows. `sure`: the release is in the table; else it may have brought others."""

    version: int
    sure: bool


def release_of(image: str) -> tuple[int, int, int] | None:
    """The release that an image's name tells; None when it does not."""
    found = _IMAGE.fullmatch(image)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def newest(release: tuple[int, ...] | None) -> Known | None:
    """None: an unknown release, or one that is newer than the table."""
    if release is None or release[:2] > LAST[:2]:
        return None
    version = max((known for since, known in NEWEST if since <= release), default=0)
    return Known(version, release[2] == 0 or release in PATCHES) if version else None


def release_for(version: int) -> str:
    """The first release that knows a migration; empty when the table has none."""
    return next(("v" + ".".join(map(str, since)) for since, known in NEWEST if known >= version), "")


def history(session: Session) -> History:
    """Empty: no migration has been applied. :raises Refusal: by the server.  :raises OSError: by the connection."""
    if not session.rows(_THERE)[0][0]:
        return ()
    return tuple((int(version), name, checksum) for version, name, checksum in session.rows(_HISTORY))


def foreign_tables(session: Session) -> tuple[str, ...]:
    """Tables that only count where there is no history."""
    return tuple(row[0] for row in session.rows(_FOREIGN))
