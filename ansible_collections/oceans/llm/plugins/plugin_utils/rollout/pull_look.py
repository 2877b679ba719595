# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry that denies an image, and the pod's pull Secrets: of a type that the kubelet ignores, or with credentials for other registries.

The kubelet reports only the answer of the registry. The Secrets are read once in a run, and only then. Credentials stay out of every text.
"""

from __future__ import annotations

import base64
import fnmatch
import json

from ..kube import paths
from ..kube.objects import container_spec
from .causes.images import registry_of
from .look import Look, completed, pod_of
from .model import Cause, Snapshot

#: type of a Secret -> its key (Kubernetes API)
TYPES = {"kubernetes.io/dockerconfigjson": ".dockerconfigjson", "kubernetes.io/dockercfg": ".dockercfg"}


class PullLook(Look):
    CODES = ("ImageDenied",)

    def _named(self, snapshot: Snapshot, cause: Cause) -> Cause:
        pod = pod_of(snapshot, cause) or {}
        registry = registry_of(str(container_spec(pod, cause.container).get("image") or ""))
        names = [str(each.get("name")) for each in (pod.get("spec") or {}).get("imagePullSecrets") or ()]
        said = [text for name in names if (text := self._once(self._wrong, name, registry, otherwise=""))]
        return completed(cause, "".join(f"; {text}" for text in said)) if len(said) == len(names) else cause

    def _wrong(self, name: str, registry: str) -> str:
        return _judged(self._cluster.find(paths.secret(self._namespace, name)), name, registry)


def _judged(secret: object, name: str, registry: str) -> str:
    if not isinstance(secret, dict):
        return ""  # the kubelet's event names a Secret that does not exist
    key = TYPES.get(str(secret.get("type")))
    if key is None:
        return f"the kubelet ignores pull Secret/{name}, because its type is {secret.get('type')} and not kubernetes.io/dockerconfigjson"
    try:
        held = json.loads(base64.b64decode((secret.get("data") or {}).get(key) or ""))
        hosts = sorted(held["auths"] if key == ".dockerconfigjson" else held)
    except (ValueError, KeyError, TypeError):
        return f"key {key} of pull Secret/{name} is not valid JSON with the field auths"
    known = [host.removeprefix("https://").removeprefix("http://").partition("/")[0] for host in hosts]
    alike = any(fnmatch.fnmatch(registry, host) or (registry == "docker.io" and host.endswith("docker.io")) for host in known)
    return "" if alike else f"pull Secret/{name} has credentials for {', '.join(known) or 'no registry'}, and not for {registry}"
