# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an upgrade would change, worked out from the objects, and Helm's record of a release."""

from __future__ import annotations

import base64
import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.helm import changes, cli, drift, releases
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.cli import Helm, HelmError, said
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.process import error_of
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster

from .fake_api import FakeApi, ok

MANIFEST = """---
# Source: x
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data: {a: "1"}
---
apiVersion: v1
kind: Secret
metadata: {name: s}
stringData: {TOKEN: top-secret}
"""
HOOK = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: migrate}\n"
BODY = {
    "name": "r",
    "namespace": "ns",
    "version": 3,
    "manifest": MANIFEST,
    "config": {"x": 1},
    "info": {"status": "deployed", "last_deployed": "2026-01-01T00:00:00Z"},
    "chart": {"metadata": {"name": "oceans-llm", "version": "0.1.0", "appVersion": "v0.24.0"}},
    "hooks": [{"manifest": HOOK, "events": ["post-install"]}, {"manifest": "kind: Pod\nmetadata: {name: t}", "events": ["test"]}],
}


@pytest.fixture
def release():
    return releases.parse(BODY)


def test_a_release_is_read_as_helm_packs_it(release):
    packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(BODY).encode()))).decode()
    assert releases.decode({"data": {"release": packed}}) == release
    assert releases.names(release.manifest, "ConfigMap") == ("c",)
    assert releases.names(release.hooks, "Job") == ("migrate",), "hooks of `helm test` are no part of a rollout"
    assert release.chart == "oceans-llm-0.1.0" and not release.pending


@pytest.mark.parametrize("status", ["pending-install", "pending-upgrade", "pending-rollback"])
def test_a_release_that_nobody_finished_is_pending(release, status):
    assert replace(release, status=status).pending


def test_nothing_differs(release):
    same = changes.compare(release, release)
    assert not same and same.phrase() == "nothing"


def test_a_first_install_adds_everything(release):
    first = changes.compare(None, release)
    assert first.added == ("ConfigMap/c", "Job/migrate", "Secret/s") and first.before == ""


def test_a_template_that_changed_is_seen_with_the_same_chart_version(release):
    other = releases.parse({**BODY, "manifest": MANIFEST.replace('"1"', '"2"')})
    found = changes.compare(release, other)
    assert found.changed == ("ConfigMap/c",) and "'1'" in found.before and "'2'" in found.after


def test_a_secret_is_never_in_a_diff(release):
    other = releases.parse({**BODY, "manifest": MANIFEST.replace("top-secret", "rotated-secret")})
    found = changes.compare(release, other)
    assert found.changed == ("Secret/s",)
    assert "top-secret" not in found.before + found.after and "rotated" not in found.before + found.after
    assert "TOKEN" in found.after


def test_a_diff_names_the_keys_of_a_secret_that_change():
    def secret(**data):
        return releases.parse(BODY | {"manifest": json.dumps({"kind": "Secret", "metadata": {"name": "s"}, "stringData": data})})

    found = changes.compare(secret(SAME="a", ROTATED="b"), secret(SAME="a", ROTATED="c", NEW="d"))
    assert "ROTATED: (changed)" in found.after and "NEW: (hidden)" in found.after and "SAME: (hidden)" in found.after
    assert "(changed)" not in found.before


def test_a_failed_revision_is_changed_again_though_no_object_differs(release):
    found = changes.compare(replace(release, status="failed"), release)
    assert found and found.phrase() == "revision 3 has the status failed"


def test_values_that_no_object_shows_are_a_reason_and_others_are_none(release):
    other = releases.parse({**BODY, "manifest": MANIFEST.replace('"1"', '"2"')})
    assert changes.compare(release, replace(release, values={"other": 1})).phrase() == "values changed"
    assert changes.compare(release, replace(other, values={"other": 1})).phrase() == "~ConfigMap/c"


