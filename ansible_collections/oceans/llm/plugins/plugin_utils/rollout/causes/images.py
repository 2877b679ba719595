# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images that cannot be pulled. The registry's answer tells certain from passing, and it comes first in an event.

The kubelet's event `Failed to pull image` is about a second earlier than the container's status, and
`ImagePullBackOff` comes last of all; the status is read too, because an event may be lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ...kube.objects import Object, about_container, container_spec, containers, meta, name_of, ref, seen_at, waiting
from ..model import Cause, Snapshot, events_of, since, starting
from .cause import cause, rule

PULLING = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed")
#: (what the text says, code, sentence); the first that fits. Containerd, CRI-O and Docker word it differently: the status code counts
TEXTS: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), code, sentence)
    for pattern, code, sentence in (
        (
            r"InvalidImageName|couldn't parse image|invalid reference format|failed to apply default image tag",
            "ImageNameInvalid",
            "the image name {image} cannot be parsed",
        ),
        (r"ErrImageNeverPull|pull policy of Never", "ImageNeverPulled", "the image {image} is not on the node and its pull policy is Never"),
        (
            r"no match(ing manifest)? for (platform|linux)|no matching manifest|image operating system .* cannot be used|does not match the specified platform",
            "ImageArchitecture",
            "the image {image} has no build for the node's architecture",
        ),
        (
            r"HTTP response to HTTPS client|x509: |certificate signed by unknown authority|tls: failed to verify",
            "ImageInsecureRegistry",
            "the node does not trust the registry {registry}",
        ),
        (
            r"status(?: code)?[^\n]{0,60}\b429\b|\b429 Too|too ?many ?requests|rate limit",
            "ImageRateLimited",
            "the registry {registry} limits the rate of pulls (429)",
        ),
        (
            r"status(?: code)?[^\n]{0,60}\b40[13]\b|unauthorized|\b403 Forbidden|"
            r"pull access denied|access denied|denied: |authorization failed|authentication required|no basic auth credentials",
            "ImageDenied",
            "the registry {registry} denies the image {image}",
        ),
        (r"proxyconnect", "ImageRegistryError", "the node's HTTP proxy for the registry {registry} does not work"),
        (
            r"\b5\d\d (Internal|Bad|Service|Gateway|[A-Z])|status(?: code)?[^\n]{0,40}\b5\d\d\b",
            "ImageRegistryError",
            "the registry {registry} fails (5xx)",
        ),
        (
            r"no such host|server misbehaving|temporary failure in name resolution|lookup .* on .*:53",
            "ImageRegistryError",
            "the registry's name {registry} cannot be resolved by the node",
        ),
        (r"connection refused|no route to host|network is unreachable", "ImageRegistryError", "the registry {registry} refuses the connection"),
        (
            r"i/o timeout|deadline exceeded|handshake timeout|connection reset|unexpected EOF|: EOF|broken pipe|context canceled",
            "ImageRegistryError",
            "the registry {registry} does not answer in time",
        ),
        (
            r"code = NotFound|\b404 Not Found|status(?: code)?[^\n]{0,60}\b404\b|"
            r"manifest unknown|name unknown|not known to registry|: not found|repository does not exist",
            "ImageNotFound",
            "the registry {registry} has no image {image}",
        ),
        (r"", "ImagePullFailed", "the image {image} cannot be pulled"),
    )
)


def classify(text: str) -> tuple[str, str]:
    """(code, sentence with {image} and {registry}) for what a kubelet says about a pull."""
    return next((code, sentence) for pattern, code, sentence in TEXTS if pattern.search(text))


@rule(10)
def images(snapshot: Snapshot) -> Iterator[Cause]:
    """Every container that waits for its image and whose last pull failed."""
    for kind, owner, pod in starting(snapshot):
        for status, _init in containers(pod):
            if not _waits(status):
                continue
            text, begun = _last_failure(snapshot, pod, status)
            if text:
                yield _cause(snapshot, pod, status, text, begun, f"{kind}/{owner}")


def _waits(status: Object) -> bool:
    state = status.get("state") or {}
    return (
        "running" not in state and "terminated" not in state and waiting(status).get("reason") in (None, "", "ContainerCreating", "PodInitializing", *PULLING)
    )


def _last_failure(snapshot: Snapshot, pod: Object, status: Object) -> tuple[str, float]:
    """What the newest pull said, and since when pulls fail; empty when none failed, or a later one went well."""
    own = [e for e in events_of(snapshot, "Pod", name_of(pod)) if _about(e, status["name"], pod)]
    pulled = max((seen_at(e) for e in own if e.get("reason") == "Pulled"), default=0.0)
    failed = [e for e in own if _is_failure(e) and seen_at(e) >= pulled]
    if failed:
        return failed[-1].get("message") or "", min(since(e, snapshot) for e in failed)
    state = waiting(status)
    if state.get("reason") in PULLING and not pulled:
        return f"{state['reason']}: {state.get('message') or ''}", snapshot.now
    return "", 0.0


def _about(event: Object, name: str, pod: Object) -> bool:
    return about_container(event, name) and (event.get("involvedObject") or {}).get("uid") in (None, "", meta(pod).get("uid"))


def _is_failure(event: Object) -> bool:
    text = event.get("message") or ""
    return event.get("reason") in ("Failed", "InspectFailed", "ErrImageNeverPull") and (
        "pull image" in text or "image tag" in text or "parse image" in text or "pull policy of Never" in text
    )


def _cause(snapshot: Snapshot, pod: Object, status: Object, text: str, begun: float, owner: str) -> Cause:
    image = container_spec(pod, status["name"]).get("image") or status.get("image") or "?"
    code, sentence = classify(text)
    names: dict[str, Any] = {"image": image, "registry": registry_of(image), "repository": image.rsplit("@", 1)[0].rsplit(":", 1)[0]}
    return cause(
        code,
        snapshot,
        ref(pod),
        sentence.format(**names) + f" (for {owner})",
        _short(text),
        since=begun,
        container=status["name"],
        pull_secrets=_pull_secrets(pod, names["registry"]),
        **names,
    )


def registry_of(image: str) -> str:
    """The registry's host of an image reference (the first part, when it looks like a host)."""
    first = image.split("/", 1)[0]
    return first if "/" in image and (":" in first or "." in first or first == "localhost") else "docker.io"


def _pull_secrets(pod: Object, registry: str) -> str:
    names = [s.get("name") for s in (pod.get("spec") or {}).get("imagePullSecrets") or ()]
    if names:
        return f"check the pull Secret {', '.join(map(str, names))}: it must exist, be of type kubernetes.io/dockerconfigjson and hold {registry}"
    return f"the pod has no imagePullSecrets: create one for {registry} and set imagePullSecrets in oceans_llm_values"


def _short(text: str) -> str:
    """The registry's answer, without containerd's repetition of the reference."""
    text = " ".join(text.split())
    tail = text.rsplit("failed to resolve reference ", 1)
    return tail[1] if len(tail) == 2 else text
