# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gateway itself prints when it ends: its chain of causes, its migration lines, PostgreSQL's words. Pure text work.

The gateway prints the server's words and no SQLSTATE; where the words imply one it is added. Its own advice "recreate the
database" is never repeated: followed, it would destroy the data of an installation that merely runs an older image.
"""

from __future__ import annotations

import contextlib
import functools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..codes import BY_CODE, Certainty
from ..kube.expression import Expression
from . import word_table
from .crash_line import crash_line
from .innermost import innermost

#: PostgreSQL's words -> SQLSTATE (PostgreSQL documentation, appendix A) and the engine's code; "" means: a failed statement
WORDS: tuple[tuple[Expression, str, str], ...] = tuple(
    (Expression(pattern, re.IGNORECASE), state, code)
    for pattern, state, code in (
        (
            r"authentication failed for user|(?:password|SASL) authentication failed|SCRAM|no password supplied|no such user: "
            r"|empty password returned|no PostgreSQL user name specified|password (?:does not|doesn't) match|(?:invalid|incorrect|wrong) password"
            r"|closed when state was authentication|auth(?:entication|orization) (?:failed|rejected)"
            r"|tenant(?: or |/)user .{0,80}not found",
            "28P01",
            "DatabaseAuth",
        ),
        (r"(?:no pg_hba\.conf entry|pg_hba\.conf rejects)(?!.*(?:no encryption|SSL off))|password for role .*expired", "28000", "DatabaseAuth"),
        (r"role \"[^\"]*\" (does not exist|is not permitted to log in)", "28000", "DatabaseAuth"),
        (r"database \"[^\"]*\" does not exist|no such database: ", "3D000", "DatabaseMissing"),
        (r"permission denied(?! \(os error)|must be owner of", "42501", "DatabasePermission"),
        (r"read-only transaction|during recovery", "25006", "DatabaseReadOnly"),
        # /dev/shm of the server's container, and no disk
        (r"could not (?:resize|open) shared memory segment", "53200", "DatabaseInterrupted"),
        (r"no space left on device|disk full|could not extend file", "53100", "DatabaseFull"),
        (
            r"too many (clients|connections)|remaining connection slots|no more connections allowed|query_wait_timeout|max clients reached",
            "53300",
            "DatabaseConnections",
        ),
        (r"pg_type_typname_nsp_index|refinery_schema_history_pkey|tuple concurrently updated", "23505", "MigrationRace"),
        (r"the database system is (starting up|shutting down|in recovery|not yet accepting)", "57P03", "DatabaseUnreachable"),
        (r"terminating connection due to administrator command", "57P01", "DatabaseInterrupted"),
        (r"crash of another server process", "57P02", "DatabaseInterrupted"),
        (r"idle-in-transaction timeout", "25P03", "DatabaseInterrupted"),
        (r"due to user request", "57014", "DatabaseInterrupted"),
        (r"deadlock detected", "40P01", "DatabaseInterrupted"),
        (r"could not serialize access|conflict with recovery|restart transaction:", "40001", "DatabaseInterrupted"),
        (r"lock timeout", "55P03", "DatabaseInterrupted"),
        (r"statement timeout", "57014", ""),
        (r"duplicate key value violates unique", "23505", ""),
        (r"violates foreign key", "23503", ""),
        (r"violates not-null|contains null values", "23502", ""),
        (r"violates check constraint|is violated by some row", "23514", ""),
        (r"relation \"[^\"]*\" already exists", "42P07", ""),
        (r"column \"[^\"]*\" .*already exists", "42701", ""),
        (r"relation \"[^\"]*\" does not exist", "42P01", ""),
        (r"column \"[^\"]*\" .*does not exist", "42703", ""),
        (r"syntax error", "42601", ""),
        (r"division by zero", "22012", ""),
        (r"invalid input syntax", "22P02", ""),
        (r"value too long", "22001", ""),
        (r"out of (shared )?memory", "53200", "DatabaseInterrupted"),
    )
)
#: words of the connection, below PostgreSQL's protocol
_NETWORK = r"""
DatabasePooler prepared statement "[^"]*" (?:already exists|does not exist)
    a connection pooler in transaction mode mixes the sessions of the gateway
DatabasePooler unsupported startup parameter
    the connection pooler refuses a connection parameter of the gateway
DatabaseUnreachable server login (?:has been failing|failed)|server_login_retry
    the connection pooler cannot log in to the database server
