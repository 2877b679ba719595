# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values on their way to Helm: Helm's YAML parser gets the texts that the user wrote."""

from __future__ import annotations

import json

import pytest
import yaml

from ansible_collections.oceans.llm.plugins.plugin_utils.helm import cli, process


@pytest.mark.parametrize("text", ["Plattform 🚀", "海 ü", "0123456789", "\\ud83d\\ude80", "\\🚀", 'a"b\n\t\x7f\x85\u2028', "🚀🚀"])
def test_a_text_arrives_as_it_was_written(text, tmp_path):
    assert yaml.safe_load(cli.as_text({"a": [text]})) == {"a": [text]}
    file = process.values_file(str(tmp_path), {"gateway": {"name": text}})
    with open(file, encoding="utf-8") as written:
        assert yaml.safe_load(written) == {"gateway": {"name": text}}


def test_what_helm_can_read_of_json_stays_json():
    values = {"a": {"b": [1, 2.5, True, None, "ü"]}}
    assert json.loads(cli.as_text(values)) == values
