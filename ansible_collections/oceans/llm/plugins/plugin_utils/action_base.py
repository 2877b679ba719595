# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all action plugins of the collection share: arguments in, one call, a result out, never a traceback.

The plugins work in the controller's process and not as modules: the Kubernetes client is imported once, lines can be
printed while the task runs, and no code is copied anywhere (measured for 10 tasks on 10 hosts: 1.5 s against 27 s).
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

from ansible import constants
from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from .kube.client import ENVIRONMENT, Cluster, ClusterError, options
from .rollout import narrator
from .secrets.redact import Redactor

#: how to reach the cluster; names, aliases and types as in kubernetes.core (plugins/doc_fragments/auth.py documents them)
AUTH: dict[str, dict[str, Any]] = {
    "kubeconfig": {"type": "raw", "no_log": True},
    "context": {"type": "str"},
    "host": {"type": "str"},
    "api_key": {"type": "str", "no_log": True},
    "ca_cert": {"type": "path", "aliases": ["ssl_ca_cert"]},
    "client_cert": {"type": "path", "aliases": ["cert_file"]},
    "client_key": {"type": "path", "no_log": True, "aliases": ["key_file"]},
    "validate_certs": {"type": "bool", "aliases": ["verify_ssl"]},
}


class Refused(Exception):
    """The task cannot or must not go on; the text is one sentence for the user: what is wrong, evidence, what to type."""


class ClusterAction(ActionBase):
    """Override :attr:`ARGUMENTS` and :meth:`act`."""

    #: argument spec as of a module; :data:`AUTH` is added
    ARGUMENTS: dict[str, Any] = {}
    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False
    _supports_diff = True

    def act(self, args: dict[str, Any], cluster: Cluster) -> dict[str, Any]:
        """Do it; returns the task's result (`changed` and more).

        :raises Refused: with a sentence, when it cannot be done.
        """
        raise NotImplementedError

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        self.task_vars: dict[str, Any] = task_vars or {}
        self.redactor = Redactor()
        with temporary_files():
            return result | self._clean(self._guarded())

    def _guarded(self) -> dict[str, Any]:
        """Whatever happens, a result with a sentence."""
        name = self._task.resolved_action or self._task.action
        try:
            args = self._arguments()
            return self.act(args, self.connect(args))
        except (Refused, ClusterError) as refused:  # ApiError is a ClusterError
            return {"failed": True, "changed": False, "msg": str(refused)}
        except AnsibleError:
            raise  # Ansible's own errors have their own words and places
        except Exception as error:
            return {
                "failed": True,
                "changed": False,
                "msg": f"{name} broke down: {type(error).__name__}: {error}; this is a defect of the collection, -vvv shows where; nothing more was done",
                "where": _where(error),
            }

    def connect(self, args: dict[str, Any]) -> Cluster:
        """The cluster that the task is about."""
        return Cluster.connect(self.auth(args))

    def auth(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """The auth options that are set, for kubernetes.core, Helm and :meth:`Cluster.connect`.

        Variables of the keyword `environment` count like those of the process: that keyword reaches modules only, and a K8S_AUTH_*
        in it must not mean one cluster to kubernetes.core and another one to this collection.
        """
        given = {name: args[name] for name in AUTH if args.get(name) not in (None, "")}
        environment: dict[str, Any] = {}
        self._compute_environment_string(environment)
        around = {name: plain(environment[variable]) for name, variable in ENVIRONMENT.items() if environment.get(variable) not in (None, "")}
        found = around | given
        if environment.get("KUBECONFIG") and not {"kubeconfig", "host"} & set(options(found)):
            found["kubeconfig"] = plain(environment["KUBECONFIG"])
        return found

    def say(self, line: str) -> None:
        """One live line on the screen, the host's name in front."""
        text = self.redactor(line) if getattr(self, "redactor", None) else line
        # Ansible itself leaves the colour out where there is no terminal, or where the user wants none
        tone = narrator.tone(text)
        Display().display(f"[{self.host}] {text}", color=getattr(constants, f"COLOR_{tone.upper()}") if tone else None)

    @property
    def host(self) -> str:
        """The inventory's name of the cluster."""
        return str(self.task_vars.get("inventory_hostname") or "localhost")

    @property
    def diff_wanted(self) -> bool:
        return bool(self._task.diff)

    def _arguments(self) -> dict[str, Any]:
        spec = {**self.ARGUMENTS, **AUTH}
        checked = ArgumentSpecValidator(spec).validate(plain(self._task.args))
        if checked.error_messages:
            known = ", ".join(sorted(spec))
            raise Refused(f"{self._task.action}: {'; '.join(checked.error_messages)} (options: {known})")
        return dict(plain(checked.validated_parameters))

    def _clean(self, result: dict[str, Any]) -> dict[str, Any]:
        return dict(self.redactor.deep(result))


@contextlib.contextmanager
def temporary_files() -> Iterator[None]:
    """All temporary files go to Ansible's own folder, which it removes at the end of the run, whatever became of the task.

    The Kubernetes client writes the key of a kubeconfig into a file and removes it when the interpreter exits in the ordinary way; a
    process that Ansible forked for a task never does.
    """
    before, tempfile.tempdir = tempfile.tempdir, constants.DEFAULT_LOCAL_TMP
    try:
        yield
    finally:
        tempfile.tempdir = before


def plain(data: Any) -> Any:
    """A copy made of Python's own types: Ansible's templated values are subclasses that PyYAML refuses to write."""
    if isinstance(data, bool) or data is None:
        return data
    if isinstance(data, str):
        return str.__str__(data)
    if isinstance(data, int):
        return int(data)
    if isinstance(data, float):
        return float(data)
    if isinstance(data, Mapping):
        return {plain(key): plain(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [plain(value) for value in data]
    return data


def _where(error: BaseException) -> str:
    """`file:line` of the innermost frame, for a report of a defect."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
