# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of oceans.llm.bootstrap: the first administrator and the seeded configuration, proved and not believed.

`gateway bootstrap-admin` exits 0 without doing anything in several cases (auth.bootstrap_admin.enabled false, any admin
there already), and creates an administrator who can never log in when the password is missing. So: refuse before,
prove by a real login afterwards, and remember the proof.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.oceans.llm.plugins.plugin_utils.action_base import ClusterAction, Refused, documented
from ansible_collections.oceans.llm.plugins.plugin_utils.gateway import configuration, one_off_job
from ansible_collections.oceans.llm.plugins.plugin_utils.helm import releases
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import conclusion, post_check
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.follow import Follower
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.model import Scope
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.verdict import State
from ansible_collections.oceans.llm.plugins.plugin_utils.secrets import live_env, pod_env, shapes

LOGIN = "/api/v1/auth/login/password"
MANAGER = "oceans-llm-bootstrap"


class ActionModule(ClusterAction):
    """Look, run one Job where it is needed, prove."""

    ARGUMENTS = documented("bootstrap")

    def act(self, args: dict[str, Any], cluster: Cluster) -> dict[str, Any]:
        if not args["admin"] and not args["seed_config"]:
            return {"changed": False, "msg": "nothing asked for"}
        release = releases.latest(cluster, args["namespace"], args["name"])
        if release is None:
            if self._task.check_mode:
                return {"changed": True, "msg": f"no release {args['name']} in namespace {args['namespace']} yet: it would be bootstrapped after the deploy"}
            raise Refused(f"Helm knows no release {args['name']} in namespace {args['namespace']} on {cluster.server}; deploy it first")
        gateway = Gateway.read(cluster, release)
        for value in gateway.secret_values():
            self.redactor.learn([value])
        record = Record(cluster, args["namespace"], f"{args['name']}-bootstrap", gateway.identity())
        result: dict[str, Any] = {"changed": False}
        if args["admin"]:
            result |= self._admin(args, cluster, gateway, record)
        if args["seed_config"]:
            seeded = self._seed(args, cluster, gateway, record)
            result = {**result, **seeded, "changed": result["changed"] or seeded["changed"]}
        if not self._task.check_mode:
            result["changed"] = record.save() or result["changed"]
        return result

    # --- the administrator ----------------------------------------------------------------------------------------

    def _admin(self, args: dict[str, Any], cluster: Cluster, gateway: Gateway, record: Record) -> dict[str, Any]:
        email, password = gateway.admin()
        if gateway.login(cluster, email, password):
            record.prove(email, cluster)
            return {"changed": False, "admin": email, "login": "proved"}
        proved = record.proved(email)
        if proved and record.same_place:
            self.say(f"administrator {email}: password changed since the login was proved ({proved}); left alone")
            return {"changed": False, "admin": email, "login": f"proved {proved}, the password was changed since"}
        if self._task.check_mode:
            return {"changed": True, "admin": email, "login": "would be made and proved"}
        self._run(args, cluster, gateway, "bootstrap-admin")
        if not gateway.login(cluster, email, password):
            if proved:  # installed anew on the same database: the administrator of then is still there, with a password of their own
                record.move()
                self.say(f"administrator {email}: was proved {proved} by an earlier installation, password changed since; left alone")
                return {"changed": True, "admin": email, "login": f"proved {proved}, the password was changed since"}
            raise Refused(
                f"the administrator {email} cannot log in with {gateway.password_origin()}, although `gateway bootstrap-admin` ended well: another "
                "administrator was there before, and the command changes no password; log in as that one and reset it, or set "
                "auth.bootstrap_admin.email to the one you want"
            )
        record.prove(email, cluster)
        self.say(f"administrator {email}: made, login proved")
        return {"changed": True, "admin": email, "login": "proved"}

    # --- the seed -------------------------------------------------------------------------------------------------

    def _seed(self, args: dict[str, Any], cluster: Cluster, gateway: Gateway, record: Record) -> dict[str, Any]:
        digest = gateway.config_digest()
        if record.data.get("seeded") == digest and record.same_place:
            return {"changed": False, "seed": "the database holds this configuration already"}
        if self._task.check_mode:
            return {"changed": True, "seed": "would be seeded"}
        self._run(args, cluster, gateway, "seed-config")
        record.data["seeded"] = digest
        record.move()
        return {"changed": True, "seed": "seeded"}

    def _run(self, args: dict[str, Any], cluster: Cluster, gateway: Gateway, command: str) -> None:
        body = one_off_job.job(gateway.deployment, [command], prefix=f"{args['name']}-{command}", component=command, deadline=args["timeout"])
        name = cluster.create(paths.jobs(args["namespace"]), body)["metadata"]["name"]
        self.say(f"running `gateway {command}` as Job/{name}")
        follower = Follower(cluster, Scope(deployments=(), jobs=(name,), namespace=args["namespace"], release=args["name"]), self.say, args["timeout"] + 30)
        follower.start()
        outcome = follower.run(None)
        if outcome.state is State.FAILED and outcome.cause:
            raise Refused(conclusion.sentence(outcome.cause, outcome))


