# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one door through which every variable of the roles passes: converted by its argument spec, or refused with its path and a cure.

Ansible checks a role's arguments by their types and does not convert the variables: `-e x=false` and an INI inventory give texts, `x:`
with nothing behind it gives null, and YAML 1.1 reads dates, octal numbers and booleans where a text was meant. No sentence here contains
a value that stands inside a map, because any of these can be a secret.
"""

from __future__ import annotations

import datetime
import functools
import math
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import yaml
from ansible.module_utils.common.yaml import yaml_load
from ansible.module_utils.parsing.convert_bool import boolean

from .variable_rules import broken

_ROLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "roles")
#: Helm reads numbers as 64-bit floats: larger integers lose digits
EXACT = 2**53
_SURROGATE = re.compile("[\ud800-\udfff]")


class WrongVariable(ValueError):
    """What is wrong with a variable, and how to write it."""


@functools.cache
def options() -> dict[str, dict[str, Any]]:
    """name -> type, choices, elements and default of every variable of the roles. A map is `raw` in the spec: Ansible's own check would refuse
    one that is a text, in words of Python's types, before it is read here."""
    spec = _load("gateway", "meta", "argument_specs.yml")["argument_specs"]["main"]["options"]
    found = {name: {**spec[name], "default": default} for name, default in _load("common", "defaults", "main.yml").items()}
    return {name: {**option, "type": "dict" if option["default"] == {} else option["type"]} for name, option in found.items()}


def _load(*path: str) -> Any:
    with open(os.path.join(_ROLES, *path), encoding="utf-8") as file:
        return yaml_load(file)  # written in C where there is libyaml: each task of each host reads these


def variable(value: Any, name: str) -> Any:
    """The value of a variable in the type of its argument spec; null is its default.

    :raises WrongVariable: with everything that is wrong with it.
    """
    option = options()[name]
    if value is None or type(value).__name__ == "_OmitType":  # of `{{ x | default(omit) }}`
        return option["default"]
    if isinstance(value, bool) and str(value).lower() in option.get("choices", ()):
        value = str(value).lower()  # of `auto | true | false`, unquoted
    converted = _CONVERT[option["type"]](name, value)
    if option["type"] == "list":
        maps = option["elements"] != "str"  # a name alone, or a map that has it
        converted = [e if maps and isinstance(e, Mapping) else _str(f"{name}[{index}]", e) for index, e in enumerate(converted)]
    wrong = list(problems(converted, name)) or list(broken(name, converted))
    if wrong:
        raise WrongVariable("; ".join(wrong))
    if "choices" in option and converted not in option["choices"]:
        raise WrongVariable(f"{name} is {converted!r}; set the variable to one of {', '.join(filter(None, option['choices']))}")
    return texts(converted)


# --- each type ------------------------------------------------------------------------------------------------------------


def _bool(name: str, value: Any) -> bool:
    try:
        return boolean(value, strict=True)
    except TypeError:
        raise WrongVariable(f"{name} is {_what(value)}; set the variable to true or false") from None


def _int(name: str, value: Any) -> int:
    try:
        number = Decimal("NaN" if isinstance(value, bool) else str(value).strip())
        if number.is_finite() and number == number.to_integral_value() and number.adjusted() < 400:  # 1e3 is a text in YAML 1.1
            return int(number)
    except InvalidOperation:
        pass
    raise WrongVariable(f"{name} is {_what(value)}; set the variable to a whole number")


