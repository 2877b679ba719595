# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers that ended: of Deployments, init containers and sidecars too; jobs.py uses the same reading for Jobs.

One exit proves nothing (a container may crash once and then be well), unless the program's own words, the kernel or the
runtime say that the next one will end the same way. Two exits of the same kind do; the first restart comes at once, so
that is a matter of seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ...codes import FATAL, RETRYABLE
from ...gateway import log_words
from ...gateway.innermost import innermost
from ...kube.objects import Object, about_container, container_spec, containers, epoch, is_ready, name_of, ref, terminated, waiting
from ..model import Cause, Snapshot, events_of, starting
from . import config, origin, probes
from .cause import cause, rule

#: exit codes of signals that a program brings upon itself: SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV
SIGNALS = {132: "SIGILL", 134: "SIGABRT", 135: "SIGBUS", 136: "SIGFPE", 139: "SIGSEGV"}
#: other signals of Linux that end a program; exit code = 128 + number
ENDING = {129: "SIGHUP", 130: "SIGINT", 131: "SIGQUIT", 133: "SIGTRAP", 138: "SIGUSR1", 140: "SIGUSR2", 141: "SIGPIPE", 142: "SIGALRM", 152: "SIGXCPU"}
ENDING |= {144: "SIGSTKFLT", 153: "SIGXFSZ", 154: "SIGVTALRM", 155: "SIGPROF", 157: "SIGIO", 158: "SIGPWR"}
START_FAILURES = ("StartError", "ContainerCannotRun", "RunContainerError")
#: words of the container runtime: before the program ran
RUNTIME = re.compile(r"OCI runtime|exec:? \"")
#: of them, those about a volume: the text of a wrong command ends in the same way
MOUNTING = re.compile(r"error mounting \"(?:[^\"]*/volume-subpaths/(?P<volume>[^/\"]+)/)?[^\"]*\"(?: to rootfs at \"(?P<path>[^\"]+)\")?|volume-subpaths")
#: paths that the container runtime itself mounts
OF_KERNEL = re.compile(r"/(?:proc|sys)(?:/|$)")
#: the last line of a program that its image cannot run, of one without memory (Rust), and of one without threads
LOADER = re.compile(
    r"error while loading shared libraries: |Error loading shared library |version `[\w.]+' not found"
    r"|^exec \S+: (?:no such file or directory|operation not permitted|permission denied)"
)
LOADER_CURE = "use an image whose base has the libraries and the interpreter that the program needs; the gateway's own image needs no command"
LOADER_RIGHTS = "correct the rights of the program in the image, and securityContext (such as capabilities) of the container"
#: what other exit codes mean, whose signal somebody else sent
KILLED = {
    137: "it was killed (SIGKILL), for example because the node had no memory left",
    143: "it was stopped by SIGTERM",
    159: "it was killed by SIGSYS: the seccomp profile forbids a system call of the program",
}
NO_MEMORY = re.compile(r"memory allocation of \d+ bytes failed")
NO_THREADS = re.compile(r"Resource temporarily unavailable \(os error 11\)|can't spawn worker thread|failed to spawn thread")
OTHER_CPU = "the program in the image is built for a CPU architecture that the node does not have"
#: characters of a last line that a sentence bears
SAID = 300
#: a run that lasted longer than this did not fail at its start (seconds)
LONG_RUN = 60.0
#: exits that prove a loop: with the same code, or any
EXITS_ALIKE, EXITS_ANY = 2, 3
#: causes that say nothing without the address of the database
ADDRESS = ("DatabaseUnreachable", "DatabaseUrlInvalid", "DatabaseHostUnknown", "DatabaseNotPostgres", "DatabaseMissing", "DatabaseTls")


@rule(180)
def crashes(snapshot: Snapshot) -> Iterator[Cause]:
    """Pods of Deployments."""
    for kind, _owner, pod in starting(snapshot):
        if kind != "Deployment" or is_ready(pod):
            continue
        for status, init in containers(pod):
            found = of_container(snapshot, pod, status, init)
            if found:
                yield found


