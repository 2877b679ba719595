# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes. FailedMount is told by events only, never by a status."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...codes import FATAL
from ...gateway import word_table
from ...gateway.innermost import innermost
from ...kube.objects import Object, claims, containers, epoch, has_run, meta, name_of, names_in, ref, seen_at, waiting
from ..model import Cause, Snapshot, events_of, since, starting
from . import config, storage
from .cause import cause, rule
from .reasons import REASONS

#: seconds without a word after which a provisioner is taken to be away; cloud disks are there within half of it
PROVISIONING = 20.0
_PROVISIONER = re.compile(r"external provisioner '([^']+)'")
MOUNTS = tuple(reason for reason, code in REASONS["Events of the kubelet"].items() if code == "MountFailed")
#: what the kubelet and the Secrets Store CSI driver say of a mount; the first that fits. The providers word a store's answer differently: its code counts
_TABLE = r"""
MountFailed driver name (?P<driver>\S+) not found in the list of registered CSI drivers|does not contain driver (?P<absent>\S+)
    |NodeID for driver "(?P<unknown>[^"]+)"
    CSI driver {driver}{absent}{unknown} is not registered on Node/{node}
    start the driver's pod on the node, or keep the gateway pods off the node: kubectl get csinode {node} -o yaml
MountFailed get secretproviderclass (?P<spc>[^\s,]+).*not found
    the pod mounts SecretProviderClass {spc}, which does not exist
    create the SecretProviderClass: kubectl -n {ns} get secretproviderclasses
MountFailed provider not found: provider "(?P<provider>[^"]+)"|provider binary (?P<binary>\w+)
    the Secrets Store CSI driver has no provider {provider}{binary} on Node/{node}
    start the provider's pod on the node: kubectl get pods -A -o wide --field-selector spec.nodeName={node}
MountFailed (driver|plugins)\S*\.sock: connect: |node service has VOLUME_MOUNT_GROUP
    the CSI driver of volume {volume} does not answer on Node/{node}
    restart the driver's pod on the node: kubectl get pods -A -o wide --field-selector spec.nodeName={node}
MountFailed failed to fetch token: serviceaccounts "(?P<account>[^"]+)" not found
    the pod's ServiceAccount {account} does not exist
    create the ServiceAccount: kubectl -n {ns} create serviceaccount {account}
MountFailed failed to fetch token
    the kubelet of Node/{node} gets no token of the pod's ServiceAccount: {told}
    check the API server and the way from the node to it: kubectl describe node {node}
MountFailed might need a /sbin/mount
    Node/{node} lacks the program that mounts volume {volume}
    install the mount program of the file system on the nodes, such as nfs-common or amazon-efs-utils
MountFailed external-attacher of (?P<driver>\S+) CSI driver
    the attacher of CSI driver {driver} has not attached volume {volume} to Node/{node}
    check the pods of the driver's controller: kubectl get volumeattachments; kubectl get pods -A
MountFailed attachment ?limit|maximum (allowed )?number of [^.]{0,40}attach|attach (up to|only) \[?\d+|volume count exceeds
    volume {volume} cannot be attached, because the limit of volumes of Node/{node} is reached
    move pods with volumes to other nodes, or use nodes with a higher limit: kubectl get csinode {node} -o yaml
MountFailed fsck. found errors|fsck manually|bad superblock|read superblock|structure needs cleaning
    the file system of volume {volume} is damaged, is of another type than the volume states, or does not know a mount option
    correct mountOptions and fsType of the volume; if both are right, check the file system (fsck) while no pod uses it, or restore the volume from a backup
MountFailed access denied by server|mount error\(13\)
    the file server of volume {volume} denies access to Node/{node}
    admit the node's address in the exports of the server, or correct the credentials of the volume
MountFailed failed to resolve (?P<host>"[^"]+"|server \S+)
    Node/{node} cannot resolve the host of volume {volume}: {host}
    correct the host of the volume, or the name server of the node
MountFailed mount\.nfs: .{0,80}(timed out|no route|refused)
    the file server of volume {volume} does not answer Node/{node}
    check the server, and the firewall between the node and the server
MountFailed no space left on device
    Node/{node} has no disk space for volume {volume}
    free disk space on the node, or keep pods away from it: kubectl cordon {node}
MountFailed read-only file system
    the file system of Node/{node}, or of volume {volume}, is read-only
    check the disk of the node, and keep pods away from it meanwhile: kubectl cordon {node}
MountFailed AttachVolume\.Attach failed .{1,200}code = NotFound
    the disk of volume {volume}, or the machine of Node/{node}, does not exist for the storage provider
    check whether the disk was deleted: kubectl get pv {volume} -o yaml
MountFailed applyFSGroup failed
    the files of volume {volume} cannot be given the fsGroup of the pod
    unset fsGroup in oceans_llm_values.gateway.podSecurityContext, or let the file server allow the change of owners (for NFS no_root_squash)
MountFailed operation with the given volume id .{1,200} already exists|MountDevice failed .{1,200}code = DeadlineExceeded
    the CSI driver has not finished its work on volume {volume}, because it is slow or hangs
    restart the driver's pod on the node: kubectl get pods -A -o wide --field-selector spec.nodeName={node}
MountFailed hostPath type check failed: (?P<path>\S+)|NewMounter initialization failed .{0,300}path "(?P<local>[^"]+)" does not exist
    the path {path}{local} of volume {volume} does not exist on Node/{node}, or is of another type
    create the path on every node, or correct type of the hostPath volume
MountFailed mount secrets store objects.*failed to (get|fetch|acquire|create)[^:]{0,40}(token|credentials?|client)\b
    |mount secrets store objects.*(WebIdentityErr|failed to log ?in|unable to log in)
    the Secrets Store CSI driver cannot log in to the secret store
    correct the identity in the SecretProviderClass, and the annotations and labels that bind the pod's ServiceAccount to this identity
MountFailed mount secrets store objects.*(not ?found|\b404\b)
    a secret that the SecretProviderClass names does not exist in the secret store
    correct the names in the SecretProviderClass, or create the secret in the store
MountFailed mount secrets store objects.*(access ?denied|permission ?denied|not authorized|forbidden|\b40[13]\b)
    the secret store denies the pod's ServiceAccount access to a secret
    give the identity of the ServiceAccount the right to read the secret in the store
MountFailed mount secrets store objects
    the Secrets Store CSI driver does not get the secrets from the secret store
MountFailed ^Unable to attach or mount volumes
    volume {volume} cannot be mounted: the kubelet of Node/{node} gave up waiting, and no event names a reason
"""
TEXTS = tuple(word_table.rows(_TABLE))
#: volumes that the kubelet makes itself, without a storage driver
LOCAL = {"configMap", "secret", "emptyDir", "projected", "downwardAPI", "hostPath", "image"}
#: how attachers and drivers say that another node holds a volume
BUSY = re.compile(
    r"Multi-Attach error|IN_USE_BY_ANOTHER_RESOURCE|VolumeInUse|AttachDiskWhileBeingDetached|currently being detached|attachment is being deleted"
    r"|(?<!not )attached (?:to|on):? (?:node|an? |another|instance|server)|by another (?:node|machine|instance|server)"
    r"|rbd image \S{1,200} is still being used"
)


