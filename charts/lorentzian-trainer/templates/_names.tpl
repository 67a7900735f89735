{{/*
The name of an object: release, chart and suffix, in at most `max` characters. A longer name is cut, and ends in eight
characters made from all of it, so that no two are alike. A dot of the release's name would be refused in a Service's.
Takes: root, suffix (may be empty), max.
*/}}
{{- define "lorentzian.named" -}}
{{- $chart := default .root.Chart.Name .root.Values.nameOverride -}}
{{- $base := ternary .root.Release.Name (printf "%s-%s" .root.Release.Name $chart) (contains $chart .root.Release.Name) -}}
{{- $name := list (default $base .root.Values.fullnameOverride) .suffix | compact | join "-" | replace "." "-" -}}
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

{{/* Labels of an object, each key once. Takes: root, component, labels (more of them, or none). */}}
{{- define "lorentzian.labels" -}}
{{- $own := dict
  "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63)
  "app.kubernetes.io/version" .root.Chart.AppVersion
  "app.kubernetes.io/managed-by" .root.Release.Service
  "app.kubernetes.io/part-of" "lorentzian-trainer"
-}}
{{- $selector := include "lorentzian.selector" . | fromYaml -}}
{{- mergeOverwrite $own $selector (deepCopy (.root.Values.commonLabels | default dict)) (deepCopy (.labels | default dict)) | toYaml -}}
{{- end -}}

{{/* What all pods of the release are found by; never changes. Takes: root. */}}
{{- define "lorentzian.releaseSelector" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride | trunc 63 | trimSuffix "-" | quote }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
{{- end -}}

{{/* What pods of a component are found by; never changes. Takes: root, component. */}}
{{- define "lorentzian.selector" -}}
{{ include "lorentzian.releaseSelector" . }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* The service account of pods that train. Takes: root. */}}
{{- define "lorentzian.serviceAccount" -}}
{{- include "lorentzian.accountName" (dict "root" . "suffix" "" "account" .Values.serviceAccount) -}}
{{- end -}}

{{/* The service account of the dashboard. Takes: root. */}}
{{- define "lorentzian.dashboardAccount" -}}
{{- include "lorentzian.accountName" (dict "root" . "suffix" "dashboard" "account" .Values.dashboard.serviceAccount) -}}
{{- end -}}

{{/* An account that nobody makes is the namespace's own. Takes: root, suffix, account (as in the values). */}}
{{- define "lorentzian.accountName" -}}
{{- default (ternary (include "lorentzian.name" .) "default" .account.create) .account.name -}}
{{- end -}}

{{/* An image by tag or digest. Takes: root, image. */}}
{{- define "lorentzian.image" -}}
{{- $repository := list .root.Values.image.registry .image.repository | compact | join "/" -}}
{{- $tag := default .root.Chart.AppVersion .image.tag -}}
{{- printf "%s:%s" $repository $tag }}{{ with .image.digest }}@{{ . }}{{ end }}
{{- end -}}
