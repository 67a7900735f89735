{{/*
The name of an object: release, chart and suffix, in at most `max` characters. A longer name is cut, and ends in eight
characters made from all of it, so that no two are alike.
Takes: root, suffix (may be empty), max.
*/}}
{{- define "lorentzian.named" -}}
{{- $chart := default .root.Chart.Name .root.Values.nameOverride -}}
{{- $base := ternary .root.Release.Name (printf "%s-%s" .root.Release.Name $chart) (contains $chart .root.Release.Name) -}}
{{- $name := list (default $base .root.Values.fullnameOverride) .suffix | compact | join "-" -}}
{{- if gt (len $name) (int .max) -}}
{{- $name = printf "%s-%s" ($name | trunc (sub .max 9 | int) | trimSuffix "-") ($name | sha256sum | trunc 8) -}}
{{- end -}}
{{- $name -}}
{{- end -}}

{{/* The name of a CronJob, which may have 52 characters. Takes: root, suffix. */}}
{{- define "lorentzian.cronName" -}}
{{- include "lorentzian.named" (dict "root" .root "suffix" .suffix "max" 52) -}}
{{- end -}}

{{/*
The name of a run's CronJob. Its Jobs are called after it, with ten characters more, and their pods after these with
the number of a window: together at most 63, or the server refuses the Job.
Takes: root, run.
*/}}
{{- define "lorentzian.runName" -}}
{{- include "lorentzian.named" (dict "root" .root "suffix" .run.name "max" 48) -}}
{{- end -}}

{{/* The name of anything else. Takes: root, suffix. */}}
{{- define "lorentzian.name" -}}
{{- include "lorentzian.named" (dict "root" .root "suffix" .suffix "max" 63) -}}
{{- end -}}

{{/* Labels of an object. Takes: root, component. */}}
{{- define "lorentzian.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: lorentzian-trainer
{{ include "lorentzian.selector" . }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* What pods of a component are found by; never changes. Takes: root, component. */}}
{{- define "lorentzian.selector" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* The service account of pods that train. Takes: root. */}}
{{- define "lorentzian.serviceAccount" -}}
{{- default (include "lorentzian.name" (dict "root" . "suffix" "")) .Values.serviceAccount.name -}}
{{- end -}}

{{/* The service account of the dashboard. Takes: root. */}}
{{- define "lorentzian.dashboardAccount" -}}
{{- default (include "lorentzian.name" (dict "root" . "suffix" "dashboard")) .Values.dashboard.serviceAccount.name -}}
{{- end -}}

{{/* An image by tag or digest. Takes: root, image. */}}
{{- define "lorentzian.image" -}}
{{- $repository := list .root.Values.image.registry .image.repository | compact | join "/" -}}
{{- $tag := default .root.Chart.AppVersion .image.tag -}}
{{- printf "%s:%s" $repository $tag }}{{ with .image.digest }}@{{ . }}{{ end }}
{{- end -}}
