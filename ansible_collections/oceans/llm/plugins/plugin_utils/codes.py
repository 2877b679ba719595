# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All codes that the engine can say, in one table: title, certainty, budget, what to do.

Codes are an interface: scripts match on them, docs/causes.md is generated from here. A code is never renamed; a new
meaning gets a new code.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Certainty(Enum):
    """CERTAIN ends the run; TRANSIENT is given a budget; LIKELY is shown and nothing more."""

    CERTAIN = "certain"
    LIKELY = "likely"
    TRANSIENT = "transient"


CERTAIN, LIKELY, TRANSIENT = Certainty.CERTAIN, Certainty.LIKELY, Certainty.TRANSIENT


@dataclass(frozen=True)
class Entry:
    """One row. `do` may use {ns}, {name} (of the object), {container} and what the rule passes by name.

    :ivar float budget: seconds that a transient cause is given; None: it is shown for as long as it lasts.
    """

    code: str
    group: str
    title: str
    certainty: Certainty
    do: str
    budget: float | None = None


_LOGS = "kubectl -n {ns} logs {name} -c {container} --previous"

ENTRIES: tuple[Entry, ...] = (
    # --- images
    Entry(
        "ImageNotFound",
        "Images",
        "the registry has no such image or tag",
        CERTAIN,
        "push the image, or set oceans_llm_version to a tag that exists in {repository}",
    ),
    Entry("ImageDenied", "Images", "the registry refuses to hand out the image (401, 403)", CERTAIN, "{pull_secrets}"),
    Entry(
        "ImageArchitecture",
        "Images",
        "the image has no build for the node's architecture",
        CERTAIN,
        "use an image built for the node, or a nodeSelector kubernetes.io/arch in oceans_llm_values.scheduling",
    ),
    Entry(
        "ImageNameInvalid",
        "Images",
        "the image's name cannot be parsed",
        CERTAIN,
        "repository names are lower case, tags have no spaces: correct oceans_llm_gateway_image or oceans_llm_version",
    ),
    Entry(
        "ImageNeverPulled",
        "Images",
        "the pull policy is Never and the image is not on the node",
        CERTAIN,
        "set pullPolicy IfNotPresent, or load the image onto the node",
    ),
    Entry(
        "ImageInsecureRegistry",
        "Images",
        "the node does not trust the registry (plain HTTP, or an unknown certificate authority)",
        CERTAIN,
        "configure the registry in the node's containerd (hosts.toml: http or ca), or use a registry with a public certificate",
    ),
    Entry(
        "ImageRateLimited",
        "Images",
        "the registry limits the rate of pulls (429)",
        TRANSIENT,
        "wait, pull with credentials, or use a mirror of the registry",
        300,
    ),
    Entry(
        "ImageRegistryError",
        "Images",
        "the registry or the way to it is in trouble (5xx, DNS, refused, time-out)",
        TRANSIENT,
        "check the registry's host {registry} from the node: DNS, firewall, proxy",
        240,
    ),
    Entry(
        "ImagePullFailed",
        "Images",
        "the image cannot be pulled, for a reason not known here",
        TRANSIENT,
        "read the evidence; kubectl -n {ns} describe pod {name}",
        120,
    ),
    # --- config
    Entry(
        "SecretMissing",
        "Secrets and config",
        "a Secret that a container needs is not there",
        CERTAIN,
        "create it, or list its keys in oceans_llm_secrets: kubectl -n {ns} get secret {missing}",
    ),
    Entry(
        "SecretPending",
        "Secrets and config",
        "a Secret is still to be made by an operator",
        TRANSIENT,
        "look at what makes it: kubectl -n {ns} describe {maker}",
        300,
    ),
    Entry(
        "SecretKeyMissing",
        "Secrets and config",
        "a Secret lacks a key that a container needs",
        CERTAIN,
        "add the key {key}: oceans_llm_secrets, or kubectl -n {ns} edit secret {missing}",
    ),
    Entry(
        "ConfigMapMissing",
        "Secrets and config",
        "a ConfigMap that a container needs is not there",
        CERTAIN,
        "create it, or correct its name: kubectl -n {ns} get configmap {missing}",
    ),
    Entry("ConfigMapKeyMissing", "Secrets and config", "a ConfigMap lacks a key that a container needs", CERTAIN, "add the key {key} to ConfigMap {missing}"),
    Entry(
        "RunAsNonRoot",
        "Secrets and config",
        "runAsNonRoot is set and the image's user is root or only a name",
        CERTAIN,
        "set securityContext.runAsUser to the number of the image's user (gateway 10001, admin UI 1000)",
    ),
    Entry(
        "ContainerConfig",
        "Secrets and config",
        "the container cannot be made from its specification",
        CERTAIN,
        "correct the container's specification: kubectl -n {ns} describe pod {name}",
    ),
    Entry(
        "ExternalSecretFailed",
        "Secrets and config",
        "External Secrets cannot read a value from its store",
        CERTAIN,
        "correct the store or the key: kubectl -n {ns} describe externalsecret {name}",
    ),
    Entry(
        "ExternalSecretRetrying",
        "Secrets and config",
        "External Secrets cannot reach its store yet",
        TRANSIENT,
        "check the store: kubectl -n {ns} describe secretstore",
        120,
    ),
    # --- containers
    Entry("ContainerExited", "Containers", "a container ended with an error once", TRANSIENT, _LOGS),
    Entry("CrashLoop", "Containers", "a container ends with an error again and again", CERTAIN, _LOGS),
    Entry("ContainerEnded", "Containers", "a container that has to go on ended without an error", TRANSIENT, "check its command and arguments; " + _LOGS, 60),
    Entry("OOMKilled", "Containers", "a container used more memory than its limit", CERTAIN, "raise resources.limits.memory of {container} above {limit}"),
    Entry(
        "Segfault",
        "Containers",
        "a container died of a signal of its own (segmentation fault and the like)",
        CERTAIN,
        "the program or its image is broken on this node: try another tag; " + _LOGS,
    ),
    Entry("ExecFormat", "Containers", "the program is built for another architecture", CERTAIN, "use an image built for the node's architecture"),
    Entry(
        "CannotStart",
        "Containers",
        "the container's command cannot be started",
        CERTAIN,
        "correct command and args of {container}: the file is missing or not executable in this image",
    ),
    Entry(
        "UsageError",
        "Containers",
        "the program refuses its arguments or switches (exit code 2)",
        CERTAIN,
        "correct the argument or the variable named in the evidence",
    ),
    Entry(
        "StartupProbeFailed",
        "Containers",
        "the container was not up within its startup probe and was killed",
        CERTAIN,
        "raise startupProbe.failureThreshold, or see what it waits for: " + _LOGS,
    ),
    Entry(
        "LivenessProbeFailed",
        "Containers",
        "the liveness probe kills the container",
        TRANSIENT,
        "raise the liveness probe's initialDelaySeconds or failureThreshold, or add a startupProbe; " + _LOGS,
        90,
    ),
    # --- the gateway's own words
    Entry("GatewayConfigInvalid", "Gateway", "the gateway refuses its configuration", CERTAIN, "correct oceans_llm_config as the message says"),
    Entry(
        "GatewayVariableMissing",
        "Gateway",
        "an environment variable that the configuration refers to is not set",
        CERTAIN,
        "provide {variable}: a key of that name in oceans_llm_secrets, or gateway.extraEnv",
    ),
    Entry(
        "GatewayReferenceInvalid",
        "Gateway",
        "a field of the configuration holds a plain value where env.NAME is needed",
        CERTAIN,
        "put the value into a Secret and write env.NAME; it was printed in the gateway's log, so consider it known",
    ),
    Entry(
        "SeedConflict",
        "Gateway",
        "the configuration contradicts itself or the database (seed-config)",
        CERTAIN,
        "correct the object named in the evidence, for example a route that names an unknown provider",
    ),
    Entry(
        "ListenFailed",
        "Gateway",
        "the gateway cannot listen on its port",
        CERTAIN,
        "give the other container another port, or change gateway.service.targetPort and server.bind: kubectl -n {ns} describe pod {name}",
    ),
    Entry("GatewayStopped", "Gateway", "the gateway's server stopped by itself", TRANSIENT, _LOGS, 90),
    # --- database
    Entry(
        "DatabaseAuth",
        "Database",
        "PostgreSQL does not accept user and password (28P01, 28000)",
        CERTAIN,
        "correct user and password in {source}; special characters must be percent-encoded",
    ),
    Entry(
        "DatabaseMissing",
        "Database",
        "the database does not exist on the server (3D000)",
        CERTAIN,
        "create the database, or correct its name in {source}",
    ),
    Entry(
        "DatabasePermission",
        "Database",
        "the role may not do what the migration needs (42501)",
        CERTAIN,
        "make the role the database's owner, or: GRANT CREATE ON SCHEMA public TO <role>",
    ),
    Entry(
        "DatabaseReadOnly",
        "Database",
        "the database is read-only (25006)",
        CERTAIN,
        "point the URL at the primary (CloudNativePG: <cluster>-rw), or end read-only mode",
    ),
    Entry("DatabaseFull", "Database", "the database server has no disk space left (53100)", CERTAIN, "make room or enlarge the volume, then run again"),
    Entry(
        "DatabaseConnections",
        "Database",
        "the database server accepts no more connections (53300)",
        TRANSIENT,
        "raise max_connections, or lower database.max_connections in oceans_llm_config",
        90,
    ),
    Entry(
        "DatabaseHostUnknown",
        "Database",
        "the database's host name cannot be resolved",
        CERTAIN,
        "correct the host in {source}; an unencoded @ : / # or % in the password ends here too",
    ),
    Entry(
        "DatabaseUnreachable",
        "Database",
        "the database does not answer (refused, starting, full, or dropped on the way)",
        TRANSIENT,
        "check host, port, NetworkPolicy and whether the server is up; the gateway hides which of them it is",
        150,
    ),
    Entry(
        "DatabaseSilent",
        "Database",
        "the migration waits for a connection and says nothing",
        TRANSIENT,
        "check host, port, NetworkPolicy and whether the server is up",
        150,
    ),
    Entry(
        "DatabaseInterrupted",
        "Database",
        "the database server broke off (restart, fail-over, deadlock)",
        TRANSIENT,
        "the Job tries again; if it goes on, look at the database server",
        120,
    ),
    Entry(
        "DatabaseNotPostgres",
        "Database",
        "what answers at the database's address is not PostgreSQL",
        CERTAIN,
        "correct host and port in {source}: another kind of server answers there",
    ),
    Entry(
        "DatabaseTls",
        "Database",
        "no encrypted connection to the database",
        CERTAIN,
        "check sslmode in the URL and the certificate authority mounted for PostgreSQL",
    ),
    Entry(
        "MigrationFailed",
        "Database",
        "a migration failed and was rolled back",
        CERTAIN,
        "correct the data or the schema that it stumbled over, then run again; the version is not applied",
    ),
    Entry("MigrationRace", "Database", "another migrator is at work on the same database", TRANSIENT, "wait: the other one finishes the migration", 120),
    Entry(
        "MigrationWaits",
        "Database",
        "a migration takes long, it may wait for a lock",
        TRANSIENT,
        "look for a blocker: SELECT pid, application_name, query FROM pg_stat_activity "
        "WHERE pid = ANY (SELECT unnest(pg_blocking_pids(pid)) FROM pg_stat_activity)",
    ),
    Entry(
        "ImageOlderThanDatabase",
        "Database",
        "the database is newer than this image can run on",
        CERTAIN,
        "deploy a version that knows {version} or later; never recreate the database for this",
    ),
    Entry(
        "MigrationHistoryForeign",
        "Database",
        "the recorded migrations are not the ones of this image",
        CERTAIN,
        "stop: the history was edited or belongs to another fork; compare refinery_schema_history with a backup",
    ),
    Entry(
        "DatabaseForeign",
        "Database",
        "the database holds tables of an application but no migration history",
        CERTAIN,
        "point the URL at the right database, or at an empty one",
    ),
    Entry(
        "SchemaMissing",
        "Database",
        "the gateway was started on a database without its schema",
        TRANSIENT,
        "see why the migration has not run: migrations.enabled, and the migrate Job",
        120,
    ),
    Entry(
        "PostgresClusterFailed", "Database", "CloudNativePG cannot bring the database up", CERTAIN, "kubectl -n {ns} describe cluster.postgresql.cnpg.io {name}"
    ),
    Entry(
        "PostgresClusterWaits",
        "Database",
        "CloudNativePG is still bringing the database up",
        TRANSIENT,
        "kubectl -n {ns} get cluster.postgresql.cnpg.io {name}; its -initdb- pod has the log",
        600,
    ),
    Entry(
        "PostgresPrimaryMoves",
        "Database",
        "CloudNativePG gives the part of the primary to another instance",
        TRANSIENT,
        "kubectl -n {ns} describe cluster.postgresql.cnpg.io {name}",
        300,
    ),
    # --- jobs
    Entry("JobAttemptFailed", "Jobs", "one attempt of a Job failed, it will be tried again", TRANSIENT, "kubectl -n {ns} logs job/{job}"),
    Entry("JobFailed", "Jobs", "a Job has failed for good", CERTAIN, "kubectl -n {ns} logs job/{job}; run again when the cause is mended"),
    Entry(
        "SidecarKeepsJob",
        "Jobs",
        "a sidecar keeps running after the Job's own container has ended, so the Job never completes",
        TRANSIENT,
        'keep the sidecar out of the Job\'s pods (label sidecar.istio.io/inject: "false" in podLabels of the Job\'s values), '
        "or inject native sidecars (initContainers with restartPolicy Always)",
        30,
    ),
    Entry(
        "JobDeadline", "Jobs", "a Job took longer than its activeDeadlineSeconds", CERTAIN, "raise the Job's activeDeadlineSeconds, or see what it waited for"
    ),
    Entry(
        "JobSuspended",
        "Jobs",
        "a Job is suspended",
        TRANSIENT,
        'kubectl -n {ns} patch job {job} --type=merge -p \'{{"spec":{{"suspend":false}}}}\', or run the deployment again',
        60,
    ),
    Entry(
        "PodEvicted",
        "Jobs",
        "a pod was evicted, preempted or deleted; another one takes its place",
        TRANSIENT,
        "nothing, if it happens once; otherwise look at the node's pressure and priorities",
    ),
    # --- admission
    Entry(
        "QuotaExceeded",
        "Admission",
        "the namespace's ResourceQuota has no room",
        CERTAIN,
        "raise the quota, or lower replicas or requests: kubectl -n {ns} describe resourcequota {quota}",
    ),
    Entry(
        "QuotaBusy",
        "Admission",
        "the quota has no room while pods are going away",
        TRANSIENT,
        "wait; if it stays, the quota needs room for one pod more during a rollout: kubectl -n {ns} describe resourcequota",
        120,
    ),
    Entry(
        "QuotaNeedsRequests",
        "Admission",
        "a ResourceQuota demands requests or limits that a container lacks",
        CERTAIN,
        "set oceans_llm_values.scheduling.resources (and resources of the Jobs)",
    ),
    Entry(
        "LimitRangeViolated",
        "Admission",
        "a LimitRange forbids the container's resources",
        CERTAIN,
        "change resources to what it allows: kubectl -n {ns} describe limitrange",
    ),
    Entry(
        "PodSecurity",
        "Admission",
        "Pod Security forbids the pod",
        CERTAIN,
        "change the settings named in the evidence, or the namespace's pod-security.kubernetes.io/enforce label",
    ),
    Entry(
        "PolicyDenied",
        "Admission",
        "an admission policy or webhook denies the object",
        CERTAIN,
        "follow the policy's message, or ask its owner for an exception",
    ),
    Entry(
        "WebhookDown",
        "Admission",
        "an admission webhook does not answer",
        TRANSIENT,
        "bring the webhook's pods back: kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations",
        60,
    ),
    Entry("ServiceAccountMissing", "Admission", "the pod's ServiceAccount is not there", CERTAIN, "create it, or set serviceAccount.create: true"),
    Entry(
        "PriorityClassMissing",
        "Admission",
        "the pod's PriorityClass is not there",
        CERTAIN,
        "correct scheduling.priorityClassName: kubectl get priorityclasses",
    ),
    Entry(
        "NamespaceTerminating",
        "Admission",
        "the namespace is being deleted",
        CERTAIN,
        "wait until it is gone, or use another: kubectl get namespace {ns} -o yaml shows what blocks it",
    ),
    Entry("PodInvalid", "Admission", "the API server refuses the pod as invalid", CERTAIN, "correct the field named in the evidence"),
    Entry("PodNotCreated", "Admission", "the pod cannot be created, for a reason not known here", TRANSIENT, "read the evidence", 45),
    # --- scheduling
    Entry(
        "Unschedulable",
        "Scheduling",
        "no node can take the pod",
        TRANSIENT,
        "add a node, lower requests, or correct nodeSelector, affinity and tolerations: kubectl -n {ns} describe pod {name}",
        120,
    ),
    Entry(
        "UnschedulableScaling",
        "Scheduling",
        "no node can take the pod, the cluster autoscaler is adding one",
        TRANSIENT,
        "wait for the node; see the autoscaler's log if none comes",
        600,
    ),
    Entry(
        "NodeNotReady",
        "Scheduling",
        "the pod's node is not ready",
        TRANSIENT,
        "kubectl describe node {node}; the pod is replaced after its toleration time (300 s by default)",
        360,
    ),
    # --- volumes
    Entry("MountFailed", "Volumes", "a volume cannot be mounted", TRANSIENT, "kubectl -n {ns} describe pod {name}", 120),
    Entry("MountRetrying", "Volumes", "the node has not received a ConfigMap or Secret yet", TRANSIENT, "nothing: the kubelet tries again", 120),
    Entry(
        "VolumeBusy",
        "Volumes",
        "a volume is still attached to another node",
        TRANSIENT,
        "wait until the old pod is gone, or use strategy Recreate for a ReadWriteOnce volume",
        360,
    ),
    Entry(
        "StorageClassMissing",
        "Volumes",
        "a volume claim names a StorageClass that is not there",
        CERTAIN,
        "kubectl get storageclass; set the right one (storage.storageClass)",
    ),
    Entry("ClaimMissing", "Volumes", "a pod uses a volume claim that is not there", CERTAIN, "create it or correct its name: kubectl -n {ns} get pvc"),
    Entry("ProvisioningFailed", "Volumes", "no volume can be made for a claim", TRANSIENT, "kubectl -n {ns} describe pvc {name}", 120),
    # --- readiness and rollout
    Entry(
        "NotReadyInTime",
        "Readiness",
        "a container runs but does not become ready within its own probes' time",
        TRANSIENT,
        "see why the probe fails; if it is only slow, raise failureThreshold of the startup or readiness probe",
    ),
    Entry(
        "ProgressDeadline", "Rollout", "the Deployment made no progress within progressDeadlineSeconds", CERTAIN, "kubectl -n {ns} describe deployment {name}"
    ),
    Entry("DeploymentPaused", "Rollout", "the Deployment is paused", CERTAIN, "kubectl -n {ns} rollout resume deployment/{name}"),
    Entry(
        "OldPodStuck", "Rollout", "an old pod does not go away", TRANSIENT, "kubectl -n {ns} get pod {name} -o yaml: look at finalizers and at its node", 120
    ),
    Entry(
        "OldPodCannotRestart",
        "Rollout",
        "a pod of the old version had to start again and cannot, as the database is newer already",
        TRANSIENT,
        "do not restart the other old pods until the new ones are ready; the rollout goes on",
    ),
    Entry("DoomedBesideHealthy", "Rollout", "some new pods are ready and others never will be", CERTAIN, "mend what keeps the others from starting"),
    # --- after the rollout, and the run itself
    Entry(
        "NotServed",
        "Served",
        "the gateway does not answer through its Service",
        CERTAIN,
        "kubectl -n {ns} get endpointslices -l kubernetes.io/service-name={name}",
    ),
    Entry(
        "NoEndpoints",
        "Served",
        "no ready pod stands behind the Service",
        CERTAIN,
        "compare the Service's selector with the pods' labels: kubectl -n {ns} get endpointslices -l kubernetes.io/service-name={name}",
    ),
    Entry(
        "WrongVersionServed",
        "Served",
        "another version is served than the one asked for",
        CERTAIN,
        "check the image's tag and digest: it may hold another build than its name says",
    ),
    Entry(
        "NotReady",
        "Served",
        "the gateway is served but cannot reach its database",
        CERTAIN,
        "check the database; the pods stay up and recover by themselves when it answers",
    ),
    Entry(
        "AdminUiDown", "Served", "the admin UI is not reached through the gateway", CERTAIN, "kubectl -n {ns} get pods -l app.kubernetes.io/component=admin-ui"
    ),
    Entry(
        "OldSecretsServed",
        "Served",
        "running pods were started with other Secrets than the present ones",
        CERTAIN,
        "a Secret changed while the rollout ran: run the deployment again",
    ),
    Entry("OldPodsServe", "Served", "pods of the old ReplicaSet still stand behind the Service", CERTAIN, "kubectl -n {ns} get pods; run the deployment again"),
    Entry("ReleaseBusy", "Run", "another run or Helm itself is at work on the release", CERTAIN, "wait until it has ended, then run again"),
    Entry(
        "ReleaseOvertaken",
        "Run",
        "another Helm made a newer revision while this one was followed",
        CERTAIN,
        "find out who deploys there, too; what is served now is theirs: follow it with the role wait, or deploy again",
    ),
    Entry("ReleaseUninstalled", "Run", "the release was uninstalled while it was followed", CERTAIN, "find out who removed it, then deploy again"),
    Entry(
        "FieldConflict",
        "Run",
        "a field that Helm sets belongs to another manager",
        CERTAIN,
        "give the field up there, or leave it out of the values (replicas: let the autoscaler own them)",
    ),
    Entry(
        "FieldImmutable",
        "Run",
        "a field changed that cannot be changed in place",
        CERTAIN,
        "delete the object named in the evidence (its pods stop), then run again",
    ),
    Entry("Interrupted", "Run", "the run was ended by a signal (Ctrl-C, SIGTERM)", CERTAIN, "run it again: it goes on from the state above"),
    Entry(
        "LeaseLost",
        "Run",
        "another run took the release over while this one was changing it",
        CERTAIN,
        "find out who deploys there, too; the release is theirs now: follow it with the role wait, or deploy again when that run has ended",
    ),
    Entry("NamespaceDeleted", "Run", "the namespace was deleted while the release was being changed", CERTAIN, "find out who deleted it, then deploy again"),
    Entry(
        "CredentialsRefused",
        "Run",
        "the API server no longer accepts the credentials (401)",
        CERTAIN,
        "renew the token or certificate, check what was not stopped (kubectl -n {ns} get jobs,pods), then deploy again",
    ),
    Entry(
        "AccessRevoked",
        "Run",
        "the API server no longer allows what the rollout is followed by (403)",
        CERTAIN,
        "grant it again (docs/deployer-role.yaml), check what was not stopped (kubectl -n {ns} get jobs,pods), then deploy again",
    ),
    Entry(
        "EngineBroke",
        "Run",
        "a defect of the collection; how far the rollout came is not known",
        CERTAIN,
        "report it with the evidence folder; kubectl -n {ns} get pods shows the state, and the role wait follows the release",
    ),
    Entry("HelmFailed", "Run", "Helm ended with an error of its own", CERTAIN, "read Helm's words; nothing in the namespace shows another cause"),
    Entry(
        "Timeout",
        "Run",
        "the whole time is over and nothing is certain",
        CERTAIN,
        "if this is only slow, raise oceans_llm_timeout; otherwise look at what it was waiting for",
    ),
)

BY_CODE = {entry.code: entry for entry in ENTRIES}

