"""A PostgreSQL URL taken apart the way a URL parser does it, not the way its writer may have meant it.

That matters: a password with an unencoded `/` ends the host part, so the rest of the password becomes the host and the
error is one of name resolution.

What the URL leaves out comes from the environment, as it does with the gateway's driver: user and password, no more.
https://docs.rs/sqlx-postgres/latest/sqlx_postgres/struct.PgConnectOptions.html#parameters
"""

import os
from urllib.parse import unquote

from .errors import Failure

# What stands in for a user or a password that the URL does not name.
ENVIRONMENT = {"user": "PGUSER", "password": "PGPASSWORD"}
# Query parameters that mean something to libpq.
PARAMETERS = {"host", "port", "user", "password", "dbname", "sslmode", "sslrootcert", "sslcert", "sslkey",
              "application_name", "options"}


def _invalid(sentence: str) -> Failure:
    return Failure(f"stand-in: the database URL {sentence}")


def parse(url: str) -> dict[str, str]:
    """The connection's parameters, under libpq's names."""
    scheme, colon, rest = url.partition(":")
    if not colon or not scheme.replace("+", "").isalnum():
        raise _invalid("has no scheme")
    if scheme not in ("postgres", "postgresql"):
        raise _invalid(f"begins with {scheme}:, not with postgres:")
    rest = rest.partition("#")[0]
    rest, _, query = rest.partition("?")
    authority, _, path = rest.removeprefix("//").partition("/")
    parameters = _authority(authority)
    if path:
        parameters["dbname"] = unquote(path)
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        if name in PARAMETERS:
            parameters[name] = unquote(value)
    for name, variable in ENVIRONMENT.items():
        if os.environ.get(variable):
            parameters.setdefault(name, os.environ[variable])
    parameters.setdefault("host", "localhost")
    parameters.setdefault("port", "5432")
    parameters.setdefault("user", "postgres")
    parameters.setdefault("dbname", parameters["user"])
    return parameters


def _authority(authority: str) -> dict[str, str]:
    userinfo, _, address = authority.rpartition("@")
    user, _, password = userinfo.partition(":")
    host, _, port = address.rpartition(":")
    if not (port.isdigit() and int(port) < 65536):
        host, port = address, ""  # as it stands: the look-up of this name is what fails
    found = {"user": unquote(user), "password": unquote(password), "host": unquote(host.strip("[]")), "port": port}
    return {name: value for name, value in found.items() if value}
