# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What depends on the real operators, CloudNativePG and External Secrets. Letters are those of the classes that the rows belong to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .. import kube
from ..kube import kubectl
from ..place import CLUSTER, NEW, RELEASE, Place
from ..play import Play
from ..row import ENGINE_ROLES, PREFLIGHT, UPGRADE, Row
from ..signals import event, exited
from .b_secrets import EXTERNAL

OPERATOR = ("-n", "cnpg-system")
DEPLOYMENT = "deployment/cnpg-controller-manager"
#: every character that breaks a URL that is put together from its parts
PASSWORD = "p@ss:w/o#r%d?&=+ !"


def database(**more: Any) -> dict[str, Any]:
    """What a user writes for a database of the operator's, as small as it gets."""
    small = {"storage": {"size": "1Gi"}, "resources": {"requests": {"cpu": "20m", "memory": "96Mi"}, "limits": {"memory": "384Mi"}}}
    return {"oceans_llm_database_mode": "cloudnativepg", "oceans_llm_cloudnativepg": {**small, **more}}


# --- the operator itself ------------------------------------------------------------------------------------------------


def _operator_away(place: Place) -> None:
    kubectl(*OPERATOR, "scale", DEPLOYMENT, "--replicas=0")
    kubectl(*OPERATOR, "wait", "--for=delete", "pod", "-l", "app.kubernetes.io/name=cloudnative-pg", "--timeout=60s")


def _not_there_yet(place: Place) -> None:
    """The run makes the namespace itself."""
    kubectl("delete", "namespace", place.namespace, "--wait=true", timeout=120)


def _operator_away_before_all(place: Place) -> None:
    _not_there_yet(place)
    _operator_away(place)


def _operator_back() -> None:
    """Everything as its manifest has it, and answering."""
    kube.run(kube.ROOT / "testbed" / "operators.sh", "cloudnativepg", timeout=600)


def _nobody_looks(place: Place) -> None:
    """No operator, and a webhook that lets everything through then."""
    for kind in ("validating", "mutating"):
        name = f"{kind}webhookconfiguration/cnpg-{kind}-webhook-configuration"
        rules = kubectl("get", name, "-o", "jsonpath={range .webhooks[*]}{.name} {end}").split()
        patch = ",".join(f'{{"op":"replace","path":"/webhooks/{i}/failurePolicy","value":"Ignore"}}' for i in range(len(rules)))
        kubectl("patch", name, "--type=json", "-p", f"[{patch}]")
    _operator_away(place)


def _operator_returns(place: Place, play: Play) -> None:
    """As soon as preflight has said that it waits."""
    play.until("failed calling webhook", 60)
    kubectl(*OPERATOR, "scale", DEPLOYMENT, "--replicas=1")


# --- a Cluster ----------------------------------------------------------------------------------------------------------


def _cluster(place: Place) -> dict[str, Any]:
    return next(iter(c for c in kube.get(place.namespace, "clusters.postgresql.cnpg.io") if c["metadata"]["name"] == CLUSTER), {})


def _instances(place: Place, wanted: int, seconds: float) -> None:
    ready = f"--for=jsonpath={{.status.readyInstances}}={wanted}"
    kubectl("-n", place.namespace, "wait", f"cluster.postgresql.cnpg.io/{CLUSTER}", ready, f"--timeout={seconds:g}s")


def _two(place: Place) -> None:
    _instances(place, 2, 150)


def _primary_dies(place: Place, play: Play) -> None:
    """The primary's pod is deleted while the migration is in the middle of V44."""
    play.until(r"Job/\S+ is running", 120)
    logs = ("-n", place.namespace, "logs", f"job/{RELEASE}-oceans-llm-migrate")
    kube.until(lambda: re.search(r'"migration_version": ?44', kubectl(*logs, check=False)), 60, "the migration did not reach V44")
    place.notes["primary"] = _cluster(place)["status"]["currentPrimary"]
    kubectl("-n", place.namespace, "delete", "pod", place.notes["primary"], "--grace-period=1", "--wait=false")


def _moved(place: Place, play: Play) -> list[str]:
    now = _cluster(place)["status"]["currentPrimary"]
    return [f"the primary is still {now}: there was no fault"] if now == place.notes.get("primary") else []


