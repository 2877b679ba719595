# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tools on this machine: helm and kubernetes.core. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..facts import Picture
from ..finding import Finding

MINIMUM = {3: (3, 18, 0), 4: (4, 2, 2)}
#: Helm 4.2.1 never comes back from deleting a hook (fixed in 4.2.2)
REFUSED = {(4, 2, 1): "Helm 4.2.1 hangs when it deletes a hook"}
CORE_FOR_HELM_4 = (6, 5, 0)


def find(picture: Picture) -> Iterator[Finding]:
    tools = picture.tools
    if tools.helm_error or not tools.helm:
        yield Finding("HelmMissing", "helm", tools.helm_error or "the program printed no version, so it is not helm")
        return
    version = numbers(tools.helm)
    if not version:
        yield Finding("HelmVersion", "helm", f"helm version printed {tools.helm!r}, which is not a version")
        return
    yield from _helm(tools.helm, version)
    core = numbers(tools.kubernetes_core)
    if not core:
        hint = "install the collection: ansible-galaxy collection install 'kubernetes.core:>=6.5.0'"
        yield Finding("KubernetesCore", "kubernetes.core", "the collection kubernetes.core is not installed", hint)
    elif version[0] >= 4 and core < CORE_FOR_HELM_4:
        yield Finding("KubernetesCore", "kubernetes.core", f"kubernetes.core {tools.kubernetes_core} does not work with Helm {tools.helm}")


def _helm(text: str, version: tuple[int, int, int]) -> Iterator[Finding]:
    least = MINIMUM.get(version[0])
    if version in REFUSED:
        yield Finding("HelmVersion", "helm", f"Helm {text} is not supported: {REFUSED[version]}")
    elif least is None:
        yield Finding("HelmVersion", "helm", f"Helm {text} is neither Helm 3 nor Helm 4")
    elif version < least:
        yield Finding("HelmVersion", "helm", f"Helm {text} is older than the oldest supported version {'.'.join(map(str, least))}")


def numbers(text: str) -> tuple[int, int, int] | None:
    found = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", text or "")
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None
