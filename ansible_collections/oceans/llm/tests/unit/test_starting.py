# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signs of trouble between a pod's creation and its readiness, each with a code of its own and the time that it is given."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.codes import Certainty
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.process import Helm
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import baseline
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import waits as waits_for
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes import find, readiness
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.look import completed
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.model import Scope
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.verdict import State, judge
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.watch import World

from .test_causes import NOW, deployment, event, obj, pod, ready, replicaset, snapshot, stamp, waits
from .test_waits import WEB, over, running_init, upgrade

FATAL, RETRYABLE = Certainty.FATAL, Certainty.RETRYABLE


def only(picture):
    (found,) = find(picture)
    return found


# --- nobody acts -------------------------------------------------------------------------------------------------------


def unscheduled(ago=12, **spec):
    return upgrade(pod(containers=[], spec={"nodeName": None, **spec}, ago=ago))


def test_a_scheduler_that_says_nothing_is_named_after_some_seconds():
    assert find(unscheduled(ago=8)) == []
    found = only(unscheduled())
    assert (found.code, found.certainty, found.object) == ("SchedulerSilent", RETRYABLE, "Pod/web-1-a") and "default-scheduler" in found.cause
    assert "mine" in only(unscheduled(schedulerName="mine")).cause
    told = event("e", "web-1-a", "FailedScheduling", "0/1 nodes are available: 1 Insufficient cpu.")
    picture = upgrade(pod(containers=[], spec={"nodeName": None}, ago=12), told)
    assert only(picture).code == "Unschedulable"


def test_a_scheduling_gate_is_no_lack_of_nodes():
    gated = {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "message": "Scheduling is blocked due to non-empty gates"}
    picture = upgrade(pod(containers=[], status={"conditions": [gated]}, spec={"nodeName": None, "schedulingGates": [{"name": "kueue.x-k8s.io/admission"}]}))
    found = only(picture)
    assert found.code == "SchedulingGated" and "kueue.x-k8s.io/admission" in found.cause


@pytest.mark.parametrize(
    "thing",
    [
        obj("Deployment", "web", ago=15, metadata={"generation": 2}, spec={"replicas": 1}, status={"observedGeneration": 1}),
        obj("Job", "mig", ago=15, spec={}),
    ],
    ids=lambda t: t["kind"],
)
def test_a_controller_that_does_nothing_is_named(thing):
    scope = Scope(("web",) if thing["kind"] == "Deployment" else (), ("mig",) if thing["kind"] == "Job" else (), "ns", "rel")
    found = only(snapshot(thing, scope=scope))
    assert (found.code, found.object) == ("ControllerSilent", f"{thing['kind']}/{thing['metadata']['name']}") and "kube-controller-manager" in found.cause
    assert find(snapshot(thing, scope=scope, now=NOW - 8)) == []


def test_a_replicaset_without_pods_is_named_and_one_whose_controller_has_seen_it_is_not():
    empty = {**replicaset(), "status": {}}
    empty["metadata"] |= {"generation": 1, "creationTimestamp": stamp(15)}
    assert only(snapshot(deployment(), empty, scope=WEB, started=NOW - 60)).code == "ControllerSilent"
    assert find(snapshot(deployment(), {**empty, "status": {"observedGeneration": 1}}, scope=WEB)) == []


def test_a_job_that_another_controller_manages_says_by_whom():
    picture = snapshot(obj("Job", "mig", ago=15, spec={"managedBy": "kueue.x-k8s.io/multikueue"}), scope=Scope((), ("mig",), "ns", "rel"))
    assert "kueue.x-k8s.io/multikueue" in only(picture).cause


def test_a_suspended_job_names_the_queue_that_holds_it():
    job = obj("Job", "mig", metadata={"labels": {"kueue.x-k8s.io/queue-name": "batch"}}, spec={"suspend": True}, status={})
    found = only(snapshot(job, scope=Scope((), ("mig",), "ns", "rel")))
    assert found.code == "JobSuspended" and "Kueue" in found.cause and "batch" in found.cause and found.budget == 600, "a queue is there to wait in"
    assert "raise the quota of the queue" in found.hint and "kubectl -n ns describe workloads.kueue.x-k8s.io" in found.hint
    assert only(snapshot({**job, "metadata": {**job["metadata"], "labels": {}}}, scope=Scope((), ("mig",), "ns", "rel"))).budget == 60


# --- the node ----------------------------------------------------------------------------------------------------------

CNI = 'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "1": plugin type="calico" failed (add): timeout'


