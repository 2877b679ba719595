# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables of the roles as people write them (text from `-e` and INI inventories, null, dates, numbers), through Ansible's own templates."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible._internal._templating._utils import Omit
from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret, VaultSecretsContext
from ansible.plugins.loader import filter_loader
from ansible.template import Templar, trust_as_template
from jinja2 import Environment

ROLES = Path(__file__).resolve().parents[2] / "roles"


@pytest.fixture(autouse=True, scope="module")
def compiled_once():
    """Each Templar has a Jinja environment of its own, which compiles the roles' templates again: that takes most of the time."""
    known, compiled = {}, Environment.compile

    def compile_once(self, source, *args, **options):
        key = (type(self), source, args, *options.items())
        if key not in known:
            known[key] = compiled(self, source, *args, **options)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Environment, "compile", compile_once)
        yield


filter_loader.add_directory(str(ROLES.parent / "plugins/filter"))  # by their short names: one process has one finder of collections, if any


def templar(**given: Any) -> Templar:
    """With the roles' defaults, what is worked out of them, and what was given."""
    return Templar(loader=DataLoader(), variables=common() | given)


@functools.cache
def common() -> dict[str, Any]:
    return {k: trusted(v) for k, v in {**load("common/defaults"), **load("common/vars")}.items()}


def holds(role: str, **given: Any) -> bool:
    """The first condition of a role's tasks."""
    condition = next(conditions(load(f"{role}/tasks")))
    return templar(**given).evaluate_conditional(trust_as_template(condition))


def worked_out(name: str, **given: Any) -> Any:
    return templar(**given).template(trust_as_template(f"{{{{ {name} }}}}"))


def taken(name: str, **given: Any) -> Any:
    """One variable as the roles take it."""
    return worked_out(f"_{name}" if f"_{name}" in common() else f"{name} | variable('{name}')", **given)


def written(text: str) -> dict[str, Any]:
    """A file of variables as Ansible reads it."""
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        file.write(text)
        file.flush()
        return DataLoader().load_from_file(file.name, trusted_as_template=True)


@functools.cache
def load(folder: str, name: str = "main") -> Any:
    return yaml.safe_load((ROLES / folder / f"{name}.yml").read_text())


def trusted(value: Any) -> Any:
    return trust_as_template(value.replace("oceans.llm.", "")) if isinstance(value, str) else value


def conditions(tasks: list[dict[str, Any]]) -> Iterator[str]:
    for task in tasks:
        if "when" in task:
            yield str(task["when"])
        yield from conditions(task.get("block", []))


@pytest.mark.parametrize("word", ["false", "False", "no", "off", "0", False, 0])
def test_a_false_preflight_only_deploys(word):
    assert holds("gateway", oceans_llm_preflight_only=word)


@pytest.mark.parametrize("word", ["true", "True", "yes", "on", "1", True, 1])
def test_a_true_preflight_only_deploys_nothing(word):
    assert not holds("gateway", oceans_llm_preflight_only=word)


@pytest.mark.parametrize("variable", ["oceans_llm_bootstrap_admin", "oceans_llm_seed_config"])
@pytest.mark.parametrize(("word", "runs"), [("true", True), ("yes", True), (True, True), ("false", False), ("no", False), (False, False)])
def test_the_bootstrap_runs_where_it_was_asked_for(variable, word, runs):
    assert holds("bootstrap", **{variable: word}) is runs


@pytest.mark.parametrize("name", load("common/defaults"))
def test_null_is_the_default(name):
    if name == "oceans_llm_auth":
        assert worked_out("_oceans_llm_auth", oceans_llm_auth=None) == {}
    else:
        assert taken(name, **{name: None}) == taken(name)


@pytest.mark.parametrize("name", load("common/defaults"))
def test_ansibles_own_check_of_the_arguments_takes_null(name):
    spec = load("gateway/meta", "argument_specs")["argument_specs"]["main"]["options"]
    assert ArgumentSpecValidator(spec).validate({name: None}, validate_role_argument_spec=True).error_messages == []


