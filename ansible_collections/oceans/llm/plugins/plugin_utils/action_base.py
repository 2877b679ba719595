# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all action plugins of the collection share: arguments in, one call, a result out, never a traceback.

The plugins work in the controller's process and not as modules: the Kubernetes client is imported once, lines can be
printed while the task runs, and no code is copied anywhere (measured for 10 tasks on 10 hosts: 1.5 s against 27 s).
"""

from __future__ import annotations

import contextlib
import copy
import datetime
import gc
import importlib
import io
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible import constants
from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.yaml import yaml_load
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import filter_loader
from ansible.utils.collection_loader import AnsibleCollectionConfig
from ansible.utils.display import Display

from ..doc_fragments.auth import ModuleDocFragment
from . import playbooks
from .codes import BY_CODE
from .gateway.variables import WrongVariable, options, variable
from .helm.cli import refuse_driver
from .kube import defects, refusals
from .kube.auth import CORE, PREFIX, Way, resolve
from .kube.client import ApiError, Cluster
from .kube.common import Common
from .kube.refused import Refused
from .rollout import narrator
from .rollout.interrupt import Interrupt
from .secrets import identity
from .secrets.redact import Redactor

#: callbacks whose standard output is text for people; of any other one it may be read by a program (JSON, JUnit …)
TEXT_CALLBACKS = ("default", "minimal", "oneline", "debug", "skippy", "yaml", "dense", "unixy", "diy", "default_without_diff", "selective", "awx_display")


def told(error: Refused) -> str:
    """The sentence of a refusal. The API server's own, of a missing permission, says neither what became of the task nor what to do."""
    if isinstance(error, ApiError) and refusals.classify(str(error)).kind == refusals.FORBIDDEN:
        return (
            f"{error}; the task stopped at this request, and what it changed before remains changed — {BY_CODE['NotAllowed'].hint}, then run the playbook again"
        )
    return str(error)


def documented(module: str) -> dict[str, Any]:
    """The argument spec of a module, read from its documentation and from the fragments that it names, without :data:`AUTH`."""
    page = yaml_load(importlib.import_module(f"ansible_collections.oceans.llm.plugins.modules.{module}").DOCUMENTATION)
    found: dict[str, Any] = {}
    for slug in page.get("extends_documentation_fragment") or ():
        name, _dot, part = slug.removeprefix("oceans.llm.").partition(".")
        if name != "auth":
            fragment = importlib.import_module(f"ansible_collections.oceans.llm.plugins.doc_fragments.{name}").ModuleDocFragment
            found |= _spec(yaml_load(getattr(fragment, part.upper() or "DOCUMENTATION"))["options"])
    return found | _spec(page.get("options") or {})


