# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages from reports of other projects: the kind of reason is named, the hint fits, and what no table knows is quoted where it says most."""

from __future__ import annotations

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.codes import Certainty
from ansible_collections.oceans.llm.plugins.plugin_utils.gateway.crash_line import crash_line
from ansible_collections.oceans.llm.plugins.plugin_utils.gateway.innermost import MOST, innermost
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.process import Helm
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes import find, operators
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.model import Scope
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.verdict import helm_cause, judge, timeout_cause

from .test_causes import NOW, deployment, event, obj, pod, replicaset, snapshot, stamp, waits, web
from .test_program_words import crashed

SANDBOX = "Failed to create pod sandbox: rpc error: code = Unknown desc = "
CNI = SANDBOX + 'failed to setup network for sandbox "bc59": plugin type="{}" failed (add): '
TASK = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
ATTACH = 'AttachVolume.Attach failed for volume "pvc-1" : rpc error: code = Internal desc = '


def told(reason, text):
    return find(web(pod(containers=[waits()]), events=[event("e", "web-1-a", reason, text, path="spec.containers{it}" if reason == "Failed" else "")]))


PULL = 'Failed to pull image "reg.example/a/b:v1": failed to pull and unpack image "reg.example/a/b:v1": '
HEAD = PULL + "unexpected status from HEAD request to https://reg.example/v2/a/b/manifests/v1: "


@pytest.mark.parametrize(
    ("source", "reason", "text", "code", "says", "hint"),
    [
        ("containerd#3291", "Failed", HEAD + "405 Method Not Allowed", "ImageRegistryError", "not a registry's: ", "curl"),
        ("ECR", "Failed", HEAD + "403 Forbidden: denied: Your authorization token has expired.", "ImageDenied", "have expired", "renew the credentials"),
        ("ACR", "Failed", HEAD + '403 Forbidden: client with IP "20.1.2.3" is not allowed access.', "ImageDenied", "20.1.2.3", "firewall"),
        (
            "spegel",
            "Failed",
            PULL + 'Head "https://127.0.0.1:30020/v2/a/b/manifests/v1?ns=reg.example": dial tcp 127.0.0.1:30020: connect: connection refused',
            "ImageRegistryError",
            "by way of 127.0.0.1:30020",
            "mirror",
        ),
        ("kubelet", "Failed", PULL + "layers exceed the maximum of 500 lowerdirs", "ImagePullFailed", "500 lowerdirs", "journalctl"),
        (
            "Dragonfly",
            "Failed",
            HEAD.replace("https://reg.example", "http://127.0.0.1:65001") + "500 Internal Server Error",
            "ImageRegistryError",
            "5xx",
            "mirror",
        ),
        ("Portworx", "FailedMount", "Volume is attached on: node-2. Volume is in use by another node", "VolumeBusy", "another node", "Recreate"),
        ("openebs#3517", "FailedMount", "Volume pvc-2f is not ready: Replicas yet to connect", "MountFailed", "in a state that", "state of the volume"),
        ("gRPC", "Failed", PULL + "grpc: received message larger than max", "ImagePullFailed", "cannot be pulled: grpc: received message", "journalctl"),
        ("calico#4308", "FailedCreatePodSandBox", CNI.format("calico") + "cannot find a qualified ippool", "SandboxFailed", "no IP pool", "ippools"),
        (
            "kubespray#8122",
            "FailedCreatePodSandBox",
            SANDBOX + TASK + 'expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got "/kubepods/x" instead: unknown',
            "SandboxFailed",
            "different cgroup drivers",
            "SystemdCgroup",
        ),
        ("runc#5305", "FailedCreatePodSandBox", SANDBOX + TASK + "namespace {NEWIPC } is not supported", "SandboxFailed", "NEWIPC", "kernel"),
        ("gVisor", "FailedCreatePodSandBox", SANDBOX + "creating container: cannot read client sync file: EOF", "SandboxFailed", "client sync", "journalctl"),
        ("vsphere-csi#846", "FailedAttachVolume", ATTACH + "err ServerFaultCode: retrieveVStorageObject", "MountFailed", "attached: the storage driver", "log"),
        ("EBS", "FailedAttachVolume", ATTACH + "User: arn:x is not authorized to perform: ec2:AttachVolume", "MountFailed", "provider denies", "permission"),
        ("azuredisk-csi#183", "FailedAttachVolume", ATTACH + "cannot be attached because it is not in zone '1'", "MountFailed", "(zone or", "zone of"),
        (
            "azure-docs#50114",
            "FailedMount",
            "mount failed: exit status 32 Output: mount error(115): Operation now in progress",
            "MountFailed",
            "not answer",
            "fire",
        ),
        ("kubelet", "FailedMount", "MountVolume.SetUp failed: mkdir /srv/x: permission denied", "MountFailed", "path of the node", "owner and mode"),
        (
            "EBS",
            "FailedAttachVolume",
            ATTACH + "RequestID: a1, api error InvalidVolume.ZoneMismatch: The volume is not in the same availability zone as instance 'i-0'",
            "MountFailed",
            "(zone or topology): api error InvalidVolume",
            "zone of",
        ),
        ("Portworx", "FailedMount", "MountVolume.SetUp failed: Filesystem issues has been detected", "MountFailed", "is damaged: ", "fsck"),
        ("TopoLVM", "FailedMount", "MountVolume.SetUp failed: no enough space left on VG: free=1", "MountFailed", "no free space: ", "free space"),
        ("cilium", "FailedCreatePodSandBox", CNI.format("cilium-cni") + 'Put "http://localhost/v1/endpoint/x": EOF', "SandboxFailed", "breaks off", "restarts"),
        ("containerd", "Failed", PULL + "error reading from server: EOF", "ImagePullFailed", "the container runtime of the node does not answer", "runtime"),
    ],
)
def test_a_message_of_a_node_is_told_by_its_kind(source, reason, text, code, says, hint):
    (found,) = told(reason, text)
    assert (found.code, found.object) == (code, "Pod/web-1-a") and says in found.cause and hint in found.hint, f"{source}\n{found}"


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("unable to apply apparmor profile: write /proc/self/attr/apparmor/exec: no such file or directory", "AppArmor profile", "apparmor_parser"),
        ("can't apply ambient set: unable to apply caps: operation not permitted", "capabilities", "securityContext.capabilities"),
        ("error gathering device information while adding custom device: /dev/nvidia0: no such file", "a device of the container", "device driver's pod"),
        (
            "error running hook #0: exit status 1, stdout: , stderr: nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.2, please update",
            "unsatisfied condition: cuda>=12.2, please update",
            "the driver",
        ),
        (
            'error mounting "cgroup" to rootfs at "/sys/fs/cgroup": mount cgroup: invalid argument',
            "cannot create the cgroup",
            "cgroup controllers",
        ),
        ("a thing that nobody knows", "cannot start the container: a thing that nobody knows", "journalctl"),
    ],
)
def test_a_container_that_cannot_be_started_says_why(text, says, hint):
    (found,) = find(crashed(128, "StartError", f"{TASK}unable to start container process: error during container init: {text}: unknown"))
    assert found.code == "CannotStart" and says in found.cause and hint in found.hint


