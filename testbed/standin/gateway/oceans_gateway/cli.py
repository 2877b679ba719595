"""The command line: what is accepted, how misuse is told (exit code 2), and which command runs."""

import os
import re
import sys

from . import config, errors, knobs, log, versions
from .errors import Failure

DEFAULT_CONFIG = "./gateway.yaml"
SWITCHES = ("run-migrations", "bootstrap-admin", "seed-config")
RETENTIONS = ("1d", "3d", "7d")

# Of each command its options: with the placeholder of a value, or None for a flag.
OPTIONS: dict[str, dict[str, str | None]] = {
    "": {},
    "config": {},
    "config validate": {},
    "serve": {name: name.upper().replace("-", "_") for name in SWITCHES},
    "migrate": {"check": None, "apply": None, "status": None},
    "purge-request-logs": {"retention": "|".join(RETENTIONS), "dry-run": None},
    "bootstrap-admin": {},
    "seed-config": {},
    "recompute-agent-analysis": {"session-id": "UUID", "limit": "1..1000"},
    "seed-local-demo": {},
}


def _known(command: str) -> bool:
    """Whether the claimed release has this command."""
    if command == "recompute-agent-analysis":
        return versions.knows_agent_analysis()
    return command in OPTIONS and (not command.startswith("config") or versions.knows_config_validate())


class Usage(Exception):
    """Misuse: exit code 2, the text on stderr as it stands."""


class Help(Exception):
    """Asked for: exit code 0, on stdout."""


# --- texts ---

def help_text() -> str:
    lines = ["A stand-in for the Oceans LLM gateway.", "", "gateway [--config PATH] [COMMAND [OPTION...]]", ""]
    for command in OPTIONS:
        if command not in ("", "config") and _known(command):
            options = (f"--{name}" + (f" {value}" if value else "") for name, value in OPTIONS[command].items())
            lines.append("  " + " ".join((f"gateway {command}", *(f"[{option}]" for option in options))))
    return "\n".join([*lines, "", "Without a command: serve, with all three switches on.", ""])


def _misuse(sentence: str) -> Usage:
    return Usage(f"error: {sentence}\n\nFor more information, try '--help'.\n")


