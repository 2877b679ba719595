# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers that cannot be made: a missing Secret, ConfigMap or key, and a user that contradicts runAsNonRoot."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...codes import RETRYABLE
from ...gateway import word_table
from ...gateway.innermost import innermost, nameless
from ...kube.objects import Object, about_container, age, containers, name_of, names_in, ref, waiting
from ..model import Cause, Snapshot, events_of, starting
from .cause import cause, rule
from .reasons import REASONS

_MISSING = re.compile(r"(secret|configmap) \"([^\"]+)\" not found", re.IGNORECASE)
_KEY = re.compile(r"couldn't find key (\S+) in (Secret|ConfigMap) (?:[^/\s]+/)?(\S+)", re.IGNORECASE)
#: messages of a kubelet whose caches are not there yet: it tries again by itself
_EARLY = re.compile(r"failed to sync (secret|configmap) cache|object \"[^\"]*\"/\"[^\"]*\" not registered|timed out waiting for the condition", re.IGNORECASE)


#: ConfigMaps that a controller of the cluster creates in every namespace, a moment after the namespace
PUBLISHED = {
    "kube-root-ca.crt": "kube-controller-manager",
    "openshift-service-ca.crt": "the service CA operator of OpenShift",
    "istio-ca-root-cert": "istiod",
}
#: a memory limit of some kilobytes (runc, CRI-O, Docker)
TOO_LITTLE = re.compile(r"init was OOM-killed|memory limit (?:\S+ )?too low|minimum memory limit", re.IGNORECASE)
CREATING = tuple(reason for reason, code in REASONS["Container waiting (kubelet)"].items() if code == "ContainerConfig")