def _str(name: str, value: Any) -> str:
    """Where YAML made something else of a text, the text is taken back if there is only one way to have written it."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(int(value))
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value.isoformat()
    cure = "write one text" if isinstance(value, (Mapping, list, tuple)) else f"put the value in quotes ({name}: '…')"
    raise WrongVariable(f"{name} is {_what(value)}, but has to be text; {cure}")


def _list(name: str, value: Any) -> list[Any]:
    if isinstance(value, str):
        text = value.strip()
        if text.startswith(("[", "- ")):
            try:
                return list(yaml.safe_load(text))
            except (yaml.YAMLError, TypeError, ValueError, RecursionError):
                raise WrongVariable(f"{name} begins with {text[0]}, but is not a valid list; write the value as a YAML or JSON list") from None
        if name.endswith("_command"):
            try:
                return shlex.split(text)
            except ValueError as error:
                raise WrongVariable(f"{name} is not a command line: {error}; write the value as a list of the program and its arguments") from None
        if "\n" in text:  # of a file that was looked up: its commas separate nothing
            raise WrongVariable(
                f"{name} is text of several lines; write the value as a list (- …), or read a file: \"{{{{ lookup('file', 'FILE') | from_yaml }}}}\""
            )
        return [part.strip() for part in text.split(",") if part.strip()]
    if isinstance(value, Mapping):
        raise WrongVariable(f"{name} is a map; write the value as a list")
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _dict(name: str, value: Any) -> dict[Any, Any]:
    """A text may be JSON or YAML (a file that was looked up, `-e`, a survey); KEY=VALUE is refused: commas and blanks would end a value."""
    if isinstance(value, str):
        try:
            value = yaml.safe_load(value) if value.strip() else {}
        except (yaml.YAMLError, ValueError, RecursionError):
            raise WrongVariable(f"{name} is text that is not one document of YAML or JSON; write the value as a map (KEY: value)") from None
    if isinstance(value, Mapping):
        return dict(value)
    pairs = isinstance(value, (list, tuple)) and all(isinstance(entry, Mapping) and "value" in entry for entry in value)
    cure = ", or convert the list into a map with the filter items2dict" if pairs else ""
    file = ", or read a file: \"{{ lookup('file', 'FILE') | from_yaml }}\"" if isinstance(value, (str, list, tuple)) and not pairs else ""
    raise WrongVariable(f"{name} is {_kind(value)}; write the value as a map (KEY: value){cure}{file}")


_CONVERT = {"bool": _bool, "int": _int, "str": _str, "list": _list, "dict": _dict, "raw": lambda _name, value: value}


# --- what stands inside ---------------------------------------------------------------------------------------------------


def problems(value: Any, path: str) -> Iterator[str]:
    """What neither JSON nor Helm can carry as it was written, each with its path."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str) and (isinstance(key, bool) or not isinstance(key, int)):
                yield f"a key of {path} is {_kind(key)}, which Helm would read as another key; put the key in quotes"
            elif isinstance(key, str) and _SURROGATE.search(key):
                yield f"a key of {path} contains bytes that are not UTF-8; write the key as UTF-8 text"
            else:
                yield from problems(inner, f"{path}.{key}")
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from problems(inner, f"{path}[{index}]")
    elif isinstance(value, str):
        if _SURROGATE.search(value):
            yield f"{path} contains bytes that are not UTF-8; write the value as UTF-8 text"
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int):
        if abs(value) > EXACT:
            yield f"{path} is a number of more than 15 digits, which Helm would round; put the value in quotes"
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield f"{path} is not a finite number (.inf, .nan); write a number, or put the value in quotes"
    elif isinstance(value, datetime.datetime) or not isinstance(value, datetime.date):
        yield f"{path} is {_kind(value)}; put the value in quotes ('…')"


def texts(value: Any) -> Any:
    """The same with each date as the text that it was written as (YAML takes one form of a date only), and each key as text."""
    if isinstance(value, Mapping):
        return {key if isinstance(key, str) else str(key): texts(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [texts(inner) for inner in value]
    return value.isoformat() if isinstance(value, datetime.date) else value


#: the first that fits is what YAML made of it
_KINDS: tuple[tuple[Any, str], ...] = (
    (bool, "a boolean"),
    (datetime.datetime, "a date with a time"),
    (datetime.date, "a date"),
    ((int, float), "a number"),
    (bytes, "binary"),
    (Mapping, "a map"),
    ((list, tuple), "a list"),
    ((set, frozenset), "a set"),
    (type(None), "null"),
    (str, "text"),
)


def _kind(value: Any) -> str:
    return next((f"{words} in YAML" for kind, words in _KINDS if isinstance(value, kind)), f"of the type {type(value).__name__}")


def _what(value: Any) -> str:
    """With the value, where that is one word and no secret can stand in the variable."""
    return f"{value!r}" if isinstance(value, str) and len(value) <= 20 else f"{_kind(value)}{f' ({value})' if isinstance(value, (bool, int, float)) else ''}"
