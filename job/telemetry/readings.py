"""The values of metrics, apart from prometheus_client's own global registry, and registries over parts of them."""

import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from job.telemetry.metrics import Metric

Labels = Mapping[str, str]


@dataclass(kw_only=True)
class Readings:
    """What every metric stands at; written by the command, read by whoever scrapes or sends them."""

    _values: dict[tuple[Metric, tuple[str, ...]], float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def set(self, metric: Metric, value: float, **labels: object) -> None:
        """Give a gauge its value."""
        with self._lock:
            self._values[metric, _ordered(metric, labels)] = value

    def add(self, metric: Metric, value: float, **labels: object) -> None:
        """Let a counter grow."""
        key = metric, _ordered(metric, labels)
        with self._lock:
            self._values[key] = self._values.get(key, 0.0) + value

    def forget(self, metrics: Iterable[Metric], *, of: Labels) -> None:
        """Drop the values of some metrics that have these labels."""
        for metric in metrics:
            for labels, _ in self.samples(metric):
                if of.items() <= labels.items():
                    with self._lock:
                        del self._values[metric, _ordered(metric, labels)]

    def registry(
        self, metrics: Iterable[Metric], *, of: Labels | None = None, named: Labels | None = None
    ) -> "CollectorRegistry":
        """A registry of its own over some metrics.

        Parameters
        ----------
        of : only samples with these labels.
        named : labels that every sample gets which has none of that name.
        """
        registry = CollectorRegistry()
        registry.register(_Part(self, tuple(metrics), of=of or {}, named=named or {}))
        return registry

    def samples(self, metric: Metric) -> list[tuple[Labels, float]]:
        """The values of one metric, by labels."""
        with self._lock:
            found = [(values, value) for (each, values), value in self._values.items() if each is metric]
        return [(dict(zip(metric.labels, values, strict=True)), value) for values, value in sorted(found)]


class _Part(Collector):
    def __init__(self, readings: Readings, metrics: tuple[Metric, ...], *, of: Labels, named: Labels) -> None:
        self._readings, self._metrics, self._of, self._named = readings, metrics, of, named

    def describe(self) -> Iterator[Family]:
        """Nothing: what there is may change from scrape to scrape."""
        return iter(())

    def collect(self) -> Iterator[Family]:
        """Every metric that has a value."""
        for metric in self._metrics:
            samples = [
                (labels, value)
                for labels, value in self._readings.samples(metric)
                if self._of.items() <= labels.items()
            ]
            if samples:
                yield _family(metric, samples, self._named)


def _family(metric: Metric, samples: list[tuple[Labels, float]], named: Labels) -> Family:
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family: Family = kind(metric.name, metric.help)
    for labels, value in samples:
        said = {name: each for name, each in labels.items() if each}
        family.add_sample(metric.sample_name, {**named, **said}, value)
    return family


def _ordered(metric: Metric, labels: Mapping[str, object]) -> tuple[str, ...]:
    assert labels.keys() <= set(metric.labels), f"{metric.name} has no label {labels.keys() - set(metric.labels)}"
    return tuple("" if labels.get(name) is None else str(labels[name]) for name in metric.labels)
