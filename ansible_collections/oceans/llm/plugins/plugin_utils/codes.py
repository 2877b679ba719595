# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The register of codes: everything that preflight, a rollout, the post-check or the checks can report, each condition under one name.

Codes are an interface: scripts match on them. docs/preflight.md, docs/causes.md and docs/checks.md are generated from here
(tests/documents). A code is never renamed; a new meaning gets a new code.
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
ClusterUnreachable [preflight: error] the cluster cannot be reached: no kubeconfig, wrong context, no answer from the API server, or refused credentials
    correct oceans_llm_kubeconfig and oceans_llm_context (or K8S_AUTH_KUBECONFIG, KUBECONFIG) until this command answers: kubectl --kubeconfig <file> --context
    <context> version
NamespaceMissing [preflight: error] the namespace does not exist, and oceans_llm_create_namespace is false
    set oceans_llm_create_namespace: true, or create the namespace: kubectl create namespace <name>
NotAllowed [preflight: error; rollout: fatal] the user or service account of the kubeconfig lacks permissions that this run needs
    grant the permissions to this user: kubectl -n <namespace> apply -f deployer-role.yaml; the file is docs/deployer-role.yaml of the collection, and its first
    lines show how to bind the Role
HelmMissing [preflight: error] no helm program was found
    install Helm 3.18 or a later 3.x, or Helm 4.2.2 or a later 4.x; set oceans_llm_helm_binary to the path of this Helm if it is not the first helm on PATH
HelmVersion [preflight: error] this version of Helm is not supported; supported are 3.18 and later 3.x, and 4.2.2 and later 4.x
    install Helm 3.18 or a later 3.x, or Helm 4.2.2 or a later 4.x; set oceans_llm_helm_binary to the path of this Helm if it is not the first helm on PATH
KubernetesCore [preflight: error] the collection kubernetes.core is not installed, or is too old for Helm 4
    upgrade kubernetes.core: ansible-galaxy collection install --upgrade 'kubernetes.core:>=6.5.0'; or use Helm 3.18 or a later 3.x
CheckSkipped [preflight: warning] a check could not read the rendered objects and was skipped; all other checks were completed
    correct the other findings first; if there are no other findings, report a defect of the collection, with the values of the release

# Chart and variables
UnknownVariable [preflight: error or warning] no role uses this variable with the present settings; an error if the name is almost the name of another variable
    correct the name, or remove the variable; to keep the variable, set oceans_llm_preflight_waive: [UnknownVariable]; to list all variables, run: ansible-doc
    -t role oceans.llm.gateway
