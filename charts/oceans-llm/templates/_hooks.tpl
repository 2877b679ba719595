{{/* SPDX-License-Identifier: GPL-3.0-or-later */}}
{{/*
Hooks. A Job is a hook, so it runs once per install and upgrade, before or after the release's own objects.
*/}}

{{/* Are Jobs plain objects of the release, and no hooks? */}}
{{- define "oceans-llm.plainJobs" -}}
{{- if eq .Values.migrations.mode "job" -}}true{{- end -}}
{{- end -}}

{{/* Secrets or a database that only exist once the release's objects do: migrations then can't run before them. */}}
{{- define "oceans-llm.needsPostHooks" -}}
{{- if or (eq .Values.database.mode "cloudnativepg") .Values.externalSecrets.enabled -}}true{{- end -}}
{{- end -}}

{{- define "oceans-llm.migrationHook" -}}
{{- if include "oceans-llm.plainJobs" . -}}
{{- else if include "oceans-llm.needsPostHooks" . -}}
post-install,post-upgrade
{{- else -}}
{{- .Values.migrations.hook | nospace -}}
{{- end -}}
{{- end -}}

{{/* Hook phases of all Jobs that run before the release's objects exist; empty when there is none. */}}
{{- define "oceans-llm.earlyPhases" -}}
{{- $phases := list -}}
{{- if and .Values.migrations.enabled (contains "pre-" (include "oceans-llm.migrationHook" .)) -}}
{{- $phases = concat $phases (splitList "," (include "oceans-llm.migrationHook" .)) -}}
{{- end -}}
{{- range $job := ternary list (list .Values.bootstrapAdminJob .Values.seedConfigJob) (eq .Values.migrations.mode "job") -}}
{{- if and $job.enabled (contains "pre-" $job.hook) -}}
{{- $phases = concat $phases (splitList "," ($job.hook | nospace)) -}}
{{- end -}}
{{- end -}}
{{- $phases | uniq | sortAlpha | join "," -}}
{{- end -}}

{{/* Does a gateway pod wait for the migration Job? */}}
{{- define "oceans-llm.waits" -}}
{{- $enabled := .Values.gateway.migrationWaiter.enabled | toString -}}
{{- if eq $enabled "true" -}}
true
{{- else if and (ne $enabled "false") .Values.migrations.enabled (include "oceans-llm.plainJobs" .) -}}
true
{{- else if and (ne $enabled "false") .Values.migrations.enabled (regexMatch "post-(install|upgrade)" (include "oceans-llm.migrationHook" .)) -}}
true
{{- end -}}
{{- end -}}

{{- define "oceans-llm.progressDeadline" -}}
{{- /* Numbers of a values file are floats: without int64, Helm prints a million as 1e+06. */ -}}
{{- with .Values.rollout.progressDeadlineSeconds -}}
{{- int64 . -}}
{{- else -}}
{{- if include "oceans-llm.waits" . -}}
{{- add (int .Values.gateway.migrationWaiter.timeoutSeconds) 300 -}}
{{- else -}}
600
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Is there a budget? auto: when the gateway is meant to be highly available. */}}
{{- define "oceans-llm.hasBudget" -}}
{{- $enabled := .Values.podDisruptionBudget.enabled | toString -}}
{{- $many := gt (int (.Values.gateway.replicaCount | default 0)) 1 -}}
{{- if .Values.autoscaling.enabled -}}
{{- $many = or $many (gt (int .Values.autoscaling.minReplicas) 1) -}}
{{- end -}}
{{- if or (eq $enabled "true") (and (ne $enabled "false") $many) -}}true{{- end -}}
{{- end -}}

{{/* Deployment strategy; the defaults of a rolling update are no part of any other. */}}
{{- define "oceans-llm.strategy" -}}
{{- $strategy := .Values.rollout.strategy -}}
{{- if ne $strategy.type "RollingUpdate" -}}{{- $strategy = omit $strategy "rollingUpdate" -}}{{- end -}}
{{- toYaml $strategy -}}
{{- end -}}

{{/* A number as a number, a percentage in quotes, nothing as nothing. Zero is a limit. */}}
{{- define "oceans-llm.limit" -}}
{{- $text := toString . | trim -}}
{{- if regexMatch "^[0-9]+$" $text -}}
{{- $text -}}
{{- else if regexMatch "^[0-9]+%$" $text -}}
{{- $text | quote -}}
{{- end -}}
{{- end -}}

{{/* (list RESOURCES NAME): is there a request? A limit alone counts: it is the request then. */}}
{{- define "oceans-llm.requests" -}}
{{- $resources := index . 0 | default dict -}}
{{- if or (hasKey ($resources.requests | default dict) (index . 1)) (hasKey ($resources.limits | default dict) (index . 1)) -}}true{{- end -}}
{{- end -}}
