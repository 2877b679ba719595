# SPDX-License-Identifier: GPL-3.0-or-later
"""The one walk over gateway.config: what it skips holds nothing to find, and thousands of models cost next to nothing."""

from __future__ import annotations

import json
import re
import resource
from pathlib import Path
from typing import Any

import pytest
from chart_lib import CHART, DATABASE, HelmError, at, helm, merged, problems, refused, render
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

SOURCE = (CHART / "templates" / "_config.tpl").read_text()
REASONS = SOURCE[SOURCE.index('define "oceans-llm.secretReason"') : SOURCE.index('define "oceans-llm.isStrict"')]
#: the patterns of secretReason that look at the value; those of keys are tried in test_validations.py
PATTERNS = [json.loads(f'"{p}"') for p in re.findall(r'if regexMatch "((?:[^"\\]|\\.)*)" \$value', REASONS)]


def test_the_patterns_are_found_in_the_template() -> None:
    assert len(PATTERNS) == 10


@settings(suppress_health_check=list(HealthCheck), max_examples=5, phases=[Phase.generate])
@given(data=st.data())
def test_whatever_a_pattern_matches_is_found(data: st.DataObject) -> None:
    """The search for words comes first; it must not skip a text that secretReason would refuse."""
    # Helm reads values as YAML, which has no pairs of surrogates
    alphabet = st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs", "Cc"], include_characters="\t\n")
    values = [data.draw(st.from_regex(pattern, alphabet=alphabet)) for pattern in PATTERNS]
    # Go's \s is narrower than Python's: a blank that Go does not know is no blank for the chart either
    values = [v for v in values if not re.search(r"[^\S \t\n\f\r]", v) and not v.startswith("env.")]
    said = refused(merged(DATABASE, at("gateway.config.models", [{"id": "m", "deep": [{"note": v}]} for v in values])))
    missing = [v for i, v in enumerate(values) if f"gateway.config.models[{i}].deep[0].note" not in said]
    assert not missing


@pytest.mark.parametrize(
    "entry",
    [
        {"password": ["aB3dE5gH7jK9mN1p"]},
        {"Api-Key": {"x": "y"}, "accessKey": "aB3dE5gH7jK9mN1p"},
        {"credentials": [["aB3dE5gH7jK9mN1p"]]},
        {"note": 'quote " and postgres://u:p"w@h/d'},
        {"note": "a & b https://h/x?a=b&sig=abcd1234"},
        {"note": "\tBearer\tabcdef123"},
    ],
)
def test_a_secret_among_thousands_of_clean_entries_is_found(entry: dict) -> None:
    clean = [{"id": f"m{i}", "routes": [{"provider": "p", "upstream_model": "x"}]} for i in range(50)]
    said = problems(merged(DATABASE, at("gateway.config.models", [*clean, entry, *clean])))
    assert len(said) == 1 and said[0].startswith("gateway.config.models[50].")


def test_references_are_found_in_their_order() -> None:
    config = {"models": [{"extra_headers": {"x": f"env.NO_{i}"}} for i in range(12)], "off": {"enabled": False, "deep": ["env.UNUSED"]}}
    said = problems(merged(DATABASE, at("gateway.config", config)))
    assert [re.search(r"env\.(\w+)", s).group(1) for s in said] == [f"NO_{i}" for i in range(12)]  # type: ignore[union-attr]


def seconds(chart: Path, values: Path) -> float:
    """CPU seconds of the best of three renders: the machine may be busy."""
    found = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        helm("template", "r", str(chart), "-f", str(values))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(found)


def test_four_thousand_models_take_no_longer_than_four_plain_renders(tmp_path: Path) -> None:
    """Against a chart that does nothing but toYaml."""
    plain = tmp_path / "plain"
    (plain / "templates").mkdir(parents=True)
    (plain / "Chart.yaml").write_text("apiVersion: v2\nname: plain\nversion: 0.1.0\n")
    (plain / "templates" / "config.yaml").write_text("kind: ConfigMap\ndata:\n  gateway.yaml: |\n    {{- .Values.gateway.config | toYaml | nindent 4 }}\n")
    models = [
        {"id": f"model-{i}", "routes": [{"provider": "openai", "upstream_model": f"gpt-4.1-mini-{i}", "context_window_tokens": 128000}], "tags": ["a"]}
        for i in range(4000)
    ]
    values = tmp_path / "values.json"
    values.write_text(json.dumps(merged(DATABASE, at("gateway.config.models", models))))
    assert seconds(CHART, values) <= 4 * seconds(plain, values)


STRICT: dict[str, Any] = {
    "auth.oidc": {"public_base_url": "https://llm.example.com"},
    "auth.oauth": {"public_base_url": "https://llm.example.com"},
    "budget_alerts.email.transport": {"username": "mailer"},
    "mcp.oauth.providers": [{"client_id": "abc"}],
    "providers": [{"auth": {"access_key_id": "x", "secret_access_key": "y", "session_token": "z"}}],
}


@pytest.mark.parametrize("path", STRICT)
@pytest.mark.parametrize("literal", [False, True])
def test_plain_text_in_a_strict_field_is_refused(path: str, literal: bool) -> None:
    values = merged(DATABASE, at(f"gateway.config.{path}", STRICT[path]), at("gateway.allowLiteralSecretsInConfig", literal))
    found = STRICT[path][0] if isinstance(STRICT[path], list) else STRICT[path]
    said = problems(values)
    assert len(said) == len(found.get("auth", found)) and all("gateway takes only a reference" in s for s in said)


def test_a_strict_field_takes_references_and_a_part_that_is_off_takes_anything() -> None:
    assert render(merged(DATABASE, at("secrets.existingSecret.name", "app"), at("gateway.config.auth.oidc", {"public_base_url": "env.BASE"})))
    assert render(merged(DATABASE, at("gateway.config.auth.oidc", {"enabled": False, "public_base_url": "https://llm.example.com"})))
    literal = merged(at("gateway.config.auth.oidc", {"public_base_url": "literal.https://llm.example.com"}), at("gateway.allowLiteralSecretsInConfig", True))
    assert render(merged(DATABASE, literal))


def copilot(key: str) -> dict:
    return merged(DATABASE, at("gateway.config.providers", [{"id": "c", "type": "github_copilot", "auth": {"private_key": key}}]))


@pytest.mark.parametrize(
    "path", ["/run/secrets/copilot-app-123456.pem", "./keys/app-2024x81.pem", "copilot-app-1234567.pem", "Key4711abcdefgh.key", "sa-09af1234567.json"]
)
def test_a_private_key_may_be_the_path_of_a_file(path: str) -> None:
    assert render(copilot(path))


@pytest.mark.parametrize("key", ["-----BEGIN RSA PRIVATE KEY-----\nMII\n", "MIIEowIBAAKCAQEA7x9Kq2"])
def test_a_private_key_is_still_refused(key: str) -> None:
    with pytest.raises(HelmError, match=r"gateway\.config\.providers\[0\]\.auth\.private_key"):
        render(copilot(key))
