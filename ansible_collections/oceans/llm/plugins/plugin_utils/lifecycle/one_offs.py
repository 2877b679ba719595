# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One command of the gateway program as a one-off Job, followed like every rollout: live lines, a cause within seconds, what it printed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..gateway import one_off_job
from ..kube import paths
from ..kube.client import Cluster
from ..kube.objects import JOB_NAME
from ..rollout import conclusion
from ..rollout.follow import Follower
from ..rollout.model import Scope
from ..rollout.verdict import State
from .deployed import Gateway, NotPossible


def run(cluster: Cluster, gateway: Gateway, release: str, command: Sequence[str], timeout: int, say: Callable[[str], None]) -> str:
    """What the program printed. :raises NotPossible: with the cause, when it failed."""
    namespace = gateway.namespace
    body = one_off_job.job(gateway.deployment, command, prefix=f"{release}-{command[0]}", component=command[0], deadline=timeout)
    name = cluster.create(paths.jobs(namespace), body)["metadata"]["name"]
    say(f"running `gateway {' '.join(command)}` as Job/{name}")
    follower = Follower(cluster, Scope(deployments=(), jobs=(name,), namespace=namespace, release=release), say, timeout + 30)
    follower.start()
    outcome = follower.run(None)
    if outcome.state is State.FAILED and outcome.cause:
        raise NotPossible(conclusion.sentence(outcome.cause, outcome))
    pods = cluster.list(paths.pods(namespace), labelSelector=f"{JOB_NAME}={name}")["items"]
    return cluster.logs(namespace, pods[-1]["metadata"]["name"], command[0]) if pods else ""
