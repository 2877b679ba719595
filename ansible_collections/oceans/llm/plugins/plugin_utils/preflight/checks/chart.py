# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The chart's own refusals, each as a finding: schema violations and the sentences of its validations. Pure."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ...gateway.chart_values import setters
from ...gateway.configuration import section
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
_OF_BOTH = ("registry", "pullSecrets")
_LOGIN = ("user", "username", "password")
#: what other charts call something, anywhere or at one place -> where this chart has it
_PLACES = {
    **dict.fromkeys(("replicas", "replicaCount"), "gateway.replicaCount"),
    "resources": "scheduling.resources",
    **dict.fromkeys(("env", "envVars", "environment", "extraEnvVars", "extraEnvs"), "gateway.extraEnv"),
    **dict.fromkeys(("envFrom", "environmentSecrets", "environmentConfigMaps", "extraEnvVarsSecret"), "gateway.extraEnvFrom"),
    **dict.fromkeys(("volumes", "extraVolumes"), "gateway.extraVolumes"),
    "volumeMounts": "gateway.extraVolumeMounts",
    "initContainers": "gateway.extraInitContainers",
    **dict.fromkeys(("sidecars", "extraContainers"), "observability.sidecars"),
    **{f"{name}Probe": f"probes.gateway.{name}" for name in ("startup", "liveness", "readiness")},
    **dict.fromkeys(("hpa", "horizontalPodAutoscaler"), "autoscaling"),
    **dict.fromkeys(("targetCPUUtilizationPercentage", "targetMemoryUtilizationPercentage"), "autoscaling.metrics"),
    "pdb": "podDisruptionBudget",
    **dict.fromkeys(("strategy", "updateStrategy", "deploymentStrategy"), "rollout.strategy"),
    "serviceAccountName": "serviceAccount.name",
    **dict.fromkeys(("labels", "extraLabels", "additionalLabels"), "commonLabels"),
    **dict.fromkeys((".annotations", "extraAnnotations", "additionalAnnotations"), "commonAnnotations"),
    **dict.fromkeys(("extraDeploy", "extraManifests", "extraResources"), "extraObjects"),
    **dict.fromkeys(("postgresql", "db", "externalDatabase", "externalPostgresql"), "database"),
    **dict.fromkeys(("proxy_config", "configMap"), "gateway.config"),
    **dict.fromkeys((".metrics", "serviceMonitor", "podMonitor"), "gateway.config.server, whose otel_endpoint receives all metrics of the gateway"),
    "networkPolicy.ingress": "networkPolicy.gatewayFrom",
    "service.gateway.loadBalancerIP": "service.gateway.annotations, and the clouds read the address from an annotation of their own",
    "persistence": "database.cloudnativepg.storage",
    "registry": "global.imageRegistry",
    "pullSecrets": "imagePullSecrets",
    "httpRoute.rules": "httpRoute.matches, httpRoute.filters and httpRoute.timeouts, and extraObjects for further routes",
    **{f"database.external.parts.{name}": "database.external.parts.secret, which names the Secret with user and password" for name in _LOGIN},
    "httpGet": "probes.gateway.liveness.path, and the port is always gateway.containerPort",
}
#: how a value of another type is written
_WRITE = {
    "string": "put the value in quotes",
    "array": "write the value as a list (- …)",
    "object": "write the value as a map (KEY: value)",
    "integer": "write the value as a number, without quotes",
    "number": "write the value as a number, without quotes",
    "boolean": "write true or false, without quotes",
}
#: what Helm notes of a map that was given as something else
_FLAT = re.compile(r"cannot overwrite table with non table for [\w-]+\.(\S+)")
_UNKNOWN = re.compile(r"additional properties? (?P<names>'.+?') not allowed")


def find(picture: Picture) -> Iterator[Finding]:
    if picture.chart_unavailable:
        yield Finding("ChartUnavailable", "chart", picture.chart_unavailable, registry.cure(picture.chart_unavailable))
    schema = [text for text in picture.chart_errors if "specifications of the schema" in text]
    for text in schema:
        yield from _schema(text, picture.chart_values, picture.chart_schema)
    for text in picture.chart_errors:
        problems = _NUMBERED.findall(text)
        if text in schema or (schema and not problems):
            continue  # a template that trips over a value of the wrong type, which was said
        flat = None if problems else _FLAT.search(text)
        if flat:  # a template trips over it, wherever that is
            yield Finding("InvalidValue", f"values {flat[1]}", "is not a map", f"{_WRITE['object']} in oceans_llm_values, or in the variable that sets it")
            continue
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
                what = f"the images {other} and {repository} are pinned by the same digest, and a digest belongs to one image only"
                yield Finding("DigestOfTwoImages", where, what)


