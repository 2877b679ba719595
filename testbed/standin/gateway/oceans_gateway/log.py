"""Log lines on stdout: JSON with `server.log_format: json`, else one readable line. RUST_LOG sets the lowest level."""

import json
import os
import sys
import time

LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "OFF")

_format = "text"
_lowest = LEVELS.index("INFO")


def configure(log_format: str) -> None:
    global _format, _lowest
    _format = log_format
    # Of a directive list like "info,gateway=debug" only the plain level counts here.
    for directive in os.environ.get("RUST_LOG", "").split(","):
        if directive.strip().upper() in LEVELS:
            _lowest = LEVELS.index(directive.strip().upper())


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
    if LEVELS.index(level) >= _lowest:
        sys.stdout.write(_line(level, target, {"message": message, **fields}) + "\n")
        sys.stdout.flush()


def info(target: str, message: str, **fields) -> None:
    event("INFO", target, message, **fields)


def warn(target: str, message: str, **fields) -> None:
    event("WARN", target, message, **fields)
