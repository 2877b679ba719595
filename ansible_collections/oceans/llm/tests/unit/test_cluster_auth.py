# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way to prove who is asking, against an API server with TLS: what arrives there, and that Helm is given the same."""

from __future__ import annotations

import base64
import datetime
import importlib
import inspect
import ipaddress
import json
import os
import ssl
import stat as modes
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ansible_collections.oceans.llm.plugins.plugin_utils.helm.cli import DECIDED, Helm, HelmError, for_helm
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import auth, exec_plugin, paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.auth import resolve
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import ApiError, Cluster, ClusterError, _quiet_threads

from .fake_api import FakeApi, ok, status

EXEC_VERSION = "client.authentication.k8s.io/v1"


def make(folder: Path, name: str, issuer: tuple | None = None) -> tuple:
    """A certificate for 127.0.0.1 and its key, in files NAME.crt and NAME.key; without an issuer an authority."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer[0].public_key() if issuer else key.public_key()), critical=False)
        .add_extension(x509.KeyUsage(True, False, False, False, False, issuer is None, issuer is None, False, False), critical=True)
        .sign(issuer[1] if issuer else key, hashes.SHA256())
    )
    (folder / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    )
    return certificate, key


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pki")
    authority = make(folder, "authority")
    for name in ("server", "anna", "berta"):
        make(folder, name, authority)
    return folder


@pytest.fixture
def api(pki):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki / "server.crt", pki / "server.key")
    context.load_verify_locations(pki / "authority.crt")
    context.verify_mode = ssl.CERT_OPTIONAL
    with FakeApi(context) as fake:
        fake.on("GET", paths.VERSION, ok({"gitVersion": "v1.34.4"}))
        yield fake


@pytest.fixture(autouse=True)
def a_user_without_a_cluster(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in list(os.environ):
        if name.startswith(("K8S_AUTH_", "KUBE", "HELM_")) or name.upper() in ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"):
            monkeypatch.delenv(name)


def kubeconfig(api: FakeApi, pki: Path, user: dict, **more: dict) -> dict:
    """Context `it` with this user; further users each in a context of their own name."""
    users = {"it": user, **more}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "it",
        "clusters": [{"name": "it", "cluster": {"server": api.url, "certificate-authority": str(pki / "authority.crt")}}],
        "users": [{"name": name, "user": given} for name, given in users.items()],
        "contexts": [{"name": name, "context": {"cluster": "it", "user": name}} for name in users],
    }


def written(path: Path, config: dict) -> str:
    path.write_text(yaml.safe_dump(config))
    return str(path)


def certificate(pki: Path, name: str) -> dict:
    return {"client-certificate": str(pki / f"{name}.crt"), "client-key": str(pki / f"{name}.key")}


def plugin(tmp_path: Path, text: str, **more) -> dict:
    """A user whose credentials are what a program prints."""
    program = tmp_path / "plugin.py"
    program.write_text(text)
    return {"exec": {"apiVersion": EXEC_VERSION, "command": sys.executable, "args": [str(program)], "interactiveMode": "Never", **more}}


def credential(**status: str) -> str:
    return f"print({json.dumps(json.dumps({'apiVersion': EXEC_VERSION, 'kind': 'ExecCredential', 'status': status}))})"


def arrives(api: FakeApi, args: dict | None = None) -> tuple[str, str]:
    """(bearer token, common name of the certificate) that the server sees."""
    Cluster.connect(args or {}).get(paths.VERSION)
    return next((v.split(" ", 1)[1] for k, v in api.headers[-1].items() if k.lower() == "authorization"), ""), api.certificates[-1]


# --- kubeconfig -----------------------------------------------------------------------------------------------------------


def test_a_client_certificate_from_files_and_from_the_kubeconfig_itself(api, pki, tmp_path):
    inside = {f"{k}-data": base64.b64encode(Path(v).read_bytes()).decode() for k, v in certificate(pki, "berta").items()}
    config = kubeconfig(api, pki, certificate(pki, "anna"), inside=inside)
    path = written(tmp_path / "config", config)
    assert arrives(api, {"kubeconfig": path}) == ("", "anna")
    assert arrives(api, {"kubeconfig": path, "context": "inside"}) == ("", "berta")
    assert arrives(api, {"kubeconfig": config, "context": "inside"}) == ("", "berta"), "a kubeconfig that is a dictionary"


def test_an_exec_plugin_gives_a_token(api, pki, tmp_path):
    text = "import json, os\n" + f"print(json.dumps({{'apiVersion': '{EXEC_VERSION}', 'kind': 'ExecCredential', 'status': {{'token': os.environ['WHO']}}}}))"
    user = plugin(tmp_path, text, env=[{"name": "WHO", "value": "anna-token"}])
    assert arrives(api, {"kubeconfig": written(tmp_path / "config", kubeconfig(api, pki, user))}) == ("anna-token", "")


def test_an_exec_plugin_gives_a_certificate(api, pki, tmp_path):
    shown = {"clientCertificateData": (pki / "berta.crt").read_text(), "clientKeyData": (pki / "berta.key").read_text()}
    assert arrives(api, {"kubeconfig": kubeconfig(api, pki, plugin(tmp_path, credential(**shown)))}) == ("", "berta")


def test_an_exec_plugins_token_is_renewed_when_its_time_is_over(api, pki, tmp_path):
    count = tmp_path / "count"
    count.write_text("0")
    text = (
        f"import json, pathlib\nf = pathlib.Path({str(count)!r})\nf.write_text(str(int(f.read_text()) + 1))\n"
        f"print(json.dumps({{'apiVersion': '{EXEC_VERSION}', 'kind': 'ExecCredential', "
        "'status': {'token': 't' + f.read_text(), 'expirationTimestamp': '2020-01-01T00:00:00Z'}}))"
    )
    cluster = Cluster.connect({"kubeconfig": kubeconfig(api, pki, plugin(tmp_path, text))})
    for _time in range(2):
        cluster.get(paths.VERSION)
    tokens = [h["authorization"] for h in api.headers]
    assert len(set(tokens)) == 2 and int(count.read_text()) >= 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import sys\nsys.exit('session has expired, log in again')", "session has expired, log in again"),
        ("print('hello')", "did not print an ExecCredential"),
        (credential(), "missing token"),
        (credential(token="t").replace("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"), "does not match"),
    ],
)
def test_an_exec_plugin_that_fails_is_a_sentence_and_no_anonymous_request(api, pki, tmp_path, capfd, text, says):
    with pytest.raises(ClusterError, match=says) as refused:
        Cluster.connect({"kubeconfig": kubeconfig(api, pki, plugin(tmp_path, text))})
    assert not isinstance(refused.value, ApiError) and api.seen == [] and "\n" not in str(refused.value)
    assert capfd.readouterr().err == "", "the client's own complaint does not go to the screen"


def test_an_exec_plugin_that_waits_for_a_login_is_ended_and_its_words_are_shown(api, pki, tmp_path, monkeypatch):
    """kubelogin and the AWS CLI print an address and wait until somebody has logged in there. What they started ends, too."""
    monkeypatch.setattr(exec_plugin, "LIMIT", 1.0)
    left = tmp_path / "left"
    text = (
        "import subprocess, sys\nsys.stderr.write('To sign in, open https://login.example\\n')\nsys.stderr.flush()\n"
        f"child = subprocess.Popen(['sleep', '600'])\nopen({str(left)!r}, 'w').write(str(child.pid))\nchild.wait()"
    )
    with pytest.raises(ClusterError, match="printed no credentials within 1 s and was ended, because it probably waits for a login") as refused:
        Cluster.connect({"kubeconfig": kubeconfig(api, pki, plugin(tmp_path, text))})
    assert "output of the program: To sign in, open https://login.example; find the reason" in str(refused.value) and api.seen == []
    stat = Path(f"/proc/{left.read_text()}/stat")
    assert not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] in "ZX"


def test_an_exec_plugin_that_is_not_installed_is_named(api, pki, tmp_path):
    with pytest.raises(ClusterError, match="no-such-plugin of the kubeconfig is not installed"):
        Cluster.connect({"kubeconfig": kubeconfig(api, pki, {"exec": {"apiVersion": EXEC_VERSION, "command": "no-such-plugin", "interactiveMode": "Never"}})})


def test_the_environments_kubeconfig_is_read_when_it_is_needed(api, pki, tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", written(tmp_path / "other", kubeconfig(api, pki, {"token": "of-kubeconfig"})))
    assert arrives(api) == ("of-kubeconfig", "")
    monkeypatch.setenv("K8S_AUTH_KUBECONFIG", written(tmp_path / "config", kubeconfig(api, pki, {"token": "of-k8s-auth"}, other={"token": "of-context"})))
    assert arrives(api) == ("of-k8s-auth", "")
    monkeypatch.setenv("K8S_AUTH_CONTEXT", "other")
    assert arrives(api) == ("of-context", "")


def test_a_token_that_is_given_takes_the_place_of_the_kubeconfigs(api, pki):
    assert arrives(api, {"kubeconfig": kubeconfig(api, pki, {"token": "old"}), "api_key": "new"}) == ("new", "")


def test_a_token_in_a_file_is_read_again(api, pki, tmp_path):
    (tmp_path / "token").write_text("old\n")
    cluster = Cluster.connect({"kubeconfig": kubeconfig(api, pki, {"tokenFile": str(tmp_path / "token")})})
    for token in ("old", "new"):
        (tmp_path / "token").write_text(f"{token}\n")
        cluster.get(paths.VERSION)
        assert {k.lower(): v for k, v in api.headers[-1].items()}["authorization"] == f"Bearer {token}"


# --- a server of its own --------------------------------------------------------------------------------------------------


def test_a_server_with_token_and_authority(api, pki):
    assert arrives(api, {"host": f"{api.url}/", "api_key": "t", "ca_cert": str(pki / "authority.crt")}) == ("t", "")
    assert api.seen[-1][1] == paths.VERSION, "a slash at the end of the address does no harm"


def test_a_server_with_a_certificate(api, pki):
    args = {"host": api.url, "ca_cert": str(pki / "authority.crt"), "client_cert": str(pki / "anna.crt"), "client_key": str(pki / "anna.key")}
    assert arrives(api, args) == ("", "anna")


def test_the_same_by_environment_variables(api, pki, monkeypatch):
    monkeypatch.setenv("K8S_AUTH_HOST", api.url)
    monkeypatch.setenv("K8S_AUTH_SSL_CA_CERT", str(pki / "authority.crt"))
    monkeypatch.setenv("K8S_AUTH_API_KEY", "of-env")
    assert arrives(api) == ("of-env", "")
    assert arrives(api, {"api_key": "of-argument"}) == ("of-argument", ""), "an argument goes first"
    monkeypatch.delenv("K8S_AUTH_API_KEY")
    monkeypatch.setenv("K8S_AUTH_CERT_FILE", str(pki / "berta.crt"))
    monkeypatch.setenv("K8S_AUTH_KEY_FILE", str(pki / "berta.key"))
    assert arrives(api) == ("", "berta")


def test_an_unknown_authority_is_refused_unless_that_is_wanted(api, monkeypatch):
    with pytest.raises(ApiError, match="certificate verify failed"):
        arrives(api, {"host": api.url, "api_key": "t"})
    assert arrives(api, {"host": api.url, "api_key": "t", "validate_certs": False}) == ("t", "")
    monkeypatch.setenv("K8S_AUTH_VERIFY_SSL", "no")
    assert arrives(api, {"host": api.url, "api_key": "t"}) == ("t", "")


def test_no_credentials_of_a_kubeconfig_go_to_a_server_that_is_named_without_it(api, pki, tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", written(tmp_path / "config", kubeconfig(api, pki, {"token": "secret"})))
    assert arrives(api, {"host": api.url, "ca_cert": str(pki / "authority.crt")}) == ("", "")


# --- in a pod -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def pod(api, pki, tmp_path, monkeypatch):
    """What the kubelet gives to a pod."""
    from kubernetes.config import incluster_config

    (tmp_path / "token").write_text("of-the-pod")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(pki / "authority.crt"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", api.url.rsplit(":", 1)[1])
    return SimpleNamespace(token=tmp_path / "token")


def test_the_account_of_the_pod(api, pod):
    assert arrives(api) == ("of-the-pod", "")


def test_the_pods_token_is_read_again_when_the_kubelet_has_renewed_it(api, pod, monkeypatch):
    import datetime as real

    from kubernetes.config import incluster_config

    cluster = Cluster.connect({})
    pod.token.write_text("renewed")
    later = SimpleNamespace(now=lambda: real.datetime.now() + real.timedelta(minutes=2))
    monkeypatch.setattr(incluster_config, "datetime", SimpleNamespace(datetime=later, timedelta=real.timedelta))
    cluster.get(paths.VERSION)
    assert api.headers[-1]["authorization"].lower() == "bearer renewed"


def test_a_kubeconfig_goes_before_the_account_of_the_pod(api, pki, pod, tmp_path):
    assert arrives(api, {"kubeconfig": written(tmp_path / "config", kubeconfig(api, pki, {"token": "mine"}))}) == ("mine", "")


def test_a_pod_without_a_token_says_so(pod):
    pod.token.unlink()
    with pytest.raises(ClusterError, match="token file does not exist"):
        Cluster.connect({})


def test_two_ways_of_which_nobody_says_which_are_refused(api, pki, pod, tmp_path, monkeypatch):
    """kubernetes.core would take the pod's account, kubectl and Helm the kubeconfig."""
    monkeypatch.setenv("KUBECONFIG", written(tmp_path / "config", kubeconfig(api, pki, {"token": "mine"})))
    with pytest.raises(ClusterError, match="two clusters are possible.*set oceans_llm_kubeconfig"):
        Cluster.connect({})
    assert api.seen == []
    monkeypatch.setenv("K8S_AUTH_KUBECONFIG", str(tmp_path / "config"))
    assert arrives(api) == ("mine", "")


