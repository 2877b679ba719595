# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables into chart values: only what was set, and the user's values over everything."""

from __future__ import annotations

import functools
import inspect
from pathlib import Path

import pytest
import yaml

from ansible_collections.oceans.llm.plugins.plugin_utils.gateway.chart_values import PLACES, chart_values, merge, setters

COLLECTION = Path(__file__).resolve().parents[2]


def test_what_is_not_set_stays_the_charts_own():
    values = chart_values({}, config={}, secret_name="s")
    assert "image" not in values["gateway"] and "adminUi" not in values and "imagePullSecrets" not in values
    assert "config" not in values["gateway"]


def test_version_and_repositories():
    values = chart_values({}, config={}, version="v1", gateway_image="r/g", admin_ui_image="r/u", image_pull_secrets=["a", {"name": "b"}], replicas=3)
    assert values["gateway"]["image"] == {"repository": "r/g", "tag": "v1"}
    assert values["adminUi"]["image"] == {"repository": "r/u", "tag": "v1"}
    assert values["imagePullSecrets"] == [{"name": "a"}, {"name": "b"}]
    assert values["gateway"]["replicaCount"] == 3


def test_a_digest_is_of_the_gateways_image_only():
    values = chart_values({}, config={}, version="v0.24.0@sha256:abc", secret_name="s")
    assert values["gateway"]["image"]["tag"] == "v0.24.0@sha256:abc" and values["adminUi"]["image"]["tag"] == "v0.24.0"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("provision", {"existingSecret": {"name": "s"}}),
        ("existing", {"existingSecret": {"name": "s"}}),
        ("inline", {"inline": {"K": "v"}}),
    ],
)
def test_each_source_of_secrets(source, expected):
    assert chart_values({}, config={}, secrets_source=source, secret_name="s", secrets={"K": "v"})["secrets"] == expected


def test_a_provisioned_value_never_becomes_a_helm_value():
    assert "hunter2" not in str(chart_values({}, config={}, secret_name="s", secrets={"POSTGRES_URL": "postgresql://u:hunter2@h/d"}))


def test_external_secrets_are_switched_on_and_can_be_told_more():
    values = chart_values({}, config={}, secrets_source="external_secrets", external_secrets={"secretStoreRef": {"name": "vault"}})
    assert values["externalSecrets"] == {"enabled": True, "secretStoreRef": {"name": "vault"}}
    assert "secrets" not in values


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"mode": "external", "external": {"existingSecret": {"name": "s", "key": "POSTGRES_URL"}}}),
        ({"database_secret": "db", "database_secret_key": "url"}, {"mode": "external", "external": {"existingSecret": {"name": "db", "key": "url"}}}),
        ({"secrets_source": "inline"}, {"mode": "external"}),
        ({"database_mode": "cloudnativepg", "cloudnativepg": {"instances": 3}}, {"mode": "cloudnativepg", "cloudnativepg": {"instances": 3}}),
    ],
)
def test_where_the_database_is(options, expected):
    assert chart_values({}, config={}, secret_name="s", **options)["database"] == expected


def test_the_users_values_are_merged_last_maps_by_key_lists_as_a_whole():
    values = chart_values(
        {"gateway": {"image": {"tag": "mine"}, "config": {"models": [1]}}}, config={"models": [2, 3], "server": {"bind": "b"}}, version="v1", secret_name="s"
    )
    assert values["gateway"]["image"]["tag"] == "mine"
    assert values["gateway"]["config"] == {"models": [1], "server": {"bind": "b"}}


def test_an_empty_value_in_the_gateways_configuration_is_a_value():
    assert chart_values({}, config={"request_logging": {"redaction_paths": []}}, secret_name="s")["gateway"]["config"] == {
        "request_logging": {"redaction_paths": []}
    }


def test_merging_changes_neither_side():
    below, above = {"a": {"b": 1}}, {"a": {"c": 2}}
    assert merge(below, above) == {"a": {"b": 1, "c": 2}} and below == {"a": {"b": 1}} and above == {"a": {"c": 2}}


def at(values: dict, place: str):
    return functools.reduce(lambda here, key: here[key], place.split("."), values)