@pytest.mark.parametrize(
    ("text", "hints"),
    [
        ("0/3 nodes are available: 3 node(s) had volume node affinity conflict.", ["zone of the pod's volume"]),
        ("0/2 nodes are available: 2 node(s) had untolerated taint {node.kubernetes.io/disk-pressure: }.", ["free disk on the nodes"]),
        ("0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu.", ["scheduling.tolerations", "resource requests"]),
        ("0/2 nodes are available: 1 Too many pods, 1 Insufficient cpu.", ["maxPods", "resource requests"]),
        ("0/3 nodes are available: 3 node(s) didn't find available persistent volumes to bind.", ["create a PersistentVolume"]),
        ("Pod not supported on Fargate: volumes not supported: data", ["Fargate profile"]),
    ],
)
def test_each_reason_of_a_scheduler_has_its_own_cure(text, hints):
    why = {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": text}]}
    (found,) = find(web(pod(status=why, spec={"nodeName": None})))
    assert found.code == "Unschedulable" and all(hint in found.hint for hint in hints) and found.hint.count("; or ") == len(hints) - 1


def test_a_claim_says_why_no_volume_comes():
    quota = "CreateVolume failed: googleapi: Error 403: QUOTA_EXCEEDED - Quota 'SSD_TOTAL_GB' exceeded."
    claim = obj("PersistentVolumeClaim", "data", spec={"storageClassName": "gp3"}, status={"phase": "Pending"})
    user = pod(spec={"nodeName": None, "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]})
    said = event("e", "data", "ProvisioningFailed", f'failed to provision volume with StorageClass "gp3": {quota}', kind="PersistentVolumeClaim")
    found = next(c for c in find(web(user, events=[claim, said])) if c.code == "ProvisioningFailed")
    assert "is used up: CreateVolume failed: googleapi: Error 403: QUOTA_EXCEEDED" in found.cause and "raise the quota" in found.hint


def test_the_words_of_a_kubelet_that_rejects_pods_are_told_without_what_it_counts():
    def words(reason, text):
        gone = [pod(f"web-1-{n}", status={"phase": "Failed", "reason": reason, "message": text}, ago=20 - n) for n in range(2)]
        return find(snapshot(deployment(), replicaset(), *gone))[0].cause

    assert words("SysctlForbidden", 'Pod was rejected: forbidden sysctl: "net.core.somaxconn"').endswith('(forbidden sysctl: "net.core.somaxconn")')
    assert words("OutOfcpu", "Pod was rejected: used: 110, capacity: 110").endswith("OutOfcpu")


def test_an_eviction_says_why_and_a_foreign_user_is_not_that_of_the_run():
    low = "The node was low on resource: ephemeral-storage. Threshold quantity: 2, available: 1."
    gone = pod(status={"phase": "Failed", "reason": "Evicted", "message": low})
    assert "(Evicted: The node was low on resource: ephemeral-storage)" in find(web(gone))[0].cause
    none = {**replicaset(), "status": {"replicas": 0}}
    said = 'Error creating: pods "x" is forbidden: User "system:serviceaccount:dd:agent" cannot get resource "pods" in API group "" in the namespace "ns"'
    (found,) = find(snapshot(deployment(), none, event("e", "web-1", "FailedCreate", said, kind="ReplicaSet")))
    assert (found.code, found.object) == ("NotAllowed", "ReplicaSet/web-1") and "which is not the user of this run" in found.hint


@pytest.mark.parametrize(
    ("why", "says", "hint"),
    [
        ('no endpoints available for service "policy-server"', "no ready pod", "start the pods again of Service policy-server: kubectl -n kubewarden get"),
        ('service "policy-server" not found', "its Service does not exist", "remove its webhook configuration; it calls Service policy-server"),
        ("Address is not allowed", "cannot be called: ", "network from the API server"),
    ],
)
def test_the_service_of_a_webhook_is_named(why, says, hint):
    call = 'failed calling webhook "w.kubewarden.admission": failed to call webhook: Post "https://policy-server.kubewarden.svc:443/v?timeout=10s": '
    refused = event("e", "web-1", "FailedCreate", f"Error creating: Internal error occurred: {call}{why}", kind="ReplicaSet")
    (found,) = find(snapshot(deployment(), {**replicaset(), "status": {"replicas": 0}}, refused))
    assert (found.code, found.object) == ("WebhookUnavailable", "ReplicaSet/web-1") and says in found.cause and hint in found.hint


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("err: Error making API request. URL: GET https://vault:8200/v1/it Code: 403. Errors: * permission denied", "permission to read the key"),
        ("err: secret prod/db is marked for deletion", "correct the store or the key"),
        ("err: key not found in 1Password Vaults: it in: map[prod:1]", "correct the store or the key"),
    ],
)
def test_what_a_secret_store_forbids_or_lacks_does_not_get_better(text, hint):
    ready = {"type": "Ready", "status": "False", "reason": "SecretSyncedError", "message": f"error processing spec.data[0], {text}"}
    waiting = obj("ExternalSecret", "es", ago=30, status={"conditions": [{**ready, "lastTransitionTime": stamp(20)}]})
    (found,) = find(snapshot(waiting, scope=Scope((), (), "ns", "rel", custom=(("ExternalSecret", "es"),))))
    assert (found.code, found.object) == ("ExternalSecretFailed", "ExternalSecret/es") and hint in found.hint


def test_the_instance_manager_is_read_past_its_exit_status():
    """cloudnative-pg#6470: the program's own words are in a line of the level info."""
    words = '{"level":"info","msg":"2024-12-28 ERROR: WAL archive check failed for server local: Expected empty archive","pipe":"stderr"}'
    ends = '{"level":"error","msg":"Error invoking barman-cloud-check-wal-archive","error":"exit status 1"}'
    assert operators.said(f"{words}\n{ends}") == "WAL archive check failed for server local: Expected empty archive"
    assert operators.said(ends) == "exit status 1" and operators.said(f'{words}\n{{"level":"error","err":"no space left"}}') == "no space left"


def test_a_container_that_a_webhook_added_is_named_whatever_goes_wrong():
    template = {"template": {"spec": {"containers": [{"name": "it"}]}}}
    owner, newest = ({**each, "spec": {"replicas": 1, **template}} for each in (deployment(), replicaset()))
    run = {"restartCount": 0, "ready": False, "started": False, "state": {"running": {"startedAt": stamp(50)}}}
    probe = {"startupProbe": {"httpGet": {"port": 15021}, "periodSeconds": 1, "failureThreshold": 20}}
    spec = {"containers": [{"name": "it"}, {"name": "istio-proxy", **probe}]}
    states = [{"name": "it", **run, "ready": True, "started": True}, {"name": "istio-proxy", **run}]
    told = event("e", "web-1-a", "Unhealthy", "Startup probe failed: connection refused", path="spec.containers{istio-proxy}", ago=2)
    (found,) = find(snapshot(owner, newest, pod(containers=states, spec=spec, status={"phase": "Running"}, ago=60), told))
    assert found.code == "NotReadyInTime" and found.cause.startswith("container istio-proxy, which the release does not declare")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('MountVolume.SetUp failed for volume "quota-zone" : rpc error: code = Internal desc = odd', "the storage driver returns an error: "),
        ('MountVolume.SetUp failed for volume "x" : Not enough disk space', "has no free space"),
        ('MountVolume.SetUp failed for volume "x" : StatusCode=401 -- Original Error: adal: Refresh request failed', "no valid credentials"),
        ('MountVolume.MountDevice failed for volume "x" : mount: wrong fs type, bad option, bad superblock on /dev/sde', "does not know a mount option"),
    ],
)
def test_a_name_is_no_reason(text, says):
    assert says in mounting(text).cause


