# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way to prove who is asking, against an API server with TLS: what arrives there, and that Helm is given the same."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import ssl
import stat as modes
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ansible_collections.oceans.llm.plugins.plugin_utils.helm.cli import Helm, HelmError, for_helm
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import ENVIRONMENT, ApiError, Cluster, ClusterError

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
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", *ENVIRONMENT.values()):
        monkeypatch.delenv(name, raising=False)


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
        ("print('hello')", "decode"),
        (credential(), "missing token"),
        (credential(token="t").replace("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"), "does not match"),
    ],
)
def test_an_exec_plugin_that_fails_is_a_sentence_and_no_anonymous_request(api, pki, tmp_path, capfd, text, says):
    with pytest.raises(ClusterError, match=says) as refused:
        Cluster.connect({"kubeconfig": kubeconfig(api, pki, plugin(tmp_path, text))})
    assert not isinstance(refused.value, ApiError) and api.seen == [] and "\n" not in str(refused.value)
    assert capfd.readouterr().err == "", "the client's own complaint does not go to the screen"


def test_an_exec_plugin_that_is_not_installed_is_named(api, pki, tmp_path):
    with pytest.raises(ClusterError, match="no-such-plugin"):
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


# --- Helm -----------------------------------------------------------------------------------------------------------------


def test_helm_gets_a_server_of_its_own_as_a_kubeconfig(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", "/of/somebody/else")
    known = for_helm({"host": "https://it", "api_key": "t", "ca_cert": "/ca", "client_cert": "/crt", "client_key": "/key"}, str(tmp_path))
    assert known == {"kubeconfig": str(tmp_path / "kubeconfig")} and modes.S_IMODE((tmp_path / "kubeconfig").stat().st_mode) == 0o600
    config = json.loads((tmp_path / "kubeconfig").read_text())
    assert config["clusters"][0]["cluster"] == {"server": "https://it", "certificate-authority": "/ca"}
    assert config["users"][0]["user"] == {"token": "t", "client-certificate": "/crt", "client-key": "/key"}
    assert Helm("true", known)._environment["KUBECONFIG"] == str(tmp_path / "kubeconfig"), "and not the one that lies around"


def test_helm_gets_what_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("K8S_AUTH_HOST", "https://it")
    monkeypatch.setenv("K8S_AUTH_API_KEY", "t")
    monkeypatch.setenv("K8S_AUTH_VERIFY_SSL", "false")
    for_helm({}, str(tmp_path))
    config = json.loads((tmp_path / "kubeconfig").read_text())
    assert config["clusters"][0]["cluster"] == {"server": "https://it", "insecure-skip-tls-verify": True} and config["users"][0]["user"] == {"token": "t"}


def test_helm_gets_the_kubeconfig_as_it_is(api, pki, tmp_path):
    assert for_helm({"kubeconfig": "/k", "context": "c", "api_key": "t"}, str(tmp_path)) == {"kubeconfig": "/k", "context": "c", "api_key": "t"}
    config = kubeconfig(api, pki, plugin(tmp_path, credential(token="t")))
    known = for_helm({"kubeconfig": config, "context": "it"}, str(tmp_path))
    assert known["context"] == "it" and json.loads(Path(known["kubeconfig"]).read_text()) == config


def test_in_a_pod_helm_is_told_nothing_and_looks_where_we_look(tmp_path):
    assert for_helm({}, str(tmp_path)) == {} and not (tmp_path / "kubeconfig").exists()


@pytest.mark.parametrize("args", [{"client_cert": "/c"}, {"client_cert": "/c", "host": "https://it", "kubeconfig": "/k"}])
def test_a_certificate_that_helm_could_not_use_is_refused(args, tmp_path):
    with pytest.raises(HelmError, match="kubeconfig that holds the certificate"):
        for_helm(args, str(tmp_path))


# --- through the API server to a pod --------------------------------------------------------------------------------------


@pytest.mark.parametrize("user", ["token", "certificate"])
def test_a_forwarded_port_is_asked_for_by_the_same_user(api, pki, user):
    path = f"{paths.pod('ns', 'pg-0')}/portforward"
    api.on("GET", path, status(403, "Forbidden", "may not"))
    cluster = Cluster.connect({"kubeconfig": kubeconfig(api, pki, {"token": "anna-token"} if user == "token" else certificate(pki, "anna"))})
    with pytest.raises(ApiError, match="no way to port 5432 of Pod/pg-0") as refused, cluster.port_forward("ns", "pg-0", 5432, 1.0):
        pass
    assert refused.value.status == 403 and not refused.value.unreachable
    (_method, asked, query, _body) = api.seen[-1]
    shown = {k.lower(): v for k, v in api.headers[-1].items()}.get("authorization", "")
    assert (asked, query["ports"]) == (path, ["5432"])
    assert (shown, api.certificates[-1]) == (("Bearer anna-token", "") if user == "token" else ("", "anna"))
