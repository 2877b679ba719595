{{/* SPDX-License-Identifier: GPL-3.0-or-later */}}
{{/*
Pods. All pods of the release are made here: gateway, admin UI, the three Jobs and the test.
*/}}

{{/*
Pod spec around its containers.
(dict "root" ROOT "component" COMPONENT "security" CONTEXT "early" BOOL "labels" DICT): early pods run before the release's
objects exist and use the hook's copies.
*/}}
{{- define "oceans-llm.podSpec" -}}
{{- $root := .root -}}
{{- $scheduling := $root.Values.scheduling -}}
serviceAccountName: {{ ternary (include "oceans-llm.hookServiceAccount" $root) (include "oceans-llm.serviceAccountName" $root) (default false .early) | quote }}
automountServiceAccountToken: {{ $root.Values.serviceAccount.automountToken | default false }}
# A Service in the namespace must not turn up as the gateway's environment.
enableServiceLinks: false
{{- with include "oceans-llm.pullSecrets" $root | fromJsonArray }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with include "oceans-llm.security" (list $root .security) }}
{{ . }}
{{- end }}
{{- range $field := list "priorityClassName" "runtimeClassName" "schedulerName" "nodeSelector" "affinity" "tolerations" "hostAliases" "dnsPolicy" "dnsConfig" }}
{{- with get $scheduling $field }}
{{ toYaml (dict $field .) }}
{{- end }}
{{- end }}
{{- include "oceans-llm.topologySpread" . }}
{{- end -}}

{{/* JSON list: the secrets of this chart and those that a parent chart gives to all its charts, as names or as maps with a name. */}}
{{- define "oceans-llm.pullSecrets" -}}
{{- $secrets := .Values.imagePullSecrets | default list -}}
{{- range (.Values.global | default dict).imagePullSecrets -}}
{{- $secrets = append $secrets (ternary (dict "name" .) . (kindIs "string" .)) -}}
{{- end -}}
{{- $secrets | uniq | toJson -}}
{{- end -}}

{{- define "oceans-llm.hookServiceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- include "oceans-llm.object" (list . "hook") -}}
{{- else -}}
{{- include "oceans-llm.serviceAccountName" . -}}
{{- end -}}
{{- end -}}

{{/* A constraint without a selector would count nothing; one that selects other pods does not belong here. */}}
{{- define "oceans-llm.topologySpread" -}}
{{- $own := include "oceans-llm.selectorLabels" (list .root .component) | fromYaml -}}
{{- $constraints := list -}}
{{- range .root.Values.scheduling.topologySpreadConstraints -}}
{{- if not .labelSelector -}}
{{- $constraints = append $constraints (merge (dict "labelSelector" (dict "matchLabels" $own)) .) -}}
{{- else if include "oceans-llm.selects" (list $.root $.component $.labels .labelSelector) -}}
{{- $constraints = append $constraints . -}}
{{- end -}}
{{- end -}}
{{- with $constraints }}
topologySpreadConstraints:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* (list ROOT COMPONENT LABELS SELECTOR): "true" if the pods of the component, with these labels of the user's, have the selector's labels. */}}
{{- define "oceans-llm.selects" -}}
{{- $root := index . 0 -}}
{{- $own := include "oceans-llm.selectorLabels" (list $root (index . 1)) | fromYaml -}}
{{- $all := merge $own (index . 2 | default dict) ($root.Values.commonLabels | default dict) -}}
{{- $mine := true -}}
{{- range $key, $value := (index . 3).matchLabels -}}
{{- if ne (toString $value) (toString (get $all $key)) -}}{{- $mine = false -}}{{- end -}}
{{- end -}}
{{- if $mine -}}true{{- end -}}
{{- end -}}

{{/* Labels of a pod. (dict "root" ROOT "component" COMPONENT "labels" DICT): versions stay out, they would restart pods. */}}
{{- define "oceans-llm.podLabels" -}}
{{ include "oceans-llm.selectorLabels" (list .root .component) }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- with merge (dict) (.labels | default dict) (.root.Values.commonLabels | default dict) }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/*
Annotations of pods; a change of one of them restarts the pods. What the user sets wins.
(dict "root" ROOT "annotations" DICT "config" BOOL "digest" TEXT "inline" BOOL): config and inline for pods that read the configuration
and the inline Secret.
*/}}
{{- define "oceans-llm.podAnnotations" -}}
{{- $own := dict -}}
{{- if .config -}}{{- $_ := set $own "checksum/config" (include "oceans-llm.gatewayYaml" .root | sha256sum) -}}{{- end -}}
{{- with .digest -}}{{- $_ := set $own "oceans.llm/secrets-digest" . -}}{{- end -}}
{{- if and .inline .root.Values.secrets.inline -}}
{{- $_ := set $own "oceans.llm/inline-secret-revision" (include "oceans-llm.inlineRevision" .root) -}}
{{- end -}}
{{- with merge (dict) (.annotations | default dict) (.root.Values.commonAnnotations | default dict) $own -}}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}

