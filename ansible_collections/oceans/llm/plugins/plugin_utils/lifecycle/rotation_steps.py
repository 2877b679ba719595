# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each class of a rotation counts before, does after the rollout, and proves: the new value is in use, the old one is refused."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import playbooks
from ..gateway import configuration, schema
from ..gateway.database_url import Target
from ..gateway.postgres import Refusal
from ..kube import paths, waiting
from ..kube.client import Cluster
from ..kube.objects import Object, meta
from . import held, one_offs, rotation
from . import provider as at_provider
from .accounts import PASSWORDS, SEALED, SESSIONS, Accounts, User
from .deployed import SESSION, Gateway, NotPossible, Session
from .rotation import Value

_KEY = re.compile(r"\Agwk_([^.]+)\.(.+)")
HEARTBEAT = 5.0  # seconds between two lines while old pods drain
NOT_KNOWN = "not tried, because this run does not know the old value"


@dataclass(frozen=True)
class Run:
    """What every step needs."""

    cluster: Cluster
    gateway: Gateway
    accounts: Accounts
    release: str
    timeout: int
    say: Callable[[str], None]
    #: model of which the rollout asks for a completion; empty: it asks for none
    model: str = ""
    #: of a rotation that broke off (held.py)
    held: Mapping[str, str] = field(default_factory=dict, repr=False)

    def login(self) -> tuple[str, str] | None:
        """E-mail address and password of the configured administrator; None when there is none."""
        try:
            return self.gateway.admin()
        except NotPossible:
            return None

    def session(self) -> Session | None:
        """A new session of that administrator; after a rotation that broke off the password may still be the one of before."""
        email, password = self.login() or ("", "")
        places = [v.source for name, _place in rotation.variables_of(self.gateway.config, rotation.ADMIN) if (v := self.gateway.variable(name))]
        known = [*(self.held.get(f"{p.object}.{p.key}", "") for p in places), password]
        return next((made for each in known if each and (made := self.gateway.session(self.cluster, email, each))), None)


class Step:
    """One class. `invalid` is a sentence for before; `before`, `remember`, `after` raise :class:`NotPossible`; `proof` is (of the new, of the old one)."""

    def __init__(self, run: Run, values: Sequence[Value]) -> None:
        self.run, self.values = run, values

    @property
    def value(self) -> Value:
        return self.values[0]

    def before(self) -> None:
        """Refuse, or find out what is counted. Writes nothing."""

    def remember(self) -> dict[str, str]:
        """What is held until the proof, in case that this run breaks off (held.py)."""
        return {value.place_held: value.old for value in self.values if value.known}

    def invalid(self) -> str:
        raise NotImplementedError

    def after(self) -> None:
        """What makes the new value count, once the pods have it."""

    def proof(self) -> tuple[str, str]:
        raise NotImplementedError


class SessionKey(Step):
    """The key that signs sessions: every one of them ends; requests with API keys do not notice."""

    session: Session | None = None

    def remember(self) -> dict[str, str]:
        """A session of before, besides."""
        cookie = self.run.held.get(held.SESSION)
        self.session = Session(cookie) if cookie else self.run.session()
        return {**super().remember(), **({held.SESSION: self.session.cookie} if self.session else {})}

    def invalid(self) -> str:
        return f"{_counted(self.run.accounts, SESSIONS, 'session')} will end, and every user must log in again; requests with API keys continue to work"

    def proof(self) -> tuple[str, str]:
        if self.session is None:
            return "the pods were started with the new key", "not tried, because no administrator could log in before the rotation"
        if self._answers(self.session):
            raise NotPossible(f"a session from before the rollout is still accepted; check that all gateway pods read {_where(self.value)}")
        fresh = self.run.session()
        if fresh is None or not self._answers(fresh):
            raise NotPossible(f"a session that was created after the rollout is refused; check that all gateway pods have the same {self.value.name}")
        return "a new session is accepted", "a session from before the rollout is refused (401)"

    def _answers(self, session: Session) -> bool:
        status, _headers, text = self.run.gateway.ask(self.run.cluster, SESSION, headers={"Cookie": session.cookie})
        if status in (200, 401):
            return status == 200
        raise NotPossible(f"Service/{self.run.gateway.service} answers {status} {text[:200]} to the request for a session")


