"""
The policy's YAML: what it may say, and the file and line of every error.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonomous_dev.errors import InvalidTypeError, PolicyError
from autonomous_dev.learning.detectors import Kind
from autonomous_dev.policy import DAY, DETECTORS, AlertPolicy, DetectorPolicy, MetricPolicy, Polarity, Policy, Threshold

GUIDE = """\
performance:
  test_duration_max: 60  # seconds
  build_time_max: 300    # seconds
  cache_size: 100        # items
"""


def test_the_guides_block_is_a_policy() -> None:
    """The block of the guide gives two upper thresholds, with their lines, and a cache size."""
    policy = Policy.parse(GUIDE, "p.yaml")
    assert policy.thresholds == (Threshold("test_duration", 60.0, True, 2), Threshold("build_time", 300.0, True, 3))
    assert policy.cache_size == 100
    assert policy.source == "p.yaml"


def test_the_bundled_example_is_valid() -> None:
    """The example at the top of the repository is a policy that uses every section."""
    policy = Policy.load(Path(__file__).parents[1] / "automation_policy.yaml")
    assert policy.thresholds
    assert policy.cache_size
    assert policy.metrics
    assert policy.default_branches
    assert policy.alerts.labels


def test_every_section_is_read() -> None:
    """Metrics, branches and alerts arrive with their types."""
    policy = Policy.parse(
        """
metrics:
  throughput: {better: higher, min_change: 5%, identity: [suite, os]}
  latency: {min_change: 0.1, identity: []}
branches: {default: [trunk]}
alerts:
  for: 1m30s
  stale_after: 2w
  dashboard_url: https://grafana.example/d/x
  labels: {team: platform, tier: 1}
"""
    )
    assert policy.metric("throughput") == MetricPolicy(Polarity.HIGHER, 0.05, ("suite", "os"))
    assert policy.metric("latency") == MetricPolicy(None, 0.1, ())
    assert policy.metric("other") == MetricPolicy()
    assert policy.default_branches == ("trunk",)
    assert policy.alerts == AlertPolicy(
        90.0, 14 * DAY, "https://grafana.example/d/x", {"team": "platform", "tier": "1"}
    )


def test_detectors_are_switched_and_tuned() -> None:
    """A metric's word on a kind of insights stands before that of all metrics; what nobody says is the usual."""
    policy = Policy.parse(
        """
insights:
  false_discoveries: 5%
  min_change: 1%
  detectors: {anomaly: off, trend: {min_confidence: 90%, min_change: 3%}}
metrics:
  a: {detectors: {anomaly: on, growth: false}}
  b: {min_change: 0, detectors: {change_point: {min_confidence: 0.7, min_change: 2%}, trend: {}}}
"""
    )
    assert policy.false_discoveries == 0.05
    a, b, other = (policy.metric(name) for name in ("a", "b", "c"))
    assert (a.min_change, b.min_change, other.min_change) == (0.01, 0.0, 0.01)
    assert (a.detector("anomaly").enabled, other.detector("anomaly").enabled) == (True, False)
    assert not a.detector("growth").enabled
    assert a.detector("trend") == other.detector("trend") == DetectorPolicy(True, 0.9, 0.03)
    assert b.detector("trend") == b.detector("tail") == DetectorPolicy()
    assert b.detector("change_point") == DetectorPolicy(True, 0.7, 0.02)


def test_an_unconfirmed_change_is_switched_with_the_change_point() -> None:
    """Who switches change points off hears of no unconfirmed ones; how sure they must be is another matter."""
    off = Policy.parse("metrics: {a: {detectors: {change_point: off}}}").metric("a")
    assert not off.detector("unconfirmed").enabled
    tuned = Policy.parse("metrics: {a: {detectors: {change_point: {min_confidence: 0.9, min_change: 2%}}}}").metric("a")
    assert tuned.detector("unconfirmed") == DetectorPolicy(True, None, 0.02)
    own = Policy.parse("metrics: {a: {detectors: {change_point: off, unconfirmed: on}}}").metric("a")
    assert own.detector("unconfirmed").enabled


def test_every_kind_of_insight_can_be_switched() -> None:
    """The policy knows exactly the kinds that the engine tells."""
    assert set(DETECTORS) == set(Kind)


@pytest.mark.parametrize("text", ["", "# only a comment\n", "performance:\n", "---\n", "{}", "alerts: {}\nmetrics:\n"])
def test_nothing_written_is_the_default(text: str) -> None:
    """A policy that says nothing is the default one."""
    assert Policy.parse(text, "") == Policy()


