# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing the Secret, against a scripted API server: what is sent, what is told, and what never is."""

from __future__ import annotations

import base64
import json

import pytest

from ansible_collections.oceans.llm.plugins.action.secrets import ActionModule
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.secrets import digest
from ansible_collections.oceans.llm.plugins.plugin_utils.secrets.plan import MANAGER

from .fake_api import FakeApi, ok, status
from .run_action import run

PATH = paths.secret("ns", "s")
NAMESPACE = {"kind": "Namespace", "metadata": {"name": "ns"}}
EMPTY = {"kind": "Secret", "metadata": {"name": "s", "resourceVersion": "7"}, "type": "Opaque"}
CANARY = "canary-value-123456"


@pytest.fixture
def api():
    with FakeApi() as fake:
        fake.on("GET", paths.namespace("ns"), ok(NAMESPACE))
        fake.on("PATCH", PATH, ok(EMPTY))
        fake.on("POST", paths.secrets("ns"), ok(EMPTY, 201))
        yield fake


def held(data: dict[str, str], manager: str = MANAGER) -> dict:
    fields = {"manager": manager, "operation": "Apply" if manager == MANAGER else "Update", "fieldsV1": {"f:data": {f"f:{k}": {} for k in data}}}
    return {**EMPTY, "metadata": {**EMPTY["metadata"], "managedFields": [fields]}, "data": {k: base64.b64encode(v.encode()).decode() for k, v in data.items()}}


def writes(api: FakeApi) -> list[tuple[str, str]]:
    return [(method, path) for method, path, _query, _body in api.seen if method != "GET"]


ARGS = {"name": "s", "namespace": "ns", "data": {"A": CANARY}}


def test_a_new_secret_is_made_empty_and_then_applied_at_that_version(api):
    result = run(ActionModule, api, {**ARGS, "generate": ["GATEWAY_IDENTITY_TOKEN_SECRET"]})
    assert result["changed"] and result["added"] == ["A", "GATEWAY_IDENTITY_TOKEN_SECRET"] and result["generated"] == ["GATEWAY_IDENTITY_TOKEN_SECRET"]
    assert writes(api) == [("POST", paths.secrets("ns")), ("PATCH", PATH)]
    _method, _path, query, body = api.seen[-1]
    sent = json.loads(body)
    assert query["fieldManager"] == [MANAGER] and sent["metadata"]["resourceVersion"] == "7"
    assert base64.b64decode(sent["data"]["A"]).decode() == CANARY


def test_nothing_is_written_when_nothing_differs(api):
    api.on("GET", PATH, ok(held({"A": CANARY})))
    result = run(ActionModule, api, ARGS)
    assert not result["changed"] and writes(api) == []


def test_only_the_listed_keys_are_sent(api):
    live = held({"A": "old"})
    live["data"]["THEIRS"] = base64.b64encode(b"x").decode()
    api.on("GET", PATH, ok(live))
    result = run(ActionModule, api, ARGS)
    assert result["modified"] == ["A"] and set(json.loads(api.seen[-1][3])["data"]) == {"A"}


def test_check_mode_sends_a_dry_run_and_predicts_the_same(api):
    api.on("GET", PATH, ok(held({"A": "old"})))
    result = run(ActionModule, api, ARGS, check=True)
    assert result["changed"] and result["modified"] == ["A"] and api.seen[-1][2]["dryRun"] == ["All"]


def test_check_mode_on_nothing_writes_nothing(api):
    api.script[("GET", paths.namespace("ns"))] = [status(404, "NotFound", "no")]
    result = run(ActionModule, api, {**ARGS, "create_namespace": True}, check=True)
    assert result["changed"] and result["added"] == ["A"] and writes(api) == []


RELEASE_KEY = b"k" * 32