class AdminPassword(Step):
    """`gateway bootstrap-admin` changes no password: the administrator is removed with the password and its sessions, and recreated."""

    OWN = frozenset({PASSWORDS, SESSIONS})
    user: User | None

    def before(self) -> None:
        self.email = self.run.gateway.admin()[0]
        self.user = user = self.run.accounts.user(self.email)
        if user is None:  # `gateway bootstrap-admin` makes the first administrator; an earlier rotation may have ended before it did
            if others := self.run.accounts.administrators():
                raise NotPossible(
                    f"the database has no administrator {self.email}, but {others} others; log in as another administrator, invite {self.email} "
                    "in /admin, then run the playbook again"
                )
            return
        kept = user.kept_by(self.OWN)
        if kept or user.rows(PASSWORDS) is None or user.others:
            other = f"{user.others} other platform administrators exist" if user.others else f"the table {PASSWORDS} was not found"
            why = f"{kept} refer to the administrator" if kept else other
            raise NotPossible(
                f"the password of {self.email} can only be changed in /admin: the gateway has no command for this change, and the administrator cannot be "
                f"recreated, because {why}; log in, change the password in /admin, then set {self.value.setting} to the new password"
            )

    def invalid(self) -> str:
        if self.user is None:
            return f"{self.email} does not exist and will be created; no session ends"
        return f"{_plural(self.user.rows(SESSIONS) or 0, 'session')} of {self.email} will end; requests with API keys continue to work"

    def after(self) -> None:
        if not self.run.gateway.login(self.run.cluster, self.email, self.value.new):
            self.run.accounts.remove(self.email, self.OWN)
            one_offs.run(self.run.cluster, self.run.gateway, self.run.release, ["bootstrap-admin"], self.run.timeout, self.run.say)

    def proof(self) -> tuple[str, str]:
        if not self.run.gateway.login(self.run.cluster, self.email, self.value.new):
            raise NotPossible(
                f"{self.email} cannot log in with the new password, although `gateway bootstrap-admin` succeeded; find the cause: " + playbooks.command("admin")
            )
        if not self.value.known:
            return f"{self.email} logs in with the new password", NOT_KNOWN
        if self.run.gateway.login(self.run.cluster, self.email, self.value.old):
            raise NotPossible(f"{self.email} can still log in with the old password; find out why: {playbooks.command('admin')}")
        return f"{self.email} logs in with the new password", "a login with the old password is refused (401)"


