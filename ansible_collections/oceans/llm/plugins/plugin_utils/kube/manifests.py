# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML as Kubernetes and Helm read it (sigs.k8s.io/yaml), where PyYAML's YAML 1.1 reads something else.

A date and a time of day (`2024-10-21`, `1:30`) stay text, `1e6` is a number, and `y` and `n` are truth values.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TIMESTAMP, _INT, _FLOAT, _BOOL = (f"tag:yaml.org,2002:{name}" for name in ("timestamp", "int", "float", "bool"))


class _Loader(_BASE):
    """With resolvers of its own."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag not in (_TIMESTAMP, _INT, _FLOAT)] for first, found in _BASE.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_INT, re.compile(r"[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|0|[1-9][0-9_]*)\Z"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    _FLOAT, re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z|[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z"), list("-+.0123456789")
)
_Loader.add_implicit_resolver(_BOOL, re.compile(r"[yYnN]\Z"), list("yYnN"))
_Loader.add_constructor(_BOOL, lambda loader, node: str(loader.construct_scalar(node)).lower() in ("y", "yes", "true", "on"))
_Loader.add_constructor(_INT, lambda loader, node: _whole(loader.construct_scalar(node)))


def _whole(text: str) -> int:
    digits = text.replace("_", "").lower()
    bare = digits.lstrip("+-")
    octal = bare[1:].isdigit() and bare.startswith("0")
    return int(f"{digits[: len(digits) - len(bare)]}0o{bare[1:]}" if octal else digits, 0)


def load_all(text: str) -> tuple[Any, ...]:
    """The documents of a stream, empty ones left out. :raises yaml.YAMLError: when it is no YAML."""
    return tuple(doc for doc in yaml.load_all(text, Loader=_Loader) if doc)


def load(text: str) -> Any:
    """One document; None when there is nothing in it."""
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader with other resolvers
