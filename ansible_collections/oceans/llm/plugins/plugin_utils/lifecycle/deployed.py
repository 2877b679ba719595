# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The deployed gateway as the runbooks need it: its Deployment, configuration, environment and Service, and requests to it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .. import playbooks
from ..gateway import configuration
from ..helm import releases
from ..kube import paths
from ..kube.client import Cluster, ClusterError
from ..kube.objects import json_object, name_of, part, selector_of
from ..rollout import post_check, unrecorded
from ..secrets import live_env, pod_env, shapes

LOGIN = "/api/v1/auth/login/password"
SESSION = "/api/v1/auth/session"


class NotPossible(ClusterError):
    """The runbook cannot continue; the text is one sentence for the user: what is wrong, evidence, what to type."""


class Gateway:
    """The deployed gateway: its Deployment, its configuration, its environment, its Service."""

    def __init__(self, deployment: Mapping[str, Any], configmap: Mapping[str, Any], env: Mapping[str, pod_env.Variable], service: tuple[str, int]) -> None:
        self.deployment, self._env, self._service = deployment, env, service
        self._configmap = configmap
        self.config = configuration.parse(configmap)
        self.namespace = deployment["metadata"]["namespace"]

    @classmethod
    def of(cls, cluster: Cluster, namespace: str, name: str, say: Callable[[str], None]) -> Gateway:
        """`say` gets a sentence where Helm has no record.

        :raises NotPossible: when there is no such release, or it holds no gateway of the chart's contract.
        """
        release = unrecorded.latest(cluster, namespace, name, say)
        if release is None:
            raise NotPossible(
                f"Helm has no release {name} in namespace {namespace} on {cluster.server}; deploy the release first: {playbooks.command('deploy')}"
            )
        return cls.read(cluster, release)

    @classmethod
    def read(cls, cluster: Cluster, release: releases.Release) -> Gateway:
        """:raises NotPossible: when the release holds no gateway of the chart's contract."""
        ns = release.namespace
        found, config = part(release.manifest, "Deployment"), configuration.configmap(release.objects)
        service = post_check.gateway_service(release.manifest)
        deployment = cluster.find(paths.deployment(ns, name_of(found))) if found else None
        configmap = cluster.find(paths.configmap(ns, name_of(config))) if config else None
        if deployment is None or service is None or configmap is None:
            raise NotPossible(
                f"release {release.name} in namespace {ns} has no gateway Deployment, Service or configuration of the chart oceans-llm; deploy that chart first"
            )
        spec = deployment["spec"]["template"]["spec"]
        container = next((c for c in spec["containers"] if c["name"] == "gateway"), spec["containers"][0])
        return cls(deployment, configmap, live_env.environment(cluster, ns, container), service)

    def secrets(self) -> set[str]:
        """The names of the Secrets that the gateway reads."""
        return {v.source.object for v in self._env.values() if v.source.kind == "Secret"}

    def secret_values(self) -> list[bytes]:
        return [v.value for v in self._env.values() if v.value and v.source.kind == "Secret"]

    def admin(self) -> tuple[str, str]:
        """(email, password). :raises NotPossible: when the gateway would make no administrator, or one who cannot log in."""
        section = configuration.bootstrap_admin(self.config)
        if section.get("enabled") is not True:
            raise NotPossible(
                "auth.bootstrap_admin.enabled is not true in the gateway's configuration, so `gateway bootstrap-admin` would do nothing and report success; "
                "set auth.bootstrap_admin.enabled to true in oceans_llm_config, or set oceans_llm_bootstrap_admin: false"
            )
        email = configuration.DEFAULT_ADMIN if section.get("email") is None else str(section["email"])
        if not email:
            raise NotPossible("auth.bootstrap_admin.email is empty in the gateway's configuration; set it in oceans_llm_config")
        reference = str(section.get("password") or "")
        if not reference:
            raise NotPossible(
                f"auth.bootstrap_admin.password is missing, and `gateway bootstrap-admin` would create {email} with the public password "
                f"{configuration.DEFAULT_PASSWORD}: anyone could log in; set the field to env.{shapes.ADMIN_PASSWORD} in oceans_llm_config"
            )
        if reference.startswith("literal."):
            return email, reference[len("literal.") :]
        if not reference.startswith("env."):
            raise NotPossible(
                f"auth.bootstrap_admin.password is not a reference to a secret; set the field to env.{shapes.ADMIN_PASSWORD} in oceans_llm_config"
            )
        self._reference = reference[len("env.") :]
        variable = self._env.get(self._reference)
        if variable is None or not (variable.value or b"").strip():
            state = "empty" if variable else "missing"
            raise NotPossible(
                f"{self._reference} is {state}: `gateway bootstrap-admin` would create {email} without a password, so the administrator could never log in; "
                f"add {self._reference} to oceans_llm_secrets, or to the Secret that the gateway reads"
            )
        return email, variable.value.decode() if variable.value else ""

    def password_origin(self) -> str:
        variable = self._env.get(getattr(self, "_reference", ""))
        return f"the password of {variable.origin()}" if variable else "the configured password"

    def identity(self) -> str:
        """This installation on this database: both may be replaced while everything else keeps its name."""
        url = str(configuration.section(self.config, "database").get("url") or "")
        address = self.value(url.removeprefix("env.")).rpartition("@")[2] if url.startswith("env.") else ""
        return f"{self.deployment['metadata']['uid']}/{hashlib.sha256(address.encode()).hexdigest()[:12]}"

    def config_digest(self) -> str:
        text = (self._configmap.get("data") or {}).get(configuration.CONFIG_KEY) or ""
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def login(self, cluster: Cluster, email: str, password: str) -> bool:
        """A real login through the Service. :raises NotPossible: when the answer is neither yes nor no."""
        return self.session(cluster, email, password) is not None

    def session(self, cluster: Cluster, email: str, password: str) -> Session | None:
        """The session of a real login; None when the gateway refuses it. :raises NotPossible: when the answer is neither yes nor no."""
        body = {"email": email, "password": password}
        status, headers, text = self.ask(cluster, LOGIN, method="POST", body=body)
        if status == 200:
            cookie = next((value for name, value in headers.items() if name.lower() == "set-cookie"), "").partition(";")[0]
            return Session(cookie, must_change=bool(configuration.section(json_object(text), "data").get("must_change_password")))
        if status in (401, 403) and configuration.section(json_object(text), "error").get("code") in ("invalid_credentials", "authentication_error"):
            return None
        raise NotPossible(
            f"a login through Service/{self.service} failed: HTTP {status} {text[:200]}; the gateway must serve before the administrator is created; "
            f"find the cause: {playbooks.command('diagnose')}"
        )

    def ask(self, cluster: Cluster, path: str, **options: Any) -> tuple[int, dict[str, str], str]:
        """One request through the Service (Cluster.service_request): (status, headers, text)."""
        return cluster.service_request(self.namespace, *self._service, path, **options)

    @property
    def selector(self) -> str:
        """Of its pods, as the API takes it."""
        return selector_of(self.deployment)

    @property
    def service(self) -> str:
        return self._service[0]

    @property
    def replicas(self) -> int:
        return int(self.deployment["spec"].get("replicas", 1))

    def variable(self, name: str) -> pod_env.Variable | None:
        """A variable of the gateway's container, and where it comes from."""
        return self._env.get(name)

    def value(self, name: str) -> str:
        """Its value; empty when it has none."""
        variable = self._env.get(name)
        return ((variable.value if variable else None) or b"").decode("utf-8", "replace")


@dataclass(frozen=True)
class Session:
    """A login. `cookie` proves it: it stays out of every text."""

    cookie: str = field(repr=False)
    must_change: bool = False