class DatabasePassword(Step):
    """Two logins: PostgreSQL has one password for each, so with one login every new connection of the old pods would fail in between."""

    IDENTITY = "SELECT (SELECT system_identifier FROM pg_control_system()), (SELECT oid FROM pg_database WHERE datname = current_database())"
    UNUSABLE = (
        "SELECT coalesce(string_agg(tablename, ', '), '') FROM pg_tables WHERE schemaname = 'public' AND NOT pg_has_role(current_user, tableowner, 'USAGE')"
    )
    #: sessions of each login, but for those of this collection
    SESSIONS = (
        "SELECT usename, count(*), coalesce(string_agg(DISTINCT nullif(application_name, ''), ', '), '') FROM pg_stat_activity "
        "WHERE datname = current_database() AND usename IS NOT NULL AND application_name <> 'oceans.llm' GROUP BY 1"
    )
    MIGHTY = "SELECT count(*) FROM pg_roles WHERE rolname = session_user AND (rolsuper OR rolcreaterole OR rolreplication)"
    in_use = 0

    def before(self) -> None:
        new, old = Target.parse(self.value.new), Target.parse(self.value.old)
        if new is None or old is None:
            raise NotPossible(f"{self.value.name} is not a PostgreSQL URL; set {self.value.setting} to postgresql://USER:PASSWORD@HOST/DATABASE")
        self.new, self.old = Accounts(self.run.cluster, self.run.gateway, new), Accounts(self.run.cluster, self.run.gateway, old)
        if self.value.known and new.user == old.user and new.password != old.password:
            raise NotPossible(
                f"the new {self.value.name} has the same login with another password, so connections of the old pods would fail until all pods are replaced; "
                "create a second login as an administrator of the database server, and write this login into the URL: "
                f"CREATE ROLE {new.user}_b LOGIN PASSWORD '…' IN ROLE {new.user}; ALTER ROLE {new.user}_b SET role = {new.user}"
            )
        with self.new.session() as made:
            identity, unusable = made.rows(self.IDENTITY), made.rows(self.UNUSABLE)[0][0]
            history = () if unusable else schema.history(made)
        if unusable:
            raise NotPossible(
                f"the new login {new.user} does not own the gateway's tables ({unusable[:200]}), so the next migration would fail; "
                "run as an administrator of the database server: "
                f"GRANT {old.user} TO {new.user}; ALTER ROLE {new.user} SET role = {old.user}"
            )
        if self.value.known:
            try:
                with self.old.session() as made:
                    if (made.rows(self.IDENTITY), schema.history(made)) != (identity, history):
                        raise NotPossible(
                            f"the new {self.value.name} names another database than the one in use, but a rotation changes the login only; "
                            "keep host, port and database"
                        )
                    self.in_use = next((int(n) for name, n, _who in made.rows(self.SESSIONS) if name == old.user), 0)
            except NotPossible as error:  # a rotation that broke off may have locked it
                if not (self.run.held and _no_login(error)):
                    raise

    def invalid(self) -> str:
        if not self.value.known:
            return "no login will be locked, because this run does not know the old login; no request fails"
        old = self.old.target.user if self.old.target else ""
        return f"database login {old} ({_plural(self.in_use, 'session')}) will be locked when no session uses it any more; no request fails"

    def proof(self) -> tuple[str, str]:
        old = self.old.target.user  # type: ignore[union-attr]
        if self.value.known:
            self._ended(old)
        with self.new.session() as made:
            found = {name: (int(n), who) for name, n, who in made.rows(self.SESSIONS)}
        new = self.new.target.user  # type: ignore[union-attr]
        if new not in found:
            raise NotPossible(f"no database session uses the login {new} after the rollout (logins with sessions: {', '.join(sorted(found)) or 'none'})")
        in_use = f"{_plural(found[new][0], 'database session')} of login {new}"
        if not self.value.known or new == old:
            return in_use, NOT_KNOWN
        return in_use, self._lock(old, *found.get(old, (0, "")))

    def _ended(self, login: str) -> None:
        """Wait until the pods of before the rollout, which drain, have given their connections back. An earlier run that broke off may have rolled out
        the others, so it does not matter when a pod was made."""

        def stopping(pod: Object) -> bool:
            return bool(meta(pod).get("deletionTimestamp"))

        end, pods = time.monotonic() + self.run.timeout, paths.pods(self.run.gateway.namespace)
        left = waiting.left(self.run.cluster, pods, 0, stopping, labelSelector=self.run.gateway.selector)
        while left and time.monotonic() < end:
            self.run.say(f"waiting for {_plural(len(left), 'old pod')} to stop, which may still use login {login}: {', '.join(left)}")
            left = waiting.left(self.run.cluster, pods, HEARTBEAT, stopping, labelSelector=self.run.gateway.selector)

    def _lock(self, old: str, sessions: int, who: str) -> str:
        """A login may take its own password away."""
        command = f"run as an administrator of the database server: ALTER ROLE {old} NOLOGIN"
        if sessions:
            return f"NOT locked: login {old} still has {_plural(sessions, 'session')} (application_name: {who or 'none'}); {command}"
        try:
            with self.old.session() as made:
                if int(made.rows(self.MIGHTY)[0][0]):
                    return f"NOT locked: login {old} is an administrator of the database server; {command}"
                with made.transaction() as query:
                    query("SET LOCAL ROLE NONE")
                    query("ALTER ROLE SESSION_USER PASSWORD NULL")
            with self.old.session():
                return f"NOT locked: login {old} is still accepted, because pg_hba.conf requires no password; {command}"
        except NotPossible as refused:
            if not _no_login(refused):
                raise
            return f"login {old} is refused ({str(refused).rpartition('refuses: ')[2]})"


class ProviderToken(Step):
    """The gateway takes the new token; the old one ends where it was made. With a model for completions both are tried there."""

    def invalid(self) -> str:
        names = ", ".join(str(self._provider(v).get("id")) for v in self.values)
        return f"{_plural(len(self.values), 'old token')} ({names}) will stay valid until revoked at the provider; no request fails"

    def proof(self) -> tuple[str, str]:
        news, olds = zip(*map(self._each, self.values), strict=True)
        return "; ".join(news), "; ".join(olds)

    def _each(self, value: Value) -> tuple[str, str]:
        """One provider: the gateway's pods have the new token, and the provider itself says what it makes of the old one."""
        provider, started = self._provider(value), "the pods were started with the new token of provider"
        name, revoke = str(provider.get("id")), "revoke the old token at the provider"
        route = next((r for r in configuration.routes_of(self.run.gateway.config, self.run.model) if r.get("provider") == name), None)
        if route is None:
            probe = playbooks.command("probe", "-e oceans_llm_probe_model=MODEL")
            unasked = f"this run requested no completion; request a completion: {probe}"
            why = f"model {self.run.model} has no route to {name}" if self.run.model else unasked
            return f"{started} {name}; the new token was not tried, because {why}", f"not tried, for the same reason; {revoke}"
        new = f"{started} {name}; model {self.run.model} answered a completion"
        if not value.known:
            return new, f"{NOT_KNOWN}; {revoke}"
        try:
            code = at_provider.status(self.run.cluster, self.run.gateway.namespace, provider, str(route.get("upstream_model")), value.old)
        except NotPossible as reason:
            return new, f"not tried, because {reason}; {revoke}"
        if code in (401, 403):
            return new, f"provider {name} refuses the old token ({code})"
        return new, f"STILL ACCEPTED by provider {name}; {revoke}" if code == 200 else f"unclear, because provider {name} answers {code}; {revoke}"

    def _provider(self, value: Value) -> Mapping[str, Any]:
        return dict(configuration.maps(self.run.gateway.config.get("providers")))[int(value.place.partition("[")[2].partition("]")[0])]


