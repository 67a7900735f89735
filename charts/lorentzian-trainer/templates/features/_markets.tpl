{{/*
The markets of all runs, each once, as a YAML map from what ends the names of its CronJobs (nothing: the program's own
market) to the settings of the market, the days that its longest run needs, and the peers that a run learns from.
Takes: root.
*/}}
{{- define "lorentzian.markets" -}}
{{- $markets := dict -}}
{{- range .Values.runs -}}
{{- $run := include "lorentzian.fullRun" (dict "root" $ "run" .) | fromYaml -}}
{{- $suffix := include "lorentzian.marketSuffix" $run -}}
{{- $known := get $markets $suffix | default dict -}}
{{- $days := max (get $run.settings "data-days" | int) (get $known "days" | default 0 | int) -}}
{{- $settings := pick $run.settings "symbol" "interval" "context" "venue" "market" "features" -}}
{{- $peers := include "lorentzian.peers" $run | fromYamlArray | default $known.peers -}}
{{- $_ := set $markets $suffix (dict "settings" $settings "days" $days "peers" $peers) -}}
{{- end -}}
{{- toYaml $markets -}}
{{- end -}}

{{/*
The markets that a run with `transfer` also learns from, as a YAML list of symbol and context: one that is named in the
run's context changes places with the run's own, as in the program, whose defaults stand here too.
Takes: a run as of `lorentzian.fullRun`.
*/}}
{{- define "lorentzian.peers" -}}
{{- $symbol := get .settings "symbol" | default "SOLUSDT" -}}
{{- $context := ternary (get .settings "context") "BTCUSDT,ETHUSDT" (hasKey .settings "context") -}}
{{- if not (kindIs "slice" $context) }}{{ $context = $context | replace " " "" | splitList "," }}{{ end -}}
{{- $context = without ($context | uniq | compact) $symbol -}}
{{- $peers := list -}}
{{- if has (get .settings "transfer") (list "" "none") }}{{ $context = list }}
{{- else if not $context }}{{ fail (printf "runs: %s is to learn from the markets of its context, which is empty." .name) }}{{ end -}}
{{- range $peer := $context -}}
{{- $places := list -}}
{{- range $context }}{{ $places = append $places (ternary $symbol . (eq . $peer)) }}{{ end -}}
{{- $peers = append $peers (dict "symbol" $peer "context" (join "," $places)) -}}
{{- end -}}
{{- toYaml $peers -}}
{{- end -}}

{{/*
The containers that compute the rows of a market's peers, in a YAML list. They run before the market's own rows are there,
which the windows wait for. Takes: market.
*/}}
{{- define "lorentzian.computingPeers" -}}
{{- $containers := list -}}
{{- range .peers -}}
{{- $args := list "features" "--symbol" .symbol "--context" .context -}}
{{- $containers = append $containers (dict "name" (printf "peer-%s" (lower .symbol)) "args" $args) -}}
{{- end -}}
{{- toYaml $containers -}}
{{- end -}}

{{/* What the names of a market's CronJobs end with. Takes: a run as of `lorentzian.fullRun`. */}}
{{- define "lorentzian.marketSuffix" -}}
{{- $others := pick .settings "context" "venue" "market" "features" -}}
{{- $told := ternary ($others | toJson | sha256sum | trunc 6) "" (not (empty $others)) -}}
{{- list (get .settings "symbol") (get .settings "interval") $told | compact | join "-" | lower -}}
{{- end -}}

{{/* The variables of a pod that works for one market, and may write to the database. Takes: root, market. */}}
{{- define "lorentzian.marketVariables" -}}
{{- $settings := merge .market.settings (include "lorentzian.outputSettings" .root | fromYaml) -}}
{{- include "lorentzian.measuredVariables" (dict "root" .root "settings" $settings "databaseSecret" .root.Values.features.databaseSecret) -}}
{{- end -}}

{{/* The container that fetches a market's klines, in a YAML list; nothing where others do. Takes: root, market. */}}
{{- define "lorentzian.collecting" -}}
{{- $collect := .root.Values.features.collect -}}
{{- if $collect.enabled -}}
{{- $days := $collect.days | default (add .market.days 20 | min 10000) | int -}}
{{- list (dict "name" "collect" "args" (list "collect" "--days" ($days | toString) "--source" $collect.source)) | toYaml -}}
{{- end -}}
{{- end -}}
