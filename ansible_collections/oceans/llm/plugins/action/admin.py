# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of oceans.llm.admin: the way of an administrator's login, link by link; the half-made administrator repaired where asked for."""

from __future__ import annotations

from typing import Any

from ansible_collections.oceans.llm.plugins.plugin_utils import playbooks
from ansible_collections.oceans.llm.plugins.plugin_utils.action_base import ClusterAction, Refused, documented
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import ApiError, Cluster, ClusterError
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle import admin_chain, one_offs
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.accounts import Accounts
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.deployed import Gateway, NotPossible


class ActionModule(ClusterAction):
    """Ask, show, repair."""

    ARGUMENTS = documented("admin")

    def act(self, args: dict[str, Any], cluster: Cluster) -> dict[str, Any]:
        gateway = Gateway.of(cluster, args["namespace"], args["name"], self.say)
        self.redactor.learn(gateway.secret_values())
        accounts = Accounts(cluster, gateway)
        chain = self._look(args, cluster, gateway, accounts, tries=not self._task.check_mode)
        bad = admin_chain.broken(chain)
        if bad is None:
            untried = "no broken step was found; check mode does not try a login"
            return self._told(chain, False, untried if self._task.check_mode else "an administrator can log in")
        if not (bad.repair and args["repair"]):
            return {**self._told(chain, False, f"BROKEN {bad.name}: {bad.sentence}" + (f" — {bad.cure}" if bad.cure else "")), "failed": True}
        email, password = gateway.admin()
        if self._task.check_mode:
            return self._told(chain, True, f"would recreate {email} with `gateway bootstrap-admin`")
        accounts.remove(email)
        one_offs.run(cluster, gateway, args["name"], ["bootstrap-admin"], args["timeout"], self.say)
        if not gateway.login(cluster, email, password):
            raise Refused(f"{email} was recreated, but cannot log in with {gateway.password_origin()}; find the broken step: {playbooks.command('admin')}")
        return self._told(self._look(args, cluster, gateway, accounts), True, f"{email} was recreated and can log in")

    def _look(self, args: dict[str, Any], cluster: Cluster, gateway: Gateway, accounts: Accounts, tries: bool = True) -> list[admin_chain.Link]:
        chain = list(admin_chain.links(_facts(args, cluster, gateway, accounts, tries)))
        for link in chain:
            self.say(link.line())
        return chain

    @staticmethod
    def _told(chain: list[admin_chain.Link], changed: bool, sentence: str) -> dict[str, Any]:
        bad = admin_chain.broken(chain)
        links = [{"name": link.name, "state": link.state, "sentence": link.sentence, "cure": link.cure} for link in chain]
        return {"changed": changed, "msg": sentence, "links": links, "broken": bad.name if bad else ""}


def _facts(args: dict[str, Any], cluster: Cluster, gateway: Gateway, accounts: Accounts, tries: bool) -> admin_chain.Facts:
    """Everything is asked. A login, which makes a session, only where `tries`, and never for an administrator who has no password."""
    known: dict[str, Any] = {}
    health = _asked(cluster, gateway, "/api/v1/health")
    try:
        known["email"], password = gateway.admin()
        known["origin"] = gateway.password_origin().removeprefix("the password of ")
    except NotPossible as reason:
        known["refused"], password = str(reason), ""
    if known.get("email"):
        try:
            known["user"], known["administrators"] = accounts.user(known["email"]), accounts.administrators()
        except ClusterError as reason:
            known["unread"] = str(reason)
        user = known.get("user")
        known["must_change"] = bool(user and user.must_change)
        if tries and health[0] == 200 and (known.get("unread") or (user and not user.half_made)):
            session = gateway.session(cluster, known["email"], password)
            known["login"], known["must_change"] = session is not None, session.must_change if session else known["must_change"]
    sso = {name: _asked(cluster, gateway, f"/api/v1/auth/{name}/providers") for name in admin_chain.sso_sections(gateway.config)}
    return admin_chain.Facts(args["name"], args["namespace"], health, _asked(cluster, gateway, "/admin"), sso=sso, **known)


def _asked(cluster: Cluster, gateway: Gateway, path: str) -> tuple[int, str]:
    try:
        status, _headers, text = gateway.ask(cluster, path)
    except ApiError as error:
        return 0, str(error)
    return status, " ".join(text.split())
