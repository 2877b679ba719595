{{/* SPDX-License-Identifier: GPL-3.0-or-later */}}
{{/*
Names and labels. Names, labels and selectors are an interface: a live release of the public chart is upgraded in place.
*/}}

{{/* (list NAME MAX): the name if it fits; else its head and eight digits of its hash, so that two names stay two names. */}}
{{- define "oceans-llm.cut" -}}
{{- $name := index . 0 -}}
{{- $max := int (index . 1) -}}
{{- if le (len $name) $max -}}
{{- $name -}}
{{- else -}}
{{- printf "%s-%s" ($name | trunc (int (sub $max 9)) | trimAll "-") (sha256sum $name | trunc 8) -}}
{{- end -}}
{{- end -}}

{{- define "oceans-llm.name" -}}
{{- include "oceans-llm.cut" (list (.Values.nameOverride | default .Chart.Name) 63) -}}
{{- end -}}

{{/*
F, the name that object names begin with. A Service takes neither dots nor a digit in front, which a release name may have:
dots become dashes, and a leading digit gets "r-" before it.
*/}}
{{- define "oceans-llm.fullname" -}}
{{- $name := .Values.fullnameOverride -}}
{{- if not $name -}}
{{- $chart := .Values.nameOverride | default .Chart.Name -}}
{{- $name = ternary .Release.Name (printf "%s-%s" .Release.Name $chart) (contains $chart .Release.Name) -}}
{{- end -}}
{{- $name = $name | replace "." "-" | trimAll "-" -}}
{{- if regexMatch "^[0-9]" $name -}}
{{- $name = printf "r-%s" $name -}}
{{- end -}}
{{- include "oceans-llm.cut" (list $name 63) -}}
{{- end -}}

{{/*
(list ROOT SUFFIX [MAX]): F-SUFFIX, at most MAX (63) characters. What does not fit is cut inside F and gets a hash; the
suffix stays whole, so no two objects of a release ever get one name.
*/}}
{{- define "oceans-llm.object" -}}
{{- $root := index . 0 -}}
{{- $suffix := index . 1 -}}
{{- $max := 63 -}}
{{- if gt (len .) 2 -}}{{- $max = int (index . 2) -}}{{- end -}}
{{- $full := include "oceans-llm.fullname" $root -}}
{{- $whole := printf "%s-%s" $full $suffix -}}
{{- if le (len $whole) $max -}}
{{- $whole -}}
{{- else -}}
{{- $room := int (sub (sub $max (len $suffix)) 10) -}}
{{- printf "%s-%s-%s" ($full | trunc $room | trimAll "-") (sha256sum $full | trunc 8) $suffix -}}
{{- end -}}
{{- end -}}

{{- define "oceans-llm.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "oceans-llm.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "oceans-llm.clusterName" -}}
{{- .Values.database.cloudnativepg.clusterName | default (include "oceans-llm.object" (list . "postgres" 50)) -}}
{{- end -}}

{{- define "oceans-llm.externalTarget" -}}
{{- .Values.externalSecrets.targetName | default (include "oceans-llm.object" (list . "external-env")) -}}
{{- end -}}

{{/* (list ROOT COMPONENT): what selectors use. A Deployment's selector can't be changed: neither can this. */}}
{{- define "oceans-llm.selectorLabels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "oceans-llm.name" $root | quote }}
app.kubernetes.io/instance: {{ $root.Release.Name | quote }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* (list ROOT [COMPONENT]): labels of objects. */}}
{{- define "oceans-llm.labels" -}}
{{- $root := index . 0 -}}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimAll "-_." }}
app.kubernetes.io/name: {{ include "oceans-llm.name" $root | quote }}
app.kubernetes.io/instance: {{ $root.Release.Name | quote }}
{{- if gt (len .) 1 }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | replace "+" "_" | trunc 63 | trimAll "-_." | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/*
Metadata of an object. (dict "root" ROOT "name" NAME "component" COMPONENT "annotations" DICT): no component for what belongs to
all of them. Annotations of its own win over commonAnnotations.
*/}}
{{- define "oceans-llm.metadata" -}}
name: {{ .name | quote }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "oceans-llm.labels" (ternary (list .root .component) (list .root) (hasKey . "component")) | nindent 2 }}
{{- with merge (dict) (.annotations | default dict) (.root.Values.commonAnnotations | default dict) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/*
(list ROOT IMAGE): repository:tag@digest. The tag follows appVersion and may carry a digest, or be one. global.imageRegistry takes the place
of the repository's registry, which is a first part with a dot or a port in it.
*/}}
{{- define "oceans-llm.image" -}}
{{- $root := index . 0 -}}
{{- $image := index . 1 -}}
{{- $tag := $image.tag | default $root.Chart.AppVersion -}}
{{- $repository := $image.repository -}}
{{- with ($root.Values.global | default dict).imageRegistry -}}
{{- $repository = printf "%s/%s" (trimSuffix "/" .) (regexReplaceAll "^(localhost|[^/]*[.:][^/]*)/" $image.repository "") -}}
{{- end -}}
{{- printf "%s%s%s%s" $repository (ternary "@" ":" (hasPrefix "sha256:" $tag)) $tag (ternary (printf "@%s" $image.digest) "" (not (empty $image.digest))) -}}
{{- end -}}

{{/* (list ROOT CONTEXT): a security context; on OpenShift without the ids, which the cluster chooses for each namespace. */}}
{{- define "oceans-llm.security" -}}
{{- $context := index . 1 | default dict -}}
{{- if eq (index . 0).Values.platform "openshift" -}}
{{- $context = omit $context "runAsUser" "runAsGroup" "fsGroup" "supplementalGroups" -}}
{{- end -}}
{{- with $context -}}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}

{{/* (dict "root" ROOT "component" COMPONENT "values" SERVICE-VALUES): a Service for one component. */}}
{{- define "oceans-llm.service" -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "oceans-llm.metadata" (dict "root" .root "name" (include "oceans-llm.object" (list .root .component)) "component" .component "annotations" .values.annotations) | nindent 2 }}
spec:
  type: {{ .values.type }}
  {{- range $field := list "ipFamilyPolicy" "ipFamilies" "externalTrafficPolicy" "internalTrafficPolicy" "trafficDistribution" "loadBalancerClass" "loadBalancerSourceRanges" }}
  {{- with get $.values $field }}
  {{ $field }}: {{ toJson . }}
  {{- end }}
  {{- end }}
  selector:
    {{- include "oceans-llm.selectorLabels" (list .root .component) | nindent 4 }}
  ports:
    - name: http
      port: {{ .values.port }}
      targetPort: http
      protocol: TCP
      {{- with .values.nodePort }}
      nodePort: {{ . }}
      {{- end }}
{{- end -}}
