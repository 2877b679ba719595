# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which objects a rollout is about, from the objects that Helm rendered or stored."""

from __future__ import annotations

from ..helm.promises import CUSTOM, is_custom, promised
from ..helm.releases import Release, names, selector
from ..kube import paths
from .model import Scope
from .watch import Watched


def scope_of(release: Release, namespace: str, name: str, hooks: bool = True, ours: bool = True) -> Scope:
    """`hooks` is False when nothing changes: the Jobs of an earlier run are none of this one's business. `ours`: see Scope."""
    objects = release.objects if hooks else release.manifest
    custom = tuple((str(o["kind"]), str(o["metadata"]["name"])) for o in objects if is_custom(o))
    return Scope(
        deployments=names(release.manifest, "Deployment"),
        jobs=names(objects, "Job"),
        namespace=namespace,
        release=name,
        promised=promised(objects),
        custom=custom,
        services=names((o for o in release.manifest if (o.get("spec") or {}).get("selector")), "Service"),
        revision=release.revision,
        ours=ours,
    )


def also_watched(release: Release, namespace: str, name: str) -> dict[str, Watched]:
    """What a rollout of this release depends on besides the usual kinds: Helm's own record, who stands behind its Services, and the custom
    resources that it has."""
    ours = [o for o in release.objects if is_custom(o)]
    custom = {str(o["kind"]): Watched(paths.of(str(o["apiVersion"]), CUSTOM[o["kind"]], namespace)) for o in ours}
    return {
        "Release": Watched(paths.secrets(namespace), {"labelSelector": selector(name)}),
        "EndpointSlice": Watched(paths.endpointslices(namespace)),
        **custom,
    }