def _credentials(place: Place) -> None:
    kube.apply(
        place.namespace,
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/basic-auth",
            "metadata": {"name": "database-login"},
            "stringData": {"username": "oceans", "password": PASSWORD},
        },
    )


def _logged_in_with_it(place: Place, play: Play) -> list[str]:
    """The password is the one that was given, and no session of the gateway got in by another."""
    found = []
    spec = _cluster(place)["spec"]
    if spec["instances"] != 3 or "walStorage" not in spec:
        found.append(f"the Cluster differs from the values: {spec['instances']} instances, walStorage {spec.get('walStorage')}")
    if place.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'oceans' AND datname = 'oceans_llm';") in ("", "0"):
        found.append("no session of the role oceans: the gateway uses another database")
    if PASSWORD in play.screen:
        found.append("the password was printed")
    return found


def _kept_and_adopted(place: Place, play: Play) -> list[str]:
    """Cluster and volume are there after the failure, a row survives, and the next deploy comes up on it."""
    before = _cluster(place)
    claims = {c["metadata"]["name"] for c in kube.get(place.namespace, "pvc", "-l", f"cnpg.io/cluster={CLUSTER}")}
    if not before or not claims:
        return [f"not kept: Cluster {'there' if before else 'gone'}, volume claims {sorted(claims) or 'none'}"]
    place.sql("CREATE TABLE survivor AS SELECT 42 AS answer;")
    plain = Row(place.row.id, place.row.title, variables=database())
    again = Play(place, place.variables(NEW, plain), label="again")
    code = again.wait(240)
    after, answer = _cluster(place), place.sql("SELECT answer FROM survivor;")
    problems = [] if code == 0 else [f"the next deployment failed: {again.screen[-400:]}"]
    if after["metadata"]["uid"] != before["metadata"]["uid"]:
        problems.append("the Cluster was recreated")
    if answer != "42" or place.version() != 45:
        problems.append(f"the old data are missing: the row survivor is {answer!r}, V{place.version()}")
    return problems


NEEDS: Mapping[str, Any] = {"needs": ("cloudnativepg",)}
FIXED = {"additionalSpec": {"postgresql": {"parameters": {"port": "5433"}}}}
FAILING_SQL = {"additionalSpec": {"bootstrap": {"initdb": {"postInitApplicationSQL": ["SELECT 1/0"]}}}}

WEBHOOK_AWAY = Row(
    "A9",
    "CloudNativePG is scaled to 0: its webhook has no endpoints (preflight)",
    "WebhookUnavailable",
    32,  # it is fails the run after 30 s to come back
    by=PREFLIGHT,
    variables=database(),
    prepare=_operator_away,
    mend=_operator_back,
    alone=True,
    says=("cnpg.io", "cnpg-webhook-service|no endpoints|refused"),
    takes=70,
    **NEEDS,
)

NOT_TAKEN = Row(
    "F13b",
    "a setting that the operator refuses (preflight)",
    "ObjectInvalid",
    1,
    by=PREFLIGHT,
    variables=database(**FIXED),
    says=("postgresql.parameters", "port"),
    takes=10,
    **NEEDS,
)