@pytest.mark.parametrize(
    ("reason", "message", "words"),
    [
        ("FailedCreatePodSandBox", CNI.replace("timeout", "a thing that no one knows"), "network plugin (CNI) calico returns an error: a thing that no one"),
        ("FailedCreatePodSandBox", CNI.replace("timeout", "add cmd: failed to assign an IP address to container"), "no IP address is free for the pod"),
        ("FailedCreatePodSandBox", CNI.replace("timeout", "Failed to allocate address: No available addresses"), "no IP address is free for the pod"),
        (
            "NetworkNotReady",
            "network is not ready: container runtime network not ready: NetworkReady=false cni plugin not initialized",
            "network of the node is not ready",
        ),
        ("FailedCreatePodSandBox", "Failed to create pod sandbox: rpc error: failed to get runtime: no handler for x", "container runtime returns an error"),
        ("FailedCreatePodSandBox", 'failed to get sandbox runtime: no runtime for "gv" is configured', "no handler gv (RuntimeClass None)"),
        ("FailedPrepareDynamicResources", "Failed to prepare dynamic resources: no driver", "container runtime returns an error"),
        ("FailedPrepareDynamicResources", "Failed to prepare: DRA driver gpu.nvidia.com is not registered", "the DRA driver gpu.nvidia.com is not registered"),
        (
            "FailedCreatePodSandBox",
            CNI.replace("timeout", 'failed to find plugin "calico" in path [/opt/cni/bin]'),
            "program of the network plugin (CNI) calico",
        ),
        ("FailedCreatePodSandBox", CNI.replace("timeout", "stat /var/lib/calico/nodename: no such file"), "agent of the network plugin (CNI) calico"),
        ("FailedCreatePodSandBox", CNI.replace("timeout", "connection is unauthorized: Unauthorized"), "refuses the credentials of the network plugin"),
        ("FailedCreatePodSandBox", CNI.replace("timeout", 'Get "https://[10.96.0.1]:443/api/v1/x": dial tcp: i/o timeout'), "does not reach the API server"),
        ("FailedCreatePodSandBox", 'failed to get sandbox image "reg/pause:3.8": failed to pull image', "image reg/pause:3.8 of the sandbox cannot be pulled"),
        ("FailedCreatePodSandBox", 'failed to reserve sandbox name "x_0": name "x_0" is reserved for "62d7"', "slow or hangs"),
        ("FailedCreatePodSandBox", "failed to create shim task: context deadline exceeded: unknown", "slow or hangs"),
        ("FailedCreatePodSandBox", "initializing source docker://reg/pause:3.9: pinging container registry reg: x", "image reg/pause:3.9 of the sandbox"),
        ("FailedCreatePodSandBox", CNI.replace("timeout", "dial tcp 127.0.0.1:10090: connect: connection refused"), "calico does not run on the node"),
        ("FailedCreatePodSandBox", "failed to start shim: fork/exec /x: resource temporarily unavailable", "no free process ids"),
        ("FailedCreatePodSandBox", "Could not access KVM kernel module: No such file or directory", "no hardware virtualization"),
        ("FailedCreatePodSandBox", "unable to apply cgroup configuration: no space left on device", "the node cannot create the cgroup"),
    ],
)
def test_a_sandbox_that_cannot_be_created_is_named(reason, message, words):
    found = only(upgrade(pod(containers=[waits()]), event("e", "web-1-a", reason, message)))
    assert found.code == "SandboxFailed" and words in found.cause and "node n1" in found.cause and found.evidence == message and "{" not in found.hint
    running = pod(containers=[{**waits(), "containerID": "c"}])
    assert find(upgrade(running, event("e", "web-1-a", reason, message))) == []


def refused(reason, count, *others, node="", message=""):
    """Pods that a kubelet did not admit, oldest first."""
    status = {"phase": "Failed", "reason": reason, "message": message or f"Pod was rejected: {reason}"}
    gone = [pod(f"web-1-{n}", status=status, ago=40 - n) for n in range(count)]
    objects = (pod("web-1-z", ago=1), *gone, *others)
    return pinned(*objects, node=node) if node else upgrade(*objects)


def pinned(new, *more, node="ghost"):
    """The pod template names a node."""
    picture = upgrade(new, *more)
    for thing in (picture.objects["Deployment"]["web"], picture.objects["ReplicaSet"]["web-1"]):
        thing["spec"]["template"] = {"spec": {"nodeName": node}}
    return picture


@pytest.mark.parametrize("reason", ["SysctlForbidden", "AppArmor", "TopologyAffinityError", "PodOSNotSupported", "OfTomorrow"])
def test_a_pod_that_the_kubelet_does_not_admit_is_named(reason):
    found = only(refused(reason, 1))
    assert (found.code, found.certainty, found.object) == ("PodRejected", RETRYABLE, "Pod/web-1-0") and found.budget == 60
    assert found.cause == f"the kubelet of node n1 does not admit the pod of Deployment/web: {reason}" and found.evidence == f"Pod was rejected: {reason}"


@pytest.mark.parametrize("reason", ["OutOfcpu", "OutOfnvidia.com/gpu", "NodeAffinity", "NodeShutdown", "UnexpectedAdmissionError", "SysctlForbidden"])
def test_many_pods_that_the_kubelet_does_not_admit_are_one_cause_whose_sentence_does_not_change(reason):
    """A sentence with their number would be a line for each pod, some of them a second."""
    found, later = only(refused(reason, 2)), only(refused(reason, 9))
    assert (found.code, found.certainty, found.object, found.since) == ("PodRejected", RETRYABLE, "ReplicaSet/web-1", NOW - 40)
    assert found.cause == later.cause == f"the kubelet of node n1 does not admit the pods of Deployment/web: {reason}" and "describe pod web-1-8" in later.hint


def test_the_sentence_about_pods_of_several_nodes_does_not_change_with_the_last_one():
    picture = refused("SysctlForbidden", 9)
    for n in range(9):
        picture.objects["Pod"][f"web-1-{n}"]["spec"]["nodeName"] = f"n{n % 4}"
    assert only(picture).cause == "the kubelets of nodes n0, n1, n2, … do not admit the pods of Deployment/web: SysctlForbidden"