def test_check_mode_tells_the_digest_that_pods_would_get(api):
    """Of the whole Secret as the API server would have it, keys of others too; the real run comes to the same."""
    theirs = {"THEIRS": "not-ours"}
    api.on("GET", PATH, ok(held({"A": "old"}) | {"data": held({"A": "old", **theirs})["data"]}))
    api.script[("PATCH", PATH)] = [ok(held({"A": CANARY, **theirs}))]
    api.on("GET", paths.secret("ns", "r-digest-key"), ok({"data": {"key": base64.b64encode(RELEASE_KEY).decode()}}))
    told = run(ActionModule, api, {**ARGS, "release": "r"}, check=True)["written"]
    expected = digest.digest(held({"A": CANARY, **theirs})["data"], RELEASE_KEY)
    assert told == {"namespace": "ns", "name": "s", "changed_keys": ["A"], "digest": expected}
    assert all(query.get("dryRun") == ["All"] for method, _path, query, _body in api.seen if method != "GET")


@pytest.mark.parametrize("answer", [status(404, "NotFound", "no"), status(403, "Forbidden", "no")], ids=["no key yet", "key may not be read"])
def test_without_the_releases_key_there_is_no_digest(api, answer):
    api.on("GET", paths.secret("ns", "r-digest-key"), answer)
    assert run(ActionModule, api, {**ARGS, "release": "r"}, check=True)["written"]["digest"] == ""


def test_a_run_that_writes_needs_no_digest_and_one_that_does_not_tells_nothing(api):
    assert run(ActionModule, api, {**ARGS, "release": "r"})["written"] == {"namespace": "ns", "name": "s", "changed_keys": ["A"], "digest": ""}
    api.on("GET", PATH, ok(held({"A": CANARY})))
    api.script[("GET", PATH)] = [ok(held({"A": CANARY}))]
    assert "written" not in run(ActionModule, api, {**ARGS, "release": "r"}, check=True)


def test_the_namespace_is_made_when_asked_for(api):
    api.script[("GET", paths.namespace("ns"))] = [status(404, "NotFound", "no")]
    api.on("POST", paths.NAMESPACES, ok(NAMESPACE, 201))
    assert run(ActionModule, api, {**ARGS, "create_namespace": True})["changed"]
    assert writes(api)[0] == ("POST", paths.NAMESPACES)


def test_a_missing_namespace_is_refused_otherwise(api):
    api.script[("GET", paths.namespace("ns"))] = [status(404, "NotFound", "no")]
    result = run(ActionModule, api, ARGS)
    assert result["failed"] and "oceans_llm_create_namespace: true" in result["msg"] and writes(api) == []


def test_a_value_that_somebody_else_set_is_refused_with_their_name(api):
    api.on("GET", PATH, ok(held({"A": "theirs"}, "kubectl-edit")))
    result = run(ActionModule, api, ARGS)
    assert result["failed"] and "A (set by kubectl-edit)" in result["msg"] and writes(api) == []
    assert run(ActionModule, api, {**ARGS, "force": True})["changed"]


def test_a_run_that_was_quicker_is_looked_at_again_and_its_generated_key_kept(api):
    theirs = held({"A": CANARY, "K": "generated-by-the-other"})
    api.on("GET", PATH, status(404, "NotFound", "no"), ok(theirs))
    api.script[("POST", paths.secrets("ns"))] = [status(409, "AlreadyExists", "there")]
    result = run(ActionModule, api, {**ARGS, "generate": ["K"]})
    assert not result["changed"] and result["generated"] == []


def test_a_value_of_the_wrong_shape_is_not_written(api):
    result = run(ActionModule, api, {**ARGS, "data": {"GATEWAY_IDENTITY_TOKEN_SECRET": "local-dev-identity-secret"}})
    assert result["failed"] and "built-in value" in result["msg"] and api.seen == []


def test_a_diff_holds_names_only(api):
    api.on("GET", PATH, ok(held({"A": "old"})))
    result = run(ActionModule, api, {**ARGS, "data": {"A": CANARY, "B": "another-canary"}}, diff=True)
    assert result["diff"]["after"] == "A (changed)\nB\n"


