# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Upgrade, rollback and migrations as tasks: a fake API server over HTTP, a fake helm program, a fake PostgreSQL server."""

from __future__ import annotations

import base64
import gzip
import json
import os
import signal
import time
from pathlib import Path

import pytest
import yaml

from ansible_collections.oceans.llm.plugins.action.migrations import ActionModule as Migrations
from ansible_collections.oceans.llm.plugins.action.rollback import ActionModule as Rollback
from ansible_collections.oceans.llm.plugins.action.upgrade import ActionModule as Upgrade
from ansible_collections.oceans.llm.plugins.plugin_utils.gateway import driver
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import interrupt

from .fake_api import FakeApi, objects, ok
from .fake_cluster import GATEWAY, MIGRATE, NAME, NS, PROXY, SERVICE, WEB, stamp
from .fake_postgres import FakePostgres
from .local_task import action_of, telling
from .test_database_look import BLOCKED, BUSY, HISTORY, THERE, history
from .test_outcomes import World, quick

#: a fixture, and a module that Ansible's finder cannot import later beside pytest's
__all__ = ["driver", "quick"]
ROLES = Path(__file__).resolve().parents[2] / "roles"
WRITES = ("POST", "PUT", "PATCH", "DELETE")
CHART = {
    "metadata": {"name": "oceans-llm", "version": "0.1.0", "apiVersion": "v2"},
    "templates": [{"name": "templates/a.yaml", "data": base64.b64encode(b"kind: A").decode()}],
    "files": [{"name": "files/serve.sh", "data": base64.b64encode(b"#!/bin/sh").decode()}],
    "values": {"gateway": {"secretsDigest": ""}},
    "schema": base64.b64encode(b'{"type": "object"}').decode(),
}
PLANS = """
chart = argv[3] if len(argv) > 3 else "/"
back = os.path.basename(chart) == "recorded-chart"
if "--dry-run=server" in argv:
    if back:
        import shutil
        shutil.copytree(chart, home / "chart-seen", dirs_exist_ok=True)
        (home / "values-seen").write_text(sys.stdin.read())
    print((home / ("back.json" if back else "plan.json")).read_text())
    sys.exit()
import _signal
_signal.pthread_sigmask(_signal.SIG_BLOCK, [_signal.SIGTERM])
tell("upgrade")
if (home / "hangs").exists():
    _signal.sigwait([_signal.SIGTERM])
    sys.exit(1)
if (home / "fails").exists():
    (home / "fails").unlink()
    print("Error: boom", file=sys.stderr)
    sys.exit(1)
"""


def deployment(version, url="postgres://u:pencil@pg.db/x"):
    env = [{"name": "POSTGRES_URL", "value": url}]
    spec = {"containers": [{"name": "gateway", "image": f"reg.example/oceans-llm/gateway:{version}", "env": env}], "terminationGracePeriodSeconds": 55}
    return {**WEB, "spec": {"replicas": 1, "template": {"metadata": {"labels": GATEWAY["labels"]}, "spec": spec}}}


def revision(number, state, version):
    config = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "c"}, "data": {"gateway.yaml": "database: {url: env.POSTGRES_URL}"}}
    return {
        "name": NAME,
        "namespace": NS,
        "version": number,
        "info": {"status": state, "last_deployed": stamp()},
        "chart": CHART,
        "config": {"gateway": {"secretsDigest": "of-then", "image": {"tag": version}}},
        "manifest": "\n---\n".join(json.dumps(o) for o in (deployment(version), SERVICE, config)),
        "hooks": [{"events": ["post-upgrade"], "manifest": json.dumps({**MIGRATE, "spec": {"template": deployment(version)["spec"]["template"]}})}],
    }