# --- everything else that kubernetes.core accepts ---------------------------------------------------------------------------


def test_the_functions_of_kubernetes_core_are_where_they_were():
    """What an option or a variable means is asked of them (auth.options)."""
    core = importlib.import_module(auth.CORE)
    assert list(inspect.signature(core._create_auth_spec).parameters) == ["module", "kwargs"]
    assert list(inspect.signature(core._create_headers).parameters) == ["module", "kwargs"]
    assert core._create_auth_spec(host="h", ca_cert="c", validate_certs=False, client_cert="x", client_key="y", no_proxy="n") == {
        "host": "h",
        "ssl_ca_cert": "c",
        "verify_ssl": False,
        "cert_file": "x",
        "key_file": "y",
        "no_proxy": "n",
        "proxy_headers": {},
    }
    assert core._create_headers(impersonate_user="u", impersonate_groups=["g"]) == {"Impersonate-User": "u", "Impersonate-Group": ["g"]}


def test_every_option_of_kubernetes_core_is_an_option_here():
    from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

    from ansible_collections.oceans.llm.plugins.plugin_utils.action_base import AUTH

    own = {"cluster_uid", "common_labels", "common_annotations"}
    assert {n: s.get("aliases", []) for n, s in AUTH_ARG_SPEC.items()} == {n: s.get("aliases", []) for n, s in AUTH.items() if n not in own}
    assert own < set(AUTH)


