# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a variable of the right type may hold: names that Kubernetes takes, numbers in their range, keys that somebody reads. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_WORD = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"


@dataclass(frozen=True)
class Name:
    """Names of one kind; `empty`: may be left out."""

    form: re.Pattern[str]
    length: int
    letters: str
    empty: bool = True

    def wrong(self, where: str, value: str) -> Iterator[str]:
        if not (self.form.fullmatch(value) and len(value) <= self.length if value else self.empty):
            shown = f"{value[:40]!r}{f' … ({len(value)} characters)' if len(value) > 40 else ''}"
            strange = next((f" (it contains U+{ord(c):04X}, which looks like another character)" for c in value if not c.isascii()), "")
            yield f"{where} is {shown}{strange}, which is not a valid name: use only {self.letters}, at most {self.length} characters"


LOWER = "lower-case letters, digits and - (a letter or digit first and last)"
LABEL = Name(re.compile(_WORD), 63, LOWER, empty=False)
RELEASE = Name(re.compile(rf"{_WORD}(\.{_WORD})*"), 53, LOWER, empty=False)
OBJECT = Name(RELEASE.form, 253, LOWER)
KEY = Name(re.compile("[-._A-Za-z0-9]+"), 253, "letters, digits, - _ and .", empty=False)
TAG = Name(re.compile(r"\w[\w.-]{0,127}(@sha256:[0-9a-f]{64})?", re.ASCII), 200, "letters, digits, - _ and . (TAG, or TAG@sha256:DIGEST)")
IMAGE = Name(
    re.compile(r"([a-z0-9][-a-z0-9.]*(:\d+)?/)?[a-z0-9]+([._/-]+[a-z0-9]+)*", re.ASCII),
    255,
    "lower-case letters, digits and . - _ / (HOST:PORT/PATH, without https:// and without a tag, which is oceans_llm_version)",
)
REGISTRY = Name(
    re.compile(r"[a-z0-9][-a-z0-9.]*(:\d+)?(/[a-z0-9]+([._/-]+[a-z0-9]+)*)?", re.ASCII),
    255,
    "lower-case letters, digits and . - _ / (HOST:PORT/PATH, without https://)",
)
NAMES = {
    "oceans_llm_image_registry": REGISTRY,
    "oceans_llm_gateway_image": IMAGE,
    "oceans_llm_admin_ui_image": IMAGE,
    "oceans_llm_version": TAG,
    "oceans_llm_rollback_to": Name(TAG.form, 200, "the number of a revision, such as 3, or a version, such as v0.23.0"),
    "oceans_llm_namespace": LABEL,
    "oceans_llm_release": RELEASE,
    "oceans_llm_secret_name": OBJECT,
    "oceans_llm_database_secret": OBJECT,
    "oceans_llm_probe_key_secret": OBJECT,
    "oceans_llm_image_pull_secrets": Name(OBJECT.form, 253, LOWER, empty=False),
    "oceans_llm_database_secret_key": KEY,
    "oceans_llm_probe_key_name": KEY,
    "oceans_llm_secrets_generate": KEY,
}
#: least and greatest number
RANGES = {
    "oceans_llm_replicas": (0, 10_000),
    "oceans_llm_timeout": (1, 172_800),
    "oceans_llm_recover_after": (0, 172_800),
    "oceans_llm_restore_point_keep": (1, 1_000),
    "oceans_llm_recompute_limit": (1, 1_000),
}
#: maps that the collection itself reads, with all of their keys
KEYS = {
    "oceans_llm_chart_registry": ("ca_cert", "validate_certs", "plain_http", "username", "password"),
    "oceans_llm_restore_point_volume": ("claim", "size", "storage_class"),
    "oceans_llm_restore_point_s3": ("address", "region", "endpoint", "secret", "image"),
}
#: namespaces of Kubernetes itself
SYSTEM = ("kube-system", "kube-public", "kube-node-lease")
#: keys of maps whose values are addresses -> how they begin, and their form
ADDRESSES = {"address": ("s3://", "s3://BUCKET/FOLDER"), "endpoint": ("http", "https://HOST:PORT")}
_SIZE = re.compile(r"(?<!\d)\d+(\.\d+)?([KMGTPE]i|[kMGTPE])")  # begins at the first digit only: linear


def broken(name: str, value: Any) -> Iterator[str]:
    """What is wrong with a converted value, each with its path."""
    if isinstance(value, str) and value != value.strip():
        yield f"{name} begins or ends with a space or line break: remove this character"
    elif name == "oceans_llm_namespace" and value in SYSTEM:
        yield f"{name} is {value}, which is a namespace of Kubernetes itself; set the variable to a namespace that only the release uses"
    elif name in NAMES and isinstance(value, str):
        yield from NAMES[name].wrong(name, value)
    elif name in NAMES:
        yield from _names(name, value)
    elif name in RANGES and not RANGES[name][0] <= value <= RANGES[name][1]:
        yield "{} is {}; set the variable to a number from {} to {}{}".format(
            name, value if abs(value) < 10**20 else "a number of more than 20 digits", *RANGES[name], " (seconds)" * (RANGES[name][1] == 172_800)
        )
    elif name in KEYS:
        yield from _keys(name, value)


def _names(name: str, values: list[Any]) -> Iterator[str]:
    for index, entry in enumerate(values):
        held = entry.get("name") if isinstance(entry, Mapping) else entry
        if isinstance(held, str):
            yield from NAMES[name].wrong(f"{name}[{index}]", held)
        else:
            yield f"{name}[{index}] has no name; write the entry as - NAME, or as - name: NAME"


def _keys(name: str, value: Mapping[str, Any]) -> Iterator[str]:
    for key in value:
        if key not in KEYS[name]:
            known = difflib.get_close_matches(str(key), KEYS[name], 1) or KEYS[name]
            yield f"no role reads the key {name}.{key}; correct the key ({', '.join(known)}), or remove it"
    for key, (begin, form) in ADDRESSES.items():
        if value.get(key) and not str(value[key]).startswith(begin):
            yield f"{name}.{key} is {str(value[key])[:80]!r}; write the value as {form}"
    size = value.get("size")
    if name == "oceans_llm_restore_point_volume" and size not in (None, "") and not _SIZE.fullmatch(str(size)):
        yield f"{name}.size is {str(size)[:20]!r}; set the value to a number with a unit (10Gi)"