class Life(World):
    """A release at v0.23.0, revision 2, on a database at V43."""

    def __init__(self, tmp_path, api, server):
        super().__init__(tmp_path, api)
        self.server = server
        ends = [{"addresses": ["127.0.0.1"], "conditions": {"ready": True}}]
        api.on("GET", paths.service("db", "pg"), ok({}))
        slices = {"metadata": {"name": "a"}, "ports": [{"port": server.port}], "endpoints": ends}
        api.on("GET", paths.endpointslices("db"), objects("EndpointSlice", "1", slices))
        api.script["GET", f"{PROXY}/api/v1/health"] = [lambda h: h.send(200, json.dumps({"version": self.serves}).encode())]
        api.on("POST", paths.secrets(NS), ok({"metadata": {"name": "key"}, "data": {"key": base64.b64encode(b"k" * 32).decode()}}))
        self.serves = "0.23.0"
        self.plan(3, "v0.24.0")
        (tmp_path / "back.json").write_text(json.dumps(revision(4, "pending-upgrade", "v0.23.0")))
        self.records((1, "superseded", "v0.22.0"), (2, "deployed", "v0.23.0"))
        self.helm.says("upgrade", telling(api.url) + PLANS)
        self.upgrades = []

    def plan(self, number, version):
        (self.home / "plan.json").write_text(json.dumps(revision(number, "pending-upgrade", version)))

    def records(self, *rows):
        for number, state, version in rows:
            packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(revision(number, state, version)).encode()))).decode()
            labels = {"owner": "helm", "name": NAME, "version": str(number), "status": state}
            self.cluster.put("secrets", {"metadata": {"name": f"sh.helm.release.v1.{NAME}.v{number}", "labels": labels}, "data": {"release": packed}})

    def fails(self):
        (self.home / "fails").touch()

    def _upgraded(self, handler):
        """Helm makes its revision: a failed one when it is told to fail, else a complete rollout."""
        self.upgrades.append(time.monotonic())
        newest = max(int(name.rsplit("v", 1)[1]) for name in self.cluster.objects["secrets"] if name.startswith("sh.helm"))
        if (self.home / "hangs").exists():
            self.records((newest + 1, "pending-upgrade", "v0.24.0"))
            os.kill(os.getpid(), signal.SIGTERM)
        elif (self.home / "fails").exists():
            self.records((newest + 1, "failed", "v0.24.0"))
        else:
            version = "v0.23.0" if newest > 2 or "back" in self.wants else "v0.24.0"
            self.cluster.complete()
            self.serves = version.removeprefix("v")
            del self.cluster.objects["secrets"][f"sh.helm.release.v1.{NAME}.v1"]
            self.records((1, "superseded", "v0.22.0"), (newest + 1, "deployed", version))
        handler.send(200, b"{}")

    def go(self, plugin, check_mode=False, **more):
        self.wants = "back" if plugin is Rollback else ""
        args = {
            "name": NAME, "namespace": NS, "host": self.api.url, "api_key": "a-token", "timeout": 120,
            **({} if plugin is Migrations else {"helm_binary": str(self.helm.program), "report_dir": str(self.home / "reports"), "probe": "false"}),
            **({"chart": str(self.home), "restore_point": {"way": "none"}} if plugin is Upgrade else {}), **more,
        }  # fmt: skip
        action = action_of(plugin, args, check=check_mode)
        action.show = lambda text: self.said.append(text.removeprefix("[here] "))
        action._execute_module = self._started
        action._configure_module = lambda *_any: None
        return {"outcome": "", **action.run(task_vars={"inventory_hostname": "here"})}

    def logs(self, text):
        """What the pods of one-off Jobs print from now on."""
        self.api.script["GET", paths.pod_log(NS, "one-off-x")] = [lambda h: h.send(200, text.encode(), "text/plain")]

    def writes(self):
        return [(method, path) for method, path, _q, _b in self.api.seen if method in WRITES and path.startswith("/api") and "selfsubject" not in path]

    def screen(self):
        return "\n".join(self.lines())