def test_a_lasting_reason_gives_the_scheduler_less_time():
    assert [only(refused("SysctlForbidden", n)).budget for n in (1, 2, 3)] == [60, 60, 20] and only(refused("OutOfcpu", 9)).budget == 60


def test_a_pod_that_the_next_node_may_admit_is_shown_and_no_eviction():
    for reason in ("OutOfcpu", "NodeAffinity", "NodeShutdown", "UnexpectedAdmissionError"):
        assert only(refused(reason, 1)).certainty is Certainty.SHOWN
    admitted = pod("web-1-y", containers=[waits("ContainerCreating")], ago=2)
    assert {c.certainty for c in find(refused("SysctlForbidden", 5, admitted))} == {Certainty.SHOWN}, "a younger pod is admitted"
    evicted_now = only(refused("Evicted", 1, message="Pod was rejected: The node had condition: [DiskPressure]. "))
    assert evicted_now.code == "PodRejected", "the eviction manager rejects, too"


def test_where_the_template_names_the_node_no_other_one_will_admit_the_pod():
    found = only(refused("NodeAffinity", 3, node="n1"))
    assert (found.code, found.certainty) == ("PodRejected", FATAL) and found.cause.endswith(
        "NodeAffinity; the pod template sets nodeName n1, so no scheduler checks whether the pod fits the node"
    )
    assert only(refused("NodeAffinity", 2, node="n1")).certainty is RETRYABLE and only(refused("OutOfcpu", 9, node="n1")).certainty is RETRYABLE


def test_a_pod_of_a_template_that_names_a_node_waits_for_its_kubelet():
    waiting = pod("web-1-z", spec={"nodeName": "ghost"}, ago=12)
    assert find(upgrade(waiting)) == [], "a scheduler has chosen the node"
    picture = pinned(waiting)
    found = only(picture)
    assert (found.code, found.object, found.budget) == ("PodStarting", "Pod/web-1-z", None) and "the kubelet of node ghost has not acted" in found.cause
    picture.objects["Pod"]["web-1-z"]["status"]["startTime"] = stamp(1)
    assert find(picture) == []


# --- hooks, DNS --------------------------------------------------------------------------------------------------------


def hooked(restarts=0):
    state = {"name": "it", "ready": False, "restartCount": restarts, "state": {"waiting": {"reason": "PostStartHookError", "message": "no"}}}
    if restarts:
        state["lastState"] = {"terminated": {"exitCode": 137, "startedAt": stamp(4), "finishedAt": stamp(3)}}
    told = event("e", "web-1-a", "FailedPostStartHook", "PostStartHook failed: sh: nope: not found", path="spec.containers{it}")
    return upgrade(pod(containers=[state]), told)


def test_a_post_start_hook_that_fails_is_blamed_before_the_exit_code_that_it_causes():
    first, again = find(hooked())[0], find(hooked(2))[0]
    assert (first.code, first.certainty, again.code, again.certainty) == ("LifecycleHookFailed", RETRYABLE, "LifecycleHookFailed", FATAL)
    assert "nope: not found" in again.evidence and judge(hooked(2), find(hooked(2)), Helm()).cause.code == "LifecycleHookFailed"


def mute(ago=6, address="", text="", **spec):
    """A pod whose init container has the database's URL, runs, and has printed `text`."""
    init = [{"name": "worker", "env": [{"name": "POSTGRES_URL", "valueFrom": {"secretKeyRef": {"name": "db", "key": "url"}}}]}]
    spec = {"initContainers": init, "hostAliases": [{"ip": "192.0.2.1", "hostnames": ["pg.db.svc"]}], **spec}
    picture = upgrade(pod(containers=[waits("PodInitializing")], status=running_init(ago=ago), spec=spec), logs={("web-1-a", "worker"): text})
    if address:
        picture.objects["Facts"] = {"database": {"address": "the database d on pg.db.svc:5432", "away": True, "sentence": address}}
    return picture


def test_an_init_container_that_is_silent_before_a_database_that_hostaliases_move_says_so_at_once():
    found = only(mute())
    assert (found.code, found.object, found.container, found.certainty) == ("DatabaseSilent", "Pod/web-1-a", "worker", RETRYABLE)
    assert found.cause.startswith("init container worker has printed nothing for 6 s and is probably waiting for a connection to the database")
    assert found.cause.endswith("hostAliases in the pod template of Deployment/web map pg.db.svc to 192.0.2.1")
    assert find(mute(ago=3)) == [], "a healthy one has printed something by then, or has ended"
    assert find(mute(text="waiting for the schema\n")) == [], "it waits for something else"
    assert find(mute(initContainers=[{"name": "worker"}])) == [], "it does not know the database"


def test_silence_alone_is_a_guess_and_guesses_are_told_only_with_a_fact():
    assert only(mute(hostAliases=[], address="no answer from pg")).cause.endswith("to the database: no answer from pg")
    assert find(mute(hostAliases=[])) == []
    (guess,) = find(mute(hostAliases=[]), guesses=True)
    assert guess.guess and completed(guess, "").guess and not completed(guess, "; NetworkPolicy/x blocks it").guess


