# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any value for any variable: converted without a change, or refused with the variable's name; never a traceback.

From the variable to preflight's findings, without a cluster. 25 cases by default, as making them costs more than judging them; many:

    OCEANS_LLM_CASES=10000 pytest ansible_collections/oceans/llm/tests/unit/test_hostile_variables.py
"""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Mapping
from typing import Any

import pytest
from ansible.module_utils._internal._datatag import AnsibleTagHelper
from ansible.template import trust_as_template
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from ansible_collections.oceans.llm.plugins.action.preflight import wanted_of
from ansible_collections.oceans.llm.plugins.plugin_utils.action_base import plain
from ansible_collections.oceans.llm.plugins.plugin_utils.gateway.chart_values import PLACES, chart_values
from ansible_collections.oceans.llm.plugins.plugin_utils.gateway.variables import WrongVariable, options, variable
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight import rules
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight.facts import Picture, Tools
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight.finding import settle
from ansible_collections.oceans.llm.plugins.plugin_utils.secrets import plan

CASES = int(os.environ.get("OCEANS_LLM_CASES", "25"))
WORDS = (
    *("", " ", "true", "False", "no", "0", "1", "012", "1e-7", "1:30", "~", "null", "{{ x }}", "{% raw %}", "env.X", "env.", "literal.x", "a,b", "[1, 2]"),
    *('{"a": 1}', "v0.24.0@sha256:" + "a" * 64, "postgresql://u:p@h/d", "-----BEGIN X-----\nx\n", "ü\u2028€🙂", "\0", "\ud800", "a" * 300),
    *("provision", "external", "existing", "inline", "external_secrets", "cloudnativepg", "9" * 30),
)
KEYS = (
    *("gateway", "config", "replicaCount", "image", "tag", "secrets", "inline", "existingSecret", "providers", "auth", "bootstrap_admin", "oidc"),
    *("POSTGRES_URL", "a b"),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from((2**53, 2**53 + 1, -(2**63), 10**400, 0)),
    st.floats(),
    st.sampled_from(WORDS),
    st.text(max_size=12),
    st.dates(),
    st.datetimes(),
    st.binary(max_size=4),
)
ANY = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner, max_size=4)
        | st.dictionaries(st.one_of(st.integers(), st.booleans(), st.none(), st.dates(), st.floats()), inner, max_size=2)
        | st.frozensets(st.integers(), max_size=2)
    ),
    max_leaves=8,
)
#: more often what fits the type, so that the whole way is gone
FITTING: dict[str, st.SearchStrategy[Any]] = {
    "bool": st.sampled_from((True, False, "true", "no", 0, 1, "On", "maybe")),
    "int": st.integers() | st.integers().map(str),
    "str": st.sampled_from(WORDS) | st.text(max_size=8),
    "list": st.lists(ANY, max_size=3),
    "dict": st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), ANY, max_size=4),
    "raw": ANY,
}
GIVEN = st.fixed_dictionaries({}, optional={name: FITTING[option["type"]] | ANY for name, option in options().items()})


def tagged(value: Any) -> Any:
    """As Ansible hands it on: each leaf of a type of Ansible's own."""
    if isinstance(value, Mapping):
        return {tagged(k): tagged(v) for k, v in value.items()}
    if isinstance(value, list):
        return [tagged(v) for v in value]
    if isinstance(value, str):
        return trust_as_template(value)
    return AnsibleTagHelper.tag_copy(trust_as_template("x"), value) if type(value) in (int, float, datetime.date, datetime.datetime) else value


