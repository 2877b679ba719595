"""A typed reading of YAML. A wrong word and an unknown key are told as the gateway tells them (path, what is wrong, line
and column); the other complaints are in words of our own.
"""

import re

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from .errors import Failure

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
REQUIRED = object()

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_FRACTION = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?\Z")


def compose(text: str) -> Node | None:
    """The document's node tree, None when there is nothing in it."""
    try:
        return yaml.compose(text, Loader=Loader)
    except yaml.MarkedYAMLError as error:
        raise Failure(f"{error.problem or 'not YAML'}{_place(error.problem_mark)}") from None
    except yaml.YAMLError as error:
        raise Failure(str(error)) from None


def _place(mark: yaml.Mark | None) -> str:
    return f" at line {mark.line + 1} column {mark.column + 1}" if mark else ""


def scalar(node: ScalarNode):
    """A scalar's value. Only `true` and `false` are booleans: `yes` and `on` are words."""
    text = node.value
    if node.style in ("'", '"', "|", ">"):
        return text
    if text in ("", "~", "null"):
        return None
    if text in ("true", "false"):
        return text == "true"
    if _INTEGER.match(text):
        return int(text)
    if _FRACTION.match(text):
        return float(text)
    return text


def plain(node: Node):
    """Anything, as it stands."""
    if isinstance(node, MappingNode):
        return {str(plain(key)): plain(value) for key, value in node.value}
    if isinstance(node, SequenceNode):
        return [plain(item) for item in node.value]
    return scalar(node)


def _error(path: str, sentence: str, node: Node) -> Failure:
    return Failure((f"{path}: " if path else "") + sentence + _place(node.start_mark))


def _expected(names) -> str:
    listed = [f"`{name}`" for name in names]
    return "expected " + (" or ".join(listed) if len(listed) < 3 else "one of " + ", ".join(listed))


def _typed(wanted: str, fits):
    def read(node: Node, path: str):
        value = scalar(node) if isinstance(node, ScalarNode) else None
        if not fits(value):
            found = f"`{node.value}`" if isinstance(node, ScalarNode) else "a list" if isinstance(node, SequenceNode) else "a map"
            raise _error(path, f"{found} is not {wanted}", node)
        return value

    return read


string = _typed("a text", lambda value: isinstance(value, str))
boolean = _typed("true or false", lambda value: isinstance(value, bool))
whole = _typed("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 0)
number = _typed("a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool))


def anything(node: Node, path: str):
    return plain(node)


def optional(of):
    def read(node: Node, path: str):
        return None if isinstance(node, ScalarNode) and scalar(node) is None else of(node, path)

    return read


def items(of):
    def read(node: Node, path: str) -> list:
        if not isinstance(node, SequenceNode):
            raise _error(path, "a list is wanted here", node)
        return [of(item, f"{path}[{index}]") for index, item in enumerate(node.value)]

    return read


def _pairs(node: Node | None, path: str) -> list:
    if node is None or (isinstance(node, ScalarNode) and scalar(node) is None):
        return []
    if not isinstance(node, MappingNode):
        raise _error(path, "a map is wanted here", node)
    return node.value


def struct(fields: dict, closed: bool = False):
    """A map with these fields: name -> (reader, default). A closed one refuses others, an open one ignores them."""

    def read(node: Node | None, path: str) -> dict:
        values: dict = {}
        for key, value in _pairs(node, path):
            field = str(plain(key))
            if field in values:
                raise _error(path, f"`{field}` is there twice", key)
            if field in fields:
                values[field] = fields[field][0](value, f"{path}.{field}" if path else field)
            elif closed:
                raise _error(path, f"unknown field `{field}`, {_expected(fields)}", key)
        for field, (_, default) in fields.items():
            if field in values:
                continue
            if default is REQUIRED:
                assert node is not None
                raise _error(path, f"missing field `{field}`", node)
            values[field] = default() if callable(default) else default
        return values

    return read


def tagged(tag: str, variants: dict):
    """A map whose field `tag` says which struct it is."""

    def read(node: Node, path: str) -> dict:
        for key, value in _pairs(node, path):
            if plain(key) == tag:
                kind = string(value, f"{path}.{tag}")
                if kind not in variants:
                    raise _error(f"{path}.{tag}", f"unknown variant `{kind}`, {_expected(variants)}", value)
                return {tag: kind, **variants[kind](node, path)}
        raise _error(path, f"missing field `{tag}`", node)

    return read