def _spec(options: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("type", "elements", "default", "required", "choices", "aliases")
    found = {name: {key: option[key] for key in kept if key in option} for name, option in options.items()}
    for name, option in options.items():
        if option.get("suboptions"):
            found[name]["options"] = _spec(option["suboptions"])
    return found


#: how to reach the cluster; names, aliases and types as in kubernetes.core
AUTH: dict[str, dict[str, Any]] = _spec(yaml_load(ModuleDocFragment.DOCUMENTATION)["options"])


#: not looked at by every task: their values may come from lookups that take long, and preflight and the role secrets read them before a write
LEFT_TO_THEIR_TASK = {"oceans_llm_secrets", "oceans_llm_values", "oceans_llm_config", "oceans_llm_external_secrets", "oceans_llm_cloudnativepg"}

#: of the roles' variables; the first of Ansible's own brings all of those
FILTERS = ("oceans.llm.variable", "oceans.llm.chart_values", "combine")

#: Ansible's types of a text that is still encrypted; str() decrypts
VAULTED = ("EncryptedString", "AnsibleVaultEncryptedUnicode")


class ClusterAction(ActionBase):
    """Override :attr:`ARGUMENTS` and :meth:`act`."""

    #: argument spec of the module of the same name (:func:`documented`); :data:`AUTH` is added
    ARGUMENTS: dict[str, Any] = {}
    #: says its result itself
    TELLS = False
    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False
    _supports_diff = True

    def __init_subclass__(cls, **more: Any) -> None:
        """An action plugin is imported before Ansible forks for its task: what each task would load is loaded here, once. The processes share this
        memory, and the end of the run does not go through all of it once more (Python documentation, gc.freeze)."""
        super().__init_subclass__(**more)
        if AnsibleCollectionConfig.collection_finder:  # a test may want other filters
            with contextlib.suppress(Exception):  # told by the task that needs them
                for name in FILTERS:
                    filter_loader.get(name)
                importlib.import_module(CORE)
        gc.freeze()

    def act(self, args: dict[str, Any], cluster: Cluster) -> dict[str, Any]:
        """Do it; returns the task's result (`changed` and more).

        :raises Refused: with a sentence, when it cannot be done.
        """
        raise NotImplementedError

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        self.task_vars: dict[str, Any] = task_vars or {}
        self.redactor = Redactor()
        playbooks.begin(self.host, self.task_vars)
        self._way: Way | None = None
        #: set while signals are held back; Ansible shows no line of a worker after one
        self.interrupt: Interrupt | None = None
        with temporary_files(), surroundings(self._task_environment()):
            result |= self._clean(self._guarded())
            if self._task.check_mode and not self.TELLS and "would " in str(result.get("msg")) and not result.get("failed"):
                self.say(result["msg"])  # a prediction: Ansible shows `msg` with -v only
            return result

    def _guarded(self) -> dict[str, Any]:
        """Whatever happens, a result with a sentence."""
        name = self._task.resolved_action or self._task.action
        try:
            args = self._arguments()
            self._variables()
            self._here()
            self._every_host()
            refuse_driver()
            return self.act(args, self.connect(args))
        except Refused as refused:
            return {"failed": True, "changed": False, "msg": told(refused)}
        except AnsibleError:
            raise  # Ansible's own errors have their own words and places
        except Exception as error:
            return {
                "failed": True,
                "changed": False,
                "msg": (
                    f"{name} failed because of a defect of the collection: {type(error).__name__}: {error}; this "
                    f"task did nothing more — please report the defect with the output of ansible-playbook -vvv"
                ),
                "where": defects.where(error),
            }

    def _variables(self) -> None:
        """All variables of the roles, whichever task uses them: the first task refuses what a later one could not use."""
        wrong = []
        for name in sorted(set(options()) & set(self.task_vars) - LEFT_TO_THEIR_TASK):
            try:
                variable(self._templar.template(self.task_vars[name]), name)
            except WrongVariable as error:
                wrong.append(str(error))
        if wrong:
            raise Refused(f"{'; '.join(wrong)}; this task changed nothing")

    def _here(self) -> None:
        """The plugins work in Ansible's own process. Behind another connection they would act with another user, network and kubeconfig."""
        transport = self._connection.transport
        if transport != "local":
            host = self._task.delegate_to or self.host
            raise Refused(
                f"this task has to run on the Ansible controller, but {host} has the connection {transport}; nothing was changed — "
                "set ansible_connection: local for that host, or delegate_to: localhost for the task"
            )

    def _every_host(self) -> None:
        """`run_once` is fine where the hosts are no clusters, and all would do the same. Where they differ, all but one would be left out and green."""
        hosts = [str(host) for host in self.task_vars.get("ansible_play_hosts_all") or ()]
        if not getattr(self._task, "run_once", False) or len(hosts) < 2:
            return
        of_host = {host: {n: v for n, v in self.task_vars["hostvars"].raw_get(host).items() if n.startswith("oceans_llm_")} for host in hosts}
        others = [host for host in hosts if of_host[host] != of_host.get(self.host)]
        if others:
            raise Refused(
                f"run_once would run this task for {self.host} only, but {', '.join(others)} of the same play has other oceans_llm_* variables; nothing was "
                "changed — remove run_once, because each host represents a cluster (to run host after host, set serial: 1)"
            )

    def connect(self, args: dict[str, Any]) -> Cluster:
        """The cluster that the task is about, once it is known to be the right one."""
        cluster = Cluster.connect(self.auth(args))
        cluster.common = Common(args["common_labels"], args["common_annotations"])
        self.identify(args, cluster)
        return cluster

    def identify(self, args: Mapping[str, Any], cluster: Cluster) -> None:
        """:raises ClusterError: when it is another cluster than the release's, or another host's of the same play."""
        release = args.get("release") if "release" in args else args.get("name")
        if release and args.get("namespace"):
            hosts = [str(host) for host in self.task_vars.get("ansible_play_hosts_all") or () if host != self.host]
            identity.check(cluster, args["namespace"], release, str(args.get("cluster_uid") or ""), self.host, hosts, constants.DEFAULT_LOCAL_TMP)

    def auth(self, args: Mapping[str, Any]) -> Way:
        """The way to the cluster, for Helm and :meth:`Cluster.connect`. Worked out once; after that K8S_AUTH_* means nothing to anybody in this task."""
        if self._way is None:
            self._way = resolve({name: args[name] for name in AUTH if name in args})
            self.redactor.learn(self._way.secrets)
            for name in [name for name in os.environ if name.startswith(PREFIX)]:
                del os.environ[name]
        return self._way

    def through(
        self, plugin: type[ClusterAction], arguments: Mapping[str, Any], cluster: Cluster, *, check: bool, say: Callable[[str], None] | None = None
    ) -> dict[str, Any]:
        """The result of another action of the collection as a part of this task: the same way to the cluster, secrets to hide, lines on the screen."""
        task = copy.copy(self._task)
        task.args, task.check_mode, task.action = dict(arguments), check, f"oceans.llm.{plugin.__module__.rsplit('.', 1)[-1]}"
        part = plugin(task, self._connection, self._play_context, self._loader, self._templar, self._shared_loader_obj)
        part.task_vars, part.redactor, part._way = self.task_vars, self.redactor, self._way
        part.say = say or self.say  # type: ignore[method-assign,assignment]
        return part.act(part._arguments(), cluster)

    def _task_environment(self) -> dict[str, str]:
        """The keyword `environment` of task, block and play: it counts like variables of the process, here as for modules."""
        found: dict[str, Any] = {}
        if self._task.environment:
            self._compute_environment_string(found)
        return {str(name): str(plain(value)) for name, value in found.items() if value is not None}

    def say(self, line: str) -> None:
        """One live line on the screen, the host's name in front; none for a task with no_log."""
        if self.silent:
            return
        text = f"[{self.host}] {self.redactor(line) if getattr(self, 'redactor', None) else line}"
        if self.interrupt:
            self.interrupt.last_words(text, self.show)
        else:
            self.show(text)

    @staticmethod
    def show(text: str) -> None:
        """One line on Ansible's screen."""
        # Ansible itself leaves the colour out where there is no terminal, or where the user wants none
        tone = narrator.tone(text.partition("] ")[2])
        color = getattr(constants, f"COLOR_{tone.upper()}") if tone else None
        Display().display(text, color=color, stderr=not for_people())

    @property
    def host(self) -> str:
        """The inventory's name of the cluster."""
        return str(self.task_vars.get("inventory_hostname") or "localhost")

    @property
    def diff_wanted(self) -> bool:
        return bool(self._task.diff)

    @property
    def silent(self) -> bool:
        return bool(getattr(self._task, "no_log", False))

    @property
    def verbose(self) -> bool:
        return bool(Display().verbosity)

    def _arguments(self) -> dict[str, Any]:
        spec = copy.deepcopy({**self.ARGUMENTS, **AUTH})  # the validator fills defaults in, in place
        checked = ArgumentSpecValidator(spec).validate({name: value for name, value in plain(self._task.args).items() if value is not None})
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


@contextlib.contextmanager
def surroundings(environment: Mapping[str, str]) -> Iterator[None]:
    """This process with further environment variables, for programs that print credentials, proxies and Helm; as it was before, afterwards.

    Ansible has a process for each task and host, so no other task sees them.
    """
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def line_by_line() -> None:
    """Have Ansible write each line at once where its standard output is a pipe or a file (CI systems, tee). Otherwise, the lines of a rollout appear
    when the task has ended.

    A reader that closes the pipe (head) misses lines; without the second half, the thread that shows them would end, and Ansible would wait for it.
    """
    screen = sys.stdout
    if not isinstance(screen, io.TextIOWrapper) or screen.line_buffering or screen.write_through:
        return
    flush = screen.buffer.flush

    def with_or_without_reader() -> None:
        with contextlib.suppress(BrokenPipeError):
            flush()

    screen.buffer.flush = with_or_without_reader
    screen.reconfigure(line_buffering=True)


line_by_line()  # here, because Ansible's own process imports an action plugin before it forks the worker


def for_people() -> bool:
    """True when standard output is text; a line of ours between the JSON of a callback would break what reads it."""
    return str(constants.DEFAULT_STDOUT_CALLBACK).rsplit(".", 1)[-1] in TEXT_CALLBACKS


def plain(data: Any) -> Any:
    """A copy made of types that JSON has: Ansible's templated values are subclasses of Python's, and YAML makes dates, sets and bytes.

    A date is what was written, as Helm would read it: `2024-10-21`.
    """
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
    if isinstance(data, (set, frozenset)):
        return sorted((plain(value) for value in data), key=str)
    if isinstance(data, (list, tuple)):
        return [plain(value) for value in data]
    if isinstance(data, (datetime.date, datetime.time)):  # a datetime is a date
        return data.isoformat().replace("+00:00", "Z")
    if isinstance(data, (bytes, bytearray)):
        return bytes(data).decode("utf-8", "surrogateescape")
    return str(data) if type(data).__name__ in VAULTED else data