def seen_as(api: FakeApi, args: dict | None = None) -> list[tuple[str, str]]:
    Cluster.connect(args or {}).get(paths.VERSION)
    return sorted(api.impersonated[-1])


@pytest.mark.parametrize("by", ["kubeconfig", "options", "environment"])
def test_the_request_is_made_as_somebody_else(api, pki, tmp_path, monkeypatch, by):
    wanted = [("Impersonate-Group", "a"), ("Impersonate-Group", "b"), ("Impersonate-User", "anna")]
    user = {"token": "t", **({"as": "anna", "as-groups": ["a", "b"]} if by == "kubeconfig" else {})}
    args = {"kubeconfig": written(tmp_path / "config", kubeconfig(api, pki, user))}
    if by == "options":
        args |= {"impersonate_user": "anna", "impersonate_groups": ["a", "b"]}
    if by == "environment":
        monkeypatch.setenv("K8S_AUTH_IMPERSONATE_USER", "anna")
        monkeypatch.setenv("K8S_AUTH_IMPERSONATE_GROUPS", "a,b")
    assert seen_as(api, args) == wanted
    way = resolve(args)
    assert for_helm(way, str(tmp_path))["KUBECONFIG"] == str(tmp_path / "kubeconfig")
    helms = json.loads((tmp_path / "kubeconfig").read_text())["users"][0]["user"]
    assert (helms["as"], helms["as-groups"]) == ("anna", ["a", "b"]), "and Helm's"