def of_container(snapshot: Snapshot, pod: Object, status: Object, init: bool) -> Cause | None:
    """Why this container ended, if it did and is not well again."""
    sidecar = init and container_spec(pod, status["name"]).get("restartPolicy") == "Always"
    end = terminated(status)
    if not end:
        return _cannot_start(snapshot, pod, status)
    if status.get("ready") or (end.get("exitCode") == 0 and init and not sidecar):
        return None
    exits, where = exits_of(status), ref(pod)
    running = "running" in (status.get("state") or {})
    if end.get("exitCode") == 0 and not end.get("signal") and not killed_by(snapshot, pod, status["name"]):
        sure = FATAL if exits >= EXITS_ALIKE and not running else RETRYABLE
        what, evidence = f"the container exited with code 0{times(exits)}, but has to keep running", _log(snapshot, pod, status["name"]) or "exit code 0"
        return cause("ContainerEnded", snapshot, where, what, evidence, since=epoch(end.get("finishedAt")), container=status["name"], certainty=sure)
    found = of_end(snapshot, pod, status["name"], end, exits)
    if running and found.certainty is FATAL and found.code in ("CrashLoop", "LivenessProbeFailed"):
        # it is trying again at this moment: it may be well this time
        return cause("ContainerExited", snapshot, where, found.cause, found.evidence, since=found.since, container=status["name"])
    return found


def exits_of(status: Object) -> int:
    """How often a container has ended so far."""
    running = "running" in (status.get("state") or {})
    return int(status.get("restartCount") or 0) + (0 if running else 1)


def of_end(snapshot: Snapshot, pod: Object, name: str, end: Object, exits: int) -> Cause:
    """The cause that one end of a container means. `exits`: how often it has ended like this."""
    where, begun = ref(pod), epoch(end.get("finishedAt"))
    code, reason, message = int(end.get("exitCode") or 0), end.get("reason") or "", end.get("message") or ""
    ran = max(0.0, begun - epoch(end.get("startedAt"))) if end.get("startedAt") else 0.0
    log = _log(snapshot, pod, name) or ("" if RUNTIME.search(message) else log_words.last_line(message))  # terminationMessagePolicy
    if reason == "OOMKilled":
        return _oom(snapshot, pod, name, begun, ran, exits)
    if reason in START_FAILURES or (code in (126, 127, 128) and RUNTIME.search(message)):
        return _not_started(snapshot, where, name, message or log, begun)
    if "exec format error" in f"{message} {log}":
        return cause("ExecFormat", snapshot, where, OTHER_CPU, "exec format error", since=begun, container=name)
    probe = killed_by(snapshot, pod, name)
    if probe and code in (0, 137, 143):  # a program that ends in good order on SIGTERM has exit code 0
        return _probe(snapshot, where, name, probe, begun, exits)
    if reason == "ContainerStatusUnknown":
        what = "the node lost the container, and the kubelet starts the container again"
        return cause("ContainerExited", snapshot, where, what, f"{reason} exit code {code}", since=begun, container=name)
    text = snapshot.logs.get((name_of(pod), name), "") or message
    words = log_words.parse(text) or log_words.in_use(text)
    if words:
        return _of_words(snapshot, pod, name, words, code, begun, exits)
    if code and LOADER.search(log):
        what = f"the program cannot be started: {log}"
        hint = LOADER_RIGHTS if log.endswith(("permitted", "denied")) else LOADER_CURE
        return cause("CannotStart", snapshot, where, what, log, since=begun, container=name, hint=hint)
    if code == 134 and NO_MEMORY.search(log):
        limit = ((container_spec(pod, name).get("resources") or {}).get("limits") or {}).get("memory") or "the current value"
        what = f"the program ended, because it could not allocate memory{times(exits)}"
        return cause("OOMKilled", snapshot, where, what, log, since=begun, container=name, certainty=RETRYABLE, budget=90, limit=limit)
    if code in SIGNALS and ran < LONG_RUN:
        what = f"the program was killed by {SIGNALS[code]} (exit code {code}) after {ran:.0f} s{f': {log}' if log else ''}"
        return cause("Segfault", snapshot, where, what, log or message or f"exit code {code}", since=begun, container=name)
    what = f"the container ended with exit code {code} after {ran:.0f} s{times(exits)}"
    if code in KILLED or code in ENDING:
        what += f"; exit code {code} means that {KILLED.get(code) or f'it was ended by {ENDING[code]}'}"
    what += "; the container cannot start more threads or processes (limit of process ids)" if NO_THREADS.search(log) else ""
    what += f": {said}" if (said := (log or innermost(message))[:SAID]) and len(log) <= SAID else ""
    evidence = log or message or f"exit code {code}, and the log is empty"
    if exits >= EXITS_ALIKE and ran < LONG_RUN or exits >= EXITS_ANY:
        return cause("CrashLoop", snapshot, where, what, evidence, since=begun, container=name)
    return cause("ContainerExited", snapshot, where, what, evidence, since=begun, container=name)


