{{/* SPDX-License-Identifier: GPL-3.0-or-later */}}
{{/*
Environment. Gateway, waiter and Jobs call the same two helpers, so they get the same entries in the same order.
*/}}

{{/* Entries that the chart itself sets. (dict "root" ROOT "direct" BOOL): direct for Jobs. */}}
{{- define "oceans-llm.chartEnv" -}}
{{- $root := .root -}}
{{- $values := $root.Values -}}
- name: GATEWAY_CONFIG
  value: {{ $values.gateway.configMountPath | quote }}
# Replicas never change the database when they start: Jobs do.
- name: GATEWAY_RUN_MIGRATIONS
  value: "false"
- name: GATEWAY_BOOTSTRAP_ADMIN
  value: "false"
- name: GATEWAY_SEED_CONFIG
  value: "false"
{{- if eq $values.database.mode "cloudnativepg" }}
{{- $cluster := include "oceans-llm.clusterName" $root }}
{{- $credentials := $values.database.cloudnativepg.existingCredentialsSecret | default (printf "%s-app" $cluster) }}
# For extraEnv and gateway.config that refer to them; the gateway itself reads POSTGRES_URL.
- name: POSTGRES_USER
  valueFrom:
    secretKeyRef:
      name: {{ $credentials | quote }}
      key: username
- name: POSTGRES_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ $credentials | quote }}
      key: password
{{- with $values.database.cloudnativepg.existingCredentialsSecret }}
# No URL is put together from a user and a password: both would need percent-encoding. The gateway's driver reads these two.
- name: PGUSER
  valueFrom:
    secretKeyRef:
      name: {{ . | quote }}
      key: username
- name: PGPASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ . | quote }}
      key: password
- name: POSTGRES_URL
  value: {{ printf "postgresql://%s-rw:5432/%s" $cluster ($values.database.cloudnativepg.database | urlquery | replace "+" "%20") | quote }}
{{- else }}
- name: POSTGRES_URL
  valueFrom:
    secretKeyRef:
      name: {{ printf "%s-app" $cluster | quote }}
      key: uri
{{- end }}
{{- else }}
{{- include "oceans-llm.externalDatabase" . }}
{{- end }}
- name: ADMIN_UI_UPSTREAM
  value: {{ printf "http://%s:%d" (include "oceans-llm.object" (list $root "admin-ui")) (int $values.service.adminUi.port) | quote }}
{{- with $values.gateway.clientConfigGatewayBaseUrl }}
- name: GATEWAY_CLIENT_CONFIG_BASE_URL
  value: {{ . | quote }}
{{- end }}
{{- end -}}

