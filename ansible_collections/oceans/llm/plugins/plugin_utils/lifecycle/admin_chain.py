# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why an administrator cannot log in: everything between the browser and the password, in the order in which it is used. Facts in, links out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .. import playbooks
from ..gateway import configuration
from ..kube.objects import COMPONENT
from .accounts import PASSWORDS, User

ROTATE = """-e '{"oceans_llm_rotate": ["admin_password"]}'"""
OK, BROKEN, NOTE, UNKNOWN = "ok", "BROKEN", "note", "not known"


@dataclass(frozen=True)
class Link:
    """`cure`: what to type, of a broken link; `repair`: True when this collection can do it."""

    name: str
    state: str
    sentence: str
    cure: str = ""
    repair: bool = False

    def line(self) -> str:
        return f"{self.name:<22} {self.state:<9} {self.sentence}" + (f" — {self.cure}" if self.cure else "")


@dataclass(frozen=True)
class Facts:
    """What was asked. An answer is (HTTP status, text); status 0: nobody answered.

    :ivar str refused: why the configuration makes no administrator who can log in; empty when it does.
    :ivar user: None: no such row.  :ivar unread: why the database was not asked; then `user` and `administrators` mean nothing.
    :ivar login: None: not tried.
    """

    release: str
    namespace: str
    health: tuple[int, str]
    page: tuple[int, str]
    email: str = ""
    refused: str = ""
    origin: str = ""
    user: User | None = None
    administrators: int = 0
    unread: str = ""
    login: bool | None = None
    must_change: bool = False
    #: section (oidc, oauth) -> the answer to its list of providers
    sso: Mapping[str, tuple[int, str]] = field(default_factory=dict)


def links(facts: Facts) -> Iterator[Link]:
    """Up to the first broken one: what lies behind it cannot be judged, or does not matter yet."""
    for link in _chain(facts):
        yield link
        if link.state == BROKEN:
            return


def broken(chain: Iterable[Link]) -> Link | None:
    return next((link for link in chain if link.state == BROKEN), None)


def sso_sections(config: Mapping[str, Any]) -> list[str]:
    """Sections of auth with an enabled provider."""
    providers = {name: configuration.maps(configuration.section(config, "auth", name).get("providers")) for name in ("oidc", "oauth")}
    return [name for name, found in providers.items() if any(p.get("enabled", True) for _i, p in found)]


def _chain(facts: Facts) -> Iterator[Link]:
    look = f"find the cause: {playbooks.command('diagnose')}; kubectl -n {facts.namespace} get endpointslices,pods"
    yield _answer("Service", facts.health, "the gateway answers", look)
    pods = f"check the pods of the admin UI: kubectl -n {facts.namespace} get pods -l {COMPONENT}=admin-ui"
    yield _answer("/admin", facts.page, "the admin UI answers through the gateway", pods)
    if facts.refused:
        yield Link("auth.bootstrap_admin", BROKEN, facts.refused)
    yield Link("auth.bootstrap_admin", OK, f"{facts.email}, password from {facts.origin}")
    yield from _database(facts)
    if facts.must_change:
        yield Link("must_change_password", NOTE, f"{facts.email} must choose a new password at the next login in /admin")
    else:
        yield Link("must_change_password", OK, "not set")
    if not facts.sso:
        yield Link("single sign-on", OK, "no identity provider is enabled")
    for name, answer in facts.sso.items():
        yield _answer(f"single sign-on ({name})", answer, "the gateway lists its identity providers", f"correct auth.{name} in oceans_llm_config, then deploy")


def _answer(name: str, answer: tuple[int, str], good: str, cure: str) -> Link:
    status, text = answer
    if 200 <= status < 400:
        return Link(name, OK, f"{good} ({status})")
    return Link(name, BROKEN, f"no answer: {text[:200]}" if not status else f"the answer is {status} {text[:200]}", cure)


def _database(facts: Facts) -> Iterator[Link]:
    """The row of the administrator, and the password."""
    if facts.unread:
        yield Link("row in users", UNKNOWN, facts.unread)
    elif facts.user is None:
        yield _no_row(facts)
    else:
        yield _row(facts, facts.user)
        if facts.user.half_made:
            others = facts.user.others
            cure = _repair() if not others else f"log in as one of the {others} other administrators, and reset the password in /admin"
            sentence = f"{facts.email} has no password, and `gateway bootstrap-admin` changes nothing for an existing administrator"
            yield Link("password", BROKEN, sentence, cure, not others)
        elif facts.user.rows(PASSWORDS) == 0:
            yield Link("password", NOTE, f"{facts.email} has no password and logs in by single sign-on")
            return
    if facts.login is False:
        cure = f"write the present password into the Secret, or set a new password and rotate: {playbooks.command('rotate', ROTATE)}"
        sentence = f"the gateway refuses the password in {facts.origin}; the password was changed in /admin after the Secret was written"
        yield Link("password", BROKEN, sentence, cure)
    if facts.login is None:
        yield Link("password", UNKNOWN, "no login was tried")
        return
    yield Link("password", OK, f"{facts.email} logs in with the password in {facts.origin}")


def _no_row(facts: Facts) -> Link:
    if facts.administrators:
        sentence = f"{facts.email} does not exist, and `gateway bootstrap-admin` creates no administrator because {facts.administrators} others exist"
        return Link("row in users", BROKEN, sentence, f"log in as another administrator and invite {facts.email} in /admin")
    return Link("row in users", BROKEN, f"{facts.email} does not exist", _repair(), repair=True)


def _row(facts: Facts, user: User) -> Link:
    if user.role != "platform_admin":
        cure = "let another administrator set the role platform_admin in /admin (Users)"
        return Link("row in users", BROKEN, f"{facts.email} has the role {user.role or 'none'}, not platform_admin", cure)
    if user.status not in ("active", ""):
        return Link("row in users", BROKEN, f"{facts.email} has the status {user.status}", "let another administrator activate the user in /admin (Users)")
    return Link("row in users", OK, f"{facts.email}, platform_admin, {user.status or 'without a status'}")


def _repair() -> str:
    return f"repair it: {playbooks.command('admin', '-e oceans_llm_admin_repair=true')}"