def test_a_port_is_not_forwarded_as_the_wrong_user(api, pki):
    cluster = Cluster.connect({"kubeconfig": kubeconfig(api, pki, {"token": "t", "as": "anna"})})
    with pytest.raises(ApiError, match="with impersonation"), cluster.port_forward("ns", "pg-0", 5432, 1.0):
        pass
    assert api.seen == []


def test_user_and_password(api, pki):
    Cluster.connect({"kubeconfig": kubeconfig(api, pki, {"token": "old"}), "username": "u", "password": "p"}).get(paths.VERSION)
    assert {k.lower(): v for k, v in api.headers[-1].items()}["authorization"] == "Basic " + base64.b64encode(b"u:p").decode()


def test_a_list_of_kubeconfigs_is_merged(api, pki, tmp_path, monkeypatch):
    first, second = kubeconfig(api, pki, {"token": "first"}), kubeconfig(api, pki, {"token": "second"}, other={"token": "other"})
    names = ":".join([str(tmp_path / "none"), written(tmp_path / "a", first), written(tmp_path / "b", second)])
    assert arrives(api, {"kubeconfig": names}) == ("first", "")
    monkeypatch.setenv("KUBECONFIG", names)
    assert arrives(api) == ("first", "")
    assert arrives(api, {"context": "other"}) == ("other", "")


