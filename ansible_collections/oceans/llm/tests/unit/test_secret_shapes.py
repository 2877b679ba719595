# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shapes of secret values: every wrong one is named, no sentence holds a byte of it."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.oceans.llm.plugins.plugin_utils.secrets.shapes import IDENTITY, KEYS_32, check

from .test_codes import told


def codes(key: str, value: str) -> list[str]:
    return [p.code for p in check(key, value.encode())]


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        (IDENTITY, "local-dev-identity-secret", "SecretBuiltIn"),
        (IDENTITY, "short", "SecretTooShort"),
        (IDENTITY, "", "SecretEmpty"),
        (IDENTITY, "x" * 48 + "\n", "SecretBlank"),
        (IDENTITY, " " + "x" * 48, "SecretBlank"),
        (KEYS_32[0], "not base64!", "SecretNotKey"),
        (KEYS_32[1], base64.b64encode(b"x" * 31).decode(), "SecretNotKey"),
        ("GATEWAY_BOOTSTRAP_ADMIN_PASSWORD", "1234567", "SecretTooShort"),
        ("POSTGRES_URL", "mysql://u:p@h/d", "SecretNotUrl"),
        ("POSTGRES_URL", "postgresql://u:p@ss@h/d", "SecretNotUrl"),
        ("POSTGRES_URL", "postgresql://u:p/w@h:5432/d", "SecretNotUrl"),
        ("POSTGRES_URL", "postgresql://u:p#w@h:5432/d", "SecretNotUrl"),
        ("POSTGRES_URL", "postgresql://u:p%zz@h:5432/d", "SecretNotUrl"),
        ("POSTGRES_URL", "postgresql:///d", "SecretNotUrl"),
        ("POSTGRES_URL", "postgresql://u:p@h1:5432,h2:5432/d", "SecretNotUrl"),
        ("POSTGRES_URL", "postgresql://u:p@h1,h2/d", "SecretNotUrl"),
        ("POSTGRES_URL", "postgresql://u:p@h:0/d", "SecretNotUrl"),
        ("POSTGRES_URL", "postgresql://u:p@h:99999/d", "SecretNotUrl"),
        ("POSTGRES_URL", "postgresql://u:p@h\\d", "SecretNotUrl"),
        ("POSTGRES_URL", "postgresql://<user>:<password>@<host>:5432/<db>", "SecretMalformed"),
        ("POSTGRES_URL", "postgresql://u:p@h/d?sslmode=no-verify", "SecretNotUrl"),
        ("POSTGRES_URL", "postgresql://u:p@h/d?ssl=true", "SecretNotUrl"),
        ("POSTGRES_URL", "\ufeffpostgresql://u:p@h/d", "SecretBlank"),
        ("OPENAI_API_KEY", "sk-x\u200b", "SecretBlank"),
        ("OPENAI_API_KEY", "sk-x\u00a0", "SecretBlank"),
        ("OPENAI_API_KEY", "sk-\u00a0x", "SecretBlank"),
        ("OPENAI_API_KEY", "sk-\tx", "SecretBlank"),
        ("ANYTHING", "\n", "SecretEmpty"),
    ],
)
def test_what_is_wrong_is_named(key, value, code):
    assert codes(key, value) == [code] and told(code)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (IDENTITY, "x" * 32),
        (KEYS_32[0], base64.b64encode(b"x" * 32).decode()),
        ("POSTGRES_URL", "postgresql://u:p%40ss%2F@db.example:5432/d?sslmode=require"),
        ("POSTGRES_URL", "postgres://u@[::1]:5432/d"),
        ("POSTGRES_URL", "postgresql:///d?host=/var/run/postgresql"),
        ("POSTGRES_URL", "postgresql://u:p@%2Fvar%2Frun%2Fpostgresql/d"),
        ("POSTGRES_URL", "postgresql://u:p:w@h:/d"),
        ("POSTGRES_URL", "postgresql://h:5432/d?options=-c%20search_path%3Dapp&schema=public"),
        ("POSTGRES_URL", "postgresql://u:p@h/d?ssl=true&sslmode=VERIFY-FULL&sslrootcert=/ca.crt"),
        ("NOTE", "a\u200bb"),
        ("OPENAI_API_KEY", "sk-x"),
    ],
)
def test_what_is_right_is_left_alone(key, value):
    assert codes(key, value) == []


def test_a_parameter_that_the_driver_ignores_is_a_warning_and_several_hosts_are_named():
    assert [p.warning for p in check("POSTGRES_URL", b"postgresql://u:p@h/d?ssl=true")] == [True]
    assert "several hosts" in check("POSTGRES_URL", b"postgresql://u:p@h1:5432,h2:5432/d")[0].sentence
    assert "unencoded" in check("POSTGRES_URL", b"postgresql://u:a,b/c@h/d")[0].sentence


