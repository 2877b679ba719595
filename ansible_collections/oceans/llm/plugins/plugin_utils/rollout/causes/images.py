# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images that cannot be pulled. The registry's answer tells certain from passing, and it comes first in an event.

The kubelet's event `Failed to pull image` is about a second earlier than the container's status, and
`ImagePullBackOff` comes last of all; the status is read too, because an event may be lost.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from ...gateway import word_table
from ...gateway.innermost import innermost
from ...kube import pull_secrets
from ...kube.objects import Object, about_container, container_spec, containers, meta, name_of, ref, seen_at, waiting
from ..model import Cause, Snapshot, events_of, since, starting
from .cause import cause, rule

#: reasons of events
FAILED = ("Failed", "InspectFailed", "ErrImageNeverPull")
#: reasons of a container that waits
PULLING = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed")


class Words(NamedTuple):
    """What a text about a pull means; `sentence` and `hint` with {image}, {registry}, {repository}, {node}, and the hint with `_settings`. Else the code's."""

    code: str
    sentence: str
    hint: str = ""


#: the first that fits. Containerd, CRI-O and Docker word it differently: the status code counts. The proxy's words are what Go says of its answer to CONNECT
_TABLE = r"""
ImageNameInvalid short-name .*did not resolve|unqualified-search registries|short name mode is enforcing
    the image name {image} has no registry host, and the container runtime of the node has no default registry
    write the registry's host into oceans_llm_gateway_image (or oceans_llm_admin_ui_image), for example docker.io/{image}
ImageNameInvalid InvalidImageName|couldn't parse image|invalid reference format|: object required|failed to apply default image tag
    the image name {image} is not a valid image reference
ImageNeverPulled ErrImageNeverPull|pull policy of Never
    the image {image} is not on the node, and its pull policy is Never
ImagePullFailed dial unix[ ]|error reading from server|transport is closing
    the container runtime of the node does not answer, so {image} cannot be pulled
    start the container runtime of the node again: kubectl describe node {node}
ImageRegistryError proxyconnect|407 Proxy Authentication
    |(Head|Get|Post) "https://[^"]*": (Forbidden|Proxy Authentication Required|Service Unavailable|Bad Gateway|Gateway Time-?out)
    the node's HTTP proxy for the registry {registry} does not work
    correct HTTPS_PROXY and NO_PROXY of the container runtime on Node/{node}
ImageRegistryError dial tcp: lookup [^\n]{1,260}device or resource busy
    the node cannot resolve the host name of the registry {registry}
ImagePullFailed snapshotter not loaded|snapshotter \S{1,60} (?:was|is) not (?:found|loaded)
    the container runtime of the node is configured for a snapshotter that is not installed, so {image} cannot be pulled
    correct snapshotter in /etc/containerd/config.toml on Node/{node}, or start the snapshotter
ImageRegistryError media type text/html|invalid character '<' looking for|stopped after 10 redirects
    the server that answers at {registry} is not a container registry
    check whether a proxy or a login page answers; run on Node/{node}: curl -i https://{registry}/v2/
ImagePullFailed content digest sha256:[0-9a-f]*: not found|reader from content store|prepare extraction snapshot
    |lease "[^"]*": not found
    the image store of the node lacks a part of {image}
    remove the image from the node so that the kubelet pulls it again; run on Node/{node}: crictl rmi {image}
ImageDenied 412 Precondition Failed|due to configured policy|prohibited by organization's policy|block(?:ed|ing) (?:by )?(?:[\w-]+ )?policy
    a policy of the registry {registry} blocks the image {image}
    do what the evidence asks for (a newer image without the vulnerabilities, a signature), or change the policy of {registry}
ImagePullFailed credential helper|docker-credential-|error getting credentials|credential provider
    the credential provider of the kubelet on the node does not return credentials for {registry}
    repair the kubelet's credential provider on Node/{node}, or set oceans_llm_image_pull_secrets
ImageUnusable no processor for media-type
    the image {image} is encrypted or compressed in a format that the node does not support
ImageUnusable manifest\.v1\+prettyjws|schema 1[ ]
    the image {image} has an old format (schema 1) that the node no longer supports
ImageUnusable unsupported (?!manifest)[\w. -]{1,40}media type
    the node does not support a format that the image {image} uses: {told}
ImageUnusable (unexpected|unsupported|invalid)( manifest)? media type
    {image} is not a container image
ImageUnusable SignatureValidationFailed|Source image rejected|rejected by policy
    the image signature policy of the node rejects the image {image}
    sign the image, or allow {repository} in the image signature policy of the nodes
ImageArchitecture no match(ing manifest)? for (platform|linux)|no matching manifest|no image found in (manifest list|image index)
    |image operating system .* cannot be used|(match|provide) the specified platform
    the image {image} has no variant for the node's CPU architecture
ImagePullFailed unexpected commit digest|failed size validation|digest did not match|wrong diff id|layer verification failed|invalid tar header
    the data that the registry {registry} sends for {image} does not match its digest
    push the image again, and clear caches and proxies between the node and the registry, which may hold a broken copy
ImagePullFailed does not match provided manifest digest
    the registry {registry} stores {image} with another digest than the one asked for
    copy the image again and keep its digest: skopeo copy --all --preserve-digests docker://SOURCE docker://{registry}/…
ImagePullFailed no space left on device|disk quota exceeded
    the node has no disk space for the image {image}
    enlarge the disk of Node/{node}, or free disk space; run on the node: crictl rmi --prune
ImagePullFailed input/output error|read-only file system|structure needs cleaning|device or resource busy
    the file system of the node does not take the image {image}
    check the disk of the node, and keep pods away from it meanwhile: kubectl cordon {node}
ImagePullFailed illegal base64 data|invalid header field value for "Authorization"
    an image pull Secret of the pod does not contain valid credentials
    create the Secret in oceans_llm_image_pull_secrets again: kubectl create secret docker-registry NAME --docker-server={registry} …
ImageRegistryError unsupported protocol scheme
    the node's configuration of the registry {registry}, or of its mirror, contains an address without https://
    correct the addresses in /etc/containerd/certs.d/{registry}/hosts.toml on Node/{node}
ImageInsecureRegistry failed to parse certificate|x509: (negative serial|malformed|unhandled critical)
    the certificate of the registry {registry} is malformed
    issue the certificate of {registry} again, because the node cannot parse the present one
ImageInsecureRegistry x509: certificate has expired
    the certificate of the registry {registry} has expired or is not valid yet
    renew the certificate of {registry}, or correct the clock of Node/{node}
ImageInsecureRegistry x509: (certificate is (not )?valid for|cannot validate certificate for|certificate relies on legacy|certificate is not valid for any)
    the certificate of the registry {registry} is issued for another host name
    use a host name of the certificate in oceans_llm_gateway_image, or issue a certificate for {registry}
ImageInsecureRegistry pinging container registry[^\n]*(HTTP response to HTTPS client|first record does not look like a TLS handshake)
    the node does not trust the registry {registry}: the registry serves plain HTTP, not HTTPS
    {crio_http}
ImageInsecureRegistry HTTP response to HTTPS client|first record does not look like a TLS handshake
    the node does not trust the registry {registry}: the registry serves plain HTTP, not HTTPS
    {containerd_http}
ImageInsecureRegistry HTTP request to an HTTPS server|malformed HTTP response|request to http://\S+: 400 Bad Request
    the node sends plain HTTP requests to the registry {registry}, which serves HTTPS
    {containerd_https}
ImageInsecureRegistry pinging container registry[^\n]*(x509: |certificate signed by unknown authority|tls: failed to verify)
    the node does not trust the registry {registry}
    {crio_authority}
ImageInsecureRegistry x509: |certificate signed by unknown authority|tls: failed to verify
    the node does not trust the registry {registry}
    {containerd_authority}
ImageInsecureRegistry remote error: tls:[ ]
    the registry {registry} refuses the node's TLS connection
    if the registry requires a client certificate, copy the certificate and its key to every node as client.cert and client.key in {certs_d}/{registry}
ImageRateLimited pull QPS exceeded
    the kubelet of the node has reached its own limit of image pulls per second (registryPullQPS)
    wait, or raise registryPullQPS in the kubelet's configuration on Node/{node}
ImageRateLimited status(?: code)?[^\n]{0,60}\b429\b|\b429 Too|too ?many ?requests|rate limit
    the registry {registry} limits the rate of pulls (429)
ImageDenied https://[^/\s]*(s3[.-][\w.-]*amazonaws|blob\.core\.windows|storage\.googleapis|cloudfront|r2\.cloudflarestorage)[^\n]*\b403\b
    the storage behind the registry {registry} denies access to a layer of {image}
    admit the storage of the registry in the endpoint policy, firewall and proxy of the network of Node/{node}; the evidence names its host
ImageDenied \b40[13]\b[^\n]{0,200}(token|credentials?|password|session)\b[^\n]{0,30}expired
    the credentials for the registry {registry} have expired
    renew the credentials in the image pull Secret of the pod, or those of the node's credential provider; tokens of cloud registries last some hours
ImageDenied \b40[13]\b[^\n]{0,200}(client with IP|IP address|firewall|network rule|private endpoint|not allowed access)
    the registry {registry} does not admit the network address of the node: {told}
    admit the address of Node/{node} in the firewall or network rules of {registry}, or reach the registry by its private endpoint
ImageDenied failed to (fetch|get|refresh) [\w ]{0,20}token[^\n]{0,300}\b4(?!04|08|29)\d\d\b
    the token service of the registry {registry} denies access to the image {image}: {told}
ImageDenied repository does not exist or may require
    the registry {registry} has no repository {repository}, or requires a login for it
ImageDenied status(?: code)?[^\n]{0,60}\b40[13]\b|\b402 Payment|\bunauthorized\b|\b403 Forbidden|access denied|(?<!permission )denied: |authorization failed
    |authentication required|no basic auth credentials|resource is denied
    the registry {registry} denies access to the image {image}
ImageRegistryError \b5\d\d (?-i:[A-Z])|status(?: code)?[^\n]{0,40}\b5\d\d\b
    the registry {registry} answers with a server error (5xx)
ImageRegistryError dial tcp: lookup |no such host|server misbehaving|temporary failure in name resolution
    the node cannot resolve the host name of the registry {registry}
ImageRegistryError connection refused
    the registry {registry} refuses the connection
ImageRegistryError no route to host|network is unreachable
    the node has no route to the registry {registry}
ImageRegistryError dial tcp [^\n]{1,200}(operation not permitted|permission denied)
    a policy on the node forbids the way to {registry}
ImageRegistryError status(?: code)?[^\n]{0,300}\b400 Bad Request
    the registry {registry}, or a mirror of it, does not understand the request (400)
ImageRegistryError status(?: code)?[^\n]{0,300}\b(?!40[1-489]\b)4\d\d (?-i:[A-Z])
    the registry {registry}, or a mirror or proxy of it, gives an answer that is not a registry's: {told}
ImageRegistryError unexpected EOF|: EOF|broken pipe|connection reset|connection lost|stream error|sent GOAWAY
    the connection to the registry {registry} ends before the image is complete: {told}
ImageRegistryError i/o timeout|timed out|deadline exceeded|handshake timeout|request canceled|context canceled
    the registry {registry} does not answer in time
ImageNotFound content at \S+/blobs/\S+ not found|blob unknown|unknown blob|/blobs/sha256:[^\n]*\b404\b
    the registry {registry} lacks a layer of {image}
    push the image again: docker push {image}
ImageNotFound code = NotFound|\b404 Not Found|status(?: code)?[^\n]{0,60}\b404\b|manifest unknown|name unknown|not known to registry|: not found
    |repository does not exist|(?:artifact|manifest for) \S+ not found
    the registry {registry} has no image {image}
ImagePullFailed too many open files
    the container runtime of the node has too many open files, so {image} cannot be pulled
    raise LimitNOFILE of the container runtime on Node/{node}, and restart the runtime
ImagePullFailed unknown service|code = Unimplemented
    the container runtime of the node does not speak the kubelet's version of CRI, so {image} cannot be pulled: {told}
    enable the plugin cri in /etc/containerd/config.toml, or upgrade the container runtime of Node/{node}: kubectl get nodes -o wide
ImagePullFailed size of zero|layer not known|unknown layer|layer .{0,80}(missing|corrupt)|failed to get reader
    the image store of the node lacks a part of {image}: {told}
    remove the image from the node so that the kubelet pulls it again; run on Node/{node}: crictl rmi {image}
ImagePullFailed failed to extract layer|failed to unpack image|unpacking image|mount callback failed
    the container runtime of the node cannot unpack the image {image}
    remove the image from the node so that the kubelet pulls it again; run on Node/{node}: crictl rmi {image}
ImagePullFailed
    the image {image} cannot be pulled: {told}
    correct what the pod's event names; read the container runtime's log on Node/{node}: journalctl -u containerd -u crio
"""
TEXTS = tuple((pattern, Words(code, *texts)) for pattern, code, texts in word_table.rows(_TABLE))


