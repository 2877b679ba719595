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
    Entry("ImageDenied", "Images", "the registry denies access to the image (401, 403)", CERTAIN, "{pull_secrets}"),
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
        "the registry cannot be reached or fails (5xx, DNS, connection refused, time-out)",
        TRANSIENT,
        "check from the node that {registry} can be reached: DNS, firewall, proxy",
        240,
    ),
    Entry(
        "ImagePullFailed",
        "Images",
        "the image cannot be pulled, for a reason that this collection does not know",
        TRANSIENT,
        "read the evidence; kubectl -n {ns} describe pod {name}",
        120,
    ),
    # --- config
    Entry(
        "SecretMissing",
        "Secrets and config",
        "a Secret that a container needs does not exist",
        CERTAIN,
        "create it, or list its keys in oceans_llm_secrets: kubectl -n {ns} get secret {missing}",
    ),
    Entry(
        "SecretPending",
        "Secrets and config",
        "an operator or a CSI driver has not created a Secret yet",
        TRANSIENT,
        "check what creates it: kubectl -n {ns} describe {maker}",
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
        "a ConfigMap that a container needs does not exist",
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
        "the container cannot be created from its specification",
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
    Entry("ContainerExited", "Containers", "a container exited with an error once", TRANSIENT, _LOGS),
    Entry("CrashLoop", "Containers", "a container is crash-looping", CERTAIN, _LOGS),
    Entry("ContainerEnded", "Containers", "a long-running container exited with code 0", TRANSIENT, "check its command and arguments; " + _LOGS, 60),
    Entry("OOMKilled", "Containers", "a container used more memory than its limit", CERTAIN, "raise resources.limits.memory of {container} above {limit}"),
    Entry(
        "Segfault",
        "Containers",
        "a container was killed by a signal that its own program caused (SIGSEGV, SIGABRT, SIGILL, SIGBUS, SIGFPE)",
        CERTAIN,
        "try another tag: the program or its image is broken on this node; " + _LOGS,
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
        "the container did not start within its startup probe's time and was killed",
        CERTAIN,
        "raise startupProbe.failureThreshold, or find what it waits for: " + _LOGS,
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
        "put the value into a Secret and write env.NAME; replace the value, because the gateway has printed it in its log",
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
        "check host, port, NetworkPolicy and whether the server is up (the gateway does not report which)",
        150,
    ),
    Entry(
        "DatabaseSilent",
        "Database",
        "the migration has printed nothing; it probably waits for a database connection",
        TRANSIENT,
        "check host, port, NetworkPolicy and whether the server is up",
        150,
    ),
    Entry(
        "DatabaseInterrupted",
        "Database",
        "the database server ended the session (restart, fail-over, deadlock)",
        TRANSIENT,
        "wait, the Job tries again; if it happens again, check the database server",
        120,
    ),
    Entry(
        "DatabaseNotPostgres",
        "Database",
        "what answers at the database's address is not PostgreSQL",
        TRANSIENT,
        "correct host and port in {source}; if both are right, see where the name leads from a pod (search domains, a slow cluster DNS)",
        90,
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
        "fix the conflicting data or schema and run again; this version was not applied",
    ),
    Entry("MigrationRace", "Database", "another migration is running on the same database", TRANSIENT, "wait until the other migration has finished", 120),
    Entry(
        "MigrationWaits",
        "Database",
        "a migration takes long; it may wait for a lock",
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
        "PostgresClusterFailed", "Database", "CloudNativePG cannot set up the database", CERTAIN, "kubectl -n {ns} describe cluster.postgresql.cnpg.io {name}"
    ),
    Entry(
        "PostgresClusterWaits",
        "Database",
        "CloudNativePG is still setting up the database",
        TRANSIENT,
        "kubectl -n {ns} get cluster.postgresql.cnpg.io {name}; its -initdb- pod has the log",
        600,
    ),
    Entry(
        "PostgresPrimaryMoves",
        "Database",
        "CloudNativePG is failing over or switching over to another instance",
        TRANSIENT,
        "kubectl -n {ns} describe cluster.postgresql.cnpg.io {name}",
        300,
    ),
    # --- jobs
    Entry("JobAttemptFailed", "Jobs", "one attempt of a Job failed, it will be tried again", TRANSIENT, "kubectl -n {ns} logs job/{job}"),
    Entry("JobFailed", "Jobs", "a Job has failed for good", CERTAIN, "kubectl -n {ns} logs job/{job}; fix the cause and run again"),
    Entry(
        "SidecarKeepsJob",
        "Jobs",
        "a sidecar keeps running after the Job's own container has ended, so the Job never completes",
        TRANSIENT,
        "keep the sidecar out of the Job's pods (label sidecar.istio.io/inject: \"false\" in podLabels of the Job's values), "
        "or inject native sidecars (initContainers with restartPolicy Always)",
        30,
    ),
    Entry(
        "JobDeadline",
        "Jobs",
        "a Job took longer than its activeDeadlineSeconds",
        CERTAIN,
        "raise the Job's activeDeadlineSeconds, or find what it waited for: kubectl -n {ns} logs job/{job}",
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
        "a pod was evicted, preempted or deleted; its controller creates a replacement",
        TRANSIENT,
        "ignore it if it happens once; otherwise check the node's resources and the pods' priorities",
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
        "the ResourceQuota has no room while pods are being deleted",
        TRANSIENT,
        "wait; if it stays, the quota needs room for one pod more during a rollout: kubectl -n {ns} describe resourcequota",
        120,
    ),
    Entry(
        "QuotaNeedsResources",
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
        "AdmissionDenied",
        "Admission",
        "an admission policy or webhook denies the object",
        CERTAIN,
        "follow the policy's message, or ask its owner for an exception",
    ),
    Entry(
        "WebhookUnavailable",
        "Admission",
        "an admission webhook cannot be called",
        TRANSIENT,
        "restore the webhook's pods: kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations",
        60,
    ),
    Entry(
        "WebhookUntrusted",
        "Admission",
        "the API server does not trust an admission webhook's certificate",
        TRANSIENT,
        "correct caBundle in the webhook's configuration (cert-manager's cainjector, or the operator's own job sets it): "
        "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations -o yaml",
        60,
    ),
    Entry(
        "AdmissionTimeout",
        "Admission",
        "the time-outs of the admission webhooks together are longer than a request's deadline",
        TRANSIENT,
        "find the webhooks that do not answer, and lower their timeoutSeconds: "
        "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations -o yaml",
        60,
    ),
    Entry("ServiceAccountMissing", "Admission", "the pod's ServiceAccount does not exist", CERTAIN, "create it, or set serviceAccount.create: true"),
    Entry(
        "PriorityClassMissing",
        "Admission",
        "the pod's PriorityClass does not exist",
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
    Entry("ObjectInvalid", "Admission", "the API server refuses the pod as invalid", CERTAIN, "correct the field named in the evidence"),
    Entry("PodNotCreated", "Admission", "the pod cannot be created, for a reason that this collection does not know", TRANSIENT, "read the evidence", 45),
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
    Entry(
        "SchedulingGated",
        "Scheduling",
        "the pod has scheduling gates that no controller has removed",
        TRANSIENT,
        "find the controller that set them: kubectl -n {ns} get pod {name} -o jsonpath='{{.spec.schedulingGates}}'",
    ),
    Entry(
        "SchedulerSilent",
        "Scheduling",
        "no scheduler has looked at the pod",
        TRANSIENT,
        "check the scheduler that spec.schedulerName names: kubectl -n kube-system get pods -l component=kube-scheduler; "
        "kubectl -n kube-system get lease kube-scheduler -o yaml",
        120,
    ),
    Entry(
        "ControllerSilent",
        "Scheduling",
        "a controller of Kubernetes has not acted on a change",
        TRANSIENT,
        "check kube-controller-manager: kubectl -n kube-system get pods -l component=kube-controller-manager",
        120,
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
        "a volume claim names a StorageClass that does not exist",
        CERTAIN,
        "kubectl get storageclass; set the right one (storage.storageClass)",
    ),
    Entry("ClaimMissing", "Volumes", "a pod uses a volume claim that does not exist", CERTAIN, "create it or correct its name: kubectl -n {ns} get pvc"),
    Entry(
        "ClaimLost",
        "Volumes",
        "a volume claim has lost its PersistentVolume",
        CERTAIN,
        "restore the PersistentVolume, or create the claim again from a backup: kubectl -n {ns} describe pvc {name}",
    ),
    Entry("ProvisioningFailed", "Volumes", "no volume can be provisioned for a claim", TRANSIENT, "kubectl -n {ns} describe pvc {name}", 120),
    # --- on the way to readiness
    Entry(
        "PodStarting",
        "Readiness",
        "a pod is still being started: image, volumes or network are not there yet, or a container is being created",
        TRANSIENT,
        "look at its events: kubectl -n {ns} describe pod {name}",
    ),
    Entry(
        "SandboxFailed",
        "Readiness",
        "the node cannot create the pod's sandbox (container runtime, network plugin)",
        TRANSIENT,
        "check the network plugin on the node: kubectl -n kube-system get pods -o wide; kubectl -n {ns} describe pod {name}",
        120,
    ),
    Entry(
        "PodRejected",
        "Readiness",
        "the kubelet of the node does not admit the pod",
        TRANSIENT,
        "correct the setting that the evidence names, or keep the pod off that node: kubectl -n {ns} describe pod {name}",
        60,
    ),
    Entry(
        "InitContainerRuns",
        "Readiness",
        "an init container has not ended, so the pod's own containers cannot start",
        TRANSIENT,
        "see what it waits for: kubectl -n {ns} logs {name} -c {container}",
    ),
    Entry(
        "NameNotResolved",
        "Readiness",
        "a container cannot resolve a host name",
        TRANSIENT,
        "check the name and the pod's DNS settings; cluster DNS: kubectl -n kube-system get pods -l k8s-app=kube-dns",
        120,
    ),
    Entry(
        "LifecycleHookRuns",
        "Readiness",
        "a container's postStart hook has not ended, so the container does not count as started",
        TRANSIENT,
        "see what the hook waits for: kubectl -n {ns} get pod {name} -o yaml (lifecycle.postStart)",
    ),
    Entry(
        "LifecycleHookFailed",
        "Readiness",
        "a container's postStart hook fails, and the kubelet kills the container",
        TRANSIENT,
        "correct lifecycle.postStart of {container}; " + _LOGS,
        90,
    ),
    Entry(
        "ReadinessGateWaits",
        "Readiness",
        "a readiness gate of the pod is not True",
        TRANSIENT,
        "find the controller that sets this condition: kubectl -n {ns} get pod {name} -o jsonpath='{{.status.conditions}}'",
    ),
    Entry(
        "ProbeMisdirected",
        "Readiness",
        "a probe asks a port or speaks a scheme that the container does not serve",
        CERTAIN,
        "correct port and scheme of the probe: kubectl -n {ns} get pod {name} -o yaml",
    ),
    # --- readiness and rollout
    Entry(
        "NotReadyInTime",
        "Readiness",
        "a container runs but does not become ready within its own probes' time",
        TRANSIENT,
        "find why the probe fails; if the container is only slow, raise failureThreshold of its startup or readiness probe",
    ),
    Entry(
        "ProgressDeadline", "Rollout", "the Deployment made no progress within progressDeadlineSeconds", CERTAIN, "kubectl -n {ns} describe deployment {name}"
    ),
    Entry(
        "ScaledToZero",
        "Rollout",
        "somebody scaled the Deployment to 0 replicas",
        CERTAIN,
        "kubectl -n {ns} scale deployment/{name} --replicas=1, or run the deployment again",
    ),
    Entry("DeploymentPaused", "Rollout", "the Deployment is paused", CERTAIN, "kubectl -n {ns} rollout resume deployment/{name}"),
    Entry(
        "OldPodStuck",
        "Rollout",
        "an old pod is not deleted although its grace period is over",
        TRANSIENT,
        "kubectl -n {ns} get pod {name} -o yaml: look at finalizers and at its node",
        120,
    ),
    Entry(
        "OldPodCannotRestart",
        "Rollout",
        "a pod of the old version was recreated and cannot start: the database is already newer",
        TRANSIENT,
        "do not restart the other old pods until the new ones are ready; the rollout continues",
    ),
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
        "the Service has no ready endpoints",
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
    Entry(
        "OldPodsServe",
        "Served",
        "endpoints of the Service still point to pods of the old ReplicaSet",
        CERTAIN,
        "kubectl -n {ns} get pods; run the deployment again",
    ),
    Entry(
        "Unverified",
        "Served",
        "the rollout is complete, and what is served could not be asked for",
        CERTAIN,
        "give the run one of the ways named in the evidence, or set oceans_llm_verify: best_effort to accept a release that was not asked",
    ),
    Entry("ServiceMissing", "Served", "a Service of the release does not exist", CERTAIN, "run the deployment again: Helm creates the Service again"),
    Entry(
        "ServiceSelector",
        "Served",
        "a Service selects no pod of its Deployment, or pods of another one",
        CERTAIN,
        "set the Service's selector to the labels in the evidence: kubectl -n {ns} edit service {name}, or run the deployment again",
    ),
    Entry(
        "ServicePort",
        "Served",
        "a Service's port, protocol or targetPort is none of its pods",
        CERTAIN,
        "correct port, protocol and targetPort: kubectl -n {ns} edit service {name}, or run the deployment again",
    ),
    Entry(
        "NoLocalEndpoint",
        "Served",
        "a Service with internalTrafficPolicy Local has no pod on a node that callers run on",
        CERTAIN,
        'kubectl -n {ns} patch service {name} --type=merge -p \'{{"spec":{{"internalTrafficPolicy":"Cluster"}}}}\'',
    ),
    Entry(
        "IngressBackend",
        "Served",
        "an Ingress does not exist, or leads to a Service or port that is not the release's",
        CERTAIN,
        "correct the backend: kubectl -n {ns} edit ingress {name}, or run the deployment again",
    ),
    Entry(
        "IngressClassMissing",
        "Served",
        "an Ingress names an IngressClass that does not exist",
        CERTAIN,
        "kubectl get ingressclass; set oceans_llm_values.ingress.className to one of them",
    ),
    Entry(
        "RouteRefused",
        "Served",
        "no Gateway accepts a route of the release",
        CERTAIN,
        "correct parentRefs or backendRefs: kubectl -n {ns} describe {kind} {name}",
    ),
    Entry("CertificateExpired", "Served", "the TLS certificate of an Ingress has expired", CERTAIN, "renew the certificate named in the evidence"),
    Entry(
        "NetworkPolicyBlocks",
        "Served",
        "NetworkPolicies leave the gateway's pods no way in or out",
        CERTAIN,
        "add a rule that admits the gateway's port: kubectl -n {ns} describe networkpolicy {name}",
    ),
    Entry(
        "ClusterDnsFails",
        "Served",
        "a pod of the namespace cannot resolve the Service's name",
        CERTAIN,
        "kubectl -n kube-system get pods -l k8s-app=kube-dns; look at the pods' dnsPolicy, too",
    ),
    Entry(
        "ServiceIpUnreachable",
        "Served",
        "a pod reaches the gateway's pods, but not through the Service's ClusterIP",
        CERTAIN,
        "kubectl -n kube-system get pods -o wide: look at kube-proxy (or what replaces it) on the node named in the evidence",
    ),
    Entry(
        "NotLasting",
        "Served",
        "a new pod was ready, and is not any more",
        CERTAIN,
        "see why the pod stopped being ready: kubectl -n {ns} describe pod {name}",
    ),
    Entry("ReleaseBusy", "Run", "another run or another Helm process is changing the release", CERTAIN, "wait until it has finished, then run again"),
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
        "remove the field from the other manager, or leave it out of the values (replicas: let the autoscaler own them)",
    ),
    Entry(
        "FieldImmutable",
        "Run",
        "a field changed that cannot be changed in place",
        CERTAIN,
        "delete the object named in the evidence (its pods stop), then run again",
    ),
    Entry("Interrupted", "Run", "the run was ended by a signal (Ctrl-C, SIGTERM)", CERTAIN, "run it again: it continues from the state above"),
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
    Entry("HelmFailed", "Run", "Helm ended with an error of its own", CERTAIN, "read Helm's error; nothing in the namespace shows another cause"),
    Entry(
        "Timeout",
        "Run",
        "the time limit is over and no cause is known",
        CERTAIN,
        "raise oceans_llm_timeout if this is only slow; otherwise check what it was waiting for",
    ),
)

BY_CODE = {entry.code: entry for entry in ENTRIES}
