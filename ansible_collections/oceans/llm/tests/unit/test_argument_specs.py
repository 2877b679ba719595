# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Defaults, argument specs and the README's table of variables say the same; and the check itself can fail."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

COLLECTION = Path(__file__).resolve().parents[2]


def load(path: Path):
    spec = importlib.util.spec_from_file_location("check_argument_specs", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_everything_agrees():
    assert list(load(COLLECTION / "tests/check_argument_specs.py").differences()) == []


@pytest.fixture
def copy(tmp_path):
    for folder in ("roles", "playbooks"):
        shutil.copytree(COLLECTION / folder, tmp_path / folder)
    shutil.copy(COLLECTION / "README.md", tmp_path)
    (tmp_path / "tests").mkdir()
    shutil.copy(COLLECTION / "tests/check_argument_specs.py", tmp_path / "tests")
    return tmp_path


def found(copy: Path) -> str:
    return "\n".join(load(copy / "tests/check_argument_specs.py").differences())


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_another_default_is_found(copy):
    edit(copy / "roles/common/defaults/main.yml", "oceans_llm_timeout: 900", "oceans_llm_timeout: 901")
    assert "oceans_llm_timeout: default 901, but its argument spec does not say 'The default is V(901).'" in found(copy)


def test_a_default_without_a_spec_is_found(copy):
    edit(copy / "roles/common/defaults/main.yml", "oceans_llm_timeout: 900", "oceans_llm_timeout: 900\noceans_llm_new: 1")
    assert "oceans_llm_new has a default and no argument spec" in found(copy) and "oceans_llm_new is used by no role" in found(copy)


def test_a_spec_without_a_default_is_found(copy):
    edit(copy / "roles/common/defaults/main.yml", "oceans_llm_timeout: 900\n", "")
    assert "oceans_llm_timeout has an argument spec and no default" in found(copy)


def test_a_readme_that_says_something_else_is_found(copy):
    edit(copy / "README.md", "| `900` |", "| `5` |")
    assert "README.md is out of date" in found(copy)


def test_a_role_that_uses_one_more_variable_is_found(copy):
    edit(copy / "roles/wait/tasks/main.yml", "_oceans_llm_version", "_oceans_llm_chart")
    assert "roles/wait/meta/argument_specs.yml is not what the role uses" in found(copy)


@pytest.mark.parametrize("key", ["default: 900", "no_log: true"])
def test_a_key_that_makes_ansible_refuse_null_or_dates_is_found(copy, key):
    edit(copy / "roles/gateway/meta/argument_specs.yml", "        type: int", f"        type: int\n        {key}")
    assert "has the key default or no_log" in found(copy)


def test_a_variable_that_is_read_as_it_was_written_is_found(copy):
    edit(copy / "roles/wait/tasks/main.yml", "_oceans_llm_timeout", "oceans_llm_timeout")
    assert "roles/wait/tasks/main.yml reads oceans_llm_timeout as it was written" in found(copy)


def test_a_variable_that_is_not_converted_is_found(copy):
    edit(copy / "roles/common/vars/main.yml", "oceans_llm_timeout | oceans.llm.variable('oceans_llm_timeout')", "oceans_llm_timeout")
    assert "oceans_llm_timeout is converted nowhere" in found(copy)