def test_names_of_images_and_containers_are_no_reasons():
    image = "reg.example/expired-token/firewall:403"
    said = f'Failed to pull image "{image}": failed to resolve reference "{image}": {image}: not found'
    assert told("Failed", said)[0].code == "ImageNotFound" and told("Failed", f"{PULL}manifest for reg.example/a/b:v1 not found")[0].code == "ImageNotFound"
    spec = {"containers": [{"name": "device-seccomp"}]}
    state = {**waits("CreateContainerError", 'something odd with container "device-seccomp"'), "name": "device-seccomp"}
    assert "cannot create the container: something odd" in find(web(pod(containers=[state], spec=spec)))[0].cause


def test_a_handler_that_the_runtime_lacks_is_named():
    (found,) = told("FailedCreatePodSandBox", SANDBOX + 'RuntimeHandler "runsc" not supported')
    assert "no handler runsc" in found.cause and "runtimeClassName" in found.hint


def mounting(text, **volume):
    volumes = [{"name": "x", **volume}] if volume else []
    return find(web(pod(containers=[waits()], spec={"volumes": volumes}), events=[event("e", "web-1-a", "FailedMount", text)]))[0]


def test_a_volume_of_the_kubelet_itself_is_no_storage():
    said = 'MountVolume.SetUp failed for volume "x" : mount failed: Output: Failed to start transient scope unit: Connection timed out'
    assert "the storage does not answer" in mounting(said).cause and "the storage does not answer" in mounting(said, csi={}).cause
    assert "kubelet of Node/n1 returns an error: Failed to start transient scope" in mounting(said, emptyDir={}).cause
    token = mounting('MountVolume.SetUp failed for volume "x" : failed to fetch token: Post "https://10.0.0.1/api/v1/x": dial tcp: i/o timeout')
    assert "gets no token of the pod's ServiceAccount" in token.cause and "API server" in token.hint