def door(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """All variables converted; what was refused is left at its default."""
    values, refused = {}, []
    for name in options():
        try:
            values[name.removeprefix("oceans_llm_")] = variable(given.get(name), name)
        except WrongVariable as wrong:
            assert name in str(wrong)
            refused.append(name)
            values[name.removeprefix("oceans_llm_")] = variable(None, name)
    return values, refused


def preflight(values: Mapping[str, Any], chart: Mapping[str, Any]) -> None:
    """Every rule, over what a chart would make of the values."""
    args = {
        "name": values["release"],
        "namespace": values["namespace"],
        "create_namespace": values["create_namespace"],
        "values": chart,
        "secrets_source": values["secrets_source"],
        "secret_name": values["secret_name"],
        "secrets": values["secrets"],
        "generate": values["secrets_generate"],
        "bootstrap_admin": values["bootstrap_admin"],
        "force_conflicts": values["force_conflicts"],
        "recover_after": values["recover_after"],
        "probe_key_secret": values["probe_key_secret"],
        "probe_key_name": values["probe_key_name"],
    }
    wanted = wanted_of(plain(args))
    section = chart.get("gateway") if isinstance(chart.get("gateway"), Mapping) else {}
    image = section.get("image") if isinstance(section.get("image"), Mapping) else {}
    container = {"name": "gateway", "image": f"{image.get('repository')}:{image.get('tag')}", "envFrom": [{"secretRef": {"name": wanted.secret_name}}]}
    pod = {"metadata": {"labels": {}}, "spec": {"containers": [container], "imagePullSecrets": chart.get("imagePullSecrets")}}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "gw"}, "spec": {"replicas": section.get("replicaCount"), "template": pod}}
    configmap = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"gateway.yaml": json.dumps(section.get("config"))}}
    picture = Picture(wanted=wanted, tools=Tools("v4.2.4", "", "6.6.0"), objects=(deployment, configmap), secrets={wanted.secret_name: None})
    findings = settle(rules.check(picture), values["preflight_waive"])
    assert [f.sentence for f in findings if f.code == "CheckSkipped"] == []
    assert all(f.line() and json.dumps(f.as_dict()) for f in findings)
    broken = dict(plan.unwritable(values["secrets"]))
    plan.plan(None, {k: v for k, v in values["secrets"].items() if k not in broken}, values["secrets_generate"])


def same(given: Any, got: Any) -> bool:
    """Nothing was changed without a word: a date is the text that it was written as, an integer key its digits."""
    if isinstance(given, Mapping):
        return isinstance(got, Mapping) and all(str(k) in got and same(v, got[str(k)]) for k, v in given.items())
    if isinstance(given, (list, tuple)):
        return isinstance(got, list) and len(given) == len(got) and all(map(same, given, got))
    if isinstance(given, datetime.date):
        return bool(got == given.isoformat())
    return bool(given == got) and isinstance(given, bool) == isinstance(got, bool)


@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
@given(GIVEN)
@example({"oceans_llm_values": {"gateway": {"replicaCount": None, "podAnnotations": {"released": datetime.date(2025, 11, 28)}}}})
@example(dict.fromkeys(options()))
def test_any_value_for_any_variable(given):
    given = tagged(given)
    values, refused = door(given)
    event(f"{min(len(refused), 4)} refused")
    chart_args = ("config", "version", "gateway_image", "admin_ui_image", "image_pull_secrets", "replicas", "secrets_source", "secret_name", "secrets")
    chart_args += ("external_secrets", "database_mode", "database_secret", "database_secret_key", "cloudnativepg", *PLACES)
    chart = chart_values(values["values"], **{name: values[name] for name in chart_args})
    sent = json.loads(json.dumps(plain(chart), allow_nan=False))
    json.dumps(sent).encode()
    for name in ("values", "config"):
        wanted = given.get(f"oceans_llm_{name}")
        if isinstance(wanted, Mapping) and f"oceans_llm_{name}" not in refused and (name == "values" or not values["values"]):
            assert same(wanted, sent if name == "values" else sent.get("gateway", {}).get("config", {}))
    preflight(values, sent)


@pytest.mark.parametrize("name", options())
@settings(max_examples=max(CASES // 50, 10), deadline=None, suppress_health_check=list(HealthCheck))
@given(ANY)
def test_what_passes_has_the_variables_type(name, value):
    try:
        got = variable(tagged(value), name)
    except WrongVariable as wrong:
        assert name in str(wrong)
        return
    kinds = {"bool": bool, "int": int, "str": str, "list": list, "dict": dict, "raw": object}
    kind = options()[name]["type"]
    assert isinstance(got, kinds[kind]) and not (kind == "int" and isinstance(got, bool))
    if isinstance(value, str) and kind == "str":
        assert got == value
    assert same(value, got) or value is None or type(got) is not type(value) or isinstance(got, list)
