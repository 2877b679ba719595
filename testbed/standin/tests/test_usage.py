# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line and configuration: no database needed, exact texts."""

from __future__ import annotations

import ast

import pytest

from testbed.standin.tests.support import STANDIN, Gateway

GOOD = "database: {kind: postgres, url: env.POSTGRES_URL}\n"


def invalid(gateway: Gateway, text: str, *causes: str, **environment: str) -> None:
    """`config validate` fails with these causes after the first line."""
    done = gateway.config(text, "c.yaml")("config", "validate", "--config", "c.yaml", **environment)
    assert (done.code, done.out) == (1, "")
    listed = "".join(f"    {number}: {cause}\n" for number, cause in enumerate(causes))
    assert done.err == f"Error: failed to load gateway configuration from `c.yaml`\n\nCaused by:\n{listed}"


# --- misuse ---

@pytest.mark.parametrize("words", [("--help",), ("-h",), ("migrate", "--help")])
def test_help_is_told_on_stdout(bare: Gateway, words: tuple[str, ...]) -> None:
    done = bare(*words)
    assert (done.code, done.err) == (0, "")
    for command in ("serve", "config validate", "migrate [--check] [--apply] [--status]", "bootstrap-admin", "seed-config", "purge-request-logs",
                    "recompute-agent-analysis", "seed-local-demo"):
        assert f"  gateway {command}" in done.out


@pytest.mark.parametrize(("words", "sentence"), [
    (("frob",), "there is no command `gateway frob`"),
    (("config",), "`gateway config` needs a command: validate"),
    (("migrate", "--force"), "`gateway migrate` does not take --force"),
    (("migrate", "--check", "--check"), "`gateway migrate` does not take --check a second time"),
    (("migrate", "now"), "there is no command `gateway migrate now`"),
    (("purge-request-logs",), "`gateway purge-request-logs` needs --retention with one of 1d, 3d, 7d"),
    (("purge-request-logs", "--retention", "5d"), "`gateway purge-request-logs` needs --retention with one of 1d, 3d, 7d"),
    (("serve", "--run-migrations"), "--run-migrations needs a value"),
    (("--config",), "--config needs a value"),
    (("recompute-agent-analysis", "--limit", "0"), "--limit needs a number from 1 to 1000"),
    (("recompute-agent-analysis", "--limit", "1001"), "--limit needs a number from 1 to 1000"),
    (("recompute-agent-analysis", "--session-id", "x"), "--session-id needs a UUID"),
    (("recompute-agent-analysis", "--session-id", "00000000-0000-0000-0000-000000000000", "--limit", "5"), "--session-id and --limit exclude each other"),
])
def test_misuse_exits_2(bare: Gateway, words: tuple[str, ...], sentence: str) -> None:
    done = bare(*words)
    assert (done.code, done.out, done.err) == (2, "", f"error: {sentence}\n\nFor more information, try '--help'.\n")


@pytest.mark.parametrize(("variable", "option"), [("GATEWAY_RUN_MIGRATIONS", "run-migrations"), ("GATEWAY_BOOTSTRAP_ADMIN", "bootstrap-admin"),
                                                  ("GATEWAY_SEED_CONFIG", "seed-config")])
@pytest.mark.parametrize("value", ["0", "False", "yes"])
def test_switches_are_true_or_false(bare: Gateway, variable: str, option: str, value: str) -> None:
    done = bare("serve", **{variable: value})
    placeholder = option.upper().replace("-", "_")
    assert (done.code, done.out) == (2, "")
    assert done.err == (f"error: invalid value '{value}' for '--{option} <{placeholder}>'\n  [possible values: true, false]\n\n"
                        "For more information, try '--help'.\n")


def test_switches_are_not_read_without_the_word_serve(bare: Gateway) -> None:
    """Bare `gateway` goes on with a value that `serve` refuses (and then finds no database)."""
    done = bare(GATEWAY_RUN_MIGRATIONS="0")
    assert done.code == 1
    assert "SQLite" in done.err