#: what else the kubelet and container runtimes say of a container that they cannot create or start: end of the sentence, and hint
_RUNTIME = r"""
ContainerConfig is reserved for|context deadline exceeded
    the runtime does not finish its work in time, because it is slow or hangs
    check load and disk of the node; if the error stays, restart the container runtime on the node: kubectl describe node {node}
ContainerConfig path "(?P<what>[^"]+)" is mounted on .* not a shared mount
    the volume of path {what} has mountPropagation, but the path is not a shared mount on the node
    remove mountPropagation from the volume mount, or run on Node/{node}: mount --make-rshared /
ContainerConfig failed to create snapshot
    the image store of the node lacks a part of the image
    remove the image from the node so that the kubelet pulls it again; run on Node/{node}: crictl rmi
ContainerConfig final child's PID from pipe|copying bootstrap data to pipe
    the container's first process ended at once, usually because the memory limit of the container is too low
    raise the memory limit of container {container} (oceans_llm_resources.limits.memory), or check the memory and process ids of Node/{node}
ContainerConfig bind source path does not exist: (?P<what>\S+)
    the path {what} does not exist on the node
    create the path on Node/{node}, or correct the hostPath volume
ContainerConfig unpacking image|failed to extract layer
    the runtime cannot unpack the image
    remove the image from the node so that the kubelet pulls it again; run on Node/{node}: crictl rmi
ContainerConfig running (\w+ )?hook
    a hook of the container runtime fails (such as the hook of the NVIDIA container toolkit): {told}
    repair what the hook needs on Node/{node} (for NVIDIA the driver), or correct oceans_llm_values.scheduling.runtimeClassName
ContainerConfig chdir to cwd \("(?P<what>[^"]+)"\)
    the container's user may not enter workingDir {what}, or workingDir does not exist
    correct workingDir or runAsUser of container {container}
ContainerConfig subPath (directory )?for volumeMount "(?P<what>[^"]+)"
    the subPath of volume {what} cannot be prepared
    correct subPath of the volume mount, or read the kubelet's log on Node/{node}
ContainerConfig cannot find volume "(?P<what>[^"]+)"
    the kubelet has not mounted volume {what}
    read the events of the pod; if there is no event about the volume, restart the kubelet on Node/{node}: kubectl -n {ns} describe pod {name}
ContainerConfig apparmor_parser
    AppArmor is enabled on the node, but the program apparmor_parser is missing
    install apparmor_parser on Node/{node}, or disable AppArmor on the node
ContainerConfig apparmor
    the AppArmor profile of the container cannot be applied: {told}
    load the profile on every node (apparmor_parser -r FILE), or correct appArmorProfile of the pod
ContainerConfig seccomp
    the seccomp profile of the container cannot be applied: {told}
    copy the profile to /var/lib/kubelet/seccomp on every node, or set seccompProfile.type: RuntimeDefault
ContainerConfig attr/(keycreate|exec)\b|selinux
    the SELinux label of the container is not valid on the node
    correct seLinuxOptions of the pod, or the SELinux policy of Node/{node}
ContainerConfig cgroupsPath to be of format|cgroup-parent for systemd
    the kubelet and the container runtime of the node use different cgroup drivers: {told}
    set the same cgroup driver on Node/{node}: cgroupDriver of the kubelet, SystemdCgroup of containerd, cgroup_manager of CRI-O
ContainerConfig cgroup|sd-bus|systemd unit|\.(slice|scope)\b
    the node cannot create the cgroup: {told}
    keep pods away from the node and restart it, and check which cgroup controllers it has: kubectl drain {node} --ignore-daemonsets --delete-emptydir-data
ContainerConfig apply caps|capabilit
    the capabilities of the container cannot be set: {told}
    correct securityContext.capabilities of container {container}
ContainerConfig rlimit
    the resource limits (rlimits) of the container cannot be set: {told}
    raise LimitNOFILE and the other limits of the container runtime's service on Node/{node}
ContainerConfig idmap|user namespace|NEWUSER
    the node cannot give the pod a user namespace: {told}
    set hostUsers: true in the pod, or use nodes whose kernel and file systems support idmap mounts
ContainerConfig /dev/\S|\bCDI\b|device
    a device of the container is missing on the node: {told}
    start the device driver's pod on Node/{node}, or remove the device from the container: kubectl get pods -A -o wide --field-selector spec.nodeName={node}
ContainerConfig argument list too long
    arguments and environment of the container are too long: {told}
    set enableServiceLinks: false, or shorten the environment variables of container {container}
ContainerConfig no command specified
    the image has no command, and the container sets none: {told}
    use the gateway's own image, or set command of container {container}
ContainerConfig image not found|no such image|get image
    the image is no longer on the node: {told}
    delete the pod so that the kubelet pulls the image again; free space on the node if its kubelet removes images: kubectl -n {ns} delete pod {name}
ContainerConfig /proc/sys|sysctl
    the node does not let the container runtime set a kernel parameter (sysctl): {told}
    upgrade the container runtime of Node/{node}, or remove the sysctl from the pod
ContainerConfig resolv\.conf
    the kubelet's file of name servers does not exist on the node: {told}
    correct resolvConf in the kubelet's configuration on Node/{node}, or start systemd-resolved
ContainerConfig not supported|not implemented|unsupported|invalid argument
    the kernel or the container runtime of the node does not support what the pod asks for: {told}
    compare kernel and container runtime of Node/{node} with those of the other nodes: kubectl get nodes -o wide
ContainerConfig resource temporarily unavailable|cannot allocate memory|pthread_create failed|too many open files
    the node has no free process ids, memory or files: {told}
    stop processes on the node, or raise its limits; keep pods away from it meanwhile: kubectl cordon {node}
ContainerConfig no space left on device|read-only file system|input/output error
    the disk of the node is full or broken: {told}
    free disk space on the node or repair its disk; keep pods away from it meanwhile: kubectl cordon {node}
ContainerConfig dial unix|connect: connection refused|code = Unavailable|transport is closing
    the container runtime of the node does not answer: {told}
    restart the container runtime on Node/{node}: kubectl describe node {node}
"""
RUNTIME_TEXTS = tuple(word_table.rows(_RUNTIME))
#: what to do about words that no row knows
READ = (
    "correct what the pod's event names, and read the container runtime's log on Node/{node}: journalctl -u containerd -u crio; "
    "kubectl -n {ns} describe pod {name}"
)


def of_runtime(snapshot: Snapshot, pod: Object, container: str, text: str) -> tuple[str, str]:
    """(why, hint) for words of the runtime or the kubelet. What no row knows is quoted."""
    node = (pod.get("spec") or {}).get("nodeName") or "<node>"
    names = {"ns": snapshot.scope.namespace, "name": name_of(pod), "node": node, "container": container, "told": innermost(text)}
    _code, why, hint = word_table.matched(RUNTIME_TEXTS, text, nameless(text, *names_in(pod)), **names) or ("", names["told"], READ.format_map(names))
    return why, hint


@rule(60)
def config(snapshot: Snapshot) -> Iterator[Cause]:
    """CreateContainerConfigError and CreateContainerError, from the status and from the event before it."""
    for _kind, _owner, pod in starting(snapshot):
        for status, _init in containers(pod):
            text = _message(snapshot, pod, status)
            if text:
                yield of_text(snapshot, pod, status["name"], text)