ROWS = (
    WEBHOOK_AWAY,
    replace(
        WEBHOOK_AWAY, id="A9n", title="CloudNativePG is scaled to 0, and the namespace of the release does not exist yet", prepare=_operator_away_before_all
    ),
    Row(
        "A9r",
        "CloudNativePG restarts during preflight, and its webhook works again",
        variables=database(),
        prepare=_operator_away,
        beside=_operator_returns,
        mend=_operator_back,
        alone=True,
        says=(r"failed calling webhook .*cnpg\.io.*fails the run after 30 s",),
        takes=80,
        **NEEDS,
    ),
    Row(
        "A9e",
        "CloudNativePG is scaled to 0: its webhook has no endpoints (without preflight)",
        "WebhookUnavailable",
        roles=ENGINE_ROLES,
        variables=database(),
        prepare=_operator_away,
        mend=_operator_back,
        alone=True,
        says=("cnpg.io",),
        takes=60,
        **NEEDS,
    ),
    Row(
        "F14o",
        "a CloudNativePG Cluster, and no CloudNativePG operator runs",
        "PostgresClusterWaits",
        roles=ENGINE_ROLES,
        variables=database(),
        prepare=_nobody_looks,
        mend=_operator_back,
        alone=True,
        timeout=25,
        named="no operator has acted on the object",
        says=("no operator has acted on the object", "cloudnative-pg"),
        takes=75,
        **NEEDS,
    ),
    Row(
        "B6s",
        "an ExternalSecret whose store does not exist (preflight)",
        "SecretStoreMissing",
        1,
        by=PREFLIGHT,
        variables=EXTERNAL,
        says=("SecretStore/vault",),
        needs=("external-secrets",),
        takes=10,
    ),
    Row(
        "B6e",
        "an ExternalSecret whose store does not exist (without preflight)",
        "ExternalSecretFailed",
        named="cannot create the Secret of .*vault",
        waive=("SecretStoreMissing",),
        variables=EXTERNAL,
        signal=event("UpdateFailed|InvalidStoreRef"),
        says=("vault",),
        needs=("external-secrets",),
        takes=35,
    ),
    Row(
        "C10e",
        "a StorageClass that does not exist (without preflight)",
        "StorageClassMissing",
        1,
        waive=("StorageClassMissing",),
        variables=database(storage={"storageClass": "gold", "size": "1Gi"}),
        signal=event("ProvisioningFailed"),
        says=("gold",),
        takes=40,
        **NEEDS,
    ),
    Row(
        "F13",
        "a CloudNativePG Cluster whose name has 51 characters",
        "ClusterName|ChartRefused",
        1,
        by=PREFLIGHT,
        variables=database(clusterName="x" * 51),
        says=("50",),
        takes=10,
        **NEEDS,
    ),
    NOT_TAKEN,
    replace(NOT_TAKEN, id="F13n", title=f"{NOT_TAKEN.title}, in a namespace that does not exist yet", prepare=_not_there_yet, takes=15),
    Row(
        "F13e",
        "a setting that the operator refuses (without preflight)",
        "ObjectInvalid",
        waive=("ObjectInvalid",),
        variables=database(**FIXED),
        says=("postgresql.parameters", "port"),
        takes=30,
        **NEEDS,
    ),
    Row(
        "F14",
        "the Secret of the database login does not exist (preflight)",
        "SecretMissing",
        1,
        by=PREFLIGHT,
        variables=database(existingCredentialsSecret="database-login"),
        says=("database-login",),
        takes=10,
        **NEEDS,
    ),
    Row(
        "F14e",
        "initdb waits for a Secret that does not exist (without preflight)",
        "SecretMissing",
        3,
        waive=("SecretMissing",),
        variables=database(existingCredentialsSecret="database-login"),
        signal=event("Failed", "not found"),
        says=("database-login",),
        takes=40,
        **NEEDS,
    ),
    Row(
        "F14i",
        "initdb fails (its SQL divides by zero)",
        "PostgresClusterFailed",
        3,
        declared_within=60,  # one failure proves nothing: the operator's Job tries again after 10 s
        named="division by zero",
        variables=database(**FAILING_SQL),
        signal=exited("initdb"),
        says=("division by zero",),
        takes=60,
        **NEEDS,
    ),
    Row(
        "F14p",
        "three PostgreSQL instances, a volume for the write-ahead log, and a password that contains @:/#%",
        variables=database(instances=3, walStorage={"enabled": True, "size": "1Gi"}, existingCredentialsSecret="database-login"),
        prepare=_credentials,
        check=_logged_in_with_it,
        says=("Cluster/",),
        takes=110,
        **NEEDS,
    ),
    Row(
        "F15",
        "the PostgreSQL primary is killed during a migration",
        on=(UPGRADE,),
        base=database(instances=2),
        variables=database(instances=2),
        knobs={"STANDIN_MIGRATION_SLOW": "44:14"},
        prepare=_two,
        beside=_primary_dies,
        check=_moved,
        says=(f"the primary moves from {CLUSTER}-\\d", "attempt 1 of|attempt 2"),
        takes=170,
        **NEEDS,
    ),
    Row(
        "F16",
        "a failed first install keeps the CloudNativePG Cluster with its data, and the next deployment uses both",
        "MigrationFailed",
        1.5,
        variables=database(),
        knobs={"STANDIN_MIGRATION_FAIL": "30"},
        signal=exited("migrate"),
        check=_kept_and_adopted,
        says=("V30", "at V29"),
        watch_after=5,
        takes=150,
        **NEEDS,
    ),
)