def test_relative_paths_start_where_ansible_was_started(api, pki, tmp_path, monkeypatch):
    (tmp_path / "conf").mkdir()
    for name in ("authority.crt", "anna.crt", "anna.key"):
        (tmp_path / "conf" / name).write_bytes((pki / name).read_bytes())
    config = kubeconfig(api, pki, {"client-certificate": "anna.crt", "client-key": "anna.key"})
    config["clusters"][0]["cluster"]["certificate-authority"] = "authority.crt"  # beside the file, as kubectl reads it
    written(tmp_path / "conf/kc", config)
    monkeypatch.chdir(tmp_path)
    assert arrives(api, {"kubeconfig": "./conf/kc"}) == ("", "anna")
    own = {"host": api.url, "ca_cert": "conf/authority.crt", "client_cert": "conf/anna.crt", "client_key": "conf/anna.key"}
    assert arrives(api, own) == ("", "anna")
    monkeypatch.setenv("KUBECONFIG", "conf/kc")
    for args in ({"kubeconfig": "./conf/kc"}, own, {}):
        way = resolve(args)
        named = [value for part in (way.cluster, way.user) for key, value in part.items() if key in auth.PATHS]
        assert len(named) == 3 and all(os.path.isabs(value) for value in named), "Helm runs in another folder"


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ({"persist_config": True}, "persist_config is not supported"),
        ({"proxy_headers": {"proxy_basic_auth": "u:p"}}, "without proxy"),
        ({"proxy": "http://p:1", "proxy_headers": {"user_agent": "me"}}, "Helm cannot send user_agent"),
        ({"impersonate_groups": ["a"]}, "without impersonate_user"),
        ({"username": "u"}, "need each other"),
        ({"context": "nope"}, "there is no context nope .existing contexts: it"),
    ],
)
def test_a_way_that_helm_or_the_client_could_not_go_is_refused_before_anything_is_asked(api, pki, args, says):
    with pytest.raises(ClusterError, match=says):
        Cluster.connect({"kubeconfig": kubeconfig(api, pki, {"token": "t"}), **args})
    assert api.seen == []


