{{/*
The markets of all runs, each once, as a YAML map from a CronJob's name to the settings of the market and the days that
its longest run needs.
Takes: root.
*/}}
{{- define "lorentzian.markets" -}}
{{- $markets := dict -}}
{{- range .Values.runs -}}
{{- $settings := (include "lorentzian.fullRun" (dict "root" $ "run" .) | fromYaml).settings -}}
{{- $market := pick $settings "symbol" "interval" "context" "venue" "market" "features" -}}
{{- $suffix := list "features" (get $settings "symbol") (get $settings "interval") | compact | join "-" | lower -}}
{{- $others := pick $market "context" "venue" "market" "features" -}}
{{- if $others -}}
{{- $suffix = printf "%s-%s" $suffix ($others | toJson | sha256sum | trunc 6) -}}
{{- end -}}
{{- $days := max (get $settings "data-days" | int) (get (get $markets $suffix | default dict) "days" | default 0 | int) -}}
{{- $_ := set $markets $suffix (dict "settings" $market "days" $days) -}}
{{- end -}}
{{- toYaml $markets -}}
{{- end -}}
