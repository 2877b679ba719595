# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One small client for the Kubernetes API: raw JSON in and out, errors as sentences.

The official client brings what is hard (kubeconfig, contexts, certificates, exec plugins, token refresh, proxies);
this adds what the collection needs of it: raw paths (paths.py), server-side apply, watches that can be resumed,
the server's own clock, and one exception type that tells a refusal from an unreachable server.
"""

from __future__ import annotations

import codecs
import contextlib
import email.utils
import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from . import paths
from .auth import ClusterError, Way, resolve
from .common import Common
from .objects import json_object

try:
    import kubernetes.client
    import kubernetes.stream.ws_client
    import urllib3
except ImportError:  # auth.resolve says it
    pass

#: seconds to connect, and to wait for an answer that is not a stream
TIMEOUT = (5.0, 20.0)
#: Kubernetes API concepts, "Alternate representations of resources": a server that does not know it sends all
METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"


class ApiError(ClusterError):
    """The API server refused a request, or could not be reached (`status` 0).

    :ivar int status: HTTP status, 0 when there was no answer.
    :ivar str reason: the machine-readable reason of the Status object (``Forbidden``, ``NotFound``, ``Expired`` …).
    :ivar str path: the REST path that was asked.
    """

    def __init__(self, status: int, reason: str, message: str, path: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message, self.path = status, reason, message, path

    @property
    def unreachable(self) -> bool:
        """True when nothing is known of the cluster's state: no answer, or a server that is not able to give one."""
        return self.status == 0 or self.status == 429 or self.status >= 500


