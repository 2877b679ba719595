# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which cluster, and as whom: everything that kubernetes.core accepts becomes one kubeconfig with one context.

The Kubernetes client of this collection and Helm are both given that kubeconfig and nothing else, so they cannot mean two clusters or
two users. What one of them could not do is refused here, before anything is asked of a cluster.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from . import entries, exec_plugin
from .entries import PATHS
from .refused import Refused

try:
    import kubernetes.client
    import kubernetes.config
    import kubernetes.config.incluster_config as pod_account
    import urllib3
    import yaml

    IMPORT_ERROR: ImportError | None = None
except ImportError as error:  # said as a sentence when a client is asked for; ansible-doc must work without it
    IMPORT_ERROR = error

#: environment variables by which kubernetes.core's options can be given
PREFIX = "K8S_AUTH_"
#: the module whose functions say what the options and variables of kubernetes.core mean (a test fails when they move)
CORE = "ansible_collections.kubernetes.core.plugins.module_utils.k8s.client"
CONTEXT = "oceans-llm"  # the one name in the kubeconfig
#: ways to a token or password in a kubeconfig's user; one that is given takes the place of all
SECRETS = ("token", "tokenFile", "username", "password", "exec", "auth-provider")


class ClusterError(Refused):
    """No usable way to the cluster; the text is one sentence for the user."""


@dataclass(frozen=True)
class Way:
    """The cluster and the user. `in_pod`: the account of the pod that Ansible runs in, whose token the client renews by itself."""

    config: Mapping[str, Any]
    in_pod: bool = False
    no_proxy: str = ""

    @property
    def cluster(self) -> Mapping[str, Any]:
        return dict(self.config["clusters"][0]["cluster"])

    @property
    def user(self) -> Mapping[str, Any]:
        return dict(self.config["users"][0]["user"])

    @property
    def secrets(self) -> list[str]:
        """What must not be told."""
        return [str(self.user[key]) for key in ("token", "password", "client-key-data") if self.user.get(key)]

    def impersonation(self) -> list[tuple[str, str]]:
        """Headers of a request for somebody else (Kubernetes documentation, user impersonation); the Python client knows none of the keys."""
        user = self.user
        headers = [("Impersonate-User", user.get("as")), ("Impersonate-Uid", user.get("as-uid"))]
        headers += [("Impersonate-Group", group) for group in user.get("as-groups") or ()]
        for key, values in (user.get("as-user-extra") or {}).items():
            headers += [(f"Impersonate-Extra-{urllib.parse.quote(str(key), safe='')}", value) for value in values or ()]
        return [(name, str(value)) for name, value in headers if value]

    def configuration(self) -> Any:
        """For the Kubernetes client. :raises ClusterError: when the way gives no credentials."""
        configuration: Any = kubernetes.client.Configuration()
        complaints, log = _Complaints(), logging.getLogger()
        log.addHandler(complaints)
        try:
            if self.in_pod:
                kubernetes.config.load_incluster_config(client_configuration=configuration)
            else:
                kubernetes.config.load_kube_config_from_dict(exec_plugin.limited(self.config), client_configuration=configuration)
        except Exception as error:  # whatever the client makes of a user that it does not understand
            raise ClusterError(f"the kubeconfig has no usable cluster: {_plain(error)}; correct oceans_llm_kubeconfig and oceans_llm_context") from error
        finally:
            log.removeHandler(complaints)
        if complaints.told and not configuration.api_key and not configuration.cert_file:
            command = str((self.user.get("exec") or {}).get("command") or "")
            why = exec_plugin.sentence(complaints.told[-1], command) if command else complaints.told[-1]
            raise ClusterError(f"no credentials for the user of the kubeconfig: {why}; find the reason with the same kubeconfig: kubectl version")
        if self.user.get("tokenFile") and not self.in_pod and not self.user.get("token"):
            configuration.refresh_api_key_hook = self._read_again
            self._read_again(configuration)  # without the line break that editors leave
        self._proxy(configuration)
        return configuration

    def _read_again(self, configuration: Any) -> None:
        """A token in a file is renewed by somebody else (the kubelet, an agent); the client would read the file once."""
        with contextlib.suppress(OSError), open(str(self.user["tokenFile"]), encoding="utf-8") as file:
            token = file.read().strip()
            if token:
                configuration.api_key.update(dict.fromkeys(configuration.api_key, f"Bearer {token}"))

    def _proxy(self, configuration: Any) -> None:
        proxy = self.cluster.get("proxy-url")
        if proxy:
            configuration.proxy, configuration.no_proxy = proxy, ""  # as in client-go: a proxy of the kubeconfig has no exceptions
            parts = urllib.parse.urlsplit(proxy)
            if parts.username:
                login = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
                configuration.proxy_headers = urllib3.util.make_headers(proxy_basic_auth=login)
        elif self.no_proxy:
            configuration.no_proxy = self.no_proxy
        if configuration.proxy and "://" not in configuration.proxy:  # of the environment, where Helm and curl take it for http
            configuration.proxy = f"http://{configuration.proxy}"


