# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster itself: reachable, which namespace, what the caller may do. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ...kube.objects import epoch
from ..facts import Picture, meta
from ..finding import Finding

#: words -> what helps where the kubeconfig is not to blame
CURES = (
    ("pip install", "install the package for the Python that runs ansible-playbook, then run the playbook again"),
    ("connect to proxy", "correct HTTPS_PROXY (HTTP_PROXY, oceans_llm_auth.proxy), or list the API server's host in NO_PROXY"),
)


def find(picture: Picture) -> Iterator[Finding]:
    if picture.unreachable:
        hint = next((cure for words, cure in CURES if words in picture.unreachable), "")
        yield Finding("ClusterUnreachable", "cluster", f"{picture.unreachable}; nothing was changed", hint)
        return
    yield from _namespace(picture)
    yield from _denied(picture)


def _namespace(picture: Picture) -> Iterator[Finding]:
    name = picture.wanted.namespace
    if picture.new_namespace:
        if not picture.wanted.create_namespace:
            hint = f"set oceans_llm_create_namespace: true, or create the namespace: kubectl create namespace {name}"
            yield Finding("NamespaceMissing", f"Namespace/{name}", f"does not exist on {picture.server}", hint)
        return
    namespace = picture.namespace or {}
    if (namespace.get("status") or {}).get("phase") != "Terminating" and not meta(namespace).get("deletionTimestamp"):
        return
    since = picture.now - epoch(meta(namespace).get("deletionTimestamp"))
    held = "; ".join(c["message"] for c in (namespace.get("status") or {}).get("conditions") or () if c.get("status") == "True" and c.get("message"))
    what = f"has been in phase Terminating for {since:.0f} s" + (f", blocked by: {held}" if held else "")
    look = f"to see what blocks the deletion: kubectl get namespace {name} -o yaml"
    hint = f"wait until the namespace is deleted, or set oceans_llm_namespace to another namespace; {look}"
    yield Finding("NamespaceTerminating", f"Namespace/{name}", what, hint)


def _denied(picture: Picture) -> Iterator[Finding]:
    by_resource: dict[tuple[str, str], list[str]] = {}
    for denied in picture.denied:
        by_resource.setdefault((denied.resource, denied.why), []).append(denied.verb)
    for (resource, why), verbs in by_resource.items():
        what = f"the caller lacks the permission to {', '.join(verbs)} {resource} in namespace {picture.wanted.namespace}; needed because {why}"
        yield Finding("NotAllowed", resource, what)