@rule(70)
def mounts(snapshot: Snapshot) -> Iterator[Cause]:
    """Pods whose volumes do not come; a container that has been created, or could only not be, is the proof that they did."""
    for _kind, _owner, pod in starting(snapshot):
        told = [e for e in events_of(snapshot, "Pod", name_of(pod)) if e.get("reason") in MOUNTS]
        if not told or any(_made(status) for status, _init in containers(pod)):
            continue
        # the kubelet's summary comes after the words that say why
        reasons = [e for e in told if not str(e.get("message")).startswith("Unable to attach or mount volumes")] or told
        text, begun = reasons[-1].get("message") or "", since(told[0], snapshot)
        missing = re.search(r"(secret|configmap) \"([^\"]+)\" not found", text)
        key = re.search(r"references non-existent (secret|config) key: (\S+)", text)
        if missing:
            yield config.of_text(snapshot, pod, "", text)
        elif key:
            code = "SecretKeyMissing" if key.group(1) == "secret" else "ConfigMapKeyMissing"
            kind, name = "Secret" if key.group(1) == "secret" else "ConfigMap", _source(pod, text)
            what = f"{kind} {name} has no key {key.group(2)}, which a volume of the pod mounts"
            yield cause(code, snapshot, ref(pod), what, text, since=begun, key=key.group(2), missing=name)
        elif re.search(r"failed to sync (secret|configmap) cache|not registered", text):
            yield cause("MountRetrying", snapshot, ref(pod), "the node has not received a ConfigMap or Secret yet", text, since=begun)
        elif BUSY.search(text):
            yield cause("VolumeBusy", snapshot, ref(pod), "the volume of the pod is still attached to another node", text, since=begun)
        else:
            yield _failed(snapshot, pod, text, begun)


def _made(status: Object) -> bool:
    return has_run(status) or waiting(status).get("reason") in ("CreateContainerConfigError", "CreateContainerError")


def _failed(snapshot: Snapshot, pod: Object, text: str, begun: float) -> Cause:
    volume = re.search(r"for volume \"([^\"]+)\"|unmounted volumes=\[([^\]]+)\]", text)
    names = {
        "volume": (volume[1] or volume[2]) if volume else "of the pod",
        "ns": snapshot.scope.namespace,
        "node": (pod.get("spec") or {}).get("nodeName") or "",
        "told": innermost(text),
    }
    if known := word_table.matched(TEXTS, " ".join(text.split()), **names):
        _code, what, hint = known
    else:
        why, hint = storage.reason(text, *names_in(pod), names["volume"])
        if LOCAL & set(next((v for v in (pod.get("spec") or {}).get("volumes") or () if v.get("name") == names["volume"]), {})):
            why = f"the kubelet of Node/{names['node']} returns an error: {names['told']}"
            hint = f"read the kubelet's log on Node/{names['node']}: journalctl -u kubelet; kubectl -n {names['ns']} describe pod {name_of(pod)}"
        what = f"volume {names['volume']} cannot be {'attached' if 'AttachVolume' in text else 'mounted'}: {why}"
    return cause("MountFailed", snapshot, ref(pod), what, text, since=begun, hint=hint)


