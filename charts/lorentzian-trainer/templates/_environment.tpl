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

{{/* Of everybody's settings, how the program speaks and how long it waits for a database. Takes: root. */}}
{{- define "lorentzian.outputSettings" -}}
{{- pick .Values.settings "log-format" "verbose" "quiet" "debug" "database-retry-seconds" | toYaml -}}
{{- end -}}

{{/* How the store is reached. Takes: root, secret (name of the Secret with its keys; may be empty). */}}
{{- define "lorentzian.storeVariables" -}}
{{- with .root.Values.store }}
LORENTZIAN_SAVE_PATH: {{ .savePath | default "" | quote }}
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
{{- if or .caBundle.configMap .caBundle.secret }}
AWS_CA_BUNDLE: /etc/lorentzian/store-authority/{{ .caBundle.key }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The port that an address leads to; where there is none, that of HTTPS. Takes: the address. */}}
{{- define "lorentzian.portOf" -}}
{{- $address := . | default "" -}}
{{- $said := regexFind ":[0-9]+(/|$)" $address | trimAll ":/" -}}
{{- default (ternary "80" "443" (hasPrefix "http://" $address)) $said -}}
{{- end -}}

{{/* How the database is reached. Takes: root, secret (name of the Secret with the connection or the password). */}}
{{- define "lorentzian.databaseVariables" -}}
{{- $secret := .secret }}
{{- with .root.Values.database }}
{{- if .host }}
PGHOST: {{ .host | quote }}
PGPORT: {{ .port | toString | quote }}
PGDATABASE: {{ .name | quote }}
{{- if .userKey }}
PGUSER: {{ include "lorentzian.secretKey" (list $secret .userKey) }}
{{- else }}
PGUSER: {{ .user | quote }}
{{- end }}
PGPASSWORD: {{ include "lorentzian.secretKey" (list $secret .passwordKey) }}
{{- else }}
DATABASE_URL: {{ include "lorentzian.secretKey" (list $secret .urlKey) }}
{{- end }}
{{- $hasAuthority := or .caBundle.configMap .caBundle.secret }}
{{- with .sslMode | default (ternary "verify-full" "" (not (empty $hasAuthority))) }}
PGSSLMODE: {{ . | quote }}
{{- end }}
{{- if $hasAuthority }}
PGSSLROOTCERT: /etc/lorentzian/database-authority/{{ .caBundle.key }}
{{- end }}
{{- end }}
{{- end -}}

{{/* What pods that work are told of who counts what they do. Takes: root. */}}
{{- define "lorentzian.metricsVariables" -}}
{{- with .Values.monitoring }}
{{- if .podMonitor.enabled }}
LORENTZIAN_METRICS_PORT: "8052"
{{- end }}
{{- with .pushgateway.url }}
LORENTZIAN_METRICS_PUSH: {{ . | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/*
Certificates of private authorities, as a YAML map from a volume's name to what it is made from. Optional, like Secrets.
Takes: root, component (the dashboard has nothing to do with the database).
*/}}
{{- define "lorentzian.authorities" -}}
{{- $bundles := dict "store-authority" .root.Values.store.caBundle }}
{{- if ne .component "dashboard" }}
{{- $_ := set $bundles "database-authority" .root.Values.database.caBundle }}
{{- end }}
{{- range $name, $bundle := $bundles }}
{{- if $bundle.secret }}
{{ $name }}: {secret: {secretName: {{ $bundle.secret | quote }}, optional: true}}
{{- else if $bundle.configMap }}
{{ $name }}: {configMap: {name: {{ $bundle.configMap | quote }}, optional: true}}
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
Takes: root, settings, databaseSecret (empty: everybody's), more (a map, over all else).
*/}}
{{- define "lorentzian.variables" -}}
{{- $store := include "lorentzian.storeVariables" (dict "root" .root "secret" .root.Values.store.existingSecret) | fromYaml -}}
{{- $secret := .databaseSecret | default .root.Values.database.existingSecret -}}
{{- $database := include "lorentzian.databaseVariables" (dict "root" .root "secret" $secret) | fromYaml -}}
{{- $settings := include "lorentzian.settingsVariables" .settings | fromYaml -}}
{{- merge (.more | default dict) $settings $store $database | toYaml -}}
{{- end -}}

{{/* The same, for a pod whose work is measured. Takes: as `lorentzian.variables`. */}}
{{- define "lorentzian.measuredVariables" -}}
{{- merge (include "lorentzian.variables" . | fromYaml) (include "lorentzian.metricsVariables" .root | fromYaml) | toYaml -}}
{{- end -}}

{{/* The variables of a pod that reads and writes the store, and no database. Takes: root, settings, secret (keys of its own, or none). */}}
{{- define "lorentzian.storedVariables" -}}
{{- $secret := default .root.Values.store.existingSecret .secret -}}
{{- $store := include "lorentzian.storeVariables" (dict "root" .root "secret" $secret) | fromYaml -}}
{{- merge (include "lorentzian.settingsVariables" .settings | fromYaml) $store | toYaml -}}
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
