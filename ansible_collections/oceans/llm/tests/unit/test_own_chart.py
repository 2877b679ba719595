# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The chart inside the collection: whole, the default, told apart from every other chart, with a version of its own."""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from ansible_collections.oceans.llm.plugins.action.preflight import files_of
from ansible_collections.oceans.llm.plugins.plugin_utils.gateway import schema
from ansible_collections.oceans.llm.plugins.plugin_utils.helm import chart, registry, releases
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.cli import ChartUnavailable, Helm
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight.checks import chart as checks
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight.facts import Picture, Wanted
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import plan

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
    with pytest.raises(ChartUnavailable, match=r"the chart of the collection has version 0\.1\.0, but oceans_llm_chart_version is 0\.24\.0") as refused:
        helm.pull("", "0.24.0", str(tmp_path))
    assert "leave oceans_llm_chart_version empty" in registry.cure(str(refused.value))
    with pytest.raises(ChartUnavailable, match=r"c\.tgz has version 1\.2\.3, but oceans_llm_chart_version is 9\.9\.9"):
        helm.pull(archive(tmp_path, "1.2.3", dependency), "9.9.9", str(tmp_path))
    assert helm.pull(archive(tmp_path, "1.2.3"), "1.2.3", str(tmp_path)).endswith("c.tgz")
    assert helm.pull(str(tmp_path), "1.0.0", str(tmp_path)) == str(tmp_path), "what is no chart is for Helm to refuse"


@pytest.mark.parametrize("metadata", [{}, {"name": "oceans-llm", "version": "0.24.0"}, {"annotations": {"oceans.llm/collection": "another"}}])
def test_another_chart_is_not_taken_for_ours(metadata):
    assert not chart.is_ours(metadata)


def test_the_release_that_is_deployed_unless_another_is_asked_for_is_the_newest_known():
    text = (ROOT / "ansible_collections/oceans/llm/roles/common/vars/main.yml").read_text()
    assert f"else 'v{'.'.join(map(str, schema.LAST))}'" in text


# --- what a chart that is not ours lacks, and a release that Helm cannot record ----------------------------------------------------


def budget(limit):
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "r-gateway"}, "spec": {"minAvailable": limit}}


def deployment(**container):
    template = {"spec": {"containers": [{"name": "gateway", "image": "g:v1", **container}]}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "r-gateway"}, "spec": {"template": template}}


DATABASE = {"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": {"name": "r-postgres"}}
PUBLIC = {"name": "oceans-llm", "version": "0.24.0"}


def of_chart(metadata, *objects, **more):
    return [f for f in checks.find(Picture(Wanted("r", "ns"), chart=metadata, objects=objects, **more)) if f.code in ("OtherChart", "ReleaseTooLarge")]


def test_what_another_chart_lacks_is_one_warning():
    (found,) = of_chart(PUBLIC, budget("1"), deployment(), DATABASE)
    assert (found.code, found.severity, found.object) == ("OtherChart", "warning", "chart oceans-llm-0.24.0")
    for part in ('PodDisruptionBudget/r-gateway has minAvailable: "1" as text', "Cluster/r-postgres has no helm.sh/resource-policy: keep", "no preStop hook"):
        assert part in found.sentence


def test_a_chart_that_lacks_nothing_or_is_ours_is_no_finding():
    kept = {**DATABASE, "metadata": {"name": "r-postgres", "annotations": {"helm.sh/resource-policy": "keep"}}}
    assert not of_chart(PUBLIC, budget(1), budget("50%"), deployment(lifecycle={"preStop": {"sleep": {"seconds": 5}}}), kept)
    assert not of_chart(chart.metadata(chart.own()), budget("1"), deployment(), DATABASE)


def test_a_release_that_fits_into_no_secret_is_told_with_its_size():
    assert not of_chart({}, record_size=releases.RECORD_LIMIT)
    (found,) = of_chart({}, record_size=releases.RECORD_LIMIT * 3 // 2)
    assert (found.code, found.severity) == ("ReleaseTooLarge", "error") and "1.50 MiB" in found.sentence


def test_the_size_of_a_record_is_that_of_the_secret(tmp_path):
    """As Helm writes it: JSON, gzip, base64; the chart's ignored folders are not part of it."""
    text = json.dumps({"manifest": "".join(chr(33 + hash((i, "x")) % 90) for i in range(5000))})
    packed = base64.b64encode(gzip.compress(text.encode(), 9))
    assert releases.record_size(text) == len(packed)
    for name in ("Chart.yaml", "tests/big", "templates/a.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / ".helmignore").write_text("# no\n/tests/\n")
    assert sorted(Path(name).name for name in files_of(str(tmp_path))) == [".helmignore", "a.yaml"]


def test_deploy_refuses_a_release_that_helm_cannot_record(tmp_path):
    program = tmp_path / "helm"
    program.write_text(f"#!{sys.executable}\nimport json, os\nprint(json.dumps({{'manifest': '', 'config': {{'x': os.urandom(900000).hex()}}}}))\n")
    program.chmod(0o755)
    with pytest.raises(plan.NotPlanned, match=r"ns/r: Helm's record .* would have 1\.\d\d MiB.*; nothing was changed"):
        plan.make(None, Helm(str(program), {}), plan.Wanted("r", "ns", "c", {}), None, print, check=False, make_key=False)