@functools.lru_cache(maxsize=32)  # every look reads the same event again
def classify(text: str) -> Words:
    """What a kubelet says about a pull. The image's own name says nothing, whatever it looks like."""
    for name in re.findall(r'image "([^"]{4,500})"', text):
        text = text.replace(name, "NAME")
    text = re.sub(r'image "[^"]*"|\(Mirrors also failed: .*?\]\)', "image", text)  # the registry's own answer comes after those of its mirrors
    return next(words for pattern, words in TEXTS if pattern.search(text))


@rule(10)
def images(snapshot: Snapshot) -> Iterator[Cause]:
    """Every container that waits for its image and whose last pull failed."""
    for kind, owner, pod in starting(snapshot):
        for status, _init in containers(pod):
            if not _waits(status):
                continue
            text, begun = _last_failure(snapshot, pod, status)
            if text:
                yield _cause(snapshot, pod, status, text, begun, f"{kind}/{owner}")


def _waits(status: Object) -> bool:
    state = status.get("state") or {}
    return (
        "running" not in state and "terminated" not in state and waiting(status).get("reason") in (None, "", "ContainerCreating", "PodInitializing", *PULLING)
    )


def _last_failure(snapshot: Snapshot, pod: Object, status: Object) -> tuple[str, float]:
    """What the newest pull said, and since when pulls fail; empty when none failed, or a later one went well."""
    own = [e for e in events_of(snapshot, "Pod", name_of(pod)) if e.get("reason") in ("Pulled", *FAILED) and _about(e, status["name"], pod)]
    pulled = max((seen_at(e) for e in own if e.get("reason") == "Pulled"), default=0.0)
    failed = [e for e in own if _is_failure(e) and seen_at(e) >= pulled]
    if failed:
        return failed[-1].get("message") or "", min(since(e, snapshot) for e in failed)
    state = waiting(status)
    if state.get("reason") in PULLING and not pulled:
        return f"{state['reason']}: {state.get('message') or ''}", snapshot.now
    return "", 0.0


