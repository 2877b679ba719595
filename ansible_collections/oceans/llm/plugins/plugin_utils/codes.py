# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The register of codes: everything that preflight, a rollout, the post-check or the checks can report, each condition under one name.

Codes are an interface: scripts match on them. docs/preflight.md, docs/causes.md and docs/checks.md are generated from here
(rollout/causes/document.py). A code is never renamed; a new meaning gets a new code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class Certainty(Enum):
    """What a cause does to a run: FATAL fails it at once, RETRYABLE after its budget, SHOWN never."""

    FATAL = "fatal"
    SHOWN = "shown"
    RETRYABLE = "retryable"


FATAL, SHOWN, RETRYABLE = Certainty.FATAL, Certainty.SHOWN, Certainty.RETRYABLE
PREFLIGHT, ROLLOUT, POST_CHECK, CHECKS = "preflight", "rollout", "post-check", "checks"


@dataclass(frozen=True)
class Entry:
    """One row of the table. The hint of a cause may use {ns}, {name} (of the object), {container} and what the rule passes by name.

    :ivar dict phases: phase -> severity: error, warning (preflight), fatal, retryable, shown (rollout, post-check), error, warning, ok (checks).
    :ivar float budget: seconds that a retryable cause is given; None: it fails the run with the time limit of the whole run.
    """

    code: str
    group: str
    title: str
    hint: str
    phases: dict[str, str]
    certainty: Certainty
    budget: float | None = None