def test_ansibles_own_check_of_the_arguments_takes_dates_and_numbers():
    spec = load("gateway/meta", "argument_specs")["argument_specs"]["main"]["options"]
    given = written("oceans_llm_version: 2025-11-28\noceans_llm_secrets: {A: 2024-10-21}\noceans_llm_auth: {a: 2024-10-21}")
    assert ArgumentSpecValidator(spec).validate(given, validate_role_argument_spec=True).error_messages == []


def test_a_release_that_is_null_gives_the_secret_its_default_name():
    assert worked_out("_oceans_llm_secret_name", oceans_llm_release=None) == "oceans-llm-secrets"


def test_a_date_reaches_the_chart_as_the_text_that_was_written():
    given = written("""
oceans_llm_values: {gateway: {podAnnotations: {released: 2025-11-28}}}
oceans_llm_config: {providers: [{id: az, extra: {api_version: 2024-10-21}}]}
oceans_llm_version: 2025-11-28
""")
    values = worked_out("_oceans_llm_chart_values", **given)
    assert values["gateway"]["podAnnotations"] == {"released": "2025-11-28"} and values["gateway"]["image"]["tag"] == "2025-11-28"
    assert values["gateway"]["config"]["providers"][0]["extra"] == {"api_version": "2024-10-21"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("oceans_llm_values: {gateway: {podAnnotations: {at: 2025-11-28 10:00:00}}}", "oceans_llm_values.gateway.podAnnotations.at is a date with a time"),
        ("oceans_llm_config: {server: {limit: .inf}}", "oceans_llm_config.server.limit is not a finite number"),
        (
            "oceans_llm_values: {scheduling: {nodeSelector: {on: x}}}",
            ("a key of oceans_llm_values.scheduling.nodeSelector is a boolean in YAML, which Helm would read as another key"),
        ),
        ("oceans_llm_version: 1.10", "oceans_llm_version is a number in YAML (1.1), but has to be text; put the value in quotes"),
        ("oceans_llm_values: text", "oceans_llm_values is text in YAML; write the value as a map"),
        ("oceans_llm_values: 'a: b: c'", "oceans_llm_values is text that is not one document of YAML or JSON"),
        ("oceans_llm_config: files/gateway.yaml", "or read a file"),
        ("oceans_llm_values: [values.yaml, values-prod.yaml]", "oceans_llm_values is a list in YAML; write the value as a map (KEY: value), or read a file"),
        ("oceans_llm_database_secret: {name: db, key: uri}", "oceans_llm_database_secret is a map in YAML, but has to be text; write one text"),
        ("oceans_llm_gateway_image: https://ghcr.io/acme/gateway", "without https:// and without a tag"),
        ("oceans_llm_gateway_image: ghcr.io/acme/gateway:v1", "without https:// and without a tag"),
        ("oceans_llm_values: [{key: a, value: 1}]", "oceans_llm_values is a list in YAML; write the value as a map (KEY: value), or convert"),
        ("oceans_llm_version: 'v0.24.0 '", "oceans_llm_version begins or ends with a space"),
        ("oceans_llm_version: 'v0.24.0 # pinned'", "oceans_llm_version is 'v0.24.0 # pinned', which is not a valid name: use only letters"),
        ("oceans_llm_version: v0.24.0\u2013rc1", "(it contains U+2013, which looks like another character)"),
        ("oceans_llm_secret_name: \u043eceans", "(it contains U+043E, which looks like another character)"),
        ("oceans_llm_secret_name: My_Secret", "oceans_llm_secret_name is 'My_Secret', which is not a valid name"),
        ("oceans_llm_database_secret_key: a/b", "oceans_llm_database_secret_key is 'a/b', which is not a valid name"),
        ("oceans_llm_image_pull_secrets: [{nam: x}]", "oceans_llm_image_pull_secrets[0] has no name"),
        ("oceans_llm_http_route: {timeouts: {request: .inf}}", "oceans_llm_http_route.timeouts.request is not a finite number"),
        ("oceans_llm_ingress: llm.example.com", "oceans_llm_ingress is text in YAML; write the value as a map"),
        ("oceans_llm_image_registry: https://registry.example.com", "(HOST:PORT/PATH, without https://)"),
        ("oceans_llm_platform: aks", "oceans_llm_platform is 'aks'; set the variable to one of openshift"),
        ("oceans_llm_extra_env: {A: b}", "oceans_llm_extra_env is a map; write the value as a list"),
        ('oceans_llm_extra_objects: "{kind: A}\\n---\\n{kind: B, a: [1, 2]}"', "oceans_llm_extra_objects is text of several lines; write the value as a list"),
        ("oceans_llm_replicas: -1", "oceans_llm_replicas is -1; set the variable to a number from 0"),
    ],
)
def test_what_cannot_be_carried_as_written_is_refused_with_its_path(text, says):
    with pytest.raises(AnsibleError) as refused:
        worked_out("_oceans_llm_chart_values", **written(text))
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("oceans_llm_namespace", "Oceans", "lower-case"),
        ("oceans_llm_namespace", "my_ns", "lower-case"),
        ("oceans_llm_namespace", "", "not a valid name"),
        ("oceans_llm_namespace", "n" * 64, "(64 characters)"),
        ("oceans_llm_namespace", "ns\n", "space or line break"),
        ("oceans_llm_release", "r" * 54, "at most 53"),
        ("oceans_llm_release", "Rel", "lower-case"),
        ("oceans_llm_timeout", 0, "from 1"),
        ("oceans_llm_timeout", "15m", "whole number"),
        ("oceans_llm_timeout", "1e999999999", "whole number"),
        ("oceans_llm_recover_after", -1, "from 0"),
        ("oceans_llm_recompute_limit", 5000, "from 1 to 1000"),
        ("oceans_llm_restore_point_volume", {"sise": "1Gi"}, "no role reads the key oceans_llm_restore_point_volume.sise; correct the key (size)"),
        ("oceans_llm_restore_point_volume", {"size": 10}, "with a unit"),
        ("oceans_llm_restore_point_volume", {"size": "10GB"}, "with a unit"),
        ("oceans_llm_secrets_generate", ["BAD KEY"], "letters, digits"),
        ("oceans_llm_namespace", "kube-system", "a namespace of Kubernetes itself"),
        ("oceans_llm_rollback_to", -1, "the number of a revision"),
        ("oceans_llm_rollback_to", "HEAD~1", "the number of a revision"),
        ("oceans_llm_restore_point_s3", {"address": "https://b.s3.amazonaws.com/p"}, "oceans_llm_restore_point_s3.address is 'https://b"),
        ("oceans_llm_restore_point_s3", {"endpoint": "minio:9000"}, "write the value as https://HOST:PORT"),
        ("oceans_llm_restore_point_command", "backup 'x", "not a command line"),
        ("oceans_llm_secrets", "A=1,B=2", "write the value as a map"),
    ],
)
def test_what_no_later_step_could_use_is_refused_with_its_path(name, value, says):
    with pytest.raises(AnsibleError) as refused:
        taken(name, **{name: value})
    assert name in str(refused.value) and says in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value", "got"),
    [
        ("oceans_llm_timeout", "1e3", 1000),
        ("oceans_llm_timeout", " 90 ", 90),
        ("oceans_llm_replicas", 2.0, 2),
        ("oceans_llm_release", "r" * 53, "r" * 53),
        ("oceans_llm_release", "team.llm", "team.llm"),
        ("oceans_llm_restore_point_volume", {"size": "1.5Ti", "claim": None}, {"size": "1.5Ti", "claim": None}),
        ("oceans_llm_image_pull_secrets", "a, b", ["a", "b"]),
        ("oceans_llm_image_registry", "registry.example.com:5000/mirror", "registry.example.com:5000/mirror"),
        ("oceans_llm_image_registry", "registry:5000", "registry:5000"),
        ("oceans_llm_platform", "openshift", "openshift"),
        ("oceans_llm_extra_env", "- {name: A, value: 'x,y'}\n- {name: B, value: b}\n", [{"name": "A", "value": "x,y"}, {"name": "B", "value": "b"}]),
        ("oceans_llm_restore_point_command", "backup -t a,b 'c d'", ["backup", "-t", "a,b", "c d"]),
        ("oceans_llm_rollback_to", 3, "3"),
        ("oceans_llm_rollback_to", "v0.23.0-corp.1", "v0.23.0-corp.1"),
        ("oceans_llm_values", "", {}),
        ("oceans_llm_values", '{"a": [1]}', {"a": [1]}),
        ("oceans_llm_values", "a:\n  b: x?y=1,2\n", {"a": {"b": "x?y=1,2"}}),
        ("oceans_llm_values", "{'a': 'b'}", {"a": "b"}),
    ],
)
def test_what_was_meant_is_taken(name, value, got):
    assert taken(name, **{name: value}) == got


