# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's last screen: ask the deployed gateway what a user would ask, over a port-forward, without our own plugins."""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

NAMESPACE, RELEASE, EMAIL = "oceans-llm", "oceans-llm", "admin@example.com"
KUBECTL = ("kubectl", "-n", NAMESPACE)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, required=True, help="how long the deployment took")
    seconds = parser.parse_args().seconds
    with port_forward() as url:
        health, ready, login = ask(f"{url}/api/v1/health"), ask(f"{url}/readyz"), ask(f"{url}/api/v1/auth/login/password", credentials())
        admin_ui = ask(f"{url}/admin")
    answers = {
        "version served": (health, health[1].get("version")),
        "/readyz": (ready, ready[1].get("status")),
        "admin login": (login, f"{EMAIL} may log in" if login[0] == 200 else login[1].get("error", {}).get("message")),
        "admin UI": (admin_ui, "answers through the gateway" if admin_ui[0] == 200 else "does not answer"),
    }
    print()
    for name, ((status, _body), text) in answers.items():
        print(f"  {name:15} {text}  (HTTP {status})")
    print(f"  {'reach it':15} make open, then http://127.0.0.1:8080/admin")
    print(f"  {'admin password':15} {password_command()}")
    print(f"  {'deployed in':15} {seconds} s")
    return 0 if all(status == 200 for (status, _body), _text in answers.values()) else 1


@contextmanager
def port_forward() -> Iterator[str]:
    """The gateway's Service on a free local port; the address comes from kubectl's own first line."""
    process = subprocess.Popen([*KUBECTL, "port-forward", f"service/{RELEASE}-gateway", ":8080"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        port = re.search(r"127\.0\.0\.1:(\d+)", line)
        if not port:
            sys.exit(f"kubectl port-forward gave no address: {line!r}")
        yield f"http://127.0.0.1:{port[1]}"
    finally:
        process.terminate()
        process.wait()


def ask(url: str, body: dict[str, str] | None = None) -> tuple[int, dict]:
    """(HTTP status, JSON body or {})."""
    request = urllib.request.Request(url, json.dumps(body).encode() if body else None, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, parsed(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, parsed(error.read())


def parsed(text: bytes) -> dict:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def credentials() -> dict[str, str]:
    secret = json.loads(subprocess.check_output([*KUBECTL, "get", "secret", f"{RELEASE}-secrets", "-o", "json"]))
    return {"email": EMAIL, "password": base64.b64decode(secret["data"]["GATEWAY_BOOTSTRAP_ADMIN_PASSWORD"]).decode()}


def password_command() -> str:
    config = os.path.relpath(os.environ.get("KUBECONFIG", ".testbed/kubeconfig"))
    return (f"kubectl --kubeconfig {config} -n {NAMESPACE} get secret {RELEASE}-secrets"
            " -o go-template='{{.data.GATEWAY_BOOTSTRAP_ADMIN_PASSWORD | base64decode}}'")


if __name__ == "__main__":
    sys.exit(main())