class Cluster:
    """A connection to one cluster, cheap to keep and safe to share between threads."""

    def __init__(self, client: kubernetes.client.ApiClient, headers: Iterable[tuple[str, str]] = ()) -> None:
        self._client = client
        self._impersonation = tuple(headers)
        self._http = client.rest_client.pool_manager
        self.server: str = client.configuration.host.rstrip("/")
        #: uid of its namespace kube-system, once that was asked for; empty when it may not be read (secrets/identity.py)
        self.uid = ""
        #: on every object that is created or applied
        self.common = Common()
        #: server time minus local time in seconds, from the Date header of the last answer
        self.skew = 0.0

    @classmethod
    def connect(cls, args: Mapping[str, Any] | Way | None = None) -> Cluster:
        """The cluster of a way, or of kubernetes.core's options (auth.resolve).

        :raises ClusterError: when none of these gives a usable configuration.
        """
        way = args if isinstance(args, Way) else resolve(args or {})
        configuration = way.configuration()
        configuration.retries = False  # a retry hides how long the API has been away; the callers decide
        configuration.connection_pool_maxsize = 24  # one per watch, and some
        return cls(kubernetes.client.ApiClient(configuration), way.impersonation())

    # --- requests -------------------------------------------------------------------------------------------------

    def _authorization(self) -> dict[str, str]:
        """The header that proves who is asking; empty with a client certificate. Renews an expired token by itself."""
        known = self._client.configuration.auth_settings().values()
        return {auth["key"]: auth["value"] for auth in known if auth["in"] == "header" and auth["value"]}

    def _open(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        timeout: Any = TIMEOUT,
        accept: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        own = {"Accept": accept, "User-Agent": "oceans.llm", "Content-Type": content_type, **(headers or {}), **self._authorization()}
        sent = urllib3.HTTPHeaderDict(own)
        for name, value in self._impersonation:
            sent.add(name, value)
        text = urlencode({k: _query(v) for k, v in (query or {}).items() if v is not None})
        url, limit = self.server + path + (f"?{text}" if text else ""), urllib3.Timeout(connect=timeout[0], read=timeout[1])
        data = None if body is None else body if isinstance(body, (str, bytes)) else json.dumps(body)
        try:
            answer = self._http.request(method, url, body=data, headers=sent, preload_content=False, retries=False, timeout=limit)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            plain = "; the server speaks HTTP, not HTTPS: write http:// or another port" if "WRONG_VERSION_NUMBER" in str(error) else ""
            raise ApiError(0, "Unreachable", f"the API server {self.server} does not answer: {_plain(error)}{plain}", path) from error
        except ValueError:  # the standard library's, with the value in it: so it is no context of this one either
            what = "the token, or the user or group to impersonate, contains a character that is not allowed in an HTTP header (value not shown)"
            raise ApiError(0, "Unreachable", f"no request can be sent to the API server {self.server}: {what}", path) from None
        date = answer.headers.get("Date")
        with contextlib.suppress(ValueError):  # a proxy that writes no date, or none of HTTP's: the clock of the last answer stays
            self.skew = email.utils.parsedate_to_datetime(date or "").timestamp() + 0.5 - time.time()
        return answer

    def raw(self, method: str, path: str, **options: Any) -> tuple[int, dict[str, str], str]:
        """One request; returns (status, headers, text) whatever the status. `options`: query, body, content_type, timeout, accept, headers."""
        answer = self._open(method, path, **options)
        try:
            text = answer.data.decode("utf-8", "replace")
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ApiError(0, "Unreachable", f"the answer of the API server {self.server} was interrupted: {_plain(error)}", path) from error
        finally:
            answer.release_conn()
        return answer.status, dict(answer.headers), text

    def _json(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        status, _headers, text = self.raw(method, path, **options)
        if status >= 400:
            raise _refused(status, text, path, self.server)
        try:
            found = json.loads(text) if text else {}
        except ValueError:
            found = None
        if status >= 300 or not isinstance(found, dict):
            what = f"with a redirect (HTTP {status})" if status >= 300 else f"without a JSON object (HTTP {status})"
            likely = "it is probably a login page or a proxy, not an API server; correct the server's address in the kubeconfig"
            raise ApiError(0, "NotKubernetes", f"{self.server} answers {what}, so {likely}", path)
        return found

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """One object. :raises ApiError: also when it is not there (status 404)."""
        return self._json("GET", path, query=query)

    def find(self, path: str) -> dict[str, Any] | None:
        """One object, or None when the API server says that it is not there."""
        try:
            return self.get(path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(self, path: str, **query: Any) -> dict[str, Any]:
        """A whole list object (`items`, `metadata.resourceVersion`)."""
        return _listed(self._json("GET", path, query=query))

    def metadata(self, path: str, **query: Any) -> dict[str, Any]:
        """A list without what the objects hold (a release of Helm has up to a megabyte a revision)."""
        return _listed(self._json("GET", path, query=query, accept=METADATA))

    def create(self, path: str, body: Any, dry_run: bool = False) -> dict[str, Any]:
        """With the common labels and annotations. A dry run goes as it is: it shows what becomes of an object that Helm or an operator writes."""
        return self._json("POST", path, body=body if dry_run else self.common.on(body), query={"dryRun": "All" if dry_run else None})

    def apply(self, path: str, body: Any, manager: str, force: bool = False, dry_run: bool = False) -> dict[str, Any]:
        """Server-side apply of one object as the given field manager (Kubernetes API, `PATCH` application/apply-patch+yaml); otherwise as `create`."""
        body = body if dry_run else self.common.on(body)
        query = {"fieldManager": manager, "force": force, "dryRun": "All" if dry_run else None}
        return self._json("PATCH", path, body=body, query=query, content_type="application/apply-patch+yaml")

    def patch(self, path: str, body: Any, manager: str | None = None) -> dict[str, Any]:
        """JSON merge patch."""
        return self._json("PATCH", path, body=body, query={"fieldManager": manager}, content_type="application/merge-patch+json")

    def delete(self, path: str, propagation: str = "Background", grace: int | None = None) -> None:
        """What is gone already is as good. `grace`: seconds that a pod may take to end, also one that is ending already."""
        try:
            self._json("DELETE", path, body={"propagationPolicy": propagation, **({} if grace is None else {"gracePeriodSeconds": grace})})
        except ApiError as error:
            if error.status != 404:
                raise

    def watch(self, path: str, resource_version: str, timeout: float = 300, **query: Any) -> Iterator[dict[str, Any]]:
        """Changes after one resourceVersion, as they come; ends when the server closes the stream.

        :raises ApiError: status 410 when the version is too old (list again), 0 when the connection was lost.
        """
        asked = {**query, "watch": True, "resourceVersion": resource_version, "allowWatchBookmarks": True, "timeoutSeconds": int(timeout)}
        # the server sends a bookmark about once a minute: a longer silence means a dead connection
        with self._streamed(path, f"the watch of {path}", query=asked, timeout=(TIMEOUT[0], min(timeout, 90.0) + 10)) as answer:
            for line in _lines(answer):
                event = json.loads(line)
                if event["type"] == "ERROR":
                    status = event["object"]
                    raise ApiError(status.get("code", 500), status.get("reason", ""), status.get("message", ""), path)
                yield event

    @contextlib.contextmanager
    def _streamed(self, path: str, what: str, **options: Any) -> Iterator[Any]:
        """An answer that is read piece by piece. `what` is read, for the sentence when it breaks off."""
        answer = self._open("GET", path, **options)
        try:
            if answer.status >= 400:
                raise _refused(answer.status, answer.data.decode("utf-8", "replace"), path, self.server)
            yield answer
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise ApiError(0, "Unreachable", f"{what} was interrupted: {_plain(error)}", path) from error
        finally:
            answer.close()

    # --- what the callers ask -------------------------------------------------------------------------------------

    def logs(self, namespace: str, pod: str, container: str, tail: int = 50) -> str:
        """The last lines of one container."""
        return "".join(self.log_stream(namespace, pod, container, tailLines=tail))

    def log_lines(self, namespace: str, pod: str, container: str) -> Iterator[str]:
        """Whole lines of a short log as they are written; ends when the container does."""
        rest = ""
        for piece in self.log_stream(namespace, pod, container, follow=True):
            *lines, rest = (rest + piece).split("\n")
            yield from lines
        if rest:
            yield rest

    def log_stream(self, namespace: str, pod: str, container: str, **query: Any) -> Iterator[str]:
        """One container's log in pieces of any size, as it is written with ``follow=True``; then it ends when the container does.

        There is no limitBytes: the kubelet would leave out the end, and the end is the error.

        :raises ApiError: when the log is refused, or the stream breaks off.
        """
        path = paths.pod_log(namespace, pod)
        timeout = (TIMEOUT[0], None if query.get("follow") else TIMEOUT[1])
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        with self._streamed(path, f"reading the log of Pod/{pod}", query={"container": container, **query}, timeout=timeout) as answer:
            for piece in answer.stream(65536, decode_content=True):
                yield decoder.decode(piece)

    @contextlib.contextmanager
    def port_forward(self, namespace: str, pod: str, port: int, patience: float) -> Iterator[socket.socket]:
        """A connection to a pod's port through the API server (pods/portforward); each read and write may take `patience` seconds.

        :raises ApiError: when it is not allowed, or the API server cannot do it.
        """
        _quiet_threads()
        path = f"{paths.pod(namespace, pod)}/portforward"
        if self._impersonation:  # the package sends no other header than the authorization with a websocket
            why = "the Python Kubernetes client does not support port-forward with impersonation"
            raise ApiError(405, "PortForward", f"port {port} of Pod/{pod} cannot be reached: {why}", path)
        try:  # what kubernetes.stream does, without its typed models: to import them takes longer than all the rest
            forward = kubernetes.stream.ws_client.portforward_call(
                self._client.configuration, "GET", self.server + path, headers=self._authorization(), query_params=[("ports", str(port))]
            )
        except Exception as error:  # the package wraps whatever its websocket library raises
            refused = error.__context__ or error  # a handshake that was refused: the API server's answer is in the library's own exception
            status, answer = int(getattr(refused, "status_code", 0) or 0), getattr(refused, "resp_body", b"") or b""
            text = _refused(status, answer.decode("utf-8", "replace"), path, self.server).message if answer else _plain(refused)
            why = f"port {port} of Pod/{pod} cannot be reached by port-forward: {text.partition(' -+-+- ')[0]}"
            raise ApiError(status, "PortForward", why, path) from error
        stream = forward.socket(port)
        stream = getattr(stream, "_socket", stream)  # a wrapper that TLS cannot work with
        try:
            stream.settimeout(patience)
            yield stream
        except ConnectionError as error:  # reset, or broken pipe: it depends on who was first
            end = time.monotonic() + 0.5  # the reason comes on a channel of its own
            while (told := forward.error(port)) is None and time.monotonic() < end:
                time.sleep(0.02)
            raise (ConnectionRefusedError(told) if told and "refused" in told else error) from error
        finally:
            forward.close()

    def can(self, verb: str, resource: str, group: str = "", namespace: str = "", name: str = "", subresource: str = "") -> bool:
        """Ask the API server whether the caller may do this (SelfSubjectAccessReview, authorization.k8s.io/v1)."""
        wanted = {"verb": verb, "resource": resource, "group": group, "namespace": namespace, "name": name, "subresource": subresource}
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": wanted}}
        return bool(self._json("POST", paths.REVIEW_SELF_ACCESS, body=body)["status"]["allowed"])

    def service_request(self, namespace: str, service: str, port: int | str, path: str, method: str = "GET", **options: Any) -> tuple[int, dict[str, str], str]:
        """One HTTP request to a Service through the API server (services/proxy): no route from here to the pods is needed.

        `headers` go on to the Service, but for Authorization, which is the API server's own.
        """
        return self.raw(method, paths.service_proxy(namespace, service, port, path), **options)

    def now(self) -> float:
        """The server's clock, seconds since the epoch."""
        return time.time() + self.skew


def unless_forbidden[Answer, Instead](ask: Callable[[], Answer], instead: Instead) -> Answer | Instead:
    """The answer of the API server; `instead` where the caller lacks the permission to ask."""
    try:
        return ask()
    except ApiError as error:
        if error.status != 403:
            raise
        return instead


def _quiet_threads() -> None:
    """The package's thread behind a forwarded port dies with a traceback on the screen when the other end hangs up; who uses the port sees it anyway."""
    before = threading.excepthook
    if getattr(before, "of_oceans_llm", False):
        return

    def hook(told: threading.ExceptHookArgs, /) -> None:
        if told.thread is None or "port forward" not in told.thread.name:
            before(told)

    hook.of_oceans_llm = True  # type: ignore[attr-defined]
    threading.excepthook = hook


def _listed(answer: dict[str, Any]) -> dict[str, Any]:
    """With `items`, which is null in an empty list of metadata."""
    return {**answer, "items": answer.get("items") or []}


def _query(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _plain(error: BaseException) -> str:
    """The last, plainest part of an exception's text: what the operating system or the server said."""
    reason = getattr(error, "reason", None)
    while isinstance(reason, BaseException) and reason is not error:
        error, reason = reason, getattr(reason, "reason", None)
    text = " ".join(str(error).split())
    return text.rsplit(": ", 1)[-1] if "object at 0x" in text else text


def _refused(status: int, text: str, path: str, server: str) -> ApiError:
    said = json_object(text)
    message = said.get("message") or (text if said else text.strip()[:500] or f"HTTP {status}")
    if status == 401:
        message = f"the API server {server} does not accept the credentials (401 Unauthorized): the token or certificate is wrong or has expired"
    return ApiError(status, said.get("reason") or "", message, path)


def _lines(answer: Any) -> Iterator[bytes]:
    """Lines of a chunked stream, each as soon as it is whole."""
    rest = b""
    for chunk in answer.stream(65536, decode_content=True):
        rest += chunk
        *whole, rest = rest.split(b"\n")
        yield from (line for line in whole if line.strip())