@pytest.mark.parametrize(("name", "maker"), [("kube-root-ca.crt", "kube-controller-manager"), ("istio-ca-root-cert", "istiod")])
def test_what_a_controller_creates_in_every_namespace_is_waited_for(name, maker):
    """A pod may be faster than the controller in a new namespace: that fails no rollout at once."""
    found = mounting(f'MountVolume.SetUp failed for volume "x" : configmap "{name}" not found')
    assert (found.code, found.certainty) == ("MountRetrying", Certainty.RETRYABLE) and maker in found.cause and maker in found.hint
    assert mounting('MountVolume.SetUp failed for volume "x" : configmap "other" not found').code == "ConfigMapMissing"


def test_a_container_that_runs_had_a_sandbox_and_its_volumes():
    early = [event("a", "web-1-a", "FailedCreatePodSandBox", "Failed to create pod sandbox: x"), event("b", "web-1-a", "FailedMount", "x")]
    runs = {"name": "it", "ready": False, "restartCount": 0, "state": {"running": {"startedAt": stamp(3)}}}
    assert find(web(pod(containers=[runs], status={"phase": "Running"}), events=early)) == []
    assert {c.code for c in find(web(pod(containers=[waits()]), events=early))} == {"SandboxFailed", "MountFailed"}


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ('12:00:01 [ERROR] agent: failed: Errors:\n\n* permission denied\n\n"\n', "12:00:01 [ERROR] agent: failed: Errors: * permission denied"),
        ("error no table 'nat'\nError occurred at line: 1\nTry iptables -h\n", "error no table 'nat' Error occurred at line: 1 Try iptables -h"),
        ("12:00:01 ERROR first\n12:00:02 INFO bye\n", "12:00:02 INFO bye"),
        ("12:00:01 INFO start\n12:00:02 ERROR last\n", "12:00:02 ERROR last"),
        ("12:00:01 INFO start\nlast words\n", "last words"),
    ],
)
def test_an_error_of_several_lines_is_told_whole(log, line):
    assert crash_line(log) == line


