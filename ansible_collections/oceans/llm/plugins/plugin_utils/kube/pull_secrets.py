# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Secret with credentials for registries, and the registry of an image. Credentials stay out of every text. Pure."""

from __future__ import annotations

import base64
import fnmatch
import json

#: type of a Secret -> its key (Kubernetes API)
TYPES = {"kubernetes.io/dockerconfigjson": ".dockerconfigjson", "kubernetes.io/dockercfg": ".dockercfg"}


def registry_of(image: str) -> str:
    """The registry's host of an image reference (the first part, when it looks like a host)."""
    first = image.split("/", 1)[0]
    return first if "/" in image and (":" in first or "." in first or first == "localhost") else "docker.io"


def judged(secret: object, name: str, registry: str) -> str:
    """Why the kubelet does not get credentials for a registry from a pull Secret; empty when it does, or when there is no Secret."""
    if not isinstance(secret, dict):
        return ""  # the kubelet's event names a Secret that does not exist
    key = TYPES.get(str(secret.get("type")))
    if key is None:
        return f"the kubelet ignores pull Secret/{name}, because its type is {secret.get('type')} and not kubernetes.io/dockerconfigjson"
    try:
        held = json.loads(base64.b64decode((secret.get("data") or {}).get(key) or ""))
        hosts = sorted(held["auths"] if key == ".dockerconfigjson" else held)
    except (ValueError, KeyError, TypeError):
        return f"key {key} of pull Secret/{name} is not valid JSON with the field auths"
    known = [host.removeprefix("https://").removeprefix("http://").partition("/")[0] for host in hosts]
    alike = any(fnmatch.fnmatch(registry, host) or (registry == "docker.io" and host.endswith("docker.io")) for host in known)
    return "" if alike else f"pull Secret/{name} has credentials for {', '.join(known) or 'no registry'}, and not for {registry}"
