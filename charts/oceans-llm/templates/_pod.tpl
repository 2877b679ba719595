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
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .security }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $scheduling.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with $scheduling.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $scheduling.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $scheduling.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- include "oceans-llm.topologySpread" . }}
{{- end -}}

{{- define "oceans-llm.hookServiceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- include "oceans-llm.object" (list . "hook") -}}
{{- else -}}
{{- include "oceans-llm.serviceAccountName" . -}}
{{- end -}}
{{- end -}}

{{/* A constraint without a selector would count nothing; one that selects other pods has no business here. */}}
{{- define "oceans-llm.topologySpread" -}}
{{- $own := include "oceans-llm.selectorLabels" (list .root .component) | fromYaml -}}
{{- $all := merge (deepCopy $own) (default dict .labels) -}}
{{- $constraints := list -}}
{{- range .root.Values.scheduling.topologySpreadConstraints -}}
{{- if .labelSelector -}}
{{- $mine := true -}}
{{- range $key, $value := .labelSelector.matchLabels -}}
{{- if ne (toString $value) (toString (get $all $key)) -}}{{- $mine = false -}}{{- end -}}
{{- end -}}
{{- if $mine -}}{{- $constraints = append $constraints . -}}{{- end -}}
{{- else -}}
{{- $constraints = append $constraints (merge (dict "labelSelector" (dict "matchLabels" $own)) .) -}}
{{- end -}}
{{- end -}}
{{- with $constraints }}
topologySpreadConstraints:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Labels of a pod. (dict "root" ROOT "component" COMPONENT "labels" DICT): versions stay out, they would restart pods. */}}
{{- define "oceans-llm.podLabels" -}}
{{ include "oceans-llm.selectorLabels" (list .root .component) }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- with .labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/*
Annotations of pods that read the configuration; a change of one of them restarts the pods.
(dict "root" ROOT "annotations" DICT "digest" TEXT "inline" BOOL): what the user sets wins.
*/}}
{{- define "oceans-llm.podAnnotations" -}}
{{- $own := dict "checksum/config" (include "oceans-llm.gatewayYaml" .root | sha256sum) -}}
{{- with .digest -}}{{- $_ := set $own "oceans.llm/secrets-digest" . -}}{{- end -}}
{{- if and .inline .root.Values.secrets.inline -}}
{{- $_ := set $own "oceans.llm/inline-secret-revision" (include "oceans-llm.inlineRevision" .root) -}}
{{- end -}}
{{- merge (dict) (.annotations | default dict) $own | toYaml -}}
{{- end -}}

{{/*
A container that runs the gateway's image: image, environment, mounts, security, resources.
(dict "root" ROOT "name" NAME "early" BOOL "security" CONTEXT "resources" DICT "mounts" LIST)
*/}}
{{- define "oceans-llm.gatewayContainer" -}}
{{- $root := .root -}}
{{- $values := $root.Values -}}
name: {{ .name }}
image: {{ include "oceans-llm.image" (list $root $values.gateway.image) | quote }}
imagePullPolicy: {{ $values.gateway.image.pullPolicy }}
terminationMessagePolicy: FallbackToLogsOnError
{{- with .security }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
env:
  {{- include "oceans-llm.env" (dict "root" $root "early" .early) | nindent 2 }}
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

{{/*
A hook Job that runs one command of the gateway.
(dict "root" ROOT "values" JOB-VALUES "component" COMPONENT "name" CONTAINER "suffix" NAME-SUFFIX "hook" PHASES "weight" N
 "command" LIST "waitForDatabase" BOOL)
*/}}
{{- define "oceans-llm.job" -}}
{{- $root := .root -}}
{{- $job := .values -}}
{{- $early := contains "pre-" .hook -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ include "oceans-llm.object" (list $root .suffix) }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "oceans-llm.labels" (list $root .component) | nindent 4 }}
  annotations:
    helm.sh/hook: {{ .hook }}
    helm.sh/hook-weight: {{ .weight | quote }}
    {{- with $job.hookDeletePolicy }}
    helm.sh/hook-delete-policy: {{ . }}
    {{- end }}
    {{- with $job.annotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  backoffLimit: {{ $job.backoffLimit }}
  {{- if $job.activeDeadlineSeconds }}
  activeDeadlineSeconds: {{ $job.activeDeadlineSeconds }}
  {{- end }}
  ttlSecondsAfterFinished: {{ $job.ttlSecondsAfterFinished }}
  # Two migrators at once have no lock between them: the next pod starts when the last one is gone, not when it is told to go.
  podReplacementPolicy: Failed
  template:
    metadata:
      labels:
        {{- include "oceans-llm.podLabels" (dict "root" $root "component" .component "labels" $job.podLabels) | nindent 8 }}
      annotations:
        {{- include "oceans-llm.podAnnotations" (dict "root" $root "annotations" $job.podAnnotations) | nindent 8 }}
    spec:
      restartPolicy: Never
      {{- include "oceans-llm.podSpec" (dict "root" $root "component" .component "security" $root.Values.gateway.podSecurityContext "early" $early "labels" $job.podLabels) | nindent 6 }}
      {{- if .waitForDatabase }}
      initContainers:
        # A PostgreSQL that starts for the first time must not use up the tries of the migration.
        - command: ["/bin/sh", "-c"]
          args:
            - |
              {{- $root.Files.Get "files/wait-for-migrations.sh" | trim | nindent 14 }}
            - wait-for-database
            - database
            - "2"
            - {{ $root.Values.database.cloudnativepg.startupTimeoutSeconds | quote }}
          {{- include "oceans-llm.gatewayContainer" (dict "root" $root "name" "wait-for-database" "early" $early "security" $root.Values.gateway.initSecurityContext "resources" $job.resources) | nindent 10 }}
      {{- end }}
      containers:
        - command: {{ .command | toJson }}
          {{- include "oceans-llm.gatewayContainer" (dict "root" $root "name" .name "early" $early "security" $root.Values.gateway.securityContext "resources" $job.resources) | nindent 10 }}
      volumes:
        {{- include "oceans-llm.gatewayVolumes" (dict "root" $root "early" $early) | nindent 8 }}
{{- end -}}