def test_silence_before_a_cluster_that_is_recovered_is_the_clusters():
    """A recovery may take minutes: its own 600 s count, not the 150 s of a database that does not answer."""
    picture = mute()
    picture = replace(picture, scope=replace(picture.scope, custom=(("Cluster", "pg"),)))
    picture.objects["Cluster"] = {"pg": obj("Cluster", "pg", status={"phase": "Setting up primary"})}
    assert only(picture).code == "PostgresClusterWaits"
    up = {"phase": "Cluster in healthy state", "conditions": [{"type": "Ready", "status": "True"}]}
    picture = replace(picture, objects={**picture.objects, "Cluster": {"pg": obj("Cluster", "pg", status=up)}})
    assert only(picture).code == "DatabaseSilent"


@pytest.mark.parametrize(
    ("ago", "log", "ready", "silent"),
    [
        (6, "", False, True),
        (6, None, False, False),
        (3, "", False, False),
        (6, "", True, False),
        (60, "", False, False),
        (6, "gateway started\n", False, False),
    ],
)
def test_the_gateways_own_container_is_silent_before_its_database_too(ago, log, ready, silent):
    """Seen on kind: the init container reached the database, and then a NetworkPolicy came into force."""
    env = [{"name": "POSTGRES_URL", "valueFrom": {"secretKeyRef": {"name": "db", "key": "url"}}}]
    state = {"name": "it", "ready": ready, "started": False, "restartCount": 0, "state": {"running": {"startedAt": stamp(ago)}}}
    picture = upgrade(pod(containers=[state], spec={"containers": [{"name": "it", "env": env}]}), logs={} if log is None else {("web-1-a", "it"): log})
    found = [c for c in find(picture, guesses=True) if c.code == "DatabaseSilent"]
    assert [(c.guess, c.container, c.cause.split(" and ")[0]) for c in found] == [(True, "it", "container it has printed nothing for 6 s")] * silent


LOOKUP = "waiting for the schema (0 s of 600 s): error communicating with database: failed to lookup address information: Name or service not known\n"


def waiter(policy=None, text=LOOKUP, scope=WEB, **spec):
    more = {**({"dnsPolicy": policy} if policy else {}), **spec}
    picture = upgrade(pod(containers=[waits("PodInitializing")], status=running_init("wait"), spec=more), logs={("web-1-a", "wait"): text})
    return type(picture)(picture.now, picture.started, picture.objects, scope, picture.logs)


@pytest.mark.parametrize(
    ("policy", "spec", "words", "where"),
    [
        ("Default", {}, "dnsPolicy Default", "Deployment/web"),
        ("None", {"dnsConfig": {"nameservers": ["10.9.9.9"]}}, "nameserver 10.9.9.9 and no search domains", "Deployment/web"),
        ("None", {"dnsConfig": {"nameservers": ["10.9.9.9"], "searches": ["svc"]}}, "nameserver 10.9.9.9", "Deployment/web"),
        ("ClusterFirst", {"hostNetwork": True}, "hostNetwork", "Deployment/web"),
    ],
)
def test_a_name_that_is_not_resolved_is_told_with_the_dns_of_the_pod(policy, spec, words, where):
    found = only(waiter(policy, **spec))
    assert found.code == "NameNotResolved" and words in found.cause and "container wait cannot resolve" in found.cause and found.object == where
    assert over(waiter(policy, **spec)).code == "NameNotResolved"


def test_a_name_that_another_program_does_not_resolve_is_told_with_the_dns_of_the_cluster():
    found = only(waiter(text="curl: (6) Could not resolve host: pg.prod"))
    assert found.code == "NameNotResolved" and "the cluster's DNS does not answer" in found.cause and found.object == "Pod/web-1-a"


WAITING = "waiting for the schema (0 s of 600 s): pending migrations\nwaiting for the schema (31 s of 600 s): {}\n"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("pool timed out while waiting for an open connection", "DatabaseUnreachable"),
        ("failed to lookup address information: Name or service not known", "DatabaseHostUnknown"),
        ("failed to lookup address information: Temporary failure in name resolution", "DatabaseUnreachable"),
        ('password authentication failed for user "app"', "DatabaseAuth"),
        ('database "app" does not exist', "DatabaseMissing"),
        ("permission denied for table refinery_schema_history", "DatabasePermission"),
        ("relative URL without a base", "DatabaseUrlInvalid"),
        ("stand-in: the database URL has no scheme", "DatabaseUrlInvalid"),
        ("sorry, too many clients already", "DatabaseConnections"),
    ],
)
def test_what_a_waiter_read_at_its_last_look_is_the_cause_and_it_has_its_time(said, code):
    env = [{"name": "POSTGRES_URL", "valueFrom": {"secretKeyRef": {"name": "db", "key": "url"}}}]
    picture = waiter(text=WAITING.format(said), initContainers=[{"name": "wait", "env": env}])
    found = only(picture)
    assert (found.code, found.certainty, found.container) == (code, RETRYABLE, "wait") and found.budget
    assert code in ("DatabasePermission", "DatabaseConnections") or "POSTGRES_URL comes from Secret/db, key url" in found.cause
    assert over(picture).code == code


def test_a_waiter_that_waits_for_its_schema_is_no_cause():
    assert find(waiter(text=WAITING.format("29 pending migrations remain"))) == []


