# SPDX-License-Identifier: GPL-3.0-or-later
"""What the chart's tests share: real Helm, objects instead of text, and the few values that let a render succeed."""

from __future__ import annotations

import base64
import copy
import functools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).resolve().parent.parent
ROOT = CHART.parent.parent
EXAMPLES = sorted((CHART / "examples").glob("*.yaml"))
HELMS = ("helm4", "helm3")

Values = Mapping[str, Any]
Object = dict[str, Any]

#: the one thing the defaults can't know: which Secret holds the PostgreSQL URL
DATABASE: dict[str, Any] = {"database": {"external": {"existingSecret": {"name": "pg"}}}}

# C's loader is ten times faster, and the tests parse thousands of documents
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class HelmError(Exception):
    """Helm said no; str() is all it printed."""


def cache() -> Path:
    home = os.environ.get("OCEANS_LLM_CACHE") or os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "oceans-llm")
    return Path(home)


def program(name: str) -> str:
    """Path of a tool: the project's own build first, then PATH."""
    own = cache() / "bin" / name
    found = str(own) if own.is_file() else shutil.which(name)
    if not found:
        raise RuntimeError(f"{name} is neither in {own.parent} nor on PATH; `make setup chart` builds it (testbed/tools.sh)")
    return found


def helm(*args: str, binary: str = "helm4", stdin: str | None = None, timeout: float = 300, env: Mapping[str, str] | None = None) -> str:
    """Run Helm, give back what it printed; HelmError when it fails."""
    done = subprocess.run(
        [program(binary), *args], input=stdin, capture_output=True, text=True, timeout=timeout, check=False, env={**os.environ, **(env or {})}
    )
    if done.returncode:
        raise HelmError(done.stderr + done.stdout)
    return done.stdout


def merged(*values: Values) -> dict[str, Any]:
    """Maps merged like Helm merges values files: deep for maps, later ones win."""
    result: dict[str, Any] = {}
    for layer in values:
        for key, value in layer.items():
            if isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
                result[key] = merged(result[key], value)
            else:
                result[key] = copy.deepcopy(value)
    return result


def at(path: str, value: Any) -> dict[str, Any]:
    """`a.b.c` and a value as nested maps."""
    for key in reversed(path.split(".")):
        value = {key: value}
    return value


def text(values: Values | Path = DATABASE, *, release: str = "r", namespace: str = "ns", binary: str = "helm4", args: Sequence[str] = ()) -> str:
    """What `helm template` prints."""
    if isinstance(values, Path):
        return _template(release, namespace, str(values), None, binary, tuple(args))
    # as JSON: Helm reads YAML 1.1, where a bare y is true
    return _template(release, namespace, "-", json.dumps(values), binary, tuple(args))


@functools.lru_cache(maxsize=256)
def _template(release: str, namespace: str, file: str, values: str | None, binary: str, args: tuple[str, ...]) -> str:
    return helm("template", release, str(CHART), "-n", namespace, "-f", file, *args, binary=binary, stdin=values)


def parse(rendered: str) -> list[Object]:
    return [doc for doc in yaml.load_all(rendered, Loader=LOADER) if doc]


def render(values: Values | Path = DATABASE, **kwargs: Any) -> list[Object]:
    """The rendered objects. A key that stands twice in a map is an error: YAML parsers keep the last one, silently."""
    rendered = text(values, **kwargs)
    _no_duplicate_keys(rendered)
    return parse(rendered)


def _no_duplicate_keys(rendered: str) -> None:
    for document in yaml.compose_all(rendered, Loader=LOADER):
        stack: list[Any] = [document]
        while stack:
            node = stack.pop()
            if isinstance(node, yaml.MappingNode):
                keys = [key.value for key, _ in node.value]
                assert len(keys) == len(set(keys)), f"key twice in {keys}"
                stack.extend(value for _, value in node.value)
            elif isinstance(node, yaml.SequenceNode):
                stack.extend(node.value)


def refused(values: Values, **kwargs: Any) -> str:
    """What Helm says to values it refuses."""
    try:
        rendered = text(values, **kwargs)
    except HelmError as error:
        return str(error)
    raise AssertionError(f"not refused: {values}\n{rendered[:300]}")


