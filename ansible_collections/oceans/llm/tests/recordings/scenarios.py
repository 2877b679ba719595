# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is recorded: small workloads that fail in one way each, and healthy ones.

A scenario's `expect` is the code that has to be declared; empty: the rollout has to succeed. `before` is the cause that may be
shown on the way. Objects are plain manifests, applied without Helm: the rules see the same streams.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

IMAGE = "127.0.0.1:5000/oceans-llm/gateway:v0.24.0"
LABELS = {"app": "it"}


@dataclass(frozen=True)
class Scenario:
    name: str
    objects: tuple[dict[str, Any], ...]
    expect: str = ""
    #: what is made before the watches start (quota, Secrets)
    ground: tuple[dict[str, Any], ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    seconds: float = 25.0
    #: seconds after the start -> an action of record.py: delete-job-pod, update
    then: tuple[tuple[float, str], ...] = ()


def container(name: str = "it", command: str = "sleep 3600", **more: Any) -> dict[str, Any]:
    return {"name": name, "image": IMAGE, "command": ["sh", "-c", command], **more}


def pod(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"terminationGracePeriodSeconds": 1, "containers": list(containers), **spec}


def deployment(spec: dict[str, Any], replicas: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "it"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": LABELS}, "template": {"metadata": {"labels": LABELS}, "spec": spec}, **more},
    }


def job(spec: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "it-migrate"},
        "spec": {"backoffLimit": 3, "template": {"metadata": {"labels": {"app": "it-migrate"}}, "spec": {"restartPolicy": "Never", **spec}}, **more},
    }


def thing(version: str, kind: str, name: str, **body: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **body}


def begin(version: int, name: str, event: str = "begin") -> str:
    """A shell command that prints one migration line as the gateway does."""
    line = (
        '{"timestamp":"2026-01-01T00:00:00.000000Z","level":"INFO","fields":{"message":"migration","backend":"postgres",'
        f'"migration_version":{version},"migration_name":"{name}","migration_event":"{event}"}},"target":"gateway_store::migrate"}}'
    )
    return f"echo '{line}'"


def error(*links: str) -> str:
    """A shell command that ends as the gateway does: its chain of causes, exit code 1."""
    chain = "\\n".join(f"    {n}: {text}" for n, text in enumerate(links[1:]))
    return f"printf 'Error: {links[0]}\\n\\nCaused by:\\n{chain}\\n' >&2; exit 1"


READY = {"exec": {"command": ["true"]}, "periodSeconds": 1}
NEVER_READY = {"exec": {"command": ["false"]}, "periodSeconds": 2, "failureThreshold": 2, "timeoutSeconds": 1}
FROM_SECRET = [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "creds", "key": "TOKEN"}}}]
SECRET = thing("v1", "Secret", "creds", stringData={"OTHER": "not-so-secret-1"})
HEALTHY = deployment(pod(container(readinessProbe=READY)))
OK_JOB = job(pod(container("migrate", f"{begin(17, 'baseline')}; sleep 1; {begin(17, 'baseline', 'commit')}; echo 'v17 baseline [applied]'")))
SERVER = "error returned from database: "


def image(reference: str, **more: Any) -> dict[str, Any]:
    return deployment(pod({**container(), "image": reference, **more}))