#: `# GROUP`, then two lines for a code: CODE [PHASE: SEVERITY; …] TITLE, and its hint, indented. {logs} is the command below.
_TABLE = """
# Tools and access
ClusterUnreachable [preflight: error] the cluster cannot be reached: no kubeconfig, wrong context, no answer, or refused credentials
    check oceans_llm_kubeconfig and oceans_llm_context (or K8S_AUTH_KUBECONFIG, KUBECONFIG): kubectl version must answer with the same ones
NamespaceMissing [preflight: error] the namespace does not exist, and oceans_llm_create_namespace is false
    kubectl create namespace <name>, or set oceans_llm_create_namespace: true
NotAllowed [preflight: error; rollout: fatal] the caller lacks permissions that this run needs
    grant it (a Role that suffices: docs/deployer-role.yaml of the collection)
HelmMissing [preflight: error] no helm program was found
    install Helm 3.18 or newer (of Helm 4: 4.2.2 or newer), and set oceans_llm_helm_binary if it is not the first on PATH
HelmVersion [preflight: error] Helm 3 is older than 3.18, Helm 4 is older than 4.2.2 (4.2.1 hangs when it deletes a hook), or Helm has another major version
    install Helm 3.18 or newer (of Helm 4: 4.2.2 or newer), and set oceans_llm_helm_binary if it is not the first on PATH
KubernetesCore [preflight: error] the collection kubernetes.core is missing, or too old for Helm 4
    ansible-galaxy collection install --upgrade 'kubernetes.core:>=6.5.0', or use Helm 3 (3.18 or newer)
CheckSkipped [preflight: warning] a check could not read the rendered objects and was skipped; the other checks are done
    correct the other findings first; if there are none, report this with the values

# Chart and variables
UnknownVariable [preflight: error or warning] no role reads this oceans_llm_* variable (an error when the name is nearly that of a known variable)
    remove it, unless your own playbooks read it
UnknownValue [preflight: error] the chart has no such value
    correct it in oceans_llm_values (the chart's README lists all keys)
InvalidValue [preflight: error] a chart value has the wrong type or form
    correct it in oceans_llm_values (the chart's README lists all keys)
ChartUnavailable [preflight: error] the chart cannot be fetched: name, version, certificate, login or network
    correct oceans_llm_chart, oceans_llm_chart_version or oceans_llm_chart_registry: helm show chart <chart> --version <version>
OtherChart [preflight: warning] the chart is not the collection's own and lacks something (PodDisruptionBudget, keep annotation, preStop hook)
    leave oceans_llm_chart empty for the chart of the collection, or set oceans_llm_preflight_waive: [OtherChart]
ReleaseTooLarge [preflight: error] Helm's record of the release does not fit into a Secret (1 MiB)
    shorten oceans_llm_config or oceans_llm_values, or deploy a second gateway with half of the models
ChartRefused [preflight: error] one of the chart's own validations fails
    correct it in oceans_llm_config, oceans_llm_values or the variable that sets it

# Configuration
SecretInConfig [preflight: error] a password, key or literal. value stands in the gateway's configuration, which becomes a ConfigMap
    put it into a Secret (oceans_llm_secrets) and write env.NAME
ReferenceNotResolved [preflight: warning] env.NAME stands in a field in which the gateway resolves no reference
    write the value itself; a secret can stand in providers[].auth.token and the other fields that take references
NumberAsText [preflight: warning] a number such as 1e-7 is text in YAML 1.1
    write it with a dot and a sign: 1.0e-7
ConfigUnknown [preflight: warning] the gateway ignores this section of the configuration
    correct it in oceans_llm_config
BootstrapDisabled [preflight: error] an administrator is requested, and auth.bootstrap_admin is not enabled
    set it to true in oceans_llm_config, or oceans_llm_bootstrap_admin: false
BootstrapIncomplete [preflight: error or warning] the administrator has no password, so the gateway would set its public default
    set auth.bootstrap_admin.password to env.GATEWAY_BOOTSTRAP_ADMIN_PASSWORD in oceans_llm_config, and add that key to oceans_llm_secrets_generate

# Images
ImageNotFound [rollout: fatal] the registry has no such image or tag
    push the image, or set oceans_llm_version to a tag that exists in {repository}
ImageDenied [rollout: fatal] the registry denies access to the image (401, 403)
    {pull_secrets}
ImageArchitecture [rollout: fatal] the image has no build for the node's architecture
    use an image built for the node, or a nodeSelector kubernetes.io/arch in oceans_llm_values.scheduling
ImageNameInvalid [preflight: error; rollout: fatal] the image reference is invalid (a tag in a variable for a repository, a malformed digest)
    repository names are lower case, tags have no spaces: correct oceans_llm_gateway_image or oceans_llm_version
ImageNeverPulled [rollout: fatal] the pull policy is Never and the image is not on the node
    set pullPolicy IfNotPresent, or load the image onto the node
ImageInsecureRegistry [rollout: fatal] the node does not trust the registry (plain HTTP, or an unknown certificate authority)
    configure the registry in the node's containerd (hosts.toml: http or ca), or use a registry with a public certificate
ImageUnusable [rollout: fatal] the node cannot use the image: an old format, no container image at all, or a signature that its policy rejects
    push {image} as a container image in a current format (skopeo copy, docker buildx build --push)
ImageRateLimited [rollout: retryable 300 s] the registry limits the rate of pulls (429)
    wait, pull with credentials, or use a mirror of the registry
ImageRegistryError [rollout: retryable 240 s] the registry cannot be reached or fails (5xx, DNS, connection refused, time-out)
    check from the node that {registry} can be reached: DNS, firewall, proxy
ImagePullFailed [rollout: retryable 120 s] the image cannot be pulled, for a reason that this collection does not know
    read the evidence; kubectl -n {ns} describe pod {name}
DigestOfTwoImages [preflight: error] two images are pinned by the same digest
    pin each image by its own digest: oceans_llm_version TAG@sha256:DIGEST for the gateway, oceans_llm_values.adminUi.image.tag for the admin UI
PullSecretMissing [preflight: warning] an image pull Secret does not exist
    kubectl create secret docker-registry …, or correct oceans_llm_image_pull_secrets

# Secrets and config
SecretMissing [preflight: error or warning; rollout: fatal] a Secret that a container needs does not exist (a warning if the CSI driver may create it)
    create it, or list its keys in oceans_llm_secrets: kubectl -n {ns} get secret {missing}
SecretPending [rollout: retryable 300 s] an operator or a CSI driver has not created a Secret yet
    check what creates it: kubectl -n {ns} describe {maker}
SecretKeyMissing [preflight: error; rollout: fatal] a Secret lacks a key that a container needs
    add the key {key}: oceans_llm_secrets, or kubectl -n {ns} edit secret {missing}
ConfigMapMissing [preflight: error; rollout: fatal] a ConfigMap that a container needs does not exist
    create it, or correct its name: kubectl -n {ns} get configmap {missing}
ConfigMapKeyMissing [preflight: error; rollout: fatal] a ConfigMap lacks a key that a container needs
    add the key {key} to ConfigMap {missing}
RunAsNonRoot [preflight: error; rollout: fatal] runAsNonRoot is set without runAsUser, and the image's user is root or only a name
    set securityContext.runAsUser to the number of the image's user (gateway 10001, admin UI 1000)
ContainerConfig [rollout: fatal] the container cannot be created from its specification
    correct the container's specification: kubectl -n {ns} describe pod {name}
ExternalSecretFailed [rollout: fatal] External Secrets cannot read a value from its store
    correct the store or the key: kubectl -n {ns} describe externalsecret {name}
ExternalSecretRetrying [rollout: retryable 120 s] External Secrets cannot reach its store yet
    check the store: kubectl -n {ns} describe secretstore
IdentityFallback [preflight: error] nothing provides GATEWAY_IDENTITY_TOKEN_SECRET, so the gateway would sign sessions with a public value
    add GATEWAY_IDENTITY_TOKEN_SECRET to oceans_llm_secrets_generate or to oceans_llm_secrets
SecretBuiltIn [preflight: error] the identity secret is the gateway's public built-in value
    remove it and have it generated (oceans_llm_secrets_generate), or use: openssl rand -base64 48
SecretEmpty [preflight: error or warning] a secret value is empty (an error for passwords, tokens, URLs and keys that the gateway reads)
    set the key to a value, or remove the key
SecretTooShort [preflight: error] a secret value is too short for what it protects
    openssl rand -base64 48
SecretBlank [preflight: error] a password, token or URL begins or ends with whitespace, or holds a character that cannot be seen
    write the value without it (printf '%s' instead of echo, or the filter trim)
SecretMalformed [preflight: error or warning] not the secret itself: undecrypted, a template, in quotation marks or base64, a placeholder
    give the value itself, as plain text
SecretNotQuoted [preflight: error or warning] YAML reads the value as a number, boolean or date (0123 is 83, yes is true)
    quote the value
SecretNotKey [preflight: error] an encryption key is not base64 of exactly 32 bytes
    openssl rand -base64 32
SecretNotUrl [preflight: error] not a PostgreSQL URL that the gateway's driver takes; most often an unencoded password
    postgresql://USER:PASSWORD@HOST:5432/DATABASE, with user and password percent-encoded
SecretNotText [preflight: error or warning] a secret value is not text (a warning for a key that the gateway does not read)
    store the value as text (base64 if it is binary), or mount it as a file
SecretKeyName [preflight: error] not a valid name for a key of a Secret
    rename it

# Containers
ContainerExited [rollout: retryable] a container exited with an error once
    read the container's log: {logs}
CrashLoop [rollout: fatal] a container is crash-looping
    read the container's log: {logs}
ContainerEnded [rollout: retryable 60 s] a long-running container exited with code 0
    check its command and arguments; {logs}
OOMKilled [rollout: fatal] a container used more memory than its limit
    raise resources.limits.memory of {container} above {limit}
Segfault [rollout: fatal] a container was killed by a signal that its own program caused (SIGSEGV, SIGABRT, SIGILL, SIGBUS, SIGFPE)
    try another tag: the program or its image is broken on this node; {logs}
ExecFormat [rollout: fatal] the program is built for another architecture
    use an image built for the node's architecture
CannotStart [rollout: fatal] the container's command cannot be started
    correct command and args of {container}: the file is missing or not executable in this image
UsageError [rollout: fatal] the program refuses its arguments or switches (exit code 2)
    correct the argument or the variable named in the evidence
StartupProbeFailed [rollout: fatal] the container did not start within its startup probe's time and was killed
    raise startupProbe.failureThreshold, or find what it waits for: {logs}
LivenessProbeFailed [rollout: retryable 90 s] the liveness probe kills the container
    raise the liveness probe's initialDelaySeconds or failureThreshold, or add a startupProbe; {logs}

# Gateway
GatewayConfigInvalid [preflight: error or warning; rollout: fatal] the gateway refuses its configuration
    correct oceans_llm_config as the message says
GatewayVariableMissing [preflight: error; rollout: fatal] an environment variable that the configuration refers to is not set
    provide {variable}: a key of that name in oceans_llm_secrets, or gateway.extraEnv
GatewayReferenceInvalid [rollout: fatal] a field of the configuration holds a plain value where env.NAME is needed
    put the value into a Secret and write env.NAME; replace the value, because the gateway has printed it in its log
SeedConflict [rollout: fatal] the configuration contradicts itself or the database (seed-config)
    correct the object named in the evidence, for example a route that names an unknown provider
ListenFailed [rollout: fatal] the gateway cannot listen on its port
    give the other container another port, or change gateway.service.targetPort and server.bind: kubectl -n {ns} describe pod {name}
GatewayStopped [rollout: retryable 90 s] the gateway's server stopped by itself
    read the container's log: {logs}

# Database
DatabaseAuth [preflight: warning; rollout: fatal] PostgreSQL does not accept user and password (28P01, 28000)
    correct user and password in {source}; special characters must be percent-encoded
DatabaseMissing [preflight: warning; rollout: fatal] the database does not exist on the server (3D000)
    create the database, or correct its name in {source}
DatabasePermission [rollout: fatal] the role may not do what the migration needs (42501)
    make the role the database's owner, or: GRANT CREATE ON SCHEMA public TO <role>
DatabaseEmpty [rollout: fatal] the database of a recovery is empty, and the gateway does not start on an empty one unasked
    restore another backup or database, or set allowEmptyRecovery: true in oceans_llm_cloudnativepg to begin with an empty one
DatabaseReadOnly [rollout: fatal] the database is read-only (25006)
    point the URL at the primary (CloudNativePG: <cluster>-rw), or end read-only mode
DatabaseFull [rollout: fatal] the database server has no disk space left (53100)
    free disk space or enlarge the volume, then run again
DatabaseConnections [rollout: retryable 90 s] the database server accepts no more connections (53300)
    raise max_connections, or lower database.max_connections in oceans_llm_config
DatabaseHostUnknown [rollout: fatal] the database's host name cannot be resolved
    correct the host in {source}; an unencoded @ : / # or % in the password ends here too
DatabaseUrlInvalid [rollout: fatal] the database's URL is not a well-formed PostgreSQL URL
    correct {source}: postgresql://USER:PASSWORD@HOST:5432/DATABASE, with user and password percent-encoded
DatabaseUnreachable [rollout: retryable 150 s] the database does not answer (connection refused, server starting, server full, or packets dropped)
    check host, port, NetworkPolicy and whether the server is up (the gateway does not report which)
DatabaseSilent [rollout: retryable 150 s] the migration has printed nothing; it probably waits for a database connection
    check host, port, NetworkPolicy and whether the server is up
DatabasePooler [rollout: retryable 120 s] a connection pooler in front of the database does not fit the gateway
    set max_prepared_statements and ignore_startup_parameters, or pool_mode session, in the pooler, or name the database itself in the URL
DatabaseInterrupted [rollout: retryable 120 s] the database server ended the session (restart, fail-over, deadlock)
    wait, the Job retries; if it happens again, check the database server
DatabaseNotPostgres [rollout: retryable 90 s] the program at the database's address is not PostgreSQL
    correct host and port in {source}; if both are right, see where the name leads from a pod (search domains, a slow cluster DNS)
DatabaseTls [rollout: fatal] the connection to the database cannot be encrypted
    check sslmode in the URL and the certificate authority mounted for PostgreSQL
MigrationFailed [rollout: fatal] a migration failed and was rolled back
    fix the conflicting data or schema and run again; this version was not applied
MigrationRace [rollout: retryable 120 s] another migration is running on the same database
    wait until the other migration has finished
MigrationWaits [rollout: retryable] a migration takes long; it may be waiting for a lock
    look for a blocker: SELECT pid, application_name, query FROM pg_stat_activity WHERE pid = ANY (SELECT unnest(pg_blocking_pids(pid)) FROM
    pg_stat_activity)
ImageOlderThanDatabase [preflight: error or warning; rollout: fatal] the database is newer than this image can run on
    deploy a version that knows {version} or later; never recreate the database for this
MigrationHistoryForeign [preflight: error or warning; rollout: fatal] the recorded migrations do not belong to this image
    do not migrate: the history was edited or belongs to another fork; compare refinery_schema_history with a backup
DatabaseForeign [preflight: error or warning; rollout: fatal] the database holds tables of an application but no migration history
    point the URL at the right database, or at an empty one
SchemaMissing [rollout: retryable 120 s] the gateway was started on a database without its schema
    see why the migration has not run: migrations.enabled, and the migrate Job
PostgresClusterFailed [rollout: fatal] CloudNativePG cannot set up the database
    read its conditions: kubectl -n {ns} describe cluster.postgresql.cnpg.io {name}
PostgresClusterWaits [rollout: retryable 600 s] CloudNativePG is still setting up the database
    read the log of the pod {name}-1-initdb: kubectl -n {ns} get cluster.postgresql.cnpg.io {name}
PostgresPrimaryMoves [rollout: retryable 300 s] CloudNativePG is failing over or switching over to another instance
    wait; read its conditions: kubectl -n {ns} describe cluster.postgresql.cnpg.io {name}

# Jobs
JobAttemptFailed [rollout: retryable] one attempt of a Job failed; the Job controller retries
    read the Job's log: kubectl -n {ns} logs job/{job}
JobFailed [rollout: fatal] a Job has failed, and its controller will not retry it
    read the Job's log, fix the cause and run again: kubectl -n {ns} logs job/{job}
SidecarKeepsJob [rollout: retryable 30 s] a sidecar keeps running after the Job's own container has ended, so the Job never completes
    keep the sidecar out of the Job's pods (label sidecar.istio.io/inject: "false" in podLabels of the Job's values), or inject native sidecars
    (initContainers with restartPolicy Always)
JobDeadline [rollout: fatal] a Job took longer than its activeDeadlineSeconds
    raise the Job's activeDeadlineSeconds, or find what it waited for: kubectl -n {ns} logs job/{job}
JobSuspended [rollout: retryable 60 s] a Job is suspended
    resume it, or run the deployment again: kubectl -n {ns} patch job {job} --type=merge -p '{{"spec":{{"suspend":false}}}}'
PodEvicted [rollout: retryable] a pod was evicted, preempted or deleted; its controller creates a replacement
    ignore it if it happens once; otherwise check the node's resources and the pods' priorities

# Operators
OperatorMissing [preflight: error] the chosen mode needs an operator that is not installed in the cluster
    install the operator, or choose another mode
ApiVersionNotServed [preflight: error] the operator is installed and does not serve this API version
    upgrade the operator
OperatorUnavailable [preflight: error or warning] no pod of the operator is available (a warning in the first 30 s)
    kubectl describe deployment <name> in the operator's namespace
SecretStoreMissing [preflight: error] the SecretStore or ClusterSecretStore of the ExternalSecret does not exist
    create it, or set oceans_llm_external_secrets.secretStoreRef to one that exists
SecretStoreNotReady [preflight: error] External Secrets reports that the store cannot be used
    correct the store: kubectl get secretstore,clustersecretstore
ClusterName [preflight: error] the name is longer than CloudNativePG accepts (50 characters)
    set oceans_llm_cloudnativepg.clusterName

# Admission
QuotaExceeded [preflight: error; rollout: fatal] a ResourceQuota of the namespace is exhausted
    raise the quota, or lower replicas or requests: kubectl -n {ns} describe resourcequota {quota}
QuotaBusy [rollout: retryable 120 s] a ResourceQuota is exhausted while old pods are being deleted
    wait; if it persists, leave room for one more pod in the quota: kubectl -n {ns} describe resourcequota
QuotaNeedsResources [preflight: error; rollout: fatal] a ResourceQuota demands requests or limits that a container lacks
    set oceans_llm_values.scheduling.resources (and resources of the Jobs)
LimitRangeViolated [preflight: error; rollout: fatal] the container's resources are outside the namespace's LimitRange
    change resources to what it allows: kubectl -n {ns} describe limitrange
PodSecurity [preflight: error; rollout: fatal] the namespace's Pod Security level forbids the pod
    change the settings named in the evidence, or the namespace's pod-security.kubernetes.io/enforce label
AdmissionDenied [preflight: error; rollout: fatal] an admission policy or webhook denies the object
    follow the policy's message, or ask its owner for an exception
WebhookUnavailable [preflight: error; rollout: retryable 60 s] an admission webhook cannot be called
    restore the webhook's pods: kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations
WebhookUntrusted [rollout: retryable 60 s] the API server does not trust an admission webhook's certificate
    correct caBundle in the webhook's configuration (cert-manager's cainjector, or the operator's own job sets it): kubectl get
    validatingwebhookconfigurations,mutatingwebhookconfigurations -o yaml
AdmissionTimeout [rollout: retryable 60 s] the time-outs of the admission webhooks together are longer than a request's deadline
    find the webhooks that do not answer, and lower their timeoutSeconds: kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations -o
    yaml
ServiceAccountMissing [rollout: fatal] the pod's ServiceAccount does not exist
    create it, or set oceans_llm_values.serviceAccount.create: true
PriorityClassMissing [preflight: error; rollout: fatal] the pod's PriorityClass does not exist
    correct oceans_llm_values.scheduling.priorityClassName: kubectl get priorityclasses
RuntimeClassMissing [rollout: fatal] the pod's RuntimeClass does not exist
    correct runtimeClassName of the pod template, or create it: kubectl get runtimeclasses
NamespaceTerminating [preflight: error; rollout: fatal] the namespace is being deleted
    wait until it is gone, or use another: kubectl get namespace {ns} -o yaml shows what blocks it
ObjectInvalid [preflight: error; rollout: fatal] the API server refuses the object as invalid
    correct the field named in the evidence
PodNotCreated [rollout: retryable 45 s] the pod cannot be created, for a reason that this collection does not know
    read the events: kubectl -n {ns} get events
ApiRefused [preflight: error or warning] the API server refuses the object for another reason (a warning when the API server could not answer)
    read the API server's message

# Scheduling
Unschedulable [preflight: error or warning; rollout: retryable 120 s] no node can take the pod (preflight: more pods than all nodes take together)
    add a node, lower requests, or correct nodeSelector, affinity and tolerations: kubectl -n {ns} describe pod {name}
UnschedulableScaling [rollout: retryable 600 s] no node can take the pod, the cluster autoscaler is adding one
    wait for the node; see the autoscaler's log if none comes
NodeNotReady [rollout: retryable 360 s] the pod's node is not ready
    look at the node: kubectl describe node {node}; the pod is replaced after its toleration time (300 s by default)
SchedulingGated [rollout: retryable] the pod has scheduling gates that no controller has removed
    find the controller that set them: kubectl -n {ns} get pod {name} -o jsonpath='{{.spec.schedulingGates}}'
SchedulerSilent [rollout: retryable 120 s] no scheduler has looked at the pod
    check the scheduler that spec.schedulerName names: kubectl -n kube-system get pods -l component=kube-scheduler; kubectl -n kube-system get lease
    kube-scheduler -o yaml
ControllerSilent [rollout: retryable 120 s] a controller of Kubernetes has not acted on a change
    check kube-controller-manager: kubectl -n kube-system get pods -l component=kube-controller-manager

# Volumes
MountFailed [rollout: retryable 120 s] a volume cannot be mounted
    read the pod's events: kubectl -n {ns} describe pod {name}
MountRetrying [rollout: retryable 120 s] the node has not received a ConfigMap or Secret yet
    wait: the kubelet retries
VolumeBusy [rollout: retryable 360 s] a volume is still attached to another node
    wait until the old pod is gone, or use strategy Recreate for a ReadWriteOnce volume
StorageClassMissing [preflight: error; rollout: fatal] the StorageClass does not exist, or the cluster has no default one
    set oceans_llm_cloudnativepg.storage.storageClass to one that exists: kubectl get storageclass
ClaimMissing [rollout: fatal] a pod uses a volume claim that does not exist
    create it or correct its name: kubectl -n {ns} get pvc
ClaimLost [rollout: fatal] a volume claim has lost its PersistentVolume
    restore the PersistentVolume, or create the claim again from a backup: kubectl -n {ns} describe pvc {name}
ProvisioningFailed [rollout: retryable 120 s] no volume can be provisioned for a claim
    read the claim's events: kubectl -n {ns} describe pvc {name}

# Readiness
PodStarting [rollout: retryable] a pod is starting: its image, volumes or network are not ready, or a container is being created
    look at its events: kubectl -n {ns} describe pod {name}
SandboxFailed [rollout: retryable 120 s] the node cannot create the pod's sandbox (container runtime, network plugin)
    check the network plugin on the node: kubectl -n kube-system get pods -o wide; kubectl -n {ns} describe pod {name}
PodRejected [rollout: retryable 60 s] the kubelet of the node does not admit the pod
    correct the setting that the evidence names, or keep the pod off that node: kubectl -n {ns} describe pod {name}
InitContainerRuns [rollout: retryable] an init container has not finished, so the pod's main containers cannot start
    see what it waits for: kubectl -n {ns} logs {name} -c {container}
NameNotResolved [rollout: retryable 120 s] a container cannot resolve a host name
    check the name and the pod's DNS settings; cluster DNS: kubectl -n kube-system get pods -l k8s-app=kube-dns
LifecycleHookRuns [rollout: retryable] a container's postStart hook has not finished, so the container does not count as started
    see what the hook waits for: kubectl -n {ns} get pod {name} -o yaml (lifecycle.postStart)
LifecycleHookFailed [rollout: retryable 90 s] a container's postStart hook fails, and the kubelet kills the container
    correct lifecycle.postStart of {container}; {logs}
ReadinessGateWaits [rollout: retryable] a readiness gate of the pod is not True
    find the controller that sets this condition: kubectl -n {ns} get pod {name} -o jsonpath='{{.status.conditions}}'
ProbeMisdirected [preflight: error or warning; rollout: fatal] a probe asks a port or uses a scheme that the container does not serve
    correct port and scheme of the probe: kubectl -n {ns} get pod {name} -o yaml
NotReadyInTime [rollout: retryable] a container runs but does not become ready within its own probes' time
    find why the probe fails; if the container is only slow, raise failureThreshold of its startup or readiness probe

# Rollout
ProgressDeadline [rollout: fatal] the Deployment made no progress within progressDeadlineSeconds
    read the Deployment's conditions: kubectl -n {ns} describe deployment {name}
ScaledToZero [rollout: fatal] the Deployment was scaled to 0 replicas during the rollout
    scale it up, or run the deployment again: kubectl -n {ns} scale deployment/{name} --replicas=1
DeploymentMissing [rollout: fatal] a Deployment of the release does not exist, or is being deleted
    run the deployment again: Helm creates the Deployment
MinReadySeconds [rollout: retryable] new pods are ready, and count as available only after minReadySeconds
    wait, or lower minReadySeconds: kubectl -n {ns} edit deployment {name}
DeploymentPaused [rollout: fatal] the Deployment is paused
    resume it: kubectl -n {ns} rollout resume deployment/{name}
OldPodStuck [rollout: retryable 120 s] an old pod is not deleted although its grace period is over
    look at its finalizers and its node: kubectl -n {ns} get pod {name} -o yaml
OldPodCannotRestart [rollout: retryable] a pod of the old version was recreated and cannot start, because the database is already newer
    do not restart the other old pods until the new ones are ready; the rollout continues

# Network
TlsSecretMissing [preflight: error; post-check: fatal] the Ingress's TLS Secret does not exist, or lacks tls.crt or tls.key
    kubectl create secret tls …, or annotate the Ingress for cert-manager
CertificateName [preflight: warning] the TLS certificate of an Ingress does not cover its host
    use a certificate that has the host's name
GatewayMissing [preflight: error] the parent Gateway of a route does not exist
    correct oceans_llm_values.httpRoute.parentRefs
GatewayNotServed [preflight: error] no controller serves the parent Gateway of a route
    kubectl describe gateway <name>
DnsPolicy [preflight: error or warning] dnsPolicy does not resolve a cluster name that the pod needs
    set dnsPolicy to ClusterFirst (with hostNetwork: ClusterFirstWithHostNet)
PortTaken [preflight: error] two containers of a pod declare the same port
    give one of them another port

# Scaling
HpaWithoutRequests [preflight: error] the HorizontalPodAutoscaler measures a resource that a container does not request
    set oceans_llm_values.scheduling.resources.requests
MetricsMissing [preflight: warning] the cluster does not serve the metrics that the HorizontalPodAutoscaler needs
    install metrics-server
PdbBlocks [preflight: error] the PodDisruptionBudget allows no disruption, so no node can be drained
    lower podDisruptionBudget.minAvailable, or raise the number of replicas
StrategyLeavesNobody [preflight: warning] maxUnavailable lets all old pods stop before a new one is ready
    set oceans_llm_values.rollout.maxUnavailable to 0
DrainTooShort [preflight: warning] a provider may take longer than the drain of a gateway pod, which cuts longer answers when a pod stops
    set oceans_llm_values.gateway.drain.timeoutSeconds, or ceilingSeconds, to the seconds of the longest answer

# Drain of a node
DrainSafe [checks: ok] the gateway pods of the node move, and others serve meanwhile
    kubectl drain <node> --ignore-daemonsets --delete-emptydir-data
DrainBlocked [checks: error] the PodDisruptionBudget refuses every eviction, so that the drain never ends
    set oceans_llm_replicas to 2 or more (or repair the pod that is not ready), then deploy
DrainNoRoom [checks: error] no other node takes a gateway pod: too little CPU or memory, taints, labels, cordoned, not ready
    add a node, or lower scheduling.resources in oceans_llm_values
DrainOutage [checks: error] all gateway pods are on the node, and nothing keeps one until a replacement is ready
    set oceans_llm_replicas to 2 or more, then deploy
NotSpread [checks: warning] all gateway pods are on the node: its drain is safe, its failure is not
    set scheduling.topologySpreadConstraints in oceans_llm_values (kubernetes.io/hostname)

# Release
ReleasePending [preflight: error or warning] a Helm run that was killed left a pending revision (an error while that Helm may still be running)
    wait until oceans_llm_recover_after is over, or set it to 0 when that Helm has ended
ForeignRelease [preflight: error] a release of this name was installed from another chart
    choose another oceans_llm_release, or another namespace
ForeignObject [preflight: error or warning] an object of this name belongs to another release or to none, so Helm refuses to adopt it
    remove or rename it, or choose another oceans_llm_release
HookLeftover [preflight: warning] a hook of an earlier chart left a Secret, ConfigMap or ServiceAccount, and Helm never removes it
    set oceans_llm_remove_leftovers: true, or delete the object with kubectl

# Post-check
NotServed [post-check: fatal] the gateway does not answer through its Service
    look at the Service's endpoints: kubectl -n {ns} get endpointslices -l kubernetes.io/service-name={name}
NoEndpoints [post-check: fatal] the Service has no ready endpoints
    compare the Service's selector with the pods' labels: kubectl -n {ns} get endpointslices -l kubernetes.io/service-name={name}
WrongVersionServed [post-check: fatal] another version is served than the one asked for
    check the image's tag and digest: it may hold another build than its name says
NotReady [post-check: fatal] the gateway is served but cannot reach its database
    check the database; the pods stay up and recover by themselves when it answers
AdminUiDown [post-check: fatal] the admin UI is not reached through the gateway
    look at the admin UI's pods: kubectl -n {ns} get pods -l app.kubernetes.io/component=admin-ui
OldSecretsServed [post-check: fatal] running pods were started with an older version of a Secret
    a Secret changed while the rollout ran: run the deployment again
OldPodsServe [post-check: fatal] endpoints of the Service still point to pods of the old ReplicaSet
    run the deployment again; look at the pods: kubectl -n {ns} get pods
Unverified [post-check: fatal] the rollout is complete, but the gateway could not be asked what it serves
    give the run one of the ways named in the evidence, or set oceans_llm_verify: best_effort to accept an unverified release
ServiceMissing [post-check: fatal] a Service of the release does not exist
    run the deployment again: Helm creates the Service
ServiceSelector [preflight: error; post-check: fatal] a Service selects no pod of its Deployment, or pods of another one
    set the Service's selector to the labels in the evidence: kubectl -n {ns} edit service {name}, or run the deployment again
ForeignEndpoint [post-check: fatal] addresses that belong to no pod stand behind a Service of the release
    delete the EndpointSlice: kubectl -n {ns} delete endpointslice {name}
ServicePort [preflight: error or warning; post-check: fatal] a Service's port, protocol or targetPort matches none of its pods' ports
    correct port, protocol and targetPort: kubectl -n {ns} edit service {name}, or run the deployment again
NoLocalEndpoint [post-check: fatal] a Service with internalTrafficPolicy Local has no pod on a node that callers run on
    set internalTrafficPolicy to Cluster: kubectl -n {ns} patch service {name} --type=merge -p '{{"spec":{{"internalTrafficPolicy":"Cluster"}}}}'
IngressBackend [post-check: fatal] an Ingress does not exist, lacks a rule of the release, or its backend is not a Service and port of the release
    correct its rules: kubectl -n {ns} edit ingress {name}, or run the deployment again
IngressClassMissing [preflight: error or warning; post-check: fatal] the IngressClass does not exist, is not the release's, or the cluster has no default one
    set oceans_llm_values.ingress.className to one that exists: kubectl get ingressclass
RouteRefused [post-check: fatal] no Gateway accepts a route of the release
    correct parentRefs or backendRefs: kubectl -n {ns} describe {kind} {name}
CertificateExpired [preflight: error; post-check: fatal] the TLS certificate of an Ingress has expired
    renew the certificate named in the evidence
NetworkPolicyBlocks [preflight: warning; post-check: fatal] NetworkPolicies leave pods no way in, out, to DNS or to the database
    add a rule that admits the gateway's port: kubectl -n {ns} describe networkpolicy {name}
ClusterDnsFails [post-check: fatal] a pod of the namespace cannot resolve the Service's name
    look at the cluster's DNS pods and the pods' dnsPolicy: kubectl -n kube-system get pods -l k8s-app=kube-dns
ServiceIpUnreachable [post-check: fatal] a pod reaches the gateway's pods, but not through the Service's ClusterIP
    look at kube-proxy (or its replacement) on the node named in the evidence: kubectl -n kube-system get pods -o wide
NotLasting [post-check: fatal] a new pod was ready and has become unready
    see why the pod stopped being ready: kubectl -n {ns} describe pod {name}

# Completions
ProbeKeyRefused [post-check: fatal] the gateway refuses the key with which completions are requested
    put a key that the gateway accepts into key {key} of the Secret: kubectl -n {ns} edit secret {name}
ModelUnknown [post-check: fatal] the gateway does not offer the model to the key
    set oceans_llm_probe_model to a model of oceans_llm_config that the key may use; oceans_llm_seed_config: true seeds models and keys
ProviderKeyRefused [post-check: fatal] the provider refuses the gateway's key (401, 403)
    renew the provider's key in oceans_llm_secrets and run the deployment again: the pods restart with it
ProviderAddressWrong [preflight: warning; post-check: fatal] the host of base_url does not resolve, nothing listens there, or it has no such path or model
    correct base_url of the provider, or upstream_model of the route, in oceans_llm_config, and run the deployment again
ProviderBlocked [post-check: fatal] the gateway's pods have no way out to the provider
    admit the way out to {where} (NetworkPolicy, firewall, proxy): kubectl -n {ns} describe networkpolicy
ProviderFails [post-check: fatal] the provider answers with another 4xx or 5xx, or not in time
    check the provider's quota and state; kubectl -n {ns} logs deployment/{deployment} --tail 50
CompletionFailed [post-check: fatal] the gateway answers without a completion, and does not say why
    read the gateway's log: kubectl -n {ns} logs deployment/{deployment} --tail 50
StreamBuffered [post-check: fatal] a streamed completion arrives in one piece
    switch response buffering off in the proxy (ingress-nginx: annotation nginx.ingress.kubernetes.io/proxy-buffering "off")
StreamBroken [post-check: fatal] a plain completion comes, and a streamed one breaks off or is no stream
    raise the time limits of provider and proxies, and compare: kubectl -n {ns} logs deployment/{deployment} --tail 50

# Run
ReleaseBusy [preflight: error; rollout: fatal] another run or another Helm process is changing the release
    wait until it has finished, then run again
ReleaseOvertaken [rollout: fatal] another Helm process created a newer revision during this rollout
    find out who else deploys this release; follow the newer revision with the role wait, or deploy again
ReleaseUninstalled [rollout: fatal] the release was uninstalled while it was followed
    find out who uninstalled it, then deploy again
FieldConflict [preflight: error or warning; rollout: fatal] another field manager owns a field that Helm sets (an error where Helm would be refused)
    remove the field from the other manager, or leave it out of the values (replicas: let the autoscaler own them)
FieldImmutable [preflight: error; rollout: fatal] a field changed that the API server never changes on a live object
    restore the old value, or delete the object named in the evidence if it holds no data (its pods stop), then run again
Interrupted [rollout: fatal] the run was ended by a signal (Ctrl-C, SIGTERM)
    run it again: the run continues from the state above
LeaseLost [rollout: fatal] another run took over the lease while this run was changing the release
    find out who else deploys this release; follow it with the role wait, or deploy again when that run has ended
NamespaceDeleted [rollout: fatal] the namespace was deleted while the release was being changed
    find out who deleted it, then deploy again
CredentialsRefused [rollout: fatal] the API server no longer accepts the credentials (401)
    renew the token or certificate, check what was not stopped (kubectl -n {ns} get jobs,pods), then deploy again
AccessRevoked [rollout: fatal] the API server no longer allows the requests that follow the rollout (403)
    grant it again (docs/deployer-role.yaml), check what was not stopped (kubectl -n {ns} get jobs,pods), then deploy again
EngineBroke [rollout: fatal] a defect of the collection ended the run; the state of the rollout is unknown
    report it with the evidence folder; kubectl -n {ns} get pods shows the state, and the role wait follows the release
HelmFailed [rollout: fatal] Helm ended with an error that nothing in the namespace explains
    read Helm's error in the evidence
Timeout [rollout: fatal] the time limit has passed and no cause is known
    raise oceans_llm_timeout if the rollout is only slow; otherwise check the blocker named in the sentence
"""

_LOGS = "kubectl -n {ns} logs {name} -c {container} --previous"
_ROW = re.compile(r"^(?P<code>[A-Z]\w+) \[(?P<phases>[^]\n]+)\] (?P<title>.+)\n(?P<hint>(?: {4}.+\n)+)", re.MULTILINE)


def _rows(table: str) -> Iterator[Entry]:
    for group in table.split("\n# ")[1:]:
        name, _newline, rows = group.partition("\n")
        if rest := _ROW.sub("", rows).strip():
            raise ValueError(f"the register of codes has a row of another form: {rest.splitlines()[0]}")
        for row in _ROW.finditer(rows):
            phases = dict(phase.split(": ") for phase in row["phases"].split("; "))
            words = (phases.get(ROLLOUT) or phases.get(POST_CHECK) or FATAL.value).split()  # `retryable 120 s`
            hint = " ".join(row["hint"].split()).replace("{logs}", _LOGS)
            yield Entry(row["code"], name, row["title"], hint, phases, Certainty(words[0]), float(words[1]) if words[1:] else None)


ENTRIES = tuple(_rows(_TABLE))
BY_CODE = {entry.code: entry for entry in ENTRIES}