def test_host_aliases_that_lead_the_database_elsewhere_are_told():
    text = WAITING.format("pool timed out while waiting for an open connection")
    found = only(waiter(text=text, hostAliases=[{"ip": "192.0.2.1", "hostnames": ["pg.prod"]}]))
    assert found.code == "DatabaseUnreachable" and "hostAliases in the pod template of Deployment/web map pg.prod to 192.0.2.1" in found.cause


@pytest.mark.parametrize(
    "text",
    [
        "dial tcp: lookup pg.prod on 10.96.0.10:53: no such host",
        "getaddrinfo ENOTFOUND pg.prod",
        'could not translate host name "pg.prod" to address: Name or service not known',
        "nc: bad address 'pg.prod'",
        "curl: (6) Could not resolve host: pg.prod",
    ],
)
def test_the_name_is_told_where_the_words_have_it(text):
    assert "the name pg.prod" in only(waiter(text=text)).cause


def test_a_lookup_that_failed_once_is_forgotten_and_a_cluster_that_is_coming_up_has_no_service_yet():
    assert find(waiter(text=LOOKUP + "1\n2\n3\n4\n")) == []
    scope = Scope(("web",), (), "ns", "rel", custom=(("Cluster", "pg"),))
    assert find(waiter(scope=scope)) == []


# --- a Deployment that is not there, pods that count late, pods that are evicted -----------------------------------------


def recorded(state="deployed"):
    return obj("Release", "sh.helm.release.v1.rel.v3", metadata={"labels": {"version": "3", "status": state}})


def deleted():
    return snapshot(recorded(), scope=replace(WEB, revision=3))


def test_a_deployment_that_somebody_deleted_is_named_and_one_that_helm_still_has_to_make_is_not():
    scope = replace(WEB, revision=3)
    found = only(deleted())
    assert (found.code, found.object, found.certainty) == ("DeploymentMissing", "Deployment/web", FATAL) and "revision 3" in found.cause
    assert find(snapshot(recorded("pending-install"), scope=scope)) == [] and find(snapshot(scope=scope)) == []
    going = deployment()
    going["metadata"] |= {"deletionTimestamp": stamp(9), "finalizers": ["example.com/hold"]}
    assert "example.com/hold" in only(snapshot(going, recorded(), scope=scope)).cause


def uncounted(ago=30, seconds=3000):
    picture = upgrade(ready("web-1-a"))
    picture.objects["Deployment"]["web"]["spec"]["minReadySeconds"] = seconds
    picture.objects["Pod"]["web-1-a"]["status"]["conditions"][0]["lastTransitionTime"] = stamp(ago)
    return picture


def test_pods_that_are_ready_and_do_not_count_yet_have_their_reason():
    assert only(uncounted()).code == "MinReadySeconds" and "minReadySeconds (3000 s)" in over(uncounted()).cause
    assert only(uncounted(3)).code == "MinReadySeconds", "longer than any rollout"
    assert find(uncounted(1)) == [] and find(uncounted(15, 120)) == []


SPACE = "Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. "


def evicted(message=SPACE, count=3):
    gone = [pod(f"web-1-{n}", status={"phase": "Failed", "reason": "Evicted", "message": message}, ago=40 - n) for n in range(count)]
    return upgrade(pod(containers=[waits()]), *gone)


@pytest.mark.parametrize(("message", "sure"), [(SPACE, FATAL), ("The node was low on resource: memory.", RETRYABLE)])
def test_pods_that_are_evicted_one_after_the_other_are_no_accident(message, sure):
    found = next(c for c in find(evicted(message)) if c.object == "ReplicaSet/web-1")
    assert (found.code, found.certainty) == ("PodEvicted", sure) and "3 pods" in found.cause and message.strip(". ") in found.cause
    assert not any(c.object.startswith("ReplicaSet") for c in find(evicted(count=1))), "one is no row"


def killed_again(gone=3, controller=()):
    """A client deletes each new pod: the ReplicaSet's events have their names."""
    made = [event(f"c{n}", "web-1", "SuccessfulCreate", f"Created pod: web-1-{n}", kind="ReplicaSet", ago=30 - n) for n in range(gone)]
    told = [event(f"d{n}", "web-1", "SuccessfulDelete", f"Deleted pod: web-1-{n}", kind="ReplicaSet") for n in controller]
    last = event("c", "web-1", "SuccessfulCreate", "Created pod: web-1-a", kind="ReplicaSet")
    return upgrade(ready("web-1-a"), *made, *told, last)


def test_pods_that_somebody_deletes_again_and_again_are_no_success():
    found = only(killed_again())
    assert (found.code, found.object, found.certainty) == ("PodEvicted", "ReplicaSet/web-1", FATAL)
    assert "3 new pods of Deployment/web were deleted within 60 s" in found.cause and found.evidence == "web-1-0, web-1-1, web-1-2"
    assert find(killed_again(2)) == [], "a drain may do that"
    assert find(killed_again(controller=(1,))) == [], "the ReplicaSet was scaled down"