def _about(event: Object, name: str, pod: Object) -> bool:
    return about_container(event, name) and (event.get("involvedObject") or {}).get("uid") in (None, "", meta(pod).get("uid"))


def _is_failure(event: Object) -> bool:
    text = event.get("message") or ""
    return event.get("reason") in FAILED and ("pull image" in text or "image tag" in text or "parse image" in text or "pull policy of Never" in text)


def _cause(snapshot: Snapshot, pod: Object, status: Object, text: str, begun: float, owner: str) -> Cause:
    image = container_spec(pod, status["name"]).get("image") or status.get("image") or "?"
    code, sentence, hint = classify(text)
    tag = image.partition("@")[0].rpartition(":")[2]
    if code == "ImageNotFound" and re.match(r"V?\d+\.\d", tag):
        hint = f"set oceans_llm_version to v{tag.lstrip('V')} (releases of the gateway have tags with a v), or push the image"
    node = (pod.get("spec") or {}).get("nodeName") or "<node>"
    names: dict[str, Any] = {
        "told": innermost(text),
        "image": image,
        "registry": pull_secrets.registry_of(image),
        "repository": image.rsplit("@", 1)[0].rsplit(":", 1)[0],
        "node": node,
    }
    host = re.search(r"\blookup ([\w.-]{1,260})(?:\.? on |:)", text) or re.search(
        r'(?:Head|Get|request to|status code) \\?"?https?://([^/"\\\s]{1,260})/v2/', text
    )
    other = host[1] if host and code == "ImageRegistryError" and not host[1].endswith(names["registry"]) and "proxy" not in sentence else ""
    if other and host and "lookup" not in host[0]:
        hint = hint or "correct the mirror of the registry in /etc/containerd/certs.d/{registry}/hosts.toml on Node/{node}, or repair the mirror"
        other = f", by way of {other}, which the node asks in its place"
    elif other:
        other = f": {other}"
    what = f"{sentence.format(**names)}{other} (pod of {owner})" + (_same_tag(snapshot, image, tag) if code == "ImageNotFound" else "") + _unread(snapshot, pod)
    hint, names["pull_secrets"] = hint.format(**names, **_settings(names["registry"])), _pull_secrets(snapshot, pod, names["registry"])
    return cause(code, snapshot, ref(pod), what, _short(text), since=begun, container=status["name"], hint=hint, **names)


