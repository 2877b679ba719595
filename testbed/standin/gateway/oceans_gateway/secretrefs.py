"""Secret references: `env.NAME` and `literal.TEXT`, nothing else."""

import os

from .errors import Failure


def strict(reference: str) -> str:
    kind, dot, rest = reference.partition(".")
    if kind == "literal" and dot:
        return rest
    if kind != "env" or not dot:
        # The raw value is printed, as the gateway does: whoever pastes a password here finds it in the log.
        raise Failure(f"unsupported secret reference `{reference}`; use env.* or literal.* for this phase")
    # Set but empty is a value: the gateway accepts it.
    value = os.environ.get(rest)
    if value is None:
        raise Failure(f"required environment variable `{rest}` is not set", "environment variable not found")
    return value
