# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole run of the unit tests fails when there is a code that no test made the plugins report.

The register is replaced by one that remembers which codes the plugins looked up, before any plugin imports it.

And two settings of the interpreter, which together save a quarter of the processor's time: rewritten asserts are kept as bytecode, and what
the collection of the tests made is not searched for garbage again and again.
"""

from __future__ import annotations

import gc
import os
import sys

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils import codes

# git ignores the bytecode; workers and the programs that tests start read it, too
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

MADE: set[str] = set()
MISSING = pytest.StashKey[list[str]]()
#: no unit test makes them yet: a Secret that changes while its rollout runs, a right that is taken while it is followed
NOT_YET = {"OldSecretsServed", "AccessRevoked"}
EXPECTED_TESTS = 1500  # fewer were collected: somebody runs a part


class Noted(dict):
    """The register; it notes what plugin code, not a test, looks up."""

    def __getitem__(self, code):
        if "/plugins/" in sys._getframe(1).f_code.co_filename:
            MADE.add(code)
        return super().__getitem__(code)


codes.BY_CODE = Noted(codes.BY_CODE)


gc.disable()  # until the tests are collected


def pytest_collection_finish(session):
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(50_000, 20, 50)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    if hasattr(item.config, "workerinput"):
        report.keywords = {}  # they are most of what a worker sends for each test, and nobody reads them
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    """Of pytest-xdist, where it is used: a worker is done."""
    MADE.update(getattr(node, "workeroutput", {}).get("codes", ()))


def pytest_sessionfinish(session, exitstatus):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["codes"] = sorted(MADE)
        return
    missing = sorted(set(codes.BY_CODE) - MADE - NOT_YET)
    if session.testscollected >= EXPECTED_TESTS and exitstatus == 0 and missing:
        session.config.stash[MISSING] = missing
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter, config):
    if MISSING in config.stash:
        terminalreporter.section("codes that no test makes", red=True)
        terminalreporter.line(", ".join(config.stash[MISSING]))


@pytest.fixture
def api():
    from .fake_api import FakeApi  # not above: what it imports has to find the register that remembers

    with FakeApi() as fake:
        yield fake
