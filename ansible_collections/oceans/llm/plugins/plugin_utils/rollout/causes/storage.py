# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why storage refuses, whoever says it: kinds of reasons that all drivers, clouds and file servers have. For attaching, mounting and provisioning."""

from __future__ import annotations

from ...gateway import word_table
from ...gateway.innermost import innermost, nameless

#: the first that fits; the words of the driver follow the sentence
_TABLE = r"""
damaged file ?system (?:issues|errors?)|fsck.{0,20} found errors|needs cleaning|superblock
    the file system of the volume is damaged
    check the file system (fsck) while no pod uses the volume, or restore the volume from a backup
file (?:open|mkdir|l?stat|chmod|l?chown|write|remove|unlink(?:at)?|rename|link) /\S{1,300}: (?:permission denied|operation not permitted)
    the kubelet or the storage driver may not use a path of the node
    correct the owner and mode of the path on the node, or the SELinux or AppArmor policy that forbids the access
denied \b(?:access|permission) ?denied\b|not authori[sz]ed|unauthori[sz]ed|disallowed by policy|ScopeLocked|\b403\b.{0,40}(?:forbidden|unauthorized)
    |Error 403: Required|AuthorizationFailed|does not have authorization|is forbidden
    the storage provider denies the request of the storage driver
    give the identity of the driver (cloud role or service account) the permission that the message names, or have the policy changed
credentials NoCredentialProviders|no valid providers|failed to (?:refresh cached|retrieve) credentials|no EC2 IMDS role
    |could not (?:find|load) (?:default )?credentials|AADSTS\d|\b401\b|refresh (?:the )?token|expired ?token|token .{0,20}expired
    |InvalidClientTokenId|invalid_grant|authentication failed
    the storage driver has no valid credentials for the storage provider
    bind the driver's service account to an identity of the cloud, or renew its credentials, and restart the driver's controller
limit quota|LimitExceeded|exceed(?:ed|s) (?:the )?(?:maximum|limit)|limit (?:is )?(?:reached|exceeded)
    |maximum number of|too many (?:volumes|disks|snapshots|requests)
    a quota or limit of the storage provider is used up
    raise the quota or limit that the message names, or delete volumes that nobody uses: kubectl get pv
full (?:insufficient|not? enough) (?:\w{1,20} )?(?:space|capacity|storage)\b|no space left
    |pool is full|out of space|no schedulable (?:disk|replica)
    the storage has no free space
    free space in the storage or enlarge it
zone not in (?:the same )?zone|different (?:availability )?zone|not in the same (?:\w{1,20} )?(?:zone|region)|ZoneMismatch|zone does not match|topology
    the volume and the node do not fit together (zone or topology)
    schedule the pods to nodes in the zone of the volume, and check that the driver runs on these nodes: kubectl get csinodes -o yaml; kubectl get pv -o yaml
name no such host|dial tcp: lookup |could not resolve|name resolution|server misbehaving
    a host name of the storage does not resolve
    correct the host name, or the DNS of the node and the driver
away connection refused|no route to host|host is unreachable|network is unreachable|timed out|i/o timeout|timeout awaiting
    |connection reset|mount error\((?:11[0-5]|10[14])\)
    the storage does not answer
    check the storage server, the network, and firewalls between the nodes and the server
slow code = DeadlineExceeded|deadline exceeded|failed to attach to node
    the storage has not finished the work in time
    check the storage driver's pods and the state of the volume in the storage: kubectl get volumeattachments; kubectl get pods -A
driver error reading from server|code = Unavailable|transport is closing|driver .{0,60}not (?:found|ready)
    the storage driver does not answer
    restart the driver's pods: kubectl get pods -A -o wide
mode access ?modes?\b|volume mode|AccessMode
    the storage does not offer the access mode of the PersistentVolumeClaim
    use an access mode that the StorageClass offers (usually ReadWriteOnce), or another StorageClass: kubectl get storageclasses
secret secrets? "?(?P<secret>[^" ]{1,253})"? not found|(?:getting|get) secret (?P<named>\S{1,253})
    Secret {secret}{named}, which the storage driver needs, cannot be read
    create the Secret, or correct its name in the StorageClass: kubectl get storageclasses -o yaml
stale stale (?:NFS )?file handle|transport endpoint is not connected|endpoint not connected
    the node holds a mount that the storage has given up
    restart the storage driver's pod on the node, or delete the pod so that the kubelet mounts the volume again
used apparently in use|device or resource busy|already mounted|is in use by
    another program on the node uses the device
    find the program on the node (often multipathd), and exclude the device from it: lsblk; multipath -ll
tls TLS tunnel|stunnel|x509|certificate
    no TLS connection to the storage can be established
    check certificate and TLS settings of the storage, and the driver's log on the node
missing no such file or directory|does not exist|not found|wasn't found|mount error\(2\)|NotFound
    something that the volume names does not exist in the storage
    compare the share, path, disk or machine of the volume with the storage: kubectl get pv -o yaml
version protocol not supported|requested NFS version|incorrect mount option|not supported|unsupported|invalid (?:mount option|parameter)|unknown parameter
    the storage, or the kernel of the node, does not support what the volume asks for
    correct the mountOptions (for NFS nfsvers), or the parameters of the StorageClass: kubectl get storageclasses -o yaml
state not allowed in the current state|is not ready|not ready for|not '?running|not healthy|faulted|degraded|being (?:created|deleted)|in (?:progress|state)
    the volume, or the machine of the node, is in a state that does not allow this
    check the state of the volume and of the machine at the storage provider
other
    the storage driver returns an error
    read the log of the storage driver: kubectl get pods -A -o wide; kubectl get events -A --field-selector type=Warning
"""
TEXTS = tuple(word_table.rows(_TABLE))


def reason(text: str, *names: str) -> tuple[str, str]:
    """(why, with the driver's own words; hint). `names` of objects say nothing, whatever they look like."""
    found = word_table.matched(TEXTS, nameless(" ".join(text.split()), *names))
    _kind, why, hint = found or ("", "", "")  # the last row fits all
    return f"{why}: {innermost(text)}", hint