@pytest.fixture
def life(tmp_path):
    answers = {BUSY: [("0",)], BLOCKED: [], THERE: [("t",)], HISTORY: history(*range(17, 44))}
    with FakeApi() as api, FakePostgres(answers) as server:
        made = Life(tmp_path, api, server)
        yield made
        made.close()


def at(life, *newest):
    """The newest migration, look by look."""
    life.server.answers[HISTORY] = [history(*range(17, version + 1)) for version in newest]


def test_the_plan_is_stated_and_then_carried_out(life):
    result = life.go(Upgrade)
    assert result["outcome"] == "served" and result["changed"] and result["version_served"] == "0.24.0", result
    plan = [line for line in life.lines() if line.startswith("plan: ")]
    assert plan == [
        "plan: v0.23.0 -> v0.24.0",
        "plan: pending migrations: V44–V45 additive, database at V43",
        "plan: restore point: none",
        "plan: old pods: each may take 55 s to finish its open requests and stop",
        "plan: rollback to v0.23.0: possible until the first migration is committed; later only if the old image accepts the schema; "
        "by ansible-playbook -i INVENTORY oceans.llm.rollback",
    ]
    assert life.lines().index(plan[-1]) < next(i for i, line in enumerate(life.lines()) if line.startswith("changing "))
    data = result["plan"]
    assert (data["from"], data["to"], data["database"], data["drain_seconds"]) == ("v0.23.0", "v0.24.0", 43, 55)
    assert [(m["version"], m["class"]) for m in data["pending"]] == [(44, "additive"), (45, "additive")] and data["may_start"]
    assert data["back"]["allowed"] and data["back"]["command"].endswith("oceans_llm_rollback_to=2") and not data["back"]["automatic"]
    assert data["restore_point"] == {"way": "", "known": {}, "usable": False, "not_taken": ""}


def test_a_destructive_migration_without_restore_point_is_stopped_before_anything_is_changed(life):
    at(life, 27)
    life.plan(3, "v0.9.0")
    result = life.go(Upgrade)
    assert result["failed"] and not result["changed"] and not life.upgrades
    assert "the upgrade to v0.9.0 was not started; pending migrations: V28 destructive (destroys data: " in result["msg"]
    assert result["msg"].endswith("ansible-playbook -i INVENTORY oceans.llm.upgrade -e oceans_llm_allow_destructive=V28")
    assert result["plan"]["state"] == "destructive migrations pending, no restore point" and not result["plan"]["may_start"]


@pytest.mark.parametrize("named", [["V28"], [28], ["0.9.0"], ["v0.9.0"]])
def test_unless_the_user_names_it(life, named):
    at(life, 27)
    life.plan(3, "v0.9.0")
    life.go(Upgrade, allow_destructive=named)
    assert len(life.upgrades) == 1 and "plan: pending migrations: V28 destructive" in life.screen()


def test_a_word_that_names_nothing_is_refused(life):
    result = life.go(Upgrade, allow_destructive=["all"])
    assert (
        result["failed"]
        and "'all', which is neither a migration (such as V28) nor a release (such as v0.9.0); nothing was changed" in result["msg"]
        and not life.writes()
    )


def test_check_mode_states_the_plan_and_writes_nothing(life):
    result = life.go(Upgrade, check_mode=True)
    assert result["changed"] and "would change" in result["msg"] and "plan: v0.23.0 -> v0.24.0" in life.screen() and not life.writes()
    assert result["plan"]["to"] == "v0.24.0"