@pytest.mark.parametrize("words", [("migrate",), ("migrate", "--check", "--apply"), ("migrate", "--check", "--apply", "--status")])
def test_migrate_wants_exactly_one_flag(bare: Gateway, words: tuple[str, ...]) -> None:
    done = bare(*words)
    assert (done.code, done.out, done.err) == (1, "", "Error: choose exactly one of --check, --apply, or --status\n")


def test_a_missing_file_is_an_empty_configuration_and_means_sqlite(bare: Gateway) -> None:
    done = bare("migrate", "--check", "--config", "nope.yaml")
    assert done.code == 1
    assert "SQLite" in done.err


# --- config validate ---

def test_valid(bare: Gateway) -> None:
    done = bare.config(GOOD, "c.yaml")("config", "validate", "--config", "c.yaml", POSTGRES_URL="postgres://nowhere.invalid/x")
    assert (done.code, done.out, done.err) == (0, "gateway configuration `c.yaml` is valid\n", "")


def test_the_file_is_named_by_the_environment_too(bare: Gateway) -> None:
    done = bare.config(GOOD, "e.yaml")("config", "validate", GATEWAY_CONFIG="e.yaml", POSTGRES_URL="postgres://h/d")
    assert done.out == "gateway configuration `e.yaml` is valid\n"


def test_missing_file(bare: Gateway) -> None:
    done = bare("config", "validate", "--config", "nope.yaml")
    assert (done.code, done.out, done.err) == (1, "", "Error: gateway configuration `nope.yaml` does not exist\n")


def test_unset_variable(bare: Gateway) -> None:
    invalid(bare, GOOD, "invalid gateway configuration `c.yaml`", "required environment variable `POSTGRES_URL` is not set",
            "environment variable not found")


def test_an_empty_variable_is_accepted(bare: Gateway) -> None:
    assert bare.config(GOOD)("config", "validate", POSTGRES_URL="").code == 0


def test_url_without_prefix_is_printed_raw(bare: Gateway) -> None:
    invalid(bare, "database: {kind: postgres, url: 'postgres://u:hunter2@h/d'}\n", "invalid gateway configuration `c.yaml`",
            "unsupported secret reference `postgres://u:hunter2@h/d`; use env.* or literal.* for this phase")


def test_unknown_provider_type(bare: Gateway) -> None:
    text = "server: {}\ndatabase: {kind: postgres, url: literal.x}\n\nproviders:\n  - {id: openai, type: opnai, base_url: https://x}\n"
    invalid(bare, text, "failed parsing yaml config `c.yaml`",
            "providers[0].type: unknown variant `opnai`, expected one of `openai_compat`, `gcp_cloud_run_openai_compat`, `gcp_vertex`, "
            "`aws_bedrock`, `github_copilot` at line 5 column 24")


def test_unknown_key_in_auth(bare: Gateway) -> None:
    invalid(bare, "server: {}\n\nauth: {seed_api_keys: []}\n", "failed parsing yaml config `c.yaml`",
            "auth: unknown field `seed_api_keys`, expected one of `bootstrap_admin`, `oidc`, `oauth` at line 3 column 8")