{{/*
A container that runs the gateway's image: image, environment, mounts, security, resources.
(dict "root" ROOT "name" NAME "early" BOOL "direct" BOOL "security" CONTEXT "resources" DICT "mounts" LIST): direct for Jobs, which may have
another database URL than the gateway.
*/}}
{{- define "oceans-llm.gatewayContainer" -}}
{{- $root := .root -}}
{{- $values := $root.Values -}}
name: {{ .name }}
image: {{ include "oceans-llm.image" (list $root $values.gateway.image) | quote }}
imagePullPolicy: {{ $values.gateway.image.pullPolicy }}
terminationMessagePolicy: FallbackToLogsOnError
{{- with include "oceans-llm.security" (list $root .security) }}
{{ . }}
{{- end }}
env:
  {{- include "oceans-llm.env" (dict "root" $root "direct" .direct) | nindent 2 }}
{{- with include "oceans-llm.envFrom" (dict "root" $root "early" .early) | trim }}
envFrom:
  {{- . | nindent 2 }}
{{- end }}
{{- with .resources | default $values.scheduling.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumeMounts:
  - name: gateway-config
    mountPath: {{ $values.gateway.configMountPath | quote }}
    subPath: gateway.yaml
    readOnly: true
{{- if not (include "oceans-llm.mounts" (list "/tmp" $values.gateway.extraVolumeMounts .mounts)) }}
  # the root file system is read-only
  - name: gateway-tmp
    mountPath: /tmp
{{- end }}
{{- if include "oceans-llm.databaseAuthority" $root }}
  - name: database-ca
    mountPath: /etc/oceans-llm/database-ca
    readOnly: true
{{- end }}
{{- range list $values.gateway.extraVolumeMounts .mounts }}
{{- with . }}
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{/* (list PATH MOUNTS...): is something mounted there? */}}
{{- define "oceans-llm.mounts" -}}
{{- $path := first . -}}
{{- range rest . -}}
{{- range . -}}
{{- if eq (trimSuffix "/" .mountPath) $path -}}true{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Volumes of a pod of the gateway's image. (dict "root" ROOT "early" BOOL "volumes" LIST) */}}
{{- define "oceans-llm.gatewayVolumes" -}}
- name: gateway-config
  configMap:
    name: {{ include "oceans-llm.object" (list .root (ternary "hook-config" "config" (default false .early))) }}
- name: gateway-tmp
  emptyDir: {}
{{- with include "oceans-llm.databaseAuthority" .root }}
- name: database-ca
  {{- . | nindent 2 }}
{{- end }}
{{- range list .root.Values.gateway.extraVolumes .volumes }}
{{- with . }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{- end -}}

{{/* (dict "probe" VALUES "port" NAME): one probe; without a path the port is tried. */}}
{{- define "oceans-llm.probe" -}}
{{- if .probe.path -}}
httpGet:
  path: {{ .probe.path | quote }}
  port: {{ .port }}
{{- else -}}
tcpSocket:
  port: {{ .port }}
{{- end }}
{{- with omit .probe "enabled" "path" }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* (dict "probes" DICT "port" NAME): startup, liveness and readiness, those that are enabled. */}}
{{- define "oceans-llm.probes" -}}
{{- $port := .port -}}
{{- range $name, $probe := .probes }}
{{- if $probe.enabled }}
{{ $name }}Probe:
  {{- include "oceans-llm.probe" (dict "probe" $probe "port" $port) | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Containers that start before all others in gateway pods and Jobs: native sidecars among them. (list ROOT) */}}
{{- define "oceans-llm.extraInitContainers" -}}
{{- with (index . 0).Values.gateway.extraInitContainers }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The way in which the Cluster gets the data of another one: recovery, pg_basebackup; empty when it begins empty. */}}
{{- define "oceans-llm.recovers" -}}
{{- range list "recovery" "pg_basebackup" }}{{- if hasKey (($.Values.database.cloudnativepg.additionalSpec | default dict).bootstrap | default dict) . }}{{ . }}{{- end }}{{- end -}}
{{- end -}}

{{/* An init container that waits. (dict "root" ROOT "goal" database|schema "early" BOOL "interval" N "timeout" N "resources" DICT) */}}
{{- define "oceans-llm.waiter" -}}
{{- $name := ternary "wait-for-database" "wait-for-migrations" (eq .goal "database") -}}
- command: ["/bin/sh", "-c"]
  args:
    - |
      {{- .root.Files.Get "files/wait-for-migrations.sh" | trim | nindent 6 }}
    - {{ $name }}
    - {{ .goal }}
    - {{ .interval | int64 | quote }}
    - {{ .timeout | int64 | quote }}
    {{- if and (eq .goal "database") (include "oceans-llm.recovers" .root) (not .root.Values.database.cloudnativepg.allowEmptyRecovery) }}
    - recovered
    {{- end }}
  {{- include "oceans-llm.gatewayContainer" (dict "root" .root "name" $name "early" .early "direct" .direct "security" .root.Values.gateway.initSecurityContext "resources" .resources) | nindent 2 }}
{{- end -}}

