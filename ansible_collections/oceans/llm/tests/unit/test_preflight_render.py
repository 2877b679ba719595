# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preflight's own render, of a copy of the chart, and Helm's version."""

from __future__ import annotations

import tarfile

import pytest

from ansible_collections.oceans.llm.plugins.action.preflight import Renderer, unpacked
from ansible_collections.oceans.llm.plugins.plugin_utils.helm import chart as charts
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.cli import HelmError


@pytest.fixture
def chart(tmp_path):
    folder = tmp_path / "chart"
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("name: it\nversion: 0.1.0\n")
    (folder / "values.yaml").write_text("a: 1\n")
    (folder / "templates" / "it.yaml").write_text("kind: ConfigMap\nmetadata: {name: it}\n")
    return folder


@pytest.fixture
def helm(tmp_path):
    """A program that renders by printing every template."""
    program = tmp_path / "helm"
    program.write_text(
        """#!/bin/sh
if [ "$1" = version ]; then echo v4.9.9; exit; fi
for file in "$3"/templates/*.yaml; do echo ---; cat "$file"; done
"""
    )
    program.chmod(0o755)
    return Renderer(str(program), {})


def test_a_render_brings_the_objects(helm, chart, tmp_path):
    objects = helm.render("r", "ns", unpacked(str(chart), str(tmp_path / "copy")), {})
    assert [o["kind"] for o in objects] == ["ConfigMap"] and helm.version() == "v4.9.9"


def test_an_archive_is_unpacked_and_its_values_read(chart, tmp_path):
    with tarfile.open(tmp_path / "c.tgz", "w:gz") as archive:
        archive.add(chart, "chart")
    copy = unpacked(str(tmp_path / "c.tgz"), str(tmp_path / "copy"))
    assert charts.defaults(copy) == {"a": 1} and charts.defaults(str(tmp_path)) == {}


@pytest.mark.parametrize("content", [b"no archive", b""])
def test_what_is_no_archive_is_a_sentence(tmp_path, content):
    (tmp_path / "c.tgz").write_bytes(content)
    with pytest.raises(HelmError, match="is not a chart"):
        unpacked(str(tmp_path / "c.tgz"), str(tmp_path / "copy"))
