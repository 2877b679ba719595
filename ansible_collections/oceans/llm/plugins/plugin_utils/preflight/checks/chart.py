# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The chart's own refusals, each as a finding: schema violations and the sentences of its validations. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ...helm import keep, registry, releases
from ...helm.chart import is_ours
from ...secrets.pod_env import containers
from ..facts import Picture, gateway_container, is_hook, label, pod_templates
from ..finding import WARNING, Finding, did_you_mean

#: one line of Helm's schema report: `- at '/gateway': additional properties 'x', 'y' not allowed` (Helm 3.18+, 4)
_SCHEMA = re.compile(r"^\s*- (?:at )?'?(?P<at>[^':]*)'?: (?P<what>.+)$", re.MULTILINE)
#: one line of the chart's own validations: `  1. gateway.config.x is …`
_NUMBERED = re.compile(r"^  \d+\. (.+)$", re.MULTILINE)
#: [HOST[:PORT]/]PATH[:TAG][@DIGEST] (OCI distribution specification)
_IMAGE = re.compile(r"\A([A-Za-z0-9.-]+(:\d+)?/)?[a-z0-9]+([._/-]+[a-z0-9]+)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?")
#: path of a value -> its form, in place of a pattern that few can read
_FORMS = (
    (r"\.(memory|ephemeral-storage|size)$", "a number with a unit, such as 512Mi or 20Gi"),
    (r"\.cpu$", "cores or thousandths of them, such as 0.5 or 500m"),
    (r"\.refreshInterval$", "hours, minutes and seconds, such as 24h or 1h30m"),
    (r"^ingress\.(hosts|tls)\.|^httpRoute\.hostnames|^route\.host$", "a host name in lower case, without scheme and port"),
    (r"[lL]abels\.|\.nodeSelector\.", "at most 63 letters, digits, - _ and ."),
)
#: how a value of another type is written
_WRITE = {
    "string": "put the value in quotes",
    "array": "write it as a list (- …)",
    "object": "write it as a map (KEY: value)",
    "integer": "write it as a number, without quotes",
    "number": "write it as a number, without quotes",
    "boolean": "write true or false, without quotes",
}
_UNKNOWN = re.compile(r"additional properties? (?P<names>'.+?') not allowed")


def find(picture: Picture) -> Iterator[Finding]:
    if picture.chart_unavailable:
        yield Finding("ChartUnavailable", "chart", picture.chart_unavailable, registry.cure(picture.chart_unavailable))
    schema = [text for text in picture.chart_errors if "specifications of the schema" in text]
    for text in schema:
        yield from _schema(text, picture.chart_values)
    for text in picture.chart_errors:
        problems = _NUMBERED.findall(text)
        if text in schema or (schema and not problems):
            continue  # a template that trips over a value of the wrong type, which was said
        for problem in problems or [" ".join(text.split())]:
            path, _is, rest = problem.partition(" ")
            where, sentence = (f"values {path}", rest) if problems and "." in path else ("chart", problem)
            yield Finding("ChartRefused", where, sentence)
    yield from _images(picture)
    if releases.too_large(picture.record_size):
        yield Finding("ReleaseTooLarge", f"Release/{picture.wanted.release}", releases.too_large(picture.record_size), releases.SMALLER)
    if picture.chart and not is_ours(picture.chart) and (lacks := list(_lacks(picture))):
        what = f"is not the chart of this collection: {'; '.join(lacks)}"
        yield Finding("OtherChart", f"chart {picture.chart.get('name')}-{picture.chart.get('version')}", what, severity=WARNING)


