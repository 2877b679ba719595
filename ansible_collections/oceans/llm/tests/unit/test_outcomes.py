# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way out of a deployment: the plugin, a fake API server over HTTP, a fake helm program.

Whatever happens, Helm has ended or is named with its process id, no pod of a Job of the run is alive or the sentence says so, the lease
is given back or left to whom it belongs, the evidence is complete, and there is one final sentence.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest

from ansible_collections.oceans.llm.plugins.action.deploy import ActionModule
from ansible_collections.oceans.llm.plugins.action.wait import ActionModule as RolloutModule
from ansible_collections.oceans.llm.plugins.plugin_utils.helm import lock, process
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.lock import Holder
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import clock
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import causes, evidence, fence, follow, guard, interrupt, post_check, verdict, watch

from .fake_api import FakeApi, ok, status
from .fake_cluster import MIGRATION, NS, PROXY, SERVICE, FakeCluster, record, stamp
from .local_task import FakeHelm, action_of, telling

#: in place of Ansible's async wrapper and kubernetes.core.helm, which take seconds: what they do with helm, and the job file that they leave
MODULE = """
import _json, os, sys
program, name, job = sys.argv[1:]
errors = os.open(job + ".stderr", os.O_RDWR | os.O_CREAT)
os.dup2(errors, 2)
rc = os.spawnv(os.P_WAIT, program, [program, "upgrade", "--install", name])
words = _json.encode_basestring_ascii(os.pread(errors, 65536, 0).decode())
with open(job + ".part", "w") as file:
    file.write('{"ansible_job_id": "1", "started": 1, "finished": 1, "failed": %s, "rc": %d, "stderr": %s}' % ("true" if rc else "false", rc, words))
os.rename(job + ".part", job)
"""
UPGRADE = """
if "--dry-run=server" in argv:
    tell("planning")
    print((home / "plan.json").read_text())
    sys.exit()
import _signal
_signal.pthread_sigmask(_signal.SIG_BLOCK, [_signal.SIGTERM])
tell("upgrade")
{then}
"""
HANGS = """
_signal.sigwait([_signal.SIGTERM])
print("Error: context canceled", file=sys.stderr)
sys.exit(1)
"""
IGNORES = "time.sleep(60)\n"
#: seconds; no test waits for them, see World.time_is_over_when_followed
TIMEOUT = 120


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """No pause is longer than it has to be. What is waited for comes, so a wait for it may last as long as a busy machine needs."""
    for module, name, value in (
        (follow, "TICK", 0.02), (follow, "ASK_AGAIN", 0.05), (fence, "DEADLINE", 1.0), (fence, "AGAIN", 0.05), (guard, "PATIENCE", 60.0),
        (watch, "REFUSED_FOR", 0.1), (watch, "RETRY", (0.02, 0.1)), (watch, "POLL", 0.1), (lock, "RENEW", 0.2), (lock, "GIVE_BACK", 60.0),
        (process, "FIRST_START", 60.0), (process, "LAST_WORDS", 0.3), (verdict, "HELM_GRACE", 0.3),
        (post_check, "SETTLE", 60.0), (post_check, "LATE", 60.0), (post_check, "PATIENT", 60.0), (post_check, "ANSWERED", 60.0),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, value)


