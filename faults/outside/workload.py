# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults in the gateway's pods, their template, their environment, and what they are scheduled by."""

from __future__ import annotations

import base64
import secrets
from dataclasses import replace

from .. import kube, registry
from ..kube import kubectl
from ..place import Place
from .bites import not_pulled, unreachable
from .foreign import UPGRADE, WAIT, Foreign, Wanted
from .hands import call, claim, container, deployment, in_turn, init, init_container, json_patch, pod, put, quota, restart, sidecar, volume

G = r"(Deployment|ReplicaSet|Pod)/oc-oceans-llm-gateway"
BOTH = (WAIT, UPGRADE)
HANGS = "echo 'worker: processing batch 1'; exec sleep 100000"
DEPENDENCY = "while true; do echo 'waiting for legacy-config-service'; sleep 2; done"
OWN = {"app.kubernetes.io/component": "gateway", "app.kubernetes.io/instance": "oc"}
FAR_AFFINITY = {
    "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["lost-node"]}]}]}}
}
ENV = "/spec/template/spec/containers/0/env/-"


def _random_secret(place: Place) -> None:
    """Every key of the release's Secret gets a value that nobody knows."""
    data = kube.get(place.namespace, "secret", "--field-selector=metadata.name=oc-secrets")[0]["data"]
    patch = {key: base64.b64encode(secrets.token_urlsafe(24).encode()).decode() for key in data}
    kubectl("-n", place.namespace, "patch", "secret", "oc-secrets", "--type=merge", "-p", kube.json.dumps({"data": patch}))
    restart(place)


def _password_changed(place: Place) -> None:
    place.sql(f"ALTER ROLE {place.database} PASSWORD '{secrets.token_urlsafe(12)}';")
    restart(place)


def _other_architecture(place: Place) -> None:
    image = place.fill(registry.image("foreign"))
    container(image=f"{image}:v0.24.0")(place)


def _full_quota(place: Place) -> None:
    pods = [p for p in kube.get(place.namespace, "pod") if p["status"]["phase"] in ("Running", "Pending")]
    quota("tight", pods=str(len(pods)))(place)
    restart(place)


