# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Between a pod's creation and its first container: a scheduler or controller that does nothing, a node that refuses, network, DNS, postStart hooks.

What takes its time without a sign of trouble is no cause: waits.py names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from ...codes import FATAL, RETRYABLE, SHOWN
from ...gateway import log_words, word_table
from ...gateway.innermost import innermost
from ...kube.objects import Object, age, asked_container, containers, epoch, finished, has_been_seen, has_run, meta, name_of, ref, status_of, waiting
from ..model import Cause, Snapshot, events_of, job_pods, new_replicaset, own, pods_of, since, starting, workers
from ..waits import silent_scheduler
from . import config, origin
from .cause import cause, rule
from .containers import EXITS_ALIKE, exits_of
from .jobs import refused

#: seconds without any sign of a scheduler or controller: they act within milliseconds, and a watch may be late
SILENT = 10.0
#: events of the kubelet about a sandbox (pkg/kubelet/events)
SANDBOX = ("FailedCreatePodSandBox", "FailedPodSandBoxStatus", "NetworkNotReady", "FailedPrepareDynamicResources", "FailedCreatePodContainer")
#: reasons of pods that a kubelet did not admit, and may admit the next time, as `OutOf…`
PASSING = ("NodeAffinity", "NodeShutdown", "UnexpectedAdmissionError")
#: pods that kubelets have rejected for a lasting reason, after which a node named by the template will not admit the next one;
#: and seconds that a scheduler has to find a better node: it chooses one for some pods a second
ENOUGH, SEARCH = 3, 20.0
#: how resolvers of the C library, Rust, Go, Node and libpq say that a name has no address
_NO_ADDRESS = re.compile(
    r"failed to lookup address|Name or service not known|Temporary failure in name resolution|nodename nor servname|no such host"
    r"|getaddrinfo (?:ENOTFOUND|EAI_AGAIN)|could not translate host name|[Cc]ould not resolve host|bad address '",
)
_NAME = re.compile(
    r"lookup ([\w.-]{1,260}?)(?:\.? on |:)|(?:ENOTFOUND|EAI_AGAIN) ([\w.-]{1,260})|host name \"([^\"]{1,260})\""
    r"|resolve host:? ([\w.-]{1,260})|address '([^']{1,260})'|information for ([\w.-]{1,260})"
)


@rule(120)
def silent_schedulers(snapshot: Snapshot) -> Iterator[Cause]:
    """A pod that no scheduler has looked at, or that is held back by a scheduling gate."""
    for kind, owner, pod in starting(snapshot):
        made = epoch(meta(pod).get("creationTimestamp"))
        gates = [str(g.get("name")) for g in (pod.get("spec") or {}).get("schedulingGates") or ()]
        if gates and not (pod.get("spec") or {}).get("nodeName"):
            what = f"the pod of {kind}/{owner} has scheduling gates that no controller has removed: {', '.join(gates)}"
            yield cause("SchedulingGated", snapshot, ref(pod), what, "spec.schedulingGates", since=made)
        elif age(pod, snapshot.now) > SILENT and silent_scheduler(snapshot, pod):
            who = (pod.get("spec") or {}).get("schedulerName") or "default-scheduler"
            what = f"scheduler {who} has not acted on the pod of {kind}/{owner}; the scheduler is probably not running"
            yield cause("SchedulerSilent", snapshot, ref(pod), what, "the pod has no condition PodScheduled and no event", since=made)


