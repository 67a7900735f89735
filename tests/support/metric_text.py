"""What Prometheus reads, as a mapping: samples by name and labels."""

import urllib.request

from prometheus_client.parser import text_string_to_metric_families

Sample = tuple[str, frozenset[tuple[str, str]]]


def parsed_metrics(text: str) -> dict[Sample, float]:
    """Every sample of a text, by its name and all of its labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def read_metrics(address: str) -> dict[Sample, float]:
    """What an exporter answers now."""
    with urllib.request.urlopen(f"{address}/metrics", timeout=20) as answer:
        return parsed_metrics(answer.read().decode())


def sample(name: str, **labels: str) -> Sample:
    """The key of one sample."""
    return name, frozenset(labels.items())
