# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What writing a Secret would change: generated once, nothing of others touched, nothing lost, no value in any text."""

from __future__ import annotations

import base64

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.oceans.llm.plugins.plugin_utils.secrets import plan
from ansible_collections.oceans.llm.plugins.plugin_utils.secrets.plan import MANAGER

from .test_codes import told


def secret(data: dict[str, str], ours: tuple[str, ...] = (), others: dict[str, str] | None = None) -> dict:
    def entry(manager: str, operation: str, keys: tuple[str, ...], time: str) -> dict:
        return {"manager": manager, "operation": operation, "time": time, "fieldsV1": {"f:data": {".": {}, **{f"f:{k}": {} for k in keys}}}}

    fields = [entry(MANAGER, "Apply", ours, "2026-01-01T00:00:00Z")] if ours else []
    fields += [entry(manager, "Update", (key,), "2026-01-02T00:00:00Z") for key, manager in (others or {}).items()]
    return {"metadata": {"managedFields": fields, "resourceVersion": "1"}, "data": {k: base64.b64encode(v.encode()).decode() for k, v in data.items()}}


def test_a_first_run_adds_what_is_listed_and_generates_the_rest(monkeypatch):
    monkeypatch.setattr(plan, "generated", lambda key: f"made-{key}")
    result = plan.plan(None, {"A": "1"}, ["B"])
    assert result.added == ("A", "B") and result.generated == ("B",) and result.data == {"A": b"1", "B": b"made-B"}
    assert result.lines() == ["+ A", "+ B (generated)"]


def test_a_second_run_writes_nothing_and_generates_nothing():
    live = secret({"A": "1", "B": "old"}, ours=("A", "B"))
    result = plan.plan(live, {"A": "1"}, ["B"])
    assert not result.writes and result.generated == () and result.data["B"] == b"old"


def test_a_generated_value_that_somebody_else_put_there_is_kept():
    assert plan.plan(secret({"B": "theirs"}), {}, ["B"]).data == {"B": b"theirs"}


def test_an_empty_value_counts_as_missing_for_generation():
    assert plan.plan(secret({"B": ""}, ours=("B",)), {}, ["B"]).changed == ("B",)


def test_keys_of_others_are_not_sent():
    assert "THEIRS" not in plan.plan(secret({"THEIRS": "x", "A": "1"}, ours=("A",), others={"THEIRS": "kubectl-edit"}), {"A": "2"}, []).data


def test_a_key_of_ours_that_is_no_longer_listed_is_kept_and_named():
    result = plan.plan(secret({"OLD": "x", "A": "1"}, ours=("OLD", "A")), {"A": "1"}, [])
    assert result.unlisted == ("OLD",) and result.data["OLD"] == b"x" and not result.writes


def test_a_value_that_another_manager_changed_is_named_with_it():
    live = secret({"A": "theirs"}, others={"A": "kubectl-edit"})
    assert plan.plan(live, {"A": "mine"}, []).foreign == (("A", "kubectl-edit"),)
    assert plan.plan(live, {"A": "theirs"}, []).foreign == ()


def test_numbers_and_booleans_become_text():
    assert plan.plan(None, {"PORT": 5432, "ON": True}, []).data == {"PORT": b"5432", "ON": b"true"}


def test_generated_values_have_the_shape_that_the_gateway_wants():
    key = plan.generated("OCEANS_API_KEY_SECRET_ENCRYPTION_KEY")
    assert len(base64.b64decode(key, validate=True)) == 32
    assert len(plan.generated("GATEWAY_IDENTITY_TOKEN_SECRET")) == 48
    assert plan.generated("X") != plan.generated("X")


def test_listed_values_that_cannot_be_a_secret_are_refused_by_name():
    found = {key: problem.code for key, problem in plan.problems({"a b": "x", "M": {"x": 1}, "N": None, "E": "", "GOOD": "x"})}
    assert found == {"a b": "SecretKeyName", "M": "SecretNotText", "N": "SecretNotText", "E": "SecretEmpty"}


names = st.sampled_from(["A", "B", "C", "D"])


@given(
    st.dictionaries(names, st.text(min_size=1, max_size=5)),
    st.dictionaries(names, st.text(min_size=1, max_size=5)),
    st.lists(names, unique=True),
    st.sets(names),
)
def test_whatever_is_there_and_wanted(live, wanted, generate, ours):
    """Applying the plan gives what was wanted, loses nothing, and planning again finds nothing to do."""
    held = secret(live, tuple(k for k in sorted(ours) if k in live))
    first = plan.plan(held, wanted, generate)
    after = {**plan.values_of(held), **first.data}
    assert all(after[k] == v.encode() for k, v in wanted.items()) and all(after.get(k) for k in generate)
    assert set(live) <= set(after)
    assert all(after[k] == v.encode() for k, v in live.items() if k not in wanted)
    again = secret({k: v.decode() for k, v in after.items()}, tuple(first.data))
    assert not plan.plan(again, wanted, generate).writes


@given(st.dictionaries(names, st.text(alphabet="xyz", min_size=8, max_size=12), min_size=1))
def test_no_value_in_any_text_of_the_plan(wanted):
    result = plan.plan(None, wanted, [])
    assert not any(value in repr(result) + " ".join(result.lines()) for value in wanted.values())


@pytest.mark.parametrize(
    ("written", "warning"),
    [("012345670123", True), ("12_000", True), ("yes", True), ("1:30", True), ("1.50", True), ("0x1F", True), ("2024-10-21", True), ("1.0e+20", False)],
)
def test_what_yaml_made_of_a_text_is_told_and_never_shown(written, warning):
    value = yaml.safe_load(written)
    ((key, problem),) = [(k, p) for k, p in plan.problems({"K": value}) if p.code == "SecretNotQuoted"]
    assert key == "K" and told(problem.code) and problem.warning is warning and "in quotes" in problem.hint
    assert str(value) not in problem.sentence + problem.hint


def test_a_text_is_a_text():
    assert plan.problems({"A": "012345670123", "B": "yes", "C": "2024-10-21"}) == []


def test_a_secret_that_is_too_large_is_told_with_its_size():
    (found,) = plan.problems({"A": "a" * 10, "BIG": "x" * 1_048_570})
    assert found[0] == "BIG" and found[1].code == "ObjectInvalid" and "1048580 bytes" in found[1].sentence and not found[1].warning
    assert plan.problems({"A": "a" * 6, "BIG": "x" * 1_048_570}) == []
