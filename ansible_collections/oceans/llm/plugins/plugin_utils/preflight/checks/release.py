# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Helm's record of the release: left behind by a run that was killed, or somebody else's. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ...helm.keep import OWNER
from ...helm.releases import Release
from ...kube.objects import epoch
from ..facts import Picture, is_hook, label, meta
from ..finding import ERROR, WARNING, Finding

CHART = "oceans-llm"
OWNER_NAMESPACE = "meta.helm.sh/release-namespace"


def find(picture: Picture) -> Iterator[Finding]:
    yield from _status(picture)
    yield from _foreign_objects(picture)
    for name in picture.leftovers:
        holds = "; it contains secrets" if name.startswith("Secret/") else ""
        hint = f"set oceans_llm_remove_leftovers: true, or delete the object: kubectl -n {picture.wanted.namespace} delete {name.lower().replace('/', ' ', 1)}"
        yield Finding("HookLeftover", name, f"was left by a hook of an earlier chart, and Helm never deletes it{holds}", hint, WARNING)


def _status(picture: Picture) -> Iterator[Finding]:
    release, wanted = picture.release, picture.wanted
    if release is None:
        return
    where = f"Release/{wanted.release}"
    if release.chart and not release.chart.startswith(f"{CHART}-"):
        yield Finding("ForeignRelease", where, f"revision {release.revision} was installed from chart {release.chart}")
    if picture.held:
        yield Finding("ReleaseBusy", where, picture.held)
    elif release.pending and picture.last_revision == str(release.revision):
        text = f"revision {release.revision} is {release.status}: the run that created it was killed"
        yield Finding("ReleasePending", where, text, "nothing to do: this run marks the revision as failed and continues", WARNING)
    elif release.pending:
        yield _pending(picture, release, where)


def _pending(picture: Picture, release: Release, where: str) -> Finding:
    """Left by a Helm that this collection did not start: it may still be running, and is given time."""
    age, patience = picture.now - epoch(release.deployed_at), picture.wanted.recover_after
    text = f"revision {release.revision} has been {release.status} for {age:.0f} s, and a Helm process outside of this collection created it"
    if age >= patience:
        return Finding("ReleasePending", where, text, "nothing to do: this run marks the revision as failed and continues", WARNING)
    hint = f"wait {patience - age:.0f} s and run the playbook again; if that Helm process has ended, set oceans_llm_recover_after: 0"
    return Finding("ReleasePending", where, text, hint)


def _foreign_objects(picture: Picture) -> Iterator[Finding]:
    """Helm refuses to take over what another release, or nobody, made."""
    hooks = {label(o) for o in picture.objects if is_hook(o)}
    found: dict[tuple[str, str], list[str]] = {}
    for run in picture.dry_runs:
        if run.live is None or run.pod or run.object in hooks:
            continue
        notes = meta(run.live).get("annotations") or {}
        owner, namespace = notes.get(OWNER), notes.get(OWNER_NAMESPACE)
        if (owner, namespace) == (picture.wanted.release, picture.wanted.namespace):
            continue
        whose = f"release {namespace}/{owner}" if owner else "no Helm release"
        found.setdefault((whose, ERROR if owner or not picture.release else WARNING), []).append(run.object)
    for (whose, severity), names in found.items():
        if len(names) == 1:
            yield Finding("ForeignObject", names[0], f"exists and belongs to {whose}, so Helm refuses to adopt it", severity=severity)
            continue
        what = f"{len(names)} of its objects exist and belong to {whose}, so Helm refuses to adopt them: {', '.join(names[:3])}{', …' * (len(names) > 3)}"
        hint = "deploy with the tool that created the objects (Argo CD, Flux, kubectl, another Helm release), or set oceans_llm_release to another name"
        yield Finding("ForeignObject", f"Release/{picture.wanted.release}", what, hint, severity)
