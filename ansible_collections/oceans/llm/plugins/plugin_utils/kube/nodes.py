# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps a pod off a node: taints (Kubernetes API, Taint and Toleration). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .objects import Object


def untolerated(node: Object, pod: Object) -> list[str]:
    """`key=value:effect` of the taints that keep a pod away; PreferNoSchedule keeps nobody away."""
    tolerations = (pod.get("spec") or {}).get("tolerations") or ()
    return [
        f"{taint.get('key')}{'=' + str(taint['value']) if taint.get('value') else ''}:{taint.get('effect')}"
        for taint in (node.get("spec") or {}).get("taints") or ()
        if taint.get("effect") != "PreferNoSchedule" and not any(_tolerates(each, taint) for each in tolerations)
    ]


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    """Without an effect it means all of them; Exists without a key tolerates everything."""
    if toleration.get("effect") not in (None, "", taint.get("effect")):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", taint.get("key"))
    return toleration.get("key") == taint.get("key") and (toleration.get("value") or "") == (taint.get("value") or "")