def _boolean(option: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise _misuse(f"invalid value '{text}' for '--{option} <{OPTIONS['serve'][option]}>'\n  [possible values: true, false]")
    return text == "true"


# --- parsing ---

class Arguments:
    def __init__(self) -> None:
        self.command = ""
        self.values: dict[str, str] = {}

    @property
    def config(self) -> str:
        return self.values.get("config", os.environ.get("GATEWAY_CONFIG", DEFAULT_CONFIG))


def parse(words: list[str]) -> Arguments:
    arguments = Arguments()
    words = list(words)
    while words:
        word = words.pop(0)
        if word in ("-h", "--help"):
            raise Help(help_text())
        if word.startswith("-"):
            _option(arguments, word, words)
        else:
            _subcommand(arguments, word)
    if arguments.command == "config":
        raise _misuse("`gateway config` needs a command: validate")
    if arguments.command == "purge-request-logs" and arguments.values.get("retention") not in RETENTIONS:
        raise _misuse(f"`gateway purge-request-logs` needs --retention with one of {', '.join(RETENTIONS)}")
    if arguments.command == "recompute-agent-analysis":
        _check_recompute(arguments.values)
    return arguments


def _check_recompute(values: dict[str, str]) -> None:
    if {"session-id", "limit"} <= values.keys():
        raise _misuse("--session-id and --limit exclude each other")
    limit = values.get("limit", "100")
    if not limit.isdigit() or not 1 <= int(limit) <= 1000:
        raise _misuse("--limit needs a number from 1 to 1000")
    if not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", values.get("session-id", "0" * 8 + "-0000" * 3 + "-" + "0" * 12)):
        raise _misuse("--session-id needs a UUID")


def _subcommand(arguments: Arguments, word: str) -> None:
    command = f"{arguments.command} {word}".strip()
    if not _known(command):
        raise _misuse(f"there is no command `gateway {command}`")
    arguments.command = command


def _option(arguments: Arguments, word: str, rest: list[str]) -> None:
    name, equals, value = word.partition("=")
    options = {**OPTIONS[arguments.command], "config": "PATH"}
    option = name.removeprefix("--")
    if not name.startswith("--") or option not in options or option in arguments.values:
        again = " a second time" if option in arguments.values else ""
        raise _misuse(f"`gateway {arguments.command}".rstrip() + f"` does not take {name}{again}")
    if options[option] is None:
        if equals:
            raise _misuse(f"{name} takes no value")
        value = "true"
    elif not equals:
        if not rest or rest[0].startswith("--"):
            raise _misuse(f"{name} needs a value")
        value = rest.pop(0)
    arguments.values[option] = value


def switches(arguments: Arguments) -> dict[str, bool]:
    """The three mutations of a start. The environment counts only when the word `serve` is there."""
    if arguments.command != "serve":
        return dict.fromkeys(SWITCHES, True)
    wanted = {}
    for option in SWITCHES:
        variable = f"GATEWAY_{OPTIONS['serve'][option]}"
        wanted[option] = _boolean(option, arguments.values.get(option, os.environ.get(variable, "true")))
    return wanted


def migrate_action(arguments: Arguments) -> str:
    chosen = [flag for flag in OPTIONS["migrate"] if flag in arguments.values]
    if len(chosen) != 1:
        raise Failure("choose exactly one of --check, --apply, or --status")
    return chosen[0]


def phase(arguments: Arguments) -> str:
    """Which of the knobs' phases this run is. A migrate without exactly one flag is none of them."""
    if arguments.command == "migrate":
        chosen = [flag for flag in OPTIONS["migrate"] if flag in arguments.values]
        return f"migrate-{chosen[0]}" if len(chosen) == 1 else ""
    return arguments.command.replace(" ", "-") or "serve"


# --- running ---

def main(words: list[str]) -> int:
    try:
        arguments = parse(words)
        wanted = switches(arguments)
        knobs.check_all()
    except Help as text:
        sys.stdout.write(str(text))
        return 0
    except Usage as text:
        sys.stderr.write(str(text))
        return 2
    except knobs.BadKnob as failure:
        sys.stderr.write(errors.rendered(failure))
        return 2
    except Failure as failure:
        sys.stderr.write(errors.rendered(failure))
        return 1
    try:
        _run(arguments, wanted)
    except Failure as failure:
        sys.stdout.flush()
        sys.stderr.write(errors.rendered(failure))
        return 1
    return 0


def _run(arguments: Arguments, wanted: dict[str, bool]) -> None:
    current = phase(arguments)
    knobs.slow_start(current)
    knobs.crash(current)
    knobs.eat_memory(current)
    knobs.panic(current)
    knobs.say(current)
    if arguments.command == "config validate":
        loaded = config.validated(arguments.config)
        _crash_once(current, loaded)
        print(f"gateway configuration `{arguments.config}` is valid")
        return
    loaded = config.load(arguments.config)
    log.configure(loaded["server"]["log_format"])
    config.exporters(loaded)
    _crash_once(current, loaded)
    flood = knobs.flood(current)
    try:
        _command(arguments, loaded, wanted)
    finally:
        if flood:
            flood.join()  # all of it comes, and before a failure is told


def _command(arguments: Arguments, loaded: dict, wanted: dict[str, bool]) -> None:
    if arguments.command == "migrate":
        from . import migrations

        action = migrate_action(arguments)
        migrations.command(config.database_url(loaded), action)
    elif arguments.command == "purge-request-logs":
        from . import purge

        purge.command(loaded, arguments.values["retention"], "dry-run" in arguments.values)
    elif arguments.command == "bootstrap-admin":
        from . import bootstrap

        bootstrap.command(loaded)
    elif arguments.command == "seed-config":
        from . import seed

        seed.command(loaded)
    elif arguments.command == "seed-local-demo":
        from . import seed

        seed.local_demo(loaded)
    elif arguments.command == "recompute-agent-analysis":
        from . import recompute

        recompute.command(loaded)
    else:
        from . import serve

        serve.run(loaded, wanted)


def _crash_once(current: str, loaded: dict) -> None:
    def first_time(marker: str) -> bool:
        from . import marks

        return marks.first_time(config.database_url(loaded), marker)

    knobs.crash_once(current, first_time)
