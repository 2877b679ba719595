# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a release's database and the images say before anything is changed: which migrations are pending, and whether an older image fits.

The history of the database and the table of releases answer without a pod. What they leave open, the image is asked by a one-off Job.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..gateway import log_words, one_off_job, one_off_run, schema
from ..gateway.one_off_run import Answer
from ..helm.releases import Release
from ..kube.client import ApiError, Cluster
from ..kube.objects import part
from ..rollout import going_back
from ..rollout.database_look import DatabaseLook
from ..rollout.going_back import Says

DEADLINE = 30  # seconds for one question to an image that may have to be pulled


@dataclass(frozen=True)
class Schema:
    """`versions` None: not known. `newest`: the last migration of the database; 0: none, None: not known. `why`: what is not known, a phrase.
    `history`: the migrations in the database; None: not known."""

    versions: tuple[int, ...] | None
    newest: int | None
    why: str = ""
    history: tuple[int, ...] | None = None


def history(cluster: Cluster, namespace: str, release: Release) -> tuple[tuple[int, ...] | None, str]:
    """(migrations in the database that this release's gateway uses, why they are not known)."""
    known = DatabaseLook(cluster, namespace, release.objects).conclude()
    return known["history_now"], known["unasked"]


def image(release: Release) -> str:
    deployment = part(release.manifest, "Deployment")
    return str(deployment["spec"]["template"]["spec"]["containers"][0].get("image") or "") if deployment else ""


def knows(release: Release) -> schema.Known | None:
    """The newest migration that the release's image knows; None: not known."""
    return schema.newest(schema.release_of(image(release)))


def version(release: Release) -> str:
    """The version of a release for the reader: its image's tag."""
    deployment = part(release.manifest, "Deployment")
    return going_back.image_tag(deployment) if deployment else release.app_version


def pending(cluster: Cluster, namespace: str, planned: Release, trial: bool) -> Schema:
    """What a planned release would migrate. `trial`: a Job may be created for the question."""
    found, why = history(cluster, namespace, planned)
    known = knows(planned)
    if found is not None and known is not None and known.sure:
        return Schema(tuple(v for v in range(schema.FIRST, known.version + 1) if v not in found), max(found, default=0), history=found)
    told = by_image(cluster, planned, namespace) if trial else Schema(None, None, "check mode creates no Job")
    if told.versions is not None:
        return replace(told, history=found)
    newest = None if found is None else max(found, default=0)
    return Schema(None, newest, f"{why or 'this collection does not know the release of the image'}; {told.why}", found)


def by_image(cluster: Cluster, release: Release, namespace: str = "") -> Schema:
    """What a release's own image says, asked by a Job."""
    answer = ask(cluster, release, ("migrate", "--status"), namespace or release.namespace)
    said = log_words.migrations(answer.text)
    if answer.code == 0 and (said.applied or said.pending):
        return Schema(tuple(v for v, _name in said.pending), max((v for v, _name in said.applied), default=0))
    return Schema(None, None, going_back.words_of(answer))


def fits(cluster: Cluster, namespace: str, older: Release, found: tuple[int, ...] | None, trial: bool) -> tuple[Says, str]:
    """What an older release's image says of a database with this history, and how that is known."""
    known, tag = knows(older), version(older)
    if found is not None and known is not None and known.sure:
        newest = max(found, default=0)
        if newest > known.version:
            return Says.REFUSES, f"the database schema is at V{newest}, and {tag} accepts at most V{known.version}, so this version would refuse to start"
        return Says.FITS, f"the database schema is at V{newest}, which {tag} accepts"
    answer = ask(cluster, older, going_back.CHECK, namespace) if trial else Answer(None, "check mode creates no Job")
    said = going_back.says(answer)
    return said, f"a Job ran {tag} to check the database: {going_back.words_of(answer) if said is not Says.FITS else said.value}"


def ask(cluster: Cluster, release: Release, command: tuple[str, ...], namespace: str) -> Answer:
    """Run the gateway program of a release once, with a command that changes nothing."""
    deployment = part(release.manifest, "Deployment")
    if deployment is None:
        return Answer(None, "the release has no gateway")
    placed: Mapping[str, Any] = {**deployment, "metadata": {**deployment["metadata"], "namespace": namespace}}
    try:
        body = one_off_job.job(placed, command, prefix=f"{release.name}-ask", component="ask", deadline=DEADLINE)
        return one_off_run.ask(cluster, body, DEADLINE)
    except (ApiError, KeyError) as error:
        return Answer(None, str(error))