def test_bytes_that_are_no_text():
    assert [p.code for p in check("K", b"\xff\xfe")] == ["SecretNotText"]


@given(st.text(alphabet="abcdefgh!#/:@%0123456789", min_size=8, max_size=60))
def test_no_sentence_holds_the_value(value):
    for key in (IDENTITY, *KEYS_32, "POSTGRES_URL", "GATEWAY_BOOTSTRAP_ADMIN_PASSWORD"):
        for problem in check(key, value.encode()):
            assert value not in problem.sentence + problem.hint


PEM, JSON = "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n", '{"type": "service_account"}\n'


@pytest.mark.parametrize(
    ("key", "value"), [("PROVIDER_CA", PEM), ("GCP_SA_JSON", JSON), ("ca.crt", PEM), ("COPILOT_SECRET", PEM), ("GOOGLE_TOKEN", JSON), ("NOTE", "x\n")]
)
def test_documents_end_with_a_line_break_by_nature(key, value):
    assert check(key, value.encode(), referred={"COPILOT_SECRET"}) == []


ADDRESSES = (
    *("op://prod/openai/key", "vault:secret/data/openai#key", "ref+vault://secret/openai#/key", "/run/secrets/openai", "file:///etc/openai"),
    *("arn:aws:secretsmanager:eu-west-1:123456789012:secret:openai-AbCdEf", "projects/p/secrets/openai/versions/latest"),
    *("https://v.vault.azure.net/secrets/openai/1", "ssm:/prod/openai", "env.OPENAI_API_KEY"),
)
VAULT = "$ANSIBLE_VAULT;1.1;AES256\n31323334\n35363738\n"


