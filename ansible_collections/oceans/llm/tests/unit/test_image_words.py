# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What containerd, CRI-O, Docker and the kubelet say when a pull fails, and what is said of it: a code, and the words that tell a reader what to mend.

The verdicts were written down before the program was asked.
"""

from __future__ import annotations

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.codes import BY_CODE, FATAL
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes import images

REF = "reg.example:5000/team/gateway:v1"
HEAD = f'failed to resolve reference "{REF}": failed to do request: Head "https://reg.example:5000/v2/team/gateway/manifests/v1": '
GET = "https://reg.example/v2/team/gateway/manifests/v1"
LAYER = "failed to extract layer sha256:4035: mount callback failed on /var/lib/containerd/tmpmounts/containerd-mount1: "
MEDIA = "failed to unpack image on snapshotter overlayfs: unexpected media type {} for sha256:4035: not found"

SAID = [
    # the node and the registry do not agree on TLS
    ("ImageInsecureRegistry", "plain HTTP", HEAD + "http: server gave HTTP response to HTTPS client"),
    ("ImageInsecureRegistry", "plain HTTP", HEAD + "tls: first record does not look like a TLS handshake"),
    ("ImageInsecureRegistry", "serves HTTPS", f"unexpected status from HEAD request to http://{GET[8:]}: 400 Bad Request"),
    ("ImageInsecureRegistry", "serves HTTPS", "400 Bad Request: Client sent an HTTP request to an HTTPS server."),
    ("ImageInsecureRegistry", "does not trust", HEAD + "tls: failed to verify certificate: x509: certificate signed by unknown authority"),
    ("ImageInsecureRegistry", "does not trust", "pinging container registry reg.example: Get: x509: certificate signed by unknown authority"),
    ("ImageInsecureRegistry", "expired", HEAD + "x509: certificate has expired or is not yet valid: current time 2026-11-28T10:00:00Z is after 2026-01-01"),
    ("ImageInsecureRegistry", "another host name", HEAD + "x509: certificate is valid for registry.corp, not reg.example"),
    ("ImageInsecureRegistry", "another host name", HEAD + "x509: cannot validate certificate for 10.0.0.5 because it doesn't contain any IP SANs"),
    ("ImageInsecureRegistry", "another host name", HEAD + "x509: certificate relies on legacy Common Name field, use SANs instead"),
    ("ImageInsecureRegistry", "TLS", HEAD + "remote error: tls: certificate required"),
    ("ImageInsecureRegistry", "TLS", HEAD + "remote error: tls: handshake failure"),
    # a login is wanted, or another one
    ("ImageDenied", "requires a login", "pull access denied for a/b, repository does not exist or may require 'docker login': no basic auth credentials"),
    (
        "ImageDenied",
        "no repository",
        "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed",
    ),
    ("ImageDenied", "denies access", f"failed to authorize: failed to fetch anonymous token: unexpected status from GET request to {GET}: 401 Unauthorized"),
    ("ImageDenied", "denies access", f"failed to authorize: failed to fetch oauth token: unexpected status from POST request to {GET}: 403 Forbidden"),
    ("ImageDenied", "denies access", "reading manifest v1 in quay.io/a/b: unauthorized: access to the requested resource is not authorized"),
    ("ImageDenied", "denies access", "reading manifest v1 in reg.example/a/b: requested access to the resource is denied"),
    ("ImageDenied", "denies access", "denied: Your authorization token has expired. Reauthenticate and try again."),
    (
        "ImageDenied",
        "denies access",
        'denied: Permission "artifactregistry.repositories.downloadArtifacts" denied on resource "projects/p" (or it may not exist)',
    ),
    ("ImageDenied", "denies access", "unable to retrieve auth token: invalid username/password: unauthorized: incorrect username or password"),
    # too many pulls
    (
        "ImageRateLimited",
        "429",
        f"httpReadSeeker: failed open: unexpected status code {GET}: 429 Too Many Requests - Server message: toomanyrequests: You have",
    ),
    ("ImageRateLimited", "429", "toomanyrequests: Rate exceeded"),
    ("ImageRateLimited", "kubelet", "pull QPS exceeded"),
    # a name that nobody knows
    ("ImageRegistryError", "cannot resolve the host name", HEAD + "dial tcp: lookup reg.example: no such host"),
    (
        "ImageRegistryError",
        "cannot resolve the host name",
        HEAD + "dial tcp: lookup reg.example on 10.96.0.10:53: read udp 10.0.0.4:1->10.96.0.10:53: i/o timeout",
    ),
    ("ImageRegistryError", "cannot resolve the host name", HEAD + "dial tcp: lookup reg.example on 10.0.0.2:53: server misbehaving"),
    ("ImageRegistryError", "cannot resolve the host name", HEAD + "dial tcp: lookup reg.example: Temporary failure in name resolution"),
    # nobody answers, or not to the end
    ("ImageRegistryError", "refuses the connection", HEAD + "dial tcp 10.1.2.3:5000: connect: connection refused"),
    ("ImageRegistryError", "no route", HEAD + "dial tcp 10.1.2.3:5000: connect: no route to host"),
    ("ImageRegistryError", "in time", HEAD + "dial tcp 10.1.2.3:443: i/o timeout"),
    ("ImageRegistryError", "in time", HEAD + "dial tcp 10.1.2.3:443: connect: connection timed out"),
    ("ImageRegistryError", "in time", HEAD + "net/http: TLS handshake timeout"),
    (
        "ImageRegistryError",
        "in time",
        'Get "https://reg.example/v2/": net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)',
    ),
    ("ImageRegistryError", "ends before", HEAD + "EOF"),
    ("ImageRegistryError", "ends before", "failed to copy: httpReadSeeker: failed open: read tcp 10.0.0.4:1->10.1.2.3:443: read: connection reset by peer"),
    ("ImageRegistryError", "ends before", "failed to copy: stream error: stream ID 3; INTERNAL_ERROR; received from peer"),
    ("ImageRegistryError", "ends before", "failed to copy: http2: client connection lost"),
    ("ImageRegistryError", "5xx", f"unexpected status from HEAD request to {GET}: 502 Bad Gateway"),
    ("ImageRegistryError", "5xx", "received unexpected HTTP status: 503 Service Unavailable"),
    # a proxy between them
    ("ImageRegistryError", "HTTP proxy", HEAD + "proxyconnect tcp: dial tcp 10.0.0.9:3128: connect: connection refused"),
    ("ImageRegistryError", "HTTP proxy", HEAD + "proxyconnect tcp: dial tcp: lookup proxy.corp: no such host"),
    ("ImageRegistryError", "HTTP proxy", HEAD + "proxyconnect tcp: tls: first record does not look like a TLS handshake"),
    ("ImageRegistryError", "HTTP proxy", HEAD + "proxyconnect tcp: x509: certificate signed by unknown authority"),
    ("ImageRegistryError", "HTTP proxy", HEAD + "Forbidden"),
    ("ImageRegistryError", "HTTP proxy", HEAD + "Proxy Authentication Required"),
    ("ImageRegistryError", "HTTP proxy", HEAD + "Service Unavailable"),
    ("ImageRegistryError", "HTTP proxy", f"unexpected status from HEAD request to {GET}: 407 Proxy Authentication Required"),
    ("ImageRegistryError", "not a container registry", MEDIA.format("text/html")),
    ("ImageRegistryError", "not a container registry", "error parsing HTTP 200 response body: invalid character '<' looking for beginning of value"),
    # no such thing
    ("ImageNotFound", "has no image", f'failed to resolve reference "{REF}": {REF}: not found'),
    ("ImageNotFound", "has no image", "reading manifest v1 in reg.example/a/b: manifest unknown"),
    ("ImageNotFound", "has no image", "reading manifest v1 in reg.example/a/b: name unknown: Repository not found"),
    ("ImageNotFound", "has no image", "reading manifest v1 in reg.example/a/b: repository name not known to registry"),
    ("ImageNotFound", "has no image", f"unexpected status from HEAD request to {GET}: 404 Not Found"),
    # there, and not for this node
    ("ImageArchitecture", "architecture", "no match for platform in manifest: not found"),
    ("ImageArchitecture", "architecture", "no match for platform linux/arm64 in manifest sha256:4035: not found"),
    (
        "ImageArchitecture",
        "architecture",
        "choosing an image from manifest list docker://r/a:v1: no image found in manifest list for architecture arm64, variant v8, OS linux",
    ),
    ("ImageArchitecture", "architecture", 'choosing: no image found in image index for architecture "arm64", variant "v8", OS "linux"'),
    ("ImageArchitecture", "architecture", "image with reference a:v1 was found but does not provide the specified platform (linux/arm64)"),
    ("ImageArchitecture", "architecture", 'image operating system "windows" cannot be used on this platform: operating system is not supported'),
    # not an image, or one of a format that is gone
    (
        "ImageUnusable",
        "old format",
        'media type "application/vnd.docker.distribution.manifest.v1+prettyjws" is no longer supported since containerd v2.1, please rebuild',
    ),
    ("ImageUnusable", "old format", "schema 1 image manifests are no longer supported: invalid argument"),
    ("ImageUnusable", "old format", "[DEPRECATION NOTICE] Docker Image Format v1 and Docker Image manifest version 2, schema 1 support is disabled by default"),
    ("ImageUnusable", "not a container image", MEDIA.format("application/vnd.cncf.helm.config.v1+json")),
    ("ImageUnusable", "not a container image", "unsupported manifest media type and no default available: application/vnd.wasm.config.v1+json"),
    ("ImageUnusable", "policy", "SignatureValidationFailed: Source image rejected: A signature was required, but no signature exists"),
    ("ImageUnusable", "policy", "Source image rejected: Running image docker://reg.example/a:v1 is rejected by policy."),
    # the node's own troubles
    ("ImagePullFailed", "digest", "failed commit on ref x: unexpected commit digest sha256:1, expected sha256:2: failed precondition"),
    (
        "ImageDenied",
        "denies",
        "initializing source docker://r/a:v1: (Mirrors also failed: [m/a:v1: x509: unknown authority]): r/a:v1: reading manifest: unauthorized",
    ),
    ("ImagePullFailed", "another digest", "determining manifest MIME type for docker://x: Manifest does not match provided manifest digest sha256:aaaa"),
    ("ImagePullFailed", "digest", "failed commit on ref x: commit failed: failed size validation: 5 != 9: failed precondition"),
    ("ImagePullFailed", "digest", "writing blob: Digest did not match, expected sha256:1, got sha256:2"),
    ("ImagePullFailed", "disk space", LAYER + "write /var/lib/x: no space left on device: unknown"),
    ("ImagePullFailed", "disk space", "write /var/lib/containerd/io.containerd.content.v1.content/ingest/1/data: no space left on device"),
    ("ImagePullFailed", "runtime", "code = Unavailable desc = connection error: dial unix /run/containerd/containerd.sock: connect: connection refused"),
    ("ImagePullFailed", "cannot unpack", LAYER + "lchown /etc: permission denied: unknown"),
    ("ImagePullFailed", "store of the node", "failed to get image: content digest sha256:aa11: not found"),
    ("ImagePullFailed", "store of the node", LAYER + "failed to get reader from content store: content digest sha256:bb: not found"),
    ("ImagePullFailed", "digest", "filesystem layer verification failed for digest sha256:aa"),
    ("ImagePullFailed", "digest", LAYER + "archive/tar: invalid tar header: unknown"),
    ("ImagePullFailed", "credential provider", 'error getting credentials - err: exec: "docker-credential-ecr-login": executable file not found in $PATH'),
    ("ImageUnusable", "encrypted", "no processor for media-type: unknown"),
    # a policy, of the registry or on the way to it
    (
        "ImageDenied",
        "policy of the registry",
        f"unexpected status code {GET}: 412 Precondition Failed - Server message: unknown: current image with 13 vulnerabilities cannot be pulled "
        "due to configured policy in 'Prevent images with vulnerability severity of \"Critical\" or higher from running.'",
    ),
    ("ImageDenied", "policy of the registry", f"unexpected status from HEAD request to {GET}: 403 Forbidden: Request is prohibited by organization's policy."),
    ("ImageRegistryError", "policy on the node", HEAD + "dial tcp 1.2.3.4:443: connect: operation not permitted"),
    ("ImageRegistryError", "no route", HEAD + "dial tcp [2606:50c0::1]:443: connect: network is unreachable"),
    (
        "ImageRegistryError",
        "400",
        "failed to copy: httpReadSeeker: failed open: unexpected status code https://m.corp/v2/a/blobs/sha256:1?ns=docker.io: 400 Bad Request",
    ),
    ("ImageRegistryError", "not a container registry", HEAD + "stopped after 10 redirects"),
    ("ImageInsecureRegistry", "serves HTTPS", HEAD + 'net/http: HTTP/1.x transport connection broken: malformed HTTP response "\\x15\\x03\\x01"'),
    ("ImageRegistryError", "cannot resolve", HEAD + "dial tcp: lookup reg.example: device or resource busy"),
    ("ImageInsecureRegistry", "malformed", HEAD + "tls: failed to parse certificate from server: x509: negative serial number"),
    (
        "ImageDenied",
        "storage behind the registry",
        "failed to copy: httpReadSeeker: failed open: unexpected status code https://prod-eu-central-1-starport-layer-bucket.s3.eu-central-1.amazonaws.com/x: "
        "403 Forbidden",
    ),
    ("ImageNotFound", "lacks a layer", "failed to copy: httpReadSeeker: failed open: content at https://reg.example/v2/a/blobs/sha256:1 not found: not found"),
    # the node's own store
    ("ImagePullFailed", "cannot unpack", "failed to extract layer sha256:1: operation not permitted: unknown"),
    ("ImagePullFailed", "cannot unpack", "failed to extract layer sha256:1: mount callback failed on /x: unlinkat /y: directory not empty: unknown"),
    ("ImagePullFailed", "too many open files", "failed to extract layer sha256:1: open /x: too many open files: unknown"),
    ("ImagePullFailed", "snapshotter that is not installed", "unable to prepare extraction snapshot: snapshotter not loaded: nydus: invalid argument"),
    ("ImagePullFailed", "image store", 'failed to commit snapshot extract-1: lease "4021": not found'),
    # a name that is none
    (
        "ImageNameInvalid",
        "has no registry host",
        'short-name "gateway:v1" did not resolve to an alias and no unqualified-search registries are defined in "/etc/x.conf"',
    ),
    ("ImageDenied", "denies access", f"unexpected status from HEAD request to {GET}: 402 Payment Required"),
    ("ImagePullFailed", "pull Secret", HEAD + 'net/http: invalid header field value for "Authorization"'),
    ("ImageNameInvalid", "not a valid image reference", 'failed to resolve reference "reg.example/a/b": object required'),
    ("ImageNameInvalid", "has no registry host", "short name mode is enforcing, but image name gateway:v1 returns ambiguous list"),
    (
        "ImageNameInvalid",
        "not a valid image reference",
        'couldn\'t parse image name "Team/gateway:v1": invalid reference format: repository name must be lowercase',
    ),
]


@pytest.mark.parametrize(("code", "words", "text"), SAID)
def test_words_about_a_pull(code: str, words: str, text: str) -> None:
    for said in (f'Failed to pull image "{REF}": rpc error: code = Unknown desc = failed to pull and unpack image "{REF}": {text}', f"ErrImagePull: {text}"):
        found = images.classify(said)
        assert (found.code, words in found.sentence) == (code, True), f"{said}\n{found}"


def test_what_cannot_pass_is_fatal_and_what_may_is_not() -> None:
    fatal = {code for code, _words, _text in SAID if BY_CODE[code].certainty is FATAL}
    assert fatal == {"ImageInsecureRegistry", "ImageDenied", "ImageNotFound", "ImageArchitecture", "ImageUnusable", "ImageNameInvalid"}