@pytest.mark.parametrize(("text", "cause"), [
    ("mcp: {x: 1}\n", "mcp: unknown field `x`, expected `oauth` at line 1 column 7"),
    ("permissions: {x: {}}\n", "permissions: unknown field `x`, expected one of `users`, `team_admins`, `platform_admins` at line 1 column 15"),
    ("permissions: {users: {x: 1}}\n", "permissions.users: unknown field `x`, expected one of `pages`, `actions`, `default_page` at line 1 column 23"),
    ("budgets: {x: {}}\n", "budgets: unknown field `x`, expected `users` at line 1 column 11"),
    ("budgets: {users: {default: {x: 1}}}\n", "budgets.users.default: unknown field `x`, expected one of `cadence`, `amount_usd`, `hard_limit`, `timezone` "
     "at line 1 column 29"),
    ("agent_analysis: {x: 1}\n", "agent_analysis: unknown field `x`, expected one of `enabled`, `shadow_diagnostics_enabled`, `calibrated_score_enabled`, "
     "`team_admin_enabled`, `calibration_approval_id`, `report_retention_days`, `queue_retention_days` at line 1 column 18"),
    ("teams:\n  - {id: a, name: A, x: red}\n", "teams[0]: unknown field `x`, expected one of `id`, `name`, `tags` at line 2 column 22"),
    ("teams:\n  - {id: a}\n", "teams[0]: missing field `name` at line 2 column 5"),
    ("service_accounts:\n  - {id: a, x: 1}\n",
     "service_accounts[0]: unknown field `x`, expected one of `id`, `name`, `team`, `tags`, `budget`, `keys` at line 2 column 13"),
    ("service_accounts:\n  - {id: a, budget: {}}\n", "service_accounts[0]: missing field `team` at line 2 column 5"),
    ("users: [{email: a@b, name: A}]\n", "users[0]: missing field `auth_mode` at line 1 column 9"),
    ("models:\n  - {x: 1}\n", "models[0]: missing field `id` at line 2 column 5"),
    ("server: {bind: 8080}\n", "server.bind: `8080` is not a text at line 1 column 16"),
    ("auth:\n  bootstrap_admin:\n    enabled: \"true\"\n", "auth.bootstrap_admin.enabled: `true` is not true or false at line 3 column 14"),
    ("auth: {bootstrap_admin: {enabled: yes}}\n", "auth.bootstrap_admin.enabled: `yes` is not true or false at line 1 column 35"),
    ("providers: {}\n", "providers: a list is wanted here at line 1 column 12"),
    ("server: []\n", "server: a map is wanted here at line 1 column 9"),
    ("server: {}\nserver: {}\n", "`server` is there twice at line 2 column 1"),
])
def test_shape(bare: Gateway, text: str, cause: str) -> None:
    invalid(bare, text, "failed parsing yaml config `c.yaml`", cause)


def test_broken_yaml(bare: Gateway) -> None:
    done = bare.config("server: {bind: [}\n", "c.yaml")("config", "validate", "--config", "c.yaml")
    assert done.code == 1
    assert "    0: failed parsing yaml config `c.yaml`\n    1: did not find expected node content at line 1 column 17" in done.err


@pytest.mark.parametrize("text", ["server: {colour: blue}\n", "frobs: []\n", "database: {shard: 3}\n",
                                  "users: [{email: a, name: A, auth_mode: password, x: 1}]\n"
                                  "providers:\n  - {id: a, type: openai_compat, base_url: https://x, pricing_provider_id: openai, x: 1}\n"])
def test_elsewhere_unknown_keys_are_ignored(bare: Gateway, text: str) -> None:
    assert bare.config(text)("config", "validate").code == 0


@pytest.mark.parametrize("text", [
    "database: {kind: postgres, url: VALUE}\n",
    "auth: {oidc: {public_base_url: VALUE}}\n",
    "auth: {oauth: {public_base_url: VALUE}}\n",
    "auth: {oidc: {providers: [{client_secret: VALUE}]}}\n",
    "auth: {oauth: {providers: [{client_secret: VALUE}]}}\n",
    "mcp: {oauth: {providers: [{client_id: VALUE}]}}\n",
    "mcp: {oauth: {providers: [{client_secret: VALUE}]}}\n",
    "budget_alerts: {email: {transport: {password: VALUE}}}\n",
    "providers: [{id: a, type: aws_bedrock, auth: {kind: bearer, token: VALUE}}]\n",
    "providers: [{id: a, type: github_copilot, auth: {token: VALUE}}]\n",
])
def test_strict_fields_are_checked(bare: Gateway, text: str) -> None:
    invalid(bare, text.replace("VALUE", "raw"), "invalid gateway configuration `c.yaml`",
            "unsupported secret reference `raw`; use env.* or literal.* for this phase")
    invalid(bare, text.replace("VALUE", "env.NOPE"), "invalid gateway configuration `c.yaml`",
            "required environment variable `NOPE` is not set", "environment variable not found")
    assert bare.config(text.replace("VALUE", "literal.x"))("config", "validate").code == 0


