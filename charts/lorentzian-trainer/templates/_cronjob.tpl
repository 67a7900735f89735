{{/*
A CronJob whose Jobs have one pod: it waits for what it needs, and then works.
Takes: root, component, suffix (of its name), cron (its values: when, how long, resources), variables, needs, args, and
perhaps before (a list of name and args: containers that run between), wait, attempts.
*/}}
{{- define "lorentzian.cronJob" -}}
{{- $root := .root }}
{{- $scope := dict "root" $root "component" .component "pod" $root.Values.pod }}
{{- $each := merge (dict "image" $root.Values.image "variables" .variables "resources" .cron.resources) $scope }}
{{- $names := list "trainer" }}
{{- range .before }}{{ $names = append $names .name }}{{ end }}
apiVersion: batch/v1
kind: CronJob
metadata:
  name: {{ include "lorentzian.cronName" (dict "root" $root "suffix" .suffix) }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "lorentzian.labels" $scope | nindent 4 }}
spec:
  schedule: {{ .cron.schedule | quote }}
  timeZone: {{ .cron.timeZone }}
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: {{ .cron.startingDeadlineSeconds | int64 }}
  successfulJobsHistoryLimit: 3
  failedJobsHistoryLimit: 3
  suspend: {{ .cron.suspend }}
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
        {{- include "lorentzian.failurePolicy" (append $names "wait") | nindent 8 }}
      template:
        metadata:
          {{- include "lorentzian.podMetadata" $scope | nindent 10 }}
        spec:
          restartPolicy: Never
          terminationGracePeriodSeconds: 120
          {{- include "lorentzian.podFields" (merge (dict "account" (include "lorentzian.serviceAccount" $root)) $scope) | nindent 10 }}
          initContainers:
            - {{ include "lorentzian.waiting" (merge (dict "variables" .variables "wait" (.wait | default "15m") "needs" .needs) $scope) | nindent 14 | trim }}
            {{- range .before }}
            - {{ include "lorentzian.container" (merge (dict "name" .name "args" .args) $each) | nindent 14 | trim }}
            {{- end }}
          containers:
            - {{ include "lorentzian.container" (merge (dict "name" "trainer" "args" .args) $each) | nindent 14 | trim }}
{{- end -}}