def _settings(registry: str) -> dict[str, str]:
    """What makes a registry known to the container runtime of a node."""
    certs_d, crio = "/etc/containerd/certs.d", f"/etc/containers/certs.d/{registry}"
    folder, image = f"{certs_d}/{registry}", "image.config.openshift.io/cluster"
    containerd = f'set config_path = "{certs_d}" in /etc/containerd/config.toml, and run on every node: mkdir -p {folder} && '
    # a file with `server` and no table `host` is refused by containerd 1.6: "invalid `host` tree"
    hosts = f"""{containerd}echo '[host."%s://{registry}"]' > {folder}/hosts.toml"""
    insecure = f"""'[[registry]]\\nlocation = "{registry}"\\ninsecure = true\\n'"""
    return {
        "certs_d": certs_d,
        "containerd_http": f"serve the registry with a certificate, or {hosts % 'http'}",
        "containerd_https": hosts % "https",
        "containerd_authority": f"copy the certificate of the registry's authority as ca.crt to every node, {containerd}cp ca.crt {folder}/ca.crt",
        "crio_http": f"serve the registry with a certificate, or add {registry} to spec.registrySources.insecureRegistries: oc edit {image}; without "
        f"OpenShift, run on every node: printf {insecure} > /etc/containers/registries.conf.d/oceans-llm.conf && systemctl reload crio",
        "crio_authority": "store the certificate of the registry's authority as ca.crt in a ConfigMap of the namespace openshift-config, and name it in "
        f"spec.additionalTrustedCA: oc edit {image}; without OpenShift, run on every node: mkdir -p {crio} && cp ca.crt {crio}/ca.crt",
    }