@pytest.mark.parametrize(("count", "code"), [(3, "PodNotCreated"), (1, "")])
def test_pods_that_lose_the_labels_of_their_replicaset_are_its_webhooks_fault(count, code):
    """Without the ReplicaSet's events: on a real cluster only some of the many arrive. One such pod is a person's, who looks at it."""
    picture = upgrade(pod(containers=[waits()]))
    picture.objects["ReplicaSet"]["web-1"]["spec"]["selector"] = {"matchLabels": {"app": "web", "tier": "a"}}
    for n in range(count):
        about = {"labels": {"app": "web", "tier": "b"}, "ownerReferences": [], "generateName": "web-1-"}
        picture.objects["Pod"][f"web-1-{n}"] = pod(f"web-1-{n}", "", metadata=about)
    found = [c for c in find(picture) if c.object == "ReplicaSet/web-1"]
    assert [c.code for c in found] == ([code] if code else [])
    if found:
        assert found[0].certainty == FATAL and found[0].evidence == "web-1-0, web-1-1, web-1-2"
        assert "it does not select them (tier is b, not a): a mutating webhook changes labels" in found[0].cause


def recreating(asked=30, grace=900, **strategy):
    """Strategy Recreate: the only old pod takes its grace, and there is no new one."""
    picture = upgrade(pod("web-0-y", "web-0", spec={"containers": [{"name": "it", "lifecycle": {"preStop": {"exec": {"command": ["sleep", "600"]}}}}]}))
    picture.objects["Pod"].pop("web-0-x")
    going = picture.objects["Pod"]["web-0-y"]
    going["metadata"] |= {"deletionTimestamp": stamp(asked - grace), "deletionGracePeriodSeconds": grace}
    going["status"]["containerStatuses"] = [{"name": "it", "state": {"running": {}}}]
    picture.objects["Deployment"]["web"]["spec"]["strategy"] = {"type": "Recreate", **strategy}
    return picture


def test_an_old_pod_that_takes_its_long_grace_is_named_where_new_ones_wait_for_it():
    found = only(recreating())
    assert (found.code, found.object) == ("OldPodStops", "Deployment/web") and "Pod/web-0-y" in found.cause
    assert "terminationGracePeriodSeconds 900; container it has a preStop hook (sleep 600)" in found.cause
    assert over(recreating()).code == "OldPodStops"
    assert find(recreating(asked=8)) == [] and find(recreating(type="RollingUpdate")) == []


def held_job(*finalizers, running=True):
    picture = snapshot(scope=Scope((), ("mig",), "ns", "rel"))
    gone = obj("Job", "mig", ago=500, metadata={"deletionTimestamp": stamp(5), "finalizers": list(finalizers)})
    world = World({"Job": {"mig": gone}}, NOW - 60)
    return baseline.picture(world, baseline.Before(jobs=frozenset({"uid-mig"})), picture.scope, Helm(running=running), NOW)


def test_an_old_job_that_a_finalizer_keeps_from_being_replaced_is_named():
    found = only(held_job("example.com/hold", "foregroundDeletion"))
    assert (found.code, found.object) == ("JobNotDeleted", "Job/mig") and "because it has the finalizer example.com/hold, so Helm cannot" in found.cause
    words = 'UPGRADE FAILED: Job.batch "mig" is invalid: spec.template: Invalid value: {}: field is immutable'
    ended = Helm(running=False, ended_at=NOW - 5, error=words)
    last = judge(held_job("example.com/hold", running=False), [found], ended).cause
    assert (last.code, last.object, last.certainty, last.evidence) == ("JobNotDeleted", "Job/mig", FATAL, words)
    assert judge(held_job(running=False), [], ended).cause.code == "FieldImmutable"
    assert find(held_job("foregroundDeletion")) == [], "the garbage collector needs a moment"


def paused(new):
    picture = upgrade(new, status={"replicas": 1})
    picture.objects["Deployment"]["web"]["spec"]["paused"] = True
    return picture


def test_a_deployment_that_is_complete_may_be_paused():
    assert only(paused(pod(containers=[]))).code == "DeploymentPaused" and find(paused(ready("web-1-a"))) == []


# --- volumes -----------------------------------------------------------------------------------------------------------

AWAITED = "Waiting for a volume to be created either by the external provisioner 'example.com/none' or manually by the system administrator."


def claiming(ago=30, event_=True, status=None, **metadata):
    data = obj("PersistentVolumeClaim", "data", ago=ago, spec={"storageClassName": "slow"}, status={"phase": "Pending"}, metadata=metadata)
    new = pod(spec={"nodeName": None, "volumes": [{"persistentVolumeClaim": {"claimName": "data"}}]}, status=status, ago=ago)
    told = [event("p", "data", "ExternalProvisioning", AWAITED, kind="PersistentVolumeClaim", ago=ago)] if event_ else []
    return upgrade(new, data, *told)


UNBOUND = {"conditions": [{"type": "PodScheduled", "status": "False", "message": "pod has unbound immediate PersistentVolumeClaims"}]}
CHOSEN = {"annotations": {"volume.kubernetes.io/selected-node": "n1", "volume.kubernetes.io/storage-provisioner": "example.com/none"}}


@pytest.mark.parametrize("picture", [claiming(status=UNBOUND), claiming(**CHOSEN)], ids=["immediate", "first consumer"])
def test_a_provisioner_that_does_nothing_is_named_and_no_scheduler(picture):
    found = only(picture)
    assert (found.code, found.object) == ("ProvisioningFailed", "PersistentVolumeClaim/data") and "provisioner example.com/none has not" in found.cause


def test_a_volume_that_takes_some_seconds_is_no_cause():
    assert find(claiming(ago=15, **CHOSEN)) == []
    assert only(claiming(event_=False)).code == "SchedulerSilent", "no node was chosen"


