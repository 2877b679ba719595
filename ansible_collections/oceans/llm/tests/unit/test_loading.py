# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run pays before its first task: files are compiled once and not in every run, expressions when they are needed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.kube.expression import Expression

ROOT = Path(__file__).resolve().parents[5]
LOAD = f"""
from ansible.plugins.loader import init_plugin_loader
init_plugin_loader([{str(ROOT)!r}])
from ansible_collections.oceans.llm.plugins.plugin_utils import kube
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
print(type(kube.__loader__).__name__, type(paths.__loader__).__name__, paths.__file__)
"""


def test_ansible_loads_compiled_files(tmp_path):
    env = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path)}
    said = subprocess.run([sys.executable, "-c", LOAD], env=env, capture_output=True, text=True, check=True, cwd=tmp_path).stdout.split()
    assert said[:2] == ["_AnsibleCollectionLoader", "SourceFileLoader"], "folders are Ansible's, files are Python's"
    assert said[2] == str(ROOT / "ansible_collections/oceans/llm/plugins/plugin_utils/kube/paths.py")
    assert list(tmp_path.rglob("kube/paths.*.pyc"))


SHARED = f"""
import gc, sys
from ansible.plugins.loader import action_loader, init_plugin_loader
init_plugin_loader([{str(ROOT)!r}, {str(ROOT / ".testbed/collections")!r}])
action_loader.get("oceans.llm.secrets", class_only=True)
kept = ("oceans.llm.plugins.filter.variable", "oceans.llm.plugins.filter.chart_values", "kubernetes.core.plugins.module_utils.k8s.client")
print(all(f"ansible_collections.{{name}}" in sys.modules for name in kept), gc.get_freeze_count() > 10000)
"""


def test_what_every_task_needs_is_loaded_before_ansible_forks(tmp_path):
    assert subprocess.run([sys.executable, "-c", SHARED], capture_output=True, text=True, check=True, cwd=tmp_path).stdout.split() == ["True"] * 2


def test_an_expression_is_compiled_when_it_is_searched_for():
    broken = Expression("(", re.IGNORECASE)
    with pytest.raises(re.error):
        broken.search("text")
    assert Expression("a(?P<b>.)", re.IGNORECASE).search("xAc")["b"] == "c"
