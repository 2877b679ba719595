# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documents name exists: the file and heading of each link, each variable, playbook, role, module, script and make target."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
import yaml

COLLECTION = Path(__file__).resolve().parents[2]
ROOT = COLLECTION.parents[2]
FOLDERS = ("ansible_collections", "charts", "docs", "faults", "testbed")
PAGES = sorted([*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md") if ".testbed" not in page.parts)])
#: files with comments that users copy and paste
COPIED = sorted([*ROOT.glob("playbooks/*.yml"), *ROOT.glob("inventories/**/*.yml"), *COLLECTION.glob("playbooks/*.yml")])
TEXTS = [*PAGES, *COPIED]

LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^ *```.*?^ *```", re.S | re.M)
VARIABLE = re.compile(r"(?<![\w/])oceans_llm_[a-z0-9_]*[a-z0-9](?![\w*])")
PART = re.compile(r"(?<!\.)\boceans\.llm\.([a-z_]+)\b")
TARGET = re.compile(r"(?:`|^ {4})make ([a-z-]+)", re.M)
SCRIPT = re.compile(r"(?<![\w/.])(?:testbed|faults|load|benchmarks|playbooks|molecule|inventories|charts|ansible_collections)/[\w./-]*\w\.(?:py|sh|ya?ml|md)\b")
MODULE = re.compile(r"python -m (ansible_collections[\w.]+)")


def name(path):
    return str(path.relative_to(ROOT))


def headings(page):
    """The anchors that a Git forge makes of the headings."""
    lines = FENCE.sub("", page.read_text(encoding="utf-8")).splitlines()
    titles = [re.sub(r"[`*]|\[([^]]*)\]\([^)]*\)", r"\1", line.lstrip("#").strip()) for line in lines if re.match(r"#{1,6} ", line)]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_each_link_leads_to_a_file_and_a_heading(page):
    wrong = []
    for link in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _mark, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in headings(target)):
            wrong.append(link)
    assert not wrong


@cache
def variables():
    """All variables of the roles, and those that only playbooks read."""
    known = set(yaml.safe_load((COLLECTION / "roles/common/defaults/main.yml").read_text(encoding="utf-8")))
    for playbook in COLLECTION.glob("playbooks/*.yml"):
        known |= set(re.findall(r"\{\{ (oceans_llm_\w+)", playbook.read_text(encoding="utf-8")))
    return known


@pytest.mark.parametrize("text", TEXTS, ids=name)
def test_each_variable_exists(text):
    assert set(VARIABLE.findall(text.read_text(encoding="utf-8"))) <= variables()


@cache
def parts():
    """Roles, playbooks, modules and filters of the collection, and its group of modules."""
    found = {path.stem for folder in ("playbooks", "plugins/modules", "plugins/filter") for path in (COLLECTION / folder).glob("*")}
    return found | {path.name for path in (COLLECTION / "roles").iterdir()} | {"cluster"}


@pytest.mark.parametrize("text", TEXTS, ids=name)
def test_each_role_playbook_and_module_exists(text):
    assert set(PART.findall(text.read_text(encoding="utf-8"))) <= parts()


@pytest.mark.parametrize("text", TEXTS, ids=name)
def test_each_command_exists(text):
    said = text.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z -]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    assert set(TARGET.findall(said)) <= {target for line in targets for target in line.split()}
    places = {module: ROOT / module.replace(".", "/") for module in MODULE.findall(said)}
    modules = {module for module, place in places.items() if not place.with_suffix(".py").exists() and not (place / "__main__.py").exists()}
    scripts = {path for path in SCRIPT.findall(said) if not any((base / path).exists() for base in (ROOT, COLLECTION, text.parent)) and "CLUSTER" not in path}
    assert not modules | scripts