class Gateway:
    """The deployed gateway: its Deployment, its configuration, its environment, its Service."""

    def __init__(self, deployment: Mapping[str, Any], configmap: Mapping[str, Any], env: Mapping[str, pod_env.Variable], service: tuple[str, int]) -> None:
        self.deployment, self._env, self._service = deployment, env, service
        self._configmap = configmap
        self.config = configuration.parse(configmap)
        self._namespace = deployment["metadata"]["namespace"]

    @classmethod
    def read(cls, cluster: Cluster, release: releases.Release) -> Gateway:
        """:raises Refused: when the release holds no gateway of the chart's contract."""
        ns = release.namespace
        name = next(
            (
                o["metadata"]["name"]
                for o in release.manifest
                if o.get("kind") == "Deployment" and (o["metadata"].get("labels") or {}).get(post_check.COMPONENT) == "gateway"
            ),
            "",
        )
        service = post_check.gateway_service(release.manifest)
        config = next(
            (
                o["metadata"]["name"]
                for o in (*release.manifest, *release.hooks)
                if o.get("kind") == "ConfigMap" and configuration.CONFIG_KEY in (o.get("data") or {})
            ),
            "",
        )
        deployment = cluster.find(paths.deployment(ns, name)) if name else None
        configmap = cluster.find(paths.configmap(ns, config)) if config else None
        if deployment is None or service is None or configmap is None:
            raise Refused(
                f"release {release.name} in namespace {ns} has no gateway Deployment, Service or configuration of the chart oceans-llm; deploy it first"
            )
        spec = deployment["spec"]["template"]["spec"]
        container = next((c for c in spec["containers"] if c["name"] == "gateway"), spec["containers"][0])
        return cls(deployment, configmap, live_env.environment(cluster, ns, container), service)

    def secret_values(self) -> list[bytes]:
        return [v.value for v in self._env.values() if v.value and v.source.kind == "Secret"]

    def admin(self) -> tuple[str, str]:
        """(email, password). :raises Refused: when the gateway would make no administrator, or one who cannot log in."""
        section = configuration.bootstrap_admin(self.config)
        if section.get("enabled") is not True:
            raise Refused(
                "auth.bootstrap_admin.enabled is not true in the gateway's configuration, so `gateway bootstrap-admin` would do nothing and call it success; "
                "set it in oceans_llm_config, or oceans_llm_bootstrap_admin: false"
            )
        email = configuration.DEFAULT_ADMIN if section.get("email") is None else str(section["email"])
        if not email:
            raise Refused("auth.bootstrap_admin.email is empty in the gateway's configuration; set it in oceans_llm_config")
        reference = str(section.get("password") or "")
        if not reference:
            raise Refused(
                f"auth.bootstrap_admin.password is missing, and `gateway bootstrap-admin` would create {email} with the public password "
                f"{configuration.DEFAULT_PASSWORD}: anyone could log in; set it to env.{shapes.ADMIN_PASSWORD} in oceans_llm_config"
            )
        if reference.startswith("literal."):
            return email, reference[len("literal.") :]
        if not reference.startswith("env."):
            raise Refused(f"auth.bootstrap_admin.password is no reference to a secret; set it to env.{shapes.ADMIN_PASSWORD} in oceans_llm_config")
        self._reference = reference[len("env.") :]
        variable = self._env.get(self._reference)
        if variable is None or not (variable.value or b"").strip():
            state = "empty" if variable else "missing"
            raise Refused(
                f"{self._reference} is {state}: `gateway bootstrap-admin` would create {email} without a password, an administrator who can never log in; "
                f"put {self._reference} into oceans_llm_secrets (or into the Secret that the gateway reads)"
            )
        return email, variable.value.decode() if variable.value else ""

    def password_origin(self) -> str:
        variable = self._env.get(getattr(self, "_reference", ""))
        return f"the password of {variable.origin()}" if variable else "the configured password"

    def identity(self) -> str:
        """This installation on this database: both may be replaced while everything else keeps its name."""
        url = str(configuration.section(self.config, "database").get("url") or "")
        variable = self._env.get(url.removeprefix("env.")) if url.startswith("env.") else None
        address = (variable.value or b"").decode("utf-8", "replace").rpartition("@")[2] if variable else ""
        return f"{self.deployment['metadata']['uid']}/{hashlib.sha256(address.encode()).hexdigest()[:12]}"

    def config_digest(self) -> str:
        text = (self._configmap.get("data") or {}).get(configuration.CONFIG_KEY) or ""
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def login(self, cluster: Cluster, email: str, password: str) -> bool:
        """A real login through the Service. :raises Refused: when the answer is neither yes nor no."""
        name, port = self._service
        status, _headers, text = cluster.service_request(self._namespace, name, port, LOGIN, method="POST", body={"email": email, "password": password})
        if status == 200:
            return True
        if status in (401, 403) and _code(text) in ("invalid_credentials", "authentication_error"):
            return False
        raise Refused(
            f"a login through Service/{name} gave no clear answer: HTTP {status} {text[:200]}; the gateway must serve before it can be bootstrapped (role wait)"
        )


