# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The database that the gateway's configuration names: its URL taken apart, as the gateway's driver reads it. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote

from .configuration import section

#: user and password may hold any character, an unescaped one too: the host begins after the last @ before the query
_URL = re.compile(
    r"^postgres(?:ql)?://(?:(?P<user>[^:@/]*)(?::(?P<password>.*))?@)?"
    r"(?P<host>\[[^\]]+\](?::\d+)?|[^/?@]*)(?:/(?P<name>[^?]*))?(?:\?(?P<query>.*))?$",
    re.DOTALL,
)
_HOST = re.compile(r"(?P<host>\[[^\]]+\]|[^:]*)(?::(?P<port>\d*))?")


def _nothing(_name: str) -> str:
    return ""


@dataclass(frozen=True)
class Target:
    """Where the URL points. User and password stay out of every text."""

    host: str
    port: int = 5432
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    name: str = ""
    sslmode: str = "prefer"
    #: path of the certificate authority, in the pods
    authority: str = ""

    @property
    def address(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"the database {self.name} on {self.address}" if self.name else f"the database on {self.address}"

    @classmethod
    def parse(cls, url: str, variable: Callable[[str], str] = _nothing) -> Target | None:
        """None when this is no URL of a PostgreSQL server. `variable`: the environment, which gives what the URL leaves out (PGHOST, PGUSER …).

        Several hosts stay one text with commas: nobody but the driver knows which of them it takes.
        """
        found = _URL.match(url.strip())
        if not found:
            return None
        query = {key.replace("-", ""): values[-1] for key, values in parse_qs(found["query"] or "").items()}
        host, port = _host(found["host"])
        user = query.get("user") or unquote(found["user"] or "") or variable("PGUSER")
        where = cls(
            host=query.get("host") or query.get("hostaddr") or host or variable("PGHOST") or "localhost",
            port=_port(query.get("port") or port or variable("PGPORT") or "5432"),
            user=user,
            password=query.get("password") or unquote(found["password"] or "") or variable("PGPASSWORD"),
            name=query.get("dbname") or unquote(found["name"] or "") or variable("PGDATABASE") or user,
            sslmode=(query.get("sslmode") or variable("PGSSLMODE") or "prefer").lower().replace("_", "-"),
            authority=query.get("sslrootcert") or query.get("sslca") or variable("PGSSLROOTCERT"),
        )
        return where if where.port else None


def address_in(value: str) -> str:
    """Host and port of a URL, for a text; empty when the value is none."""
    try:
        target = Target.parse(value)
    except ValueError:
        return ""
    return target.address if target else ""


def _host(text: str) -> tuple[str, str]:
    if "," in text:
        return text, ""
    found = _HOST.fullmatch(text)
    return (unquote(found["host"]).strip("[]"), found["port"] or "") if found else (text, "")


def _port(text: str) -> int:
    """0: no port."""
    return int(text) if text.isdigit() and int(text) < 65536 else 0


def target(configuration: Mapping[str, Any], variable: Callable[[str], str]) -> Target | None:
    """The server that `database.url` names, `env.NAME` or `literal.URL`. None: no URL is known (an operator will make it)."""
    url = str(section(configuration, "database").get("url") or "")
    kind, _dot, rest = url.partition(".")
    value = variable(rest) if kind == "env" else rest if kind == "literal" else ""
    return Target.parse(value, variable) if value else None
