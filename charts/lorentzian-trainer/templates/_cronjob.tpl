{{/*
Refuses what no clock shows, which the server would do when half of the release is there. Takes: a schedule.
*/}}
{{- define "lorentzian.checkSchedule" -}}
{{- $fields := regexSplit " +" . -1 }}
{{- $most := dict "minute" (list 0 59) "hour" (list 0 23) "day" (list 1 31) "month" (list 1 12) "weekday" (list 0 6) }}
{{- $words := dict
  "month" (splitList " " "jan feb mar apr may jun jul aug sep oct nov dec")
  "weekday" (splitList " " "sun mon tue wed thu fri sat")
}}
{{- if eq (len $fields) 5 }}
{{- range $place, $field := list "minute" "hour" "day" "month" "weekday" }}
{{- $said := regexReplaceAll "/[0-9]+" (index $fields $place) "" }}
{{- $least := index (get $most $field) 0 }}{{ $last := index (get $most $field) 1 }}
{{- range regexFindAll "[0-9]+" $said -1 }}
{{- if or (lt (atoi .) $least) (gt (atoi .) $last) }}
{{- fail (printf "schedule %q: its %s is %s, but goes from %d to %d." $ $field . $least $last) }}
{{- end }}
{{- end }}
{{- range regexFindAll "[A-Za-z]+" $said -1 }}
{{- if not (has (lower .) (get $words $field | default list)) }}
{{- fail (printf "schedule %q: its %s cannot be called %s." $ $field .) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/*
When a CronJob makes Jobs, and how many of them are kept.
Takes: its values; what they do not say is as for all that are no training.
*/}}
{{- define "lorentzian.schedule" -}}
{{- $unsaid := dict "concurrencyPolicy" "Forbid" "successfulJobsHistoryLimit" 3 "failedJobsHistoryLimit" 3 -}}
{{- with mergeOverwrite $unsaid (deepCopy .) -}}
{{- include "lorentzian.checkSchedule" .schedule -}}
schedule: {{ .schedule | quote }}
timeZone: {{ .timeZone | quote }}
concurrencyPolicy: {{ .concurrencyPolicy }}
startingDeadlineSeconds: {{ .startingDeadlineSeconds | int64 }}
successfulJobsHistoryLimit: {{ .successfulJobsHistoryLimit | int64 }}
failedJobsHistoryLimit: {{ .failedJobsHistoryLimit | int64 }}
suspend: {{ .suspend }}
{{- end }}
{{- end -}}

{{/*
A CronJob whose Jobs have one pod: it waits for what it needs, and then works.
Takes: root, component, suffix (of its name), cron (its values: when, how long, resources), variables, needs, args, and
perhaps before (a list of name and args: containers that run between), wait, attempts.
*/}}
{{- define "lorentzian.cronJob" -}}
{{- $root := .root }}
{{- $scope := dict "root" $root "component" .component "pod" $root.Values.pod "variables" .variables }}
{{- $working := append (.before | default list) (dict "name" "trainer" "args" .args) }}
{{- $names := list }}
{{- range $working }}{{ $names = append $names .name }}{{ end }}
{{- $each := merge (dict "image" $root.Values.image "resources" .cron.resources) $scope }}
apiVersion: batch/v1
kind: CronJob
metadata:
  name: {{ include "lorentzian.cronName" (dict "root" $root "suffix" .suffix) }}
  namespace: {{ $root.Release.Namespace | quote }}
  labels:
    {{- include "lorentzian.labels" $scope | nindent 4 }}
spec:
  {{- include "lorentzian.schedule" .cron | nindent 2 }}
  jobTemplate:
    metadata:
      labels:
        {{- include "lorentzian.labels" $scope | nindent 8 }}
    spec:
      backoffLimit: {{ .attempts | default 3 | int | add -1 }}
      podReplacementPolicy: Failed
      activeDeadlineSeconds: {{ .cron.activeDeadlineSeconds | int64 }}
      ttlSecondsAfterFinished: {{ .cron.ttlSecondsAfterFinished | int64 }}
      podFailurePolicy:
        {{- include "lorentzian.failurePolicy" (dict "containers" $names "isIndexed" false) | nindent 8 }}
      template:
        metadata:
          {{- include "lorentzian.podMetadata" $scope | nindent 10 }}
        spec:
          restartPolicy: Never
          terminationGracePeriodSeconds: 120
          {{- include "lorentzian.podFields" (merge (dict "account" (include "lorentzian.serviceAccount" $root)) $scope) | nindent 10 }}
          initContainers:
            - {{ include "lorentzian.waiting" (merge (dict "wait" (.wait | default "15m") "needs" .needs) $scope) | nindent 14 | trim }}
            {{- range initial $working }}
            - {{ include "lorentzian.container" (merge (pick . "name" "args") $each) | nindent 14 | trim }}
            {{- end }}
          containers:
            - {{ include "lorentzian.container" (merge (pick (last $working) "name" "args") $each) | nindent 14 | trim }}
{{- end -}}
