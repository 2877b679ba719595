# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a release is, what it would be, and what differs. Nothing is written but the key of the Secrets' digests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..helm import changes, chart, drift, releases
from ..helm.changes import Changes
from ..helm.cli import Helm
from ..helm.releases import Release
from ..kube.client import ApiError, Cluster
from ..kube.refused import Refused
from ..secrets import digest
from ..secrets.digest import Digest, Written


class NotPlanned(Refused):
    """The change would fail half-way; the text is a sentence. Nothing was changed."""


@dataclass(frozen=True)
class Wanted:
    """What is asked for."""

    name: str
    namespace: str
    chart: str
    values: Mapping[str, Any]
    force_conflicts: bool = False
    #: what the task oceans.llm.secrets wrote, or in check mode would write
    secret_written: Mapping[str, Any] | None = None

    @property
    def title(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class Plan:
    """`values` are those for Helm, digests included; `key` is the one of the digests."""

    live: Release | None
    planned: Release
    values: Mapping[str, Any]
    difference: Changes
    digests: Digest
    key: bytes | None

    def phrase(self) -> str:
        """The difference, short enough for a line."""
        phrase = self.difference.phrase()
        return phrase if len(phrase) <= 400 else f"{phrase[:400]}…"


def make(
    cluster: Cluster, helm: Helm, wanted: Wanted, live: Release | None, say: Callable[[str], None], *,
    check: bool, make_key: bool, likely: Callable[[], None] = lambda: None,
) -> Plan:  # fmt: skip
    """`live`: the newest revision. `likely`: called before the render when the release was made with other values, so that it probably changes.

    :raises NotPlanned: with the reason why the change must not begin.  :raises HelmError: when Helm refuses the chart or its values."""
    ns = wanted.namespace
    places = digest.places(chart.defaults(wanted.chart))
    # Only the rendered pods say which Secrets they read. Mostly none was rotated: then the digests of the live revision are right at once.
    values = digest.as_live(wanted.values, places, live)
    if not (live and live.has(values)):
        likely()
    planned = helm.plan(wanted.name, ns, wanted.chart, values, live)
    if releases.too_large(planned.size):
        raise NotPlanned(f"{wanted.title}: {releases.too_large(planned.size)}; nothing was changed — {releases.SMALLER}")
    key = _key(cluster, wanted, say, make_key) if places else None
    written = Written.of(dict(wanted.secret_written or {}), ns)
    digests = digest.work_out(cluster, ns, planned, live, key, written if check else None, places)
    right = digest.with_digests(wanted.values, places, planned, digests.text)
    if right != values:
        values, planned = right, helm.plan(wanted.name, ns, wanted.chart, right, live)
    drifted = drift.find(cluster, ns, live) if live and live.status == "deployed" else {}
    difference = changes.compare(live, planned, drifted, digests.reasons(written))
    if drifted and planned.apply_method == "ssa" and not wanted.force_conflicts:
        _conflicts(cluster, ns, planned, drifted)
    return Plan(live, planned, values, difference, digests, key)


def _key(cluster: Cluster, wanted: Wanted, say: Callable[[str], None], make_key: bool) -> bytes | None:
    try:
        return digest.key_of(cluster, wanted.namespace, wanted.name, make_key)
    except ApiError as error:
        if error.status != 403:
            raise
        say(f"pods are not restarted when a Secret changes, because the key for the digests of Secrets cannot be read: {error}")
        return None


def _conflicts(cluster: Cluster, namespace: str, planned: Release, drifted: Mapping[str, Any]) -> None:
    """Helm 4 would stop in the middle of the upgrade; this says so before."""
    for obj in planned.manifest:
        if f"{obj.get('kind')}/{obj['metadata']['name']}" not in drifted:
            continue
        held = drift.conflicts(cluster, namespace, obj, planned)
        if held:
            fields = ", ".join(f"{field} ({manager})" for field, manager in held)
            raise NotPlanned(
                f"{obj['kind']}/{obj['metadata']['name']}: another field manager owns these fields now: {fields}; nothing was changed — "
                "set oceans_llm_force_conflicts: true to let Helm take the fields over, or leave the fields out of oceans_llm_values"
            )


def still_so(cluster: Cluster, wanted: Wanted, plan: Plan) -> None:
    """Between the plan and the lock another run may have changed the release. :raises NotPlanned:"""
    now = releases.latest(cluster, wanted.namespace, wanted.name)
    then, found = (plan.live.revision if plan.live else 0), (now.revision if now else 0)
    if then != found:
        raise NotPlanned(f"another run changed {wanted.title} to revision {found} while this run was planning; nothing was changed — run the playbook again")