class Record:
    """ConfigMap `<release>-bootstrap`: what was proved, when, and for which installation. Holds no secret."""

    def __init__(self, cluster: Cluster, namespace: str, name: str, place: str) -> None:
        self._cluster, self._namespace, self._name, self._place = cluster, namespace, name, place
        self._before = dict((cluster.find(paths.configmap(namespace, name)) or {}).get("data") or {})
        self.data = dict(self._before)

    @property
    def same_place(self) -> bool:
        """True when the record is of this installation on this database; after a reinstall it proves nothing by itself."""
        return self._before.get("installation") == self._place

    def proved(self, email: str) -> str:
        """When this administrator's login was proved; empty when it never was."""
        return self.data.get("proved-at", "") if self.data.get("admin") == email else ""

    def prove(self, email: str, cluster: Cluster) -> None:
        if not (self.proved(email) and self.same_place):
            self.data |= {"admin": email, "proved-at": _stamp(cluster.now())}
            self.move()

    def move(self) -> None:
        """What is recorded holds for this installation."""
        if not self.same_place:
            self.data["installation"] = self._place

    def save(self) -> bool:
        """True when something new was written."""
        if self.data == self._before:
            return False
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": self._name, "namespace": self._namespace}, "data": self.data}
        self._cluster.apply(paths.configmap(self._namespace, self._name), body, manager=MANAGER, force=True)
        return True


def _code(text: str) -> str:
    try:
        return str((json.loads(text).get("error") or {}).get("code") or "")
    except (ValueError, AttributeError):
        return ""


def _stamp(now: float) -> str:
    return datetime.datetime.fromtimestamp(now, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