@rule(110)
def silent_controllers(snapshot: Snapshot) -> Iterator[Cause]:
    """A Deployment, ReplicaSet or Job that its controller has not looked at: no status, no pod, and no event that says why."""
    for name in snapshot.scope.deployments:
        owner = snapshot.kind("Deployment").get(name) or {}
        newest = new_replicaset(snapshot, name)
        if newest is not None:
            wanted = (newest.get("spec") or {}).get("replicas") or 0
            made = _changed(newest, snapshot)
            unseen = bool(meta(newest).get("generation")) and not has_been_seen(newest)
            if unseen and wanted and not pods_of(snapshot, meta(newest).get("uid")) and snapshot.now - made > SILENT:
                yield _silent(snapshot, f"ReplicaSet/{meta(newest).get('name')}", "ReplicaSet", "has created no pod", made)
        elif owner and not has_been_seen(owner):
            made = _changed(owner, snapshot)
            if snapshot.now - made > SILENT:
                yield _silent(snapshot, f"Deployment/{name}", "Deployment", "has not acted on the change", made)
    for name, job in own(snapshot, "Job"):
        idle = finished(job) is None and not job.get("status") and not (job.get("spec") or {}).get("suspend")
        if idle and not job_pods(snapshot, name) and not events_of(snapshot, "Job", name) and age(job, snapshot.now) > SILENT:
            who = (job.get("spec") or {}).get("managedBy")
            yield _silent(snapshot, f"Job/{name}", f"Job (managedBy {who})" if who else "Job", "has created no pod", epoch(meta(job).get("creationTimestamp")))


def _silent(snapshot: Snapshot, where: str, controller: str, what: str, begun: float) -> Cause:
    words = f"the {controller} controller {what}; kube-controller-manager is probably not running"
    return cause("ControllerSilent", snapshot, where, words, "the object has no status for its current generation, and no event", since=begun)


def _changed(obj: Object, snapshot: Snapshot) -> float:
    """When its specification was changed last, as far as the fields' managers tell; not before this run."""
    stamps = [epoch(m.get("time")) for m in meta(obj).get("managedFields") or () if not m.get("subresource")]
    return max([*stamps, epoch(meta(obj).get("creationTimestamp")), snapshot.started])


