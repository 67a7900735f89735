import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job.kubernetes.document import Value, to_yaml

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12)
WORDS = st.sampled_from(
    ["true", "No", "off", "~", "null", "1e3", "0x1", "12:30", "a: b", "- a", "#", "", " x", "x:", "=", "<<"]
)
SCALARS = st.one_of(TEXTS, WORDS, st.integers(-(2**40), 2**40), st.booleans())


def test_job_is_written_as_people_write_one() -> None:
    """Blocks in the order of their keys, lists under their key, quotes only where a reader would need them."""
    document: dict[str, Value] = {
        "kind": "Job",
        "spec": {"args": ["plan", "--context=A,B"], "rules": [{"action": "Ignore", "on": [{"status": "True"}]}]},
        "volumes": {},
    }
    assert to_yaml(document) == (
        "kind: Job\n"
        "spec:\n"
        "  args:\n"
        "    - plan\n"
        "    - --context=A,B\n"
        "  rules:\n"
        "    - action: Ignore\n"
        '      "on":\n'
        '        - status: "True"\n'
        "volumes: {}\n"
    )


@settings(max_examples=150, deadline=None)
@given(
    document=st.dictionaries(
        TEXTS | WORDS,
        st.recursive(
            SCALARS, lambda children: st.lists(children, max_size=3) | st.dictionaries(TEXTS, children, max_size=3)
        ),
        max_size=4,
    )
)
def test_another_reader_finds_what_was_written(document: dict[str, Value]) -> None:
    """Whatever stands in it, words that YAML takes for something else included."""
    assert (yaml.safe_load(to_yaml(document)) or {}) == document
