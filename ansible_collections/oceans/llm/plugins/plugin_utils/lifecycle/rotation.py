# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which secret values a rotation changes, and who may change them. Pure.

A value that the inventory holds is changed in the inventory, or the next deployment would write the old one back; a value that was generated
is generated again; a Secret of somebody else is changed by its owner first, and the rotation restarts the pods and proves the new value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..gateway import configuration
from ..kube.objects import Object, meta
from ..secrets import plan as secret_plan
from ..secrets import shapes
from . import external
from .deployed import Gateway, NotPossible

SESSION_KEY, ADMIN, DATABASE, PROVIDER, ACCOUNTS, ENCRYPTION = CLASSES = (
    "session_key",
    "admin_password",
    "database_password",
    "provider_token",
    "service_account_keys",
    "encryption_keys",
)
#: where in the gateway's configuration the variable of a class is named
_PLACES = {
    ADMIN: re.compile(r"auth\.bootstrap_admin\.password"),
    DATABASE: re.compile(r"database\.url"),
    PROVIDER: re.compile(r"providers\[\d+\]\.auth\..+"),
    ACCOUNTS: re.compile(r"service_accounts\[\d+\]\.keys\[\d+\]\.value"),
}


@dataclass(frozen=True)
class Value:
    """One value that changes. `old` and `new` are the same where the Secret holds the new one already and the pods do not: the old one is not known.

    :ivar str place: where the configuration names the variable; empty for what the gateway reads by its name.  :ivar str setting: where a user changes it.
    """

    kind: str
    name: str
    secret: str
    key: str
    place: str = ""
    old: str = field(default="", repr=False)
    new: str = field(default="", repr=False)
    setting: str = ""

    @property
    def place_held(self) -> str:
        """Where held.py holds the old value."""
        return f"{self.secret}.{self.key}"

    @property
    def known(self) -> bool:
        """True when the old value is known, so that it can be tried."""
        return self.old != self.new


@dataclass(frozen=True)
class Inventory:
    """What the inventory says of secrets (arguments of oceans.llm.secrets), and what the release has.

    :ivar rendered: Secrets that the chart makes.  :ivar due: Secrets with other data than the running pods were started with.
    :ivar external: Secret -> the ExternalSecret that makes it.  :ivar refreshed: these were refreshed from their store in this run.
    :ivar held: what a rotation that broke off has replaced, or the refresh (held.py).
    """

    source: str
    secret: str
    listed: Mapping[str, Any] = field(repr=False)
    generated: Sequence[str] = ()
    rendered: frozenset[str] = frozenset()
    due: frozenset[str] = frozenset()
    external: Mapping[str, Object] = field(default_factory=dict)
    refreshed: bool = False
    held: Mapping[str, str] = field(default_factory=dict, repr=False)

    def owns(self, secret: str) -> bool:
        return (self.source == "provision" and secret == self.secret) or (self.source == "inline" and secret in self.rendered)


def plan(gateway: Gateway, inventory: Inventory, kinds: Iterable[str], unfinished: Iterable[str] = ()) -> list[Value]:
    """The values that change. `unfinished`: classes whose new value is not in force yet although the Secret holds it.

    :raises NotPossible: with the command that changes a value, when this collection does not.
    """
    found: list[Value] = []
    for kind in kinds:
        variables = variables_of(gateway.config, kind)
        if not variables:
            raise NotPossible(f"{kind}: the gateway's configuration (oceans_llm_config) refers to no secret of this class; nothing was changed")
        planned, refused = [], []
        # what an earlier run has not replaced of this class has not changed, although the Secret has
        replaced = any(f"{v.source.object}.{v.source.key}" in inventory.held for name, _place in variables if (v := gateway.variable(name)))
        for name, place in variables:
            try:
                planned.append(_value(gateway, inventory, kind, name, place, replaced=replaced, unfinished=kind in unfinished))
            except NotPossible as reason:
                refused.append(reason)
        if not planned:  # of several tokens or keys, those that the inventory does not change stay
            raise NotPossible("; ".join(dict.fromkeys(map(str, refused))))
        found += planned
    return found


def variables_of(config: Mapping[str, Any], kind: str) -> list[tuple[str, str]]:
    """(variable, place in the configuration) of a class."""
    if kind == SESSION_KEY:
        return [(shapes.IDENTITY, "")]
    return [(name, place) for place, name in configuration.env_references(config) if _PLACES[kind].fullmatch(place)]


def _value(gateway: Gateway, inventory: Inventory, kind: str, name: str, place: str, *, replaced: bool, unfinished: bool) -> Value:
    variable = gateway.variable(name)
    if variable is None or variable.source.kind != "Secret":
        where = f"is {variable.origin()}" if variable else "is not set"
        raise NotPossible(f"{name} {where}, and a rotation changes keys of Secrets only; add {name} to oceans_llm_secrets and deploy, then rotate")
    secret, key, now = variable.source.object, variable.source.key, gateway.value(name)
    old = inventory.held.get(f"{secret}.{key}", now)
    due = old != now or (not replaced and (secret in inventory.due or unfinished))
    new = now
    if inventory.owns(secret):
        new = _new(inventory, key, now, old)
    elif not due:
        raise NotPossible(f"{name} is key {key} of Secret/{secret}, which {_foreign(inventory, gateway.namespace, secret, key)}")
    if new == now and not due:
        raise NotPossible(f"oceans_llm_secrets.{key} is still the value in use; set the key to the new value and run the playbook again")
    if kind == DATABASE and new not in (now, old) and old != now:
        raise NotPossible(
            f"an earlier rotation of {name} was not finished, and a third login would leave one of the other two unlocked; set oceans_llm_secrets.{key} "
            "to the value of that rotation and run the playbook again, then set the new value and run the playbook once more"
        )
    return Value(kind, name, secret, key, place, old, new, _setting(inventory, secret, key))


def _new(inventory: Inventory, key: str, now: str, old: str) -> str:
    if key in inventory.listed:
        return secret_plan.as_bytes(inventory.listed[key]).decode("utf-8", "replace")
    if inventory.source == "provision" and key in inventory.generated:
        return secret_plan.generated(key) if old == now else now
    if inventory.secret in inventory.due:
        return now
    raise NotPossible(f"{key} is neither in oceans_llm_secrets nor in oceans_llm_secrets_generate; set oceans_llm_secrets.{key} to the new value")


def _setting(inventory: Inventory, secret: str, key: str) -> str:
    if inventory.owns(secret):
        return f"oceans_llm_secrets.{key}"
    return external.origin(inventory.external[secret], key) if secret in inventory.external else f"key {key} of Secret/{secret}"


def _foreign(inventory: Inventory, namespace: str, secret: str, key: str) -> str:
    made = inventory.external.get(secret)
    if made is None:
        return f"this collection does not write; change the value: kubectl -n {namespace} edit secret {secret}; then run the playbook again"
    origin = external.origin(made, key)
    if inventory.refreshed:
        return (
            f"ExternalSecret/{meta(made)['name']} creates, and {origin} is still the value in use, so no pod was restarted; "
            "change the value in the store and run the playbook again"
        )
    return (
        f"ExternalSecret/{meta(made)['name']} creates; the Secret still has the value in use, and check mode requests no refresh; "
        f"when you have changed {origin}, run without --check, or refresh first: {external.command(namespace, made)}"
    )
