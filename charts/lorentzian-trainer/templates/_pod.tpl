{{/*
What every pod has in common: who it is, where it may run, what it may not do.
Takes: root, component, account, pod (scheduling, as `pod` in the values), volumes (more of them).
*/}}
{{- define "lorentzian.podFields" -}}
serviceAccountName: {{ .account }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- toYaml .root.Values.podSecurityContext | nindent 2 }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
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
{{- with .pod.priorityClassName }}
priorityClassName: {{ . }}
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
  {{- include "lorentzian.labels" . | nindent 2 }}
  {{- with .pod.labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
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
  {{- toYaml .resources | nindent 2 }}
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
{{- $resources := dict "requests" (dict "cpu" "100m" "memory" "256Mi") "limits" (dict "memory" "512Mi") -}}
{{- $args := list "doctor" "--wait" .wait "--need" .needs -}}
{{- include "lorentzian.container" (merge (dict "name" "wait" "image" .root.Values.image "args" $args "resources" $resources) .) -}}
{{- end -}}

{{/*
How a Job of one pod ends: a pod that was moved has not failed, and what no other try can mend fails at once.
Takes: a list of the containers whose exit codes count.
*/}}
{{- define "lorentzian.failurePolicy" -}}
rules:
  - action: Ignore
    onPodConditions:
      - {type: DisruptionTarget, status: "True"}
  {{- range . }}
  - action: FailJob
    onExitCodes:
      containerName: {{ . }}
      operator: In
      values: {{ ternary (list 64 78) (list 4 64 65 66 78) (eq . "wait") | toJson }}
  {{- end }}
{{- end -}}
