# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The chart inside the collection: whole, the default, told apart from every other chart, with a version of its own."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.gateway import schema
from ansible_collections.oceans.llm.plugins.plugin_utils.helm import chart, registry
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.cli import ChartUnavailable, Helm

ROOT = Path(__file__).resolve().parents[5]
CHART = ROOT / "charts/oceans-llm"


def test_every_file_of_the_chart_is_linked_into_the_collection():
    done = subprocess.run([sys.executable, ROOT / "testbed/chart_links.py"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}testbed/chart_links.py --write corrects it"


def test_no_name_is_the_chart_of_the_collection(tmp_path):
    assert Helm(sys.executable, {}).pull("", "", str(tmp_path)) == str(CHART)
    assert chart.is_ours(chart.metadata(chart.own()))


def archive(folder, version, *more):
    path = folder / "c.tgz"
    with tarfile.open(path, "w:gz") as file:
        for name, text in [*more, ("c/Chart.yaml", f"name: c\nversion: {version}\n")]:
            (folder / "x").write_text(text)
            file.add(folder / "x", name)
    return str(path)


def test_a_chart_on_this_machine_has_its_own_version(tmp_path):
    helm, dependency = Helm(sys.executable, {}), ("c/charts/d/Chart.yaml", "name: d\nversion: 9.9.9\n")
    with pytest.raises(ChartUnavailable, match=r"the chart of the collection has version 0\.1\.0, and version 0\.24\.0 is asked for") as refused:
        helm.pull("", "0.24.0", str(tmp_path))
    assert "leave oceans_llm_chart_version empty" in registry.cure(str(refused.value))
    with pytest.raises(ChartUnavailable, match=r"c\.tgz has version 1\.2\.3, and version 9\.9\.9 is asked for"):
        helm.pull(archive(tmp_path, "1.2.3", dependency), "9.9.9", str(tmp_path))
    assert helm.pull(archive(tmp_path, "1.2.3"), "1.2.3", str(tmp_path)).endswith("c.tgz")
    assert helm.pull(str(tmp_path), "1.0.0", str(tmp_path)) == str(tmp_path), "what is no chart is for Helm to refuse"


@pytest.mark.parametrize("metadata", [{}, {"name": "oceans-llm", "version": "0.24.0"}, {"annotations": {"oceans.llm/collection": "another"}}])
def test_another_chart_is_not_taken_for_ours(metadata):
    assert not chart.is_ours(metadata)


def test_the_release_that_is_deployed_unless_another_is_asked_for_is_the_newest_known():
    text = (ROOT / "ansible_collections/oceans/llm/roles/common/vars/main.yml").read_text()
    assert f"else 'v{'.'.join(map(str, schema.LAST))}'" in text