# --- probes ------------------------------------------------------------------------------------------------------------


def late(answer, facts=None, log="", limits=None):
    probe = {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 5}
    env = [{"name": "POSTGRES_URL", "valueFrom": SECRET}]
    spec = {"name": "it", "readinessProbe": probe, "startupProbe": probe, "env": env, "resources": {"limits": limits}}
    running = {"name": "it", "ready": False, "started": True, "state": {"running": {"startedAt": stamp(900)}}}
    told = event("u", "web-1-a", "Unhealthy", f"Readiness probe failed: {answer}", ago=30, path="spec.containers{it}")
    picture = upgrade(pod(containers=[running], spec={"containers": [spec]}, status={"phase": "Running"}), told, logs={("web-1-a", "it"): log})
    if facts:
        picture.objects["Facts"] = {"database": facts}
    return picture


SECRET = {"secretKeyRef": {"name": "db", "key": "uri"}}
AWAY = {"sentence": "Service pg in namespace data, port 5432, has no ready pod behind it", "away": True}
LATE = 'Get "http://10.0.0.5:8080/readyz": context deadline exceeded (Client.Timeout exceeded while awaiting headers)'


@pytest.mark.parametrize("answer", ["HTTP probe failed with statuscode: 503", LATE])
@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (AWAY, "DatabaseUnreachable"),
        ({"sentence": "pg refuses the login: password authentication failed", "sqlstate": "28P01"}, "DatabaseAuth"),
        ({"sentence": "pg answers and accepts the login"}, "NotReadyInTime"),
    ],
)
def test_a_gateway_that_lost_its_database_says_which_one(answer, facts, code):
    assert readiness.database_doubtful(only(late(answer)))
    found = only(late(answer, facts))
    assert (found.code, found.certainty) == (code, RETRYABLE) and facts["sentence"] in found.cause and "Secret/db, key uri" in found.cause


@pytest.mark.parametrize(
    ("answer", "more", "words"),
    [
        (LATE, {"limits": {"cpu": "2m"}}, "the CPU limit of the container is 2m"),
        ("HTTP probe failed with statuscode: 404", {}, "GET /readyz on port http, periodSeconds 5, timeoutSeconds 1"),
        ("HTTP probe failed with statuscode: 404", {"log": "a\nlistening on :9\n"}, "last line of the log: listening on :9"),
    ],
)
def test_a_probe_that_fails_is_told_with_what_may_explain_it(answer, more, words):
    assert words in only(late(answer, **more)).cause


def probed(probe, message, ago=3, startup=None, ports=({"containerPort": 8080, "name": "http"},)):
    spec = {"name": "it", "readinessProbe": probe, "ports": list(ports), **({"startupProbe": startup} if startup else {})}
    running = {"name": "it", "ready": False, "started": True, "state": {"running": {"startedAt": stamp(ago + 2)}}}
    told = event("u", "web-1-a", "Unhealthy", f"Readiness probe failed: {message}", ago=ago, path="spec.containers{it}")
    return upgrade(pod(containers=[running], spec={"containers": [spec]}, status={"phase": "Running"}), told)


REFUSED = 'Get "http://10.0.0.5:9999/readyz": dial tcp 10.0.0.5:9999: connect: connection refused'


@pytest.mark.parametrize(
    ("probe", "message", "startup", "sure", "words"),
    [
        ({"httpGet": {"port": 9999}}, REFUSED, {"httpGet": {"port": "http"}}, FATAL, "readiness probe uses port 9999, but the container declares 8080"),
        ({"httpGet": {"port": 9999}}, REFUSED, None, RETRYABLE, "port 9999"),
        ({"tcpSocket": {"port": 9999}}, REFUSED, None, RETRYABLE, "port 9999"),
        (
            {"httpGet": {"port": 8080, "scheme": "HTTPS"}},
            'Get "https://10.0.0.5:8080/readyz": http: server gave HTTP response to HTTPS client',
            None,
            FATAL,
            "scheme HTTPS",
        ),
        ({"httpGet": {"port": 8080}}, 'net/http: HTTP/1.x transport connection broken: malformed HTTP response "\\x15\\x03\\x01"', None, FATAL, "serves TLS"),
        ({"httpGet": {"port": "web"}}, "errored: strconv.Atoi: parsing", None, FATAL, "no port of the container has that name"),
    ],
)
def test_a_probe_that_cannot_succeed_is_named_at_once(probe, message, startup, sure, words):
    found = only(probed(probe, message, startup=startup))
    assert (found.code, found.certainty) == ("ProbeMisdirected", sure) and words in found.cause and "Readiness probe failed" in found.evidence


def test_a_probe_of_a_declared_port_is_only_not_ready_yet():
    assert only(probed({"httpGet": {"port": "http"}}, REFUSED.replace("9999", "8080"), ago=70)).code == "NotReadyInTime"
    assert only(probed({"exec": {"command": ["false"]}}, "command failed", ago=70)).code == "NotReadyInTime"
    assert only(probed({"httpGet": {"port": 9999}}, REFUSED, ago=70, ports=())).code == "NotReadyInTime", "nothing is declared, so nothing is known"


