# SPDX-License-Identifier: GPL-3.0-or-later
"""Every key of values.yaml has a case; schema, README and values.yaml say the same."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import readme_table
from chart_lib import CHART, DATABASE, EXAMPLES, at, default_values, get, merged, named, refused, render, schema
from readme_table import described

FREE = {"x": "y"}
VOLUME, MOUNT = [{"name": "v", "emptyDir": {}}], [{"name": "v", "mountPath": "/v"}]
CNPG = {"database": {"mode": "cloudnativepg"}}
RECOVERY = {"database": {"mode": "cloudnativepg", "cloudnativepg": {"additionalSpec": {"bootstrap": {"recovery": {"source": "old"}}}}}}
WAL = merged(CNPG, at("database.cloudnativepg.walStorage.enabled", True))
STORE = {"externalSecrets": {"enabled": True, "secretStoreRef": {"name": "store"}, "data": [{"secretKey": "POSTGRES_URL"}]}}
HPA = {"autoscaling": {"enabled": True}, "scheduling": {"resources": {"requests": {"cpu": "1"}}}}
INGRESS = {"ingress": {"enabled": True, "hosts": [{"host": "a.b"}]}}
BUDGET = {"podDisruptionBudget": {"enabled": True}}
POLICY = {"networkPolicy": {"enabled": True}}
ADMIN = merged(
    DATABASE, at("secrets.existingSecret.name", "app"), at("bootstrapAdminJob.enabled", True), at("gateway.config.auth.bootstrap_admin.enabled", True)
)
SEED = merged(DATABASE, at("seedConfigJob.enabled", True))
PARTS = at("database.external", {"existingSecret": {"name": ""}, "parts": {"host": "db", "database": "d", "secret": {"name": "creds"}}})
ROUTE = {"httpRoute": {"enabled": True, "parentRefs": [{"name": "gw"}]}}
DIGEST = "sha256:" + "a" * 64
OBJECT = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "extra"}, "data": {"ns": "{{ .Release.Namespace }}"}}
GATEWAY, UI = "Deployment/-gateway", "Deployment/-admin-ui"
POD = "spec.template.spec"
MAIN, INIT = f"{POD}.containers[0]", f"{POD}.initContainers[0]"
META = "metadata.annotations"
RESOURCES = {"limits": {"memory": "1Gi"}}

# key: (value to set, object it shows up in, where, what stands there) or with the values it needs besides; object None: a test of
# its own is named.
CASES: dict[str, tuple] = {
    "nameOverride": ("gw", GATEWAY, 'metadata.labels."app.kubernetes.io/name"', "gw"),
    "fullnameOverride": ("llm", GATEWAY, "metadata.name", "llm-gateway"),
    "imagePullSecrets": ([{"name": "p"}], UI, f"{POD}.imagePullSecrets", [{"name": "p"}]),
    "global.imageRegistry": ("reg.x:5000/m/", UI, f"{MAIN}.image", "reg.x:5000/m/ahstn/oceans-llm-admin-ui:v0.1.0"),
    "global.imagePullSecrets": (["p", {"name": "q"}], UI, f"{POD}.imagePullSecrets", [{"name": "p"}, {"name": "q"}]),
    "platform": ("openshift", GATEWAY, f"{POD}.securityContext", {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}),
    "commonLabels": (FREE, "Job/-migrate", "spec.template.metadata.labels.x", "y"),
    "commonAnnotations": (FREE, "ConfigMap/-config", META, FREE),
    "extraObjects": ([OBJECT], "ConfigMap/extra", "data.ns", "ns"),
    "serviceAccount.create": (False, GATEWAY, f"{POD}.serviceAccountName", "default"),
    "serviceAccount.annotations": (FREE, "ServiceAccount/", META, FREE),
    "serviceAccount.name": ("sa", UI, f"{POD}.serviceAccountName", "sa"),
    "serviceAccount.automountToken": (True, GATEWAY, f"{POD}.automountServiceAccountToken", True),
    "gateway.replicaCount": (3, GATEWAY, "spec.replicas", 3),
    "gateway.image.repository": ("reg.io/gw", GATEWAY, f"{MAIN}.image", "reg.io/gw:v0.1.0"),
    "gateway.image.tag": ("v9", GATEWAY, f"{INIT}.image", "ghcr.io/ahstn/oceans-llm-gateway:v9"),
    "gateway.image.digest": (DIGEST, GATEWAY, f"{INIT}.image", f"ghcr.io/ahstn/oceans-llm-gateway:v0.1.0@{DIGEST}"),
    "gateway.extraInitContainers": ([{"name": "p", "image": "i", "restartPolicy": "Always"}], "Job/-migrate", f"{INIT}.name", "p"),
    "gateway.image.pullPolicy": ("Always", "Job/-migrate", f"{MAIN}.imagePullPolicy", "Always"),
    "gateway.podLabels": (FREE, GATEWAY, "spec.template.metadata.labels.x", "y"),
    "gateway.podAnnotations": (FREE, GATEWAY, "spec.template.metadata.annotations.x", "y"),
    "gateway.secretsDigest": ("a=1", GATEWAY, f'spec.template.{META}."oceans.llm/secrets-digest"', "a=1"),
    "gateway.containerPort": (9090, GATEWAY, f"{MAIN}.ports[0].containerPort", 9090, at("gateway.config.server.bind", "0.0.0.0:9090")),
    "gateway.configMountPath": ("/g.yaml", "Job/-migrate", f"{MAIN}.volumeMounts[0].mountPath", "/g.yaml"),
    "gateway.allowLiteralSecretsInConfig": (True, GATEWAY, "metadata.name", "r-oceans-llm-gateway", at("gateway.config.x", "literal.x")),
    "gateway.clientConfigGatewayBaseUrl": ("https://h/v1", GATEWAY, f"{MAIN}.env[6]", {"name": "GATEWAY_CLIENT_CONFIG_BASE_URL", "value": "https://h/v1"}),
    "gateway.config": ({"teams": [{"id": "t"}]}, "ConfigMap/-config", "data", None),
    "gateway.requireIdentityTokenSecret": (False, GATEWAY, f"{MAIN}.env[6]", None, at("secrets.existingSecret.name", "app")),
    "gateway.extraEnv": ([{"name": "A", "value": "1"}], "Job/-migrate", f"{MAIN}.env[6]", {"name": "A", "value": "1"}),
    "gateway.extraEnvFrom": ([{"secretRef": {"name": "s"}}], GATEWAY, f"{INIT}.envFrom", [{"secretRef": {"name": "s"}}]),
    "gateway.extraVolumes": (VOLUME, "Job/-migrate", f"{POD}.volumes[2]", VOLUME[0]),
    "gateway.extraVolumeMounts": (MOUNT, GATEWAY, f"{INIT}.volumeMounts[2]", MOUNT[0], at("gateway.extraVolumes", VOLUME)),
    "gateway.lifecycle": ({"preStop": {"exec": {"command": ["x"]}}}, GATEWAY, f"{MAIN}.lifecycle", {"preStop": {"exec": {"command": ["x"]}}}),
    "gateway.drain.settleSeconds": (7, GATEWAY, f"{MAIN}.lifecycle.preStop.exec.command[4]", "7"),
    "gateway.drain.timeoutSeconds": (8, GATEWAY, f"{MAIN}.lifecycle.preStop.exec.command[5]", "8"),
    "gateway.drain.ceilingSeconds": (9, GATEWAY, f"{MAIN}.lifecycle.preStop.exec.command[5]", "9", at("gateway.config.providers", [{"id": "p"}])),
    "gateway.terminationGracePeriodSeconds": (99, GATEWAY, f"{POD}.terminationGracePeriodSeconds", 99),
    "gateway.podSecurityContext": ({"runAsUser": 5}, "Job/-migrate", f"{POD}.securityContext.runAsUser", 5),
    "gateway.securityContext": ({"privileged": True}, GATEWAY, f"{MAIN}.securityContext.privileged", True),
    "gateway.initSecurityContext": ({"privileged": True}, GATEWAY, f"{INIT}.securityContext.privileged", True),
    "gateway.migrationWaiter.enabled": (False, GATEWAY, f"{POD}.initContainers", None),
    "gateway.migrationWaiter.intervalSeconds": (3, GATEWAY, f"{INIT}.args[3]", "3"),
    "gateway.migrationWaiter.timeoutSeconds": (99, GATEWAY, f"{INIT}.args[4]", "99"),
    "gateway.migrationWaiter.resources": (RESOURCES, GATEWAY, f"{INIT}.resources", RESOURCES),
    "adminUi.replicaCount": (2, UI, "spec.replicas", 2),
    "adminUi.image.repository": ("reg.io/ui", UI, f"{MAIN}.image", "reg.io/ui:v0.1.0"),
    "adminUi.image.tag": ("v9", UI, f"{MAIN}.image", "ghcr.io/ahstn/oceans-llm-admin-ui:v9"),
    "adminUi.image.digest": (DIGEST, UI, f"{MAIN}.image", f"ghcr.io/ahstn/oceans-llm-admin-ui:v0.1.0@{DIGEST}"),
    "adminUi.image.pullPolicy": ("Never", UI, f"{MAIN}.imagePullPolicy", "Never"),
    "adminUi.podLabels": (FREE, UI, "spec.template.metadata.labels.x", "y"),
    "adminUi.podAnnotations": (FREE, UI, "spec.template.metadata.annotations", FREE),
    "adminUi.secretsDigest": ("b=1", UI, f"spec.template.{META}", {"oceans.llm/secrets-digest": "b=1"}),
    "adminUi.containerPort": (3001, UI, f"{MAIN}.env[0]", {"name": "PORT", "value": "3001"}),
    "adminUi.extraEnv": ([{"name": "A", "value": "1"}], UI, f"{MAIN}.env[2]", {"name": "A", "value": "1"}),
    "adminUi.extraEnvFrom": ([{"secretRef": {"name": "s"}}], UI, f"{MAIN}.envFrom", [{"secretRef": {"name": "s"}}]),
    "adminUi.extraVolumes": (VOLUME, UI, f"{POD}.volumes[1]", VOLUME[0]),
    "adminUi.extraVolumeMounts": (MOUNT, UI, f"{MAIN}.volumeMounts[1]", MOUNT[0], at("adminUi.extraVolumes", VOLUME)),
    "adminUi.lifecycle": ({"postStart": {"exec": {"command": ["x"]}}}, UI, f"{MAIN}.lifecycle.postStart.exec.command", ["x"]),
    "adminUi.drain.settleSeconds": (2, UI, f"{MAIN}.lifecycle.preStop.exec.command", ["sleep", "2"]),
    "adminUi.terminationGracePeriodSeconds": (9, UI, f"{POD}.terminationGracePeriodSeconds", 9),
    "adminUi.resources": (RESOURCES, UI, f"{MAIN}.resources", RESOURCES),
    "adminUi.podSecurityContext": ({"runAsUser": 5}, UI, f"{POD}.securityContext.runAsUser", 5),
    "adminUi.securityContext": ({"privileged": True}, UI, f"{MAIN}.securityContext.privileged", True),
    "service.gateway.type": ("NodePort", "Service/-gateway", "spec.type", "NodePort"),
    "service.gateway.port": (80, UI, f"{MAIN}.env[1].value", "http://r-oceans-llm-gateway:80"),
    "service.gateway.annotations": (FREE, "Service/-gateway", META, FREE),
    "service.gateway.nodePort": (30080, "Service/-gateway", "spec.ports[0].nodePort", 30080, at("service.gateway.type", "NodePort")),
    "service.adminUi.type": ("NodePort", "Service/-admin-ui", "spec.type", "NodePort"),
    "service.adminUi.port": (81, GATEWAY, f"{MAIN}.env[5].value", "http://r-oceans-llm-admin-ui:81"),
    "service.adminUi.annotations": (FREE, "Service/-admin-ui", META, FREE),
    "service.adminUi.nodePort": (30080, "Service/-admin-ui", "spec.ports[0].nodePort", 30080, at("service.adminUi.type", "LoadBalancer")),
    "database.mode": ("cloudnativepg", "Cluster/", "apiVersion", "postgresql.cnpg.io/v1"),
    "database.external.existingSecret.name": ("db", GATEWAY, f"{MAIN}.env[4].valueFrom.secretKeyRef", {"name": "db", "key": "POSTGRES_URL"}),
    "database.external.existingSecret.key": ("url", "Job/-migrate", f"{MAIN}.env[4].valueFrom.secretKeyRef", {"name": "pg", "key": "url"}),
    "database.external.parts.host": ("h2", GATEWAY, f"{MAIN}.env[6].value", "postgresql://h2:5432/d", PARTS),
    "database.external.parts.port": (6432, GATEWAY, f"{MAIN}.env[6].value", "postgresql://db:6432/d", PARTS),
    "database.external.parts.database": ("a b/c#?", GATEWAY, f"{MAIN}.env[6].value", "postgresql://db:5432/a%20b%2Fc%23%3F", PARTS),
    "database.external.parts.secret.name": ("c2", GATEWAY, f"{MAIN}.env[5].valueFrom.secretKeyRef", {"name": "c2", "key": "username"}, PARTS),
    "database.external.parts.secret.userKey": ("user", GATEWAY, f"{MAIN}.env[5].valueFrom.secretKeyRef.key", "user", PARTS),
    "database.external.parts.secret.passwordKey": ("pw", GATEWAY, f"{MAIN}.env[4].valueFrom.secretKeyRef.key", "pw", PARTS),
    "database.external.parts.secret.hostKey": (
        "host",
        GATEWAY,
        f"{MAIN}.env[4]",
        {"name": "PGHOST", "valueFrom": {"secretKeyRef": {"name": "creds", "key": "host"}}},
        merged(PARTS, at("database.external.parts", {"host": "", "secret": {"hostKey": "address"}})),
    ),
    "database.external.parts.secret.portKey": ("port", GATEWAY, f"{MAIN}.env[7].value", "postgresql://db:$(PGPORT)/d", PARTS),
    "database.external.parts.secret.databaseKey": (
        "dbname",
        GATEWAY,
        f"{MAIN}.env[4]",
        {"name": "PGDATABASE", "valueFrom": {"secretKeyRef": {"name": "creds", "key": "dbname"}}},
        merged(PARTS, at("database.external.parts", {"database": "", "secret": {"databaseKey": "db"}})),
    ),
    "database.external.parts.sslMode": ("require", GATEWAY, f"{MAIN}.env[6].value", "postgresql://db:5432/d?sslmode=require", PARTS),
    "database.external.parts.ca.secretName": (
        "ca",
        "Job/-migrate",
        f"{POD}.volumes[2]",
        {"name": "database-ca", "secret": {"secretName": "ca", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        PARTS,
    ),
    "database.external.parts.ca.configMapName": (
        "ca",
        GATEWAY,
        f"{MAIN}.env[6].value",
        "postgresql://db:5432/d?sslmode=verify-full&sslrootcert=/etc/oceans-llm/database-ca/ca.crt",
        PARTS,
    ),
    "database.external.parts.ca.key": (
        "root.pem",
        GATEWAY,
        f"{POD}.volumes[2].configMap.items",
        [{"key": "root.pem", "path": "ca.crt"}],
        merged(PARTS, at("database.external.parts.ca.configMapName", "ca")),
    ),
    "database.external.migrations.existingSecret.name": ("direct", "Job/-migrate", f"{MAIN}.env[4].valueFrom.secretKeyRef.name", "direct"),
    "database.external.migrations.existingSecret.key": (
        "url",
        "Job/-migrate",
        f"{MAIN}.env[4].valueFrom.secretKeyRef.key",
        "url",
        at("database.external.migrations.existingSecret.name", "direct"),
    ),
    "database.external.migrations.host": ("direct", "Job/-migrate", f"{MAIN}.env[6].value", "postgresql://direct:5432/d", PARTS),
    "database.external.migrations.port": (5433, "Job/-migrate", f"{MAIN}.env[6].value", "postgresql://db:5433/d", PARTS),
    "database.cloudnativepg.clusterName": ("pg1", GATEWAY, f"{MAIN}.env[6].valueFrom.secretKeyRef", {"name": "pg1-app", "key": "uri"}, CNPG),
    "database.cloudnativepg.instances": (3, "Cluster/", "spec.instances", 3, CNPG),
    "database.cloudnativepg.database": ("d", "Cluster/", "spec.bootstrap.initdb.database", "d", CNPG),
    "database.cloudnativepg.owner": ("o", "Cluster/", "spec.bootstrap.initdb.owner", "o", CNPG),
    "database.cloudnativepg.existingCredentialsSecret": ("c", "Cluster/", "spec.bootstrap.initdb.secret", {"name": "c"}, CNPG),
    "database.cloudnativepg.startupTimeoutSeconds": (77, "Job/-migrate", f"{INIT}.args[4]", "77", CNPG),
    "database.cloudnativepg.allowEmptyRecovery": (True, "Job/-migrate", f"{INIT}.args[5]", None, RECOVERY),
    "database.cloudnativepg.storage.size": ("5Gi", "Cluster/", "spec.storage", {"size": "5Gi"}, CNPG),
    "database.cloudnativepg.storage.storageClass": ("c", "Cluster/", "spec.storage", {"size": "20Gi", "storageClass": "c"}, CNPG),
    "database.cloudnativepg.walStorage.enabled": (True, "Cluster/", "spec.walStorage", {"size": "10Gi"}, CNPG),
    "database.cloudnativepg.walStorage.size": ("5Gi", "Cluster/", "spec.walStorage", {"size": "5Gi"}, WAL),
    "database.cloudnativepg.walStorage.storageClass": ("c", "Cluster/", "spec.walStorage.storageClass", "c", WAL),
    "database.cloudnativepg.resources": (RESOURCES, "Cluster/", "spec.resources", RESOURCES, CNPG),
    "database.cloudnativepg.backup": ({"retentionPolicy": "7d"}, "Cluster/", "spec.backup", {"retentionPolicy": "7d"}, CNPG),
    "database.cloudnativepg.monitoring": ({"enablePodMonitor": True}, "Cluster/", "spec.monitoring", {"enablePodMonitor": True}, CNPG),
    "database.cloudnativepg.additionalSpec": ({"imageName": "i"}, "Cluster/", "spec.imageName", "i", CNPG),
    "secrets.inline": ({"K": "v"}, "Secret/-env", "data", {"K": "dg=="}),
    "secrets.existingSecret.name": ("app", "Job/-migrate", f"{MAIN}.envFrom", [{"secretRef": {"name": "app"}}]),
    "externalSecrets.enabled": (True, GATEWAY, f"{MAIN}.envFrom", [{"secretRef": {"name": "r-oceans-llm-external-env"}}], STORE),
    "externalSecrets.apiVersion": ("external-secrets.io/v1beta1", "ExternalSecret/", "apiVersion", "external-secrets.io/v1beta1", STORE),
    "externalSecrets.refreshInterval": ("5m", "ExternalSecret/", "spec.refreshInterval", "5m0s", STORE),
    "externalSecrets.secretStoreRef.name": ("s2", "ExternalSecret/", "spec.secretStoreRef.name", "s2", STORE),
    "externalSecrets.secretStoreRef.kind": ("ClusterSecretStore", "ExternalSecret/", "spec.secretStoreRef.kind", "ClusterSecretStore", STORE),
    "externalSecrets.targetName": ("t", GATEWAY, f"{INIT}.envFrom", [{"secretRef": {"name": "t"}}], STORE),
    "externalSecrets.data": ([{"secretKey": "K"}], "ExternalSecret/", "spec.data", [{"secretKey": "K"}], STORE),
    "externalSecrets.dataFrom": ([{"extract": {"key": "k"}}], "ExternalSecret/", "spec.dataFrom", [{"extract": {"key": "k"}}], STORE),
    "ingress.enabled": (True, "Ingress/", "spec.rules[0].host", "a.b", INGRESS),
    "ingress.className": ("nginx", "Ingress/", "spec.ingressClassName", "nginx", INGRESS),
    "ingress.annotations": (FREE, "Ingress/", META, FREE, INGRESS),
    "ingress.hosts": ([{"host": "c.d"}], "Ingress/", "spec.rules[0].http.paths[0].pathType", "Prefix", INGRESS),
    "ingress.tls": ([{"secretName": "s", "hosts": ["a"]}], "Ingress/", "spec.tls", [{"secretName": "s", "hosts": ["a"]}], INGRESS),
    "httpRoute.enabled": (True, "HTTPRoute/-gateway", "spec.rules[0].backendRefs", [{"name": "r-oceans-llm-gateway", "port": 8080}], ROUTE),
    "httpRoute.parentRefs": ([{"name": "g2"}], "HTTPRoute/-gateway", "spec.parentRefs", [{"name": "g2"}], ROUTE),
    "httpRoute.hostnames": (["a.b"], "HTTPRoute/-gateway", "spec.hostnames", ["a.b"], ROUTE),
    "httpRoute.annotations": (FREE, "HTTPRoute/-gateway", META, FREE, ROUTE),
    "httpRoute.matches": ([{"path": {"value": "/v1"}}], "HTTPRoute/-gateway", "spec.rules[0].matches", [{"path": {"value": "/v1"}}], ROUTE),
    "httpRoute.filters": ([{"type": "URLRewrite"}], "HTTPRoute/-gateway", "spec.rules[0].filters", [{"type": "URLRewrite"}], ROUTE),
    "httpRoute.timeouts.request": ("1h", "HTTPRoute/-gateway", "spec.rules[0].timeouts", {"request": "1h", "backendRequest": "1h"}, ROUTE),
    "httpRoute.timeouts.backendRequest": ("5m", "HTTPRoute/-gateway", "spec.rules[0].timeouts", {"request": "15m", "backendRequest": "5m"}, ROUTE),
    "route.enabled": (True, "Route/-gateway", "spec.to.name", "r-oceans-llm-gateway"),
    "route.host": ("a.b", "Route/-gateway", "spec.host", "a.b", at("route.enabled", True)),
    "route.annotations": (FREE, "Route/-gateway", f"{META}.x", "y", at("route.enabled", True)),
    "route.tls": ({"termination": "reencrypt"}, "Route/-gateway", "spec.tls.termination", "reencrypt", at("route.enabled", True)),
    "autoscaling.enabled": (True, GATEWAY, "spec.replicas", None, HPA),
    "autoscaling.minReplicas": (4, "HorizontalPodAutoscaler/", "spec.minReplicas", 4, HPA),
    "autoscaling.maxReplicas": (9, "HorizontalPodAutoscaler/", "spec.maxReplicas", 9, HPA),
    "autoscaling.metrics": ([{"type": "Pods", "pods": {}}], "HorizontalPodAutoscaler/", "spec.metrics", [{"type": "Pods", "pods": {}}], HPA),
    "autoscaling.behavior": (
        {"scaleUp": {"stabilizationWindowSeconds": 1}},
        "HorizontalPodAutoscaler/",
        "spec.behavior.scaleUp.stabilizationWindowSeconds",
        1,
        HPA,
    ),
    "rollout.strategy": (
        {"rollingUpdate": {"maxSurge": 2}},
        UI,
        "spec.strategy",
        {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 2, "maxUnavailable": 0}},
    ),
    "rollout.minReadySeconds": (9, GATEWAY, "spec.minReadySeconds", 9),
    "rollout.progressDeadlineSeconds": (1234, GATEWAY, "spec.progressDeadlineSeconds", 1234),
    "rollout.revisionHistoryLimit": (1, UI, "spec.revisionHistoryLimit", 1),
    "observability.env": ([{"name": "O", "value": "1"}], "Job/-migrate", f"{MAIN}.env[6]", {"name": "O", "value": "1"}),
    "observability.podLabels": (FREE, GATEWAY, "spec.template.metadata.labels.x", "y"),
    "observability.podAnnotations": (FREE, GATEWAY, "spec.template.metadata.annotations.x", "y"),
    "observability.sidecars": ([{"name": "s", "image": "i"}], GATEWAY, f"{POD}.containers[1]", {"name": "s", "image": "i"}),
    "observability.volumes": (VOLUME, GATEWAY, f"{POD}.volumes[2]", VOLUME[0]),
    "observability.volumeMounts": (MOUNT, GATEWAY, f"{MAIN}.volumeMounts[2]", MOUNT[0], at("observability.volumes", VOLUME)),
    "scheduling.resources": (RESOURCES, UI, f"{MAIN}.resources", RESOURCES),
    "scheduling.nodeSelector": (FREE, "Job/-migrate", f"{POD}.nodeSelector", FREE),
    "scheduling.affinity": ({"nodeAffinity": {}}, UI, f"{POD}.affinity", {"nodeAffinity": {}}),
    "scheduling.tolerations": ([{"key": "k"}], "Job/-migrate", f"{POD}.tolerations", [{"key": "k"}]),
    "scheduling.topologySpreadConstraints": (
        [{"maxSkew": 1, "topologyKey": "z"}],
        UI,
        f'{POD}.topologySpreadConstraints[0].labelSelector.matchLabels."app.kubernetes.io/component"',
        "admin-ui",
    ),
    "scheduling.priorityClassName": ("high", "Job/-migrate", f"{POD}.priorityClassName", "high"),
    "scheduling.runtimeClassName": ("gvisor", UI, f"{POD}.runtimeClassName", "gvisor"),
    "scheduling.schedulerName": ("own", "Job/-migrate", f"{POD}.schedulerName", "own"),
    "scheduling.hostAliases": ([{"ip": "10.0.0.1", "hostnames": ["db"]}], "Job/-migrate", f"{POD}.hostAliases[0].ip", "10.0.0.1"),
    "scheduling.dnsPolicy": ("Default", UI, f"{POD}.dnsPolicy", "Default"),
    "scheduling.dnsConfig": (FREE, "Pod/-test", "spec.dnsConfig", FREE),
    "podDisruptionBudget.enabled": (True, "PodDisruptionBudget/", "spec.minAvailable", 1),
    "podDisruptionBudget.minAvailable": ("50%", "PodDisruptionBudget/", "spec.minAvailable", "50%", BUDGET),
    "podDisruptionBudget.maxUnavailable": (1, "PodDisruptionBudget/", "spec.maxUnavailable", 1, BUDGET),
    "podDisruptionBudget.unhealthyPodEvictionPolicy": ("IfHealthyBudget", "PodDisruptionBudget/", "spec.unhealthyPodEvictionPolicy", "IfHealthyBudget", BUDGET),
    "networkPolicy.enabled": (True, "NetworkPolicy/-gateway", "spec.ingress[0].ports[0].port", "http"),
    "networkPolicy.gatewayFrom": (
        [{"ipBlock": {"cidr": "10.0.0.0/8"}}],
        "NetworkPolicy/-gateway",
        "spec.ingress[0].from[0]",
        {"ipBlock": {"cidr": "10.0.0.0/8"}},
        POLICY,
    ),
    "networkPolicy.apiServerCidrs": (
        ["172.18.0.2/32"],
        "NetworkPolicy/-gateway",
        "spec.ingress[0].from[1]",
        {"ipBlock": {"cidr": "172.18.0.2/32"}},
        POLICY,
        at("networkPolicy.gatewayFrom", [{"podSelector": {}}]),
    ),
    "migrations.mode": ("job", "Job/-migrate-", "spec.ttlSecondsAfterFinished", None),
    "networkPolicy.egress": ([{"to": []}], "NetworkPolicy/-egress", "spec.egress[2]", {"to": []}, POLICY),
}
for _section, _suffix, _needs in (("migrations", "-migrate", {}), ("bootstrapAdminJob", "-bootstrap-admin", ADMIN), ("seedConfigJob", "-seed-config", SEED)):
    _job = f"Job/{_suffix}"
    CASES |= {
        f"{_section}.enabled": (True, _job, "kind", "Job", _needs),
        f"{_section}.hook": ("post-install, post-upgrade", _job, f'{META}."helm.sh/hook"', "post-install,post-upgrade", _needs),
        f"{_section}.hookDeletePolicy": ("hook-succeeded", _job, f'{META}."helm.sh/hook-delete-policy"', "hook-succeeded", _needs),
        f"{_section}.annotations": (FREE, _job, f"{META}.x", "y", _needs),
        f"{_section}.podAnnotations": (FREE, _job, "spec.template.metadata.annotations.x", "y", _needs),
        f"{_section}.podLabels": (FREE, _job, "spec.template.metadata.labels.x", "y", _needs),
        f"{_section}.ttlSecondsAfterFinished": (7, _job, "spec.ttlSecondsAfterFinished", 7, _needs),
        f"{_section}.backoffLimit": (0, _job, "spec.backoffLimit", 0, _needs),
        f"{_section}.activeDeadlineSeconds": (0, _job, "spec.activeDeadlineSeconds", None, _needs),
        f"{_section}.resources": (RESOURCES, _job, f"{MAIN}.resources", RESOURCES, _needs),
    }
for _owner, _object in (("gateway", "Service/-gateway"), ("adminUi", "Service/-admin-ui")):
    for _field, _value in (
        ("ipFamilyPolicy", "PreferDualStack"),
        ("ipFamilies", ["IPv6", "IPv4"]),
        ("externalTrafficPolicy", "Local"),
        ("internalTrafficPolicy", "Local"),
        ("trafficDistribution", "PreferClose"),
        ("loadBalancerClass", "example.com/lb"),
        ("loadBalancerSourceRanges", ["10.0.0.0/8"]),
    ):
        CASES[f"service.{_owner}.{_field}"] = (_value, _object, f"spec.{_field}", _value, at(f"service.{_owner}.type", "LoadBalancer"))
for _owner, _object in (("gateway", GATEWAY), ("adminUi", UI)):
    for _probe in ("startup", "liveness", "readiness"):
        _where = f"{MAIN}.{_probe}Probe"
        CASES |= {
            f"probes.{_owner}.{_probe}.enabled": (False, _object, _where, None),
            f"probes.{_owner}.{_probe}.path": ("/p", _object, f"{_where}.httpGet", {"path": "/p", "port": "http"}),
            f"probes.{_owner}.{_probe}.periodSeconds": (9, _object, f"{_where}.periodSeconds", 9),
            f"probes.{_owner}.{_probe}.timeoutSeconds": (9, _object, f"{_where}.timeoutSeconds", 9),
            f"probes.{_owner}.{_probe}.failureThreshold": (9, _object, f"{_where}.failureThreshold", 9),
        }


@functools.cache
def keys() -> list[str]:
    return [key for key, _default, _text in described((CHART / "values.yaml").read_text())]


def test_every_key_has_a_case() -> None:
    assert set(keys()) == set(CASES)


@pytest.mark.parametrize("key", list(CASES))
def test_key(key: str) -> None:
    value, where, path, expected, *needs = CASES[key]
    kind, _, suffix = where.partition("/")
    if suffix == "-migrate-":  # the name ends with a hash
        suffix = named(render(merged(DATABASE, at(key, value))), kind)["metadata"]["name"]
    objects = render(merged(DATABASE, *needs, at(key, value)))
    if key == "database.external.migrations.host":
        assert get(named(objects, "Deployment", "-gateway"), f"{MAIN}.env[6].value") == "postgresql://db:5432/d", "the gateway keeps its pooler"
    if key == "gateway.config":
        assert "- id: t" in named(objects, kind, suffix)["data"]["gateway.yaml"]
        return
    obj = named(objects, kind, suffix)
    try:
        found = get(obj, path)
    except IndexError:
        found = None
    assert found == expected
    # and the value made the difference: without it something else stands there
    if key.rpartition(".")[2] not in ("enabled", "allowLiteralSecretsInConfig", "hook", "containerPort"):
        assert render(merged(DATABASE, *needs)) != objects


def leaves(value: Any, path: str = "") -> Iterator[str]:
    """Paths of values.yaml down to what is described there."""
    if isinstance(value, dict) and path not in keys():
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}".lstrip("."))
    else:
        yield path


def test_every_value_is_described() -> None:
    assert set(leaves(default_values())) == set(keys())


def nodes(node: dict, path: str = "") -> Iterator[tuple[str, dict]]:
    """(dotted path, subschema) of everything that the schema names."""
    while "$ref" in node:
        node = functools.reduce(lambda inner, part: inner[part], node["$ref"].removeprefix("#/").split("/"), schema())
    yield path, node
    for name, inner in node.get("properties", {}).items():
        yield from nodes(inner, f"{path}.{name}".lstrip("."))


def test_schema_and_values_name_the_same_keys() -> None:
    described_keys = set(keys())
    in_schema = {path for path, _node in nodes(schema())}
    parents = {key.rsplit(".", n)[0] for key in described_keys for n in range(1, key.count(".") + 1)} | {""}
    assert described_keys <= in_schema, "keys that the schema does not know"
    # keys inside a described one are a map's fields (resources.limits), or fields of a probe that Kubernetes has a default for
    extra = {p for p in in_schema - described_keys - parents if not any(p.startswith(f"{key}.") for key in described_keys)}
    # `enabled` is a parent chart's
    assert extra - {"enabled"} == {f"probes.{owner}.{probe}.{field}" for owner, probe in PROBES for field in OPTIONAL}


def test_probes_take_their_optional_fields() -> None:
    objects = render(merged(DATABASE, *(at(f"probes.{owner}.{probe}", dict.fromkeys(OPTIONAL, 1)) for owner, probe in PROBES)))
    for owner, probe in PROBES:
        rendered = get(named(objects, "Deployment", "-gateway" if owner == "gateway" else "-admin-ui"), f"{MAIN}.{probe}Probe")
        assert {field: rendered[field] for field in OPTIONAL} == dict.fromkeys(OPTIONAL, 1)


PROBES = [(owner, probe) for owner in ("gateway", "adminUi") for probe in ("startup", "liveness", "readiness")]
OPTIONAL = ("initialDelaySeconds", "successThreshold")

# Maps whose keys belong to Kubernetes, to an operator or to the gateway.
OPEN = {
    "global",
    "gateway.config",
    *(f"{pod}.{field}" for pod in ("gateway", "adminUi") for field in ("podLabels", "podAnnotations", "lifecycle", "podSecurityContext", "securityContext")),
    "gateway.initSecurityContext",
    "commonLabels",
    "commonAnnotations",
    "httpRoute.annotations",
    "route.annotations",
    "route.tls",
    "serviceAccount.annotations",
    "service.gateway.annotations",
    "service.adminUi.annotations",
    *(f"{job}.{field}" for job in ("migrations", "bootstrapAdminJob", "seedConfigJob") for field in ("annotations", "podAnnotations", "podLabels")),
    "ingress.annotations",
    "autoscaling.behavior",
    "observability.podLabels",
    "observability.podAnnotations",
    "scheduling.nodeSelector",
    "scheduling.affinity",
    "scheduling.dnsConfig",
    "secrets.inline",
    "database.cloudnativepg.backup",
    "database.cloudnativepg.monitoring",
    "database.cloudnativepg.additionalSpec",
}


def test_schema_is_closed() -> None:
    found = set()
    for path, node in nodes(schema()):
        types = node.get("type", [])
        if "object" in ([types] if isinstance(types, str) else types):
            assert "additionalProperties" in node, f"{path} does not say whether it is closed"
            if node["additionalProperties"] is not False:
                assert node.get("description"), f"{path} is open and does not say why"
                found.add(path)
    assert {p for p in found if not p.endswith((".requests", ".limits"))} == OPEN


@functools.cache
def validator() -> jsonschema.Draft202012Validator:
    # validate() would check the schema itself each time
    return jsonschema.Draft202012Validator(schema())


@pytest.mark.parametrize("path", sorted({"", *(k.rsplit(".", n)[0] for k in CASES for n in range(1, k.count(".") + 1))} - {"global"}))
def test_an_unknown_key_is_refused_everywhere(path: str) -> None:
    values = merged(DATABASE, at(f"{path}.tpyo".lstrip("."), 1))
    with pytest.raises(jsonschema.ValidationError):
        validator().validate(merged(default_values(), values))


@pytest.mark.parametrize("path", ["tpyo", "gateway.tpyo", "gateway.image.tpyo", "probes.adminUi.startup.tpyo", "scheduling.resources.tpyo"])
def test_helm_refuses_an_unknown_key(path: str, binary: str) -> None:
    assert "additional properties 'tpyo' not allowed" in refused(merged(DATABASE, at(path, {})), binary=binary)


@pytest.mark.parametrize(
    "values",
    [
        {"extraEnv": [{"name": "A", "vlaue": "1"}]},
        {"extraEnv": [{"name": "A", "value": 1}]},
        {"image": {"tag": 1.1}},
        {"replicaCount": 0},
        {"clientConfigGatewayBaseUrl": "llm.example.com"},
        {"configMountPath": "gateway.yaml"},
        {"migrationWaiter": {"enabled": "yes"}},
        {"config": []},
    ],
)
def test_wrong_types_are_refused(values: dict) -> None:
    with pytest.raises(jsonschema.ValidationError):
        validator().validate(merged(default_values(), {"gateway": values}))


@pytest.mark.parametrize(
    ("path", "values", "right"),
    [
        ("scheduling.resources.limits.memory", ["512m", "512", 512, "512mi", "512MB"], ["512Mi", "512M", "1.5Gi", "536870912", 536870912, "1e9"]),
        ("scheduling.resources.requests.ephemeral-storage", ["100m", "1g"], ["100Mi"]),
        ("scheduling.resources.requests.cpu", ["500mi", "0.5 cores", "1,5"], ["500m", "0.5", 1, 0.25, "2"]),
        ("database.cloudnativepg.storage.size", ["20GB", "20", "20gi", "20 Gi"], ["20Gi", "1.5Ti", "20G"]),
        ("commonLabels.team", ["a b", "-a", "x" * 64, "https://x"], ["a.b", "", "x" * 63]),
        ("gateway.podLabels.team", ["a b"], ["a"]),
        ("scheduling.nodeSelector.pool", ["a b"], ["gpu-1"]),
        ("ingress.hosts", [[{"host": "https://llm.example"}], [{"host": "llm.example:443"}], [{"host": "LLM.example"}]], [[{"host": "*.llm.example"}], [{}]]),
        ("externalSecrets.refreshInterval", ["1d", "3600", "1 h", "1.5h", ""], ["15m", "1h30m", "0"]),
        ("scheduling.resources.limits", [{"mem": "1Gi"}, {"gpu": 1}], [{"nvidia.com/gpu": 1, "hugepages-2Mi": "4Mi"}]),
        ("database.cloudnativepg.additionalSpec.resources", [{"limits": {"mem": "1Gi"}}], [{"limits": {"memory": "1Gi"}}]),
        ("route.tls.termination", ["Edge"], ["edge", "reencrypt"]),
        ("database.external.parts.host", ["db:5432", "postgresql://db", "[fd00::1]"], ["db", "10.0.0.1", "fd00::1", "::ffff:10.0.0.1", ""]),
        ("httpRoute.hostnames", [["https://llm.example"]], [["llm.example"]]),
    ],
)
def test_units_labels_and_host_names_are_those_of_kubernetes(path: str, values: list, right: list) -> None:
    for value in right:
        validator().validate(merged(default_values(), at(path, value)))
    for value in values:
        with pytest.raises(jsonschema.ValidationError):
            validator().validate(merged(default_values(), at(path, value)))


def test_schema_is_valid_and_takes_defaults_and_examples() -> None:
    import yaml

    jsonschema.Draft202012Validator.check_schema(schema())
    for values in [{}, *(yaml.safe_load(e.read_text()) for e in EXAMPLES)]:
        validator().validate(merged(default_values(), values))


def test_empty_keys_mean_the_default_of_a_map() -> None:
    """`podAnnotations:` with nothing but comments below it is null, and null takes a default away. It must not break a render."""
    nothing = merged(
        DATABASE,
        *(
            at(f"{key}", None)
            for key in (
                "gateway.podAnnotations",
                "gateway.podLabels",
                "gateway.extraEnv",
                "gateway.extraEnvFrom",
                "gateway.extraVolumes",
                "gateway.lifecycle",
                "gateway.securityContext",
                "adminUi.extraEnv",
                "adminUi.lifecycle",
                "adminUi.podLabels",
                "scheduling.resources",
                "scheduling.nodeSelector",
                "scheduling.tolerations",
                "scheduling.topologySpreadConstraints",
                "observability.env",
                "observability.sidecars",
                "observability.podLabels",
                "secrets.inline",
                "imagePullSecrets",
                "service.gateway.annotations",
                "migrations.annotations",
                "migrations.resources",
                "serviceAccount.annotations",
                "commonLabels",
                "commonAnnotations",
                "extraObjects",
                "global",
                "gateway.extraInitContainers",
                "gateway.image.digest",
                "service.gateway.ipFamilyPolicy",
                "httpRoute.timeouts",
                "networkPolicy.apiServerCidrs",
                "rollout.progressDeadlineSeconds",
                "podDisruptionBudget.maxUnavailable",
                "gateway.image.tag",
                "nameOverride",
                "fullnameOverride",
            )
        ),
    )
    assert named(render(nothing), "Deployment", "-gateway")["metadata"]["name"] == "r-oceans-llm-gateway"


def test_readme_table_is_up_to_date() -> None:
    assert readme_table.main(["--check"]) == 0


def test_readme_table_shows_every_key() -> None:
    readme = (CHART / "README.md").read_text()
    assert [key for key in keys() if f"| `{key}` |" not in readme] == []
