# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON schemas of Kubernetes for kubeconform, out of one package of PyPI, which has those of all versions; made strict, so that unknown fields are errors."""

from __future__ import annotations

import fcntl
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from chart_lib import cache

PACKAGE, SHA256 = "kubernetes-validate==1.37.0", "85136d018a27b50ec7fc049d902bfa5193f5976807e6c0f408e3ab6fe078cad9"
#: the newest three that are in it, the testbed's own node, and the oldest that Chart.yaml allows
VERSIONS = ("1.37", "1.36", "1.35", "1.34", "1.29")
REFERENCE = re.compile(r'"#/\$defs/([^"]+)"')
LOCATION = "{{.ResourceKind}}{{.KindSuffix}}.json"


def folder(version: str) -> Path:
    """Where the schemas of this version are; made on first use."""
    home = cache() / "schemas" / f"{PACKAGE.partition('==')[2]}-{version}"
    home.parent.mkdir(parents=True, exist_ok=True)
    with (home.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not home.is_dir():
            made = home.with_suffix(".making")
            made.mkdir(exist_ok=True)
            with zipfile.ZipFile(_package(home.parent)) as wheel:
                files = {Path(m).name: m for m in wheel.namelist() if f"/v{version}.0-local/" in m and m.endswith(".json")}
                definitions = _strict(json.loads(wheel.read(files.pop("_definitions.json"))))["$defs"]
                for name, member in files.items():
                    schema = _strict(json.loads(wheel.read(member)))
                    (made / name).write_text(json.dumps({**schema, "$defs": _used(schema, definitions)}))
            made.rename(home)
    return home


def _package(home: Path) -> Path:
    found = next(home.glob("kubernetes_validate-*.whl"), None)
    if found is None:
        requirement = home / "requirement.txt"
        requirement.write_text(f"{PACKAGE} --hash=sha256:{SHA256}\n")
        pip = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", "--require-hashes", "-r", str(requirement)]
        subprocess.run([*pip, "-d", str(home)], check=True, timeout=300)
        found = next(home.glob("kubernetes_validate-*.whl"))
    return found


def _strict(schema: Any) -> Any:
    """No fields besides those that the schema names, and references within one file."""
    if isinstance(schema, list):
        return [_strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _strict(value) for key, value in schema.items()}
    if isinstance(found.get("$ref"), str):
        found["$ref"] = found["$ref"].removeprefix("/api/_definitions.json")
    if isinstance(schema.get("properties"), dict) and not isinstance(schema.get("type"), dict):
        found.setdefault("additionalProperties", False)
    return found


def _used(schema: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """The definitions that a schema refers to, and those that they refer to."""
    found: dict[str, Any] = {}
    names = set(REFERENCE.findall(json.dumps(schema)))
    while names - found.keys():
        for name in names - found.keys():
            found[name] = definitions[name]
            names = names | set(REFERENCE.findall(json.dumps(found[name])))
    return found
