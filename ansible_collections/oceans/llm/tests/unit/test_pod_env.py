# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environment of a container as the kubelet makes it."""

from __future__ import annotations

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.secrets.pod_env import resolve, secret_names, sources

CONTAINER = {
    "envFrom": [{"secretRef": {"name": "a"}}, {"secretRef": {"name": "b", "optional": True}}, {"configMapRef": {"name": "c"}, "prefix": "P_"}],
    "env": [
        {"name": "PLAIN", "value": "x"},
        {"name": "KEYED", "valueFrom": {"secretKeyRef": {"name": "d", "key": "k"}}},
        {"name": "FIELD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "BOTH", "value": "env wins"},
    ],
}


def secrets(**data: dict[str, bytes]) -> dict[tuple[str, str], dict[str, bytes]]:
    return {("Secret", name): values for name, values in data.items()}


def test_a_later_source_wins_and_env_wins_over_all():
    found = resolve(CONTAINER, {**secrets(a={"X": b"1", "BOTH": b"2"}, b={"X": b"3"}, d={"k": b"4"}), ("ConfigMap", "c"): {"Y": b"5"}})
    assert {name: v.value for name, v in found.items()} == {"X": b"3", "BOTH": b"env wins", "P_Y": b"5", "PLAIN": b"x", "KEYED": b"4", "FIELD": None}
    assert found["X"].origin() == "Secret/b key X" and found["KEYED"].origin() == "Secret/d key k"


def test_what_is_missing_is_not_there_and_nothing_is_said():
    assert set(resolve(CONTAINER, {})) == {"PLAIN", "FIELD", "BOTH"}


def test_a_variable_shows_no_value():
    assert "hunter2" not in repr(resolve({"env": [{"name": "A", "value": "hunter2"}]}, {}))


def test_optional_is_kept():
    assert [s.optional for s in sources(CONTAINER) if s.object in ("a", "b")] == [False, True]


def test_every_secret_of_a_pod():
    spec = {
        "initContainers": [CONTAINER],
        "containers": [{}],
        "volumes": [{"secret": {"secretName": "v"}}, {"projected": {"sources": [{"secret": {"name": "p"}}]}}],
    }
    assert secret_names(spec) == {"a", "b", "d", "v", "p"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("postgres://$(USER):$(PASSWORD)@pg/x", b"postgres://u:s3cret@pg/x"),
        ("$$(USER) costs $5 or $(", b"$(USER) costs $5 or $("),
        ("$(LATER)", None),  # not above it; the kubelet leaves the text, or knows a Service of that name
        ("$(NODE)", None),
    ],
)
def test_a_value_may_be_made_from_those_above_it(value, expected):
    """A login from parts: user and password in a Secret, the URL in the chart's values."""
    key = {"valueFrom": {"secretKeyRef": {"name": "d", "key": "p"}}}
    env = [{"name": "USER", "value": "u"}, {"name": "PASSWORD", **key}, {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]
    found = resolve({"env": [*env, {"name": "URL", "value": value}, {"name": "LATER", "value": "x"}]}, secrets(d={"p": b"s3cret"}))
    assert found["URL"].value == expected
