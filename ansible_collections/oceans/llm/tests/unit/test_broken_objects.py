# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No rule trips over an object: fields of recorded objects are taken away, or set to null, at random, and everything that reads a picture still answers.

An object keeps its name and namespace: the API server sends none without.
"""

from __future__ import annotations

import copy
import random
from dataclasses import replace

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.helm.process import Helm
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import logs, narrator, progress, statements
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes import RULES, find
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.verdict import judge, timeout_cause

from ..recordings.record import load, pictures
from ..recordings.scenarios import SCENARIOS
from .test_made_pictures import MADE

SEEDS = 6
KEPT = ("name", "namespace")


def broken(value, rng, share, path=()):
    """The same with some of its fields null, missing, or emptied."""
    if isinstance(value, dict):
        found = {}
        for key, each in value.items():
            if path[-1:] == ("metadata",) and key in KEPT and len(path) == 1:
                found[key] = each
                continue
            draw = rng.random()
            if draw < share / 2:
                found[key] = None
            elif draw > share:
                found[key] = broken(each, rng, share, (*path, key))
        return found
    return [broken(each, rng, share, (*path, "[]")) for each in value] if isinstance(value, list) else value


def shaken(picture, seed):
    rng = random.Random(seed)
    share = rng.choice([0.02, 0.05, 0.15, 0.4])
    objects = {
        kind: {name: {"kind": kind, **broken(copy.deepcopy(obj), rng, share), "metadata": broken_meta(obj, rng, share)} for name, obj in named.items()}
        for kind, named in picture.objects.items()
    }
    return replace(picture, objects=objects)


def broken_meta(obj, rng, share):
    return {"name": obj["metadata"]["name"], **broken({"metadata": obj["metadata"]}, rng, 0.0)["metadata"], **_without(obj["metadata"], rng, share)}


def _without(metadata, rng, share):
    return {key: None for key in metadata if key not in KEPT and rng.random() < share}


def reads(picture):
    for name, rule in RULES.items():
        try:
            list(rule(picture))
        except Exception as error:
            raise AssertionError(f"rule {name}: {error!r}") from error
    verdict = judge(picture, find(picture), Helm())
    assert timeout_cause(picture, verdict, 60).cause
    narrator.facts(picture)
    progress.summary(picture)
    progress.stopping(picture)
    statements.database(picture)
    statements.old_pods_statement(picture)
    list(logs.running_jobs(picture))
    list(logs.ended(picture))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.name)
def test_recorded_objects_without_some_of_their_fields(scenario):
    *_earlier, picture = pictures(load(scenario.name), step=60.0)
    for seed in range(SEEDS):
        try:
            reads(shaken(picture, seed))
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error!r}") from error


@pytest.mark.parametrize("name", MADE)
def test_made_objects_without_some_of_their_fields(name):
    for seed in range(SEEDS * 3):
        reads(shaken(MADE[name](), seed))
