# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keywords of plays and tasks, by ansible-playbook itself against a scripted API server: become, delegate_to, run_once, serial, async, --limit.

Each is right, or refused by the first task before anything is sent.
"""

from __future__ import annotations

import json
import os
import queue
import re
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths

from .fake_api import FakeApi, ok

ROOT = Path(__file__).resolve().parents[5]
HOSTS = ("one", "two", "twin")
#: ansible-playbook's own program, which is imported once, with the plugins, and then forked for each play: to import it takes longer than a play
PROGRAM = """
import json, os, sys, warnings
import kubernetes.client
from ansible.cli.playbook import PlaybookCLI
from ansible.executor import playbook_executor
from ansible.plugins.loader import action_loader, init_plugin_loader
init_plugin_loader()
for plugin in ("oceans.llm.secrets", "oceans.llm.purge"):
    assert action_loader.get(plugin, class_only=True)
warnings.filterwarnings("ignore", "AnsibleCollectionFinder has already been configured")
for line in sys.stdin:
    arguments, output = json.loads(line)
    child = os.fork()
    if not child:
        file = os.open(output, os.O_WRONLY | os.O_CREAT)
        os.dup2(file, 1), os.dup2(file, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        try:
            PlaybookCLI.cli_executor(["ansible-playbook", *arguments])
        except SystemExit as end:
            sys.stdout.flush(), sys.stderr.flush(), os._exit(end.code)
        os._exit(70)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
TASK = {
    "name": "Write",
    "oceans.llm.secrets": {"name": "s", "namespace": "{{ oceans_llm_namespace }}", "data": {"A": "a-value-of-some-length"}, "host": "{{ api }}"},
}


@pytest.fixture
def api():
    """A namespace for each host of the inventory."""
    with FakeApi() as fake:
        for ns in HOSTS[:2]:
            empty = {"kind": "Secret", "metadata": {"name": "s", "resourceVersion": "7"}}
            fake.on("GET", paths.namespace(ns), ok({"metadata": {"name": ns}}))
            fake.on("POST", paths.secrets(ns), ok(empty, 201))
            fake.on("PATCH", paths.secret(ns, "s"), ok(empty))
        yield fake


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """Runs ansible-playbook with some arguments and its output in a file; returns its exit code."""
    own = {
        "PYTHONUNBUFFERED": "",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_COLLECTIONS_PATH": f"{ROOT}:{ROOT}/.testbed/collections",
        "ANSIBLE_LOCAL_TEMP": str(tmp_path_factory.mktemp("t")),
    }
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ | own) as process:

        def run(*arguments: object, output: Path) -> int:
            process.stdin.write(json.dumps([[str(a) for a in arguments], str(output)]) + "\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        yield run
        process.stdin.close()


@pytest.fixture
def play(api, program, tmp_path):
    return partial(played, program, api, tmp_path)


def played(program, api: FakeApi, folder: Path, *arguments: str, task: dict | None = None, **keywords) -> tuple[int, str]:
    """(exit code, output) of one play; twin has the same variables as one."""
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "api": api.url}
    hosts = {name: {**local, "oceans_llm_namespace": name if name == "two" else "one"} for name in HOSTS}
    bastion = {"ansible_connection": "ssh", "ansible_host": "192.0.2.1", "api": api.url}
    (folder / "hosts.json").write_text(json.dumps({"all": {"children": {"clusters": {"hosts": hosts}, "bastions": {"hosts": {"bastion": bastion}}}}}))
    text = [{"name": "Play", "hosts": "one,two", "gather_facts": False, "tasks": [{**TASK, **(task or {})}], **keywords}]
    (folder / "play.json").write_text(json.dumps(text))
    code = program("-i", folder / "hosts.json", folder / "play.json", *arguments, output=folder / "output")
    return code, re.sub(r"\s+", " ", (folder / "output").read_text())


def written(api: FakeApi) -> list[str]:
    return [path for method, path, _query, _body in api.seen if method == "PATCH"]


BOTH = [paths.secret("one", "s"), paths.secret("two", "s")]