def resolve(args: Mapping[str, Any]) -> Way:
    """The way that the options and the environment say; relative paths mean the folder that Ansible was started in.

    :raises ClusterError: when there is none, or one that Helm or the client could not go.
    """
    if IMPORT_ERROR is not None:
        raise ClusterError(
            f"the Python package 'kubernetes' is not installed for {sys.executable}: {IMPORT_ERROR}; run: {sys.executable} -m pip install kubernetes"
        )
    wanted = options(args)
    if wanted.get("persist_config"):
        raise ClusterError("the option persist_config is not supported, because renewed tokens are never written into the kubeconfig; remove the option")
    cluster: dict[str, Any] = {}
    user: dict[str, Any] = {}
    in_pod = False
    if wanted.get("host") and not wanted.get("kubeconfig") and not wanted.get("context"):
        pass  # none of a kubeconfig's credentials is sent to a server that is named without it
    elif wanted.get("kubeconfig") or wanted.get("context"):
        cluster, user = _entries(_load(wanted.get("kubeconfig") or _default()), wanted.get("context"), wanted.get("kubeconfig"))
    else:
        cluster, user, in_pod = _somewhere()
    cluster, user = _cluster(cluster, wanted), _user(user, wanted)
    if not cluster.get("server"):
        raise ClusterError("the kubeconfig names no server for this context; correct oceans_llm_kubeconfig, or set oceans_llm_auth.host")
    wrong = [] if in_pod else list(entries.problems(cluster, user))
    if wrong:
        raise ClusterError(f"{'; '.join(wrong)}; correct the kubeconfig or oceans_llm_auth")
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": CONTEXT,
        "clusters": [{"name": CONTEXT, "cluster": cluster}],
        "users": [{"name": CONTEXT, "user": user}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT}}],
    }
    in_pod = in_pod and not {"api_key", "username", "client_cert", "ca_cert", "validate_certs", "proxy"} & set(wanted)
    return Way(config, in_pod, _no_proxy(wanted) if not cluster.get("proxy-url") else "")


def options(args: Mapping[str, Any]) -> dict[str, Any]:
    """The options that are set, by argument or by K8S_AUTH_*, under kubernetes.core's names; paths are absolute."""
    try:
        core = importlib.import_module(CORE)
    except ImportError as error:
        raise ClusterError(
            f"the collection kubernetes.core is not installed, or too old: {error}; run: ansible-galaxy collection install --upgrade kubernetes.core"
        ) from error
    given = {name: value for name, value in args.items() if value not in (None, "", [], {})}
    spec = {name: value for name, value in core._create_auth_spec(**given).items() if value not in (None, "", {})}
    headers = core._create_headers(**given)
    found = {_ALIASES.get(name, name): value for name, value in spec.items()}
    if headers.get("Impersonate-User"):
        found["impersonate_user"] = headers["Impersonate-User"]
    if headers.get("Impersonate-Group"):
        found["impersonate_groups"] = headers["Impersonate-Group"]
    if "validate_certs" in found:
        found["validate_certs"] = str(found["validate_certs"]).lower() not in ("false", "no", "0", "off", "n", "f")
    for name in ("ca_cert", "client_cert", "client_key"):
        if name in found:
            found[name] = absolute(str(found[name]))
    if "kubeconfig" in found:
        found["kubeconfig"] = _kubeconfig(found["kubeconfig"])
    return found


#: characters of a list of paths; anything longer is a kubeconfig in another form, and would be printed as a path that does not exist
LONGEST = 1000


def _kubeconfig(given: Any) -> Any:
    """Paths made absolute, or the content as a map; no path has a line break or begins with {, so such a text is the content of a file that was looked up."""
    if isinstance(given, str) and ("\n" in given.strip() or given.lstrip().startswith("{")):
        with contextlib.suppress(yaml.YAMLError, ValueError):
            given = yaml.safe_load(given)
        if not isinstance(given, Mapping):
            raise ClusterError(
                "oceans_llm_kubeconfig is a text of several lines, but not a kubeconfig (value not shown); set the path or the content of a kubeconfig"
            )
    if isinstance(given, str) and len(given) > LONGEST:
        raise ClusterError(
            f"oceans_llm_kubeconfig is a text of {len(given)} characters, which is no path (value not shown); set the path or the content of a "
            "kubeconfig (if the text is base64, use the filter b64decode)"
        )
    if isinstance(given, str):
        return os.pathsep.join(absolute(path) for path in given.split(os.pathsep) if path)
    if not isinstance(given, Mapping):
        raise ClusterError(
            f"oceans_llm_kubeconfig has the type {type(given).__name__}; set the variable to a path "
            f"(or several, separated by {os.pathsep}), or to the content of a kubeconfig"
        )
    return given


