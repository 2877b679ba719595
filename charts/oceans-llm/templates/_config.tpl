{{/* SPDX-License-Identifier: GPL-3.0-or-later */}}
{{/*
Reading gateway.config: which environment it needs, and what in it must not be in a ConfigMap. The typed map is walked; the
text is never searched, so `literal.` in the middle of a sentence is a sentence, and a pasted token is found under any key.
*/}}

{{/*
Reads gateway.config once in a render and leaves what it finds in .Values._config, which all templates of the chart share:
  references  (number -> name, path): each env.NAME that is not inside a map with `enabled: false`
  secrets     (number -> path, reason, strict): each text that looks like a secret, or that the gateway would refuse in its place; values
              of secrets are never kept
  yaml        the text of gateway.yaml
Maps with numbers as keys, because each append to a list copies the list.
*/}}
{{- define "oceans-llm.readConfig" -}}
{{- if not (hasKey .Values "_config") -}}
{{- $found := dict "references" dict "secrets" dict "byKey" true "words" (include "oceans-llm.words" .Values.gateway.config | fromJsonArray) -}}
{{- $_ := set .Values "_config" $found -}}
{{- range $key, $value := .Values.gateway.config -}}
{{- include "oceans-llm.walk" (dict "value" $value "path" (printf "gateway.config.%s" $key) "key" $key "off" false "found" $found) -}}
{{- end -}}
{{- $_ := set $found "yaml" (.Values.gateway.config | toYaml) -}}
{{- end -}}
{{- end -}}

{{/*
Words, one of which stands in the JSON text (in lower case) of every map, list and text in which walk can find something. A search for
words costs a tenth of the regular expressions, which a template compiles at each use, and thousands of models have none of these words.
Given what will be walked, only the words that stand somewhere in it. tests/test_config_walk.py holds the list against secretReason.
*/}}
{{- define "oceans-llm.words" -}}
{{- $text := toJson . | lower -}}
{{- $words := list -}}
{{- range list `"env.` `"literal.` `sk-` `sk_` `rk_live_` `gwk_` `gho_` `ghp_` `ghs_` `ghu_` `ghr_` `github_pat_` `glpat-` `hf_` `gsk_` `nvapi-` `xai-` `xox` `r8_`
  `pplx-` `dop_v1_` `npm_` `pypi-` `akia` `asia` `aiza` `ya29.` `eyj` `bearer` `basic` `private key` `://` `password=` `passwd=` `secret=` `token=` `key=` `sig=`
  `password":` `passwd":` `passphrase":` `secret":` `token":` `credential":` `credentials":` `authorization":` `key":` `key_id":`
  `"url":` `"public_base_url":` `"username":` `"client_id":` `"value":` -}}
{{- if contains . $text -}}{{- $words = append $words . -}}{{- end -}}
{{- end -}}
{{- toJson $words -}}
{{- end -}}

