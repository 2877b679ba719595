# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Administrators, sessions and sealed keys in the gateway's database: counts and states, never contents.

Of the gateway's schema only the names of the tables are known. So a column is looked for by the names that it may have, and what belongs to a
user is found by the foreign keys that the database itself declares.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from ..gateway import database_url, database_way
from ..gateway.postgres import NotAsked, Refusal, Session
from ..kube.client import ApiError, Cluster
from .deployed import Gateway, NotPossible

SESSIONS, PASSWORDS = "user_sessions", "user_password_auth"
#: what only the encryption keys can read: a table, and what a row of it is
SEALED = {
    "api_key_managed_credentials": "managed API key",
    "api_key_secret_materials": "sealed API key",
    "mcp_upstream_credential_bindings": "MCP credential",
}
PATIENCE, LIMIT = 2.5, 3.0  # seconds for a step of the connection, and for a query

#: rows of each table that exists; to_regclass knows no table that does not
_COUNTS = (
    "SELECT t, (xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS n FROM public.%I', t), false, true, '')))[1]::text "
    "FROM unnest(ARRAY[{tables}]::text[]) AS t WHERE to_regclass('public.' || t) IS NOT NULL"
)
_ROLE = "coalesce(to_jsonb(u) ->> 'global_role', to_jsonb(u) ->> 'role', '')"
_USER = (
    f"SELECT u.id::text, {_ROLE}, coalesce(to_jsonb(u) ->> 'status', ''), coalesce(to_jsonb(u) ->> 'must_change_password', ''), "
    "(SELECT count(*) FROM public.users u WHERE " + _ROLE + " = 'platform_admin' AND lower(u.email) <> {email}) "
    "FROM public.users u WHERE lower(u.email) = {email}"
)
#: (table, column, rows) of everything that refers to a user
_REFERENCES = (
    "SELECT c.conrelid::regclass::text, a.attname, (xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS n FROM %s WHERE %I = %L', "
    "c.conrelid::regclass, a.attname, {user}), false, true, '')))[1]::text "
    "FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] "
    "WHERE c.contype = 'f' AND c.confrelid = 'public.users'::regclass ORDER BY 1, 2"
)
_ADMINISTRATORS = f"SELECT count(*) FROM public.users u WHERE {_ROLE} = 'platform_admin'"


@dataclass(frozen=True)
class User:
    """One row of `users`, and how many rows of other tables refer to it: (table, column) -> rows.

    :ivar int others: platform administrators besides this user.
    """

    id: str
    role: str
    status: str
    must_change: bool
    others: int
    references: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def rows(self, table: str) -> int | None:
        """Rows of a table that refer to the user; None: the table declares no such reference, so nothing is known."""
        found = [n for (name, _column), n in self.references.items() if name.removeprefix("public.") == table]
        return sum(found) if found else None

    @property
    def half_made(self) -> bool:
        """`gateway bootstrap-admin` made the user and found no password: nobody can ever log in, and the command does no more."""
        return self.role == "platform_admin" and self.rows(PASSWORDS) == 0 and not any(self.references.values())

    def kept_by(self, allowed: Collection[str] = ()) -> str:
        """Tables that refer to the user and are not allowed to, with the number of rows; empty when there are none."""
        found = [(table, n) for (table, _column), n in self.references.items() if n and table.removeprefix("public.") not in allowed]
        return ", ".join(f"{table} ({n})" for table, n in found)


class Accounts:
    """The database of one gateway. Every method raises :class:`NotPossible` with the reason when the database cannot be asked."""

    def __init__(self, cluster: Cluster, gateway: Gateway, target: database_url.Target | None = None) -> None:
        self._cluster, self._namespace = cluster, gateway.namespace
        self.target = target or database_url.target(gateway.config, gateway.value)

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        if self.target is None:
            raise NotPossible("the database cannot be read, because its URL is not known")
        try:
            way = database_way.find(self._cluster, self._namespace, self.target)
            with way.connect(PATIENCE) as stream, contextlib.closing(Session(stream, self.target)) as made:
                yield made
        except Refusal as refusal:
            raise NotPossible(f"{self.target} refuses: {refusal.message} (SQLSTATE {refusal.sqlstate})") from refusal
        except (database_way.NoWay, NotAsked, ApiError, OSError) as error:
            raise NotPossible(f"{self.target} cannot be read: {error}") from error

    def counts(self, *tables: str) -> dict[str, int]:
        """Rows of each table; a table that an older schema does not have is left out."""
        with self.session() as made:
            return {name: int(n) for name, n in made.rows(_COUNTS.format(tables=", ".join(map(literal, tables))), LIMIT)}

    def administrators(self) -> int:
        with self.session() as made:
            return int(made.rows(_ADMINISTRATORS, LIMIT)[0][0])

    def user(self, email: str) -> User | None:
        with self.session() as made:
            return _user(lambda sql: made.rows(sql, LIMIT), email)

    def remove(self, email: str, allowed: Collection[str] = ()) -> None:
        """Remove a user, and the rows of `allowed` tables that refer to it, in one transaction.

        :raises NotPossible: when rows of other tables refer to it, or the user is not the only platform administrator; nothing is changed then.
        """
        with self.session() as made, made.transaction() as query:
            query(f"SELECT 1 FROM public.users WHERE lower(email) = {literal(email.lower())} FOR UPDATE")  # nothing new refers to it from here on
            user = _user(query, email)
            if user is None:
                return
            kept = user.kept_by(allowed)
            if kept or user.others:
                raise NotPossible(
                    f"user {email} was not deleted: " + (f"{kept} refer to the user" if kept else f"{user.others} other platform administrators exist")
                )
            for table, column in (place for place, n in user.references.items() if n):
                query(f'DELETE FROM {table} WHERE "{column}" = {literal(user.id)}')
            query(f"DELETE FROM public.users WHERE id::text = {literal(user.id)}")


def _user(query: Callable[[str], list[list[str]]], email: str) -> User | None:
    rows = query(_USER.format(email=literal(email.strip().lower())))
    if not rows:
        return None
    identity, role, status, must, others = rows[0]
    references = {(table, column): int(n) for table, column, n in query(_REFERENCES.format(user=literal(identity)))}
    return User(identity, role, status, must not in ("", "0", "f", "false"), int(others), references)


def literal(text: str) -> str:
    """A text as SQL (standard_conforming_strings, PostgreSQL's default since 9.1)."""
    return "'" + text.replace("\0", "").replace("'", "''") + "'"
