# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which folder of plugin_utils may import which: kube <- helm, gateway <- secrets <- preflight | rollout <- lifecycle (not preflight) <- action plugins."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

UTILS = Path(__file__).resolve().parents[2] / "plugins/plugin_utils"
#: room -> the rooms that it may import besides itself; `codes` is the register, `playbooks` prints commands: every room may read both
MAY = {
    "kube": set(),
    "helm": {"kube"},
    "gateway": {"kube"},
    "secrets": {"kube", "helm", "gateway"},
    "preflight": {"kube", "helm", "gateway", "secrets"},
    "rollout": {"kube", "helm", "gateway", "secrets"},
    "lifecycle": {"kube", "helm", "gateway", "secrets", "rollout"},
}


def imported(path: Path):
    """The rooms that a file imports by relative imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = path.parents[node.level - 1].relative_to(UTILS).parts
            for name in [node.module] if node.module else [alias.name for alias in node.names]:
                yield (*base, *name.split("."))[0]


@pytest.mark.parametrize("room", MAY)
def test_a_room_imports_only_what_is_below_it(room):
    files = list((UTILS / room).rglob("*.py"))
    wrong = {(str(f.relative_to(UTILS)), to) for f in files for to in imported(f) if to not in MAY[room] | {room, "codes", "playbooks"}}
    assert files and not wrong


def test_every_file_has_a_room():
    assert {p.name for p in UTILS.iterdir() if p.suffix == ".py"} == {"__init__.py", "action_base.py", "codes.py", "playbooks.py"}
    assert {p.name for p in UTILS.iterdir() if p.is_dir() and p.name != "__pycache__"} == set(MAY)