HANDLER_CURE = "install the handler in the container runtime of the nodes, or correct oceans_llm_values.scheduling.runtimeClassName: kubectl get runtimeclasses"
_ON_NODE = "kubectl get pods -A -o wide --field-selector spec.nodeName={node}"
#: what else is told of a sandbox: the sentence after `node N cannot create the sandbox of …:` and the hint
_SANDBOX = r"""
SandboxFailed DRA driver (?P<driver>\S+) is not registered
    the DRA driver {driver} is not registered on the node
    start the driver's pod on the node: ON_NODE
SandboxFailed failed to find plugin "(?P<program>[^"]+)"
    the program of the network plugin (CNI) {program} is missing on the node
    start the network plugin's pod on the node, which installs the program: ON_NODE
SandboxFailed unable to connect to Cilium|/run/flannel/subnet\.env|/var/lib/calico/nodename|dial unix \S*(cni|ovn|multus|weave|antrea)
    |dial tcp (127\.0\.0\.1|\[::1\]):\d+: connect: connection refused
    the agent of the network plugin (CNI) {plugin} does not run on the node
    start the network plugin's pod on the node: ON_NODE
SandboxFailed plugin type=.*"http://(localhost|127\.0\.0\.1)(:\d+)?/[^"]*": (EOF|read|write|unexpected|http:)
    the agent of the network plugin (CNI) {plugin} breaks off its answer: {told}
    read why the network plugin's pod on the node restarts: ON_NODE
SandboxFailed plugin type=.*(unauthorized|forbidden: user)
    the API server refuses the credentials of the network plugin (CNI) {plugin}
    restart the network plugin's pod on the node, which writes new credentials: ON_NODE
SandboxFailed plugin type=.*"https://[^"]*/api[^"]*": (dial|net|context|EOF|http2|x509|tls)
    the network plugin (CNI) {plugin} does not reach the API server, or does not trust it
    check kube-proxy (or its replacement) on the node, and the route from the node to the API server: ON_NODE
SandboxFailed failed to (get|pull)[^\n]{0,40} sandbox image "(?P<image>[^"]+)"|initializing source docker://(?P<source>[\w./:@-]+):[ ]
    the image {image}{source} of the sandbox cannot be pulled
    push the image to a registry that the node reaches, and correct the sandbox image in the container runtime's configuration on the node
SandboxFailed is reserved for|shim task: context deadline exceeded|code = DeadlineExceeded desc = context deadline exceeded
    the container runtime does not finish its work in time, because it is slow or hangs
    check load and disk of the node; if the error stays, restart the container runtime on the node: kubectl describe node {node}
SandboxFailed final child's PID from pipe|copying bootstrap data to pipe
    the first process of the sandbox ended at once, usually because the node has no memory or process ids
    keep pods away from the node, and free memory on it: kubectl cordon {node}; kubectl describe node {node}
SandboxFailed /dev/kvm|KVM kernel module
    the node offers no hardware virtualization (KVM), which RuntimeClass {runtime} needs
    schedule the pod to nodes with KVM, or correct oceans_llm_values.scheduling.runtimeClassName
SandboxFailed network-attachment-definition\S* "?\(?(?P<net>[\w.-]{1,253})
    the network attachment {net} that an annotation of the pod names does not exist
    create the NetworkAttachmentDefinition, or remove the annotation k8s.v1.cni.cncf.io/networks: kubectl get network-attachment-definitions -A
SandboxFailed failed to assign an IP address|no available addresses|no (more |free )?(IP )?addresses available|no more IPs available|InsufficientFreeAddresses
    |range is full|(could not|unable to|failed to) allocate [^\n]{0,40}\bIP\b|no free IPs?\b|address pool [^\n]{0,40}exhausted
    no IP address is free for the pod: {told}
    enlarge the subnet or the IP pool of the node, or delete pods: kubectl get pods -A -o wide
SandboxFailed plugin type=.*(ip ?pools?\b|calico pools)
    the network plugin (CNI) {plugin} has no IP pool for the pod: {told}
    create or enable an IP pool of the network plugin, and correct the pool's node selector: kubectl get ippools -o yaml
SandboxFailed plugin type=.*(iptables|nftables|ip6tables|netfilter|nf_tables)
    the network plugin (CNI) {plugin} cannot change the packet filter of the node: {told}
    load the kernel modules that iptables or nftables needs on the node, and update the network plugin: kubectl describe node {node}
SandboxFailed plugin type=.*(timeout|timed out|deadline exceeded|too ?many ?requests|\b429\b)
    the network plugin (CNI) {plugin} does not answer in time: {told}
    check the load of the node and of the network plugin's pod on it: ON_NODE
SandboxFailed plugin type=.*already exists
    the network plugin (CNI) {plugin} finds remains of an earlier pod: {told}
    restart the network plugin's pod on the node, which removes the remains: ON_NODE
SandboxFailed plugin type=.*(not supported|unknown device|invalid argument|operation not permitted|no such device)
    the kernel of the node refuses what the network plugin (CNI) {plugin} does: {told}
    compare kernel and modules of Node/{node} with those of the other nodes: kubectl get nodes -o wide
""".replace("ON_NODE", _ON_NODE)
SANDBOX_TEXTS = tuple(word_table.rows(_SANDBOX))


@rule(130)
def sandboxes(snapshot: Snapshot) -> Iterator[Cause]:
    """No container can be created: the sandbox, which is the network, or a device. Told by events only."""
    for kind, owner, pod in starting(snapshot):
        if any(has_run(status) for status, _init in containers(pod)):
            continue
        told = [e for e in events_of(snapshot, "Pod", name_of(pod)) if e.get("reason") in SANDBOX]
        if told:
            text = str(told[-1].get("message") or told[-1].get("reason"))
            plugin = re.search(r'plugin type="([^"]+)"', text)
            spec, handler = pod.get("spec") or {}, re.search(r'(?:no runtime for|runtime ?handler) "?([\w.-]{1,63})', text, re.IGNORECASE)
            node, whose = spec.get("nodeName") or "?", f" {plugin[1]}" if plugin else ""
            names = {"node": node, "plugin": plugin[1] if plugin else "of the node", "runtime": str(spec.get("runtimeClassName")), "told": innermost(text)}
            known = word_table.matched(SANDBOX_TEXTS, text, **names)
            if handler:
                why, hint = f"its container runtime has no handler {handler[1]} (RuntimeClass {spec.get('runtimeClassName')})", HANDLER_CURE
            elif known:
                _code, why, hint = known
            elif told[-1].get("reason") == "NetworkNotReady" or re.search(r"plugin type=|\bcni\b|NetworkPluginNotReady|network", text, re.IGNORECASE):
                by = (
                    "the network of the node is not ready"
                    if told[-1].get("reason") == "NetworkNotReady"
                    else f"the network plugin (CNI){whose} returns an error"
                )
                why, hint = f"{by}: {names['told']}", ""
            else:
                said, hint = config.of_runtime(snapshot, pod, "", text)
                why = said if said != names["told"] else f"the container runtime returns an error: {said}"
            what = f"node {node} cannot create the sandbox of the pod of {kind}/{owner}: {why}"
            yield cause("SandboxFailed", snapshot, ref(pod), what, text, since=since(told[0], snapshot), hint=hint)


