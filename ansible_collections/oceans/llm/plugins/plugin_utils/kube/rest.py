# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""REST paths that are worked out from an object, by the one rule that all of the Kubernetes API follows."""

from __future__ import annotations

from urllib.parse import quote

GROUPS = "/apis"
DEPLOYMENTS = "/apis/apps/v1/deployments"  # of all namespaces
INGRESS_CLASSES = "/apis/networking.k8s.io/v1/ingressclasses"
STORAGE_CLASSES = "/apis/storage.k8s.io/v1/storageclasses"


def version(api_version: str) -> str:
    """`v1` or `apps/v1`: where its resources are listed (discovery) and live."""
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def collection(api_version: str, plural: str, namespace: str = "") -> str:
    where = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
    return f"{version(api_version)}{where}/{plural}"


def item(api_version: str, plural: str, namespace: str, name: str) -> str:
    return f"{collection(api_version, plural, namespace)}/{quote(name, safe='')}"