{{/*
A Job that runs one command of the gateway. (dict "root" ROOT "values" JOB-VALUES "component" COMPONENT "name" CONTAINER "suffix" NAME-SUFFIX
 "hook" PHASES "weight" N "command" LIST "wait" database|schema|"")
With migrations.mode=job it is no hook: its name ends with a hash of its pod template, which nobody can change in a Job that exists. A new
image or configuration makes a new Job, and the same values make the same name each time.
*/}}
{{- define "oceans-llm.job" -}}
{{- $root := .root -}}
{{- $job := .values -}}
{{- $plain := include "oceans-llm.plainJobs" $root -}}
{{- $annotations := merge (dict) ($job.annotations | default dict) -}}
{{- $template := include "oceans-llm.jobTemplate" . -}}
{{- $name := include "oceans-llm.object" (list $root .suffix) -}}
{{- if $plain -}}
{{- $name = include "oceans-llm.object" (list $root (printf "%s-%s" .suffix ($template | sha256sum | trunc 10))) -}}
{{- else -}}
{{- $_ := set $annotations "helm.sh/hook" .hook -}}
{{- $_ := set $annotations "helm.sh/hook-weight" .weight -}}
{{- with $job.hookDeletePolicy -}}{{- $_ := set $annotations "helm.sh/hook-delete-policy" . -}}{{- end -}}
{{- end -}}
apiVersion: batch/v1
kind: Job
metadata:
  {{- include "oceans-llm.metadata" (dict "root" $root "name" $name "component" .component "annotations" $annotations) | nindent 2 }}
spec:
  backoffLimit: {{ int64 $job.backoffLimit }}
  {{- if $job.activeDeadlineSeconds }}
  activeDeadlineSeconds: {{ int64 $job.activeDeadlineSeconds }}
  {{- end }}
  {{- if not $plain }}
  ttlSecondsAfterFinished: {{ int64 $job.ttlSecondsAfterFinished }}
  {{- end }}
  # Two migrators at once have no lock between them: the next pod starts when the last one is gone, not when it is told to go.
  podReplacementPolicy: Failed
  template:
    {{- $template | nindent 4 }}
{{- end -}}

{{/* The pod template of such a Job; the same arguments. */}}
{{- define "oceans-llm.jobTemplate" -}}
{{- $root := .root -}}
{{- $job := .values -}}
{{- $early := contains "pre-" .hook -}}
metadata:
  labels:
    {{- include "oceans-llm.podLabels" (dict "root" $root "component" .component "labels" $job.podLabels) | nindent 4 }}
  {{- with include "oceans-llm.podAnnotations" (dict "root" $root "annotations" $job.podAnnotations "config" true) }}
  {{- . | nindent 2 }}
  {{- end }}
spec:
  restartPolicy: Never
  {{- include "oceans-llm.podSpec" (dict "root" $root "component" .component "security" $root.Values.gateway.podSecurityContext "early" $early "labels" $job.podLabels) | nindent 2 }}
  {{- $init := include "oceans-llm.extraInitContainers" (list $root) -}}
  {{- if eq .wait "database" -}}
  {{- /* A PostgreSQL that starts for the first time must not use up the tries of the migration. */ -}}
  {{- $init = print $init "\n" (include "oceans-llm.waiter" (dict "root" $root "goal" "database" "early" $early "direct" true "interval" 2 "timeout" $root.Values.database.cloudnativepg.startupTimeoutSeconds "resources" $job.resources)) -}}
  {{- else if eq .wait "schema" -}}
  {{- $waiter := $root.Values.gateway.migrationWaiter -}}
  {{- $init = print $init "\n" (include "oceans-llm.waiter" (dict "root" $root "goal" "schema" "direct" true "interval" $waiter.intervalSeconds "timeout" $waiter.timeoutSeconds "resources" $job.resources)) -}}
  {{- end }}
  {{- with $init | trim }}
  initContainers:
    {{- . | nindent 4 }}
  {{- end }}
  containers:
    - command: {{ .command | toJson }}
      {{- include "oceans-llm.gatewayContainer" (dict "root" $root "name" .name "early" $early "direct" true "security" $root.Values.gateway.securityContext "resources" $job.resources) | nindent 6 }}
  volumes:
    {{- include "oceans-llm.gatewayVolumes" (dict "root" $root "early" $early) | nindent 4 }}
{{- end -}}
