{{/*
What every pod has in common: who it is, where it may run, what it may not do.
Takes: root, component, account, pod (scheduling, as `pod` in the values), volumes (more of them).
*/}}
{{- define "lorentzian.podFields" -}}
serviceAccountName: {{ .account | quote }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- toYaml .root.Values.podSecurityContext | nindent 2 }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- with .pod.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .pod.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .pod.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .pod.topologySpreadConstraints }}
{{- $own := dict "labelSelector" (dict "matchLabels" (include "lorentzian.selector" $ | fromYaml)) }}
topologySpreadConstraints:
  {{- range . }}
  - {{ merge (ternary dict (deepCopy $own) (hasKey . "labelSelector")) . | toYaml | nindent 4 | trim }}
  {{- end }}
{{- end }}
{{- with .pod.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .pod.resourceClaims }}
resourceClaims:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumes:
  - name: tmp
    emptyDir:
      sizeLimit: {{ .root.Values.tmpSize }}
  {{- range $name, $source := include "lorentzian.authorities" . | fromYaml }}
  - name: {{ $name }}
    {{- toYaml $source | nindent 4 }}
  {{- end }}
  {{- with .volumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- with .root.Values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* Labels and annotations of a pod. Takes: root, component, pod. */}}
{{- define "lorentzian.podMetadata" -}}
labels:
  {{- include "lorentzian.labels" (merge (dict "labels" .pod.labels) .) | nindent 2 }}
{{- with .pod.annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/*
A container of ours.
Takes: root, component, name, image, args, variables, resources, mounts (more of them).
*/}}
{{- define "lorentzian.container" -}}
name: {{ .name }}
image: {{ include "lorentzian.image" . }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
args: {{ toJson .args }}
terminationMessagePolicy: FallbackToLogsOnError
securityContext:
  {{- toYaml .root.Values.containerSecurityContext | nindent 2 }}
env:
  {{- include "lorentzian.env" . | trim | nindent 2 }}
{{- with .root.Values.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if and (eq .name "trainer") (hasKey .variables "LORENTZIAN_METRICS_PORT") }}
ports:
  - {name: metrics, containerPort: 8052}
{{- end }}
resources:
  {{- include "lorentzian.resources" . | nindent 2 }}
volumeMounts:
  - {name: tmp, mountPath: /tmp}
  {{- range $name, $_ := include "lorentzian.authorities" . | fromYaml }}
  - {name: {{ $name }}, mountPath: /etc/lorentzian/{{ $name }}, readOnly: true}
  {{- end }}
  {{- with .mounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- with .root.Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/*
The container that waits until others have done what this pod needs. It meets a missing secret first, and ends at once.
Takes: root, component, variables, wait, needs.
*/}}
{{- define "lorentzian.waiting" -}}
{{- $own := dict
  "name" "wait"
  "image" .root.Values.image
  "args" (list "doctor" "--wait" .wait "--need" .needs)
  "resources" .root.Values.waiting.resources
-}}
{{- include "lorentzian.container" (merge $own .) -}}
{{- end -}}

{{/*
What becomes of a pod that failed: one that was moved has not; what no other try can mend fails at once, the whole Job,
or the one index whose data are bad; all else is tried again.
Takes: containers (names of those that work), isIndexed.
*/}}
{{- define "lorentzian.failurePolicy" -}}
rules:
  - action: Ignore
    onPodConditions:
      - {type: DisruptionTarget, status: "True"}
  {{- range .containers }}
  {{- if $.isIndexed }}
  - action: FailIndex
    onExitCodes: {containerName: {{ . }}, operator: In, values: [65, 66]}
  {{- end }}
  - action: FailJob
    onExitCodes: {containerName: {{ . }}, operator: In, values: {{ ternary "[4, 64, 78]" "[4, 64, 65, 66, 78]" $.isIndexed }}}
  {{- end }}
  - action: FailJob
    onExitCodes: {containerName: wait, operator: In, values: [64, 78]}
{{- end -}}

{{/*
Scheduling and marks of a pod, of several sources: labels and annotations are added to those before, all else takes the
place of what was said before.
Takes: a list of maps like `pod` in the values, or nothing in their place.
*/}}
{{- define "lorentzian.podOf" -}}
{{- $pod := dict "labels" dict "annotations" dict "tolerations" list -}}
{{- range . }}
{{- range $key, $value := . }}
{{- if has $key (list "labels" "annotations") }}{{ $value = mergeOverwrite (get $pod $key) (deepCopy $value) }}{{ end }}
{{- $_ := set $pod $key $value }}
{{- end }}
{{- end }}
{{- toYaml $pod -}}
{{- end -}}