def test_another_user_by_become_changes_nothing(api, play):
    """Whatever is wrong with that user, or with su: the tasks never ask for it."""
    code, _output = play(become=True, become_method="su", become_user="nobody")
    assert code == 0 and sorted(written(api)) == BOTH


def test_a_bastion_is_refused_before_anything_is_sent(api, play):
    code, output = play(task={"delegate_to": "bastion"})
    assert code and "bastion has the connection ssh; nothing was changed" in output and not api.seen


def test_back_from_a_bastion_to_this_machine(api, play):
    code, _output = play(hosts="bastion", vars={"oceans_llm_namespace": "one"}, task={"delegate_to": "localhost"})
    assert code == 0 and written(api) == BOTH[:1]


def test_run_once_where_the_hosts_are_different_clusters_is_refused(api, play):
    code, output = play(task={"run_once": True})
    assert code and "run_once would run this task for one only, but two of the same play has other oceans_llm_* variables" in output and not api.seen


def test_run_once_where_all_hosts_mean_the_same(api, play):
    code, _output = play(hosts="one,twin", task={"run_once": True})
    assert code == 0 and written(api) == BOTH[:1]


def test_one_after_the_other(api, play):
    code, _output = play(serial=1)
    assert code == 0 and written(api) == BOTH


def test_a_limit(api, play):
    code, _output = play("--limit", "two")
    assert code == 0 and written(api) == BOTH[1:]


def test_async_is_refused_before_anything_is_sent(api, play):
    code, output = play(task={"async": 60, "poll": 0})
    assert code and "does not support async" in output and not api.seen


@pytest.mark.parametrize("role", ["gateway", "upgrade"])
def test_a_variable_of_the_last_phase_is_refused_by_the_first_task(api, play, role):
    """Without preflight the first task is the one that writes the Secret."""
    given = {"oceans_llm_auth": {"host": "{{ api }}"}, "oceans_llm_timeout": 0, "oceans_llm_restore_point_volume": {"sise": 1}, "oceans_llm_verify": None}
    task = {"name": "All", "import_role": {"name": f"oceans.llm.{role}"}}
    code, output = play("--skip-tags", "preflight", hosts="one", vars=given, tasks=[task])
    assert code and "oceans_llm_restore_point_volume.sise" in output and "oceans_llm_timeout is 0" in output and not api.seen


def test_a_hint_names_the_inventory_and_the_host_of_the_run(api, play, tmp_path):
    """The command is pasted: for this host alone, although the inventory has others."""
    for plural in ("secrets", "deployments", "services", "configmaps", "jobs"):
        api.on("GET", paths.collection(plural, "two"), ok({"items": []}))
    purge = {"name": "Purge", "oceans.llm.purge": {"name": "r", "namespace": "two", "host": "{{ api }}"}}
    code, output = play("--limit", "two", tasks=[purge])
    assert code and f"deploy the release first: ansible-playbook -i {tmp_path}/hosts.json --limit two oceans.llm.deploy" in output.replace("- i", "-i")


def test_a_line_leaves_through_a_pipe_while_its_task_runs(api, program, tmp_path):
    """The API server does not answer the task's first request before the line was read; Ansible itself writes when its buffer is full, or at the end."""
    pipe, lines = tmp_path / "pipe", queue.SimpleQueue()
    os.mkfifo(pipe)
    (tmp_path / "output").touch()
    threading.Thread(target=lambda: [lines.put(line) for line in pipe.open()], daemon=True).start()

    def after_the_line(handler):
        while "WARNING SecretNotQuoted" not in lines.get(timeout=10):
            pass
        ok({"metadata": {"name": "one"}})(handler)

    api.script["GET", paths.namespace("one")] = [after_the_line]
    task = {"oceans.llm.secrets": {**TASK["oceans.llm.secrets"], "data": {"A": 12345678}}}
    code, _output = played(lambda *arguments, output: program(*arguments, output=pipe), api, tmp_path, hosts="one", task=task)
    assert code == 0 and written(api) == BOTH[:1]