def problems(values: Values, **kwargs: Any) -> list[str]:
    """The numbered sentences of templates/validations.yaml."""
    said = refused(values, **kwargs)
    lines = [line.strip() for line in said.splitlines()]
    found = [line.split(". ", 1)[1] for line in lines if line[:1].isdigit() and ". " in line[:4]]
    assert found, f"refused, but not by the validations: {said}"
    return found


def named(objects: Sequence[Object], kind: str, suffix: str = "", *, hook: bool | None = None) -> Object:
    """The one object of a kind whose name ends like this."""
    found = [o for o in objects if o["kind"] == kind and o["metadata"]["name"].endswith(suffix) and (hook is None or hook == bool(hooks_of(o)))]
    assert len(found) == 1, f"{kind} *{suffix}: {[o['metadata']['name'] for o in found]} of {[(o['kind'], o['metadata']['name']) for o in objects]}"
    return found[0]


def kinds(objects: Sequence[Object]) -> list[str]:
    return sorted(o["kind"] for o in objects)


def hooks_of(obj: Object) -> set[str]:
    return {h for h in (obj["metadata"].get("annotations") or {}).get("helm.sh/hook", "").split(",") if h}


def get(obj: Any, path: str) -> Any:
    """`spec.template.spec.containers[0].image`; a key with dots in it goes in quotes: annotations."a.b/c"."""
    for part in _parts(path):
        if isinstance(part, int):
            obj = obj[part]
        elif obj is None:
            return None
        else:
            obj = obj.get(part)
    return obj


def _parts(path: str) -> Iterator[str | int]:
    while path:
        if path[0] == '"':
            part, _, path = path[1:].partition('"')
            yield part
        elif path[0] == "[":
            part, _, path = path[1:].partition("]")
            yield int(part)
        else:
            stop = min((i for i in (path.find("."), path.find("[")) if i >= 0), default=len(path))
            yield path[:stop]
            path = path[stop:]
        path = path.removeprefix(".")


def template_of(obj: Object) -> Object | None:
    """The pod template of a workload; a Pod is its own."""
    if obj["kind"] in ("Deployment", "Job"):
        return obj["spec"]["template"]
    return obj if obj["kind"] == "Pod" else None


def templates(objects: Sequence[Object]) -> dict[str, Object]:
    """Pod templates by component."""
    found = [t for t in map(template_of, objects) if t]
    return {t["metadata"]["labels"]["app.kubernetes.io/component"]: t for t in found}


def pod_of(obj: Object, namespace: str, name: str) -> Object:
    """A Pod as the controller would make it from the object's template."""
    template = copy.deepcopy(template_of(obj))
    assert template is not None
    meta = {k: v for k, v in template["metadata"].items() if k in ("labels", "annotations")}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {**meta, "name": name, "namespace": namespace}, "spec": template["spec"]}


def containers(template: Object) -> list[Object]:
    return [*template["spec"].get("initContainers", []), *template["spec"]["containers"]]


def container(template: Object, name: str) -> Object:
    return next(c for c in containers(template) if c["name"] == name)


def gateway_containers(objects: Sequence[Object]) -> dict[str, Object]:
    """Every container that runs a gateway command on the gateway's environment, by name."""
    return {
        c["name"]: c
        for t in templates(objects).values()
        for c in containers(t)
        if c["name"] in ("gateway", "wait-for-migrations", "wait-for-database", "migrate", "bootstrap-admin", "seed-config")
    }


def env(c: Object) -> dict[str, Any]:
    return {e["name"]: e.get("value", e.get("valueFrom")) for e in c.get("env", [])}


def secret_data(obj: Object) -> dict[str, str]:
    return {k: base64.b64decode(v).decode() for k, v in (obj.get("data") or {}).items()}


def gateway_yaml(objects: Sequence[Object]) -> Any:
    return yaml.safe_load(named(objects, "ConfigMap", "-config", hook=False)["data"]["gateway.yaml"])


@functools.cache
def schema() -> Any:
    return json.loads((CHART / "values.schema.json").read_text())


def default_values() -> Any:
    return yaml.safe_load((CHART / "values.yaml").read_text())