@rule(140)
def rejected(snapshot: Snapshot) -> Iterator[Cause]:
    """Pods that the kubelet of their node does not admit. Their controller creates others at once: one cause for all, whose sentence has no number."""
    for (kind, owner), group in groupby(workers(snapshot), key=lambda each: each[:2]):
        pods = [pod for _kind, _owner, pod in group]
        gone = [pod for pod in pods if refused(pod)]
        if not gone:
            continue
        last, many, pinned = gone[-1], len(gone) > 1, _pinned(snapshot, kind, owner)
        status, reason = last.get("status") or {}, str((last.get("status") or {}).get("reason"))
        passes = reason.startswith("OutOf") or reason in PASSING and not (pinned and reason == "NodeAffinity")
        again = len(gone) >= ENOUGH and not passes
        admitted = any(any(containers(pod)) for pod in pods[pods.index(last) + 1 :])  # a younger one
        sure = SHOWN if admitted or passes and not many else FATAL if pinned and again else RETRYABLE
        nodes = sorted({str((pod.get("spec") or {}).get("nodeName") or "?") for pod in gone})
        who = f"kubelets of nodes {', '.join(nodes[:3])}{', …' * (len(nodes) > 3)} do" if len(nodes) > 1 else f"kubelet of node {nodes[0]} does"
        what = f"the {who} not admit the {'pods' if many else 'pod'} of {kind}/{owner}: {reason}"
        said = status.get("message") or ""
        why = "" if reason.startswith("OutOf") else innermost(said.removeprefix("Pod was rejected: "))  # it counts what changes
        what += f" ({why})" if why and why != reason else ""
        what += f"; the pod template sets nodeName {pinned}, so no scheduler checks whether the pod fits the node" if pinned else ""
        where = ref(last) if not many or kind == "Cluster" else f"Job/{owner}" if kind == "Job" else ref(new_replicaset(snapshot, owner) or {})
        since_first = epoch(meta(gone[0]).get("creationTimestamp"))
        budget = SEARCH if again else None
        yield cause("PodRejected", snapshot, where, what, said, since=since_first, certainty=sure, budget=budget, name=name_of(last))


def _pinned(snapshot: Snapshot, kind: str, owner: str) -> str:
    """The node that the pod template names."""
    template = ((snapshot.kind(kind).get(owner) or {}).get("spec") or {}).get("template") or {}
    return str((template.get("spec") or {}).get("nodeName") or "")


@rule(145)
def unknown_nodes(snapshot: Snapshot) -> Iterator[Cause]:
    """The pod template names a node whose kubelet does nothing: no scheduler has seen whether the node exists."""
    for kind, owner, pod in starting(snapshot):
        pinned, status = _pinned(snapshot, kind, owner), pod.get("status") or {}
        if pinned and not status.get("startTime") and not any(containers(pod)) and age(pod, snapshot.now) > SILENT:
            what = f"the kubelet of node {pinned} has not acted on the pod of {kind}/{owner}; the pod template sets nodeName {pinned}"
            yield cause("PodStarting", snapshot, ref(pod), what, "the pod has no startTime", since=epoch(meta(pod).get("creationTimestamp")))