@pytest.mark.parametrize(
    ("cluster", "user", "says"),
    [
        ({"server": "api.example:6443"}, {}, "write https://HOST:PORT"),
        ({"server": 8080}, {}, "'8080', which is not a URL"),
        ({"proxy-url": "proxy.example:3128"}, {}, "write http://HOST:PORT"),
        ({"proxy-url": "ftp://u:canary@proxy.example"}, {}, "write http://HOST:PORT"),
        ({"proxy-url": "socks5://127.0.0.1:9"}, {}, "PySocks"),
        ({}, {"client-key": "-----BEGIN PRIVATE KEY-----\nabc\n"}, "client-key contains a certificate or key, but has to be the path of a file"),
        ({"certificate-authority": "no-such.crt"}, {}, "certificate-authority is /.*no-such.crt, but this file does not exist"),
        ({"certificate-authority-data": "!!!"}, {}, "certificate-authority-data is not base64"),
        ({}, {"client-certificate": "no.crt", "client-key": "no.key"}, "client-certificate is /.*no.crt, .*; client-key is"),
        ({}, {"client-key-data": "canary!"}, "client-key-data is not base64"),
        ({}, {"client-certificate-data": "Y2FuYXJ5"}, "client-certificate-data contains no PEM certificate"),
        ({}, {"tokenFile": "no-token"}, "tokenFile is /.*no-token, but this file does not exist"),
        ({}, {"token": "can ary"}, "contains a space"),
        ({}, {"token": "cänary"}, "non-ASCII"),
        ({}, {"token": 7}, "the token"),
        ({}, {"auth-provider": {"name": "gcp"}}, "auth-provider gcp is not supported since"),
    ],
)
def test_what_no_client_could_use_is_one_sentence_before_anything_is_asked(api, pki, tmp_path, monkeypatch, cluster, user, says):
    monkeypatch.setitem(sys.modules, "socks", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    config = kubeconfig(api, pki, user)
    config["clusters"][0]["cluster"].update(cluster)
    with pytest.raises(ClusterError, match=says) as refused:
        resolve({"kubeconfig": str(written(tmp_path / "kc", config))})
    assert "can" not in str(refused.value).replace("cannot", "") and "cänary" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        *((["a", "b"], "has the type list"), (7, "has the type int"), (True, "has the type bool")),
        *(("<html>\n</html>", "not a kubeconfig"), ("canary" * 200, "1200 characters")),
    ],
)
def test_a_kubeconfig_of_another_type_is_refused(given, says):
    with pytest.raises(ClusterError, match=f"oceans_llm_kubeconfig.*{says}") as refused:
        resolve({"kubeconfig": given})
    assert "canary" not in str(refused.value)


def test_the_content_of_a_kubeconfig_may_be_a_text(api, pki):
    for text in (yaml.safe_dump, json.dumps):  # in one line, it would be printed as a path that does not exist
        assert arrives(api, {"kubeconfig": text(kubeconfig(api, pki, {"token": "t"}))}) == ("t", "")


def test_a_line_break_behind_a_token_is_not_sent(api, pki, tmp_path):
    (tmp_path / "token").write_text("t\n")
    for user in ({"token": "t\n"}, {"tokenFile": str(tmp_path / "token")}):
        assert arrives(api, {"kubeconfig": kubeconfig(api, pki, user)}) == ("t", "")
    assert arrives(api, {"host": f"{api.url}\n", "ca_cert": str(pki / "authority.crt"), "api_key": "t\n"}) == ("t", "")


