{{/*
Settings by their names in a file become variables, as a YAML map of name and text.
`test-size` is a fraction to one command and days to the others, so its name says which.
Takes: a map of settings.
*/}}
{{- define "lorentzian.settingsVariables" -}}
{{- range $key, $value := . }}
{{- $name := ternary "walkforward-test-size" $key (eq $key "test-size") }}
{{- if kindIs "slice" $value }}{{ $value = join "," $value }}{{ end }}
{{- /* Every number of a values file is a float to the template: 1000000 must not become 1e+06. */}}
{{- if kindIs "float64" $value }}{{ if eq $value (floor $value) }}{{ $value = int64 $value }}{{ end }}{{ end }}
{{ printf "LORENTZIAN_%s" ($name | replace "-" "_" | upper) }}: {{ $value | toString | quote }}
{{- end }}
{{- end -}}

{{/* How the store is reached. Takes: root, secret (name of the Secret with its keys; may be empty). */}}
{{- define "lorentzian.storeVariables" -}}
{{- with .root.Values.store }}
LORENTZIAN_SAVE_PATH: {{ .savePath | quote }}
AWS_REGION: {{ .region | quote }}
{{- with .ledger }}
LORENTZIAN_LEDGER: {{ . | quote }}
{{- end }}
{{- with .endpointUrl }}
AWS_ENDPOINT_URL_S3: {{ . | quote }}
{{- end }}
{{- if $.secret }}
AWS_ACCESS_KEY_ID: {{ include "lorentzian.secretKey" (list $.secret .accessKeyIdKey) }}
AWS_SECRET_ACCESS_KEY: {{ include "lorentzian.secretKey" (list $.secret .secretAccessKeyKey) }}
{{- if .sessionTokenKey }}
AWS_SESSION_TOKEN: {{ include "lorentzian.secretKey" (list $.secret .sessionTokenKey) }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The port that the store's address leads to. Takes: root. */}}
{{- define "lorentzian.storePort" -}}
{{- $url := .Values.store.endpointUrl -}}
{{- $said := regexFind ":[0-9]+/?$" $url | trimAll ":/" -}}
{{- default (ternary "80" "443" (hasPrefix "http://" $url)) $said -}}
{{- end -}}

{{/* How the database is reached. Takes: root. */}}
{{- define "lorentzian.databaseVariables" -}}
{{- with .Values.database }}
{{- if .host }}
PGHOST: {{ .host | quote }}
PGPORT: {{ .port | toString | quote }}
PGDATABASE: {{ .name | quote }}
PGUSER: {{ .user | quote }}
PGPASSWORD: {{ include "lorentzian.secretKey" (list .existingSecret .passwordKey) }}
{{- else }}
DATABASE_URL: {{ include "lorentzian.secretKey" (list .existingSecret .urlKey) }}
{{- end }}
{{- with .sslMode }}
PGSSLMODE: {{ . | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/*
A reference to a key of a Secret, as JSON. Optional, so that the program starts and says what is missing, which a pod
that cannot start would not.
Takes: a list of Secret and key.
*/}}
{{- define "lorentzian.secretKey" -}}
{{- dict "secretKeyRef" (dict "name" (index . 0) "key" (index . 1) "optional" true) | dict "valueFrom" | toJson -}}
{{- end -}}

{{/*
The variables of a pod that trains, collects or waits, as a YAML map.
Takes: root, settings, more (a map, over all else).
*/}}
{{- define "lorentzian.variables" -}}
{{- $store := include "lorentzian.storeVariables" (dict "root" .root "secret" .root.Values.store.existingSecret) | fromYaml -}}
{{- $database := include "lorentzian.databaseVariables" .root | fromYaml -}}
{{- $settings := include "lorentzian.settingsVariables" .settings | fromYaml -}}
{{- merge (.more | default dict) $settings $store $database | toYaml -}}
{{- end -}}

{{/*
A map of variables as Kubernetes' list, followed by `extraEnv`. A name that comes twice would be refused by the server,
hours later and without the reason: it is refused here.
Takes: root, variables.
*/}}
{{- define "lorentzian.env" -}}
{{- range $name, $value := .variables }}
- name: {{ $name }}
  {{- if kindIs "map" $value }}
  {{- toYaml $value | nindent 2 }}
  {{- else }}
  value: {{ $value | quote }}
  {{- end }}
{{- end }}
{{- $names := dict }}
{{- range .root.Values.extraEnv }}
{{- if hasKey $names .name }}{{ fail (printf "extraEnv sets %s twice." .name) }}{{ end }}
{{- $_ := set $names .name true }}
{{- if hasKey $.variables .name }}
{{- fail (printf "extraEnv sets %s, which the chart sets too: use settings, store or database for it." .name) }}
{{- end }}
- {{ toYaml . | nindent 2 | trim }}
{{- end }}
{{- end -}}
