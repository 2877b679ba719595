# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator does while the traffic goes on. One entry each; the order is that of a run."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from faults import kube
from faults.place import NEW

from .world import GATEWAY, World, evict


@dataclass(frozen=True)
class Cell:
    """`excepted`: why failures in it are counted and do not count."""

    name: str
    how: str
    do: Callable[[World], None]
    excepted: str = ""


def _nothing(world: World) -> None:
    del world


def _session_key(world: World) -> None:
    world.secrets["GATEWAY_IDENTITY_TOKEN_SECRET"] = secrets.token_urlsafe(40)
    world.run("rotate", oceans_llm_rotate=["session_key"])


def _provider_token(world: World) -> None:
    world.secrets["PROVIDER_TOKEN"] = world.tokens[1]
    world.run("rotate", oceans_llm_rotate=["provider_token"])


def _database_password(world: World) -> None:
    """A second login that acts as the first: both are good as long as pods with the first one drain."""
    place, password = world.place, secrets.token_urlsafe(12)
    second = f"{place.database}_second"
    place.server.psql(f"CREATE ROLE {second} LOGIN PASSWORD '{password}' IN ROLE {place.database};\nALTER ROLE {second} SET role = '{place.database}';\n")
    world.secrets["POSTGRES_URL"] = place.url(user=second, password=password)
    world.run("rotate", oceans_llm_rotate=["database_password"])
    if place.sql(f"SELECT count(*) > 0 FROM pg_stat_activity WHERE usename = '{second}';") != "t":
        raise kube.Broken("no session of the second login")


def _upgrade(world: World) -> None:
    world.version = NEW
    world.run("upgrade")


def _failed_upgrade(world: World) -> None:
    broken = {"gateway": {"extraEnv": [{"name": "STANDIN_CRASH", "value": "serve"}]}}
    world.run("upgrade", fails="rolled back: ", oceans_llm_values=broken, oceans_llm_on_failure="rollback")
    world.served(2)


def _rollback(world: World) -> None:
    world.run("upgrade", oceans_llm_values={"gateway": {"podAnnotations": {"load": "unwanted"}}})
    world.run("rollback", oceans_llm_rollback_to=str(world.place.revisions() - 1))


def _drained_node(world: World) -> None:
    """The role `checks` says that a node can be drained; then it is."""
    nodes = [world.add_node("second"), world.add_node("third")]
    kube.kubectl("cordon", kube.NODE)
    try:
        _evictions(world)
    finally:
        kube.kubectl("uncordon", kube.NODE)
    spread = {p["spec"]["nodeName"] for p in world.pods()}
    if spread != set(nodes):
        raise kube.Broken(f"the gateway pods are on {', '.join(sorted(spread))}, and not on {', '.join(nodes)}")
    world.run("checks")
    kube.kubectl("drain", nodes[0], "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=420s", timeout=440)
    world.served(2)
    left = [p["metadata"]["name"] for p in kube.get(world.place.namespace, "pod") if p["spec"].get("nodeName") == nodes[0]]
    if left:
        raise kube.Broken(f"pods are left on the drained {nodes[0]}: {', '.join(left)}")
    kube.kubectl("cordon", nodes[1])
    _evictions(world)  # home, because these nodes end with the run


def _evictions(world: World) -> None:
    for pod in [p["metadata"]["name"] for p in world.pods()]:
        kube.until(lambda pod=pod: evict(world.place.namespace, pod), 120, f"the PodDisruptionBudget never allowed the eviction of {pod}")  # type: ignore[misc]
    world.served(2)


def _scale(world: World) -> None:
    try:
        _to(world, 4)
    finally:  # what comes after it is about two
        _to(world, 2)


def _to(world: World, replicas: int) -> None:
    kube.kubectl("-n", world.place.namespace, "scale", "deployment", GATEWAY, f"--replicas={replicas}")
    world.served(replicas)


def _kill(world: World) -> None:
    kube.kubectl("-n", world.place.namespace, "delete", "pod", world.pods()[0]["metadata"]["name"], "--grace-period=0", "--force")
    time.sleep(1)  # the ReplicaSet controller answers at once, the Service's endpoints a little later
    world.served(2)


CELLS = (
    Cell("nothing happens", "no change; only the traffic", _nothing),
    Cell("rotation: session key", "the role `rotate` replaces the session key", _session_key),
    Cell("rotation: provider token", "the role `rotate` replaces the provider token; the provider accepts the old and the new token", _provider_token),
    Cell("upgrade", "the role `upgrade` upgrades from v0.23.0 to v0.24.0, with two migrations", _upgrade),
    Cell("failed upgrade with rollback", "the role `upgrade` with `oceans_llm_on_failure: rollback` deploys pods that crash, and rolls back", _failed_upgrade),
    Cell("rollback", "the role `upgrade` adds a pod annotation; then the role `rollback` rolls back to the previous revision", _rollback),
    Cell(
        "rotation: database password",
        "the role `rotate` replaces the database password by a second login, and waits until the pods with the old login have ended",
        _database_password,
    ),
    Cell("node drain", "both pods are evicted through the Eviction API, as `kubectl drain` does, within the PodDisruptionBudget", _evictions),
    Cell(
        "drained node",
        "three nodes, a gateway pod on each of two: the role `checks` runs, then `kubectl drain` of one of the two; then all pods move back to the first node",
        _drained_node,
    ),
    Cell("autoscaler up and down", "`kubectl scale` sets 4 replicas, then 2 again, as an autoscaler does", _scale),
    Cell("killed gateway pod", "`kubectl delete --force --grace-period=0` kills a pod", _kill, "a killed process finishes no request"),
)