@rule(150)
def hooks(snapshot: Snapshot) -> Iterator[Cause]:
    """A postStart hook that fails: the kubelet kills the container, whose own log and exit code say nothing of it."""
    for _kind, _owner, pod in starting(snapshot):
        for status, _init in containers(pod):
            if status.get("ready"):
                continue
            name, state = str(status.get("name")), waiting(status)
            told = [e for e in events_of(snapshot, "Pod", name_of(pod)) if e.get("reason") == "FailedPostStartHook" and _about(e, name)]
            if told or state.get("reason") == "PostStartHookError":
                text = (told[-1].get("message") if told else "") or state.get("message") or "FailedPostStartHook"
                what = f"the postStart hook fails, and the kubelet kills the container{f' ({exits_of(status)} times)' if exits_of(status) > 1 else ''}"
                sure = FATAL if exits_of(status) >= EXITS_ALIKE else None
                begun = since(told[0], snapshot) if told else snapshot.now
                yield cause("LifecycleHookFailed", snapshot, ref(pod), what, str(text), since=begun, container=name, certainty=sure)


def _about(event: Object, container: str) -> bool:
    path = str((event.get("involvedObject") or {}).get("fieldPath") or "")
    return f"{{{container}}}" in path or (not path and container in str(event.get("message")))


@rule(200)
def lookups(snapshot: Snapshot) -> Iterator[Cause]:
    """A container that runs and cannot resolve a name, by its own last lines: the waiter of a gateway pod, or a program that tries again."""
    for kind, owner, pod in starting(snapshot) if not snapshot.scope.has_cluster else ():  # its Services come late
        for status, _init in containers(pod):
            if "running" not in (status.get("state") or {}) or status.get("ready") and kind == "Deployment":
                continue
            if kind == "Job" and status is not status_of(pod, asked_container(snapshot.kind("Job").get(owner), pod)):
                continue
            name = str(status.get("name"))
            lines = [line.strip() for line in (snapshot.logs.get((name_of(pod), name)) or "").splitlines() if line.strip()]
            line = next((line for line in reversed(lines[-3:]) if _NO_ADDRESS.search(line)), "")
            if line and (origin.own_dns(pod) or not log_words.waits_for(line)):  # else waiter.py knows which name
                yield _lookup(snapshot, f"{kind}/{owner}", pod, name, line, epoch((status["state"]["running"] or {}).get("startedAt")))


def _lookup(snapshot: Snapshot, owner: str, pod: Object, container: str, line: str, begun: float) -> Cause:
    found = _NAME.search(line)
    host = next((g for g in found.groups() if g), "") if found else ""
    spec = pod.get("spec") or {}
    policy, servers = spec.get("dnsPolicy") or "ClusterFirst", (spec.get("dnsConfig") or {}).get("nameservers") or ()
    what = f"container {container} cannot resolve {f'the name {host}' if host else 'a host name'}"
    if policy == "None":
        why = f": the pod template of {owner} sets dnsPolicy None and dnsConfig with nameserver {', '.join(map(str, servers)) or 'none'}"
        why += "" if (spec.get("dnsConfig") or {}).get("searches") else " and no search domains, so that short names of Services do not resolve"
    elif policy == "Default" or (policy == "ClusterFirst" and spec.get("hostNetwork")):
        setting = "dnsPolicy Default" if policy == "Default" else "hostNetwork, with which dnsPolicy ClusterFirst uses the resolver of the node"
        why = f": the pod template of {owner} sets {setting}; so the pods use the name server of the node, which does not resolve names of the cluster"
    else:
        why = f" (dnsPolicy {policy}{f', dnsConfig nameservers {servers}' if servers else ''}): the host name is wrong, or the cluster's DNS does not answer"
    own = origin.own_dns(pod)
    hint = f"remove dnsPolicy and dnsConfig from the pod template, or correct both: kubectl -n {snapshot.scope.namespace} edit {owner}" if own else ""
    where = owner if own and owner.startswith("Deployment/") else ref(pod)
    return cause("NameNotResolved", snapshot, where, what + why, line, since=begun, container=container, hint=hint)