def test_a_failed_upgrade_before_a_commit_is_rolled_back_and_proven(life):
    life.fails()
    result = life.go(Upgrade, on_failure="rollback")
    assert result["failed"] and result["outcome"] == "failed" and result["msg"].startswith("FAILED HelmFailed "), result
    assert result["rollback"]["revision"] == 2 and result["rollback"]["version"] == "v0.23.0" and result["rollback"]["outcome"] == "served"
    assert "rolled back: revision 2 (v0.23.0) serves again" in result["msg"] and len(life.upgrades) == 2
    (report,) = (life.home / "reports").iterdir()
    assert json.loads((report / "report.json").read_text())["plan"]["back"]["automatic"]
    seen = life.home / "chart-seen"
    assert json.loads((seen / "Chart.yaml").read_text())["name"] == "oceans-llm" and (seen / "files/serve.sh").read_text() == "#!/bin/sh"
    assert (seen / "templates/a.yaml").read_text() == "kind: A" and json.loads((seen / "values.schema.json").read_text()) == {"type": "object"}
    assert json.loads((life.home / "values-seen").read_text())["gateway"]["image"]["tag"] == "v0.23.0"
    assert life.cluster.holder == "", "the lease is given back"


def test_it_is_left_where_nobody_asked_for_a_rollback_and_the_command_is_told(life):
    life.fails()
    result = life.go(Upgrade)
    assert result["failed"] and "rollback" not in result and len(life.upgrades) == 1
    assert result["msg"].endswith("until a migration is committed — ansible-playbook -i INVENTORY oceans.llm.rollback -e oceans_llm_rollback_to=2")


@pytest.mark.parametrize(
    ("before", "after", "version", "why"),
    [
        (27, 28, "v0.9.0", "failed after a destructive migration"),
        (43, 44, "v0.24.0", "the old image refuses the schema"),
    ],
)
def test_nothing_is_rolled_back_over_a_committed_migration(life, before, after, version, why):
    at(life, before, before, after)
    life.plan(3, version)
    life.fails()
    result = life.go(Upgrade, on_failure="rollback", allow_destructive=["V28"])
    assert result["failed"] and "rollback" not in result and len(life.upgrades) == 1, result
    assert f"a rollback to revision 2 (v0.23.0) is not possible: {why}" in result["msg"]


def test_nothing_is_rolled_back_when_the_database_gives_no_answer_any_more(life):
    life.server.answers[HISTORY] = [history(*range(17, 44)), history(*range(17, 44)), []]
    life.fails()
    life.at(paths.lease(NS, f"oceans-llm-{NAME}"), lambda: setattr(life.server, "refuse", RefusedLogin), "PATCH")
    result = life.go(Upgrade, on_failure="rollback")
    assert result["failed"] and "rollback" not in result and "it is not known whether the old image accepts the schema" in result["msg"], result


@pytest.mark.parametrize(("newest", "back"), [(43, True), (44, False)])
def test_a_database_that_only_the_pods_reach_is_asked_by_their_images(life, newest, back):
    """Before: the new image's Job says what is pending. After: the old image's says whether anything was committed."""
    life.server.refuse = RefusedLogin
    job_says(life, STATUS)
    life.fails()
    life.at(paths.lease(NS, f"oceans-llm-{NAME}"), lambda: life.logs(STATUS.replace("v43", f"v{newest}")), "PATCH")
    result = life.go(Upgrade, on_failure="rollback")
    assert "plan: pending migrations: V44–V45 additive, database at V43" in life.screen() and ["migrate", "--status"] in life.jobs
    assert result["failed"] and (result.get("rollback", {}).get("outcome") == "served") is back, result


def test_nothing_is_rolled_back_after_a_signal(life, monkeypatch):
    monkeypatch.setattr(interrupt, "_open_screen", lambda *_any: os.open(life.home / "screen", os.O_WRONLY | os.O_CREAT | os.O_APPEND))
    (life.home / "hangs").touch()
    result = life.go(Upgrade, on_failure="rollback")
    assert result["failed"] and result["outcome"] == "interrupted" and "rollback" not in result and len(life.upgrades) == 1, result
    assert "a rollback to revision 2 (v0.23.0) is possible until a migration is committed" in result["msg"]


class RefusedLogin:
    body = b"SERROR\0C57P03\0Mthe database system is shutting down\0\0"