def nested(place: str, value):
    return functools.reduce(lambda inner, key: {key: inner}, reversed(place.split(".")), value)


@pytest.mark.parametrize("name", PLACES)
def test_each_variable_becomes_its_chart_value_as_it_is(name):
    place, switch = PLACES[name]
    defaults = yaml.safe_load((COLLECTION / "roles/common/defaults/main.yml").read_text(encoding="utf-8"))
    value = {"": "word", "[]": [{"a": ""}]}.get(str(defaults[f"oceans_llm_{name}"]), {"empty": "", "list": [], "null": None})
    assert at(chart_values({}, config={}, **{name: value}), place) == ({"enabled": True, **value} if switch else value)
    assert chart_values({}, config={}, **{name: type(value)()}) == chart_values({}, config={}), "what is not set stays the chart's own"
    assert at(chart_values(nested(place, "over"), config={}, **{name: value}), place) == "over", "oceans_llm_values are merged last"


@pytest.mark.parametrize("name", PLACES)
def test_each_of_these_places_is_in_the_chart(name):
    values = yaml.safe_load((COLLECTION / "charts/oceans-llm/values.yaml").read_text(encoding="utf-8"))
    found = at(values, PLACES[name][0])
    assert not PLACES[name][1] or found["enabled"] is False


def test_the_filters_documentation_has_every_option():
    documented = yaml.safe_load((COLLECTION / "plugins/filter/chart_values.yml").read_text(encoding="utf-8"))["DOCUMENTATION"]["options"]
    assert list(documented) == ["_input", *list(inspect.signature(chart_values).parameters)[1:-1], *PLACES]


def test_a_variable_of_another_name_is_refused():
    with pytest.raises(TypeError, match="http_rout$"):
        chart_values({}, config={}, http_rout={"parentRefs": []})


def test_a_switch_can_be_off_and_resources_join_the_scheduling():
    values = chart_values({}, config={}, http_route={"enabled": False, "hostnames": ["a"]}, scheduling={"nodeSelector": {"disk": ""}}, resources={"limits": {}})
    assert values["httpRoute"] == {"enabled": False, "hostnames": ["a"]}
    assert values["scheduling"] == {"nodeSelector": {"disk": ""}, "resources": {"limits": {}}}


@pytest.mark.parametrize("secret", ["", "db"])
def test_parts_of_a_database_take_the_place_of_its_url(secret):
    parts = {"host": "db.example.com", "database": "llm", "secret": {"name": "rds"}}
    values = chart_values({}, config={}, secret_name="s", database_secret=secret, database_parts=parts, database_migrations={"host": "direct"})
    assert values["database"] == {"mode": "external", "external": {"parts": parts, "migrations": {"host": "direct"}}}
    assert values["secrets"] == {"existingSecret": {"name": "s"}}, "the other keys come from the gateway's Secret as before"


def test_a_hint_names_the_variable_of_a_chart_value():
    assert setters("httpRoute.timeouts") == "oceans_llm_http_route or oceans_llm_values"
    assert setters("scheduling.resources.limits") == "oceans_llm_resources or oceans_llm_values"
    assert setters("scheduling.nodeSelector") == "oceans_llm_scheduling or oceans_llm_values"
    assert setters("httpRouteX") == setters("gateway") == "oceans_llm_values"


def test_the_cluster_of_a_restore_has_one_way_to_bootstrap_whatever_the_inventory_says():
    own = {"instances": 3, "clusterName": "old", "additionalSpec": {"bootstrap": {"initdb": {"encoding": "UTF8"}}, "imageName": "pg:16"}}
    over = {"database": {"cloudnativepg": {"clusterName": "older"}}}
    restored = {"clusterName": "new", "additionalSpec": {"bootstrap": {"recovery": {"backup": {"name": "b"}}}}}
    found = chart_values(over, config={}, database_mode="cloudnativepg", cloudnativepg=own, new_cluster=restored)["database"]
    assert found == {
        "mode": "cloudnativepg",
        "cloudnativepg": {"instances": 3, "clusterName": "new", "additionalSpec": {**restored["additionalSpec"], "imageName": "pg:16"}},
    }