#: attribute of the Kubernetes client -> the option of kubernetes.core that sets it, where the names differ
_ALIASES = {"ssl_ca_cert": "ca_cert", "cert_file": "client_cert", "key_file": "client_key", "verify_ssl": "validate_certs"}


def absolute(path: str) -> str:
    """One meaning for everybody: modules run in the playbook's folder, plugins in the one that Ansible was started in."""
    return os.path.abspath(os.path.expanduser(path))


def _somewhere() -> tuple[dict[str, Any], dict[str, Any], bool]:
    """Nothing is said: a kubeconfig in its usual place, or the pod's own account. Not a guess between both: kubernetes.core and Helm differ in it."""
    here = [path for path in _default().split(os.pathsep) if path and os.path.exists(path)]
    try:
        kubernetes.config.load_incluster_config(client_configuration=kubernetes.client.Configuration())
        pod: Exception | None = None
    except kubernetes.config.ConfigException as error:
        pod = error
    if here and pod is None:
        raise ClusterError(
            f"two clusters are possible: that of the kubeconfig {here[0]}, and that of the service account of the pod that Ansible runs in "
            "(Helm would use the first, kubernetes.core the second); set oceans_llm_kubeconfig or K8S_AUTH_KUBECONFIG"
        )
    if here or os.environ.get("KUBECONFIG"):
        return *_entries(_load(_default()), None, "KUBECONFIG or ~/.kube/config"), False
    if pod is not None:
        raise ClusterError(
            f"neither KUBECONFIG, nor ~/.kube/config, nor a pod's service account gives access to a cluster: {_plain(pod)}; "
            "set oceans_llm_kubeconfig and oceans_llm_context"
        )
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    return {"server": server, "certificate-authority": pod_account.SERVICE_CERT_FILENAME}, {"tokenFile": pod_account.SERVICE_TOKEN_FILENAME}, True


def _default() -> str:
    """Now: the client looked when it was imported."""
    return os.pathsep.join(absolute(path) for path in (os.environ.get("KUBECONFIG") or "~/.kube/config").split(os.pathsep) if path)


def _load(kubeconfig: Any) -> dict[str, Any]:
    """All entries of one or several files, as kubectl merges them: the first one of a name counts. Paths in them become absolute."""
    if isinstance(kubeconfig, Mapping):
        return _merged([(dict(kubeconfig), os.getcwd())])
    files = kubeconfig.split(os.pathsep)
    there = [path for path in files if os.path.exists(path)]
    if not there:
        raise ClusterError(f"the kubeconfig {kubeconfig} does not exist; set oceans_llm_kubeconfig or K8S_AUTH_KUBECONFIG")
    return _merged([(_read(path), os.path.dirname(path)) for path in there])