def _lacks(picture: Picture) -> Iterator[str]:
    """What users would notice of a chart that is not ours: a budget that is refused, a database that goes, requests that are cut."""
    for budget in picture.kind("PodDisruptionBudget"):
        for limit in ("minAvailable", "maxUnavailable"):
            value = (budget.get("spec") or {}).get(limit)
            if isinstance(value, str) and value.isdigit():
                yield f'{label(budget)} has {limit}: "{value}" as text, so the API server refuses it'
    for data in keep.data_of((o for o in picture.objects if not is_hook(o)), picture.wanted.namespace):
        if not data.kept:
            yield f"{data.name} has no {keep.POLICY}: keep, so helm uninstall deletes its data (the playbook oceans.llm.uninstall keeps them)"
    found = gateway_container(picture.objects)
    if found and not (found[1].get("lifecycle") or {}).get("preStop"):
        yield f"{found[0]} has no preStop hook, so every upgrade cuts open requests"


def _images(picture: Picture) -> Iterator[Finding]:
    """References that no registry could answer: two tags, a digest that is none, one digest for two programs."""
    users: dict[str, str] = {}
    for where, template in pod_templates(picture.objects):
        for container in containers(template["spec"]):
            image = str(container.get("image") or "")
            if not _IMAGE.fullmatch(image):
                hint = "set oceans_llm_gateway_image and oceans_llm_admin_ui_image without a tag, and oceans_llm_version to TAG or TAG@sha256:DIGEST"
                yield Finding("ImageNameInvalid", where, f"container {container.get('name')}: {image!r} is not a valid image reference", hint)
    for where, template in pod_templates(picture.objects):
        for container in containers(template["spec"]):
            repository, _at, digest = str(container.get("image") or "").partition("@")
            other = users.setdefault(digest, repository.rpartition("/")[2].partition(":")[0]) if digest else ""
            if other and other != repository.rpartition("/")[2].partition(":")[0]:
                yield Finding(
                    "DigestOfTwoImages", where, f"the images {other} and {repository} are pinned by the same digest, and a digest belongs to one image only"
                )


def _schema(text: str, defaults: Mapping[str, Any]) -> Iterator[Finding]:
    found = False
    for match in _SCHEMA.finditer(text):
        found = True
        path = match["at"].strip("/").replace("/", ".").replace("~1", "/")
        unknown = _UNKNOWN.search(match["what"])
        if unknown:
            for name in re.findall(r"'([^']+)'", unknown["names"]):
                near = did_you_mean(name, keys_at(defaults, path)) or _elsewhere(name, defaults)
                first, _dot, rest = name.partition(".")
                hint = f"write nested maps instead of dots: {first}: {{{rest.replace('.', ': {')}: …{'}' * name.count('.')}" if rest else ""
                yield Finding("UnknownValue", f"values {path + '.' if path else ''}{name}", f"the chart has no key {name!r}{near}", hint)
        elif match["what"] != "validation failed":  # of a part of it, which is said below
            wanted = re.search(r"got (\w+), want (?:null or )?(\w+)", match["what"])
            hint = f"{_WRITE[wanted[2]]} in oceans_llm_values" if wanted and wanted[2] in _WRITE else ""
            if "does not match pattern" in match["what"]:
                hint = next((f"write {form} in oceans_llm_values" for pattern, form in _FORMS if re.search(pattern, path)), "")
            yield Finding("InvalidValue", f"values {path or '(top)'}", match["what"], hint)
    if not found:
        yield Finding("InvalidValue", "values", " ".join(text.split()))


def _elsewhere(name: str, defaults: Mapping[str, Any]) -> str:
    """Where the chart has a key of this name."""
    found = sorted((path for path in _paths(defaults) if path.endswith(f".{name}")), key=lambda path: (path.count("."), path))[:3]
    return f"; it has {', '.join(found)}" if found else ""


def _paths(values: Any, path: str = "") -> Iterator[str]:
    for key, inner in values.items() if isinstance(values, Mapping) else ():
        yield f"{path}{key}"
        yield from _paths(inner, f"{path}{key}.")


def keys_at(values: Mapping[str, Any], path: str) -> list[str]:
    """The keys that the chart's own values have at a dotted path."""
    here: Any = values
    for part in filter(None, path.split(".")):
        here = here.get(part) if isinstance(here, Mapping) else None
    return [str(k) for k in here] if isinstance(here, Mapping) else []