# --- the restore point -------------------------------------------------------------------------------------------------


def taken_by(life, script):
    """A user's command that takes restore points; the release has all that a source of one needs."""
    program = life.home / "take.sh"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    life.cluster.put("deployments", {**deployment("v0.23.0"), "metadata": {**WEB["metadata"], "namespace": NS}})
    life.cluster.put("configmaps", {"metadata": {"name": "c"}, "data": {"gateway.yaml": "database: {url: env.POSTGRES_URL}"}})
    life.api.on("PATCH", paths.configmap(NS, f"{NAME}-restore-points"), ok({}))
    return {"way": "command", "command": [str(program)]}


def test_a_restore_point_is_taken_before_a_destructive_migration_which_then_may_run(life):
    at(life, 27)
    life.plan(3, "v0.9.0")
    wish = taken_by(life, 'echo "$@" >> "$(dirname "$0")/taken"; echo "{\\"place\\": \\"s3://b/k\\", \\"size\\": 2048, \\"checksum\\": \\"sha256:1\\"}"')
    result = life.go(Upgrade, restore_point=wish)
    assert "plan: restore point: a new restore point is taken first (command)" in life.screen() and "in s3://b/k, checksum sha256:1), taken in" in life.screen()
    assert (life.home / "taken").read_text().startswith(f"take {NAME}-") and len(life.upgrades) == 1
    said = result["plan"]["restore_point"]
    assert said["way"] == "command" and said["usable"] and (said["known"]["place"], said["known"]["size"]) == ("s3://b/k", 2048)
    assert said["known"]["age_seconds"] <= 1 and said["known"]["checksum"] == "sha256:1"


def test_where_none_can_be_taken_a_destructive_migration_is_stopped_and_an_additive_one_goes_on(life):
    wish = taken_by(life, "echo no space >&2; exit 3")
    result = life.go(Upgrade, restore_point=wish)
    assert result["outcome"] == "served" and "no restore point was taken: take.sh take rel-" in life.screen() and "no space" in life.screen(), result
    at(life, 27)
    life.plan(4, "v0.9.0")
    result = life.go(Upgrade, restore_point=wish)
    assert result["failed"] and "none could be taken: take.sh take rel-" in result["msg"] and len(life.upgrades) == 1
    assert "the release was not changed" in result["msg"]


def test_nothing_pending_takes_no_restore_point(life):
    at(life, 45)
    wish = taken_by(life, 'touch "$(dirname "$0")/taken"; echo {}')
    assert life.go(Upgrade, restore_point=wish)["outcome"] == "served"
    assert not (life.home / "taken").exists() and "plan: pending migrations: none, database at V45" in life.screen()


def test_a_refused_rollback_names_the_restore_point_that_fits(life):
    at(life, 45)
    life.records((2, "superseded", "v0.23.0"), (3, "deployed", "v0.24.0"))
    point = {"kind": "pg_dump", "name": "rel-1", "place": "PersistentVolumeClaim/x", "created": time.time(), "schema_version": 43}
    newer = {**point, "name": "rel-2", "schema_version": 45}
    life.cluster.put("configmaps", {"metadata": {"name": f"{NAME}-restore-points"}, "data": {p["name"]: json.dumps(p) for p in (point, newer)}})
    assert life.go(Rollback, to="2")["msg"].endswith("ansible-playbook -i INVENTORY oceans.llm.restore -e oceans_llm_restore_name=rel-1")


def test_the_roles_upgrade_and_rollback_hand_over_all_that_the_role_deploy_does():
    def options(role, module):
        tasks = yaml.safe_load((ROLES / role / "tasks/main.yml").read_text())
        return next(t[module] for t in (*tasks, *(inner for task in tasks for inner in task.get("block", ()))) if module in t)

    deploy, upgrade, rollback = (options(role, f"oceans.llm.{role}") for role in ("deploy", "upgrade", "rollback"))
    assert deploy.items() <= upgrade.items()
    assert set(rollback) == set(Rollback.ARGUMENTS)