{{/* (dict "value" ANY "path" PATH "key" LAST-KEY "off" BOOL "found" DICT) */}}
{{- define "oceans-llm.walk" -}}
{{- $found := .found -}}
{{- $path := .path -}}
{{- $key := .key -}}
{{- $off := .off -}}
{{- if and (kindIs "string" .value) (hasPrefix "env." .value) -}}
{{- if not $off -}}
{{- $_ := set $found.references (len $found.references | printf "%08d") (dict "name" (trimPrefix "env." .value) "path" $path) -}}
{{- end -}}
{{- else if or (kindIs "string" .value) (kindIs "map" .value) (kindIs "slice" .value) -}}
{{- $text := dict $key .value | toJson | lower -}}
{{- $matters := false -}}
{{- range $found.words -}}{{- if contains . $text -}}{{- $matters = true -}}{{- break -}}{{- end -}}{{- end -}}
{{- if not $matters -}}
{{- else if kindIs "map" .value -}}
{{- if and (hasKey .value "enabled") (eq (toString (get .value "enabled")) "false") -}}{{- $off = true -}}{{- end -}}
{{- range $name, $value := .value -}}
{{- include "oceans-llm.walk" (dict "value" $value "path" (printf "%s.%s" $path $name) "key" $name "off" $off "found" $found) -}}
{{- end -}}
{{- else if kindIs "slice" .value -}}
{{- range $index, $value := .value -}}
{{- include "oceans-llm.walk" (dict "value" $value "path" (printf "%s[%d]" $path $index) "key" $key "off" $off "found" $found) -}}
{{- end -}}
{{- else -}}
{{- $strict := and .value (not (hasPrefix "literal." .value)) (include "oceans-llm.isStrict" (dict "path" $path "off" $off)) | empty | not -}}
{{- with include "oceans-llm.secretReason" (dict "value" .value "key" (ternary $key "" $found.byKey) "strict" $strict) -}}
{{- $_ := set $found.secrets (len $found.secrets | printf "%08d") (dict "path" $path "reason" . "strict" $strict) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
(dict "value" TEXT "key" KEY "strict" BOOL): what about the text looks like a secret, as the end of a sentence; empty when nothing does.
The private_key of a provider may be the path of a file.
*/}}
{{- define "oceans-llm.secretReason" -}}
{{- $value := .value -}}
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
{{- else if .strict -}}
holds plain text where the gateway takes only a reference
{{- else if regexMatch "(?i)(^|_|-)(password|passwd|passphrase|secret|token|credential|credentials|authorization)$|(?i)(api|access|private|secret|encryption|signing)[_-]?key$" (toString .key) -}}
{{- if and (include "oceans-llm.looksRandom" $value) (not (and (eq .key "private_key") (regexMatch "^[.]{0,2}/\\S+$|^\\S+[.](pem|key|json)$" $value))) -}}
is a field for a secret and holds something random
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
(dict "path" PATH "off" BOOL): is it a field in which the gateway resolves nothing but env.NAME and literal.TEXT, and stops at plain text?
The last three hold no secret: in a part that is switched off they do no harm.
*/}}
{{- define "oceans-llm.isStrict" -}}
{{- $bare := trimPrefix "gateway.config." .path -}}
{{- if regexMatch `^(database\.url|auth\.bootstrap_admin\.password|auth\.(oidc|oauth)\.providers\[\d+\]\.client_secret|mcp\.oauth\.providers\[\d+\]\.client_secret|budget_alerts\.email\.transport\.password|providers\[\d+\]\.auth\.(token|access_key_id|secret_access_key|session_token)|service_accounts\[\d+\]\.keys\[\d+\]\.value)$` $bare -}}true
{{- else if and (not .off) (regexMatch `^(auth\.(oidc|oauth)\.public_base_url|mcp\.oauth\.providers\[\d+\]\.client_id|budget_alerts\.email\.transport\.username)$` $bare) -}}true
{{- end -}}
{{- end -}}

{{/* High entropy, as far as a template can tell: no blanks, 12 characters or more, letters and digits mixed, hardly any repeated. */}}
{{- define "oceans-llm.looksRandom" -}}
{{- if and (ge (len .) 12) (regexMatch "^[A-Za-z0-9+/=_.~!@#$%^&*-]+$" .) (regexMatch "[A-Za-z]" .) (regexMatch "[0-9]" .) (not (regexMatch "^[a-z]+://" .)) -}}
{{- $distinct := splitList "" . | uniq | len -}}
{{- if ge (mul $distinct 10) (mul (min (len .) 20) 5) -}}true{{- end -}}
{{- end -}}
{{- end -}}

{{/*
Names of variables that the pods need, each once, in .Values._config.needed (number -> name, path). The bootstrap password and the
service accounts' keys are read by their Jobs only; without the Job nothing reads them, and a user may have removed them from the Secret.
*/}}
{{- define "oceans-llm.neededReferences" -}}
{{- include "oceans-llm.readConfig" . -}}
{{- if not (hasKey .Values._config "needed") -}}
{{- $needed := dict -}}
{{- $root := . -}}
{{- range $number, $reference := .Values._config.references -}}
{{- $job := true -}}
{{- if hasPrefix "gateway.config.auth.bootstrap_admin." .path -}}{{- $job = $root.Values.bootstrapAdminJob.enabled -}}
{{- else if hasPrefix "gateway.config.service_accounts[" .path -}}{{- $job = $root.Values.seedConfigJob.enabled -}}
{{- end -}}
{{- if $job -}}{{- $_ := set $needed $number $reference -}}{{- end -}}
{{- end -}}
{{- $_ := set .Values._config "needed" $needed -}}
{{- end -}}
{{- end -}}

{{/* gateway.yaml itself. */}}
{{- define "oceans-llm.gatewayYaml" -}}
{{- include "oceans-llm.readConfig" . -}}
{{- .Values._config.yaml -}}
{{- end -}}