@pytest.mark.parametrize("text", [
    "auth: {bootstrap_admin: {password: VALUE}}\n",
    "providers: [{id: a, type: openai_compat, auth: {kind: bearer, token: VALUE}}]\n",
    "providers: [{id: a, type: gcp_vertex, auth: {token: VALUE}}]\n",
    "providers: [{id: a, type: gcp_cloud_run_openai_compat, auth: {token: VALUE}}]\n",
    "service_accounts: [{id: a, team: t, budget: {}, keys: [{id: k, value: VALUE}]}]\n",
])
def test_late_secrets_may_even_be_pasted(bare: Gateway, text: str) -> None:
    """So a green `config validate` proves little."""
    for value in ("hunter2", "env.NOPE"):
        assert bare.config(text.replace("VALUE", value))("config", "validate").code == 0


@pytest.mark.parametrize(("text", "cause"), [
    ("users: [{name: A, email: Admin@Local, auth_mode: password}]\n", "stand-in: users[0].email is the address of auth.bootstrap_admin"),
    ("server: {bind: localhost}\n", "stand-in: server.bind `localhost` is not ADDRESS:PORT"),
    ("models: [{id: a}]\n", "stand-in: model `a` needs either alias_of or routes"),
    ("models: [{id: a, alias_of: b, routes: [{provider: p, upstream_model: u}]}]\n", "stand-in: model `a` needs either alias_of or routes"),
])
def test_checks(bare: Gateway, text: str, cause: str) -> None:
    invalid(bare, text, "invalid gateway configuration `c.yaml`", cause)


def test_what_real_configurations_hold(bare: Gateway) -> None:
    bare.config("""\
teams: [{id: a, name: A, tags: [{key: cost, value: "1"}]}]
service_accounts:
  - {id: ci, name: CI, team: a, tags: [], budget: {cadence: monthly, amount_usd: "10.0000", hard_limit: true, timezone: UTC},
     keys: [{id: main, auto_create: false}, {id: other, value: literal.gwk_a.b, allowed_models: [fast]}]}
users: [{name: U, email: u@example.org, auth_mode: password, team: a}]
budgets: {users: {default: {cadence: daily, amount_usd: "1.0000"}, model_defaults: [{model: fast, cadence: daily, amount_usd: "0.5000"}]}}
permissions: {users: {pages: [models], actions: [], default_page: models}, team_admins: {}, platform_admins: {}}
agent_analysis: {enabled: true, report_retention_days: 30}
request_logging: {payloads: {enabled: false}, purge: {enabled: true}}
providers: [{id: p, type: openai_compat, base_url: "https://x", timeouts: {total_ms: 1000}, batch: {dialect: open_ai}}]
""")
    assert bare("config", "validate").err == ""


@pytest.mark.parametrize("value", ["/run/secrets/copilot-app-private-key.pem", "./key.pem", "keys/copilot.key", "app.json", "literal.PEM"])
def test_a_copilot_key_may_be_a_path(bare: Gateway, value: str) -> None:
    text = f"providers: [{{id: a, type: github_copilot, auth: {{kind: app, private_key: {value}, app_id: literal.1}}}}]\n"
    assert bare.config(text)("config", "validate").err == ""


def test_a_copilot_key_may_be_a_reference(bare: Gateway) -> None:
    invalid(bare, "providers: [{id: a, type: github_copilot, auth: {private_key: env.NOPE}}]\n", "invalid gateway configuration `c.yaml`",
            "required environment variable `NOPE` is not set", "environment variable not found")


def test_of_the_mail_users_name_only_the_variable_is_checked(bare: Gateway) -> None:
    """Plain text passes here and ends `serve`."""
    text = "budget_alerts: {email: {transport: {username: VALUE}}}\n"
    invalid(bare, text.replace("VALUE", "env.NOPE"), "invalid gateway configuration `c.yaml`",
            "required environment variable `NOPE` is not set", "environment variable not found")
    assert bare.config(text.replace("VALUE", "mailer"))("config", "validate").code == 0