# --- rollback ------------------------------------------------------------------------------------------------------------


def test_a_rollback_that_the_database_allows_is_proven(life):
    life.records((2, "superseded", "v0.23.0"), (3, "deployed", "v0.23.1"))
    result = life.go(Rollback, to="v0.23.0")
    assert result["outcome"] == "served" and result["changed"] and result["rollback"] == {"revision": 2, "version": "v0.23.0"}, result
    assert "rolling back to revision 2 (v0.23.0): the database schema is at V43, which v0.23.0 accepts" in life.screen()


@pytest.mark.parametrize("to", ["1", "v0.22.0", "0.22.0"])
def test_a_rollback_to_an_image_that_refuses_the_database_is_refused_at_once_with_what_works(life, to):
    at(life, 45)
    life.records((2, "superseded", "v0.23.0"), (3, "deployed", "v0.24.0"))
    begun = time.process_time()  # what a busy machine adds does not count
    result = life.go(Rollback, to=to)
    assert time.process_time() - begun < 3 and not life.writes() and not life.helm.calls("upgrade")
    assert result["failed"] and not result["changed"]
    assert "rollback to revision 1 (v0.22.0) is refused: the database schema is at V45, and v0.22.0 accepts at most V43" in result["msg"]
    assert result["msg"].endswith("ansible-playbook -i INVENTORY oceans.llm.upgrade -e oceans_llm_version=v0.24.0")


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("", "revision 2 is deployed, so the revision to roll back to is not clear; set oceans_llm_rollback_to to one of these: 2 (v0.23.0, deployed "),
        ("7", "Helm has no revision 7; set oceans_llm_rollback_to to one of these: 2 (v0.23.0, deployed "),
        ("v0.8.0", "Helm has no revision of version v0.8.0 that served"),
    ],
)
def test_without_a_target_nothing_is_changed_and_the_revisions_are_listed(life, to, said):
    result = life.go(Rollback, to=to)
    assert result["failed"] and said in result["msg"] and "nothing was changed" in result["msg"] and not life.writes()


def test_after_a_failed_upgrade_the_revision_that_served_needs_no_name(life):
    life.records((3, "failed", "v0.24.0"))
    result = life.go(Rollback)
    assert result["outcome"] == "served" and result["rollback"]["revision"] == 2, result


def test_a_revision_that_failed_is_no_target(life):
    life.records((3, "failed", "v0.24.0"))
    assert "revision 3 is failed and never served" in life.go(Rollback, to="3")["msg"] and not life.writes()


def test_a_chart_with_sub_charts_is_in_no_record(life, monkeypatch):
    monkeypatch.setitem(CHART["metadata"], "dependencies", [{"name": "postgresql"}])
    life.records((2, "superseded", "v0.23.0"), (3, "deployed", "v0.23.1"))
    result = life.go(Rollback, to="2")
    assert result["failed"] and "sub-charts (postgresql), which Helm's record does not contain; nothing was changed" in result["msg"] and not life.writes()


def test_a_rollback_in_check_mode_writes_nothing(life):
    life.records((3, "failed", "v0.24.0"))
    result = life.go(Rollback, check_mode=True)
    assert result["changed"] and "would change: ~Deployment/web, ~Job/mig, revision 3 has the status failed" in result["msg"] and not life.writes(), result


# --- migrations ----------------------------------------------------------------------------------------------------------

STATUS = "backend: postgres\nv43 validate [applied]\nv44 agent_session_analysis [pending]\nv45 agent_analysis_configuration_version [pending]\n"