@pytest.mark.parametrize("name", ["oceans_llm_version", "oceans_llm_replicas", "oceans_llm_values"])
def test_a_value_that_is_left_out_by_a_filter_is_the_default(name):
    given = {name: trust_as_template("{{ nothing | default(omit) }}"), "omit": Omit}
    assert taken(name, **given) == taken(name)
    assert worked_out("_oceans_llm_chart_values", **given) == worked_out("_oceans_llm_chart_values")


def test_templates_marked_unsafe_and_vaulted_values_arrive_as_they_are(monkeypatch):
    loader = DataLoader()
    monkeypatch.setattr(VaultSecretsContext, "_current", VaultSecretsContext([("default", VaultSecret(b"password"))]))
    vaulted = VaultLib([("default", VaultSecret(b"password"))]).encrypt("canary-{{ x }}-ü").decode()
    text = "oceans_llm_values: {gateway: {podAnnotations: {a: !unsafe '{{ not_a_variable }} {% raw %}'}}}\noceans_llm_secrets:\n  KEY: !vault |\n"
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        file.write(text + "".join(f"    {line}\n" for line in vaulted.splitlines()))
        file.flush()
        given = loader.load_from_file(file.name, trusted_as_template=True)
    assert worked_out("_oceans_llm_chart_values", **given)["gateway"]["podAnnotations"] == {"a": "{{ not_a_variable }} {% raw %}"}
    assert worked_out("_oceans_llm_provisioned", **given) == {"KEY": "canary-{{ x }}-ü"}