{{/*
The URL of an external database. (dict "root" ROOT "direct" BOOL): a Secret with the URL, or its parts.
User and password never become part of the URL: the gateway's driver takes from PGUSER, PGPASSWORD and PGDATABASE what the URL lacks, and
nothing needs encoding, whatever characters it has. direct: Jobs use database.external.migrations where it is set.
*/}}
{{- define "oceans-llm.externalDatabase" -}}
{{- $external := .root.Values.database.external -}}
{{- $direct := ternary $external.migrations dict (default false .direct) | default dict -}}
{{- $parts := $external.parts -}}
{{- $secret := $parts.secret -}}
{{- $whole := ternary $direct.existingSecret $external.existingSecret (dig "existingSecret" "name" "" $direct | empty | not) -}}
{{- if $whole.name }}
- name: POSTGRES_URL
  valueFrom:
    secretKeyRef:
      name: {{ $whole.name | quote }}
      key: {{ $whole.key | default "POSTGRES_URL" | quote }}
{{- else if $secret.name }}
{{- $keys := dict "PGUSER" $secret.userKey "PGPASSWORD" $secret.passwordKey "PGDATABASE" (ternary "" $secret.databaseKey (not (empty $parts.database))) }}
{{- $host := $direct.host | default $parts.host }}
{{- $port := $direct.port | default $parts.port | default (ternary "" 5432 (not (empty $secret.portKey))) }}
{{- if not $host }}{{- $_ := set $keys "PGHOST" $secret.hostKey }}{{- $host = "$(PGHOST)" }}{{- end }}
{{- if not $port }}{{- $_ := set $keys "PGPORT" $secret.portKey }}{{- $port = "$(PGPORT)" }}{{- end }}
{{- range $name, $key := $keys }}
{{- with $key }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef:
      name: {{ $secret.name | quote }}
      key: {{ . | quote }}
{{- end }}
{{- end }}
{{- $query := list }}
{{- $authority := include "oceans-llm.databaseAuthority" .root }}
{{- with $parts.sslMode | default (ternary "verify-full" "" (ne $authority "")) }}{{- $query = append $query (printf "sslmode=%s" .) }}{{- end }}
{{- if $authority }}{{- $query = append $query "sslrootcert=/etc/oceans-llm/database-ca/ca.crt" }}{{- end }}
- name: POSTGRES_URL
  value: {{ printf "postgresql://%s:%s/%s%s" (ternary (printf "[%s]" $host) $host (contains ":" $host)) (toString $port) ($parts.database | urlquery | replace "+" "%20") (ternary (printf "?%s" (join "&" $query)) "" (gt (len $query) 0)) | quote }}
{{- end }}
{{- end -}}

{{/* Source of the volume with the certificate of the database's authority, under the file name ca.crt; empty when there is none. */}}
{{- define "oceans-llm.databaseAuthority" -}}
{{- $ca := .Values.database.external.parts.ca -}}
{{- if and (eq .Values.database.mode "external") (or $ca.secretName $ca.configMapName) -}}
{{- $source := dict "items" (list (dict "key" ($ca.key | default "ca.crt") "path" "ca.crt")) -}}
{{- if $ca.secretName -}}
{{- dict "secret" (merge (dict "secretName" $ca.secretName) $source) | toYaml -}}
{{- else -}}
{{- dict "configMap" (merge (dict "name" $ca.configMapName) $source) | toYaml -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Everything in order: the chart's, required keys, observability.env, gateway.extraEnv. (dict "root" ROOT "direct" BOOL) */}}
{{- define "oceans-llm.env" -}}
{{- $root := .root -}}
{{ include "oceans-llm.chartEnv" . }}
{{- include "oceans-llm.requiredKeys" . }}
{{- range $entries := list $root.Values.observability.env $root.Values.gateway.extraEnv }}
{{- with $entries }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{- end -}}

{{/*
envFrom says nothing about a key that is missing. So what the configuration needs, and exactly one Secret is meant to hold, is
taken by key: kubelet then refuses to start the pod and names the key. Where two sources could hold it, envFrom decides.
*/}}
{{- define "oceans-llm.requiredKeys" -}}
{{- $root := .root -}}
{{- $set := include "oceans-llm.envNames" $root | fromJsonArray -}}
{{- $names := list -}}
{{- $seen := dict -}}
{{- include "oceans-llm.neededReferences" $root -}}
{{- range $root.Values._config.needed -}}
{{- if not (hasKey $seen .name) -}}
{{- $_ := set $seen .name true -}}
{{- $names = append $names .name -}}
{{- end -}}
{{- end -}}
{{- if and $root.Values.gateway.requireIdentityTokenSecret (not (hasKey $seen "GATEWAY_IDENTITY_TOKEN_SECRET")) -}}
{{- $names = append $names "GATEWAY_IDENTITY_TOKEN_SECRET" -}}
{{- end -}}
{{- range $name := $names -}}
{{- if not (has $name $set) -}}
{{- $source := include "oceans-llm.onlySource" (list $root $name) -}}
{{- if $source }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef:
      name: {{ $source | quote }}
      key: {{ $name }}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Names that env entries set, as a JSON list: the chart's and the user's. */}}
{{- define "oceans-llm.envNames" -}}
{{- $names := list -}}
{{- range concat (include "oceans-llm.chartEnv" (dict "root" .) | fromYamlArray) (.Values.observability.env | default list) (.Values.gateway.extraEnv | default list) -}}
{{- $names = append $names .name -}}
{{- end -}}
{{- $names | toJson -}}
{{- end -}}

{{/* Keys that the ExternalSecret is known to bring, as a JSON list. */}}
{{- define "oceans-llm.externalKeys" -}}
{{- $keys := list -}}
{{- if .Values.externalSecrets.enabled -}}
{{- range .Values.externalSecrets.data -}}
{{- $keys = append $keys .secretKey -}}
{{- end -}}
{{- end -}}
{{- $keys | toJson -}}
{{- end -}}

{{/* (list ROOT NAME): does any envFrom source provide the key, or could one whose keys a chart can't know? */}}
{{- define "oceans-llm.couldProvide" -}}
{{- $values := (index . 0).Values -}}
{{- $name := index . 1 -}}
{{- if or $values.secrets.existingSecret.name (hasKey ($values.secrets.inline | default dict) $name) $values.gateway.extraEnvFrom
      (and $values.externalSecrets.enabled $values.externalSecrets.dataFrom)
      (has $name (include "oceans-llm.externalKeys" (index . 0) | fromJsonArray)) -}}
true
{{- end -}}
{{- end -}}

{{/* (list ROOT NAME): the one Secret outside the chart that can hold the key; empty when there are none, or more. */}}
{{- define "oceans-llm.onlySource" -}}
{{- $root := index . 0 -}}
{{- $values := $root.Values -}}
{{- $name := index . 1 -}}
{{- $external := or (and $values.externalSecrets.enabled $values.externalSecrets.dataFrom) (has $name (include "oceans-llm.externalKeys" $root | fromJsonArray)) -}}
{{- if or $values.gateway.extraEnvFrom (hasKey ($values.secrets.inline | default dict) $name) -}}
{{- else if and $values.secrets.existingSecret.name (not $external) -}}
{{- $values.secrets.existingSecret.name -}}
{{- else if and $external (not $values.secrets.existingSecret.name) -}}
{{- include "oceans-llm.externalTarget" $root -}}
{{- end -}}
{{- end -}}

{{/* Sources in one order everywhere; a later one wins. (dict "root" ROOT "early" BOOL): early Jobs read the hook's copy. */}}
{{- define "oceans-llm.envFrom" -}}
{{- $root := .root -}}
{{- with $root.Values.secrets.existingSecret.name }}
- secretRef:
    name: {{ . | quote }}
{{- end }}
{{- if $root.Values.secrets.inline }}
- secretRef:
    name: {{ include "oceans-llm.object" (list $root (ternary "hook-env" "env" (default false .early))) }}
{{- end }}
{{- if $root.Values.externalSecrets.enabled }}
- secretRef:
    name: {{ include "oceans-llm.externalTarget" $root | quote }}
{{- end }}
{{- with $root.Values.gateway.extraEnvFrom }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* What the chart sets on the admin UI. */}}
{{- define "oceans-llm.adminUiEnv" -}}
- name: PORT
  value: {{ .Values.adminUi.containerPort | quote }}
- name: ADMIN_GATEWAY_ORIGIN
  value: {{ printf "http://%s:%d" (include "oceans-llm.object" (list . "gateway")) (int .Values.service.gateway.port) | quote }}
{{- end -}}

{{/* Data of the inline Secret, as YAML. */}}
{{- define "oceans-llm.inlineData" -}}
{{- $data := dict -}}
{{- range $key, $value := .Values.secrets.inline -}}
{{- $_ := set $data $key ($value | b64enc) -}}
{{- end -}}
{{- toYaml $data -}}
{{- end -}}

{{/*
The revision of the release in which the inline Secret last changed. It stands in an annotation of the gateway's pods, so a changed
Secret restarts them. A checksum there would let people who may read pods, but not Secrets, test guesses of a weak password. So the chart
compares with the live Secret, which has the revision in an annotation of its own: the comparison still works after an upgrade that
stopped between the Secret and the Deployment. `helm template` sees no cluster and always writes 1.
*/}}
{{- define "oceans-llm.inlineRevision" -}}
{{- $live := lookup "v1" "Secret" .Release.Namespace (include "oceans-llm.object" (list . "env")) | default dict -}}
{{- $revision := dig "metadata" "annotations" "oceans.llm/inline-secret-revision" "" $live -}}
{{- if and $revision (eq (toJson ($live.data | default dict)) (include "oceans-llm.inlineData" . | fromYaml | toJson)) -}}
{{- $revision -}}
{{- else -}}
{{- .Release.Revision -}}
{{- end -}}
{{- end -}}
