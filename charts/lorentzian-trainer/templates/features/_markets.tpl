{{/*
The markets of all runs, each once, as a YAML map from what ends the names of its CronJobs (nothing: the program's own
market) to the settings of the market and the days that its longest run needs.
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
{{- $_ := set $markets $suffix (dict "settings" $settings "days" $days) -}}
{{- end -}}
{{- toYaml $markets -}}
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