DatabaseTls pg_hba\.conf .*(?:no encryption|SSL off)
    the database server does not admit this login without TLS (sslmode=require)
DatabaseUnreachable endpoint [^;]{0,40}disabled|exceeded the compute time quota
    the database's provider has disabled the database
DatabaseUnreachable is not currently accepting connections
    the database server runs, but the database accepts no connections (ALLOW_CONNECTIONS is false)
DatabaseNotPostgres unexpected response from SSLRequest|invalid response to SSL negotiation
    the program that answers at the database's address is not PostgreSQL
DatabaseAuth has no credentials for the role
    the RDS Proxy has no credentials for the role of the database's URL
DatabaseAuth access token (?:has expired|not valid|is not valid)
    the database server does not accept the access token: the token has expired, or is for another role
DatabaseAuth unknown authentication method
    the database server requires an authentication method that the gateway's driver does not support (such as GSSAPI)
DatabaseUrlInvalid (?P<why>unrecognized configuration parameter|invalid value for parameter) (?P<parameter>"[^"]*")
    the database server refuses the parameter {parameter} of the connection ({why})
DatabaseUrlInvalid unknown value .{1,80} for .?ssl_?mode
    the database's URL has a value of sslmode that the gateway's driver does not know
DatabaseUrlInvalid Endpoint ID is not specified|ParamsRoutingFailed|(?:missing|invalid|unknown) (?:cluster|tenant|project|endpoint|branch)\b
    the database's URL does not name an endpoint or cluster that the database's provider knows: {told}
DatabaseMissing cannot connect to invalid database (?P<database>"[^"]*")
    the database {database} is invalid, because a DROP DATABASE was interrupted
DatabasePooler expecting [a-z]+ but received [a-z]
    a connection pooler in transaction mode mixes the sessions of the gateway
DatabaseNotPostgres unknown message type
    the program that answers at the database's address does not speak the protocol of PostgreSQL
DatabaseUnreachable cannot assign requested address|address family not supported
    the pod cannot open a connection to the database's address (usually an IPv6 address, or no free port)
DatabaseUnreachable too many open files
    the gateway cannot open a connection to the database, because its container has too many open files (ulimit -n)
    raise the limit of open files of containers in the configuration of the container runtime on the nodes
DatabaseUnreachable Temporary failure in name resolution|(?:^|: )Try again
    the database's host name cannot be resolved (temporary failure)
DatabaseHostUnknown failed to lookup address|Name or service not known|nodename nor servname|no such host
    the database's host name does not exist
