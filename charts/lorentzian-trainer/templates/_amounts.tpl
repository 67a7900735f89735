{{/*
An amount of Kubernetes', such as 500m or 2Gi, as a number. Takes: the amount, as text or number.
*/}}
{{- define "lorentzian.amount" -}}
{{- $text := toString . }}
{{- $unit := regexFind "[A-Za-z]+$" $text }}
{{- $factors := dict
  "" 1.0 "m" 0.001 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15
  "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 "Pi" 1125899906842624.0
-}}
{{- mulf (trimSuffix $unit $text | float64) (get $factors $unit) -}}
{{- end -}}

{{/*
What a container asks for, and its limits. A container that asks for more than its limit would be refused by the server
when half of the release is there: it is refused here.
Takes: component, name, resources.
*/}}
{{- define "lorentzian.resources" -}}
{{- $limits := .resources.limits | default dict }}
{{- range $what, $asked := .resources.requests }}
{{- if and (hasKey $limits $what) (gt (include "lorentzian.amount" $asked | float64) (include "lorentzian.amount" (get $limits $what) | float64)) }}
{{- fail (printf
  "resources: container %s of %s requests %v of %s, and its limit is %v: raise limits.%s too."
  $.name $.component $asked $what (get $limits $what) $what
) }}
{{- end }}
{{- end }}
{{- toYaml .resources -}}
{{- end -}}