@pytest.mark.parametrize(
    "name", ["on", "404", "1.5", "a b", "null metric", "größe", "x: y", "{{ $value }}", "'q'", "~x"]
)
def test_names_that_yaml_would_change_stay(name: str) -> None:
    """A metric is called what was written, quoted or (where YAML allows it) not."""
    quoted = "'" + name.replace("'", "''") + "'"
    policy = Policy.parse(f"metrics:\n  {quoted}: {{better: lower}}\nperformance:\n  '{quoted[1:-1]}_max': 3\n")
    assert policy.metric(name).better is Polarity.LOWER
    assert policy.thresholds[0].metric == name


def test_unquoted_words_of_yaml_are_names() -> None:
    """``on`` and ``404`` are metrics, not a boolean and a number."""
    assert set(Policy.parse("metrics: {on: {better: lower}, 404: {better: lower}}").metrics) == {"on", "404"}


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("performance:\n  test_duration: 60", 2, "did you mean test_duration_max?"),
        ("performance:\n  cache_siez: 60", 2, "did you mean cache_size?"),
        ("performance:\n  _max: 60", 2, "expected <metric>_max"),
        ("performance:\n  a_max: true", 2, "a_max is true: expected a finite number"),
        ("performance:\n  a_max: .nan", 2, ".nan"),
        ("performance:\n  a_max: .inf", 2, ".inf"),
        ("performance:\n  a_max: nan", 2, "'nan'"),
        ("performance:\n  a_max: '60'", 2, "take away the quotes"),
        ("performance:\n  a_max: 60s", 2, "'60s'"),
        ("performance:\n  a_max: 1:30", 2, "1:30"),
        ("performance:\n  a_max: [60]", 2, "is a list"),
        ("performance:\n  a_max: {b: 60}", 2, "is a mapping"),
        ("performance:\n  a_max:", 2, "is empty"),
        ("performance:\n  a_max: 1\n  a_max: 2", 3, "already, in line 2"),
        ("performance:\n  a_max: 1\n  a_min: 2", 3, "line 2 says 1"),
        ("performance:\n  a_min: 2\n  a_max: 1", 3, "line 2 says 2"),
        ("performance:\n  cache_size: 0", 2, "1 or more"),
        ("performance:\n  cache_size: 1.5", 2, "whole number"),
        ("performance:\n  cache_size: true", 2, "whole number"),
        ("performance: [a]", 1, "is a list: expected a mapping"),
        ("performance: 3", 1, "expected a mapping"),
        ("- a", 1, "expected a mapping, with the sections"),
        ("just words", 1, "expected a mapping"),
        ("\nperformence: {}", 2, "did you mean performance?"),
        ("metrics:\n  a: {beter: lower}", 2, "did you mean better?"),
        ("metrics:\n  a: {better: lowr}", 2, "did you mean lower?"),
        ("metrics:\n  a: {min_change: 5}", 2, "write 5%"),
        ("metrics:\n  a: {min_change: -5%}", 2, "such as 5% or 0.05"),
        ("metrics:\n  a: {min_change: x%}", 2, "such as 5% or 0.05"),
        ("metrics:\n  a: {min_change: nan%}", 2, "such as 5% or 0.05"),
        ("metrics:\n  a: {identity: suite}", 2, "such as [suite]"),
        ("metrics:\n  a: {identity: [suite, suite]}", 2, "in the list already"),
        ("metrics:\n  a: {identity: [[suite]]}", 2, "expected a word"),
        ("metrics:\n  a: {detectors: {trent: off}}", 2, "did you mean trend?"),
        ("metrics:\n  a: {detectors: {trend: maybe}}", 2, "expected on, off, or a mapping with min_confidence"),
        ("metrics:\n  a: {detectors: {trend: [off]}}", 2, "expected on, off"),
        ("metrics:\n  a: {detectors: {trend:}}", 2, "expected on, off"),
        ("metrics:\n  a: {detectors: {trend: {confidence: 0.8}}}", 2, "did you mean min_confidence?"),
        ("metrics:\n  a: {detectors: {trend: {min_confidence: 80}}}", 2, "write 80%"),
        ("metrics:\n  a: {detectors: {trend: {min_confidence: 100%}}}", 2, "below 1"),
        ("metrics:\n  a: {detectors: {trend: {min_confidence: -1}}}", 2, "such as 0.8 or 80%"),
        ("metrics:\n  a: {detectors: {trend: {min_change: 7}}}", 2, "write 7%"),
        ("metrics:\n  a: {detectors: off}", 2, "expected a mapping"),
        ("insights: {false_discoveries: 10}", 1, "write 10%"),
        ("insights: {false_discoveries: 100%}", 1, "below 1"),
        ("insights: {min_change: x}", 1, "such as 5% or 0.05"),
        ("insights:\n  detectors: {anomalies: off}", 2, "did you mean anomaly?"),
        ("insights: {min_chance: 1%}", 1, "did you mean min_change?"),
        ("branches: {default: []}", 1, "names of the branches"),
        ("branches: {defualt: [main]}", 1, "did you mean default?"),
        ("alerts: {for: 300}", 1, "such as 5m"),
        ("alerts: {for: -5m}", 1, "such as 5m"),
        ("alerts: {for: 900y}", 1, "at most 10y"),
        ("alerts: {stale_after: 0}", 1, "a minute or more"),
        ("alerts: {dashboard_url: 'javascript:x'}", 1, "http://"),
        ("alerts: {labels: {severity: x}}", 1, "cannot be a label"),
        ("alerts: {labels: {a-b: x}}", 1, "cannot be a label"),
        ("alerts: {labels: {__x: x}}", 1, "cannot be a label"),
        ("alerts: {labels: {team: [a]}}", 1, "expected a word"),
        ("a: &x {}\n<<: *x", 2, "put it into quotes"),
        ("performance: !!python/object:os.system {}", 1, "tagged"),
        ("performance: {a_max: !x 1}", 1, "tagged"),
        ("performance:\n\ta_max: 1", 2, "not YAML"),
        ("performance: {a_max: 1", 1, "not YAML"),
        ("a: 1\n---\nb: 2", 2, "not YAML"),
        ("performance:\n  a_max: *nowhere", 2, "not YAML"),
        ("performance:\n  a\x00_max: 1", 2, "cannot stand in YAML"),
        ("[" * 1000, 1, "nested too deeply"),
        ("{? " * 1000, 1, "nested too deeply"),
        ("a" * 300_000, 1, "more than"),
    ],
)
def test_errors_name_line_value_and_way_out(text: str, line: int, says: str) -> None:
    """Each wrong value is an error of ours that begins with file and line and says what was expected."""
    with pytest.raises(PolicyError, match=f"^p.yaml:{line}: ") as caught:
        Policy.parse(text, "p.yaml")
    assert says in str(caught.value)
    assert len(str(caught.value)) < 600


