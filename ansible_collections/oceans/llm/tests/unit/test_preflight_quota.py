# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preflight: everything that a rollout adds at its peak, against the namespace's quotas."""

from __future__ import annotations

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.helm.releases import Release
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight.checks import quota
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight.facts import DryRun, Picture, Wanted

LIVE = Release("r", "ns", 3, "deployed")


def container(name="gateway", image="g:v2", cpu="500m", memory="256Mi", **more):
    return {"name": name, "image": image, "resources": {"requests": {"cpu": cpu, "memory": memory}}, **more}


def deployment(*containers, name="gw", replicas=4, strategy=None, **spec):
    template = {"metadata": {"annotations": {"checksum": "a"}}, "spec": {"containers": list(containers) or [container()], **spec}}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"replicas": replicas, "template": template, **({"strategy": strategy} if strategy else {})},
    }  # fmt: skip


def job(name="migrate", hook="post-install,post-upgrade", cpu="200m"):
    meta = {"name": name, "annotations": {"helm.sh/hook": hook}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": {"template": {"spec": {"containers": [container(cpu=cpu)]}}}}


def limited(hard, used=None, **spec):
    return {"metadata": {"name": "q"}, "spec": spec, "status": {"hard": hard, "used": used or {}}}


def found(hard, *objects, used=None, release=None, runs=(), **spec):
    picture = Picture(Wanted("r", "ns"), objects=objects, quotas=(limited(hard, used, **spec),), release=release, dry_runs=runs)
    return [f.sentence for f in quota.find(picture)]


@pytest.mark.parametrize(
    ("resource", "fits", "short", "says"),
    [
        ("requests.cpu", "2200m", "2199m", "requests.cpu: 2200m more"),  # 4 × 500m and the larger Job
        ("cpu", "2200m", "2199m", "cpu: 2200m more"),
        ("memory", "1280Mi", "1279Mi", "memory: 1280Mi more"),
        ("pods", "5", "4", "pods: 5 more"),
        ("count/pods", "5", "4", "count/pods: 5 more"),
    ],
)
def test_a_first_install_is_all_pods_and_the_larger_job(resource, fits, short, says):
    objects = (deployment(), job(), job("seed", cpu="100m"))
    assert found({resource: fits}, *objects) == []
    (sentence,) = found({resource: short}, *objects)
    assert says in sentence and f"limit (hard) {short}" in sentence


def test_jobs_before_the_release_are_gone_when_its_pods_come():
    assert found({"cpu": "2"}, deployment(), job(hook="pre-install,pre-upgrade")) == []


def live(*containers, replicas=4, annotation="a"):
    made = deployment(*containers, replicas=replicas)
    made["spec"]["template"]["metadata"]["annotations"] = {"checksum": annotation, "oceans.llm/digest": "x"}
    return DryRun("Deployment/gw", live=made)


@pytest.mark.parametrize(
    ("wanted", "run", "fits", "short"),
    [
        (deployment(), live(container(image="g:v1")), "500m", "499m"),  # 25 % of 4
        (deployment(), live(annotation="b"), "500m", "499m"),
        (deployment(replicas=6), live(), "1", "999m"),  # two more, nothing rolls
        (deployment(strategy={"rollingUpdate": {"maxSurge": 3}}), live(annotation="b"), "1500m", "1499m"),
    ],
    ids=["image", "configuration", "replicas", "surge"],
)
def test_an_upgrade_is_the_new_pods_beside_the_old_ones(wanted, run, fits, short):
    assert found({"cpu": fits}, wanted, release=LIVE, runs=(run,)) == []
    assert len(found({"cpu": short}, wanted, release=LIVE, runs=(run,))) == 1


def test_recreate_needs_no_room_and_a_run_without_a_change_neither():
    assert found({"cpu": "0"}, deployment(strategy={"type": "Recreate"}), release=LIVE, runs=(live(annotation="b"),)) == []
    assert "pods: 1 more" in found({"pods": "0"}, deployment(strategy={"type": "Recreate"}), job(), release=LIVE, runs=(live(annotation="b"),))[0]
    assert found({"cpu": "0", "pods": "0", "secrets": "0"}, deployment(), job(), release=LIVE, runs=(live(),)) == []


def test_a_pod_counts_as_the_api_server_admits_it():
    """Defaults of a LimitRange, and a sidecar of a mesh."""
    bare, admitted = {"name": "gateway", "image": "g"}, {"spec": {"containers": [container(), container("istio-proxy", cpu="100m", memory="128Mi")]}}
    run = DryRun("Deployment/gw", pod=True, made=admitted)
    assert "cpu: 600m more" in found({"cpu": "100m"}, deployment(bare, replicas=1), runs=(run,))[0]


def test_init_containers_run_one_at_a_time_and_native_sidecars_beside_all():
    init = [container("proxy", cpu="100m", restartPolicy="Always"), container("wait", cpu="900m")]
    assert "cpu: 1 more" in found({"cpu": "1m"}, deployment(replicas=1, initContainers=init))[0]


def test_new_objects_and_what_helm_and_the_collection_keep_in_secrets():
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "env"}}
    objects, runs = (secret, deployment(replicas=1)), (DryRun("Secret/env"), DryRun("Deployment/gw"))
    (sentence,) = found({"secrets": "2", "count/secrets": "2", "count/deployments.apps": "0"}, *objects, runs=runs)
    assert sentence.count(": 3 more") == 2 and "count/deployments.apps: 1 more" in sentence
    assert found({"secrets": "3", "count/deployments.apps": "1"}, *objects, runs=runs) == []


def test_what_a_dry_run_has_said_or_a_scope_leaves_out_is_not_said_again():
    refused = DryRun("Deployment/gw", 403, "Forbidden", 'pods "x" is forbidden: exceeded quota: q, requested: cpu=1, used: cpu=0, limited: cpu=0', pod=True)
    assert found({"cpu": "0"}, deployment(), runs=(refused,)) == []
    assert found({"pods": "0"}, deployment(), scopes=["Terminating"]) == []
