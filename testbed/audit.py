#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people and tools asked of the cluster and wrote into it, by the API server's own account (kind/audit-policy.yaml).

    audit.py NAMESPACE SINCE     SINCE: 2026-01-31T12:00:00

Prints JSON, lists of requests by their sort: `writes` (stored), `dry_runs` and `reviews` (questions that are asked with a write's verb,
and leave nothing), `reads`. Requests of nodes, service accounts and the cluster's own parts are not in it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

LOGS = "/var/log/kubernetes"
SORTS = ("writes", "dry_runs", "reviews", "reads")


def sort_of(event: dict) -> str:
    if event["verb"] in ("get", "list", "watch"):
        return "reads"
    if (event.get("objectRef") or {}).get("apiGroup") in ("authorization.k8s.io", "authentication.k8s.io"):
        return "reviews"
    return "dry_runs" if "dryRun=All" in event["requestURI"] else "writes"


def events(since: str) -> Iterator[dict]:
    """Requests received since then, each once: a watch is told of at its beginning and at its end."""
    node = os.environ.get("OCEANS_LLM_CLUSTER", "oceans-llm") + "-control-plane"
    log = subprocess.run(["docker", "exec", node, "sh", "-c", f"cat {LOGS}/audit*.log"], capture_output=True, text=True, check=True).stdout
    seen = set()
    for event in map(json.loads, log.splitlines()):
        if event["requestReceivedTimestamp"] >= since and event["auditID"] not in seen:
            seen.add(event["auditID"])
            yield event


def about(event: dict, namespace: str) -> bool:
    """An access review belongs to no namespace; what it asks about is not in the log at this level."""
    reference = event.get("objectRef") or {}
    return sort_of(event) == "reviews" or namespace in (reference.get("namespace"), reference.get("name"))


def requests(namespace: str, since: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {sort: [] for sort in SORTS}
    for event in events(since):
        if about(event, namespace):
            found[sort_of(event)].append(f"{event['verb']} {event['requestURI']} {event.get('responseStatus', {}).get('code')} {event.get('userAgent', '')}")
    return found


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: audit.py NAMESPACE SINCE")
    print(json.dumps(requests(*sys.argv[1:]), indent=1))