def test_a_termination_message_is_read_like_a_log():
    panic = "thread 'main' panicked at src/main.rs:1:2:\nconfig file missing\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n"
    (found,) = find(crashed(101, message=panic, restarts=3))
    assert found.cause.endswith("panicked at src/main.rs:1:2: config file missing")


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ('UPGRADE FAILED: "rel" has no deployed releases', "has no deployed releases", "helm -n ns uninstall rel"),
        (
            'Unable to continue with install: ServiceAccount "gw" in namespace "ns" exists and cannot be imported into the current release: x',
            "ServiceAccount/gw exists already",
            "kubectl -n ns get ServiceAccount gw",
        ),
        ('no matches for kind "ServiceMonitor" in version "monitoring.coreos.com/v1"', "does not serve ServiceMonitor", "CustomResourceDefinition"),
        ('Get "https://10.0.0.1:6443/apis": http2: client connection lost', "lost the connection to the API server", "network"),
        (
            "UPGRADE FAILED: pre-upgrade hooks failed: job mig failed",
            "no object in the namespace explains: pre-upgrade hooks failed: job mig failed",
            "Helm's error",
        ),
    ],
)
def test_helms_own_words_are_told(text, says, hint):
    found = helm_cause(snapshot(), Helm(running=False, ended_at=NOW - 5, error=text))
    assert found.object == "Release/rel" and says in found.cause and hint in found.hint


def test_a_pod_that_waits_for_a_claim_nobody_knows_is_not_a_bare_time_out():
    why = {"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."}]}
    picture = web(pod(status=why, spec={"nodeName": None}, ago=300))
    found = timeout_cause(picture, judge(picture, find(picture), Helm(running=False)), 300)
    assert found.code == "Unschedulable" and "unbound immediate PersistentVolumeClaims" in found.cause


def test_a_pod_that_its_kubelet_only_warns_of_is_not_a_bare_time_out():
    picture = web(pod(ago=300), events=[event("e", "web-1-a", "FailedSync", "error determining status: context deadline exceeded")])
    found = timeout_cause(picture, judge(picture, find(picture), Helm(running=False)), 300)
    assert found.code == "PodStarting" and "the last warning: FailedSync: error determining status" in found.cause


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("a: b: failed to create shim task: OCI runtime create failed: open /proc/x: permission denied: unknown", "open /proc/x: permission denied"),
        ("mount failed: exit status 32 Mounting command: mount Output: mount.nfs: Protocol not supported", "mount.nfs: Protocol not supported"),
        (
            'failed with HTTPStatusCode: 403, RawError: {"error":{"code":"X","message":"Resource was disallowed by policy."}}',
            "Resource was disallowed by policy",
        ),
        ("short", "short"),
        ("", ""),
    ],
)
def test_the_end_of_a_chain_says_most(text, end):
    assert innermost(text) == end
    assert len(innermost("word " * 10_000)) <= MOST + 2
