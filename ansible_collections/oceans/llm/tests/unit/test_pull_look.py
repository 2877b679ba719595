# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry that denies an image, beside what the pod's pull Secrets hold."""

from __future__ import annotations

import base64
import json

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes.cause import cause as make
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.pull_look import PullLook

from .fake_api import FakeApi, ok, status
from .test_causes import pod, waits
from .test_waits import upgrade

CONFIG = "kubernetes.io/dockerconfigjson"


def secret(*hosts: str, kind: str = CONFIG, key: str = ".dockerconfigjson", data: str = "") -> dict:
    held = {host: {"auth": "dTpz"} for host in hosts}
    text = data or json.dumps({"auths": held} if key == ".dockerconfigjson" else held)
    return {"type": kind, "data": {key: base64.b64encode(text.encode()).decode()}}


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (secret("reg.example"), ""),
        (secret("https://reg.example/v1/"), ""),
        (secret("*.example"), ""),
        (secret("reg.example", kind="kubernetes.io/dockercfg", key=".dockercfg"), ""),
        (secret("quay.example", "b.example"), "; pull Secret/regcred has credentials for b.example, quay.example, and not for reg.example"),
        (secret("reg.example", kind="Opaque"), "; the kubelet ignores pull Secret/regcred, because its type is Opaque and not " + CONFIG),
        (secret(data="no"), "; key .dockerconfigjson of pull Secret/regcred is not valid JSON with the field auths"),
        (None, ""),
    ],
)
def test_what_keeps_a_pull_secret_from_helping_is_said(found, words):
    picture = upgrade(pod(containers=[waits()], spec={"imagePullSecrets": [{"name": "regcred"}]}))
    denied = make("ImageDenied", picture, "Pod/web-1-a", "the registry denies access", "401", container="it")
    with FakeApi() as api:
        api.on("GET", paths.secret("ns", "regcred"), ok(found) if found else status(403, "Forbidden", "no"))
        look = PullLook(Cluster.connect({"host": api.url}), "ns")
        (told,) = look.named(picture, [denied])
        look.named(picture, [denied])
        assert told.cause == "the registry denies access" + words and "dTpz" not in told.cause
        assert api.asked(paths.secret("ns", "regcred")) == 1