def _read(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            found = yaml.safe_load(file)
    except yaml.YAMLError as error:
        raise ClusterError(f"{path} is not YAML: {_plain(error)}") from error
    except (OSError, ValueError) as error:
        raise ClusterError(f"{path} cannot be read as a kubeconfig: {_plain(error)}") from error
    if found is None and path != "/dev/null":
        found = {}
    if not isinstance(found, Mapping):
        raise ClusterError(f"{path} cannot be read as a kubeconfig: the file contains no YAML mapping")
    return dict(found)


def _merged(files: Iterable[tuple[dict[str, Any], str]]) -> dict[str, Any]:
    found: dict[str, Any] = {"current-context": "", "clusters": {}, "users": {}, "contexts": {}}
    for content, folder in files:
        found["current-context"] = found["current-context"] or content.get("current-context") or ""
        for kind, key in (("clusters", "cluster"), ("users", "user"), ("contexts", "context")):
            for entry in content.get(kind) or ():
                if isinstance(entry, Mapping) and isinstance(entry.get(key), Mapping):
                    found[kind].setdefault(entry.get("name"), _at(entry[key], folder))
    return found


def _at(entry: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """With absolute paths; a program with a folder in its name is relative to the file, too (client-go)."""
    found = {key: os.path.join(folder, os.path.expanduser(value)) if key in PATHS and value else value for key, value in entry.items()}
    program = found.get("exec")
    if isinstance(program, Mapping) and os.sep in str(program.get("command") or ""):
        found["exec"] = {**program, "command": os.path.join(folder, str(program["command"]))}
    return found


def _entries(merged: Mapping[str, Any], context: str | None, source: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Cluster and user of one context."""
    where = source if isinstance(source, str) else "the given kubeconfig" if source else _default()
    name = context or merged["current-context"]
    chosen = merged["contexts"].get(name)
    if chosen is None:
        known = ", ".join(sorted(map(str, merged["contexts"]))) or "none"
        what = f"there is no context {name}" if name else "current-context is not set"
        raise ClusterError(f"no usable cluster in {where}: {what} (existing contexts: {known}); correct oceans_llm_kubeconfig and oceans_llm_context")
    cluster, user = merged["clusters"].get(chosen.get("cluster")), merged["users"].get(chosen.get("user"))
    if cluster is None or (user is None and chosen.get("user")):
        missing = f"cluster {chosen.get('cluster')}" if cluster is None else f"user {chosen.get('user')}"
        raise ClusterError(f"no usable cluster in {where}: context {name} names {missing}, which does not exist there; correct the kubeconfig")
    return cluster, user or {}


def _cluster(cluster: dict[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """With the options in place of the kubeconfig's own."""
    found = dict(cluster)
    if wanted.get("host"):
        found["server"] = str(wanted["host"]).strip().rstrip("/")
    if wanted.get("ca_cert"):
        found = {**_without(found, "certificate-authority-data"), "certificate-authority": wanted["ca_cert"]}
    if wanted.get("validate_certs") is False:  # which client-go refuses beside an authority
        found = {**_without(found, "certificate-authority", "certificate-authority-data"), "insecure-skip-tls-verify": True}
    elif wanted.get("validate_certs"):
        found = _without(found, "insecure-skip-tls-verify")
    if wanted.get("proxy"):
        found["proxy-url"] = _with_login(str(wanted["proxy"]), wanted.get("proxy_headers") or {})
    elif wanted.get("proxy_headers"):
        raise ClusterError("proxy_headers is set without proxy; set oceans_llm_auth.proxy, too")
    if (
        found.get("proxy-url")
        and wanted.get("no_proxy")
        and urllib.request.proxy_bypass_environment(  # type: ignore[attr-defined]
            urllib.parse.urlsplit(found.get("server", "")).netloc, {"no": wanted["no_proxy"]}
        )
    ):
        found = _without(found, "proxy-url")
    return found


def _with_login(proxy: str, headers: Mapping[str, Any]) -> str:
    """Helm knows a proxy's login only as a part of its address."""
    other = sorted(set(headers) - {"proxy_basic_auth"})
    if any(headers[name] for name in other):
        raise ClusterError(f"proxy_headers: Helm cannot send {', '.join(other)} to a proxy; only proxy_basic_auth is supported")
    if not headers.get("proxy_basic_auth"):
        return proxy
    user, _colon, password = str(headers["proxy_basic_auth"]).partition(":")
    parts = urllib.parse.urlsplit(proxy)
    quoted = ":".join(urllib.parse.quote(part, safe="") for part in (user, password))
    return urllib.parse.urlunsplit(parts._replace(netloc=f"{quoted}@{parts.netloc.rpartition('@')[2]}"))


def _user(user: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(user)
    if wanted.get("api_key"):
        found = {**_without(found, *SECRETS), "token": str(wanted["api_key"])}
    elif wanted.get("username") or wanted.get("password"):
        if not (wanted.get("username") and wanted.get("password")):
            raise ClusterError("username and password need each other; set oceans_llm_auth.username and oceans_llm_auth.password")
        found = {**_without(found, *SECRETS), "username": str(wanted["username"]), "password": str(wanted["password"])}
    if isinstance(found.get("token"), str):
        found["token"] = found["token"].strip()  # of a file that was looked up: no token ends with a line break
    for option, key in (("client_cert", "client-certificate"), ("client_key", "client-key")):
        if wanted.get(option):
            found = {**_without(found, f"{key}-data"), key: wanted[option]}
    if wanted.get("impersonate_user"):
        found = {**_without(found, "as-uid", "as-groups", "as-user-extra"), "as": str(wanted["impersonate_user"])}
    if wanted.get("impersonate_groups"):
        if not found.get("as"):
            raise ClusterError(
                "impersonate_groups is set without impersonate_user, but the API server accepts "
                "groups only together with a user; set oceans_llm_auth.impersonate_user, too"
            )
        found["as-groups"] = [str(group) for group in wanted["impersonate_groups"]]
    return found


def _no_proxy(wanted: Mapping[str, Any]) -> str:
    """For a proxy that the environment names."""
    around = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
    return ",".join(part for part in (str(wanted["no_proxy"]), around) if part) if wanted.get("no_proxy") else ""


def _without(entry: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key not in keys}


class _Complaints(logging.Handler):
    """What the client tells its log, and nobody else: why an exec plugin (or another way to a token) gave none."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(" ".join(record.getMessage().split()))


def _plain(error: BaseException) -> str:
    return " ".join(str(error).split())
