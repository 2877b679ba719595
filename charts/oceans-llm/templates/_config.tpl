{{/*
Reading gateway.config: which environment it needs, and what in it must not be in a ConfigMap. The typed map is walked; the
text is never searched, so `literal.` in the middle of a sentence is a sentence, and a pasted token is found under any key.
*/}}

{{/*
(dict "value" ANY "path" PATH "key" LAST-KEY "off" BOOL "found" DICT): fills found.references (name, path of each env.NAME that
is not inside a map with `enabled: false`) and found.secrets (path, reason). Values of secrets are never kept.
*/}}
{{- define "oceans-llm.walk" -}}
{{- $found := .found -}}
{{- $path := .path -}}
{{- $off := .off -}}
{{- if kindIs "map" .value -}}
{{- if and (hasKey .value "enabled") (eq (toString (get .value "enabled")) "false") -}}{{- $off = true -}}{{- end -}}
{{- range $key, $value := .value -}}
{{- include "oceans-llm.walk" (dict "value" $value "path" (printf "%s.%s" $path $key) "key" $key "off" $off "found" $found) -}}
{{- end -}}
{{- else if kindIs "slice" .value -}}
{{- $key := .key -}}
{{- range $index, $value := .value -}}
{{- include "oceans-llm.walk" (dict "value" $value "path" (printf "%s[%d]" $path $index) "key" $key "off" $off "found" $found) -}}
{{- end -}}
{{- else if kindIs "string" .value -}}
{{- if hasPrefix "env." .value -}}
{{- if not $off -}}
{{- $_ := set $found "references" (append $found.references (dict "name" (trimPrefix "env." .value) "path" $path)) -}}
{{- end -}}
{{- else -}}
{{- $reason := include "oceans-llm.secretReason" (dict "value" .value "path" $path "key" .key) -}}
{{- if $reason -}}
{{- $_ := set $found "secrets" (append $found.secrets (dict "path" $path "reason" $reason)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What about a string looks like a secret, as the end of a sentence; empty when nothing does. */}}
{{- define "oceans-llm.secretReason" -}}
{{- $value := .value -}}
{{- $bare := trimPrefix "gateway.config." .path -}}
{{- if hasPrefix "literal." $value -}}
is a literal.* reference
{{- else if regexMatch "^\\s*(sk-|sk_live_|sk_test_|rk_live_)[A-Za-z0-9_-]*[0-9][A-Za-z0-9_-]*\\s*$" $value -}}
looks like an API key (sk-...)
{{- else if regexMatch "^\\s*(gwk_|gh[opsur]_|github_pat_|glpat-|hf_|gsk_|nvapi-|xai-|xox[abeprs]-|r8_|pplx-|dop_v1_|npm_|pypi-)[A-Za-z0-9._-]{8,}" $value -}}
looks like an access token
{{- else if regexMatch "^\\s*((AKIA|ASIA)[A-Z0-9]{12,}|AIza[A-Za-z0-9_-]{20,}|ya29\\.[A-Za-z0-9._-]{10,})" $value -}}
looks like a cloud provider's key
{{- else if regexMatch "^\\s*eyJ[A-Za-z0-9_-]{8,}\\.[A-Za-z0-9_-]{8,}\\." $value -}}
is a JSON Web Token
{{- else if regexMatch "-----BEGIN [A-Z ]*PRIVATE KEY" $value -}}
holds a private key
{{- else if regexMatch "^\\s*(?i:bearer)\\s+[A-Za-z0-9._~+/=-]{6,}" $value -}}
is a bearer token
{{- else if regexMatch "^\\s*(?i:basic)\\s+[A-Za-z0-9+/]{8,}={0,2}\\s*$" $value -}}
holds HTTP basic credentials
{{- else if regexMatch "[A-Za-z][A-Za-z0-9+.-]*://[^/\\s:@]*:[^/\\s@]+@" $value -}}
holds a URL with a password in it
{{- else if regexMatch "^\\s*(postgres|postgresql|mysql|redis|rediss|amqp|amqps|mongodb|mongodb\\+srv)://[^\\s:@]*:\\S*@" $value -}}
holds a URL with a password in it
{{- else if regexMatch "[?&](?i:password|passwd|secret|token|api_?key|access_?key|sig)=[^&\\s]{4,}" $value -}}
holds a URL with a secret in its query
{{- else if regexMatch "^(database\\.url|auth\\.bootstrap_admin\\.password|auth\\.(oidc|oauth)\\.providers\\[\\d+\\]\\.client_secret|mcp\\.oauth\\.providers\\[\\d+\\]\\.client_secret|budget_alerts\\.email\\.transport\\.password|providers\\[\\d+\\]\\.auth\\.token|service_accounts\\[\\d+\\]\\.keys\\[\\d+\\]\\.value)$" $bare -}}
{{- if $value -}}
is plain text where only a secret reference works (the gateway would print it in its error)
{{- end -}}
{{- else if regexMatch "(?i)(^|_|-)(password|passwd|passphrase|secret|token|credential|credentials|authorization)$|(?i)(api|access|private|secret|encryption|signing)[_-]?key$" (toString .key) -}}
{{- if include "oceans-llm.looksRandom" $value -}}
is a field for a secret and holds something random
{{- end -}}
{{- end -}}
{{- end -}}

{{/* High entropy, as far as a template can tell: no blanks, 12 characters or more, letters and digits mixed, hardly any repeated. */}}
{{- define "oceans-llm.looksRandom" -}}
{{- if and (ge (len .) 12) (regexMatch "^[A-Za-z0-9+/=_.~!@#$%^&*-]+$" .) (regexMatch "[A-Za-z]" .) (regexMatch "[0-9]" .) (not (regexMatch "^[a-z]+://" .)) -}}
{{- $distinct := splitList "" . | uniq | len -}}
{{- if ge (mul $distinct 10) (mul (min (len .) 20) 5) -}}true{{- end -}}
{{- end -}}
{{- end -}}

{{/* What the walk over gateway.config finds, as JSON. */}}
{{- define "oceans-llm.configFindings" -}}
{{- $found := dict "references" list "secrets" list -}}
{{- include "oceans-llm.walk" (dict "value" .Values.gateway.config "path" "gateway.config" "key" "" "off" false "found" $found) -}}
{{- $found | toJson -}}
{{- end -}}

{{/*
References that the pods can't do without, as JSON. The bootstrap password and the service accounts' keys are read by their
Jobs only; without the Job nobody looks, and a user may have taken them out of the Secret.
*/}}
{{- define "oceans-llm.neededReferences" -}}
{{- $root := . -}}
{{- $needed := list -}}
{{- range (include "oceans-llm.configFindings" . | fromJson).references -}}
{{- if hasPrefix "gateway.config.auth.bootstrap_admin." .path -}}
{{- if $root.Values.bootstrapAdminJob.enabled -}}{{- $needed = append $needed . -}}{{- end -}}
{{- else if hasPrefix "gateway.config.service_accounts[" .path -}}
{{- if $root.Values.seedConfigJob.enabled -}}{{- $needed = append $needed . -}}{{- end -}}
{{- else -}}
{{- $needed = append $needed . -}}
{{- end -}}
{{- end -}}
{{- dict "references" $needed | toJson -}}
{{- end -}}

{{/* gateway.yaml itself. */}}
{{- define "oceans-llm.gatewayYaml" -}}
{{- .Values.gateway.config | toYaml -}}
{{- end -}}