@pytest.mark.parametrize(
    ("task", "codes"),
    [
        ({}, []),
        ({"skipped": True}, []),
        ({"findings": [{"code": "SecretMissing", "severity": "warning"}, {"code": "SecretEmpty", "severity": "error"}]}, ["SecretMissing"]),
    ],
)
def test_what_preflight_only_warned_of_is_not_refused_by_the_role_secrets(task, codes):
    assert worked_out("_oceans_llm_warned", _oceans_llm_preflight_task=task) == codes
    assert worked_out("_oceans_llm_warned") == []


@pytest.mark.parametrize(("part", "option"), [("Labels", "common_labels"), ("Annotations", "common_annotations")])
def test_every_plugin_gets_the_labels_and_annotations_of_the_charts_objects(part, option):
    given = {f"oceans_llm_{option}": {"team": "ai", "tier": "1"}, "oceans_llm_values": {f"common{part}": {"tier": "2"}}}
    assert worked_out("_oceans_llm_auth", **given) == {option: {"team": "ai", "tier": "2"}}
    assert worked_out("_oceans_llm_chart_values", **given)[f"common{part}"] == {"team": "ai", "tier": "2"}, "as the chart has them"
    for values in ({f"common{part}": None}, {f"common{part}": "text"}, {}):
        assert worked_out("_oceans_llm_auth", oceans_llm_values=values) == {}
