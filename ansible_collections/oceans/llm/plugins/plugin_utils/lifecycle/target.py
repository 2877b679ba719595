# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which revision a rollback goes to, among those that Helm still knows. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ..helm.releases import Release
from .asked import version

#: statuses of a revision that was served once (Helm, pkg/release/common/status.go)
GOOD = ("deployed", "superseded")
SHOWN = 6  # revisions that a refusal lists


class NoTarget(Exception):
    """There is nothing to go back to; the text is a sentence."""


def choose(history: Sequence[Release], to: str) -> Release:
    """`to`: a revision, a version, or nothing: the revision that is still deployed below one that failed.

    :raises NoTarget: with the revisions to choose from.
    """
    if not history:
        raise NoTarget("Helm has no revision of this release")
    good = [release for release in history if release.status in GOOD]
    if not to:
        last = last_good(history)
        if last is None or last.revision == history[-1].revision:
            raise NoTarget(
                f"revision {history[-1].revision} is {history[-1].status}, so the revision to roll back to is not clear; "
                f"set oceans_llm_rollback_to to one of these: {listed(good)}"
            )
        return last
    found = [r for r in history if str(r.revision) == to] if to.isdigit() else [r for r in good if _same(version(r), to)]
    if not found:
        what = f"revision {to}" if to.isdigit() else f"revision of version {to} that served"
        raise NoTarget(f"Helm has no {what}; set oceans_llm_rollback_to to one of these: {listed(good)}")
    if found[-1].status not in GOOD:
        raise NoTarget(f"revision {to} is {found[-1].status} and never served; set oceans_llm_rollback_to to one of these: {listed(good)}")
    return found[-1]


def last_good(history: Sequence[Release]) -> Release | None:
    """The newest revision that Helm calls deployed, else the newest that was."""
    return max((r for r in history if r.status in GOOD), key=lambda r: (r.status == "deployed", r.revision), default=None)


def listed(releases: Sequence[Release]) -> str:
    shown = [f"{r.revision} ({version(r)}, {r.status} {r.deployed_at[:16]})" for r in reversed(releases)]
    more = f" and {len(shown) - SHOWN} older" if len(shown) > SHOWN else ""
    return (", ".join(shown[:SHOWN]) or "no revision ever served") + more


def _same(tag: str, to: str) -> bool:
    return tag.split("@", 1)[0].removeprefix("v") == to.split("@", 1)[0].removeprefix("v")
