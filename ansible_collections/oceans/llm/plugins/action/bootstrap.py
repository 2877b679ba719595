# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of oceans.llm.bootstrap: the first administrator and the seeded configuration, proved and not believed.

`gateway bootstrap-admin` exits 0 without doing anything in several cases (auth.bootstrap_admin.enabled false, any admin
there already), and creates an administrator who can never log in when the password is missing. So: refuse before,
prove by a real login afterwards, and remember the proof.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.oceans.llm.plugins.plugin_utils.action_base import ClusterAction, Refused, documented
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.objects import stamp
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle import one_offs
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.deployed import Gateway
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import unrecorded

MANAGER = "oceans-llm-bootstrap"


class ActionModule(ClusterAction):
    """Look, run one Job where it is needed, prove."""

    ARGUMENTS = documented("bootstrap")

    def act(self, args: dict[str, Any], cluster: Cluster) -> dict[str, Any]:
        if not args["admin"] and not args["seed_config"]:
            return {"changed": False, "msg": "nothing to do: oceans_llm_bootstrap_admin and oceans_llm_seed_config are false"}
        if self._task.check_mode and unrecorded.latest(cluster, args["namespace"], args["name"], lambda _line: None) is None:
            return {
                "changed": True,
                "msg": f"release {args['name']} does not exist in namespace {args['namespace']} yet; the bootstrap would run after the deployment",
            }
        gateway = Gateway.of(cluster, args["namespace"], args["name"], self.say)
        self.redactor.learn(gateway.secret_values())
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
            self.say(f"administrator {email}: unchanged, because somebody changed the password after the login was verified ({proved})")
            return {"changed": False, "admin": email, "login": f"proved {proved}, the password was changed since"}
        if self._task.check_mode:
            return {"changed": True, "admin": email, "login": "would be created and verified"}
        self._run(args, cluster, gateway, "bootstrap-admin")
        if not gateway.login(cluster, email, password):
            if proved:  # installed again on the same database: the earlier administrator still exists, with another password
                record.move()
                self.say(
                    f"administrator {email}: unchanged, because an earlier installation verified the login ({proved}) and the password was changed afterwards"
                )
                return {"changed": True, "admin": email, "login": f"proved {proved}, the password was changed since"}
            raise Refused(
                f"the administrator {email} cannot log in with {gateway.password_origin()}, although `gateway bootstrap-admin` succeeded: the database "
                "already had an administrator, and that command does not change a password; log in as the existing administrator and reset the password, "
                "or set oceans_llm_config.auth.bootstrap_admin.email to the existing administrator"
            )
        record.prove(email, cluster)
        self.say(f"administrator {email}: created, login verified")
        return {"changed": True, "admin": email, "login": "proved"}

    # --- the seed -------------------------------------------------------------------------------------------------

    def _seed(self, args: dict[str, Any], cluster: Cluster, gateway: Gateway, record: Record) -> dict[str, Any]:
        digest = gateway.config_digest()
        if record.data.get("seeded") == digest and record.same_place:
            return {"changed": False, "seed": "the database already contains this configuration"}
        if self._task.check_mode:
            return {"changed": True, "seed": "would be written to the database"}
        self._run(args, cluster, gateway, "seed-config")
        record.data["seeded"] = digest
        record.move()
        return {"changed": True, "seed": "seeded"}

    def _run(self, args: dict[str, Any], cluster: Cluster, gateway: Gateway, command: str) -> None:
        one_offs.run(cluster, gateway, args["name"], [command], args["timeout"], self.say)


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
            self.data |= {"admin": email, "proved-at": stamp(cluster.now())}
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