UnknownValue [preflight: error] oceans_llm_values contains a key that the chart does not have
    correct the key in oceans_llm_values (the chart's README lists all keys)
InvalidValue [preflight: error] a chart value has the wrong type or format
    correct the value in oceans_llm_values (the chart's README lists all keys with their types)
ChartUnavailable [preflight: error] the chart cannot be downloaded: wrong name or version, untrusted certificate, missing login, or no network
    correct oceans_llm_chart, oceans_llm_chart_version or oceans_llm_chart_registry until this command prints the chart: helm show chart <chart> --version
    <version>
OtherChart [preflight: warning] your own chart lacks a PodDisruptionBudget, a preStop hook, or the annotation helm.sh/resource-policy: keep on a database
    leave oceans_llm_chart empty to use the collection's chart, or set oceans_llm_preflight_waive: [OtherChart]
ReleaseTooLarge [preflight: error; rollout: fatal] Helm's record of the release does not fit into a Secret (1 MiB)
    shorten oceans_llm_config or oceans_llm_values, or deploy two releases, each with a part of oceans_llm_config.models
ChartRefused [preflight: error] the chart refuses the values: one of its own validations fails
    correct the value that the chart's message names, in oceans_llm_config or oceans_llm_values

# Configuration
SecretInConfig [preflight: error] the gateway's configuration, which becomes a ConfigMap, contains a password, a key or a value of the form literal.VALUE
    put the value into oceans_llm_secrets under a key NAME, and write env.NAME in oceans_llm_config
ReferenceNotResolved [preflight: warning] env.NAME is written in a field in which the gateway does not resolve references
    write the value itself; use env.NAME only in fields that take references, such as providers[].auth.token
NumberAsText [preflight: warning] a number such as 1e-7 is text in YAML 1.1
    write the number with a decimal point and a sign in the exponent: 1.0e-7
ConfigUnknown [preflight: warning] the gateway ignores a section of oceans_llm_config, or an environment variable of its pods
    correct the name in oceans_llm_config, or remove the section or the environment variable
BootstrapDisabled [preflight: error] oceans_llm_bootstrap_admin is true, but auth.bootstrap_admin.enabled in the configuration is not
    set oceans_llm_config.auth.bootstrap_admin.enabled: true, or oceans_llm_bootstrap_admin: false
BootstrapIncomplete [preflight: error or warning] the configuration sets no password for the administrator, so the gateway would set a publicly known password
    set oceans_llm_config.auth.bootstrap_admin.password: env.GATEWAY_BOOTSTRAP_ADMIN_PASSWORD, and add GATEWAY_BOOTSTRAP_ADMIN_PASSWORD to
    oceans_llm_secrets_generate

# Images
ImageNotFound [rollout: fatal] the image, or its tag, does not exist in the registry
    push the image, or set oceans_llm_version to a tag that exists in {repository}: skopeo list-tags docker://{repository}
ImageDenied [rollout: fatal] the registry denies access to the image (HTTP 401 or 403)
    check the name of the image (some registries deny access to images that do not exist), and the pull Secrets of the pod: {pull_secrets}
ImageArchitecture [rollout: fatal] the image has no variant for the node's CPU architecture
    push the image for the node's architecture, or set the node selector kubernetes.io/arch in oceans_llm_values.scheduling.nodeSelector; list the nodes:
    kubectl get nodes -L kubernetes.io/arch
ImageNameInvalid [preflight: error; rollout: fatal] the image reference is invalid, for example a repository that contains a tag, or a malformed digest
    correct oceans_llm_gateway_image, oceans_llm_admin_ui_image or oceans_llm_version: a repository is lower case and has no tag, and a tag has no spaces
ImageNeverPulled [rollout: fatal] the pull policy is Never, and the image is not on the node
    set pullPolicy: IfNotPresent in oceans_llm_values.gateway.image or oceans_llm_values.adminUi.image, or load the image onto the node
ImageInsecureRegistry [rollout: fatal] the node does not trust the registry, which serves plain HTTP or has a certificate of an unknown authority
    add the registry to containerd on every node (hosts.toml or ca.crt in /etc/containerd/certs.d/{registry}), or use a registry with a public certificate
ImageUnusable [rollout: fatal] the node cannot use the image: an outdated format, not a container image, or a signature that the node's policy rejects
    push {image} as a container image in a current format: docker buildx build --push --tag {image} .
ImageRateLimited [rollout: retryable 300 s] the registry limits the rate of pulls (HTTP 429)
    wait for the next attempt; if the error stays, pull with credentials (oceans_llm_image_pull_secrets) or from a mirror of the registry
    (oceans_llm_image_registry)
ImageRegistryError [rollout: retryable 240 s] the registry cannot be reached, or answers with an error (HTTP 5xx, DNS error, connection refused, time-out)
    check DNS, firewall and proxy of the node; run on the node: curl -I https://{registry}/v2/
ImagePullFailed [rollout: retryable 120 s] the image cannot be pulled, for a reason that this collection does not know
    read the pod's events: kubectl -n {ns} describe pod {name}
DigestOfTwoImages [preflight: error] two images are pinned to the same digest
    pin each image to its own digest: oceans_llm_version: TAG@sha256:DIGEST for the gateway, oceans_llm_values.adminUi.image.tag:
    TAG@sha256:DIGEST for the admin UI
PullSecretMissing [preflight: warning] an image pull Secret does not exist, has a type that the kubelet ignores, or is for other registries
    correct oceans_llm_image_pull_secrets, or create the Secret: kubectl -n <namespace> create secret generic <name> --type=kubernetes.io/dockerconfigjson
    --from-file=.dockerconfigjson=<file>

# Secrets and config
SecretMissing [preflight: error or warning; rollout: fatal] a Secret that a container needs does not exist; a warning if a CSI driver may create it
    list the keys of the Secret in oceans_llm_secrets, or create the Secret: kubectl -n {ns} create secret generic {missing} --from-env-file=secrets.env
SecretPending [rollout: retryable 300 s] an operator or a CSI driver has not created a Secret yet
    read the events of the object that creates the Secret, such as the ExternalSecret: kubectl -n {ns} describe {maker}
SecretKeyMissing [preflight: error; rollout: fatal] a Secret lacks a key that a container needs
    add the key {key} to oceans_llm_secrets, or to the Secret itself: kubectl -n {ns} edit secret {missing}
ConfigMapMissing [preflight: error; rollout: fatal] a ConfigMap that a container needs does not exist
    create the ConfigMap {missing}, or correct its name in oceans_llm_values (extraVolumes or extraEnvFrom); list the ConfigMaps: kubectl -n {ns} get configmaps
ConfigMapKeyMissing [preflight: error; rollout: fatal] a ConfigMap lacks a key that a container needs
    add the key {key} to the ConfigMap: kubectl -n {ns} edit configmap {missing}
RunAsNonRoot [preflight: error; rollout: fatal] runAsNonRoot is set without runAsUser, and the image's user is root or not a number
    set the number of the image's user: oceans_llm_values.gateway.podSecurityContext.runAsUser: 10001 for the gateway,
    oceans_llm_values.adminUi.podSecurityContext.runAsUser: 1000 for the admin UI
ContainerConfig [rollout: fatal] the container cannot be created from its specification
    correct the field of the container that the pod's event names: kubectl -n {ns} describe pod {name}
ExternalSecretFailed [rollout: fatal] External Secrets Operator cannot read a value from the secret store
    correct the store or the key that the ExternalSecret names: kubectl -n {ns} describe externalsecret {name}
ExternalSecretRetrying [rollout: retryable 120 s] External Secrets Operator has not read the values from the secret store yet
    check that External Secrets Operator can reach the secret store; read the error and the state of the stores: kubectl -n {ns} describe externalsecret {name};
    kubectl get secretstore,clustersecretstore -A
IdentityFallback [preflight: error] nothing provides GATEWAY_IDENTITY_TOKEN_SECRET, so the gateway would sign sessions with a publicly known value
    add GATEWAY_IDENTITY_TOKEN_SECRET to oceans_llm_secrets_generate or to oceans_llm_secrets
SecretBuiltIn [preflight: error] the value of GATEWAY_IDENTITY_TOKEN_SECRET is the gateway's built-in value, which is publicly known
    remove the value and list the key in oceans_llm_secrets_generate, or set the key to the output of this command: openssl rand -base64 48
SecretEmpty [preflight: error or warning] a secret value is empty; an error for passwords, tokens, URLs and keys that the gateway reads
    set the key to a value in oceans_llm_secrets or in your own Secret, or remove the key
SecretTooShort [preflight: error] a secret value is too short to be secure
    set the key to the output of this command: openssl rand -base64 48
SecretBlank [preflight: error] a password, token or URL begins or ends with whitespace, or contains an invisible character
    write the value without the whitespace or invisible character (use printf '%s' instead of echo, or the filter trim)
SecretMalformed [preflight: error or warning] the value is not the secret itself, but text of Ansible Vault, a template, a placeholder, or quoted or base64 text
    set the key in oceans_llm_secrets to the secret itself, as plain text
SecretNotQuoted [preflight: error or warning] YAML reads the value as a number, boolean or date, not as text: 0123 becomes 83, yes becomes true
    write the value in quotes, such as KEY: "0123"
SecretNotKey [preflight: error] an encryption key is not the base64 encoding of exactly 32 bytes
    set the key to the output of this command: openssl rand -base64 32
SecretNotUrl [preflight: error] the value is not a PostgreSQL URL that the gateway's driver accepts; most often the password is not percent-encoded
    write postgresql://USER:PASSWORD@HOST:5432/DATABASE, with user and password percent-encoded
SecretNotText [preflight: error or warning] a secret value is not UTF-8 text; only a warning for a key that the gateway does not read
    store UTF-8 text, because the value becomes an environment variable; store binary data in base64, or mount the Secret as a file (oceans_llm_extra_volumes)
SecretKeyName [preflight: error] the name is not valid as a key of a Secret
    rename the key: use only letters, digits, -, _ and .

# Containers
ContainerExited [rollout: retryable] a container exited once with an error
    read the container's log: {logs}
CrashLoop [rollout: fatal] a container exits with an error again and again
    read the container's log: {logs}
ContainerEnded [rollout: retryable 60 s] a container that has to keep running exited with code 0
    check the container's command and arguments, and read its log: {logs}
OOMKilled [rollout: fatal] a container used more memory than its limit
    raise the memory limit of container {container} above {limit}: oceans_llm_resources.limits.memory for all containers, or the resources of one component,
    such as oceans_llm_values.migrations.resources
Segfault [rollout: fatal] a container was killed by a signal that its own program caused (SIGSEGV, SIGABRT, SIGILL, SIGBUS, SIGFPE)
    deploy another version (oceans_llm_version), because the program or its image is broken on this node; read the container's log: {logs}
ExecFormat [rollout: fatal] the program in the image is built for a CPU architecture that the node does not have
    use an image for the node's architecture; list the nodes: kubectl get nodes -L kubernetes.io/arch
CannotStart [rollout: fatal] the container's command cannot be started
    correct command and args of container {container} where this container is defined (oceans_llm_values.observability.sidecars,
    oceans_llm_values.gateway.extraInitContainers, your own chart or the live Deployment): the first word of command must be an executable program in this image
UsageError [rollout: fatal] the program refuses its arguments or options (exit code 2)
    correct the argument or the environment variable that the container's log names: {logs}
StartupProbeFailed [rollout: fatal] the container did not start within the time of its startup probe and was killed
    find out what the container waits for: {logs}; if the container is only slow, raise oceans_llm_values.probes.gateway.startup.failureThreshold (for the admin
    UI oceans_llm_values.probes.adminUi.startup.failureThreshold)
LivenessProbeFailed [rollout: retryable 90 s] the liveness probe fails, and the kubelet kills the container
    read the container's log: {logs}; if the container is only slow, raise oceans_llm_values.probes.gateway.liveness.failureThreshold (for the admin UI
    oceans_llm_values.probes.adminUi.liveness.failureThreshold)

# Gateway
GatewayConfigInvalid [preflight: error or warning; rollout: fatal] the gateway refuses its configuration
    correct the field of oceans_llm_config that the gateway's message names
GatewayVariableMissing [preflight: error; rollout: fatal] the configuration refers to an environment variable that is not set
    add {variable} to oceans_llm_secrets, or to oceans_llm_values.gateway.extraEnv
GatewayReferenceInvalid [rollout: fatal] a field of the configuration contains a plain value where the gateway needs a reference of the form env.NAME
    put the value into oceans_llm_secrets under a key NAME, and write env.NAME in oceans_llm_config; then change this secret, because the gateway has printed
    the value in its log
SeedConflict [rollout: fatal] the gateway cannot write the configuration to the database: the configuration contradicts itself or the stored data (seed-config)
    correct the part of oceans_llm_config that the quoted output names, for example a route that names an unknown provider
ListenFailed [rollout: fatal] the gateway cannot listen on its port
    give the container that uses this port another port, or change oceans_llm_values.gateway.containerPort; read the ports of the pod: kubectl -n {ns} describe
    pod {name}
GatewayStopped [rollout: retryable 90 s] the gateway stopped unexpectedly
    read the container's log: {logs}

# Database
DatabaseAuth [preflight: warning; rollout: fatal] PostgreSQL does not accept the user and password (SQLSTATE 28P01 or 28000)
    correct user and password in {source}, with special characters percent-encoded
DatabaseMissing [preflight: warning; rollout: fatal] the database does not exist on the server (SQLSTATE 3D000)
    create the database, or correct its name in {source}
DatabasePermission [rollout: fatal] the PostgreSQL role lacks a privilege that the migration needs (SQLSTATE 42501)
    make the role the owner of the database, or let the present owner of the database run: GRANT CREATE ON SCHEMA public TO <role>
DatabaseEmpty [rollout: fatal] the recovered database is empty, and the chart starts the gateway on an empty database only with allowEmptyRecovery: true
    recover from another backup (oceans_llm_cloudnativepg.additionalSpec.bootstrap), or set oceans_llm_cloudnativepg.allowEmptyRecovery: true to start with an
    empty database
DatabaseReadOnly [rollout: fatal] the database is read-only (SQLSTATE 25006)
    set the host in the database URL to the primary (for CloudNativePG the Service <cluster>-rw), or end the server's read-only mode
DatabaseFull [rollout: fatal] the database server has no disk space left (SQLSTATE 53100)
    free disk space on the database server or enlarge its volume, then run the playbook again
DatabaseConnections [rollout: retryable 90 s] the database server accepts no more connections (SQLSTATE 53300)
    raise max_connections of the PostgreSQL server, or lower oceans_llm_config.database.max_connections
DatabaseHostUnknown [rollout: fatal] the database's host name cannot be resolved
    correct the host in {source}; if the host is right, the password may contain @ : / # or %: percent-encode these characters
DatabaseUrlInvalid [rollout: fatal] the database's URL is not a well-formed PostgreSQL URL
    correct {source}: postgresql://USER:PASSWORD@HOST:5432/DATABASE, with user and password percent-encoded
DatabaseUnreachable [preflight: warning; rollout: retryable 150 s] no connection to the database: refused, server starting, no free connection, or no answer
    check host and port in the database URL, the NetworkPolicies, and that the database server is running and has free connections (max_connections)
DatabaseSilent [rollout: retryable 150 s] the migration, or an init container, has printed nothing and is probably waiting for a connection to the database
    check host and port in the database URL, the NetworkPolicies, and that the database server is running and has free connections (max_connections)
DatabasePooler [rollout: retryable 120 s] the connection pooler in front of the database is not configured for the gateway
    in the pooler, set max_prepared_statements and ignore_startup_parameters, or set pool_mode: session; or write the address of the database server itself into
    the database URL
DatabaseInterrupted [rollout: retryable 120 s] the database server ended the session (restart, failover, deadlock)
    wait until the Job or the pod tries again; if the error comes again, read the log of the database server
DatabaseNotPostgres [rollout: retryable 90 s] the program that answers at the database's address is not PostgreSQL
    correct host and port in {source}; if both are right, a DNS search domain may select another host: resolve the host name in a pod
DatabaseTls [preflight: warning; rollout: fatal] no TLS connection to the database can be established
    check sslmode and sslrootcert in the database URL (with oceans_llm_database_parts: sslMode and ca)
MigrationFailed [rollout: fatal] a migration failed and was rolled back
    in the database, correct the rows or the table that PostgreSQL's error names, then run the playbook again: the migration Job applies the failed migration
    again
MigrationRace [rollout: retryable 120 s] another migration is running on the same database
    wait until the other migration has finished; if the error stays, find the client that runs the other migration: SELECT pid, application_name, query FROM
    pg_stat_activity
MigrationWaits [rollout: retryable] a migration takes long, and may be waiting for a lock in the database
    find the session that holds the lock: SELECT pid, application_name, query FROM pg_stat_activity WHERE pid = ANY (SELECT unnest(pg_blocking_pids(pid)) FROM
    pg_stat_activity)
ImageOlderThanDatabase [preflight: error or warning; rollout: fatal] the database's schema is newer than this image supports
    deploy a version that knows migration {version} (oceans_llm_version); do not recreate the database, because all its data would be lost
MigrationHistoryForeign [preflight: error or warning; rollout: fatal] the migration history in the database is not that of this image
    do not apply migrations, because the history was edited or a fork of the gateway wrote the history; compare the table refinery_schema_history with a backup
DatabaseForeign [preflight: error or warning; rollout: fatal] the database holds tables of an application, but no migration history of the gateway
    correct the database URL, so that the URL names the gateway's database or an empty database
SchemaMissing [rollout: retryable 120 s] the gateway was started on a database that lacks the gateway's tables
    set oceans_llm_values.migrations.enabled: true; if the value is already true, find out why the migration Job has not run: kubectl -n {ns} get jobs
PostgresClusterFailed [rollout: fatal] CloudNativePG cannot set up the database
    read the conditions of the Cluster: kubectl -n {ns} describe cluster.postgresql.cnpg.io {name}
PostgresClusterWaits [rollout: retryable 600 s] CloudNativePG is still setting up the database
    read the state of the Cluster, and the logs of its pods: kubectl -n {ns} describe cluster.postgresql.cnpg.io {name}; kubectl -n {ns} logs -l
    cnpg.io/cluster={name} --all-containers --tail 50
PostgresPrimaryMoves [rollout: retryable 300 s] CloudNativePG is moving the primary to another instance (failover or switchover)
    wait until the new primary is ready; read the conditions of the Cluster: kubectl -n {ns} describe cluster.postgresql.cnpg.io {name}

# Jobs
JobAttemptFailed [rollout: retryable] one attempt of a Job failed, and the Job controller retries
    read the Job's log: kubectl -n {ns} logs job/{job}
JobFailed [rollout: fatal] a Job has failed, and the Job controller will not retry
    fix the cause that the Job's log names, then run the playbook again; read the log: kubectl -n {ns} logs job/{job}
SidecarKeepsJob [rollout: retryable 30 s] a sidecar keeps running after the Job's own container has ended, so the Job never completes
    set the label sidecar.istio.io/inject: "false" in oceans_llm_values.migrations.podLabels (also in bootstrapAdminJob.podLabels and seedConfigJob.podLabels),
    or let the service mesh inject a native sidecar: an init container with restartPolicy: Always
JobDeadline [rollout: fatal] a Job took longer than its activeDeadlineSeconds
    find out what the Job waited for: kubectl -n {ns} logs job/{job}; if the Job is only slow, raise activeDeadlineSeconds of this Job (for the migration Job
    oceans_llm_values.migrations.activeDeadlineSeconds)
JobNotDeleted [rollout: retryable 60 s] the deletion of a Job of an earlier revision does not finish, so Helm cannot create the Job again
    remove the finalizers of the Job if their controller no longer exists: kubectl -n {ns} patch job {job} --type=merge -p
    '{{"metadata":{{"finalizers":null}}}}'
JobSuspended [rollout: retryable 60 s] a Job is suspended
    resume the Job: kubectl -n {ns} patch job {job} --type=merge -p '{{"spec":{{"suspend":false}}}}'
PodEvicted [rollout: retryable] a pod was evicted, preempted or deleted, and its controller creates a replacement
    ignore a single eviction; if evictions repeat, check the node's resources and the priorities of the pods: kubectl -n {ns} describe pod {name}

# Operators
OperatorMissing [preflight: error] oceans_llm_database_mode or oceans_llm_secrets_source needs an operator that is not installed in the cluster
    install the operator, or set oceans_llm_database_mode: external (CloudNativePG) or oceans_llm_secrets_source: provision (External Secrets Operator)
ApiVersionNotServed [preflight: error] the operator is installed, but its CRDs do not have the API version that the chart uses
    upgrade the operator; list the API versions that the cluster serves: kubectl api-versions
OperatorUnavailable [preflight: error or warning] no pod of the operator is available; only a warning in the first 30 s
    read the events of the operator's Deployment: kubectl -n <namespace> describe deployment <name>
SecretStoreMissing [preflight: error] the SecretStore or ClusterSecretStore of the ExternalSecret does not exist
    create the store, or set oceans_llm_external_secrets.secretStoreRef to a store that exists; list the stores: kubectl get secretstore,clustersecretstore -A
SecretStoreNotReady [preflight: error] External Secrets Operator reports that the secret store cannot be used
    correct the store; read its status: kubectl get secretstore,clustersecretstore -A -o yaml
ClusterName [preflight: error] the name of the CloudNativePG Cluster has more than 50 characters
    set oceans_llm_cloudnativepg.clusterName to a shorter name

# Admission
QuotaExceeded [preflight: error; rollout: fatal] a ResourceQuota of the namespace is exhausted
    raise the ResourceQuota, or lower oceans_llm_replicas or oceans_llm_resources; read the quota: kubectl -n {ns} describe resourcequota {quota}
QuotaBusy [rollout: retryable 120 s] a ResourceQuota is exhausted while old pods are being deleted
    wait until the old pods are deleted; if the quota stays exhausted, raise the quota so that it also holds the resource requests of one more pod; read the
    quota: kubectl -n {ns} describe resourcequota
QuotaNeedsResources [preflight: error; rollout: fatal] a ResourceQuota requires resource requests or limits that a container does not set
    set oceans_llm_resources, which applies to all containers of the chart; a component whose own resources are set (such as
    oceans_llm_values.migrations.resources) needs the values there
LimitRangeViolated [preflight: error; rollout: fatal] the container's resources are outside the namespace's LimitRange
    set oceans_llm_resources to requests and limits that the LimitRange allows; read the LimitRange: kubectl -n {ns} describe limitrange
PodSecurity [preflight: error; rollout: fatal] the namespace's Pod Security level forbids the pod
    in oceans_llm_values, correct the fields of podSecurityContext and securityContext that the API server's message names, or change the label
    pod-security.kubernetes.io/enforce of the namespace
AdmissionDenied [preflight: error; rollout: fatal] an admission policy or admission webhook denies the object
    in oceans_llm_values, correct the field that the policy's message names, or ask the owner of the policy for an exception
WebhookUnavailable [preflight: error; rollout: retryable 60 s] an admission webhook cannot be called, or gives an answer that the API server cannot use
    start the pods of the webhook's Service again, or, if the webhook gives an unusable answer, repair the program of the webhook; to find this Service: kubectl
    get validatingwebhookconfigurations,mutatingwebhookconfigurations -o yaml
WebhookUntrusted [rollout: retryable 60 s] the API server does not trust the certificate of an admission webhook
    correct caBundle in the configuration of the webhook (cert-manager or the operator normally sets caBundle); to read caBundle: kubectl get
    validatingwebhookconfigurations,mutatingwebhookconfigurations -o yaml
AdmissionTimeout [rollout: retryable 60 s] the admission webhooks of one request took longer together than the API server waits for a request
    find the webhooks that do not answer, and lower their timeoutSeconds; list the webhooks: kubectl get
    validatingwebhookconfigurations,mutatingwebhookconfigurations -o yaml
ServiceAccountMissing [preflight: error; rollout: fatal] the pod's ServiceAccount does not exist
    create the ServiceAccount, or set oceans_llm_values.serviceAccount.create: true
PriorityClassMissing [preflight: error; rollout: fatal] the pod's PriorityClass does not exist
    set oceans_llm_values.scheduling.priorityClassName to a PriorityClass that exists; list the PriorityClasses: kubectl get priorityclasses
RuntimeClassMissing [preflight: error; rollout: fatal] the pod's RuntimeClass does not exist
    set oceans_llm_values.scheduling.runtimeClassName to a RuntimeClass that exists; list the RuntimeClasses: kubectl get runtimeclasses
NamespaceTerminating [preflight: error; rollout: fatal] the namespace is being deleted
    wait until the namespace is deleted, or set oceans_llm_namespace to another namespace; to see what blocks the deletion: kubectl get namespace {ns} -o yaml
ObjectInvalid [preflight: error; rollout: fatal] the API server refuses the object as invalid
    correct the value of the field that the API server's message names: in oceans_llm_values, for a Cluster of CloudNativePG in oceans_llm_cloudnativepg
PodNotCreated [rollout: retryable 45 s] the pod cannot be created, for a reason that this collection does not know
    read the events of the namespace: kubectl -n {ns} get events --sort-by=.lastTimestamp
ApiRefused [preflight: error or warning] the API server refuses the object for a reason without a code; only a warning if the API server could not answer
    correct the value of the field that the API server's message names, in oceans_llm_values; if the message names no field, ask the administrator of the
    cluster

# Scheduling
Unschedulable [preflight: error or warning; rollout: retryable 120 s] no node can run the pod, or the nodes together have too few resources for all pods
    add a node, lower resource requests, or correct nodeSelector, affinity and tolerations in oceans_llm_values.scheduling; read the pod's events: kubectl -n
    {ns} describe pod {name}
UnschedulableScaling [rollout: retryable 600 s] no node can take the pod, and the cluster autoscaler is adding a node
    wait for the node; if no node is added, read the pod's events, which name the reason: kubectl -n {ns} describe pod {name}
NodeNotReady [rollout: retryable 360 s] the pod's node is not ready
    check the node (Kubernetes replaces the pod after its toleration time, 300 s by default): kubectl describe node {node}
SchedulingGated [rollout: retryable] the pod has scheduling gates that no controller has removed
    start or repair the controller that removes these scheduling gates; to print their names: kubectl -n {ns} get pod {name} -o
    jsonpath='{{.spec.schedulingGates}}'
SchedulerSilent [rollout: retryable 120 s] no scheduler has acted on the pod
    check the scheduler that spec.schedulerName of the pod names: kubectl -n kube-system get pods -l component=kube-scheduler; kubectl -n kube-system get lease
    kube-scheduler -o yaml
ControllerSilent [rollout: retryable 120 s] a controller of Kubernetes has not reacted to a change of an object
    check kube-controller-manager: kubectl -n kube-system get pods -l component=kube-controller-manager

# Volumes
MountFailed [rollout: retryable 120 s] a volume cannot be mounted
    read the pod's events: kubectl -n {ns} describe pod {name}
MountRetrying [rollout: retryable 120 s] the node has not received a ConfigMap or Secret yet
    wait until the kubelet retries; to see the retries: kubectl -n {ns} describe pod {name}
VolumeBusy [rollout: retryable 360 s] a volume is still attached to another node
    wait until the old pod is deleted, or set oceans_llm_values.rollout.strategy.type: Recreate for a ReadWriteOnce volume
StorageClassMissing [preflight: error; rollout: fatal] the StorageClass does not exist, or the cluster has no default StorageClass
    set oceans_llm_cloudnativepg.storage.storageClass to a StorageClass that exists; list the StorageClasses: kubectl get storageclass
ClaimMissing [rollout: fatal] a pod uses a PersistentVolumeClaim that does not exist
    create the PersistentVolumeClaim, or correct its name in oceans_llm_extra_volumes; list the PersistentVolumeClaims: kubectl -n {ns} get pvc
ClaimLost [rollout: fatal] a PersistentVolumeClaim has lost its PersistentVolume
    restore the PersistentVolume, or create the PersistentVolumeClaim again and restore its data from a backup; read the events of the PersistentVolumeClaim:
    kubectl -n {ns} describe pvc {name}
ProvisioningFailed [rollout: retryable 120 s] no volume can be provisioned for a PersistentVolumeClaim
    read the events of the PersistentVolumeClaim: kubectl -n {ns} describe pvc {name}

# Readiness
PodStarting [rollout: retryable] a pod is starting: its image, volumes or network are not ready, or a container is being created
    read the pod's events: kubectl -n {ns} describe pod {name}
SandboxFailed [rollout: retryable 120 s] the container runtime or the network plugin of the node cannot create the pod's sandbox
    check the network plugin's pods, and read the pod's events: kubectl -n kube-system get pods -o wide; kubectl -n {ns} describe pod {name}
PodRejected [rollout: retryable 60 s] the kubelet of the node does not admit the pod
    correct the setting that the pod's event names, or schedule the pod to another node; read the event: kubectl -n {ns} describe pod {name}
InitContainerRuns [rollout: retryable] an init container has not finished, so the pod's main containers cannot start
    find out what the init container waits for: kubectl -n {ns} logs {name} -c {container}
NameNotResolved [rollout: retryable 120 s] a container cannot resolve a host name
    check the host name and the pod's dnsPolicy, then the cluster's DNS: kubectl -n kube-system get pods -l k8s-app=kube-dns
LifecycleHookRuns [rollout: retryable] a container's postStart hook has not finished, so the container does not count as started
    find out what the postStart hook waits for: kubectl -n {ns} get pod {name} -o yaml
LifecycleHookFailed [rollout: retryable 90 s] a container's postStart hook fails, and the kubelet kills the container
    correct lifecycle.postStart of container {container}, and read its log: {logs}
ReadinessGateWaits [rollout: retryable] a readiness gate of the pod is not True
    find the controller that sets the condition of this readiness gate: kubectl -n {ns} get pod {name} -o jsonpath='{{.status.conditions}}'
ProbeMisdirected [preflight: error or warning; rollout: fatal] a probe uses a port or a scheme (HTTP, HTTPS) with which the container does not answer
    correct port and scheme of the probe where the container is defined (oceans_llm_values.observability.sidecars, your own chart or the live Deployment); read
    the settings of the probe: kubectl -n {ns} get pod {name} -o yaml
NotReadyInTime [rollout: retryable] a container runs, but does not become ready within the time that its probes allow
    find out why the probe fails: kubectl -n {ns} describe pod {name}; if the container is only slow, raise failureThreshold of its startup or readiness probe
    (oceans_llm_values.probes)

# Rollout
ProgressDeadline [rollout: fatal] the Deployment made no progress within progressDeadlineSeconds
    read the Deployment's conditions: kubectl -n {ns} describe deployment {name}
ScaledToZero [rollout: fatal] the Deployment was scaled to 0 replicas during the rollout
    scale the Deployment up: kubectl -n {ns} scale deployment/{name} --replicas=1; or run the playbook again
DeploymentMissing [rollout: fatal] a Deployment of the release does not exist, or is being deleted
    run the playbook again: Helm creates the Deployment
MinReadySeconds [rollout: retryable] new pods are ready, but count as available only after minReadySeconds
    wait until minReadySeconds have passed, or lower oceans_llm_values.rollout.minReadySeconds; to lower minReadySeconds now: kubectl -n {ns} edit deployment
    {name}
DeploymentPaused [rollout: fatal] the Deployment is paused
    resume the Deployment: kubectl -n {ns} rollout resume deployment/{name}
OldPodStuck [rollout: retryable 120 s] an old pod still exists although its grace period is over
    check the finalizers of the pod, and its node: kubectl -n {ns} get pod {name} -o yaml
OldPodStops [rollout: retryable] with strategy Recreate, an old pod has to stop before new pods are created, and its grace period is long
    wait, or delete the old pods now: kubectl -n {ns} delete pod <pod> --grace-period=1; to shorten later stops, lower terminationGracePeriodSeconds or correct
    lifecycle.preStop in oceans_llm_values.gateway
OldPodCannotRestart [rollout: retryable] a pod of the old version was recreated and cannot start, because the database's schema is already newer
    do not restart the other old pods until the new pods are ready; the rollout continues

# Network
TlsSecretMissing [preflight: error; post-check: fatal] the Ingress's TLS Secret does not exist, lacks tls.crt or tls.key, or has a key of another certificate
    set the annotation cert-manager.io/cluster-issuer in oceans_llm_values.ingress.annotations, or create the Secret: kubectl -n <namespace> create secret tls
    <name> --cert=<file> --key=<file>
CertificateName [preflight: warning] the TLS certificate of an Ingress is not valid for its host
    renew the certificate with the host name of the Ingress as a subject alternative name, or correct the host in oceans_llm_values.ingress
GatewayMissing [preflight: error] a Gateway (Gateway API) in parentRefs of an HTTPRoute does not exist
    correct oceans_llm_values.httpRoute.parentRefs; list the Gateways: kubectl get gateways.gateway.networking.k8s.io -A
GatewayNotServed [preflight: error] no controller serves a Gateway (Gateway API) in parentRefs of an HTTPRoute
    read the conditions of the Gateway: kubectl -n <namespace> describe gateways.gateway.networking.k8s.io <name>
RouteTimeout [preflight: warning] the Gateway (Gateway API) of an HTTPRoute ends responses before timeouts.total_ms of the provider, or ignores timeouts.request
    set oceans_llm_values.httpRoute.timeouts.request to the longest time that a response may take, such as 15m; if the controller of the Gateway ignores this
    field, raise the time limit in the controller's own configuration
DnsPolicy [preflight: error or warning] the pod's dnsPolicy does not resolve a name of the cluster that the pod needs
    set oceans_llm_values.scheduling.dnsPolicy: ClusterFirst (for pods with hostNetwork: ClusterFirstWithHostNet)
PortTaken [preflight: error] two containers of a pod declare the same port
    give one of the containers another port (the gateway: oceans_llm_values.gateway.containerPort and oceans_llm_config.server.bind)

# Scaling
HpaWithoutRequests [preflight: error] the HorizontalPodAutoscaler measures a resource that a container does not request
    set oceans_llm_resources.requests, for example cpu: 250m and memory: 256Mi
MetricsMissing [preflight: warning] the Kubernetes cluster has no API for the metrics that the HorizontalPodAutoscaler needs
    install metrics-server; to check metrics-server: kubectl top nodes
PdbBlocks [preflight: error] the PodDisruptionBudget allows no disruption, so no node can be drained
    lower oceans_llm_values.podDisruptionBudget.minAvailable, or raise oceans_llm_replicas
StrategyLeavesNobody [preflight: warning] maxUnavailable of the Deployment lets all old pods stop before a new pod is ready
    set oceans_llm_values.rollout.strategy.rollingUpdate.maxUnavailable: 0
DrainTooShort [preflight: warning] a stopping gateway pod waits less time for open requests than a provider's answer may take, so long answers are cut off
    raise oceans_llm_values.gateway.drain.timeoutSeconds, or oceans_llm_values.gateway.drain.ceilingSeconds, to the seconds of the longest answer

# Drain of a node
DrainSafe [checks: ok] all gateway pods of the node can be evicted while other gateway pods serve
    drain the node: kubectl drain <node> --ignore-daemonsets --delete-emptydir-data
DrainBlocked [checks: error] the PodDisruptionBudget refuses every eviction, so that the drain never ends
    set oceans_llm_replicas to 2 or more (or repair the pod that is not ready), then run: ansible-playbook -i INVENTORY oceans.llm.deploy
DrainNoRoom [checks: error] no other node can run a gateway pod: each lacks CPU, memory or a label, has a taint, is cordoned, or is not ready
    add a node, or lower oceans_llm_values.scheduling.resources.requests
DrainOutage [checks: error] all gateway pods are on the node, and a drain can stop all of them before a replacement is ready
    set oceans_llm_replicas to 2 or more, then run: ansible-playbook -i INVENTORY oceans.llm.deploy
NotSpread [checks: warning] all gateway pods are on the node: the PodDisruptionBudget makes a drain safe, but a failure of the node stops the gateway
    set oceans_llm_values.scheduling.topologySpreadConstraints with topologyKey: kubernetes.io/hostname

# Release
ReleasePending [preflight: error or warning] a Helm process that was killed left a pending revision; an error if that process may still be running
    wait until the pending revision is older than oceans_llm_recover_after (seconds); if that Helm process has ended, set oceans_llm_recover_after: 0
ForeignRelease [preflight: error] a release of this name was installed from another chart
    set oceans_llm_release or oceans_llm_namespace to another name
ForeignObject [preflight: error or warning] an object with this name exists and does not belong to the release, so Helm refuses to adopt the object
    delete or rename the object, or set oceans_llm_release to another name
HookLeftover [preflight: warning] a hook of an earlier chart version left a Secret, ConfigMap or ServiceAccount, which Helm never deletes
    set oceans_llm_remove_leftovers: true, or delete the object: kubectl -n <namespace> delete <kind> <name>

# Post-check
NotServed [post-check: fatal] the gateway does not answer through its Service
    read the Service's endpoints: kubectl -n {ns} get endpointslices -l kubernetes.io/service-name={name}
NoEndpoints [post-check: fatal] the Service has no ready endpoints
    compare the Service's selector with the labels of the pods: kubectl -n {ns} get endpointslices -l kubernetes.io/service-name={name}; kubectl -n {ns} get
    pods --show-labels
WrongVersionServed [post-check: fatal] the gateway reports another version than the expected version
    compare the digest of the running image with the digest of the tag in the registry: kubectl -n {ns} get pods -o jsonpath='{{..imageID}}'; if the tags of
    your images are not versions, set oceans_llm_expected_version
NotReady [post-check: fatal] the gateway answers, but reports that it cannot reach its database
    check the database server; the gateway pods keep running and recover when the database answers
AdminUiDown [post-check: fatal] the gateway answers, but the admin UI cannot be reached through the gateway
    check the pods of the admin UI: kubectl -n {ns} get pods -l app.kubernetes.io/component=admin-ui
OldSecretsServed [post-check: fatal] running pods were started with an older version of a Secret
    run the playbook again, which restarts the pods with the Secret's current data
OldPodsServe [post-check: fatal] endpoints of the Service still point to pods of the old ReplicaSet
    run the playbook again; to see the pods: kubectl -n {ns} get pods
Unverified [post-check: fatal] the rollout is complete, but the collection could not ask the gateway which version it serves
    repair one of the three ways to the gateway (the API server's proxy to the Service, a port-forward, the probe pod), or set oceans_llm_verify: best_effort to
    accept a release whose version is not known
ServiceMissing [post-check: fatal] a Service of the release does not exist
    run the playbook again: Helm creates the Service
ServiceSelector [preflight: error; post-check: fatal] a Service selects no pod of its Deployment, selects pods of another Deployment, or is an ExternalName
    run the playbook again, or set the Service's selector to labels that only the pods of its Deployment have (and type ExternalName to ClusterIP): kubectl -n
    {ns} edit service {name}
ForeignEndpoint [post-check: fatal] an EndpointSlice sends requests of a Service to addresses that belong to no pod
    delete the EndpointSlice: kubectl -n {ns} delete endpointslice {name}
ServicePort [preflight: error or warning; post-check: fatal] targetPort or protocol of a Service fits no container port, or port differs from the release
    run the playbook again, which restores the ports of the Service, or correct port, protocol and targetPort yourself: kubectl -n {ns} edit service {name}
NoLocalEndpoint [post-check: fatal] a Service with internalTrafficPolicy Local has no pod on a node from which clients send requests
    set internalTrafficPolicy to Cluster: kubectl -n {ns} patch service {name} --type=merge -p '{{"spec":{{"internalTrafficPolicy":"Cluster"}}}}'
IngressBackend [post-check: fatal] an Ingress does not exist, or its rules differ from those of the release (host, path, Service or port)
    run the playbook again, or correct the rules of the Ingress: kubectl -n {ns} edit {kind} {name}
IngressClassMissing [preflight: error or warning; post-check: fatal] the IngressClass of an Ingress does not exist, is not set, or differs from the release
    set oceans_llm_values.ingress.className to an IngressClass of this list, then run the playbook again: kubectl get ingressclass
RouteRefused [post-check: fatal] no Gateway (Gateway API) accepts an HTTPRoute of the release
    correct oceans_llm_http_route.parentRefs, or allow this namespace in the Gateway's listener; read the conditions of the route:
    kubectl -n {ns} describe {kind} {name}
CertificateExpired [preflight: error or warning; post-check: fatal] the TLS certificate of an Ingress has expired; only a warning if not valid yet
    renew the certificate in the TLS Secret of the Ingress (cert-manager: cmctl renew), then run the playbook again
NetworkPolicyBlocks [preflight: warning; post-check: fatal] NetworkPolicies block connections to the pods, from the pods, to DNS, or to the database
    add a rule that admits the blocked connection (the chart's own NetworkPolicies: oceans_llm_values.networkPolicy.gatewayFrom and egress); read the policy:
    kubectl -n {ns} describe networkpolicy {name}
ClusterDnsFails [post-check: fatal] a pod of the namespace cannot resolve the Service's name
    check dnsPolicy of the gateway's pods, and the pods of the cluster's DNS: kubectl -n kube-system get pods -l k8s-app=kube-dns
ServiceIpUnreachable [post-check: fatal] a pod reaches the gateway's pods directly, but not through the Service's ClusterIP
    check kube-proxy (or its replacement) on the node that the message names: kubectl -n kube-system get pods -o wide
NotLasting [post-check: fatal] a new pod was ready and has become unready
    find out why the pod became unready: kubectl -n {ns} describe pod {name}

# Completions
ProbeKeyRefused [post-check: fatal] the gateway refuses the API key with which this collection requests a completion
    put a key that the gateway accepts under the key {key} into the Secret: kubectl -n {ns} edit secret {name}
ModelUnknown [post-check: fatal] the gateway does not offer the model to the API key
    set oceans_llm_probe_model to a model of oceans_llm_config that the key may use; to write new models and keys to the database, set oceans_llm_seed_config:
    true
ProviderKeyRefused [post-check: fatal] the provider refuses the gateway's API key (HTTP 401 or 403)
    renew the provider's key in oceans_llm_secrets and run the playbook again, which restarts the pods with the new key
ProviderAddressWrong [preflight: warning; post-check: fatal] the host in base_url does not resolve or does not answer, or has no such path or model
    correct base_url of the provider, or upstream_model of the route, in oceans_llm_config, and run the playbook again
ProviderBlocked [post-check: fatal] the network blocks connections from the gateway's pods to the provider
    admit connections from the gateway's pods to {where} (NetworkPolicy, firewall, proxy): kubectl -n {ns} describe networkpolicy
ProviderFails [post-check: fatal] the provider answers with an HTTP error that is not about the API key, or answers too late
    check quota and status of the provider, and read the gateway's log: kubectl -n {ns} logs deployment/{deployment} --tail 50
CompletionFailed [post-check: fatal] the gateway answers without a completion, and does not give a reason
    read the gateway's log: kubectl -n {ns} logs deployment/{deployment} --tail 50
StreamBuffered [post-check: fatal] a streamed completion arrives in one piece
    switch response buffering off in the proxy (ingress-nginx: annotation nginx.ingress.kubernetes.io/proxy-buffering: "off")
StreamBroken [post-check: fatal] a plain completion arrives, but a streamed completion ends early, or has the wrong content type
    raise timeouts.total_ms of the provider in oceans_llm_config and the time limits of the proxies, and read the gateway's log: kubectl -n {ns} logs
    deployment/{deployment} --tail 50

# Run
ReleaseBusy [preflight: error; rollout: fatal] another run or another Helm process is changing the release
    wait until the other run has finished, then run the playbook again
ReleaseOvertaken [rollout: fatal] another Helm process created a newer revision during this rollout
    find out who else deploys this release; then run the playbook again, or follow the newer revision with the role oceans.llm.wait
ReleaseUninstalled [rollout: fatal] the release was uninstalled while this run followed it
    find out who uninstalled the release, then run the playbook again
FieldConflict [preflight: error or warning; rollout: fatal] another field manager owns a field that the chart sets; an error if Helm could not change the field
    set oceans_llm_force_conflicts: true so that Helm overwrites the field, or remove the field from oceans_llm_values so that the other manager (for example an
    autoscaler) keeps the field
FieldImmutable [preflight: error; rollout: fatal] the change sets a field of a live object that Kubernetes does not allow to change
    set the chart value of the field to the old value again; or, if the object holds no data, delete the object (its pods stop) and run the playbook again
Interrupted [rollout: fatal] the run was ended by a signal (Ctrl-C, SIGTERM)
    run the playbook again: the new run continues where this run stopped
LeaseLost [rollout: fatal] another run took over the lease while this run was changing the release
    find out who else deploys this release; follow that run with the role oceans.llm.wait, or run the playbook again when that run has ended
NamespaceDeleted [rollout: fatal] the namespace was deleted while this run was changing the release
    find out who deleted the namespace, then run the playbook again
CredentialsRefused [rollout: fatal] the API server no longer accepts the credentials of this run (HTTP 401)
    renew the token or certificate in the kubeconfig, wait until the Jobs that this run created have ended, then run the playbook again; list Jobs and pods:
    kubectl -n {ns} get jobs,pods
AccessRevoked [rollout: fatal] the API server no longer allows the requests with which this run follows the rollout (HTTP 403)
    grant the permissions again (docs/deployer-role.yaml of the collection), wait until the Jobs that this run created have ended, then run the playbook again;
    list Jobs and pods: kubectl -n {ns} get jobs,pods
EngineBroke [rollout: fatal] a defect of the collection ended the run; the state of the rollout is unknown
    report the defect with the evidence folder; to follow the rollout, use the role oceans.llm.wait, or: kubectl -n {ns} get pods
HelmFailed [rollout: fatal] Helm ended with an error, and no object in the namespace explains it
    correct what Helm's error names, then run the playbook again
Timeout [rollout: fatal] the rollout is not complete after oceans_llm_timeout seconds, and no cause is known
    check the object after "waiting for" in the FAILED line, and raise oceans_llm_timeout if the rollout only needs more time; list the events: kubectl -n {ns}
    get events --sort-by=.lastTimestamp
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