def test_an_object_that_is_gone_is_named(release):
    assert changes.compare(release, replace(release, hooks=())).phrase() == "-Job/migrate"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "Error: execution error at (oceans-llm/templates/validate.yaml:3:4): set database.external\n",
            "(oceans-llm/templates/validate.yaml:3:4): set database.external",
        ),
        ("Error: template: x: error calling fail: type this instead", "type this instead"),
        (
            "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress",
            "UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress",
        ),
    ],
)
def test_helms_words_without_decoration(text, sentence):
    assert said(text) == sentence


def test_no_helm_says_what_to_install():
    with pytest.raises(HelmError, match="oceans_llm_helm_binary"):
        Helm("/nowhere/helm", {})


def test_a_string_that_looks_like_a_number_reaches_helm_as_a_string(tmp_path):
    """PyYAML writes 0123456789 and 1e3 without quotes (YAML 1.1), and Helm reads numbers."""
    heard, answer, program = tmp_path / "values", tmp_path / "answer", tmp_path / "helm"
    answer.write_text(json.dumps(BODY))
    program.write_text(f"#!/bin/sh\ncat > {heard}\ncat {answer}\n")
    program.chmod(0o755)
    Helm(str(program), {}).plan("r", "ns", "chart", {"secrets": {"inline": {"A": "0123456789", "B": "1e3"}}}, None)
    assert json.loads(heard.read_text()) == {"secrets": {"inline": {"A": "0123456789", "B": "1e3"}}}