def test_a_startup_probe_that_fails_at_first_is_no_news():
    picture = probed({}, "x", startup={"periodSeconds": 5, "failureThreshold": 48})
    status = picture.objects["Pod"]["web-1-a"]["status"]["containerStatuses"][0]
    status["started"] = False
    assert find(picture) == []
    status["state"]["running"]["startedAt"] = stamp(90)
    assert "still starting; its startup probe allows" in only(picture).cause


def test_a_readiness_probe_alone_has_the_deployments_own_deadline():
    picture = probed({"exec": {}, "periodSeconds": 2, "failureThreshold": 2}, "command failed", ago=120)
    found = only(picture)
    assert found.budget == 600 and judge(picture, [found], Helm()).state is State.PROGRESSING
    picture.objects["Deployment"]["web"]["spec"]["progressDeadlineSeconds"] = 100
    assert judge(picture, find(picture), Helm()).cause.code == "NotReadyInTime"
    assert readiness.progress_deadline(picture, {}) == 600


def test_a_program_that_ends_in_good_order_when_its_liveness_probe_kills_it_did_not_end_by_itself():
    end = {"exitCode": 0, "reason": "Completed", "startedAt": stamp(30), "finishedAt": stamp(3)}
    it = {"name": "it", "ready": False, "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": end}}
    told = [
        event("u", "web-1-a", "Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 404", path="spec.containers{it}"),
        event("k", "web-1-a", "Killing", "Container it failed liveness probe, will be restarted", path="spec.containers{it}"),
    ]
    found = only(upgrade(pod(containers=[it], status={"phase": "Running"}), *told))
    assert found.code == "LivenessProbeFailed" and "404" in found.evidence


# --- the Deployment ----------------------------------------------------------------------------------------------------


def scaled(manager, replicas=0):
    owner = {**deployment(replicas=replicas), "status": {"observedGeneration": 1}}
    fields = {"manager": manager, "time": stamp(20), "subresource": "scale", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    owner["metadata"]["managedFields"] = [fields]
    return snapshot(owner, replicaset(replicas=0), scope=WEB)


def test_a_deployment_that_was_scaled_to_0_says_by_whom():
    found = only(scaled("kubectl"))
    assert (found.code, found.object) == ("ScaledToZero", "Deployment/web") and "scaled to 0 replicas by kubectl (subresource scale)" in found.cause
    assert judge(scaled("kubectl"), [found], Helm()).state is State.FAILED
    assert find(scaled("helm")) == [] and find(scaled("kubectl", replicas=1)) == []


def test_the_deployments_own_deadline_says_what_it_waited_for():
    picture = upgrade(pod(containers=[waits("PodInitializing")], status=running_init()))
    when = stamp(1)
    condition = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out", "lastUpdateTime": when}
    picture.objects["Deployment"]["web"]["status"]["conditions"] = [condition]
    found = only(picture)
    assert found.code == "ProgressDeadline" and "init container worker has been running" in found.cause


def test_all_old_pods_are_gone_and_no_new_one_is_ready_so_the_strategy_is_named():
    picture = upgrade(pod(containers=[waits("PodInitializing")], status=running_init()))
    picture.objects["Pod"].pop("web-0-x")
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "100%", "maxSurge": 0}}
    picture.objects["Deployment"]["web"]["spec"]["strategy"] = strategy
    assert "maxUnavailable 100%" in over(picture).cause and "init container worker" in over(picture).cause
    assert "maxUnavailable" not in over(upgrade(pod(containers=[waits("PodInitializing")], status=running_init()))).cause


def test_a_probe_that_asks_another_host_is_misdirected():
    picture = late(LATE.replace("10.0.0.5", "192.0.2.1"))
    new = picture.objects["Pod"]["web-1-a"]
    new["status"]["podIP"] = "10.0.0.5"
    new["spec"]["containers"][0]["readinessProbe"] = {"httpGet": {"path": "/readyz", "port": "http", "host": "192.0.2.1"}}
    found = only(picture)
    assert (found.code, found.certainty) == ("ProbeMisdirected", RETRYABLE) and "requests host 192.0.2.1, which is not the pod's address" in found.cause
    new["status"]["podIP"] = "192.0.2.1"
    assert only(picture).code == "NotReadyInTime"


def test_a_pod_that_was_ready_gets_the_time_of_its_readiness_probe_anew():
    """Seen on a loaded node: a probe failed while the container started, the pod became ready, and its readiness was lost 0.1 s before the look."""
    probe = {"periodSeconds": 1, "failureThreshold": 2}

    def lost(seconds, ago=40):
        picture = probed(probe, "context deadline exceeded", ago=ago, startup=probe)
        since = {"type": "ContainersReady", "status": "False", "lastTransitionTime": stamp(seconds)}
        picture.objects["Pod"]["web-1-a"]["status"]["conditions"] = [since]
        return picture

    assert find(lost(1)) == []
    assert only(lost(14)).budget == 15 and "was ready, then its readiness probe failed; the probe allows 15 s" in only(lost(14)).cause
    assert only(lost(16)).code == "NotReadyInTime" and "was ready, then its readiness probe failed for more than 15 s" in only(lost(16)).cause
    assert "was not ready within 15 s" in only(lost(60)).cause, "the condition is older than the container: it was never ready"
    assert waits_for.of_pod(lost(3), lost(3).objects["Pod"]["web-1-a"]).what == "container it was ready, and its readiness probe has failed for 3 s"