def times(exits: int) -> str:
    return f", {exits} times" if exits > 1 else ""


def _log(snapshot: Snapshot, pod: Object, name: str) -> str:
    return log_words.last_line(snapshot.logs.get((name_of(pod), name), ""))


def _of_words(snapshot: Snapshot, pod: Object, name: str, words: log_words.Failure, code: int, begun: float, exits: int) -> Cause:
    """The program said why. What passes is given its time, what does not is certain at the first exit."""
    sure = FATAL if words.certain else RETRYABLE
    if words.code == "ListenFailed" and exits < EXITS_ALIKE:
        sure = RETRYABLE  # an old holder of the port may be on its way out
    if words.code in ("DatabaseReadOnly", "DatabaseHostUnknown") and snapshot.scope.has_cluster:
        sure = RETRYABLE  # the primary moves, or the Service of the cluster is being made
    budget = 150.0 if sure is RETRYABLE and words.certain else None
    what, names = f"{words.what} (exit code {code}{times(exits)}){_more(snapshot, pod, name, words)}", named(snapshot, pod, name, words)
    return cause(words.code, snapshot, ref(pod), what, words.evidence, since=begun, container=name, certainty=sure, budget=budget, **names)


def named(snapshot: Snapshot, pod: Object, name: str, words: log_words.Failure) -> dict[str, Any]:
    """What the hint of a program's own words may name."""
    place = re.split(r" \((?:host|set by) |; ", origin.database_url(snapshot, pod, name)[1])[0]  # without the host, and without the value that it overrides
    return {"source": place, **words.names}


#: causes that a wrong value of the database's variable may have
ABOUT_THE_URL = (*ADDRESS, "DatabaseAuth", "DatabaseReadOnly", "DatabaseForeign")


def _more(snapshot: Snapshot, pod: Object, name: str, words: log_words.Failure) -> str:
    """What the program cannot know, and the picture shows."""
    if words.code == "GatewayVariableMissing":
        given = origin.variable(snapshot, pod, name, words.names["variable"])
        return f"; nothing sets {words.names['variable']}" if given == "no source" else f"; the source of the variable is {given}"
    if words.code in ABOUT_THE_URL:
        return about_the_database(snapshot, pod, name, words.code)
    if words.code == "ListenFailed":
        others = [c for c in (pod.get("spec") or {}).get("containers") or () if c.get("name") != name]
        natives = [c for c in (pod.get("spec") or {}).get("initContainers") or () if c.get("restartPolicy") == "Always"]
        others = [*others, *natives]
        declared = [str(c.get("name")) for c in others if any(str(p.get("containerPort")) == words.names["port"] for p in c.get("ports") or ())]
        if declared:
            return f"; container {declared[0]} declares port {words.names['port']}"
        return f"; other containers of the pod: {', '.join(str(c.get('name')) for c in others)}" if others else ""
    return ""


def about_the_database(snapshot: Snapshot, pod: Object, name: str, code: str) -> str:
    """Its address, where the pod's variable comes from, and an entry of hostAliases that leads elsewhere."""
    variable, source = origin.database_url(snapshot, pod, name)
    known = "" if origin.PLAIN in source or code not in ADDRESS else known_of_database(snapshot)  # the address is that of the Secret
    aliases = origin.host_aliases(snapshot, pod) if code in ADDRESS else ""
    return known + (f"; {variable} comes from {source}" if variable else "") + (f"; {aliases}" if aliases else "")


def known_of_database(snapshot: Snapshot) -> str:
    """What was found out about its address (database.py), to be appended to a sentence."""
    known = snapshot.kind("Facts").get("database", {})
    text = known.get("sentence") or known.get("address") or ""
    return f": {text}" if text else ""