def job_says(life, text, code=0):
    """One-off Jobs end at once with these words."""

    def created(handler):
        body = json.loads(next(b for _m, p, _q, b in reversed(life.api.seen) if p == paths.jobs(NS) and b))
        life.jobs.append(body["spec"]["template"]["spec"]["containers"][0]["args"])
        name, container = "one-off", body["spec"]["template"]["spec"]["containers"][0]["name"]
        done = {"type": "Complete", "status": "True", "lastTransitionTime": stamp()}
        labels = {**body["metadata"]["labels"]}
        job = {**body, "kind": "Job", "metadata": {"name": name, "labels": labels}, "status": {"succeeded": 1, "conditions": [done]}}
        made_job = life.cluster.put("jobs", job)
        ended = [{"name": container, "state": {"terminated": {"exitCode": code, "startedAt": stamp(1), "finishedAt": stamp()}}}]
        owner = {"kind": "Job", "name": name, "uid": "uid-one-off", "controller": True}
        meta = {"name": "one-off-x", "labels": {**labels, "job-name": "mig"}, "ownerReferences": [owner]}
        status = {"phase": "Succeeded", "containerStatuses": ended}
        life.cluster.put("pods", {"kind": "Pod", "metadata": meta, "spec": job["spec"]["template"]["spec"], "status": status})
        ok(made_job, 201)(handler)

    life.jobs = []
    life.api.on("POST", paths.jobs(NS), created)
    life.logs(text)
    life.cluster.put("deployments", {**deployment("v0.24.0"), "metadata": {**WEB["metadata"], "namespace": NS}})


def test_status_names_each_pending_migration_with_its_class(life):
    job_says(life, STATUS)
    result = life.go(Migrations)
    assert result["pending"] == [44, 45] and result["database"] == 43 and not result["changed"] and not result.get("failed"), result
    assert "V44 pending: additive, adds tables for the analysis of agent sessions" in life.screen()
    assert life.jobs == [["migrate", "--status"]] and ("DELETE", paths.job(NS, "one-off")) in life.writes(), "the Job is removed"


def test_check_fails_when_something_is_pending_and_says_how_to_apply(life):
    job_says(life, STATUS)
    result = life.go(Migrations, command="check")
    apply = "ansible-playbook -i INVENTORY oceans.llm.migrations -e oceans_llm_migrate=apply"
    assert result["failed"] and not result["changed"] and result["msg"].endswith(apply)


def test_the_session_that_a_migration_waits_for_is_named_by_pid_and_statement(life):
    life.server.answers[BLOCKED] = [("77", "psql", "oceans", "idle in transaction", "42", "LOCK TABLE users")]
    job_says(life, STATUS)
    result = life.go(Migrations)
    assert result["blocked_by"].startswith("process 77 (application psql") and "last statement: LOCK TABLE users" in result["msg"]


def test_apply_runs_under_the_lease_and_says_what_was_applied(life):
    job_says(life, STATUS)
    at(life, 43, 45)
    result = life.go(Migrations, command="apply")
    assert not result.get("failed") and result["changed"] and result["applied"] == [44, 45], result
    assert ["migrate", "--apply"] in life.jobs and life.cluster.holder == ""
    assert ("POST", paths.leases(NS)) in life.writes()


def test_apply_in_check_mode_creates_no_job(life):
    job_says(life, STATUS)
    result = life.go(Migrations, command="apply", check_mode=True)
    assert result["changed"] and "would apply: database at V43; pending migrations: V44–V45 additive" in result["msg"] and not life.writes()


def test_apply_stops_at_a_destructive_migration_without_a_restore_point(life):
    job_says(life, STATUS.replace("v45", "v48"))
    result = life.go(Migrations, command="apply")
    assert result["failed"] and "V48 destructive (not known to this collection" in result["msg"] and life.jobs == [["migrate", "--status"]]


def test_nothing_pending_is_nothing_to_apply(life):
    job_says(life, STATUS.replace("pending", "applied"))
    result = life.go(Migrations, command="apply")
    assert not result["changed"] and not result.get("failed") and life.jobs == [["migrate", "--status"]]
