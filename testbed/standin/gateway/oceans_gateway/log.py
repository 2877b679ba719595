"""Log lines on stdout: JSON with `server.log_format: json`, else one readable line.

RUST_LOG: a list of LEVEL and TARGET=LEVEL. A directive counts for every target that begins with its name, the longest one
decides, and what no directive speaks of is not logged.
https://docs.rs/tracing-subscriber/latest/tracing_subscriber/filter/struct.EnvFilter.html#directives
"""

import json
import os
import sys
import threading
import time

LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "OFF")

_format = "pretty"
_directives: dict[str, int] = {"": LEVELS.index("INFO")}
_one_line_at_a_time = threading.Lock()


def configure(log_format: str) -> None:
    global _format
    _format = log_format
    found = {}
    for directive in os.environ.get("RUST_LOG", "").split(","):
        target, _, level = directive.strip().rpartition("=")
        if level.upper() in LEVELS:
            found[target] = LEVELS.index(level.upper())
    if found:
        _directives.clear()
        _directives.update(found)


def _lowest(target: str) -> int:
    fitting = [name for name in _directives if target.startswith(name)]
    return _directives[max(fitting, key=len)] if fitting else LEVELS.index("OFF")


def timestamp() -> str:
    now = time.time_ns()
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now // 1_000_000_000))
    return f"{seconds}.{now // 1000 % 1_000_000:06d}Z"


def _line(level: str, target: str, fields: dict) -> str:
    if _format == "json":
        record = {"timestamp": timestamp(), "level": level, "fields": fields, "target": target}
        return json.dumps(record, separators=(",", ":"), ensure_ascii=False)
    rest = " ".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in fields.items() if key != "message")
    return f"{timestamp()} {level:>5} {target}: {fields['message']} {rest}".rstrip()


def event(level: str, target: str, message: str, **fields) -> None:
    if LEVELS.index(level) >= _lowest(target):
        with _one_line_at_a_time:
            sys.stdout.write(_line(level, target, {"message": message, **fields}) + "\n")
            sys.stdout.flush()


def info(target: str, message: str, **fields) -> None:
    event("INFO", target, message, **fields)


def warn(target: str, message: str, **fields) -> None:
    event("WARN", target, message, **fields)
