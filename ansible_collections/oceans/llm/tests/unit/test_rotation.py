# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which values a rotation changes, and what it refuses because somebody else owns them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle import external, rotation
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.deployed import Gateway, NotPossible
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.rotation import Inventory
from ansible_collections.oceans.llm.plugins.plugin_utils.secrets.pod_env import Source, Variable

ROLES = Path(__file__).resolve().parents[2] / "roles"
CONFIG = {
    "database": {"url": "env.POSTGRES_URL"},
    "auth": {"bootstrap_admin": {"password": "env.ADMIN"}},
    "providers": [{"id": "one", "auth": {"token": "env.ONE"}}, {"id": "two", "auth": {"token": "env.TWO"}}],
    "service_accounts": [{"id": "ci", "keys": [{"id": "k", "value": "env.CI_KEY"}]}],
}
VALUES = {"GATEWAY_IDENTITY_TOKEN_SECRET": "s", "POSTGRES_URL": "u", "ADMIN": "a", "ONE": "1", "TWO": "2", "CI_KEY": "c"}

MADE = {
    "apiVersion": "external-secrets.io/v1",
    "kind": "ExternalSecret",
    "metadata": {"name": "es"},
    "spec": {
        "secretStoreRef": {"kind": "ClusterSecretStore", "name": "vault"},
        "target": {"name": "mine"},
        "data": [{"secretKey": "ADMIN", "remoteRef": {"key": "llm/admin", "property": "password"}}],
    },
}
EXTERNAL = {"source": "external_secrets", "external": external.targets([MADE])}


def gateway(secret: str = "mine", **more: str) -> Gateway:
    env = {name: Variable(Source(name, "Secret", secret, name), value.encode()) for name, value in {**VALUES, **more}.items()}
    made = Gateway({"metadata": {"namespace": "ns"}, "spec": {}}, {}, env, ("gw", 8080))
    made.config = CONFIG
    return made


def inventory(**more) -> Inventory:
    return Inventory(**{"source": "provision", "secret": "mine", "listed": {}, "generated": [], **more})


def test_a_generated_key_is_generated_again():
    name = "GATEWAY_IDENTITY_TOKEN_SECRET"
    (first,), (second,) = (rotation.plan(gateway(), inventory(generated=[name]), ["session_key"]) for _time in range(2))
    assert first.old == "s" and len(first.new) >= 32 and first.new != second.new and first.secret == "mine" and first.new not in repr(first)


def test_a_listed_value_comes_from_the_inventory():
    (value,) = rotation.plan(gateway(), inventory(listed={"ADMIN": "new"}), ["admin_password"])
    assert (value.old, value.new, value.place) == ("a", "new", "auth.bootstrap_admin.password")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"listed": {"ADMIN": "a"}}, "oceans_llm_secrets.ADMIN is still the value in use"),
        ({}, "neither in oceans_llm_secrets nor in oceans_llm_secrets_generate"),
        ({"source": "existing"}, "which this collection does not write; change the value: kubectl -n ns edit secret mine; then run the playbook again"),
        (
            EXTERNAL,
            "check mode requests no refresh; when you have changed llm/admin.password in ClusterSecretStore/vault, run without --check, "
            "or refresh first: kubectl -n ns annotate externalsecret es force-sync=$(date +%s) --overwrite",
        ),
        (
            {**EXTERNAL, "refreshed": True},
            "llm/admin.password in ClusterSecretStore/vault is still the value in use, so no pod was restarted; "
            "change the value in the store and run the playbook again",
        ),
        ({"source": "inline"}, "which this collection does not write"),
    ],
)
def test_what_cannot_be_rotated_says_which_command_changes_it(more, says):
    with pytest.raises(NotPossible, match=r"ADMIN") as refused:
        rotation.plan(gateway(), inventory(**more), ["admin_password"])
    assert says in str(refused.value)


def test_a_secret_that_its_owner_has_changed_is_rolled_out():
    (value,) = rotation.plan(gateway(), inventory(source="existing", due=frozenset({"mine"})), ["database_password"])
    assert value.new == value.old == "u" and not value.known


def test_a_value_that_a_refresh_replaced_is_rolled_out_and_the_others_of_the_secret_are_not():
    changed = inventory(**EXTERNAL, refreshed=True, held={"mine.ADMIN": "old"})
    (value,) = rotation.plan(gateway(), changed, ["admin_password"])
    assert (value.old, value.new, value.setting) == ("old", "a", "llm/admin.password in ClusterSecretStore/vault")
    with pytest.raises(NotPossible, match="GATEWAY_IDENTITY_TOKEN_SECRET in ClusterSecretStore/vault is still the value in use"):
        rotation.plan(gateway(), changed, ["session_key"])


