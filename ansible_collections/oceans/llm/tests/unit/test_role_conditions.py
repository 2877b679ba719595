# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conditions of the roles with variables as `-e name=value` and INI inventories give them: as text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

ROLES = Path(__file__).resolve().parents[2] / "roles"


def holds(role: str, **given: Any) -> bool:
    """The first condition of a role's tasks, with the roles' defaults and what was given."""
    variables = {k: trusted(v) for k, v in {**load("common/defaults"), **load("common/vars")}.items()} | given
    condition = next(conditions(load(f"{role}/tasks")))
    return Templar(loader=DataLoader(), variables=variables).evaluate_conditional(trust_as_template(condition))


def load(folder: str) -> Any:
    return yaml.safe_load((ROLES / folder / "main.yml").read_text())


def trusted(value: Any) -> Any:
    return trust_as_template(value) if isinstance(value, str) else value


def conditions(tasks: list[dict[str, Any]]) -> Iterator[str]:
    for task in tasks:
        if "when" in task:
            yield str(task["when"])
        yield from conditions(task.get("block", []))


@pytest.mark.parametrize("word", ["false", "False", "no", "off", "0", False, 0])
def test_a_false_preflight_only_deploys(word):
    assert holds("gateway", oceans_llm_preflight_only=word)


@pytest.mark.parametrize("word", ["true", "True", "yes", "on", "1", True, 1])
def test_a_true_preflight_only_deploys_nothing(word):
    assert not holds("gateway", oceans_llm_preflight_only=word)


@pytest.mark.parametrize("variable", ["oceans_llm_bootstrap_admin", "oceans_llm_seed_config"])
@pytest.mark.parametrize(("word", "runs"), [("true", True), ("yes", True), (True, True), ("false", False), ("no", False), (False, False)])
def test_the_bootstrap_runs_where_it_was_asked_for(variable, word, runs):
    assert holds("bootstrap", **{variable: word}) is runs