@pytest.mark.parametrize(
    ("key", "value", "says", "warning"),
    [
        ("OPENAI_API_KEY", VAULT, "Ansible Vault", False),
        ("NOTES", VAULT, "Ansible Vault", False),
        ("OPENAI_API_KEY", "{{ vault_openai_key }}", "template", False),
        ("POSTGRES_URL", "postgresql://u:${PG_PASSWORD}@h/d", "template", False),
        ("OPENAI_API_KEY", '"sk-abcdefghijkl"', "quotation marks", False),
        ("POSTGRES_URL", "'postgresql://u:p@h/d'", "quotation marks", False),
        ("OPENAI_API_KEY", "\u201csk-abcdefghijkl\u201d", "quotation marks", False),
        ("OPENAI_API_KEY", "OPENAI_API_KEY=sk-abcdefghijkl", "its own name", False),
        ("OPENAI_API_KEY", "export OPENAI_API_KEY=sk-abcdefghijkl", "its own name", False),
        ("OPENAI_API_KEY", "Bearer sk-abcdefghijkl", "Bearer", True),
        ("OPENAI_API_KEY", base64.b64encode(b"sk-abcdefghijklmnop").decode(), "is base64: decoded, it begins like an API key", False),
        ("POSTGRES_URL", base64.b64encode(b"postgresql://u:p@h/d").decode(), "is base64: decoded, it is a PostgreSQL URL", False),
        ("GATEWAY_BOOTSTRAP_ADMIN_PASSWORD", "changeme", "placeholder", True),
        ("OPENAI_API_KEY", "<your-openai-key>", "placeholder", True),
        ("OPENAI_API_KEY", "your_api_key", "placeholder", True),
        ("OPENAI_API_KEY", "sk-\u0430bcdefghijkl", "U+0430", True),
        ("OPENAI_API_KEY", "sk-abc defghijkl", "contains a space", True),
        ("OPENAI_API_KEY", "ENC[AES256_GCM,data:abc=,iv:abc=,type:str]", "SOPS", False),
        ("NOTES", "-----BEGIN PGP MESSAGE-----\nabc\n-----END PGP MESSAGE-----\n", "PGP or age", False),
        ("OPENAI_API_KEY", "$(cat /run/secrets/key)", "template", False),
        *(("OPENAI_API_KEY", text, "template", False) for text in ("$OPENAI_API_KEY", "%OPENAI_API_KEY%", "#{OPENAI_API_KEY}#", "__OPENAI_API_KEY__")),
        *(("OPENAI_API_KEY", text, "placeholder", True) for text in ("null", "None", "undefined")),
        ("OPENAI_API_KEY", "sk-abcdefghijklmnop,sk-abcdefghijklmnoq", "contains a comma", True),
        *(("OPENAI_API_KEY", address, "the address of a secret", True) for address in ADDRESSES),
        ("POSTGRES_URL", "postgresql://postgres:[YOUR-PASSWORD]@db.x.example:5432/postgres", "placeholder", False),
        ("POSTGRES_URL", "postgresql://u:longpassword@h/d\\n", "two characters", False),
        ("GITHUB_APP_PRIVATE_KEY", "-----BEGIN RSA PRIVATE KEY-----\\nMIIE\\n-----END RSA PRIVATE KEY-----", "PEM without line breaks", True),
        ("GITHUB_APP_PRIVATE_KEY", "-----BEGIN RSA PRIVATE KEY----- MIIE -----END RSA PRIVATE KEY-----\n", "PEM without line breaks", True),
        ("GCP_SERVICE_ACCOUNT_JSON", "{'type': 'service_account'}", "no valid JSON", True),
        ("GOOGLE_CREDENTIALS", '\ufeff{"type": "service_account"}', "no valid JSON", True),
    ],
)
def test_a_value_that_is_not_the_secret_itself(key, value, says, warning):
    (problem,) = check(key, value.encode())
    assert (problem.code, problem.warning) == ("SecretMalformed", warning) and says in problem.sentence and told(problem.code)
    assert not any(word in problem.sentence + problem.hint for word in ("sk-abc", "u:p@", "vault_openai", "3132"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (IDENTITY, base64.b64encode(b"x" * 32).decode()),
        ("GATEWAY_BOOTSTRAP_ADMIN_PASSWORD", 'it"s $1 {a} of "mine"'),
        ("GATEWAY_BOOTSTRAP_ADMIN_PASSWORD", "l\u00f6wenzahn"),
        ("NOTE", '"a {{ template }} of its own"'),
        ("GCP_SERVICE_ACCOUNT_JSON", '{"private_key": "-----BEGIN PRIVATE KEY-----\\nMIIE\\n-----END PRIVATE KEY-----\\n"}'),
        ("SMTP_PASSWORD", "correct horse battery staple"),
        ("SMTP_PASSWORD", "$Secret_of_mine"),
        ("ALLOWED_MODELS", "a,b"),
    ],
)
def test_a_value_that_only_looks_strange_is_left_alone(key, value):
    assert check(key, value.encode()) == []


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("POSTGRES_URL", "jdbc:postgresql://h:5432/d", "begins with jdbc:postgresql://"),
        ("POSTGRES_URL", "postgresql+asyncpg://u:p@h/d", "begins with postgresql+asyncpg://"),
        ("POSTGRES_URL", "host=h user=u password=p dbname=d", "list of KEY=VALUE"),
        ("POSTGRES_URL", '{"username": "u", "host": "h"}', "it is JSON"),
        ("POSTGRES_URL", "postgresql://u:p@h/d?schema=app", "created in the schema public"),
        ("POSTGRES_URL", "psql postgresql://u:p@h/d", "begins with psql"),
        ("POSTGRES_URL", "postgresql://u:p@fd00::1:5432/d", "IPv6 address without brackets"),
        ("POSTGRES_URL", "postgresql://u:p@https://h/d", "second scheme"),
        ("POSTGRES_URL", "postgresql://u:p@h:5432", "names no database"),
        (KEYS_32[0], "ab" * 32, "hexadecimal"),
        (KEYS_32[0], "abcdefghijklmnopqrstuvwxyzABCDEF", "has 32 characters"),
        (KEYS_32[0], base64.urlsafe_b64encode(b"\xfb\xff" * 16).decode(), "with - and _"),
        (KEYS_32[0], base64.b64encode(b"\xfb\xff" * 16).decode().rstrip("="), "without its padding"),
        (KEYS_32[0], base64.b64encode(base64.b64encode(b"x" * 32)).decode(), "base64 twice"),
    ],
)
def test_what_was_written_for_another_program_is_named(key, value, says):
    (problem,) = check(key, value.encode())
    assert says in problem.sentence


@pytest.mark.parametrize("key", ["OPENAI_API_KEY", "SLACK_TOKEN", "SMTP_PASSWORD", "REDIS_URL", "REFERRED"])
def test_a_token_with_a_line_break_is_refused(key):
    assert [p.code for p in check(key, b"abc\n", referred={"REFERRED"}) if not p.warning] == ["SecretBlank"]


def test_a_key_that_the_gateway_does_not_know_may_be_empty_or_binary():
    assert [(p.code, p.warning) for p in [*check("FLAG", b""), *check("k.bin", b"\xff"), *check("N", b"a\0b")]] == [
        ("SecretEmpty", True),
        ("SecretNotText", True),
        ("SecretNotText", True),
    ]
