# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the chart: pytest over rendered objects, and a real cluster.

Why pytest and not helm-unittest: helm-unittest renders with an engine of its own. These tests run the real Helm, both versions
that users have (4 and 3), in one language with the tests against the API server, and hypothesis can feed them.

    python -m pytest -n 2 charts/oceans-llm/tests -m "not cluster and not contour"    # rendering only
    python -m pytest -n 4 charts/oceans-llm/tests -m cluster          # needs KUBECONFIG (make up)
    python -m pytest charts/oceans-llm/tests -m contour               # the same, and a controller that is built first
    UPDATE_GOLDEN=1 python -m pytest charts/oceans-llm/tests -k golden    # write the golden renders again

Without a cluster the second kind fails with a sentence; it is never skipped.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))

from cluster_lib import Kubectl, Namespace, Postgres, connect, ensure_crds, shared  # noqa: E402 - the folder's name is no package name

# A render takes 0.1 to 0.2 s: few examples, no deadline. HYPOTHESIS_EXAMPLES=500 looks harder.
settings.register_profile(
    "chart", deadline=None, max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "20")), suppress_health_check=list(HealthCheck), database=None
)
settings.load_profile("chart")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "cluster: needs the kind cluster (make up)")
    config.addinivalue_line("markers", "contour: needs the kind cluster, and builds Contour (make chart-contour)")


#: tests on the cluster that take longest, by the beginning of their names, the longest first: what begins last should be short
LONGEST = (
    *("route_and_ingress", "gitops", "openshift_takes", "injected", "released_chart", "in_place", "database_by_parts"),
    *("example_installs[observability", "example_installs[inline", "trap_01_early", "trap_04", "traps_05", "example_installs", "the_kubelet"),
    *("trap_07_a_missing", "traps_02", "trap_14_switching"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        beginnings = (n for n, name in enumerate(LONGEST) if item.name.startswith(f"test_{name}") and item.get_closest_marker("cluster"))
        return next(beginnings, len(LONGEST))

    items.sort(key=rank)


@pytest.fixture(params=["helm4", "helm3"])
def binary(request: pytest.FixtureRequest) -> str:
    """Both Helms, one after the other."""
    return request.param


@pytest.fixture(scope="session")
def kubectl() -> Kubectl:
    return connect()


@pytest.fixture(scope="session")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this run see."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def postgres(kubectl: Kubectl, together: Path) -> Iterator[Postgres]:
    with shared(together / "postgres", Postgres.up, lambda _: Postgres.down()):
        yield Postgres(kubectl)


@pytest.fixture(scope="session")
def dry(kubectl: Kubectl) -> Iterator[Namespace]:
    """A namespace for dry runs, which leave nothing in it."""
    namespace = Namespace(kubectl)
    yield namespace
    namespace.delete()


@pytest.fixture
def ns(kubectl: Kubectl, postgres: Postgres) -> Iterator[Namespace]:
    namespace = Namespace(kubectl, postgres)
    yield namespace
    namespace.delete()


@pytest.fixture(scope="session")
def crds(kubectl: Kubectl, together: Path) -> Iterator[None]:
    """Types of CloudNativePG and External Secrets Operator; those that were missing go again."""

    def remove(added: list[str]) -> None:
        for name in added:
            kubectl.run("delete", "crd", name, "--wait=false", check=False)

    with shared(together / "crds", lambda: ensure_crds(kubectl), remove):
        yield