class ServiceAccountKeys(Step):
    """`gateway seed-config` writes the keys. One with another public part is a second key, and the first one stays."""

    def before(self) -> None:
        for value in self.values:
            if not _KEY.fullmatch(value.new):
                raise NotPossible(f"{value.name} is not an API key of the gateway; set {value.setting} to a value of the form gwk_PUBLIC.SECRET")

    def invalid(self) -> str:
        cut = [v.name for v in self.values if _public(v.new) == _public(v.old) and v.known]
        stay = [v.name for v in self.values if v.name not in cut]
        parts = [f"{_plural(len(cut), 'old key')} ({', '.join(cut)}) will be refused as soon as the configuration is seeded"] if cut else []
        return "; ".join([*parts, *([f"{_plural(len(stay), 'old key')} ({', '.join(stay)}) will stay valid until revoked in /admin"] if stay else [])])

    def after(self) -> None:
        one_offs.run(self.run.cluster, self.run.gateway, self.run.release, ["seed-config"], self.run.timeout, self.run.say)

    def proof(self) -> tuple[str, str]:
        refused = [v.name for v in self.values if not accepted(self.run, v.new)]
        if refused:
            raise NotPossible(f"the new {', '.join(refused)} is refused, although `gateway seed-config` succeeded; check the key in /admin")
        old = [v for v in self.values if v.known]
        still = [v.name for v in old if accepted(self.run, v.old)]
        if still:
            return "GET /v1/models accepts the new key", f"STILL ACCEPTED: the old {', '.join(still)}; revoke it in /admin when all clients have the new key"
        return "GET /v1/models accepts the new key", "GET /v1/models refuses the old key (401)" if old else NOT_KNOWN


STEPS: dict[str, type[Step]] = {
    rotation.SESSION_KEY: SessionKey,
    rotation.ADMIN: AdminPassword,
    rotation.DATABASE: DatabasePassword,
    rotation.PROVIDER: ProviderToken,
    rotation.ACCOUNTS: ServiceAccountKeys,
}


def accepted(run: Run, key: str) -> bool:
    """True when the gateway knows an API key. :raises NotPossible: when the answer is neither yes nor no."""
    status, _headers, text = run.gateway.ask(run.cluster, "/v1/models", headers={"x-api-key": key})
    if status in (200, 401, 403):
        return status == 200
    raise NotPossible(f"Service/{run.gateway.service} answers {status} {text[:200]} to GET /v1/models")


def unfinished(run: Run, kinds: Sequence[str], check: bool) -> list[str]:
    """Classes of which the Secret holds a value that the gateway does not know yet: an earlier rotation did not come to its end. `check`: nobody logs
    in, which would be a session more."""
    found = []
    for kind in kinds:
        login = run.login() if kind == rotation.ADMIN and not check else None
        if login and not run.gateway.login(run.cluster, *login):
            found.append(kind)
        if kind == rotation.ACCOUNTS:
            keys = [run.gateway.value(name) for name, _place in rotation.variables_of(run.gateway.config, kind)]
            if any(key and not accepted(run, key) for key in keys):
                found.append(kind)
    return found


def lost_with_encryption_keys(accounts: Accounts) -> str:
    """Why the encryption keys are not rotated, with what would be lost."""
    try:
        found = accounts.counts(*SEALED)
        lost = ", ".join(_plural(found[table], what) for table, what in SEALED.items() if table in found) or "an unknown number of rows"
    except NotPossible as reason:
        lost = f"an unknown number of managed API keys and MCP credentials ({reason})"
    return (
        f"encryption_keys cannot be rotated: the gateway has no command that encrypts its rows with a new key, so {lost} would be lost; nothing was changed — "
        "remove encryption_keys from oceans_llm_rotate"
    )


def _no_login(error: NotPossible) -> bool:
    """The server refuses the login, and not a statement."""
    return isinstance(error.__cause__, Refusal) and error.__cause__.sqlstate.startswith("28")


def _counted(accounts: Accounts, table: str, what: str) -> str:
    try:
        found = accounts.counts(table)
    except NotPossible as reason:
        return f"an unknown number of {what}s ({reason})"
    return _plural(found.get(table, 0), what)


def _plural(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")


def _public(key: str) -> str:
    found = _KEY.fullmatch(key)
    return found[1] if found else ""


def _where(value: Value) -> str:
    return f"key {value.key} of Secret/{value.secret}"