def _source(pod: Object, text: str) -> str:
    """The Secret or ConfigMap behind the volume that a message names."""
    name = re.search(r"for volume \"([^\"]+)\"", text)
    for volume in (pod.get("spec") or {}).get("volumes") or ():
        if name and volume.get("name") == name.group(1):
            return str((volume.get("secret") or {}).get("secretName") or (volume.get("configMap") or {}).get("name") or name.group(1))
    return "<name>"


@rule(20)
def volume_claims(snapshot: Snapshot) -> Iterator[Cause]:
    """Claims of the release's pods, and those of its database, that get no volume."""
    used = {name for _k, _o, pod in starting(snapshot) for name in claims(pod)}
    for _kind, _owner, pod in starting(snapshot):
        for name in claims(pod):
            if name not in snapshot.kind("PersistentVolumeClaim") and _says_missing(snapshot, pod, name):
                what = f"the pod uses PersistentVolumeClaim {name}, which does not exist"
                yield cause("ClaimMissing", snapshot, ref(pod), what, f'persistentvolumeclaim "{name}" not found')
    own = {meta(snapshot.kind(k).get(n) or {}).get("uid") for k, n in snapshot.scope.custom}
    for name, claim in snapshot.kind("PersistentVolumeClaim").items():
        ours = name in used or any(o.get("uid") in own for o in meta(claim).get("ownerReferences") or ())
        phase = (claim.get("status") or {}).get("phase")
        misbound = [e for e in events_of(snapshot, "PersistentVolumeClaim", name) if e.get("reason") in ("ClaimLost", "ClaimMisbound")]
        if ours and phase == "Lost":
            text = misbound[-1].get("message") if misbound else "phase Lost"
            where = f"PersistentVolumeClaim/{name}"
            yield cause("ClaimLost", snapshot, where, "the PersistentVolumeClaim has lost its PersistentVolume, or another claim is bound to it", str(text))
        elif ours and phase == "Pending":
            yield from _claim(snapshot, name, claim)


def _says_missing(snapshot: Snapshot, pod: Object, name: str) -> bool:
    texts = [c.get("message") or "" for c in (pod.get("status") or {}).get("conditions") or ()]
    texts += [e.get("message") or "" for e in events_of(snapshot, "Pod", name_of(pod))]
    return any(f'persistentvolumeclaim "{name}" not found' in text for text in texts)


def _awaited(snapshot: Snapshot, name: str, claim: Object, told: list[Object]) -> Iterator[Cause]:
    """A provisioner that has had time enough and has not said a word: it runs nowhere, or nobody has that name."""
    begun = min((since(e, snapshot) for e in told), default=snapshot.now)
    if snapshot.now - begun > PROVISIONING:
        found = _PROVISIONER.search(str(told[-1].get("message")))
        annotations, spec = meta(claim).get("annotations") or {}, claim.get("spec") or {}
        who = annotations.get("volume.kubernetes.io/storage-provisioner") or (found.group(1) if found else "of the StorageClass")
        what = f"provisioner {who} has not created a volume (StorageClass {spec.get('storageClassName') or 'default'}); the provisioner is probably not running"
        yield cause("ProvisioningFailed", snapshot, f"PersistentVolumeClaim/{name}", what, str(told[-1].get("message")), since=begun)


def _claim(snapshot: Snapshot, name: str, claim: Object) -> Iterator[Cause]:
    events = events_of(snapshot, "PersistentVolumeClaim", name)
    told = [e for e in events if e.get("reason") in ("ProvisioningFailed", "FailedBinding", "VolumeMismatch")]
    if not told:
        yield from _awaited(snapshot, name, claim, [e for e in events if e.get("reason") == "ExternalProvisioning"])
        return
    last = max(told, key=seen_at)
    text, begun = last.get("message") or "", min(since(e, snapshot) for e in told)
    spec = claim.get("spec") or {}
    missing = re.search(r"storageclass(?:\.storage\.k8s\.io)? \"([^\"]+)\" not found", text, re.IGNORECASE)
    where = f"PersistentVolumeClaim/{name}"
    if missing:
        yield cause("StorageClassMissing", snapshot, where, f"StorageClass {missing.group(1)} does not exist", text, since=begun)
    elif "no storage class is set" in text:
        what = "the PersistentVolumeClaim names no StorageClass, and the cluster has no default StorageClass"
        yield cause("StorageClassMissing", snapshot, where, what, text, since=begun)
    else:
        sure = FATAL if "is forbidden" in text or "is invalid" in text else None
        why, hint = storage.reason(text, name, str(spec.get("storageClassName") or ""), snapshot.scope.namespace)
        what = f"no volume can be provisioned (StorageClass {spec.get('storageClassName') or 'default'}): {why}"
        yield cause("ProvisioningFailed", snapshot, where, what, text, since=begun or epoch(None), certainty=sure, hint=hint)