@pytest.mark.parametrize(
    ("manifest", "other", "renders"),
    [(MANIFEST.partition("---\napiVersion: v1\nkind: Secret")[0], {}, 1), ("", {"values": {"a": 2}}, 2), ("", {"after": None}, 2), (MANIFEST, {}, 2)],
)
def test_what_preflight_rendered_is_planned_with_once(tmp_path, monkeypatch, release, manifest, other, renders):
    """The same render serves preflight and the plan; not for other values or after another revision, and a Secret is never kept in a file."""
    monkeypatch.setattr(cli.constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    count, answer, program = tmp_path / "count", tmp_path / "answer", tmp_path / "helm"
    answer.write_text(json.dumps({**BODY, "manifest": manifest}))
    program.write_text(f"#!/bin/sh\ncat > /dev/null\necho x >> {count}\ncat {answer}\n")
    program.chmod(0o755)
    asked = {"release": "r", "namespace": "ns", "chart": "chart", "values": {"a": 1}, "after": release}
    first = Helm(str(program), {}).plan(**asked, keep=True)
    kept = list(tmp_path.glob("render-*"))
    assert len(kept) == (manifest != MANIFEST) and all(file.stat().st_mode & 0o777 == 0o600 for file in kept)
    assert Helm(str(program), {}).plan(**{**asked, **other}) == first and count.read_text().count("x") == renders
    Helm(str(program), {}).plan(**asked)
    assert count.read_text().count("x") == renders + (not other) and not list(tmp_path.glob("render-*")), "once"


def test_a_chart_that_is_nowhere_is_a_sentence(tmp_path):
    program = tmp_path / "helm"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    with pytest.raises(HelmError, match="neither a folder"):
        Helm(str(program), {}).pull("no/such/chart", "", str(tmp_path))


def test_a_chart_is_pulled_once_in_a_run_whoever_asks(tmp_path, monkeypatch):
    monkeypatch.setattr("ansible.constants.DEFAULT_LOCAL_TMP", str(tmp_path / "run"))
    program, calls = tmp_path / "helm", tmp_path / "calls"
    program.write_text(f'#!/bin/sh\necho "$@" >> {calls}\nwhile [ "$1" != --destination ]; do shift; done\nsleep 0.2\necho x > "$2/oceans-llm-1.tgz"\n')
    program.chmod(0o755)
    with ThreadPoolExecutor(4) as pool:  # several hosts at once
        found = set(pool.map(lambda _n: Helm(str(program), {}).pull("oci://r/c", "1", str(tmp_path)), range(4)))
    assert len(found) == 1 and calls.read_text().splitlines() == [f"pull oci://r/c --destination {Path(found.pop()).parent} --version 1"]
    Helm(str(program), {}).pull("oci://r/c", "2", str(tmp_path))
    assert len(calls.read_text().splitlines()) == 2, "another version is another chart"


def test_a_pull_that_leaves_nothing_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr("ansible.constants.DEFAULT_LOCAL_TMP", str(tmp_path / "run"))
    program = tmp_path / "helm"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    with pytest.raises(HelmError, match="wrote no archive"):
        Helm(str(program), {}).pull("oci://r/c", "1", str(tmp_path))


KLOG = "W1128 10:00:00.123456   12 warnings.go:70] deprecated"
NOTHING = (
    "helm ended with exit code 1 and wrote no message; for Helm's record of the change, "
    "run helm history; for the complete result of the module, run ansible-playbook -vvv"
)


@pytest.mark.parametrize(
    ("result", "error"),
    [
        ({"changed": True}, ""),
        (
            {"failed": True, "msg": "Failure when executing Helm command.", "stderr": "WARNING: x\nError: UPGRADE FAILED: context canceled\n"},
            "UPGRADE FAILED: context canceled",
        ),
        ({"failed": True, "msg": "no chart"}, "no chart"),
        ({"failed": True, "stderr": f"Error: a\n\nrule:\n  text\n{KLOG}"}, "a\n\nrule:\n  text"),
        ({"failed": True, "stderr": KLOG.replace("W1128", "E0131")}, "deprecated"),
        ({"failed": True, "msg": "", "exception": "Traceback\nFileNotFoundError: ./kc"}, "FileNotFoundError: ./kc"),
        ({"failed": True, "msg": "Failure when executing Helm command. Exited 1.\nstdout: \nstderr: ", "stderr": "", "stdout": "Error: here"}, "here"),
        ({"failed": True, "msg": "Failure when executing Helm command. Exited 1.\nstdout: \nstderr: \n", "rc": 1}, NOTHING),
        ({"failed": True, "msg": "MODULE FAILURE", "module_stderr": "sh: 1: helm: not found"}, "MODULE FAILURE"),
        ({"rc": 137}, NOTHING.replace("code 1", "code 137")),
    ],
)
def test_what_helm_said_when_it_failed(result, error):
    assert error_of(result) == error


def scaled(replicas: int, **annotations: str) -> dict:
    meta = {"name": "gw", "annotations": annotations} if annotations else {"name": "gw"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": {"replicas": replicas, "paused": False}}


KEPT = {"oceans-llm/keeps-replicas": "true"}


def test_a_number_of_replicas_that_an_autoscaler_sets_is_no_change(release):
    live, planned = replace(release, manifest=(scaled(3, **KEPT),)), replace(release, manifest=(scaled(5, **KEPT),))
    assert not changes.compare(live, planned)
    assert changes.compare(replace(release, manifest=(scaled(3),)), planned).changed == ("Deployment/gw",), "the autoscaler was just switched on"
    assert changes.compare(replace(release, manifest=(scaled(3),)), replace(release, manifest=(scaled(5),))).changed == ("Deployment/gw",)


@pytest.mark.parametrize(("annotations", "fields"), [(KEPT, ("spec.paused",)), ({}, ("spec.paused", "spec.replicas"))], ids=["autoscaled", "ours"])
def test_an_autoscalers_number_is_no_drift(release, annotations, fields):
    path = paths.deployment("ns", "gw")
    with FakeApi() as api:
        api.on("GET", path, ok({**scaled(5, **annotations), "spec": {"replicas": 5, "paused": True}}))
        api.on("PATCH", path, ok(scaled(3, **annotations)))
        found = drift.find(Cluster.connect({"host": api.url}), "ns", replace(release, manifest=(scaled(3, **annotations),)))
    assert found == {"Deployment/gw": fields}
