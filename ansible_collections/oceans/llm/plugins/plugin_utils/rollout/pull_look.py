# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry that denies an image, and the pod's pull Secrets: of a type that the kubelet ignores, or with credentials for other registries.

The kubelet reports only the answer of the registry. The Secrets are read once in a run, and only then. Credentials stay out of every text.
"""

from __future__ import annotations

from ..kube import paths, pull_secrets
from ..kube.objects import container_spec
from .look import Look, completed, pod_of
from .model import Cause, Snapshot


class PullLook(Look):
    CODES = ("ImageDenied",)

    def _named(self, snapshot: Snapshot, cause: Cause) -> Cause:
        pod = pod_of(snapshot, cause) or {}
        registry = pull_secrets.registry_of(str(container_spec(pod, cause.container).get("image") or ""))
        names = [str(each.get("name")) for each in (pod.get("spec") or {}).get("imagePullSecrets") or ()]
        said = [text for name in names if (text := self._once(self._wrong, name, registry, otherwise=""))]
        return completed(cause, "".join(f"; {text}" for text in said)) if len(said) == len(names) else cause

    def _wrong(self, name: str, registry: str) -> str:
        return pull_secrets.judged(self._cluster.find(paths.secret(self._namespace, name)), name, registry)
