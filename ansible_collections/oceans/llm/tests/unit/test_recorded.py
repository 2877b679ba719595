# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The chart of an earlier revision, written out of Helm's record."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.helm.recorded import NotRecorded, write_chart
from ansible_collections.oceans.llm.plugins.plugin_utils.secrets import digest


def body(name="templates/a.yaml", **metadata):
    data = base64.b64encode(b"kind: A").decode()
    return {"chart": {"metadata": {"name": "c", "version": "1.0.0", **metadata}, "templates": [{"name": name, "data": data}], "values": {"a": 0.1}}}


def test_the_chart_is_a_folder_that_helm_takes(tmp_path):
    root = Path(write_chart(body(), str(tmp_path)))
    assert {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()} == {"Chart.yaml", "values.yaml", "templates/a.yaml"}


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (body("../../outside"), "outside of the chart's folder"),
        (body("/etc/outside"), "outside of the chart's folder"),
        (body(dependencies=[{"name": "pg"}]), r"sub-charts \(pg\)"),
        ({}, "does not contain the chart"),
    ],
)
def test_what_no_record_may_hold_or_does_not_hold(tmp_path, record, said):
    with pytest.raises(NotRecorded, match=said):
        write_chart(record, str(tmp_path))
    assert not list(tmp_path.parent.glob("outside"))


def test_an_earlier_revisions_digests_of_secrets_are_left_out():
    values = {"gateway": {"secretsDigest": "of-then", "replicaCount": 2}, "adminUi": None}
    places = {"gateway": ("gateway", "secretsDigest"), "admin-ui": ("adminUi", "podAnnotations", "x")}
    assert digest.without_digests(values, places) == {"gateway": {"replicaCount": 2}, "adminUi": None}
    assert values["gateway"]["secretsDigest"], "a copy"
