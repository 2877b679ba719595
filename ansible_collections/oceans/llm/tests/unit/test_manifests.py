# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manifests are read as Kubernetes reads them: what YAML 1.1 takes for a date or a time of day stays text."""

from __future__ import annotations

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.kube.manifests import load, load_all


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2024-10-21", "2024-10-21"),
        ("2024-10-21T10:00:00Z", "2024-10-21T10:00:00Z"),
        ("1:30", "1:30"),
        ("190:20:30", "190:20:30"),
        ("1e6", 1e6),
        ("1e-7", 1e-7),
        ("1.50", 1.5),
        (".5", 0.5),
        ("0123", 83),
        ("0o17", 15),
        ("0x1F", 31),
        ("-0x1F", -31),
        ("12_000", 12000),
        ("0", 0),
        ("-7", -7),
        ("089", 89.0),
        ("1.2.3", "1.2.3"),
        ("v1", "v1"),
        ("y", True),
        ("N", False),
        ("on", True),
        ("No", False),
        ("true", True),
        ("yesterday", "yesterday"),
        ("~", None),
        ("'2024-10-21'", "2024-10-21"),
        ("-", [None]),
        (".inf", float("inf")),
    ],
)
def test_a_scalar_is_what_kubernetes_takes_it_for(text, value):
    found = load(text)
    assert found == value and type(found) is type(value)


def test_a_stream_has_its_documents_and_no_empty_ones():
    assert load_all("a: 1\n---\n---\n# nothing\n---\nb: 2024-01-01\n") == ({"a": 1}, {"b": "2024-01-01"})