@pytest.mark.parametrize("broken", [False, True])
def test_no_byte_of_a_value_is_told(api, broken):
    if broken:
        api.script[("PATCH", PATH)] = [status(422, "Invalid", f"data: {CANARY} and {base64.b64encode(CANARY.encode()).decode()}")]
    text = json.dumps(run(ActionModule, api, ARGS, diff=True))
    assert CANARY not in text and base64.b64encode(CANARY.encode()).decode() not in text
    assert ("failed" in text) is broken


@pytest.mark.parametrize(("source", "says"), [("external_secrets", "External Secrets Operator"), ("inline", "the chart creates")])
def test_a_secret_of_somebody_else_is_left_alone(api, source, says):
    result = run(ActionModule, api, {**ARGS, "source": source})
    assert says in result["msg"] and not result["changed"] and api.seen == []


def test_an_existing_secret_has_to_be_there(api):
    result = run(ActionModule, api, {**ARGS, "source": "existing"})
    assert result["failed"] and "does not exist" in result["msg"]
    api.on("GET", PATH, ok(held({"A": CANARY})))
    assert run(ActionModule, api, {**ARGS, "source": "existing"})["key_names"] == ["A"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"GATEWAY_IDENTITY_TOKEN_SECRET": "abcdefghij0123456789"}, "SecretTooShort"),
        ({"OPENAI_TOKEN": "abc\n"}, "SecretBlank"),
        ({"N": 1e20}, "SecretNotQuoted"),
    ],
)
def test_what_is_waived_is_written_and_said(api, data, code):
    refused = run(ActionModule, api, {**ARGS, "data": data})
    assert refused["failed"] and "was not written" in refused["msg"] and writes(api) == []
    result = run(ActionModule, api, {**ARGS, "data": data, "waive": [code.lower()]})
    assert (
        result["changed"]
        and any(f"WAIVED {code}" in line for line in result["said"])
        and not any(str(v) in line for v in data.values() for line in result["said"])
    )


@pytest.mark.parametrize(("data", "code"), [({"N": None}, "SecretNotText"), ({"M": {"a": 1}}, "SecretNotText"), ({"a b": "x"}, "SecretKeyName")])
def test_what_cannot_be_written_at_all_cannot_be_waived(api, data, code):
    assert run(ActionModule, api, {**ARGS, "data": data, "waive": [code]})["failed"] and writes(api) == []


def test_a_number_is_written_with_a_warning(api):
    result = run(ActionModule, api, {**ARGS, "data": {"PIN": 83}})
    assert result["changed"] and any("WARNING SecretNotQuoted YAML reads PIN as a number" in line for line in result["said"])


def test_a_secret_that_is_created_later_can_be_waived(api):
    given = {"name": "s", "namespace": "ns", "source": "existing"}
    assert "add SecretMissing to oceans_llm_preflight_waive" in run(ActionModule, api, given)["msg"]
    assert "failed" not in run(ActionModule, api, {**given, "waive": ["SecretMissing"]})


def test_an_argument_that_is_null_is_not_given(api):
    assert run(ActionModule, api, {**ARGS, "force": None, "labels": None, "generate": None, "waive": None})["changed"]


@pytest.mark.parametrize("check", [True, False])
def test_labels_and_annotations_that_are_missing_are_written_without_a_changed_key(api, check):
    live = held({"A": CANARY})
    api.on("GET", PATH, ok(live))
    marked = {**ARGS, "labels": {"own": "x"}, "common_labels": {"team": "ai"}, "common_annotations": {"owner": "llm"}}
    result = run(ActionModule, api, marked, check=check)
    sent = json.loads(api.seen[-1][3])["metadata"]
    assert result["changed"] and result["modified"] == [] and "written" not in result
    assert result["said"] == ["Secret/s in namespace ns: labels and annotations"]
    assert (sent.get("labels"), sent.get("annotations")) == ({"own": "x", "team": "ai"}, {"owner": "llm"})
    live["metadata"] |= {"labels": sent["labels"], "annotations": sent["annotations"]}
    api.on("GET", PATH, ok(live))
    before = len(api.seen)
    result = run(ActionModule, api, marked, check=check)
    assert not result["changed"] and [m for m, *_rest in api.seen[before:] if m != "GET"] == []
