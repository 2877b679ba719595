{{/*
How long a gateway pod keeps serving after it was told to stop, as JSON:
  settle, settleWhy   seconds until everybody in front has forgotten the pod
  limit, limitWhy     seconds for the requests that are open then
  grace               seconds until Kubernetes kills the pod
  others              ports of servers that are no providers
  short               what may take longer than the limit; empty when nothing may
A number in the values wins over what is worked out here.
*/}}
{{- define "oceans-llm.drain" -}}
{{- $v := .Values -}}
{{- $drain := $v.gateway.drain -}}
{{- $settle := 5 -}}
{{- $settleWhy := "only the Service sends requests" -}}
{{- range $front := include "oceans-llm.fronts" . | fromJsonArray -}}
{{- if gt (int $front.seconds) $settle -}}
{{- $settle = int $front.seconds -}}
{{- $settleWhy = $front.what -}}
{{- end -}}
{{- end -}}
{{- $longest := 0 -}}
{{- $longestWhy := "no provider is configured" -}}
{{- $ports := dict -}}
{{- range $provider := $v.gateway.config.providers -}}
{{- if kindIs "map" $provider -}}
{{- $times := get $provider "timeouts" -}}
{{- $ms := 120000 -}}
{{- if kindIs "map" $times -}}{{- $ms = int64 (default 120000 $times.total_ms) -}}{{- end -}}
{{- $seconds := int (div (add $ms 999) 1000) -}}
{{- if gt $seconds $longest -}}
{{- $longest = $seconds -}}
{{- $longestWhy = printf "timeouts.total_ms of provider %v" (default "without id" $provider.id) -}}
{{- end -}}
{{- $_ := set $ports (include "oceans-llm.portOf" (list $provider.base_url "443")) true -}}
{{- end -}}
{{- end -}}
{{- $limit := ternary $longest 45 (gt $longest 0) -}}
{{- $limitWhy := $longestWhy -}}
{{- if gt $limit (int $drain.ceilingSeconds) -}}
{{- $limit = int $drain.ceilingSeconds -}}
{{- $limitWhy = "drain.ceilingSeconds" -}}
{{- end -}}
{{- if include "oceans-llm.isSet" $drain.settleSeconds -}}
{{- $settle = int $drain.settleSeconds -}}
{{- $settleWhy = "drain.settleSeconds" -}}
{{- end -}}
{{- if include "oceans-llm.isSet" $drain.timeoutSeconds -}}
{{- $limit = int $drain.timeoutSeconds -}}
{{- $limitWhy = "drain.timeoutSeconds" -}}
{{- end -}}
{{- $grace := add $settle $limit 10 -}}
{{- if include "oceans-llm.isSet" $v.gateway.terminationGracePeriodSeconds -}}{{- $grace = int $v.gateway.terminationGracePeriodSeconds -}}{{- end -}}
{{- $others := list "5432" (toString $v.service.adminUi.port) -}}
{{- range $name := list "otel_endpoint" "otel_metrics_endpoint" -}}
{{- with dig "server" $name "" $v.gateway.config -}}{{- $others = append $others (include "oceans-llm.portOf" (list . "4317")) -}}{{- end -}}
{{- end -}}
{{- $named := list -}}
{{- range $others | uniq -}}{{- if not (hasKey $ports .) -}}{{- $named = append $named . -}}{{- end -}}{{- end -}}
{{- $short := "" -}}
{{- if gt $longest $limit -}}{{- $short = printf "%s allows %d s" $longestWhy $longest -}}{{- end -}}
{{- dict "settle" $settle "settleWhy" $settleWhy "limit" $limit "limitWhy" $limitWhy "grace" $grace "others" $named "short" $short | toJson -}}
{{- end -}}

{{/* One sentence of it, for people. */}}
{{- define "oceans-llm.drainSentence" -}}
{{- $drain := include "oceans-llm.drain" . | fromJson -}}
{{- printf "a stopping gateway pod answers requests for %d s (%s), then until no request is open, at most %d s (%s)" (int $drain.settle) $drain.settleWhy (int $drain.limit) $drain.limitWhy -}}
{{- with $drain.short }}{{ printf "; %s for an answer, but a stopping pod waits at most %d s, so longer answers are cut" . (int $drain.limit) }}{{ end -}}
{{- end -}}

{{/*
Who sends requests to the pods, and how long it needs to forget one: [{seconds, what}]. kube-proxy needs a second or two, a controller of
Ingresses or routes writes a configuration first, and a cloud takes the pod or its node out of a list of targets. A target group of AWS
keeps the connections of a target for its deregistration delay.
*/}}
{{- define "oceans-llm.fronts" -}}
{{- $v := .Values -}}
{{- $fronts := list -}}
{{- if $v.ingress.enabled -}}{{- $fronts = append $fronts (dict "seconds" 10 "what" "an Ingress sends requests") -}}{{- end -}}
{{- if $v.httpRoute.enabled -}}{{- $fronts = append $fronts (dict "seconds" 10 "what" "an HTTPRoute sends requests") -}}{{- end -}}
{{- if $v.route.enabled -}}{{- $fronts = append $fronts (dict "seconds" 10 "what" "a Route sends requests") -}}{{- end -}}
{{- if eq $v.service.gateway.type "LoadBalancer" -}}{{- $fronts = append $fronts (dict "seconds" 15 "what" "the Service is of type LoadBalancer") -}}{{- end -}}
{{- $annotated := dict "the Service" $v.service.gateway.annotations "the Ingress" (ternary $v.ingress.annotations dict $v.ingress.enabled) -}}
{{- if and $v.ingress.enabled (eq (toString $v.ingress.className) "alb") -}}{{- $fronts = append $fronts (dict "seconds" 30 "what" "the Ingress is of class alb") -}}{{- end -}}
{{- range $whose, $annotations := $annotated -}}
{{- range $name, $text := $annotations -}}
{{- if or (hasPrefix "alb.ingress.kubernetes.io/" $name) (eq $name "cloud.google.com/neg") -}}
{{- $fronts = append $fronts (dict "seconds" 30 "what" (printf "%s has the annotation %s" $whose $name)) -}}
{{- end -}}
{{- if hasSuffix "target-group-attributes" $name -}}
{{- $delay := regexFind "deregistration_delay.timeout_seconds *= *[0-9]+" (toString $text) | regexFind "[0-9]+$" -}}
{{- if $delay -}}
{{- $fronts = append $fronts (dict "seconds" (min 300 (int $delay)) "what" (printf "deregistration_delay.timeout_seconds in the annotations of %s" $whose)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $fronts -}}
{{- end -}}

{{/* A number, 0 among them; empty text and null are none. */}}
{{- define "oceans-llm.isSet" -}}
{{- if not (or (kindIs "invalid" .) (eq (toString .) "")) -}}yes{{- end -}}
{{- end -}}

{{/* (list URL DEFAULT): the port of a URL. */}}
{{- define "oceans-llm.portOf" -}}
{{- $url := index . 0 | toString -}}
{{- $found := regexFind "^[a-z]+://[^/?]*:[0-9]+" $url | regexFind "[0-9]+$" -}}
{{- if $found -}}{{ $found }}{{- else if hasPrefix "http://" $url -}}{{ ternary "80" (index . 1) (eq (index . 1) "443") }}{{- else -}}{{ index . 1 }}{{- end -}}
{{- end -}}