def test_a_user_that_no_header_can_carry(api, pki):
    with pytest.raises(ApiError, match="not allowed in an HTTP header") as refused:
        Cluster.connect({"kubeconfig": kubeconfig(api, pki, {"token": "t"}), "impersonate_user": "a\nb"}).get(paths.VERSION)
    assert not api.seen and "Traceback" not in str(refused.value)


def test_a_proxy_of_the_environment_needs_no_scheme(api, pki, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
    assert resolve({"kubeconfig": kubeconfig(api, pki, {"token": "t"})}).configuration().proxy == "http://proxy.example:3128"


def test_a_proxy_and_its_login_are_the_same_for_both(api, pki):
    args = {"kubeconfig": kubeconfig(api, pki, {"token": "t"}), "proxy": "http://proxy:3128", "proxy_headers": {"proxy_basic_auth": "u:p@ss"}}
    way = resolve(args)
    configuration = way.configuration()
    assert way.cluster["proxy-url"] == configuration.proxy == "http://u:p%40ss@proxy:3128"
    assert configuration.proxy_headers == {"proxy-authorization": "Basic " + base64.b64encode(b"u:p@ss").decode()}
    assert "proxy-url" not in resolve({**args, "no_proxy": "example.org,127.0.0.1"}).cluster, "a server that is reached without it"


# --- Helm -----------------------------------------------------------------------------------------------------------------


def helms(args: dict, folder: Path) -> tuple[dict, dict, dict]:
    """(environment, cluster, user) that Helm is given."""
    environment = for_helm(resolve(args), str(folder))
    config = json.loads(Path(environment["KUBECONFIG"]).read_text())
    assert len(config["contexts"]) == 1
    return environment, config["clusters"][0]["cluster"], config["users"][0]["user"]


def test_helm_gets_a_server_of_its_own_as_a_kubeconfig(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", "/of/somebody/else")
    for name in ("ca", "crt", "key"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    environment, cluster, user = helms({"host": "https://it/", "api_key": "t", "ca_cert": "ca", "client_cert": "crt", "client_key": "key"}, tmp_path)
    assert modes.S_IMODE((tmp_path / "kubeconfig").stat().st_mode) == 0o600
    assert cluster == {"server": "https://it", "certificate-authority": str(tmp_path / "ca")}
    assert user == {"token": "t", "client-certificate": str(tmp_path / "crt"), "client-key": str(tmp_path / "key")}
    assert Helm("true", environment)._environment["KUBECONFIG"] == str(tmp_path / "kubeconfig"), "and not the one that lies around"


def test_helm_gets_what_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("K8S_AUTH_HOST", "https://it")
    monkeypatch.setenv("K8S_AUTH_API_KEY", "t")
    monkeypatch.setenv("K8S_AUTH_VERIFY_SSL", "false")
    _environment, cluster, user = helms({}, tmp_path)
    assert cluster == {"server": "https://it", "insecure-skip-tls-verify": True} and user == {"token": "t"}


def test_helm_gets_the_one_context_with_what_the_options_change(api, pki, tmp_path):
    program = plugin(tmp_path, credential(token="t"))
    args = {"kubeconfig": kubeconfig(api, pki, {"token": "a"}, other=program), "context": "other"}
    assert helms(args, tmp_path)[2] == program, "its credentials are renewed while Helm works"
    assert helms({**args, "api_key": "new"}, tmp_path)[2] == {"token": "new"}
    assert helms({**args, "validate_certs": False}, tmp_path)[1] == {"server": api.url, "insecure-skip-tls-verify": True}


def test_in_a_pod_helm_gets_its_account(api, pod, tmp_path):
    _environment, cluster, user = helms({}, tmp_path)
    assert cluster["server"] == api.url and user == {"tokenFile": str(pod.token)}
    assert seen_as(api, {"impersonate_user": "anna"}) == [("Impersonate-User", "anna")]
    assert helms({"impersonate_user": "anna"}, tmp_path)[2]["as"] == "anna"


def test_nothing_in_the_shell_leads_helm_elsewhere(api, pki, tmp_path, monkeypatch):
    for name in (*DECIDED, "HELM_PLUGINS"):
        monkeypatch.setenv(name, "of-the-shell")
    environment = Helm("true", helms({"kubeconfig": kubeconfig(api, pki, {"token": "a"})}, tmp_path)[0])._environment
    left = {k: v for k, v in environment.items() if k.startswith("HELM_")}
    assert left == {"HELM_DRIVER": "secret", "HELM_PLUGINS": str(tmp_path / "plugins")} and list((tmp_path / "plugins").iterdir()) == []


@pytest.mark.parametrize("driver", ["configmap", "sql", "memory"])
def test_releases_that_are_kept_elsewhere_are_refused(tmp_path, monkeypatch, driver):
    monkeypatch.setenv("HELM_DRIVER", driver)
    with pytest.raises(HelmError, match=f"HELM_DRIVER is '{driver}'.*unset HELM_DRIVER"):
        for_helm(resolve({"host": "https://it"}), str(tmp_path))


def test_a_relative_helm_means_the_folder_that_ansible_was_started_in(tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/helm").write_text("#!/bin/sh\n")
    (tmp_path / "bin/helm").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    assert Helm("./bin/helm", {}).binary == str(tmp_path / "bin/helm")


def test_a_thread_of_the_package_prints_no_traceback(monkeypatch):
    told = []
    monkeypatch.setattr(threading, "excepthook", lambda args: told.append(args.thread.name))
    _quiet_threads()
    _quiet_threads()
    for name in ("Kubernetes port forward proxy: 5432", "another"):
        thread = threading.Thread(target=lambda: 1 / 0, name=name)
        thread.start()
        thread.join()
    assert told == ["another"]


# --- through the API server to a pod --------------------------------------------------------------------------------------


@pytest.mark.parametrize("user", ["token", "certificate"])
def test_a_forwarded_port_is_asked_for_by_the_same_user(api, pki, user):
    path = f"{paths.pod('ns', 'pg-0')}/portforward"
    api.on("GET", path, status(403, "Forbidden", "may not"))
    cluster = Cluster.connect({"kubeconfig": kubeconfig(api, pki, {"token": "anna-token"} if user == "token" else certificate(pki, "anna"))})
    with pytest.raises(ApiError, match="port 5432 of Pod/pg-0 cannot be reached by port-forward") as refused, cluster.port_forward("ns", "pg-0", 5432, 1.0):
        pass
    assert refused.value.status == 403 and not refused.value.unreachable
    (_method, asked, query, _body) = api.seen[-1]
    shown = {k.lower(): v for k, v in api.headers[-1].items()}.get("authorization", "")
    assert (asked, query["ports"]) == (path, ["5432"])
    assert (shown, api.certificates[-1]) == (("Bearer anna-token", "") if user == "token" else ("", "anna"))


@pytest.mark.parametrize(
    ("code", "message", "told"),
    [
        (503, "error trying to reach service: Address is not allowed", "error trying to reach service: Address is not allowed"),
        (502, "", "Handshake status 502 Bad Gateway"),
    ],
)
def test_a_port_that_the_api_server_cannot_reach_is_one_clean_sentence(api, pki, code, message, told):
    """Not the websocket library's dump of headers."""
    path = f"{paths.pod('ns', 'pg-0')}/portforward"
    api.on("GET", path, status(code, "", message) if message else lambda handler: handler.send(code, b""))
    cluster = Cluster.connect({"kubeconfig": kubeconfig(api, pki, {"token": "anna-token"})})
    with pytest.raises(ApiError) as refused, cluster.port_forward("ns", "pg-0", 5432, 1.0):
        pass
    assert (refused.value.status, str(refused.value)) == (code, f"port 5432 of Pod/pg-0 cannot be reached by port-forward: {told}")