DatabaseUnreachable (?:permission denied|operation not permitted) \(os error
    the node refuses the connection to the database (usually because of a NetworkPolicy)
DatabaseUnreachable network is unreachable|no route to host|host is unreachable
    the pod has no route to the database (usually because of an IPv6 address or a firewall)
DatabaseUrlInvalid no such file or directory \(os error 2\)
    a file that the database's URL names (sslrootcert, sslcert, a socket) does not exist in the pod
DatabaseUnreachable pool timed out
    no connection to the database within 30 s: connection refused, server starting, no free connection, or no answer (the gateway does not report which)
DatabaseUnreachable connection refused|connection reset|broken pipe|timed out|unexpected eof|expected to read|connection closed
    the connection to the database fails
DatabaseTls UnknownIssuer|unknown authority|self.signed|unable to get local issuer
    the gateway does not trust the authority that issued the certificate of the database server: {told}
    mount the authority's certificate, and name its file as sslrootcert in the database URL
DatabaseTls peer certificate: Expired|certificate .{0,20}expired|NotValidYet
    the certificate of the database server has expired, or is not valid yet: {told}
    renew the certificate of the database server, or correct the clock of the node
DatabaseTls NotValidForName|hostname mismatch|not valid for name
    the certificate of the database server is for another host name: {told}
    write a host name of the certificate into the database URL, or set sslmode=verify-ca
DatabaseTls valid client certificate|certificate required|CertificateRequired
    the database server requires a client certificate: {told}
    mount a client certificate and its key, and name both as sslcert and sslkey in the database URL
DatabaseTls certificate|tls|ssl|received fatal alert|corrupt message|peer is incompatible|peer misbehaved
    no TLS connection to the database can be established: {told}
DatabaseUrlInvalid relative URL without a base|error with configuration|invalid port number|empty host|international domain name|database URL (?:has no|begins)
    the database's URL is not a well-formed PostgreSQL URL
"""
NETWORK = tuple(word_table.rows(_NETWORK))
#: where the words name the host (libpq, Go, a resolver)
HOST = re.compile(r"server at \"([^\"]{1,260})\"|dial tcp ([\w.:\[\]-]{1,260}?):? |lookup ([\w.-]{1,260})(?: on |:)|address information for ([\w.-]{1,260})")
#: first lines of the gateway's chain that are about its configuration
CONFIGURATION = re.compile(
    r"failed parsing yaml config|invalid gateway configuration|failed to load gateway configuration|gateway configuration .{1,300} does not exist"
    r"|failed to build (?:budget alert email sender|request log payload policy)|invalid route context-window override"
    r"|invalid MCP credential runtime configuration|failed building \S{1,60} provider|failed constructing OTLP (?:span|metric) exporter"
    r"|failed resolving (?:MCP OAuth configuration|client config gateway base URL|(?:OIDC|OAuth) public base URL|database configuration)"
)
#: and about its seed
SEED = re.compile(r"failed to (?:seed|reconcile)|^store conflict|service account `")
#: what a migration was at when it failed
VERSION = re.compile(r"failed (?:applying|recording|committing|starting \w+ transaction for)(?: \w+)? migration (\d+)")
#: what waits for the database or its schema, and passes on what the last look said (the chart's own waiter; the public chart's)
WAITER = re.compile(r"^gave up after \d+ s: .{1,300}? said: (.+)$", re.MULTILINE)
WAITED = re.compile(r"^(?:timed out )?waiting for [\w ]{0,60}(?:migrations|schema|database)\b")
#: the chart's Job before it migrates what a recovery brought
EMPTY = re.compile(r"^the restored database is empty: .+", re.MULTILINE)
_LAST_LOOK = re.compile(r"^waiting for [\w ]{0,60}(?:migrations|schema|database)\b(?: \(\d+ s of \d+ s\))?: (.+)\s*\Z", re.MULTILINE)
#: how the gateway's driver begins whatever went wrong below PostgreSQL's protocol
BROKE = "error communicating with database"
#: and what a server has said, which is therefore reached
ANSWERED = "error returned from database"
SERVER_SAYS = "correct what the database server's message names, and read the log of the database server"


@dataclass(frozen=True)
class Failure:
    """What the words mean: a code of the catalogue, one sentence, the words themselves."""

    code: str
    what: str
    evidence: str
    sqlstate: str = ""
    names: dict[str, Any] = field(default_factory=dict)

    @property
    def certain(self) -> bool:
        return BY_CODE[self.code].certainty is Certainty.FATAL


@dataclass(frozen=True)
class Migrations:
    """What a log tells of the migrations in it, as (version, name), in order."""

    begun: tuple[tuple[int, str], ...] = ()
    committed: tuple[tuple[int, str], ...] = ()
    rolled_back: tuple[tuple[int, str], ...] = ()
    applied: tuple[tuple[int, str], ...] = ()
    pending: tuple[tuple[int, str], ...] = ()

    @property
    def open(self) -> tuple[tuple[int, str], ...]:
        """Begun and neither committed nor rolled back."""
        over = {*self.committed, *self.rolled_back}
        return tuple(v for v in self.begun if v not in over)

    @property
    def version(self) -> int:
        """The newest version that is known to be in the database; 0 when none is."""
        return max((v for v, _name in (*self.committed, *self.applied)), default=0)


_RESULT = re.compile(r"^v(\d+) (\S+) \[(applied|pending)\]\s*$", re.MULTILINE)


@functools.lru_cache(maxsize=32)  # several rules read the same log at every look
def migrations(text: str) -> Migrations:
    """The migration lines of a log: JSON lines (log_format json), and the result lines `v17 baseline [applied]`."""
    found: dict[str, list[tuple[int, str]]] = {"begin": [], "commit": [], "rollback": [], "applied": [], "pending": []}
    for line in text.splitlines():
        if '"migration_event"' not in line:
            continue
        try:
            fields = json.loads(line[line.index("{") :]).get("fields") or {}
            found[fields["migration_event"]].append((int(fields["migration_version"]), str(fields["migration_name"])))
        except (ValueError, KeyError, TypeError, AttributeError):
            continue  # a line cut by the log's own limit
    for version, name, state in _RESULT.findall(text):
        found[state].append((int(version), name))
    return Migrations(*(tuple(dict.fromkeys(found[k])) for k in ("begin", "commit", "rollback", "applied", "pending")))


def chain(text: str) -> list[str]:
    """The last `Error:` of a log and its causes, outermost first, without a backtrace."""
    start = max(text.rfind("\nError: "), 0 if text.startswith("Error: ") else -1)
    if start < 0:
        return [WAITER.findall(text)[-1].strip()] if WAITER.search(text) else []
    lines = text[start:].strip().splitlines()
    links, inside = [lines[0].removeprefix("Error: ").strip()], False
    for line in lines[1:]:
        stripped = line.strip()
        if stripped.startswith("Stack backtrace:") or WAITED.match(line):
            break
        if stripped == "Caused by:":
            inside = True
        elif stripped.startswith("{"):
            continue  # stdout between the lines of stderr
        elif stripped and inside:
            links.append(re.sub(r"^\d+: ", "", stripped))
        elif stripped:
            links[0] += f" {stripped}"
    return links


def json_lines(text: str) -> Iterator[dict[str, Any]]:
    """The JSON objects among the lines of a log, the last one first."""
    for line in reversed(text.splitlines()):
        with contextlib.suppress(ValueError):
            found = json.loads(line)
            if isinstance(found, dict):
                yield found


def code_of(sqlstate: str) -> str:
    """The engine's code for a server's refusal of a login; empty when it has none."""
    return next((code for _pattern, state, code in WORDS if state == sqlstate and code), "") if sqlstate else ""


def last_line(text: str) -> str:
    """The line to show of any program: the innermost cause of a chain, else the last line that says something."""
    links = chain(text)
    if links:
        return _calm(f"{links[0]}: {links[-1]}" if len(links) > 1 else links[0])
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    error = [line for line in lines if line.startswith("error: ")]
    return _calm(error[-1] if error else crash_line(text))


def parse(text: str) -> Failure | None:
    """What the gateway's output means; None when it says nothing that is known."""
    empty = EMPTY.search(text[-2_000:])
    if empty:
        return Failure("DatabaseEmpty", "the recovered database is empty: no migration of the gateway was ever applied to it", empty.group())
    links = chain(text)
    if not links:
        usage = [line for line in text.splitlines() if line.startswith("error: ")]
        if usage and "try '--help'" in text:
            return Failure("UsageError", "the program refuses its arguments or options", usage[-1].removeprefix("error: "))
        return None
    told = ": ".join(dict.fromkeys(links))
    return _history(told) or _configuration(links, told) or _database(links, told, text)


def waits_for(text: str) -> Failure | None:
    """What keeps a waiter waiting that is still running, by its last look; None for a schema that has not come yet, and for what is not known."""
    said = _LAST_LOOK.search(text[-2_000:])
    found = parse(f"Error: {said.group(1).strip()}") if said else None
    return found if found and found.code != "SchemaMissing" else None


_IN_USE = re.compile(r"^.*(?:[Aa]ddress already in use|EADDRINUSE).*$", re.MULTILINE)


def in_use(text: str) -> Failure | None:
    """Any program's words for a port that is taken: the last such line of its log."""
    lines = _IN_USE.findall(text[-20_000:])
    if not lines:
        return None
    port = (re.findall(r":(\d{2,5})\b", lines[-1]) or [""])[-1]
    what = f"the program cannot listen on {f'port {port}' if port else 'its port'}: the address is already in use"
    return Failure("ListenFailed", what, lines[-1].strip(), names={"port": port})


def _history(told: str) -> Failure | None:
    ahead = re.search(r"historical migration v(\d+) outside the active registry", told)
    if ahead:
        version = f"V{ahead.group(1)}"
        what = f"the database holds migration {version}, which this image does not know: the image is older than the database"
        return Failure("ImageOlderThanDatabase", what, _calm(told), names={"version": version})
    foreign = re.search(r"migration v(\d+) identity mismatch", told)
    if foreign:
        what = f"migration V{foreign.group(1)} in the database differs from that of this image: the history was edited, or another fork of the gateway wrote it"
        return Failure("MigrationHistoryForeign", what, _calm(told))
    if "history is empty but existing application tables" in told:
        return Failure("DatabaseForeign", "the database holds tables of an application, but no migration history of the gateway", _calm(told))
    return None


def _calm(told: str) -> str:
    """Without the advice that destroys data."""
    return re.sub(r"; recreate the database and rerun migrations", "", told)


def _configuration(links: list[str], told: str) -> Failure | None:
    unset = re.search(r"required environment variable `([^`]+)` is not set", told)
    if unset:
        return Failure("GatewayVariableMissing", f"the environment variable {unset.group(1)} is not set", told, names={"variable": unset.group(1)})
    if "unsupported secret reference" in told:
        return Failure(
            "GatewayReferenceInvalid", "a field of the configuration contains a plain value where the gateway needs a reference of the form env.NAME", told
        )
    if CONFIGURATION.search(told):
        return Failure("GatewayConfigInvalid", f"the gateway refuses its configuration: {links[-1]}", told)
    listen = re.search(r"failed binding gateway listener at `([^`]+)`", told)
    if listen:
        port = listen.group(1).rsplit(":", 1)[-1]
        return Failure("ListenFailed", f"the gateway cannot listen on {listen.group(1)}: {links[-1]}", told, names={"port": port})
    if "gateway server stopped unexpectedly" in told:
        return Failure("GatewayStopped", f"the gateway stopped unexpectedly: {links[-1]}", told)
    return None


def _database(links: list[str], told: str, text: str) -> Failure | None:
    if "seed" in links[0] and "violates" in told:
        return Failure(
            "SeedConflict", "the gateway cannot write the configuration to the database (seed-config)", told, "23503" if "foreign key" in told else ""
        )
    version = VERSION.search(told)
    for pattern, state, code in WORDS:
        if not pattern.search(told):
            continue
        if version and (code == "" or code in ("DatabasePermission",)):
            return _migration(int(version.group(1)), text, links, told, state)
        if code:
            said = f": {links[-1].removeprefix('error returned from database: ')}" if code == "DatabaseInterrupted" else ""
            return Failure(code, f"{BY_CODE[code].title.split(' (')[0]}{said} (SQLSTATE {state})", told, state)
        if state == "42P01":
            return Failure("SchemaMissing", f"the database does not have the gateway's tables yet: {links[-1]} (SQLSTATE {state})", told, state)
    for pattern, code, (sentence, *hint) in NETWORK:
        found = pattern.search(links[-1])
        if found and not (version and "{parameter}" in sentence):  # in a migration the parameter is that of a statement
            return Failure(
                code,
                sentence.format_map({"told": innermost(links[-1]), **found.groupdict()}) + _host(told) + _first_byte(links[-1]),
                told,
                names={"hint": hint[0]} if hint else {},
            )
    if BROKE in told:  # in a migration, too: its transaction went with the connection
        return Failure("DatabaseInterrupted", f"the connection to the database was lost{f' during migration V{version.group(1)}' if version else ''}", told)
    if version:
        return _migration(int(version.group(1)), text, links, told, "")
    if any(SEED.search(link) for link in links):
        return Failure("SeedConflict", f"the gateway cannot write the configuration to the database (seed-config): {links[-1]}", told)
    pending = re.search(r"(\d+) pending migrations? remain", told)
    if pending:
        return Failure("SchemaMissing", f"{pending.group(1)} migrations are pending: the migration Job has not applied them yet", told)
    if "failed to initialize gateway store" in told or re.search(r"failed opening \w+ connection pool", told):
        names = {"hint": SERVER_SAYS} if ANSWERED in told else {}
        return Failure("DatabaseUnreachable", f"no connection to the database: {links[-1]}", told, names=names)
    return None


def _host(told: str) -> str:
    """Host names and ports are no secrets, and the first thing that one wants to know."""
    found = HOST.search(told)
    return f" ({next(g for g in found.groups() if g)})" if found else ""


def _first_byte(told: str) -> str:
    """What answers in PostgreSQL's place, by the first byte of its answer: H of HTTP."""
    return ", but an HTTP server" if re.search(r"SSLRequest: 0x48|SSL negotiation: H\b", told) else ""


def _migration(version: int, text: str, links: list[str], told: str, state: str) -> Failure:
    name = next((n for v, n in reversed(migrations(text).begun) if v == version), "")
    label = f"V{version} {name}".strip()
    words = re.sub(r"^error returned from database: ", "", links[-1])
    what = f"migration {label} failed: {words}{f' (SQLSTATE {state})' if state else ''}; PostgreSQL rolled back the migration"
    return Failure("MigrationFailed", what, told, state, {"version": label})