class World:
    """One run of the plugin and all around it."""

    def __init__(self, tmp_path, api):
        self.home, self.api, self.cluster, self.helm = tmp_path, api, FakeCluster(api), FakeHelm(tmp_path)
        self.said, self.options, self.packed = [], {}, []
        #: seconds by which the clock of the rollout is ahead
        self.later = 0.0
        self.module = MODULE
        (tmp_path / "plan.json").write_text(json.dumps(record(1, "pending-install")))
        api.on("POST", "/fake/planning", lambda h: h.send(200, b"{}"))
        api.on("POST", "/fake/upgrade", self._upgraded)
        self.helm_does("migrating", HANGS)

    def helm_does(self, what, then=""):
        self._what = what
        self.helm.says("upgrade", telling(self.api.url) + UPGRADE.replace("{then}", then))

    def _upgraded(self, handler):
        getattr(self.cluster, self._what)()
        handler.send(200, b"{}")

    def at(self, path, do, method="POST"):
        """Do something when this request comes in for the first time."""
        self.cluster.hooks[(method, path)] = do

    def when_followed(self, do):
        """Do something once the migration's pod runs and is watched."""
        self.at("/api/v1/namespaces/ns/pods/mig-x/log", do, "GET")

    def time_is_over_when_followed(self):
        self.when_followed(lambda: setattr(self, "later", TIMEOUT))

    def run(self, check_mode=False, **more):
        args = {
            "name": "rel", "namespace": NS, "chart": str(self.home), "host": self.api.url, "api_key": "a-token", "helm_binary": str(self.helm.program),
            "timeout": TIMEOUT, "report_dir": str(self.home / "reports"), **more,
        }  # fmt: skip
        action = action_of(ActionModule, args, check=check_mode)
        action.show = lambda text: self.said.append(text.removeprefix("[here] "))
        action._execute_module = self._started
        action._configure_module = lambda name, *_more: self.packed.append(name)
        return action.run(task_vars={"inventory_hostname": "here"})

    def _started(self, module_args, **_options):
        job = os.path.join(os.path.dirname(module_args["binary_path"]), "job", "1")
        self.job = job
        command = [sys.executable, "-IS", "-c", self.module, module_args["binary_path"], module_args["release_name"], job]
        self.process = subprocess.Popen(command, start_new_session=True)
        threading.Thread(target=self.process.wait, daemon=True).start()  # as init does for Ansible's
        return {"ansible_job_id": "1", "results_file": job}

    def helms(self):
        """Processes of upgrades that are still there."""
        pids = [call["pid"] for call in self.helm.calls("upgrade") if "--dry-run=server" not in call["argv"]]
        return [pid for pid in pids if _runs(pid)]

    def lines(self):
        """All that was on the screen, what was said after a signal included."""
        screen = self.home / "screen"
        return [*self.said, *(screen.read_text().splitlines() if screen.exists() else ())]

    def close(self):
        for pid in self.helms():
            os.kill(pid, signal.SIGKILL)
        if hasattr(self, "process"):
            self.process.wait(60)


