# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why an administrator cannot log in: the first broken link of each way to get there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle import admin_chain
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.accounts import PASSWORDS, SESSIONS, User
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.admin_chain import Facts

REFERENCES = {(PASSWORDS, "owner"): 1, (SESSIONS, "owner"): 2}
USER = User("1", "platform_admin", "active", False, 0, REFERENCES)
HALF = replace(USER, references={(PASSWORDS, "owner"): 0, (SESSIONS, "owner"): 0})
GOOD = Facts("r", "ns", (200, "{}"), (200, "page"), "a@example.com", origin="Secret/s key P", user=USER, administrators=1, login=True)


def chain(**more):
    return list(admin_chain.links(replace(GOOD, **more)))


def test_a_whole_chain_has_no_broken_link():
    found = chain()
    assert admin_chain.broken(found) is None
    assert [link.name for link in found] == ["Service", "/admin", "auth.bootstrap_admin", "row in users", "password", "must_change_password", "single sign-on"]


@pytest.mark.parametrize(
    ("more", "name", "words"),
    [
        ({"health": (0, "no route")}, "Service", "no answer: no route"),
        ({"page": (503, "admin_ui_upstream_unavailable")}, "/admin", "the answer is 503"),
        ({"refused": "auth.bootstrap_admin.enabled is not true"}, "auth.bootstrap_admin", "enabled is not true"),
        ({"user": None, "administrators": 0}, "row in users", "does not exist"),
        ({"user": None, "administrators": 2}, "row in users", "because 2 others exist"),
        ({"user": replace(USER, role="member")}, "row in users", "has the role member"),
        ({"user": replace(USER, status="disabled")}, "row in users", "has the status disabled"),
        ({"user": HALF, "login": None}, "password", "has no password"),
        ({"login": False}, "password", "was changed in /admin after"),
        ({"sso": {"oidc": (404, "")}}, "single sign-on (oidc)", "the answer is 404"),
    ],
)
def test_the_first_broken_link_is_the_last_one_shown(more, name, words):
    found = chain(**more)
    assert found[-1].name == name and found[-1].state == admin_chain.BROKEN and words in found[-1].sentence
    assert all(link.state != admin_chain.BROKEN for link in found[:-1])


def test_every_broken_link_has_a_cure():
    for more in ({"health": (0, "x")}, {"page": (503, "x")}, {"user": None}, {"user": HALF, "login": None}, {"login": False}, {"sso": {"oauth": (500, "")}}):
        assert admin_chain.broken(chain(**more)).cure


def test_only_a_lonely_half_made_or_missing_administrator_is_repaired():
    assert admin_chain.broken(chain(user=HALF)).repair
    assert admin_chain.broken(chain(user=None, administrators=0)).repair
    assert not admin_chain.broken(chain(user=None, administrators=1)).repair
    others = admin_chain.broken(chain(user=replace(HALF, others=1)))
    assert not others.repair and "log in as one of the 1 other" in others.cure
    assert not admin_chain.broken(chain(login=False)).repair


def test_somebody_who_logs_in_by_single_sign_on_is_not_half_made():
    linked = replace(HALF, references={**HALF.references, ("user_oidc_links", "user_id"): 1})
    found = chain(user=linked, login=None)
    assert admin_chain.broken(found) is None and any("single sign-on" in link.sentence for link in found)


def test_a_database_that_was_not_asked_is_not_judged():
    found = chain(unread="the database cannot be read: x", user=None)
    assert admin_chain.broken(found) is None and found[3].state == admin_chain.UNKNOWN


def test_a_password_that_has_to_be_changed_is_said():
    assert any(link.state == admin_chain.NOTE and link.name == "must_change_password" for link in chain(must_change=True))


def test_sections_with_an_enabled_provider():
    config = {"auth": {"oidc": {"providers": [{"enabled": False}]}, "oauth": {"providers": [{}]}}}
    assert admin_chain.sso_sections(config) == ["oauth"] and admin_chain.sso_sections({}) == []