def test_an_inline_value_is_the_inventorys():
    (value,) = rotation.plan(gateway(), inventory(source="inline", rendered=frozenset({"mine"}), listed={"POSTGRES_URL": "v"}), ["database_password"])
    assert value.new == "v" and value.known


def test_of_several_tokens_those_that_did_not_change_stay():
    values = rotation.plan(gateway(), inventory(listed={"ONE": "1", "TWO": "new"}), ["provider_token"])
    assert [v.name for v in values] == ["TWO"]
    with pytest.raises(NotPossible, match="ONE is still the value in use.*TWO is still the value"):
        rotation.plan(gateway(), inventory(listed={"ONE": "1", "TWO": "2"}), ["provider_token"])


def test_an_unfinished_rotation_is_finished():
    (value,) = rotation.plan(gateway(), inventory(listed={"CI_KEY": "c"}), ["service_account_keys"], unfinished=["service_account_keys"])
    assert value.name == "CI_KEY" and not value.known


def test_a_rotation_that_broke_off_knows_what_it_has_replaced():
    """The Secret holds the new values, and the pods may have them, too: the old ones are still to be refused."""
    (value,) = rotation.plan(gateway(), inventory(listed={"ADMIN": "a"}, held={"mine.ADMIN": "old"}), ["admin_password"])
    assert (value.old, value.new) == ("old", "a") and value.known
    name = "GATEWAY_IDENTITY_TOKEN_SECRET"
    (value,) = rotation.plan(gateway(), inventory(generated=[name], held={f"mine.{name}": "old"}), ["session_key"])
    assert (value.old, value.new) == ("old", "s")  # the one that was generated then
    inline = inventory(source="inline", rendered=frozenset({"mine"}), listed={"ONE": "1"}, held={"mine.ONE": "old"})
    (value,) = rotation.plan(gateway(), inline, ["provider_token"])
    assert (value.old, value.new, value.name) == ("old", "1", "ONE")


def test_a_rotation_that_broke_off_has_changed_no_other_token():
    """The digest of the Secret tells only that a key has changed; of the other one no old value would be left to revoke."""
    changed = inventory(listed={"ONE": "1", "TWO": "2"}, due=frozenset({"mine"}), held={"mine.ONE": "old"})
    assert [v.name for v in rotation.plan(gateway(), changed, ["provider_token"], unfinished=["provider_token"])] == ["ONE"]


def test_a_third_login_would_leave_one_of_the_others_unlocked():
    with pytest.raises(NotPossible, match="an earlier rotation of POSTGRES_URL was not finished"):
        rotation.plan(gateway(), inventory(listed={"POSTGRES_URL": "third"}, held={"mine.POSTGRES_URL": "first"}), ["database_password"])
    (value,) = rotation.plan(gateway(), inventory(listed={"ONE": "third"}, held={"mine.ONE": "first"}), ["provider_token"])
    assert (value.old, value.new) == ("first", "third")  # of a token that was wrong


def test_what_is_no_secret_is_refused():
    made = gateway()
    made._env["ADMIN"] = Variable(Source("ADMIN", "value"), b"x")  # type: ignore[index]
    with pytest.raises(NotPossible, match="a plain value in env of the pod template, and a rotation changes keys of Secrets only"):
        rotation.plan(made, inventory(listed={"ADMIN": "new"}), ["admin_password"])


def test_a_class_that_the_configuration_does_not_have_is_refused():
    made = gateway()
    made.config = {}
    with pytest.raises(NotPossible, match="provider_token: the gateway's configuration .* refers to no secret of this class"):
        rotation.plan(made, inventory(), ["provider_token"])


def test_the_role_hands_on_what_the_roles_secrets_and_deploy_hand_over():
    def arguments(role: str) -> dict:
        return next(iter(yaml.safe_load((ROLES / role / "tasks/main.yml").read_text())))[f"oceans.llm.{role}"]

    assert arguments("rotate")["secrets"] == arguments("secrets")
    own = {"secret_written", "remove_leftovers"}  # the first is the rotation's own; the second would change more than secrets
    deploy = {**arguments("deploy"), "probe_model": "{{ _oceans_llm_probe_model }}"}  # nothing is seeded afterwards that it could miss
    assert arguments("rotate")["deploy"] == {name: value for name, value in deploy.items() if name not in own}