ROWS = (
    Foreign(
        "I4",
        "the gateway's dnsPolicy is Default",
        Wanted(G, (r"dnsPolicy", r"resolv|lookup|name server")),
        pod({"dnsPolicy": "Default"}),
        ways=BOTH,
        compare=True,
        name="Failing Name Resolution Kubernetes Workload DNS Policy",
    ),
    Foreign(
        "S7",
        "dnsPolicy None with a name server that does not answer",
        Wanted(G, (r"dnsConfig|nameserver|name server", r"10\.96\.255\.254")),
        pod({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["10.96.255.254"]}}),
        name="wrong_dns_policy",
    ),
    Foreign(
        "I5",
        "an init container that never ends",
        Wanted(
            r"container worker|worker",
            (r"not ended|still (running|runs)|has run|running for|does not end", r"processing batch 1"),
            (r"old pod\(s\) still there",),
        ),
        init("worker", HANGS),
        ways=BOTH,
        compare=True,
        name="Hanging Kubernetes Workload Init Container",
    ),
    Foreign(
        "S5",
        "an init container that waits for a Service that does not exist, and logs the Service's name",
        Wanted(r"wait-for-dependency", (r"legacy-config-service",)),
        init("wait-for-dependency", DEPENDENCY),
        name="init_container_dependency_hang",
    ),
    Foreign(
        "S6",
        "maxUnavailable 100 % and an init container that never ends: all old pods are gone",
        Wanted(G, (r"maxUnavailable", r"worker")),
        deployment(
            {
                "strategy": {"rollingUpdate": {"maxUnavailable": "100%", "maxSurge": 0}},
                "template": {"spec": {"initContainers": [init_container("worker", HANGS)]}},
            }
        ),
        bite=unreachable,
        name="rolling_update_misconfigured",
    ),
    Foreign(
        "I12",
        "the readiness probe uses a port on which nothing listens",
        Wanted(G, (r"readiness", r"9999")),
        container(readinessProbe={"httpGet": {"port": 9999, "path": "/readyz"}}),
        ways=BOTH,
        compare=True,
        name="Misconfigured Kubernetes Workload Container Readiness Probe",
    ),
    Foreign(
        "O6",
        "the readiness probe uses HTTPS on an HTTP port",
        Wanted(G, (r"readiness", r"HTTPS")),
        container(readinessProbe={"httpGet": {"scheme": "HTTPS", "port": "http", "path": "/readyz"}}),
        name="probe scheme",
    ),
    Foreign(
        "O7",
        "the liveness probe requests a path that does not exist: the container is killed again and again",
        Wanted(G, (r"liveness", r"/no-such-path|404")),
        container(
            livenessProbe={"httpGet": {"port": "http", "path": "/no-such-path"}, "periodSeconds": 2, "failureThreshold": 2},
            readinessProbe={"httpGet": {"path": "/no-such-path"}},
        ),
        name="liveness_probe_misconfiguration",
    ),
    Foreign(
        "I20",
        "the gateway is scaled to 0",
        Wanted(r"Deployment/oc-oceans-llm-gateway", (r"replicas.{0,12}\b0\b|\b0 replicas|to 0\b", r"kubectl")),
        call("scale", "deployment/oc-oceans-llm-gateway", "--replicas=0"),
        bite=unreachable,
        ways=BOTH,
        quick=True,
        compare=True,
        name="Scaled To Zero Kubernetes Workload",
    ),
    Foreign(
        "S1",
        "a sidecar uses the gateway's port",
        Wanted(r"container (gateway|metrics-agent)", (r"address (is )?(already )?in use|port 8080", r"metrics-agent")),
        sidecar("metrics-agent", ["python3", "-m", "http.server", "8080"]),
        name="sidecar_port_conflict",
    ),
    Foreign(
        "I7",
        "a ResourceQuota without room for one more pod",
        Wanted(r"tight", (r"quota", r"pods")),
        _full_quota,
        quick=True,
        compare=True,
        name="Insufficient Kubernetes Resource Quota",
    ),
    Foreign(
        "S24",
        "a ResourceQuota on memory that is too small",
        Wanted(r"memory-limit", (r"quota", r"memory")),
        in_turn(quota("memory-limit", **{"limits.memory": "200Mi"}), restart),
        name="namespace_memory_limit",
    ),
    Foreign(
        "I8",
        "a memory limit that the gateway cannot start with",
        Wanted(r"container gateway|" + G, (r"OOM|memory", r"12Mi")),
        container(resources={"requests": {"memory": "8Mi"}, "limits": {"memory": "12Mi"}}),
        compare=True,
        name="Insufficient Kubernetes Workload Container Resources",
    ),
    Foreign(
        "I9",
        "a command that does not exist",
        Wanted(r"container gateway", (r"/no/such/program", r"no such file|not found|does not exist|cannot be started")),
        container(command=["/no/such/program"], args=None),
        name="Invalid Kubernetes Workload Container Command",
    ),
    Foreign(
        "I15",
        "an image that does not exist",
        Wanted(r"gateway:v9\.9\.9", (r"not found|does not exist",)),
        container(image="127.0.0.1:5000/oceans-llm/gateway:v9.9.9"),
        quick=True,
        compare=True,
        name="Nonexistent Kubernetes Workload Container Image",
    ),
    Foreign(
        "I16",
        "a node that does not exist",
        Wanted(G, (r"lost-node|node selector|nodeSelector|affinity/selector", r"node")),
        pod({"nodeSelector": {"kubernetes.io/hostname": "lost-node"}}),
        name="Nonexistent Kubernetes Workload Node",
    ),
    Foreign(
        "I17",
        "a PersistentVolumeClaim of a StorageClass that does not exist",
        Wanted(r"PersistentVolumeClaim/data|StorageClass/gold|claim data", (r"gold",)),
        in_turn(claim("data", "gold"), volume({"persistentVolumeClaim": {"claimName": "data"}})),
        name="storage class",
    ),
    Foreign(
        "S21",
        "a PersistentVolumeClaim that does not exist",
        Wanted(r"no-such-claim", (r"not found|does not exist|missing",)),
        volume({"persistentVolumeClaim": {"claimName": "no-such-claim"}}),
        name="pvc_claim_mismatch",
    ),
    Foreign(
        "S22",
        "a volume that is bound to a missing node",
        Wanted(G + r"|PersistentVolume(Claim)?/", (r"volume", r"node affinity")),
        in_turn(
            put(
                {
                    "apiVersion": "v1",
                    "kind": "PersistentVolume",
                    "metadata": {"name": "@ROW@-lost"},
                    "spec": {
                        "capacity": {"storage": "1Gi"},
                        "accessModes": ["ReadWriteOnce"],
                        "storageClassName": "manual",
                        "claimRef": {"namespace": "@NS@", "name": "data"},
                        "hostPath": {"path": "/tmp"},
                        "nodeAffinity": FAR_AFFINITY["nodeAffinity"],
                    },
                }
            ),
            claim("data", "manual", volumeName="s22-lost"),
            volume({"persistentVolumeClaim": {"claimName": "data"}}),
        ),
        mend=lambda: kubectl("delete", "persistentvolume", "s22-lost", "--ignore-not-found", "--wait=false", check=False) and None,
        name="persistent_volume_affinity_violation",
    ),
    Foreign(
        "S37",
        "a memory request that no node can satisfy",
        Wanted(G, (r"memory", r"node|Insufficient")),
        container(resources={"requests": {"memory": "900Gi"}, "limits": {"memory": "900Gi"}}),
        name="resource_request_too_large",
    ),
    Foreign(
        "I25",
        "anti-affinity between all pods, on a cluster of one node",
        Wanted(G, (r"anti-?affinity",)),
        pod(
            {
                "affinity": {
                    "podAntiAffinity": {
                        "requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": OWN}}]
                    }
                }
            }
        ),
        name="Unschedulable Kubernetes Workload Pod Anti Affinity Rule",
    ),
    Foreign(
        "I26",
        "an image for another architecture",
        Wanted(r"gateway", (r"arm64|architecture|platform",)),
        _other_architecture,
        needs=("registry",),
        name="Unsupported Architecture Kubernetes Workload Container Image",
    ),
    Foreign(
        "I13",
        "an environment variable of the Deployment is overridden by hand",
        Wanted(r"POSTGRES_URL", (r"old-db\.example\.invalid", r"kubectl|by hand|environment|\benv\b|Deployment/")),
        call("set", "env", "deployment/oc-oceans-llm-gateway", "POSTGRES_URL=postgresql://u:p@old-db.example.invalid:5432/d"),
        ways=BOTH,
        compare=True,
        name="Modified Kubernetes Workload Container Environment Variable",
    ),
    Foreign(
        "S12",
        "an environment variable that is set twice: the later value is used",
        Wanted(r"POSTGRES_URL", (r"shadow-db\.example\.invalid", r"twice|shadows|two values|duplicate|defined again|later|second")),
        json_patch({"op": "add", "path": ENV, "value": {"name": "POSTGRES_URL", "value": "postgresql://u:p@shadow-db.example.invalid:5432/d"}}),
        name="env_variable_shadowing",
    ),
    Foreign(
        "O8",
        "hostAliases map the database's name to an unused address",
        Wanted(G, (r"hostAliases", r"192\.0\.2\.1")),
        pod({"hostAliases": [{"ip": "192.0.2.1", "hostnames": ["postgres.out-db.svc"]}]}),
        name="stale_hostaliases_dns_poisoning",
    ),
    Foreign(
        "I36",
        "every key of the Secret is random",
        Wanted(r"Secret/oc-secrets", (r"POSTGRES_URL",)),
        _random_secret,
        name="changed credentials",
    ),
    Foreign(
        "S33",
        "the password was changed in the database only",
        Wanted(r"Secret/oc-secrets|POSTGRES_URL", (r"28P01|password",)),
        _password_changed,
        compare=True,
        name="secret_rotation_stale_env_credentials",
    ),
    Foreign(
        "S25",
        "the namespace enforces Pod Security restricted, which the pods violate",
        Wanted(r"Pod Security|restricted", (r"restricted", r"allowPrivilegeEscalation")),
        in_turn(call("label", "namespace", "@NS@", "pod-security.kubernetes.io/enforce=restricted"), restart),
        base={"oceans_llm_values": {"gateway": {"securityContext": {"allowPrivilegeEscalation": True}}}},
        compare=True,
        name="psa_restricted_blocks_recreation",
    ),
)
#: sayings of one kind of thing that need no row of their own here: the same, on a first deploy, found before anything is written
FIRST: tuple[Foreign, ...] = (
    Foreign(
        "S26",
        "an autoscaler on CPU for pods without a CPU request",
        Wanted(r"HorizontalPodAutoscaler|autoscal", (r"cpu", r"request")),
        ways=("install",),
        values={"autoscaling": {"enabled": True}, "scheduling": {"resources": {"requests": None, "limits": None}}},
        name="hpa_missing_effective_cpu_request",
    ),
    replace(
        Foreign(
            "I15f",
            "an image that does not exist, on the first installation",
            Wanted(r"gateway:v9\.9\.9", (r"not found|does not exist",)),
            bite=not_pulled,
            ways=("install",),
        ),
        variables={"oceans_llm_version": "v9.9.9"},
    ),
)