SCENARIOS: tuple[Scenario, ...] = (
    # --- healthy
    Scenario("good-install", (HEALTHY, OK_JOB)),
    Scenario("good-replicas", (deployment(pod(container(readinessProbe={**READY, "initialDelaySeconds": 3})), replicas=3),)),
    Scenario(
        "good-init-and-sidecar",
        (deployment(pod(container(readinessProbe=READY), initContainers=[container("wait", "sleep 2"), container("side", restartPolicy="Always")])),),
    ),
    Scenario("good-update", (deployment(pod(container(readinessProbe={**READY, "initialDelaySeconds": 2})), replicas=2),), seconds=40, then=((4.0, "update"),)),
    Scenario(
        "old_pods_lost.good-old-pod-lost",
        (
            deployment(
                pod(
                    container(readinessProbe={**READY, "initialDelaySeconds": 6}),
                    initContainers=[
                        container(
                            "wait",
                            'if [ -e /flag/newer ]; then echo "this gateway version can\'t run on this database"; exit 1; fi',
                            volumeMounts=[{"name": "flag", "mountPath": "/flag"}],
                        )
                    ],
                    volumes=[{"name": "flag", "configMap": {"name": "flag", "optional": True}}],
                ),
                replicas=2,
            ),
        ),
        seconds=75,
        then=((12.0, "lose-old-pod"),),
    ),
    Scenario(
        "good-slow-start",
        (
            deployment(
                pod(
                    container(
                        "it",
                        "sleep 15; touch /tmp/ok; sleep 3600",
                        startupProbe={"exec": {"command": ["test", "-e", "/tmp/ok"]}, "periodSeconds": 1, "failureThreshold": 60},
                        readinessProbe={"exec": {"command": ["test", "-e", "/tmp/ok"]}, "periodSeconds": 1, "failureThreshold": 2},
                    )
                )
            ),
        ),
        seconds=40,
    ),
    Scenario(
        "crashes.good-crash-once",
        (
            deployment(
                pod(
                    container(
                        "it",
                        "if [ -e /state/x ]; then sleep 3600; else touch /state/x; echo first try fails; exit 3; fi",
                        readinessProbe={**READY, "initialDelaySeconds": 2},
                        volumeMounts=[{"name": "s", "mountPath": "/state"}],
                    ),
                    volumes=[{"name": "s", "emptyDir": {}}],
                )
            ),
        ),
    ),
    Scenario("deleted_attempts.good-job-pod-deleted", (job(pod(container("migrate", "sleep 6"))),), then=((3.0, "delete-job-pod"),), seconds=40),
    Scenario("disruptions.good-job-pod-evicted", (job(pod(container("migrate", "sleep 6"))),), then=((3.0, "evict-job-pod"),), seconds=40),
    Scenario(
        "attempts.good-job-second-try",
        (job(pod(container("migrate", error("database migration failed", "failed opening pool", "pool timed out while waiting for an open connection")))),),
        then=((6.0, "mend-job"),),
        seconds=40,
    ),
    Scenario(
        "unschedulable.good-taint-lifted",
        (deployment(pod(container(readinessProbe=READY), nodeSelector={"oceans-llm-test": "late"})),),
        then=((8.0, "label-node"),),
        seconds=40,
    ),
    # --- images
    Scenario("images.image-not-found", (image("127.0.0.1:5000/oceans-llm/gateway:v0.0.0-none"),), "ImageNotFound"),
    Scenario(
        "images.image-not-found-job", (job(pod({**container("migrate"), "image": "127.0.0.1:5000/oceans-llm/gateway:v0.0.0-none"})), HEALTHY), "ImageNotFound"
    ),
    Scenario(
        "images.image-not-found-init",
        (deployment(pod(container(), initContainers=[{**container("wait"), "image": "127.0.0.1:5000/oceans-llm/gateway:v0.0.0-none"}])),),
        "ImageNotFound",
    ),
    Scenario("images.image-name-invalid", (image("127.0.0.1:5000/OCEANS/gateway:v1"),), "ImageNameInvalid"),
    Scenario("images.image-never-pulled", (image("127.0.0.1:5000/oceans-llm/gateway:v0.0.0-none", imagePullPolicy="Never"),), "ImageNeverPulled"),
    Scenario("images.image-registry-refused", (image("127.0.0.1:5999/oceans-llm/gateway:v1"),), "ImageRegistryError", seconds=20),
    Scenario("images.image-registry-unknown", (image("registry.invalid/oceans-llm/gateway:v1"),), "ImageRegistryError", seconds=20),
    # --- config
    Scenario("config.secret-missing", (deployment(pod(container(env=FROM_SECRET))),), "SecretMissing"),
    Scenario("config.secret-missing-envfrom", (job(pod(container("migrate", envFrom=[{"secretRef": {"name": "creds"}}]))),), "SecretMissing"),
    Scenario("config.secret-key-missing", (deployment(pod(container(env=FROM_SECRET))),), "SecretKeyMissing", ground=(SECRET,)),
    Scenario("config.configmap-missing", (deployment(pod(container(envFrom=[{"configMapRef": {"name": "conf"}}]))),), "ConfigMapMissing"),
    Scenario(
        "config.configmap-key-missing",
        (deployment(pod(container(env=[{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "conf", "key": "a"}}}]))),),
        "ConfigMapKeyMissing",
        ground=(thing("v1", "ConfigMap", "conf", data={"b": "1"}),),
    ),
    Scenario("config.run-as-non-root", (deployment(pod(container(), securityContext={"runAsNonRoot": True})),), "RunAsNonRoot"),
    # --- containers
    Scenario("crashes.crash-loop", (deployment(pod(container("it", "echo cannot open the pod bay doors; exit 7"))),), "CrashLoop"),
    Scenario("crashes.crash-loop-init", (deployment(pod(container(), initContainers=[container("wait", "echo nothing to wait for; exit 4")])),), "CrashLoop"),
    Scenario(
        "crashes.crash-loop-sidecar",
        (
            deployment(
                pod(
                    container(readinessProbe=READY),
                    initContainers=[container("side", "echo no collector; exit 5", restartPolicy="Always", readinessProbe=READY)],
                )
            ),
        ),
        "CrashLoop",
    ),
    Scenario("crashes.ends-by-itself", (deployment(pod(container("it", "echo done", readinessProbe=READY))),), "ContainerEnded"),
    Scenario(
        "crashes.oom-killed",
        (deployment(pod(container("it", "tail /dev/zero", resources={"limits": {"memory": "24Mi"}, "requests": {"memory": "8Mi"}}))),),
        "OOMKilled",
    ),
    Scenario(
        "attempts.oom-killed-job",
        (job(pod(container("migrate", "tail /dev/zero", resources={"limits": {"memory": "24Mi"}, "requests": {"memory": "8Mi"}}))),),
        "OOMKilled",
    ),
    Scenario("crashes.segfault", (deployment(pod(container("it", "sh -c 'kill -SEGV $$'; exit 139"))),), "Segfault"),
    Scenario("crashes.command-missing", (deployment(pod({"name": "it", "image": IMAGE, "command": ["no-such-program"]})),), "CannotStart"),
    Scenario(
        "crashes.exec-format",
        (deployment(pod(container("it", r"printf '\177ELF\002\001\001junk' > /tmp/x; chmod +x /tmp/x; echo exec /tmp/x: exec format error >&2; exit 126"))),),
        "ExecFormat",
    ),
    Scenario(
        "crashes.usage-error",
        (
            deployment(
                pod(
                    container(
                        "it",
                        "printf \"error: invalid value '0' for '--run-migrations <RUN_MIGRATIONS>'\\n  [possible values: true, false]\\n\\n"
                        "For more information, try '--help'.\\n\" >&2; exit 2",
                    )
                )
            ),
        ),
        "UsageError",
    ),
    Scenario(
        "not_ready.startup-probe",
        (deployment(pod(container(startupProbe={"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 4}))),),
        "StartupProbeFailed",
        seconds=35,
    ),
    Scenario(
        "crashes.liveness-probe",
        (
            deployment(
                pod(
                    container(
                        livenessProbe={"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 3},
                        readinessProbe={**NEVER_READY, "failureThreshold": 30},
                    )
                )
            ),
        ),
        "LivenessProbeFailed",
        seconds=45,
    ),
    # --- jobs and the gateway's words
    Scenario("attempts.job-failed", (job(pod(container("migrate", "echo it is broken; exit 1"))),), "CrashLoop", seconds=40),
    Scenario("failed_jobs.job-failed-for-good", (job(pod(container("migrate", "echo it is broken; exit 1")), backoffLimit=0),), "JobFailed"),
    Scenario(
        "failed_jobs.job-deadline",
        (job(pod(container("migrate", f"{begin(31, 'route_index')}; sleep 60")), activeDeadlineSeconds=6),),
        "JobDeadline",
        seconds=30,
    ),
    Scenario(
        "attempts.job-auth",
        (
            job(
                pod(
                    container(
                        "migrate",
                        error(
                            "failed to apply database migrations",
                            "failed opening postgres connection pool",
                            SERVER + 'password authentication failed for user "oceans"',
                        ),
                    )
                )
            ),
        ),
        "DatabaseAuth",
    ),
    Scenario(
        "attempts.job-migration-failed",
        (
            job(
                pod(
                    container(
                        "migrate",
                        "; ".join(
                            (
                                begin(45, "one"),
                                begin(45, "one", "commit"),
                                begin(46, "batch_jobs"),
                                begin(46, "batch_jobs", "rollback"),
                                error(
                                    "failed to apply database migrations",
                                    "failed applying postgres migration 46",
                                    SERVER + 'relation "batch_jobs" already exists',
                                ),
                            )
                        ),
                    )
                )
            ),
        ),
        "MigrationFailed",
    ),
    Scenario(
        "attempts.job-image-older",
        (
            job(
                pod(
                    container(
                        "migrate",
                        error(
                            "failed to apply database migrations",
                            "database reset required for postgres: found historical migration v99 outside the active registry; "
                            "recreate the database and rerun migrations",
                        ),
                    )
                )
            ),
        ),
        "ImageOlderThanDatabase",
    ),
    Scenario(
        "attempts.job-config-invalid",
        (
            job(
                pod(
                    container(
                        "migrate",
                        error(
                            "failed to load gateway configuration from `c.yaml`",
                            "invalid gateway configuration `c.yaml`",
                            "required environment variable `POSTGRES_URL` is not set",
                            "environment variable not found",
                        ),
                    )
                )
            ),
        ),
        "GatewayVariableMissing",
    ),
    # --- admission
    Scenario(
        "admission_replicasets.quota",
        (deployment(pod(container())),),
        "QuotaExceeded",
        ground=(thing("v1", "ResourceQuota", "tight", spec={"hard": {"pods": "0"}}),),
    ),
    Scenario(
        "admission_jobs.quota-job",
        (job(pod(container("migrate"))),),
        "QuotaExceeded",
        ground=(thing("v1", "ResourceQuota", "tight", spec={"hard": {"pods": "0"}}),),
    ),
    Scenario(
        "admission_replicasets.quota-needs-requests",
        (deployment(pod(container())),),
        "QuotaNeedsResources",
        ground=(thing("v1", "ResourceQuota", "cpu", spec={"hard": {"requests.cpu": "1"}}),),
    ),
    Scenario(
        "admission_replicasets.limit-range",
        (deployment(pod(container(resources={"limits": {"cpu": "2"}}))),),
        "LimitRangeViolated",
        ground=(thing("v1", "LimitRange", "small", spec={"limits": [{"type": "Container", "max": {"cpu": "100m"}}]}),),
    ),
    Scenario("admission_replicasets.pod-security", (deployment(pod(container())),), "PodSecurity", labels={"pod-security.kubernetes.io/enforce": "restricted"}),
    Scenario("admission_jobs.pod-security-job", (job(pod(container("migrate"))),), "PodSecurity", labels={"pod-security.kubernetes.io/enforce": "restricted"}),
    Scenario("admission_replicasets.service-account", (deployment(pod(container(), serviceAccountName="nobody")),), "ServiceAccountMissing"),
    Scenario("admission_replicasets.priority-class", (deployment(pod(container(), priorityClassName="very-important")),), "PriorityClassMissing"),
    # --- scheduling and volumes
    Scenario("unschedulable.unschedulable", (deployment(pod(container(resources={"requests": {"cpu": "900"}}))),), "Unschedulable", seconds=12),
    Scenario(
        "mounts.mount-secret-missing",
        (deployment(pod(container(volumeMounts=[{"name": "v", "mountPath": "/v"}]), volumes=[{"name": "v", "secret": {"secretName": "creds"}}])),),
        "SecretMissing",
    ),
    Scenario(
        "mounts.mount-key-missing",
        (
            deployment(
                pod(
                    container(volumeMounts=[{"name": "v", "mountPath": "/v"}]),
                    volumes=[{"name": "v", "secret": {"secretName": "creds", "items": [{"key": "CA", "path": "ca"}]}}],
                )
            ),
        ),
        "SecretKeyMissing",
        ground=(SECRET,),
    ),
    Scenario(
        "mounts.mount-failed",
        (
            deployment(
                pod(
                    container(volumeMounts=[{"name": "v", "mountPath": "/v"}]),
                    volumes=[{"name": "v", "hostPath": {"path": "/no/such/folder", "type": "Directory"}}],
                )
            ),
        ),
        "MountFailed",
        seconds=12,
    ),
    Scenario(
        "volume_claims.storage-class",
        (
            deployment(
                pod(container(volumeMounts=[{"name": "v", "mountPath": "/v"}]), volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}])
            ),
            thing(
                "v1",
                "PersistentVolumeClaim",
                "data",
                spec={"accessModes": ["ReadWriteOnce"], "storageClassName": "gold", "resources": {"requests": {"storage": "1Mi"}}},
            ),
        ),
        "StorageClassMissing",
    ),
    Scenario(
        "volume_claims.claim-missing",
        (deployment(pod(container(volumeMounts=[{"name": "v", "mountPath": "/v"}]), volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}])),),
        "ClaimMissing",
    ),
    # --- readiness and rollout
    Scenario("not_ready.never-ready", (deployment(pod(container(readinessProbe=NEVER_READY))),), "NotReadyInTime", seconds=45),
    Scenario(
        "not_ready.never-ready-after-startup", (deployment(pod(container(readinessProbe=NEVER_READY, startupProbe={**READY}))),), "NotReadyInTime", seconds=35
    ),
    Scenario(
        "deadlines.progress-deadline",
        (deployment(pod(container(readinessProbe={**NEVER_READY, "failureThreshold": 60})), progressDeadlineSeconds=6),),
        "ProgressDeadline",
        seconds=20,
    ),
    Scenario("paused.paused", (deployment(pod(container()), paused=True),), "DeploymentPaused", seconds=8),
    Scenario("suspended.job-suspended", (job(pod(container("migrate")), suspend=True),), "JobSuspended", seconds=8),
)