def _schema(text: str, defaults: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[Finding]:
    found, either = False, set()
    for match in _SCHEMA.finditer(text):
        found = True
        path, what = match["at"].strip("/").replace("/", ".").replace("~1", "/"), match["what"]
        unknown = _UNKNOWN.search(what)
        if unknown:
            for name in re.findall(r"'([^']+)'", unknown["names"]):
                first, _dot, rest = name.partition(".")
                hint = f"write nested maps instead of dots: {first}: {{{rest.replace('.', ': {')}: …{'}' * name.count('.')}" if rest else ""
                if not hint and setters(path) != setters(""):
                    hint = f"correct the key in {setters(path)} (the chart's README lists all keys)"
                sentence = f"the chart has no key {name!r}{_instead(name, path, defaults, schema)}"
                yield Finding("UnknownValue", f"values {path + '.' if path else ''}{name}", sentence, hint)
        elif what != "validation failed" and path not in either:  # of a part of it, which is said below
            form = _form(schema, path)
            if what in ("'anyOf' failed", "'oneOf' failed"):
                either.add(path)  # why it is none of them would be several lines that contradict each other
                what = "is in none of the forms that the chart accepts"
            elif form:
                what = re.sub(r" does not match pattern '.*'$", " is not in the form that the chart accepts", what)
            yield Finding("InvalidValue", f"values {path or '(top)'}", what, _how_to_write(what, form, setters(path)))
    if not found:
        yield Finding("InvalidValue", "values", " ".join(text.split()))


def _how_to_write(what: str, form: str, variables: str) -> str:
    wanted = re.search(r"got (\w+), want (?:null or )?(\w+)", what)
    if wanted and wanted[2] == "string" and wanted[1] in ("object", "array"):
        return f"write one text in {variables}, not a {'map' if wanted[1] == 'object' else 'list'}"
    if wanted and wanted[2] in _WRITE and wanted[2] != "string":
        return f"{_WRITE[wanted[2]]} in {variables}"
    limit = re.search(r"^(minimum|maximum): got [^,]+, want ([0-9.]+)$", what)
    if form:
        return f"write in {variables}: {form}"
    missing = re.fullmatch(r"missing property '(.+)'", what)
    if missing:
        return f"set {missing[1]} in {variables} (null removes the chart's own value)"
    if limit:
        return f"set the value to {limit[2]} or {'more' if limit[1] == 'minimum' else 'less'} in {variables}"
    return f"{_WRITE['string']} in {variables}" if wanted else f"write one of these values in {variables}" if "must be one of" in what else ""


def _form(schema: Mapping[str, Any], path: str) -> str:
    """What the chart's schema says of the value at a path; empty when it says nothing."""
    said = str(_described(schema, path).get("description") or "") if path else ""
    return (said if said[1:2].isupper() else said[:1].lower() + said[1:]).rstrip(".")


def _described(schema: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """The part of the schema for a path; empty when there is none."""
    here: Any = schema
    for part in (*filter(None, path.split(".")), None):
        while isinstance(here, Mapping) and ("$ref" in here or ("anyOf" in here and "description" not in here)):
            if "$ref" not in here:
                here = here["anyOf"][0]
                continue
            steps = str(here["$ref"]).removeprefix("#/").split("/")
            here = functools.reduce(lambda at, step: at.get(step, {}) if isinstance(at, Mapping) else {}, steps, schema)
        if not isinstance(here, Mapping):
            return {}
        if part is not None:
            here = here.get("items") if part.isdigit() else (here.get("properties") or {}).get(part, here.get("additionalProperties"))
    return here if isinstance(here, Mapping) else {}


def _instead(name: str, path: str, defaults: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """The end of a sentence about a key that is unknown: how it is written, or where the chart has it."""
    place = _PLACES.get(f"{path}.{name}") or ("" if path.startswith("adminUi") and name not in _OF_BOTH else _PLACES.get(name, ""))
    if place and place.partition(".")[0] in defaults:
        return f"; the chart has {place}"
    found = sorted((p for p in _paths(defaults) if f".{p}".endswith(f".{name}")), key=lambda p: (p.count("."), p))
    keys = (*map(str, section(defaults, *filter(None, path.split(".")))), *(_described(schema, path).get("properties") or ()))
    near = did_you_mean(next((key for key in keys if key.startswith(name)), name), keys)
    if near and (path or not found):
        return near
    if path == "database.cloudnativepg":
        return "; fields of the Cluster's spec belong in database.cloudnativepg.additionalSpec"
    inside = [p for p in found if path and p.startswith(f"{path}.")]
    return f"; the chart has {', '.join((inside or found)[:3])}" if found else ""


def _paths(values: Any, path: str = "") -> Iterator[str]:
    for key, inner in values.items() if isinstance(values, Mapping) else ():
        yield f"{path}{key}"
        yield from _paths(inner, f"{path}{key}.")
