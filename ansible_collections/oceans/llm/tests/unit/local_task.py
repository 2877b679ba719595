# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task of Ansible's own parts: real connection, shell, templar and module loader, so that an action plugin can start modules.

And a helm program that answers what kubernetes.core.helm asks, and notes what it was given.
"""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path
from typing import Any

import ansible.plugins.loader as shared
from ansible import context
from ansible.module_utils.common.collections import ImmutableDict
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.loader import become_loader, connection_loader, init_plugin_loader
from ansible.template import Templar

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
COLLECTIONS = Path(__file__).resolve().parents[5] / ".testbed/collections"

# Ansible's finder cannot import from our collection as pytest has found it: everything that a test may want is imported before
for _file in (COLLECTIONS.parents[1] / "ansible_collections/oceans/llm/plugins").glob("[am][co][td]*/*.py"):
    importlib.import_module(f"ansible_collections.oceans.llm.plugins.{_file.parent.name}.{_file.stem}")

#: it imports only what a command needs: each import of a large module takes as long as all the rest
HELM = f"""#!{sys.executable} -IS
import os, sys, time
class Folder(str):
    def __truediv__(self, name): return Folder(self + "/" + name)
    def exists(self): return os.path.exists(self)
    def touch(self): open(self, "a").close()
    def unlink(self): os.unlink(self)
    def read_text(self):
        with open(self) as file: return file.read()
    def write_text(self, text):
        with open(self, "w") as file: file.write(text)
home = Folder({{home!r}})
argv = sys.argv[1:]
env = {{k: v for k, v in os.environ.items() if k.startswith(("HELM_", "KUBE", "HTTP", "AWS", "NO_PROXY"))}}
with open(home / "calls", "a") as file:
    file.write(repr({{"argv": argv, "pid": os.getpid(), "cwd": os.getcwd(), "env": env}}) + "\\n")
script = home / ("_".join(a for a in argv[:2] if not a.startswith("-")) + ".py")
plain = home / (argv[0] + ".py")
if script.exists() or plain.exists():
    exec((script if script.exists() else plain).read_text())
elif argv[0] == "version":
    print('version.BuildInfo{{Version:"v4.2.4", GitCommit:"x", GitTreeState:"clean", GoVersion:"go1"}}')
elif argv[0] == "list":
    print("[]")
elif argv[:2] == ["show", "chart"]:
    print("name: oceans-llm\\nversion: 0.1.0\\nappVersion: v0.24.0")
elif argv[:2] == ["plugin", "list"]:
    print("NAME\\tVERSION\\tDESCRIPTION")
elif argv[:2] == ["get", "values"]:
    print("{{}}")
"""


def telling(url: str) -> str:
    """A function of the helm program's script: tell(WHAT) asks the fake API server for /fake/WHAT."""
    host, port = url.removeprefix("http://").split(":")
    return f"""
import _socket
def tell(what):
    server = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    server.connect(({host!r}, {port}))
    server.sendall(b"POST /fake/" + what.encode() + b" HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n")
    while server.recv(4096): pass
    server.close()
"""


class FakeHelm:
    """A program; `says` scripts one of its commands in Python (`argv`, `home` and `os, sys, time` are at hand)."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.program = home / "helm-real"
        self.program.write_text(HELM.replace("{home!r}", repr(str(home))).replace("{{", "{").replace("}}", "}"))
        self.program.chmod(0o755)

    def says(self, command: str, script: str) -> None:
        (self.home / f"{command.replace(' ', '_')}.py").write_text(script)

    def calls(self, command: str = "") -> list[dict[str, Any]]:
        """What it was called with so far."""
        try:
            lines = (self.home / "calls").read_text().splitlines()
        except FileNotFoundError:
            return []
        return [c for c in map(ast.literal_eval, lines) if command in (c["argv"][0], "")]


def action_of(plugin: type, args: dict[str, Any], *, become: str = "", environment: list[dict[str, str]] | None = None, check: bool = False) -> Any:
    """An action plugin as a worker of Ansible makes it, with a local connection; `become`: a program in front of the command, as sudo would be."""
    context.CLIARGS = ImmutableDict(check=check, diff=False, verbosity=0)
    if not getattr(action_of, "ready", False):
        for path in (PLUGINS / kind for kind in ("action", "modules")):  # Ansible's finder does not find them any more beside pytest's
            for file in path.glob("[a-z]*.py"):
                importlib.import_module(f"ansible_collections.oceans.llm.plugins.{path.name}.{file.stem}")
        for name in [name for name in sys.modules if name.startswith("ansible_collections.kubernetes")]:
            del sys.modules[name]  # another test has imported it without Ansible's finder, which knows no collection then
        init_plugin_loader([str(COLLECTIONS)])
        action_of.ready = True  # type: ignore[attr-defined]
    task = Task.load({"name": "x", "action": "ansible.builtin.ping"})
    task.args, task.environment, task.check_mode, task.diff, task.async_val = args, environment or [], check, False, 0
    task.action = f"oceans.llm.{plugin.__module__.rsplit('.', 1)[-1]}"
    play = PlayContext()
    connection = connection_loader.get("ansible.builtin.local", play, task_uuid=str(task._uuid))
    connection.set_options()
    if become:
        method = become_loader.get("ansible.builtin.sudo")
        method.set_options(direct={"become_exe": become, "become_user": "somebody", "become_flags": ""})
        connection.set_become_plugin(method)
    loader = DataLoader()
    return plugin(task, connection, play, loader, Templar(loader=loader), shared)
