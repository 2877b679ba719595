# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all action plugins share: options that are checked, sentences instead of tracebacks, and no secret in a result."""

from __future__ import annotations

import datetime
import importlib
import json
import os
import tempfile
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pytest
import yaml
from ansible._internal._datatag._tags import TrustedAsTemplate

from ansible_collections.oceans.llm.plugins.doc_fragments import release
from ansible_collections.oceans.llm.plugins.plugin_utils import action_base
from ansible_collections.oceans.llm.plugins.plugin_utils.action_base import AUTH, ClusterAction, Refused, plain
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import ApiError


class Example(ClusterAction):
    ARGUMENTS = {"name": {"type": "str", "required": True}, "count": {"type": "int", "default": 1}}
    does = staticmethod(lambda self, args: {"changed": False, "args": args})

    def connect(self, args):
        return SimpleNamespace(server="https://it")

    def act(self, args, cluster):
        return type(self).does(self, args)


def run(args, does=None, host="kind", transport="local", environment=(), **more):
    task = SimpleNamespace(
        args=args,
        action="oceans.llm.example",
        resolved_action="oceans.llm.example",
        async_val=0,
        check_mode=False,
        diff=True,
        environment=list(environment),
        delegate_to=None,
        **more,
    )
    connection, templar = mock.MagicMock(transport=transport), SimpleNamespace(template=lambda data: data)
    made = Example(task, connection, mock.Mock(check_mode=False), mock.Mock(), templar, mock.Mock())
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
    assert (
        found["failed"]
        and "oceans.llm.example failed because of a defect of the collection: KeyError" in found["msg"]
        and "test_action_base.py" in found["where"]
    )


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
    ("data", "text"),
    [
        (datetime.date(2024, 10, 21), "2024-10-21"),
        (datetime.datetime(2024, 10, 21, 8, tzinfo=datetime.UTC), "2024-10-21T08:00:00Z"),
        (datetime.time(8, 30), "08:30:00"),
        (b"bytes", "bytes"),
        ({"b", "a"}, ["a", "b"]),
        (("a", 1), ["a", 1]),
    ],
)
def test_whatever_yaml_makes_of_a_value_reaches_helm_as_it_was_written(data, text):
    def does(self, args):
        return {"changed": False, "args": args}

    tagged = TrustedAsTemplate().tag({"deep": [data]})
    assert plain(data) == text and json.loads(json.dumps(plain(tagged))) == {"deep": [text]}
    assert run({"name": data}, does)["args"]["name"] in (text, str(text))


@pytest.mark.parametrize("data", [datetime.date(2024, 10, 21), datetime.datetime(2024, 10, 21), 7, 1.5, "text", {"a": "b"}, ["a"], ("a",), {"a"}])
def test_ansibles_tagged_types_become_pythons_own(data):
    tagged = TrustedAsTemplate().tag(data)
    assert json.dumps(plain(tagged)) and type(plain(tagged)) in (str, int, float, dict, list)


def test_the_keyword_environment_counts_for_everything_in_the_task_and_for_nothing_after_it(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "of-the-shell")
    monkeypatch.setenv("GONE", "x")

    def does(self, args):
        os.environ.pop("GONE")
        return {"changed": False, "seen": [os.environ[n] for n in ("AWS_PROFILE", "HTTPS_PROXY", "NUMBER")]}

    found = run({"name": "x"}, does, environment=[{"AWS_PROFILE": "outer", "HTTPS_PROXY": "http://p"}, {"AWS_PROFILE": "prod", "NUMBER": 5}])
    assert found["seen"] == ["prod", "http://p", "5"]
    assert os.environ["AWS_PROFILE"] == "of-the-shell" and os.environ["GONE"] == "x" and "NUMBER" not in os.environ