def test_the_secret_of_a_provider_that_is_off_is_not_resolved(bare: Gateway) -> None:
    for section in ("oidc", "oauth"):
        assert bare.config(f"auth: {{{section}: {{providers: [{{enabled: false, client_secret: raw}}]}}}}\n")("config", "validate").code == 0


@pytest.mark.parametrize(("text", "cause"), [("{kind: postgres}", "database.url is required when database.kind=postgres"),
                                            ("{kind: oracle, url: literal.x}", "unsupported database.kind")])
def test_a_database_that_is_not_named(bare: Gateway, text: str, cause: str) -> None:
    for words in (("migrate", "--check"), ("seed-config",), ("serve",)):
        done = bare.config(f"database: {text}\n")(*words)
        assert (done.code, done.err) == (1, f"Error: failed resolving database configuration\n\nCaused by:\n    {cause}\n")


@pytest.mark.parametrize(("field", "what"), [("otel_endpoint", "span"), ("otel_metrics_endpoint", "metric")])
def test_an_exporter_that_cannot_be_made(bare: Gateway, field: str, what: str) -> None:
    done = bare.config(f"server: {{{field}: 'collector:4317'}}\n")("migrate", "--check")
    assert (done.code, done.err.splitlines()[0]) == (1, f"Error: failed constructing OTLP {what} exporter")


@pytest.mark.parametrize("words", [("--config", "c.yaml", "config", "validate"), ("config", "--config", "c.yaml", "validate"),
                                   ("config", "validate", "--config=c.yaml")])
def test_config_may_stand_anywhere(bare: Gateway, words: tuple[str, ...]) -> None:
    assert bare.config("{}\n", "c.yaml")(*words).out == "gateway configuration `c.yaml` is valid\n"


@pytest.mark.parametrize("text", ["postgres://u:p@db.example/x", "postgres://u:p@10.0.0.1/x"])
def test_the_local_demo_is_for_local_databases(bare: Gateway, text: str) -> None:
    done = bare.config(GOOD)("seed-local-demo", POSTGRES_URL=text)
    assert (done.code, done.err) == (1, "Error: stand-in: seed-local-demo is for a database on this machine only\n")


def test_a_route_to_an_unknown_provider_passes(bare: Gateway) -> None:
    assert bare.config("models: [{id: a, routes: [{provider: nobody, upstream_model: x}]}]\n")("config", "validate").code == 0


# --- by release ---

def test_config_validate_came_with_0_20_1(bare: Gateway) -> None:
    bare.config("{}\n")
    done = bare("config", "validate", STANDIN_VERSION="v0.20.0")
    assert (done.code, done.err.splitlines()[0]) == (2, "error: there is no command `gateway config`")
    assert bare("config", "validate", STANDIN_VERSION="v0.20.1").code == 0


def test_recompute_agent_analysis_came_with_0_24(bare: Gateway) -> None:
    done = bare("recompute-agent-analysis", STANDIN_VERSION="v0.23.0")
    assert (done.code, done.err.splitlines()[0]) == (2, "error: there is no command `gateway recompute-agent-analysis`")


def test_a_section_from_the_future_is_ignored(bare: Gateway) -> None:
    bare.config("agent_analysis: {x: true}\nservice_accounts: []\n")
    assert bare("config", "validate", STANDIN_VERSION="v0.23.0").code == 0
    assert bare("config", "validate", STANDIN_VERSION="v0.24.0").code == 1


def test_backtrace_follows_the_causes(bare: Gateway) -> None:
    done = bare.config(GOOD)("config", "validate", RUST_BACKTRACE="1")
    assert "    2: environment variable not found\n\nStack backtrace:\n" in done.err


def test_sources_run_on_the_images_python() -> None:
    """The tests run on the project's Python, the image on Debian's 3.11."""
    sources = [*(STANDIN / "gateway").rglob("*.py"), STANDIN / "gateway" / "gateway", STANDIN / "gateway" / "fake-provider", STANDIN / "admin-ui" / "admin-ui"]
    assert len(sources) > 15
    for source in sources:
        ast.parse(source.read_text(), str(source), feature_version=(3, 11))
