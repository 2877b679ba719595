# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all action plugins share: options that are checked, sentences instead of tracebacks, and no secret in a result."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pytest
import yaml

from ansible_collections.oceans.llm.plugins.plugin_utils import action_base
from ansible_collections.oceans.llm.plugins.plugin_utils.action_base import AUTH, ClusterAction, Refused, plain
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import ENVIRONMENT, ApiError


class Example(ClusterAction):
    ARGUMENTS = {"name": {"type": "str", "required": True}, "count": {"type": "int", "default": 1}}
    does = staticmethod(lambda self, args: {"changed": False, "args": args})

    def connect(self, args):
        return SimpleNamespace(server="https://it")

    def act(self, args, cluster):
        return type(self).does(self, args)


def run(args, does=None, host="kind"):
    task = SimpleNamespace(
        args=args, action="oceans.llm.example", resolved_action="oceans.llm.example", async_val=0, check_mode=False, diff=True, environment=[], delegate_to=None
    )
    made = Example(task, mock.Mock(), mock.Mock(check_mode=False), mock.Mock(), mock.Mock(), mock.Mock())
    with mock.patch.object(Example, "does", staticmethod(does or (lambda self, args: {"changed": False, "args": args}))):
        return made.run(task_vars={"inventory_hostname": host})


def test_options_are_checked_and_defaults_filled():
    found = run({"name": "x", "verify_ssl": "no"})
    assert found["args"]["count"] == 1 and found["args"]["validate_certs"] is False


@pytest.mark.parametrize(("args", "part"), [({}, "name"), ({"name": "x", "nmae": 1}, "nmae"), ({"name": "x", "count": "many"}, "count")])
def test_a_wrong_option_is_a_sentence(args, part):
    found = run(args)
    assert found["failed"] and part in found["msg"] and "oceans.llm.example" in found["msg"]


@pytest.mark.parametrize("error", [Refused("no: type this"), ApiError(403, "Forbidden", "pods is forbidden", "/x")])
def test_a_refusal_is_its_sentence(error):
    def does(self, args):
        raise error

    assert run({"name": "x"}, does) == {"failed": True, "changed": False, "msg": str(error)}


def test_a_defect_names_plugin_exception_and_place():
    def does(self, args):
        return {}["nothing"]

    found = run({"name": "x"}, does)
    assert found["failed"] and "oceans.llm.example broke down: KeyError" in found["msg"] and "test_action_base.py" in found["where"]


def test_temporary_files_are_where_ansible_removes_them(tmp_path, monkeypatch):
    monkeypatch.setattr("ansible.constants.DEFAULT_LOCAL_TMP", str(tmp_path))
    before = tempfile.tempdir

    def does(self, args):
        _handle, name = tempfile.mkstemp()
        raise Refused(name)  # a task that ends early leaves nothing elsewhere, either

    assert Path(run({"name": "x"}, does)["msg"]).parent == tmp_path and tempfile.tempdir == before


def test_no_secret_is_in_a_result_or_line():
    def does(self, args):
        self.redactor.learn(["hunter2-hunter2"])
        self.say("it is hunter2-hunter2")
        return {"changed": True, "msg": "hunter2-hunter2", "deep": [{"x": "aHVudGVyMi1odW50ZXIy"}]}

    with mock.patch.object(action_base, "Display") as display:
        found = run({"name": "x"}, does)
    assert "hunter2" not in str(found) and "aHVudGVyMi1odW50ZXIy" not in str(found)
    assert display().display.call_args.args == ("[kind] it is (hidden)",)


def test_values_are_plain_enough_for_yaml():
    class Tagged(str):
        """As Ansible's templated values are."""

    data = plain({Tagged("a"): [Tagged("b"), 1, True, None, 1.5]})
    assert yaml.safe_load(yaml.safe_dump(data)) == {"a": ["b", 1, True, None, 1.5]} and not isinstance(data["a"][0], Tagged)


@pytest.mark.parametrize(
    ("environment", "args", "found"),
    [
        ([{"K8S_AUTH_KUBECONFIG": "/k"}, {"K8S_AUTH_CONTEXT": "c", "OTHER": "x"}], {}, {"kubeconfig": "/k", "context": "c"}),
        ([{"K8S_AUTH_HOST": "https://a", "K8S_AUTH_VERIFY_SSL": "false"}], {"host": "https://b"}, {"host": "https://b", "validate_certs": "false"}),
        ([{"KUBECONFIG": "/k"}], {}, {"kubeconfig": "/k"}),
        ([{"KUBECONFIG": "/k"}], {"host": "https://b"}, {"host": "https://b"}),
        (None, {}, {}),
    ],
)
def test_the_keyword_environment_says_where_the_cluster_is_as_it_does_for_modules(monkeypatch, environment, args, found):
    for variable in ENVIRONMENT.values():
        monkeypatch.delenv(variable, raising=False)
    task = SimpleNamespace(args=args, action="oceans.llm.example", environment=environment)
    made = Example(task, mock.MagicMock(), mock.Mock(), mock.Mock(), SimpleNamespace(template=lambda data: data), mock.Mock())
    assert made.auth(args) == found


def test_the_documentation_has_all_auth_options():
    from ansible_collections.oceans.llm.plugins.doc_fragments.auth import ModuleDocFragment

    documented = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    assert {n: (o["type"], o.get("aliases", [])) for n, o in documented.items()} == {n: (o["type"], o.get("aliases", [])) for n, o in AUTH.items()}


@pytest.mark.parametrize("name", ["release", "rollout"])
def test_a_module_documents_the_options_of_its_action(name):
    import importlib

    action = importlib.import_module(f"ansible_collections.oceans.llm.plugins.action.{name}").ActionModule
    module = importlib.import_module(f"ansible_collections.oceans.llm.plugins.modules.{name}")
    documented = yaml.safe_load(module.DOCUMENTATION)["options"]
    assert set(documented) == set(action.ARGUMENTS)
    for option, spec in action.ARGUMENTS.items():
        assert (
            documented[option].get("default") == spec.get("default")
            and documented[option]["type"] == spec["type"]
            and documented[option].get("required", False) == spec.get("required", False)
        ), option
    yaml.safe_load(module.RETURN)
    yaml.safe_load(module.EXAMPLES)