def test_the_way_is_worked_out_once_and_then_nothing_else_says_one(monkeypatch):
    """kubernetes.core.helm, which starts later, would read the variables again and understand them otherwise."""
    monkeypatch.setenv("K8S_AUTH_API_KEY", "of-the-shell")

    def does(self, args):
        way = self.auth(args)
        return {"changed": False, "host": way.cluster["server"], "left": [n for n in os.environ if n.startswith("K8S_AUTH_")], "msg": way.user["token"]}

    found = run({"name": "x"}, does, environment=[{"K8S_AUTH_HOST": "https://of-the-play"}])
    assert found["host"] == "https://of-the-play" and found["left"] == [] and "of-the-shell" not in found["msg"], "the token is known to the redactor"
    assert os.environ["K8S_AUTH_API_KEY"] == "of-the-shell"


@pytest.mark.parametrize("transport", ["ssh", "paramiko", "docker", "community.docker.docker", "winrm"])
def test_another_connection_is_refused_before_anything_is_done(transport):
    def does(self, args):
        raise AssertionError("something was done")

    found = run({"name": "x"}, does, host="bastion", transport=transport)
    assert found["failed"] and f"bastion has the connection {transport}" in found["msg"] and "ansible_connection: local" in found["msg"]


def test_releases_that_are_not_kept_in_secrets_are_refused(monkeypatch):
    monkeypatch.setenv("HELM_DRIVER", "configmap")
    found = run({"name": "x"})
    assert found["failed"] and "HELM_DRIVER is 'configmap'" in found["msg"]


def test_a_task_with_no_log_says_nothing_while_it_runs():
    def does(self, args):
        self.say("something")
        return {"changed": False}

    with mock.patch.object(action_base, "Display") as display:
        run({"name": "x"}, does, no_log=True)
        assert not display().display.called
        run({"name": "x"}, does, no_log=False)
        assert display().display.called


@pytest.mark.parametrize(
    ("callback", "stderr"),
    [("default", False), ("ansible.builtin.default", False), ("yaml", False), ("ansible.posix.json", True), ("junit", True), ("my.own.thing", True)],
)
def test_the_standard_output_of_a_callback_for_programs_is_left_alone(monkeypatch, callback, stderr):
    monkeypatch.setattr("ansible.constants.DEFAULT_STDOUT_CALLBACK", callback)
    with mock.patch.object(action_base, "Display") as display:
        run({"name": "x"}, lambda self, args: self.say("a line") or {"changed": False})
    assert display().display.call_args.kwargs["stderr"] is stderr


MODULES = [
    "admin",
    "bootstrap",
    "checks",
    "deploy",
    "migrations",
    "preflight",
    "probe",
    "purge",
    "restore",
    "restore_point",
    "rollback",
    "rotate",
    "secrets",
    "status_info",
    "uninstall",
    "upgrade",
    "wait",
]  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_the_options_of_an_action_are_those_that_its_module_documents(name):
    action = importlib.import_module(f"ansible_collections.oceans.llm.plugins.action.{name}").ActionModule
    module = importlib.import_module(f"ansible_collections.oceans.llm.plugins.modules.{name}")
    page = yaml.safe_load(module.DOCUMENTATION)
    options = dict(page.get("options") or {})
    for slug in page["extends_documentation_fragment"][1:]:
        part = yaml.safe_load(getattr(release.ModuleDocFragment, slug.removeprefix("oceans.llm.release").strip(".").upper() or "DOCUMENTATION"))["options"]
        assert not set(part) & set(options), "an option stands in one place"
        options |= part
    assert set(action.ARGUMENTS) == set(options) and not set(options) & set(AUTH)
    for option, spec in action.ARGUMENTS.items():
        assert spec["type"] == options[option]["type"] and spec.get("default") == options[option].get("default")
        assert bool(spec.get("required")) == bool(options[option].get("required")) and spec.get("choices") == options[option].get("choices")
    yaml.safe_load(module.RETURN)
    yaml.safe_load(module.EXAMPLES)


def test_every_module_of_the_collection_is_one_of_them():
    folder = Path(action_base.__file__).parents[1] / "modules"
    assert sorted(p.stem for p in folder.glob("*.py") if p.stem != "__init__") == MODULES
