{{/*
A run with what it does not say itself filled in: from `runDefaults`, `settings` and `pod`. What it then has and cannot
be so is refused.
Takes: root, run.
*/}}
{{- define "lorentzian.fullRun" -}}
{{- $values := .root.Values -}}
{{- $run := mustMergeOverwrite (deepCopy $values.runDefaults) (deepCopy .run) -}}
{{- $settings := mustMergeOverwrite (deepCopy $values.settings) (deepCopy $run.settings) -}}
{{- $pod := include "lorentzian.podOf" (list $values.pod $values.runDefaults.pod .run.pod) | fromYaml -}}
{{- if $run.gpu.enabled -}}
{{- $settings = mergeOverwrite (dict "device" "cuda") $settings -}}
{{- $_ := set $pod "tolerations" (concat $pod.tolerations $run.gpu.tolerations) -}}
{{- end -}}
{{- $venue := get $settings "venue" | default "binance-perp" -}}
{{- if and $values.features.enabled $values.features.collect.enabled (eq (get $settings "market") "spot") (eq $venue "binance-perp") -}}
{{- fail (printf "runs: %s is spot, and spot bars are not collected under %s: set its settings.venue to binance-spot." $run.name $venue) -}}
{{- end -}}
{{- if and $run.gpu.enabled (hasSuffix ".shared" $run.gpu.resourceName) (gt (int $run.gpu.count) 1) -}}
{{- fail (printf "runs: %s asks for %v of %s; a pod gets one of a shared kind." $run.name $run.gpu.count $run.gpu.resourceName) -}}
{{- end -}}
{{- $_ := set $run "settings" $settings -}}
{{- $_ := set $run "pod" $pod -}}
{{- toYaml $run -}}
{{- end -}}

{{/*
How many windows the day settings of a run are cut into: one pod each. The same arithmetic as the program's, whose pods
refuse to start where the two disagree.
Takes: a run as of `lorentzian.fullRun`.
*/}}
{{- define "lorentzian.windows" -}}
{{- $settings := .settings -}}
{{- $locked := get $settings "holdout-days" | int -}}
{{- $days := sub (get $settings "data-days" | int) (add $locked (get $settings "window-size" | int)) | int -}}
{{- $test := get $settings "test-size" | int -}}
{{- $windows := 0 -}}
{{- if and (gt $days 0) (gt $test 0) -}}
{{- $windows = div $days $test | int -}}
{{- if and (get $settings "reduce-test") (mod $days $test) }}{{ $windows = add1 $windows | int }}{{ end -}}
{{- end -}}
{{- if eq $windows 0 -}}
{{- fail (printf
  "runs: %s has no window: its data-days %v, less holdout-days %d, must hold window-size %v and test-size %v."
  .name (get $settings "data-days") $locked (get $settings "window-size") (get $settings "test-size")
) -}}
{{- end -}}
{{- $windows -}}
{{- end -}}

{{/*
The variables of a run's pods, as a YAML map: its settings, and what a pod knows of its Job.
Takes: root, run (as of `lorentzian.fullRun`), name (of the CronJob), windows.
*/}}
{{- define "lorentzian.runVariables" -}}
{{- $job := dict
  "LORENTZIAN_CRON_JOB" .name
  "LORENTZIAN_COMPLETIONS" (.windows | toString)
  "LORENTZIAN_ATTEMPTS" (add1 .run.backoffLimitPerIndex | toString)
  "LORENTZIAN_JOB_NAME" (include "lorentzian.field" "metadata.labels['batch.kubernetes.io/job-name']" | fromJson)
  "LORENTZIAN_JOB_UID" (include "lorentzian.field" "metadata.labels['batch.kubernetes.io/controller-uid']" | fromJson)
  "LORENTZIAN_INDEX_FAILURES" (include "lorentzian.field" "metadata.annotations['batch.kubernetes.io/job-index-failure-count']" | fromJson)
-}}
{{- if and .run.gpu.enabled (lt (float64 .run.gpu.memoryFraction) 1.0) -}}
{{- $_ := set $job "PYTORCH_ALLOC_CONF" (printf "per_process_memory_fraction:%v" .run.gpu.memoryFraction) -}}
{{- end -}}
{{- include "lorentzian.measuredVariables" (dict "root" .root "settings" .run.settings "more" $job) -}}
{{- end -}}

{{/* A field of the pod as the source of a variable, as JSON. Takes: its path. */}}
{{- define "lorentzian.field" -}}
{{- dict "valueFrom" (dict "fieldRef" (dict "fieldPath" .)) | toJson -}}
{{- end -}}

{{/* What a run on GPUs adds to its pod, as a YAML map; nothing for a run on CPUs. Takes: a run as of `lorentzian.fullRun`. */}}
{{- define "lorentzian.gpu" -}}
{{- if .gpu.enabled }}
{{- $limits := dict .gpu.resourceName (.gpu.count | toString) }}
{{- $memory := dig "limits" "memory" "" .resources }}
{{- if and $memory (lt (include "lorentzian.amount" $memory | float64) (include "lorentzian.amount" .gpu.memoryLimit | float64)) }}
{{- $_ := set $limits "memory" .gpu.memoryLimit }}
{{- end }}
runtimeClassName: {{ .gpu.runtimeClassName | quote }}
resources:
  limits: {{ toJson $limits }}
mounts:
  - {name: shm, mountPath: /dev/shm}
volumes:
  - name: shm
    emptyDir: {medium: Memory, sizeLimit: {{ .gpu.shmSize }}}
{{- else }}
resources: {}
{{- end }}
{{- end -}}
