{{/* SPDX-License-Identifier: GPL-3.0-or-later */}}
{{/*
Objects of the user's. readExtra renders .Values.extraObjects once and leaves .Values._extra:
  objects    (number -> object)
  secrets    (number -> path, reason): texts that look like secrets. Names of keys do not count here: other objects have many with "key" in them
*/}}
{{- define "oceans-llm.readExtra" -}}
{{- if not (hasKey .Values "_extra") -}}
{{- $found := dict "objects" dict "references" dict "secrets" dict "byKey" false "words" list -}}
{{- $_ := set .Values "_extra" $found -}}
{{- $root := . -}}
{{- range $index, $object := .Values.extraObjects -}}
{{- $text := tpl (ternary $object (toYaml $object) (kindIs "string" $object)) $root -}}
{{- $parsed := fromYaml $text -}}
{{- /* fromYaml reads the first document only: a second one would be lost. */ -}}
{{- $bare := regexReplaceAll "(?m)^#.*$" $text "" | trim | trimPrefix "---" | trimSuffix "---" -}}
{{- if or (hasKey $parsed "Error") (regexMatch "(?m)^---" $bare) -}}{{- $parsed = dict -}}{{- end -}}
{{- $_ := set $found.objects (printf "%04d" $index) $parsed -}}
{{- $path := printf "extraObjects[%d]" $index -}}
{{- if and (eq (toString $parsed.kind) "Secret") (or $parsed.data $parsed.stringData) -}}
{{- $_ := set $found.secrets (len $found.secrets | printf "%08d") (dict "path" $path "reason" "is a Secret with values in it") -}}
{{- else -}}
{{- $_ := set $found "words" (include "oceans-llm.words" $parsed | fromJsonArray) -}}
{{- include "oceans-llm.walk" (dict "value" $parsed "path" $path "key" "" "off" false "found" $found) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