def _runs(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except OSError:
        return False


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.setattr(interrupt, "_open_screen", lambda *_any: os.open(tmp_path / "screen", os.O_WRONLY | os.O_CREAT | os.O_APPEND))
    elapsed = follow.Follower.elapsed
    with FakeApi() as api:
        made = World(tmp_path, api)
        monkeypatch.setattr(follow.Follower, "elapsed", lambda self: elapsed(self) + made.later)
        yield made
        made.close()


def check(world, result, outcome, code, *, holder="", report=True):
    """What holds for every way out."""
    text = result["msg"]
    assert bool(result.get("failed")) is (outcome != "served") and result["outcome"] == outcome and result.get("code", "") == code, result
    assert all(f"process {pid}" in text for pid in world.helms()), "Helm has ended, or its process is named"
    assert not world.cluster.alive or "may still be running" in text, "no pod of a Job is alive, or the sentence says so"
    assert world.cluster.holder == holder
    told = [line for line in world.lines() if text in line]
    assert len(told) == (1 if outcome in ("served", "interrupted") else 0), "Ansible shows a failed task's msg by itself, and nothing after a signal"
    assert not [line for line in world.lines() if line.startswith("FAILED") and text not in line]
    if outcome != "served":
        assert text.startswith(f"FAILED {code} ")
        assert set(result) <= {"failed", "changed", "msg", "outcome", "code", "cause", "seconds", "report"}
    if report and outcome != "served":
        body = json.loads(pathlib.Path(result["report"], "report.json").read_text(encoding="utf-8"))
        assert body["outcome"] == outcome and body["code"] == code and {"report.html", "stream.jsonl.gz"} <= set(os.listdir(result["report"]))


def refusing(code, reason, *, methods=("GET", "WATCH", "POST", "PATCH", "DELETE"), path="", times=10**6, words="no more"):
    left = [times]

    def refuse(method, asked):
        if method in methods and path in asked and left[0] > 0:
            left[0] -= 1
            return status(code, reason, words)
        return None

    return refuse


def refuse_from_now(world, **how):
    def do():
        world.cluster.refuse = refusing(**how)
        world.cluster.close("pods", "jobs", "events", "deployments", "replicasets", "persistentvolumeclaims")

    return do


# --- served ------------------------------------------------------------------------------------------------------------


def test_served(world):
    world.helm_does("complete")
    result = world.run()
    check(world, result, "served", "")
    assert result["changed"] and result["version_served"] == "0.24.0"
    assert world.packed == ["kubernetes.core.helm"], "beside the render of the plan"


@pytest.mark.parametrize(("code", "reason"), [(429, "TooManyRequests"), (503, "ServiceUnavailable")])
def test_the_api_server_does_not_answer_at_the_moment_of_completion(world, code, reason):
    world.helm_does("complete")
    world.cluster.refuse = refusing(code, reason, methods=("GET",), path="/deployments/web", times=3)
    check(world, world.run(), "served", "")


def test_an_object_of_somebody_else_with_null_fields_everywhere(world):
    world.helm_does("complete")
    odd = {"metadata": {"name": "odd", "labels": None, "ownerReferences": None, "annotations": None}, "spec": None, "status": None}
    for plural in ("pods", "jobs", "deployments", "replicasets", "events", "endpointslices"):
        world.cluster.put(plural, odd)
        world.cluster.put(plural, {"metadata": {"name": "odder"}, "spec": {"containers": None, "template": None}, "status": {"conditions": None}})
    result = world.run()
    check(world, result, "served", "")
    assert not [line for line in world.said if "defect" in line]


def test_a_rule_that_raises_is_a_note(world, monkeypatch):
    def bad(snapshot):
        raise KeyError("resources")

    monkeypatch.setitem(causes.RULES, "bad", bad)
    world.helm_does("complete")
    check(world, world.run(), "served", "")
    assert len([line for line in world.said if "the check 'bad' is skipped" in line]) == 1


def test_the_lock_is_held_after_a_release_was_recovered_with_it(world):
    world.cluster.helm_record("pending-install", 1)
    world.cluster.put("leases", {"metadata": {"name": "oceans-llm-rel", "annotations": {"oceans.llm/revision": "1"}}, "spec": {"holderIdentity": ""}})
    (world.home / "plan.json").write_text(json.dumps(record(2, "pending-upgrade")))
    renewed = []

    def since():
        return world.cluster.objects["leases"]["oceans-llm-rel"]["spec"]["renewTime"]

    def upgrade():
        world.cluster.helm_record("deployed", 2)
        before = since()
        renewed.append(world.cluster.until(lambda: since() > before))
        world.cluster.complete()
        world.cluster.helm_record("deployed", 2)

    world.cluster.recovered = upgrade
    world.helm_does("recovered")
    check(world, world.run(), "served", "")
    assert renewed == [True] and any("marking the revision as failed and continuing" in line for line in world.said)


def test_the_api_server_is_away_for_a_while_in_the_middle(world):
    world.helm_does("complete")
    world.at("/fake/upgrade", refuse_from_now(world, code=503, reason="ServiceUnavailable", methods=("GET", "WATCH", "PATCH"), times=40))
    check(world, world.run(), "served", "")


def test_a_controller_without_proc(world, monkeypatch):
    """macOS: no /proc to look for processes in."""
    real = os.listdir

    def listdir(path="."):
        if str(path).startswith("/proc"):
            raise FileNotFoundError(path)
        return real(path)

    monkeypatch.setattr(os, "listdir", listdir)
    monkeypatch.setattr(lock, "_place", lambda: "")
    monkeypatch.setattr(lock, "_start", lambda _pid: "")
    world.when_followed(lambda: os.kill(os.getpid(), signal.SIGTERM))
    check(world, world.run(), "interrupted", "Interrupted")


LEFT = {"metadata": {"name": "rel-job-config", "annotations": {"helm.sh/hook": "pre-install,pre-upgrade"}}}


def test_hook_copies_of_an_earlier_chart_go_on_request_once_the_release_is_served(world):
    world.cluster.put("configmaps", LEFT)
    world.helm_does("complete")
    told = world.run(check_mode=True, remove_leftovers=True)
    assert told["changed"] and "ConfigMap/rel-job-config would be removed" in told["msg"] and "rel-job-config" in world.cluster.objects["configmaps"]
    world.run()
    assert "rel-job-config" in world.cluster.objects["configmaps"], "nobody asked for it"
    assert world.run(remove_leftovers=True)["changed"] and "rel-job-config" not in world.cluster.objects["configmaps"]
    told = [line for line in world.said if "rel-job-config" in line and "deleted " in line and "would" not in line]
    assert told == ["deleted ConfigMap/rel-job-config, which a hook of an earlier chart version had left"]


def test_hook_copies_stay_when_the_rollout_fails(world):
    world.cluster.put("configmaps", LEFT)
    world.time_is_over_when_followed()
    assert world.run(remove_leftovers=True)["failed"] and "rel-job-config" in world.cluster.objects["configmaps"]


# --- unverified --------------------------------------------------------------------------------------------------------


def test_what_is_served_cannot_be_asked(world):
    world.helm_does("complete")
    for path in ("api/v1/health", "readyz", "admin"):
        world.api.script[("GET", f"{PROXY}/{path}")] = [status(503, "ServiceUnavailable", "error trying to reach service: Address is not allowed")]
    check(world, world.run(), "unverified", "Unverified")


def test_what_is_served_is_not_asked_by_a_defect(world, monkeypatch):
    monkeypatch.setattr(post_check, "gateway_service", lambda _manifest: 1 / 0)
    world.helm_does("complete")
    check(world, world.run(), "unverified", "Unverified")
    assert not world.run(verify="best_effort").get("failed")


# --- failed ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("renewed", [False, True], ids=["in a watch", "when a watch is renewed"])
def test_the_credentials_run_out(world, renewed):
    how = {"code": 401, "reason": "Unauthorized"} if not renewed else {"code": 401, "reason": "Unauthorized", "methods": ("WATCH",)}
    world.when_followed(refuse_from_now(world, **how))
    result = world.run()
    check(world, result, "failed", "CredentialsRefused", holder=str(Holder.me()) if not renewed else "")
    assert ("may still be running, because Jobs were not stopped: Job/mig: " in result["msg"] and "401" in result["msg"]) is not renewed


def test_a_pod_that_may_not_be_deleted(world):
    world.cluster.refuse = refusing(403, "Forbidden", methods=("DELETE",), path="/pods/", words="may not delete pods")
    world.time_is_over_when_followed()
    result = world.run()
    check(world, result, "failed", result["code"])
    assert (
        "may still be running, because Jobs were not stopped: Job/mig: " in result["msg"]
        and "may not delete pods" in result["msg"]
        and "mig-x" in result["msg"]
    )


def test_helm_ignores_sigterm(world, monkeypatch):
    monkeypatch.setattr(guard, "PATIENCE", 0.3)
    world.helm_does("migrating", IGNORES)
    world.time_is_over_when_followed()
    result = world.run()
    assert world.helms(), "it is left alone"
    check(world, result, "failed", result["code"], holder=str(Holder.me()))
    assert f"Helm is still running (process {world.helms()[0]})" in result["msg"]


@pytest.mark.parametrize(
    "module",
    ["import sys\nsys.exit(1)\n", MODULE.split("with open", maxsplit=1)[0], MODULE + "\nos.chmod(job, 0)\n"],
    ids=["never started", "never comes", "unreadable"],
)
def test_helms_job_file_never_comes_or_cannot_be_read(world, module, monkeypatch):
    if module.startswith("import sys"):
        monkeypatch.setattr(process, "FIRST_START", 0.3)
    if "chmod" in module and os.getuid() == 0:
        module = MODULE + "\nos.remove(job)\nos.mkdir(job)\n"  # root can read all files
    world.module = module
    world.helm_does("migrating")
    result = world.run()
    check(world, result, "failed", "HelmFailed")


def test_the_scratch_folder_goes_away(world):
    def clean():
        shutil.rmtree(os.path.dirname(os.path.dirname(world.job)))
        world.later = TIMEOUT

    world.when_followed(clean)
    result = world.run()
    check(world, result, "failed", result["code"])


def test_a_full_disk_hides_no_cause(world, monkeypatch):
    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(evidence, "_put_packed", full)
    world.time_is_over_when_followed()
    result = world.run()
    check(world, result, "failed", result["code"], report=False)
    assert result["msg"].endswith("(incomplete: No space left on device)") and os.path.exists(os.path.join(result["report"], "report.json"))


def test_helm_makes_no_revision(world):
    world.cluster.nothing = lambda: (world.cluster.complete(), world.cluster.remove("secrets", "sh.helm.release.v1.rel.v1"))
    world.helm_does("nothing")
    result = world.run()
    check(world, result, "failed", "HelmFailed")
    assert "did not create revision 1" in result["msg"] and not result["changed"]


@pytest.mark.parametrize("phase", ["following", "fencing"])
def test_the_api_server_stays_away(world, phase, monkeypatch):
    monkeypatch.setattr(fence, "DEADLINE", 0.2)
    how = {"code": 503, "reason": "ServiceUnavailable", "words": "shutting down"}
    away = refuse_from_now(world, **how)
    if phase == "following":
        world.when_followed(lambda: (away(), setattr(world, "later", TIMEOUT)))
    else:
        world.time_is_over_when_followed()
        world.at("/apis/batch/v1/namespaces/ns/jobs/mig", away, "PATCH")
    result = world.run()
    check(world, result, "failed", result["code"], holder=str(Holder.me()))
    assert "may still be running, because Jobs were not stopped: Job/mig: " in result["msg"] and "shutting down" in result["msg"]


def test_the_api_server_is_away_while_the_run_plans(world):
    world.cluster.refuse = refusing(503, "ServiceUnavailable", words="shutting down")
    result = world.run()
    assert result["failed"] and "shutting down" in result["msg"] and not world.helm.calls("upgrade") and world.cluster.holder == ""


# --- broken, lost, interrupted -----------------------------------------------------------------------------------------


def test_the_engine_breaks(world, monkeypatch):
    real = follow.judge
    monkeypatch.setattr(follow, "judge", lambda s, *rest: real(s, *rest) if not s.kind("Job") else 1 / 0)
    result = world.run()
    check(world, result, "broken", "EngineBroke")
    assert "ZeroDivisionError" in result["msg"]


def other(world):
    return str(replace(Holder.me(), user="bob", host="other"))


def test_the_lease_is_lost_to_another_run(world):
    world.when_followed(lambda: world.cluster.put("leases", {"metadata": {"name": "oceans-llm-rel"}, "spec": {"holderIdentity": other(world)}}))
    result = world.run()
    check(world, result, "lost", "LeaseLost", holder=other(world))
    assert "bob on other" in result["msg"] and not [m for m, p, *_rest in world.api.seen if m in ("DELETE", "PATCH") and "/leases/" not in p]


def test_the_machine_sleeps_and_another_run_takes_over(world, monkeypatch):
    monkeypatch.setattr(lock, "RENEW", 60.0)
    slept, real = [0.0], clock.seconds

    def sleep():
        world.cluster.put("leases", {"metadata": {"name": "oceans-llm-rel"}, "spec": {"holderIdentity": other(world)}})
        slept[0] = 90.0

    monkeypatch.setattr(clock, "seconds", lambda: real() + slept[0])
    world.when_followed(sleep)
    check(world, world.run(), "lost", "LeaseLost", holder=other(world))
    assert any("the machine that runs Ansible was suspended for 90 s" in line for line in world.said)


def test_the_machine_sleeps_and_nobody_takes_over(world, monkeypatch):
    slept, real = [0.0], clock.seconds
    monkeypatch.setattr(clock, "seconds", lambda: real() + slept[0])
    before = []

    def watches():
        return len([1 for _m, p, q, _b in world.api.seen if p.endswith("/pods") and "watch" in q])

    def sleep():
        before.append(watches())
        slept[0] = 90.0
        world.cluster.complete()
        (world.home / "go").touch()

    world.helm_does("migrating", "while not (home / 'go').exists(): time.sleep(0.02)\n")
    world.when_followed(sleep)
    check(world, world.run(), "served", "")
    assert watches() > before[0], "the connections of before may be dead"


def test_the_namespace_is_deleted(world):
    def delete():
        world.cluster.refuse = refusing(404, "NotFound", methods=("POST", "PATCH"), words='namespaces "ns" not found')
        for plural in ("pods", "jobs", "secrets", "leases"):
            for name in list(world.cluster.objects[plural]):
                world.cluster.remove(plural, name)

    world.when_followed(delete)
    result = world.run()
    check(world, result, "lost", "NamespaceDeleted")
    assert "namespace ns was deleted" in result["msg"]


def test_two_runs_at_once_where_the_first_is_slow(world):
    world.cluster.put("leases", {"metadata": {"name": "oceans-llm-rel"}, "spec": {"holderIdentity": other(world), "acquireTime": "2026-01-01T00:00:00Z",
                      "renewTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "leaseDurationSeconds": 30}})  # fmt: skip
    result = world.run()
    assert (
        result["failed"]
        and "bob on other" in result["msg"]
        and " has been changing ns/rel since " in result["msg"]
        and not world.helm.calls("upgrade")
        and world.cluster.holder == other(world)
    )


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_two_plugins_at_once_the_second_is_refused_and_the_first_serves(world):
    """The second run is another process, as Ansible's workers are: a lease is held by a process."""
    world.helm_does("migrating", "while not (home / 'go').exists(): time.sleep(0.02)")
    refused = world.home / "second.json"

    def another():
        child = multiprocessing.get_context("fork").Process(target=lambda: refused.write_text(json.dumps(world.run())))
        child.start()
        child.join(120)
        world.cluster.complete()
        (world.home / "go").touch()

    world.when_followed(threading.Thread(target=another).start)
    check(world, world.run(), "served", "")
    second = json.loads(refused.read_text())
    assert second["failed"] and not second.get("changed") and " has been changing ns/rel since " in second["msg"], second
    assert len([c for c in world.helm.calls("upgrade") if "--dry-run=server" not in c["argv"]]) == 1, "one Helm"


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda s: s.name)
@pytest.mark.parametrize("phase", ["following", "fencing", "starting"])
def test_a_signal(world, sent, phase):
    def send():
        os.kill(os.getpid(), sent)

    if phase == "following":
        world.when_followed(send)
    elif phase == "starting":
        world.at("/fake/upgrade", send)
    else:
        world.time_is_over_when_followed()
        world.at("/apis/batch/v1/namespaces/ns/jobs/mig", send, "PATCH")
    result = world.run()
    if phase == "fencing":  # the end had begun: its cause stays the cause, and its sentence gets out although Ansible is on its way down
        assert result["failed"] and [line for line in world.lines() if result["msg"] in line] and not world.helms() and not world.cluster.alive
    else:
        check(world, result, "interrupted", "Interrupted")
        assert sent.name in result["msg"]


def test_a_signal_is_answered_before_the_logs_are_read(world):
    """The logs of a chatty program take seconds; after a signal nobody waits for a line that long."""
    answered = []

    def asked():
        answered.append(any("Interrupted Release/rel" in line for line in world.lines()))
        if len(answered) == 1:
            world.when_followed(asked)  # the next time, too
            os.kill(os.getpid(), signal.SIGTERM)

    world.when_followed(asked)
    check(world, world.run(), "interrupted", "Interrupted")
    assert answered[0] is False and len(answered) > 1 and all(answered[1:])
    assert [line for line in world.lines() if "stopped Job/mig" in line], "what is said after a signal reaches the screen, too"


def test_a_signal_while_a_revision_is_recovered_starts_no_helm(world):
    world.cluster.helm_record("pending-install", 1)
    world.cluster.put("leases", {"metadata": {"name": "oceans-llm-rel", "annotations": {"oceans.llm/revision": "1"}}, "spec": {"holderIdentity": ""}})
    record = "/api/v1/namespaces/ns/secrets/sh.helm.release.v1.rel.v1"
    for method in ("PUT", "PATCH"):
        world.at(record, lambda: os.kill(os.getpid(), signal.SIGTERM), method)
    result = world.run()
    assert result["failed"] and "SIGTERM" in result["msg"] and len([line for line in world.lines() if result["msg"] in line]) == 1
    assert not [c for c in world.helm.calls("upgrade") if "--dry-run=server" not in c["argv"]] and world.cluster.holder == ""


def test_a_signal_while_the_evidence_is_written_loses_nothing(world):
    folder, sent = world.home / "reports", threading.Event()

    def watch():
        while not (folder.exists() and any(folder.rglob("*"))):
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGTERM)
        sent.set()

    threading.Thread(target=watch, daemon=True).start()
    world.time_is_over_when_followed()
    result = world.run()
    assert sent.wait(60) and result["failed"] and result["code"] and "incomplete" not in result["msg"]
    assert {"report.json", "report.html", "stream.jsonl.gz"} <= set(os.listdir(result["report"])) and not world.helms()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda s: s.name)
def test_a_signal_while_the_run_plans_changes_nothing(world, sent):
    world.at("/fake/planning", lambda: os.kill(os.getpid(), sent))
    result = world.run()
    assert result["failed"] and sent.name in result["msg"] and "was not changed" in result["msg"]
    assert len([line for line in world.lines() if result["msg"] in line]) == 1
    assert not [c for c in world.helm.calls("upgrade") if "--dry-run=server" not in c["argv"]]
    assert not [p for m, p, *_rest in world.api.seen if m == "PATCH"]


def test_a_signal_after_the_rollout_is_complete_ends_the_look_and_undoes_nothing(world):
    world.helm_does("complete")
    world.at("/api/v1/namespaces/ns/services/http:gw:8080/proxy/api/v1/health", lambda: os.kill(os.getpid(), signal.SIGINT), "GET")
    check(world, world.run(), "interrupted", "Interrupted")
    assert not [p for m, p, *_rest in world.api.seen if m == "DELETE"] and world.cluster.holder == ""


# --- nothing to change, check mode, and a release that somebody else changes ---------------------------------------------


def watched(world, check_mode=False, **more):
    """The plugin oceans.llm.wait."""
    args = {"name": "rel", "namespace": NS, "host": world.api.url, "api_key": "a-token", "timeout": TIMEOUT, "report_dir": str(world.home / "reports"), **more}
    action = action_of(RolloutModule, args, check=check_mode)
    action.show = lambda text: world.said.append(text.removeprefix("[here] "))
    return action.run(task_vars={"inventory_hostname": "here"})


def writes(world):
    return [(m, p) for m, p, *_rest in world.api.seen if m in ("POST", "PATCH", "DELETE") and p.startswith("/api")]


def unchanged(world):
    """A release that is served, and a chart that makes the same of it."""
    world.cluster.complete()
    (world.home / "plan.json").write_text(json.dumps(record(2, "pending-upgrade")))
    world.cluster.put("services", SERVICE)
    for path in (f"/apis/apps/v1/namespaces/{NS}/deployments/web", f"/api/v1/namespaces/{NS}/services/gw"):
        plural, name = path.split("/")[-2:]
        world.api.on("PATCH", path, lambda h, plural=plural, name=name: ok(world.cluster.objects[plural][name])(h))


def test_nothing_to_change_writes_nothing_and_is_followed_once(world):
    unchanged(world)
    result = world.run()
    check(world, result, "served", "")
    assert not result["changed"] and len(world.helm.calls("upgrade")) == 1 and world.packed == []
    assert not [w for w in writes(world) if "dryRun" not in str(w) and w[0] != "PATCH"] and "leases" not in str(writes(world))
    lists = [p for m, p, q, _b in world.api.seen if m == "GET" and p.endswith("/pods") and "watch" not in q]
    assert len(lists) == 1


def test_check_mode_says_what_would_change_and_writes_nothing(world):
    result = world.run(check_mode=True)
    assert result["changed"] and result["msg"].startswith("would change: ") and world.said == [result["msg"]] and writes(world) == []
    assert world.packed == []


def test_check_mode_over_a_pending_revision(world):
    world.cluster.helm_record("pending-install")
    result = world.run(check_mode=True)
    assert result["changed"] and "revision 1 has been pending-install" in result["msg"] and "would be marked as failed" in result["msg"] and writes(world) == []


def test_somebody_elses_pending_revision_is_left_alone(world):
    world.cluster.helm_record("pending-install")
    result = world.run()
    assert (
        result["failed"]
        and ("another tool than this collection started that Helm process; nothing was changed") in result["msg"]
        and not world.helm.calls("upgrade")
    )
    assert world.cluster.holder == ""


def test_a_namespace_that_does_not_exist_or_goes(world):
    path = f"/api/v1/namespaces/{NS}"
    world.api.script[("GET", path)] = [status(404, "NotFound", "no")]
    result = world.run()
    assert result["failed"] and "does not exist" in result["msg"]
    world.api.script[("GET", path)] = [ok({"metadata": {"name": NS, "deletionTimestamp": "2026-01-01T00:00:00Z"}})]
    assert "has been terminating since 2026-01-01T00:00:00Z" in world.run()["msg"]


def test_another_run_between_plan_and_lock(world):
    world.at("/fake/planning", lambda: world.cluster.helm_record("deployed"))
    result = world.run()
    assert result["failed"] and "to revision 1 while this run was planning" in result["msg"] and world.cluster.holder == ""


def test_somebody_elses_change_is_followed_and_nothing_is_stopped(world):
    world.cluster.migrating()
    world.time_is_over_when_followed()
    result = watched(world)
    assert result["failed"] and result["outcome"] == "failed" and result["code"] and writes(world) == [] and world.cluster.alive
    assert not [line for line in world.lines() if result["msg"] in line]


def test_a_served_release_is_said_to_be_served(world):
    world.cluster.complete()
    result = watched(world)
    assert not result.get("failed") and result["outcome"] == "served" and [line for line in world.lines() if result["msg"] in line]


def test_a_release_that_helm_does_not_know(world):
    assert "Helm has no release rel" in watched(world)["msg"]
    assert not watched(world, check_mode=True).get("failed")


def applied(world, *jobs):
    """What Argo CD or `kubectl apply` leaves: a release that is served, without a record of Helm."""
    world.cluster.complete()
    for name in list(world.cluster.objects["secrets"]):
        world.cluster.remove("secrets", name)
    world.cluster.remove("jobs", "mig")
    world.cluster.put("services", SERVICE)
    for number, (name, image, ended) in enumerate(jobs):
        template = {"spec": {"containers": [{"name": "migrate", "image": image}]}}
        done = [{"type": ended, "status": "True", "reason": "BackoffLimitExceeded", "lastTransitionTime": stamp()}]
        meta = {"name": name, "creationTimestamp": stamp(100 - number), "labels": MIGRATION["labels"]}
        world.cluster.put("jobs", {"metadata": meta, "spec": {"template": template}, "status": {"conditions": done}})
    return watched(world)


NOW = "reg.example/gw:v0.24.0"


def test_a_release_without_a_record_of_helm_is_followed_by_its_labels(world):
    result = applied(world, ("old-image", "reg.example/gw:v0.23.0", "Failed"), ("first-try", NOW, "Failed"), ("mig-2", NOW, "Complete"))
    check(world, result, "served", "")
    assert any("this run checks the live objects with the label app.kubernetes.io/instance=rel" in line for line in world.said)


def test_the_newest_job_of_the_gateways_image_counts(world):
    result = applied(world, ("mig-1", NOW, "Complete"), ("mig-2", NOW, "Failed"))
    assert result["failed"] and "Job/mig-2" in result["msg"]
