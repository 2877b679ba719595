# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No secret gets out, in whatever dress, and everything else stays readable."""

from __future__ import annotations

import base64
import html
import json
import textwrap
import time
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.oceans.llm.plugins.plugin_utils.secrets.redact import HIDDEN, PLAIN, Redactor, encodings

CANARY = 'p@ss/w#rd%"1ü&x'


def redactor(*values):
    made = Redactor()
    made.learn(values)
    return made


@pytest.mark.parametrize(
    "dress",
    [
        str,
        lambda v: base64.b64encode(v.encode()).decode(),
        lambda v: base64.urlsafe_b64encode(v.encode()).decode(),
        lambda v: base64.b64encode(f"user:{v}@host".encode()).decode(),
        lambda v: base64.b64encode(f"ab{v}".encode()).decode(),
        lambda v: base64.b64encode(base64.b64encode(v.encode())).decode(),
        lambda v: quote(v, safe=""),
        quote,
        json.dumps,
        lambda v: json.dumps(json.dumps(v)),
        html.escape,
        lambda v: v.encode().hex(),
        repr,
    ],
    ids=["plain", "base64", "base64url", "base64 inside", "base64 shifted", "base64 twice", "url", "url loose", "json", "json in json", "html", "hex", "repr"],
)
def test_a_value_is_found_in_every_dress(dress):
    text = redactor(CANARY)(f"before {dress(CANARY)} after")
    assert HIDDEN in text and text.startswith("before") and text.endswith("after")
    for form in (CANARY, quote(CANARY, safe=""), base64.b64encode(CANARY.encode()).decode().rstrip("="), "w#rd"):
        assert form not in text


def unknown(value):
    return value.lower() not in PLAIN  # Hypothesis tries words that it finds in the code


@settings(deadline=None, max_examples=30)
@given(
    st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=8, max_size=40).filter(unknown),
    st.integers(0, 3),
    st.text(alphabet="abc:", max_size=5),
)
def test_any_value_is_found_plain_and_packed(value, pad, before):
    clean = redactor(value)
    assert value not in clean(f"{before}{value}")
    packed = base64.b64encode(("x" * pad + value + "yz").encode()).decode()
    core = base64.b64encode(("x" * pad + value).encode()).decode()[4 * (pad > 0) : -4]
    assert len(core) < 8 or core not in clean(packed)


def test_a_value_split_over_lines_is_found():
    value = "abcdefghijklmnopqrstuvwxyz0123456789"
    wrapped = "\n  ".join(textwrap.wrap(value, 10))
    assert "klmnop" not in redactor(value)(f"key: {wrapped}\nnext") and "next" in redactor(value)(f"key: {wrapped}\nnext")
    assert "klmnop" not in redactor(value)(json.dumps({"k": "\n".join(textwrap.wrap(value, 10))}))


@pytest.mark.parametrize("gap", ["\n", "\r\n   ", "\\n", " \\r\\n "])
def test_a_break_may_be_anywhere_and_what_is_around_stays(gap):
    secret = "correct horse/battery+staple"
    clean = redactor(secret)
    for dress in set(encodings(secret)):
        for at in range(1, len(dress)):
            shown = clean(f"one{gap}two <{dress[:at]}{gap}{dress[at:]}> three{gap}four")
            first, between, last = shown.partition("two <")[0], shown.partition("two <")[2].partition("> three")[0], shown.partition("> three")[2]
            assert HIDDEN in between and len(between) < len(HIDDEN) + len(gap) + 4, (dress, at, between)
            assert (first, last) == (f"one{gap}", f"{gap}four")


def test_each_line_of_a_key_file_counts():
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\n-----END PRIVATE KEY-----\n"
    assert redactor(key)("found AQEFAASCBKcwggSjAgEAAoIB there") == f"found {HIDDEN} there"


def test_a_long_value_is_found_quickly_and_in_pieces():
    value = base64.b64encode(bytes(range(256)) * 16).decode()
    clean, began = redactor(value), time.monotonic()
    assert value[100:200] not in clean(f"x {value} y") and value[100:150] not in clean("\n".join(textwrap.wrap(value, 64)))
    assert clean(f"x {value} y").endswith(" y") and time.monotonic() - began < 2


def test_the_password_of_a_url_counts_alone():
    clean = redactor("postgres://oceans:s3cr%40t-word@db:5432/x")
    assert clean("password is s3cr@t-word") == f"password is {HIDDEN}"
    assert clean("user oceans on db:5432") == "user oceans on db:5432"


def test_addresses_in_a_secret_are_no_secrets():
    made = Redactor()
    made.learn_secret(
        {
            "data": {
                "username": base64.b64encode(b"oceans-user").decode(),
                "host": base64.b64encode(b"pg-rw.example").decode(),
                "password": base64.b64encode(b"hunter2-long").decode(),
            }
        }
    )
    assert made("oceans-user at pg-rw.example with hunter2-long") == f"oceans-user at pg-rw.example with {HIDDEN}"


@pytest.mark.parametrize("value", ["true", "5432", "oceans", "postgres", "disable", ""])
def test_words_that_everybody_knows_stay_readable(value):
    assert redactor(value)(f"say {value} again") == f"say {value} again"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("unsupported secret reference `postgres://u:hunter2@h/d`; use env.*", f"unsupported secret reference `{HIDDEN}`; use env.*"),
        ("unsupported secret reference `env.X`", "unsupported secret reference `env.X`"),
        ("at postgres://u:p@ss/w#rd@db:5432/x failed", f"at postgres://u:{HIDDEN}@db:5432/x failed"),
        ("Authorization: Bearer abcdef0123456789", f"Authorization: Bearer {HIDDEN}"),
        ("key sk-proj-abc123_XYZ in use", f"key {HIDDEN} in use"),
        ("gwk_pub12.secretpart42 refused", f"{HIDDEN} refused"),
        ("host=db password=hunter2 user=u", f"host=db password={HIDDEN} user=u"),
        ('{"api_key":"abc123","name":"x"}', f'{{"api_key":"{HIDDEN}","name":"x"}}'),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc_DEF-1 expired", f"{HIDDEN} expired"),
    ],
)
def test_what_looks_like_a_secret_is_hidden_unasked(text, left):
    assert Redactor()(text) == left


@pytest.mark.parametrize(
    "text",
    [
        'secret "creds" not found',
        "couldn't find key TOKEN in Secret ns/creds",
        "127.0.0.1:5000/oceans-llm/gateway:v0.24.0: not found",
        'password authentication failed for user "oceans"',
        "oci://registry.example:5000/charts/oceans-llm@sha256:0123456789abcdef",
        "http://gateway:8080/readyz: 503",
        "required environment variable `POSTGRES_URL` is not set",
        "GET https://models.dev/api.json",
    ],
)
def test_ordinary_sentences_stay_as_they_are(text):
    assert Redactor()(text) == text


def test_structures_are_cleaned_to_the_bottom():
    clean = redactor("hunter2-hunter2")
    assert clean.deep({"a": ["x hunter2-hunter2", {"b": "hunter2-hunter2"}], "n": 1}) == {"a": [f"x {HIDDEN}", {"b": HIDDEN}], "n": 1}