def _oom(snapshot: Snapshot, pod: Object, name: str, begun: float, ran: float, exits: int) -> Cause:
    limit = ((container_spec(pod, name).get("resources") or {}).get("limits") or {}).get("memory") or ""
    sure = FATAL if ran < LONG_RUN or exits >= EXITS_ALIKE else RETRYABLE
    what = f"the container used more memory than {f'its limit of {limit}' if limit else 'the node has (no limit is set)'}, after {ran:.0f} s{times(exits)}"
    changed = origin.changed_resources(snapshot, pod, name)
    what += f"; {changed}" if changed else origin.limit_range(pod, name)
    return cause("OOMKilled", snapshot, ref(pod), what, "OOMKilled", since=begun, container=name, certainty=sure, budget=90, limit=limit or "the current value")


def _cannot_start(snapshot: Snapshot, pod: Object, status: Object) -> Cause | None:
    """RunContainerError: the runtime refuses the command; there is no end yet in the status."""
    state = waiting(status)
    if state.get("reason") not in START_FAILURES:
        return None
    return _not_started(snapshot, ref(pod), status["name"], state.get("message") or "", snapshot.now)


def _not_started(snapshot: Snapshot, where: str, name: str, message: str, begun: float) -> Cause:
    if "exec format error" in message:
        return cause("ExecFormat", snapshot, where, OTHER_CPU, message, since=begun, container=name)
    if config.TOO_LITTLE.search(message):
        limits = (container_spec(snapshot.kind("Pod").get(where.partition("/")[2]) or {}, name).get("resources") or {}).get("limits") or {}
        limit = limits.get("memory") or "the current value"
        what = f"the memory limit of {limit} of the container is too low for any process to start"
        return cause("OOMKilled", snapshot, where, what, message, since=begun, container=name, limit=limit)
    mount = MOUNTING.search(message)
    if mount and not OF_KERNEL.match(mount["path"] or ""):
        what = f"volume {mount['volume']}" if mount["volume"] else "a volume"
        at = f" at {mount['path']}" if mount["path"] else ""
        return cause("MountFailed", snapshot, where, f"{what} cannot be mounted into the container{at}", message, since=begun, container=name)
    known = re.search(r"executable file not found|exec:? \"[^\"]*\": .*?(no such file or directory|permission denied|not a directory)", message)
    if known and not re.search(r"chdir to cwd|apparmor_parser| hook", message):
        what = f"the container's command cannot be started: {known.group(1) or known.group(0)}"
        return cause("CannotStart", snapshot, where, what, message, since=begun, container=name)
    why, hint = config.of_runtime(snapshot, snapshot.kind("Pod").get(where.partition("/")[2]) or {}, name, message)
    what = f"the container runtime cannot start the container: {why}"
    return cause("CannotStart", snapshot, where, what, message, since=begun, container=name, certainty=RETRYABLE, budget=60, hint=hint)


def killed_by(snapshot: Snapshot, pod: Object, name: str) -> str:
    """startup or liveness, when the kubelet said that it kills the container for its probe."""
    for event in reversed(events_of(snapshot, "Pod", name_of(pod))):
        told = re.search(r"failed (startup|liveness) probe", event.get("message") or "")
        if event.get("reason") == "Killing" and told and about_container(event, name):
            return told.group(1)
    return ""


def _probe(snapshot: Snapshot, where: str, name: str, probe: str, begun: float, exits: int) -> Cause:
    pod = where.split("/", 1)[1]
    answer, spec = last_answer(snapshot, pod, name, probe.capitalize()), container_spec(snapshot.kind("Pod").get(pod) or {}, name)
    why = probes.slow(spec, answer) + probes.asked(spec, answer)
    if probe == "startup":
        what = f"the container did not start within the time of its startup probe and was killed{times(exits)}{why}"
        return cause("StartupProbeFailed", snapshot, where, what, answer, since=begun, container=name)
    what = f"the liveness probe failed, and the kubelet killed the container{times(exits)}{why}"
    return cause("LivenessProbeFailed", snapshot, where, what, answer, since=begun, container=name, certainty=FATAL if exits >= EXITS_ALIKE else RETRYABLE)


def last_answer(snapshot: Snapshot, pod: str, container: str, probe: str) -> str:
    """What the kubelet saw when a probe failed last."""
    for event in reversed(events_of(snapshot, "Pod", pod)):
        text = event.get("message") or ""
        if event.get("reason") in ("Unhealthy", "ProbeWarning") and text.startswith(probe) and about_container(event, container):
            return str(text)
    return f"{probe} probe failed"