def test_alias_bombs_cost_nothing() -> None:
    """Nested aliases are never expanded; an alias to a section is taken."""
    bomb = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 30))
    with pytest.raises(PolicyError, match=":1: a0 is not known"):
        Policy.parse(bomb)
    shared = Policy.parse("metrics:\n  a: &m {better: lower}\n  b: *m\n")
    assert shared.metric("b").better is Polarity.LOWER
    with pytest.raises(PolicyError, match="expected a word"):
        Policy.parse("branches: {default: &a [*a]}")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file, a folder, other encodings and huge files are errors that name the file."""
    for path, says in [
        (tmp_path / "missing.yaml", "No such file"),
        (tmp_path, "directory"),
        (_file(tmp_path / "latin.yaml", "a: 1\nb: ä".encode("latin-1")), "latin.yaml:2: byte 0xe4 is not UTF-8"),
        (_file(tmp_path / "huge.yaml", b"# x\n" * 100_000), "huge.yaml:1: more than"),
    ]:
        with pytest.raises(PolicyError, match=f"^{re.escape(str(path))}:") as caught:
            Policy.load(path)
        assert says in str(caught.value)
    with pytest.raises(InvalidTypeError, match="path is 3"):
        Policy.load(3)  # type: ignore[arg-type]
    with pytest.raises(PolicyError, match="null byte"):
        Policy.load("a\0b")


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    """Editors that begin UTF-8 with a mark make valid policies."""
    path = _file(tmp_path / "p.yaml", b"\xef\xbb\xbf" + GUIDE.encode())
    assert Policy.load(path).cache_size == 100
    assert Policy.load(str(path)).source == str(path)


def _file(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@given(
    st.text(alphabet=st.sampled_from("perfomancts_x:1%-{}[]&*!|>'\"#\n \t0.,?~<@`"), max_size=60) | st.text(max_size=40)
)
def test_any_text_is_a_policy_or_an_error_of_ours(text: str) -> None:
    """Whatever is written, nothing but our own error comes out."""
    try:
        said = repr(Policy.parse(text))
    except PolicyError as error:
        said = str(error)
    assert said.startswith(("<string>:", "Policy("))