def _same_tag(snapshot: Snapshot, image: str, tag: str) -> str:
    """The images that have not started either and have the same tag: whichever was pulled first, the tag may be wrong for all of them."""
    specs = [pod.get("spec") or {} for _kind, _owner, pod in starting(snapshot)]
    wanted = {str(c.get("image")) for spec in specs for c in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ()))}
    others = sorted(i for i in wanted if i != image and tag and i.partition("@")[0].endswith(f":{tag}"))
    return f"; other images of the release with the tag {tag}: {', '.join(others)}" if others else ""


def _unread(snapshot: Snapshot, pod: Object) -> str:
    """The pull Secrets that the kubelet did not find."""
    told = [e.get("message") or "" for e in events_of(snapshot, "Pod", name_of(pod)) if e.get("reason") == "FailedToRetrieveImagePullSecret"]
    found = re.search(r"pull secrets? \(([^)]+)\)", told[-1]) if told else None
    return f"; the pull Secret {found[1]} does not exist" if found else ""


def _pull_secrets(snapshot: Snapshot, pod: Object, registry: str) -> str:
    names = [s.get("name") for s in (pod.get("spec") or {}).get("imagePullSecrets") or ()]
    if names:
        return f"Secret {', '.join(map(str, names))} must exist, have the type kubernetes.io/dockerconfigjson and contain credentials for {registry}"
    command = f"kubectl -n {snapshot.scope.namespace} create secret generic <name> --type=kubernetes.io/dockerconfigjson --from-file=.dockerconfigjson=<file>"
    return f"the pod has no imagePullSecrets; list a pull Secret for {registry} in oceans_llm_image_pull_secrets, and create the Secret: {command}"


def _short(text: str) -> str:
    """The registry's answer, without containerd's repetition of the reference."""
    text = " ".join(text.split())
    tail = text.rsplit("failed to resolve reference ", 1)
    return tail[1] if len(tail) == 2 else text