def _message(snapshot: Snapshot, pod: Object, status: Object) -> str:
    state = waiting(status)
    if state.get("reason") in CREATING:
        return state.get("message") or state["reason"]
    if state.get("reason") not in (None, "", "ContainerCreating", "PodInitializing") or set(status.get("state") or {}) - {"waiting"}:
        return ""
    told = [
        e
        for e in events_of(snapshot, "Pod", name_of(pod))
        if e.get("reason") == "Failed" and about_container(e, status["name"]) and (e.get("involvedObject") or {}).get("fieldPath")
    ]
    text = (told[-1].get("message") or "").removeprefix("Error: ") if told else ""
    return text if _MISSING.search(text) or _KEY.search(text) or "runAsNonRoot" in text else ""


def of_text(snapshot: Snapshot, pod: Object, container: str, text: str) -> Cause:
    """The cause that a message of the kubelet about configuration means; of mounts too (volumes.py)."""
    where, begun = ref(pod), snapshot.now - age(pod, snapshot.now)
    key, missing = _KEY.search(text), _MISSING.search(text)
    if key:
        name, kind = key.group(3).rstrip(":"), key.group(2).lower()
        code = "SecretKeyMissing" if kind == "secret" else "ConfigMapKeyMissing"
        has = _keys(snapshot, name) if kind == "secret" else ""
        return cause(code, snapshot, where, f"{key.group(2)} {name} has no key {key.group(1)}{has}", text, container=container, missing=name, key=key.group(1))
    if missing and missing.group(1).lower() == "secret":
        return secret_missing(snapshot, where, container, missing.group(2), text, begun)
    if missing and (maker := PUBLISHED.get(missing.group(2))):
        what, hint = f"ConfigMap {missing.group(2)} does not exist yet; {maker} creates it in every namespace", f"check that {maker} runs: kubectl get pods -A"
        return cause("MountRetrying", snapshot, where, what, text, since=begun, container=container, hint=hint)
    if missing:
        return cause("ConfigMapMissing", snapshot, where, f"ConfigMap {missing.group(2)} does not exist", text, container=container, missing=missing.group(2))
    if "runAsNonRoot" in text or "non-numeric user" in text or "breaks non-root policy" in text:
        user = "runAsUser is 0 (root)" if "breaks non-root policy" in text else "the image's user is root or not a number"
        return cause("RunAsNonRoot", snapshot, where, f"runAsNonRoot is set, but {user}", text, container=container)
    if TOO_LITTLE.search(text):
        what = "the memory limit of the container is too low for any process to start"
        return cause("OOMKilled", snapshot, where, what, text, container=container, limit="the current value")
    if _EARLY.search(text):
        return cause("MountRetrying", snapshot, where, "the node has not received a ConfigMap or Secret yet", text, since=begun, container=container)
    # what is left of CreateContainerError may pass (name in use, runtime busy)
    why, hint = of_runtime(snapshot, pod, container, text)
    what = f"the container runtime cannot create the container: {why}"
    return cause("ContainerConfig", snapshot, where, what, text, since=begun, container=container, certainty=RETRYABLE, budget=60, hint=hint)


def secret_missing(snapshot: Snapshot, where: str, container: str, name: str, text: str, begun: float) -> Cause:
    """A Secret that an object of this release will bring is waited for; any other will not come by itself."""
    maker = snapshot.scope.promised.get(name)
    if maker:
        what = f"Secret {name} does not exist yet; {maker} creates it"
        return cause("SecretPending", snapshot, where, what, text, since=begun, container=container, missing=name, maker=maker)
    driver = _csi(snapshot, where)
    if driver:
        what = f"Secret {name} does not exist yet; the CSI driver {driver} may create it (secretObjects) when it mounts a volume of the pod"
        maker = f"pod {where.partition('/')[2]}; kubectl -n {snapshot.scope.namespace} describe secretproviderclass"
        return cause("SecretPending", snapshot, where, what, text, since=begun, container=container, missing=name, maker=maker, budget=CSI)
    return cause("SecretMissing", snapshot, where, f"Secret {name} does not exist", text, container=container, missing=name)


#: seconds that a Secrets Store CSI driver is given: it creates the Secret at the first mount, a mount is tried again after at most 122 s
CSI = 150.0


def _csi(snapshot: Snapshot, where: str) -> str:
    """The Secrets Store CSI driver of a pod, which can create Secrets when a pod mounts its volume; empty when the pod has none."""
    pod = snapshot.kind("Pod").get(where.partition("/")[2]) or {}
    volumes = (v.get("csi") or {} for v in (pod.get("spec") or {}).get("volumes") or ())
    return next((str(v["driver"]) for v in volumes if v.get("driver") and (v.get("volumeAttributes") or {}).get("secretProviderClass")), "")


def _keys(snapshot: Snapshot, secret: str) -> str:
    """Which keys a Secret has, where the picture knows it (names only)."""
    found = snapshot.kind("SecretKeys").get(secret)
    return f" (keys of this Secret: {', '.join(found['keys'])})" if found else ""
