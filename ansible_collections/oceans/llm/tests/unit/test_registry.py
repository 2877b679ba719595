# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server that a chart is pulled from: what helps when it gives none, and a login that nobody sees."""

from __future__ import annotations

import base64
import json

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.helm import registry
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.cli import ChartUnavailable, Helm


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ('failed to perform "FetchReference" on source: Get "https://r/v2/": tls: failed to verify certificate: x509: signed by unknown authority', "ca_cert"),
        ("Get: http: server gave HTTP response to HTTPS client", "plain_http: true"),
        ("tls: first record does not look like a TLS handshake", "plain_http: true"),
        ("GET manifests: basic credential not found", "username"),
        ("response status code 401: Unauthorized", "helm registry login"),
        ("dial tcp: lookup registry.local: no such host", "server's name"),
        ("registry/oceans-llm:9.9.9: not found", "oceans_llm_chart_version"),
    ],
)
def test_a_chart_that_cannot_be_pulled_says_why_and_what_helps(tmp_path, monkeypatch, words, says):
    monkeypatch.setattr("ansible.constants.DEFAULT_LOCAL_TMP", str(tmp_path / "run"))
    program = tmp_path / "helm"
    program.write_text(f"#!/bin/sh\necho 'Error: {words}' >&2\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(ChartUnavailable) as refused:
        Helm(str(program), {}).pull("oci://r/c", "1", str(tmp_path))
    assert says in registry.cure(str(refused.value)) and "credential" not in str(refused.value), "the redactor would hide what stands behind that word"


def test_a_login_never_stands_on_the_command_line(tmp_path, monkeypatch):
    monkeypatch.setattr("ansible.constants.DEFAULT_LOCAL_TMP", str(tmp_path / "run"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    program = tmp_path / "helm"
    find = 'while [ "$1" != --destination ]; do shift; done\necho x > "$2/c.tgz"'
    program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\ncp "$HELM_REGISTRY_CONFIG" {tmp_path}/seen\n{find}\n')
    program.chmod(0o755)
    server = {"ca_cert": "./ca.pem", "validate_certs": False, "plain_http": True, "username": "u", "password": "canary-pass"}
    Helm(str(program), {}).pull("oci://r:5000/c", "1", str(tmp_path / "out"), server)
    call = (tmp_path / "calls").read_text()
    assert f"--ca-file {tmp_path}/ca.pem --insecure-skip-tls-verify --plain-http" in call and "canary" not in call
    assert json.loads((tmp_path / "seen").read_text())["auths"]["r:5000"]["auth"] == base64.b64encode(b"u:canary-pass").decode()
    assert oct((tmp_path / "out/registry.json").stat().st_mode & 0o777) == "0o600"
    with pytest.raises(ChartUnavailable, match="oci:// only"):
        Helm(str(program), {}).pull("https://r/c.tgz", "1", str(tmp_path / "out"), server)
