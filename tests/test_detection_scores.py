"""
The scores of the detection benchmark, on cases that can be worked out by hand.
"""

from __future__ import annotations

import importlib
import json
import math
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def module(monkeypatch):
    """
    Imports a module of the benchmark.
    """
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module


@pytest.fixture
def segmentation(module):
    """
    Covering, F1 and the matching behind it.
    """
    return module("_segmentation_scores")


@pytest.fixture
def streams(module):
    """
    The scores of streaming anomalies.
    """
    return module("_stream_scores")


def test_a_truth_takes_the_nearest_report_that_is_left(segmentation):
    """
    Each report stands for one truth at most, the margin included, the smaller of two as near ones first.
    """
    assert segmentation.matches([10], [5, 16]) == {10: 5}
    assert segmentation.matches([10], [4, 16]) == {}
    assert segmentation.matches([10, 12], [11]) == {10: 11}
    assert segmentation.matches([10], [8, 12]) == {10: 8}
    assert segmentation.matches([10, 14], [12, 13], margin=2) == {10: 12, 14: 13}


def test_f1_takes_precision_against_all_annotators_and_recall_as_their_mean(segmentation):
    """
    With 0 in every answer: two of two reports are in the union; the annotators are matched to 1, 1 and a half.
    """
    annotations = {"a": [], "b": [10], "c": [50]}

    assert segmentation.f1(annotations, [10]) == pytest.approx(2 * (5 / 6) / (1 + 5 / 6))
    assert segmentation.f1(annotations, []) == pytest.approx(2 * (2 / 3) / (1 + 2 / 3))
    assert segmentation.f1({"a": [10, 20], "b": [11, 20]}, [10, 20]) == 1.0
    assert segmentation.f1({"a": []}, [40]) == pytest.approx(2 * 0.5 / 1.5)


def test_covering_weighs_the_best_overlap_by_length(segmentation):
    """
    45 samples cut at 10: an annotator without a cut is covered by 35/45, one with the same cut wholly.
    """
    assert segmentation.covering({"a": [10]}, [10], 45) == 1.0
    assert segmentation.covering({"a": []}, [10], 45) == pytest.approx(35 / 45)
    # [0, 40) is best covered by [10, 45), 30 of 45; [40, 45) by the same, 5 of 35.
    best = (40 * 30 / 45 + 5 * 5 / 35) / 45
    assert segmentation.covering({"a": [40]}, [10], 45) == pytest.approx(best)
    assert segmentation.covering({"a": [10], "b": []}, [10], 45) == pytest.approx((1 + 35 / 45) / 2)


def test_margins_are_narrower_in_short_series(segmentation):
    """
    Five samples are no margin in a series of twelve.
    """
    assert [segmentation.margin_for(n) for n in (8, 12, 30, 50, 1000)] == [2, 2, 3, 5, 5]


def test_pooled_f1_counts_over_series(segmentation):
    """
    Three of four reports right, of six changes: 6/10; nothing at all is 0.
    """
    assert segmentation.pooled_f1(3, 4, 6) == pytest.approx(0.6)
    assert segmentation.pooled_f1(0, 0, 0) == 0.0


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    # Published values: Newcombe (1998), Statistics in Medicine 17, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_intervals_are_the_published_ones(module, hits, n, low, high):
    """
    To the four digits that are printed.
    """
    assert module("_shares").wilson(hits, n) == pytest.approx((low, high), abs=5e-5)


def test_wilson_intervals_end_where_shares_end(module):
    """
    All of them reach 1, none of them 0, and nothing says nothing.
    """
    wilson = module("_shares").wilson

    assert wilson(20, 20)[1] == 1.0
    assert wilson(0, 0) == (0.0, 1.0)


def test_a_paired_bootstrap_sees_a_difference_that_every_series_shows(module):
    """
    Differences that are all alike have no width; those around 0 have an interval that holds 0; a seed repeats it.
    """
    bootstrap = module("_shares").bootstrap

    assert bootstrap([0.1] * 5, seed=1) == pytest.approx((0.1, 0.1))
    low, high = bootstrap([-1.0, 1.0] * 50, seed=1)
    # The mean of 100 draws has an sd of 0.1; an interval of 10,000 draws is that to a few per cent.
    assert (low, high) == pytest.approx((-0.196, 0.196), abs=0.03)
    assert bootstrap([-1.0, 1.0] * 50, seed=1) == (low, high)


def test_calibration_error_and_brier_score_of_a_few_reports(module):
    """
    Two bins, 0.25 (one of two right) and 0.9 (one of two right); a confidence of 1 is in the last bin.
    """
    measured = module("_reliability").reliability([0.25, 0.25, 0.8, 1.0], [True, False, True, False])

    assert [(one.n, one.right) for one in measured.bins] == [(2, 1), (1, 1), (1, 0)]
    assert measured.error == pytest.approx((2 * 0.25 + 1 * 0.2 + 1 * 1.0) / 4)
    assert measured.brier == pytest.approx((0.75**2 + 0.25**2 + 0.2**2 + 1.0) / 4)
    assert (measured.sure, measured.sure_right) == (2, 1)


def test_no_reports_have_no_error(module):
    """
    An engine that says nothing is not wrong.
    """
    assert module("_reliability").reliability([], []).n == 0


def test_a_perfect_forecaster_has_little_error(module):
    """
    Outcomes drawn with the stated probabilities: ten bins of n/10 each miss by about 0.4 / sqrt(n / 10) on average.
    """
    rng = np.random.default_rng(1)
    said = rng.random(20_000)

    assert module("_reliability").reliability(said, rng.random(20_000) < said).error < 0.02


def _stream(streams, name, n, bounds):
    return streams.labelled_stream(name, np.arange(float(n)), np.zeros(n), bounds)


def test_an_alarm_is_worth_more_the_earlier_it_is(streams):
    """
    The first row of a window is worth 1, later ones less, the last nearly nothing; what lies behind costs more and more.
    """
    stream = _stream(streams, "a", 200, [(100, 109)])

    assert stream.worth[100] == pytest.approx(1.0)
    # The window's last row lies a tenth of its width before the right edge.
    tenth = 2 / (1 + math.exp(-0.5)) - 1
    assert stream.worth[109] == pytest.approx(tenth / (2 / (1 + math.exp(-5.0)) - 1))
    assert np.all(np.diff(stream.worth[100:110]) < 0)
    assert stream.worth[110] == pytest.approx(2 / (1 + math.exp(5 / 9)) - 1)
    assert stream.worth[199] == -1.0
    assert stream.worth[99] == -1.0
    assert (stream.begin, stream.windows) == (30, 1)


def test_a_window_counts_its_best_row_and_false_alarms_add_up(streams):
    """
    A window hit late and then early counts once, early; each row outside costs 0.11.
    """
    stream = _stream(streams, "a", 200, [(100, 109)])
    scores = np.zeros(200)
    scores[[50, 105, 100]] = 0.9, 0.8, 0.7
    swept = streams.sweep([stream], {"a": scores})

    assert (swept.least, swept.most) == (-1.0, 1.0)
    assert swept.score(0.95) == 0.0
    assert swept.score(0.9) == pytest.approx(100 * -0.11 / 2)
    assert swept.score(0.8) == pytest.approx(100 * (stream.worth[105] + 1 - 0.11) / 2)
    assert swept.score(0.7) == pytest.approx(100 * (2 - 0.11) / 2)
    assert swept.best() == 0.7


def test_probation_is_not_judged(streams):
    """
    An alarm in the first 15% of the rows costs nothing.
    """
    scores = np.zeros(200)
    scores[[10, 100]] = 1.0
    stream = _stream(streams, "a", 200, [(100, 109)])

    assert streams.sweep([stream], {"a": scores}).score(1.0) == pytest.approx(100.0)


def test_thresholds_come_from_the_other_half(streams):
    """
    Files in even places that are perfect at 0.9, files in odd places at 0.5: with each other's threshold one half sees nothing.
    """
    files = [_stream(streams, name, 200, [(100, 109)]) for name in "abcd"]
    scores = {}
    for file, height in zip(files, (0.9, 0.5, 0.9, 0.5), strict=True):
        scores[file.name] = np.zeros(200)
        scores[file.name][100] = height

    assert streams.halves_score(files, scores) == pytest.approx((100.0, 0.0))


def test_scores_of_a_stream_use_nothing_that_came_later(module, streams):
    """
    Neither ours nor the peer's change when the rest of the rows is not there yet.
    """
    rows = module("_stream_rows")
    values = np.random.default_rng(3).normal(size=400)
    values[300] = 50.0
    stream = streams.labelled_stream("a", np.arange(400.0) * 300, values, [(295, 305)])

    for scorer in (rows.score_ours, rows.score_by_tail):
        assert not rows.looks_ahead(scorer, stream, 350)
        assert all(0.0 <= score <= 1.0 for score in scorer(stream))


def test_the_z_score_of_a_board_speaks_once_a_burst(module):
    """
    Twenty samples of noise, then three far away: the first of them is the report; a missing sample keeps its place.
    """
    contenders = module("_contenders")
    values = np.array([0.0, 1.0] * 10 + [9.0, 9.5, 9.0, 1.0])
    with_gap = np.insert(values, 3, np.nan)

    assert [report.index for report in contenders.find_by_z_score(values)] == [20]
    assert [report.index for report in contenders.find_by_z_score(with_gap)] == [21]
    assert contenders.find_by_z_score(values[:20]) == ()


def test_a_stretch_with_a_step_is_not_calm(module):
    """
    Noise is calm, a step of two sd is not, and neither is a stretch of two values.
    """
    histories = module("_histories")
    noise = np.random.default_rng(5).normal(size=100)

    assert histories.is_calm(noise)
    assert not histories.is_calm(noise + 2.0 * (np.arange(100) >= 40))
    assert not histories.is_calm(np.tile([1.0, 2.0], 50))


def test_calm_windows_hold_the_samples_of_a_stretch_in_another_order(module):
    """
    Nothing is made up, and the same seed gives the same windows.
    """
    histories = module("_histories")
    history = np.random.default_rng(6).normal(size=60)

    def windows():
        return histories.calm_windows([history], 60, 3, np.random.default_rng(7))

    assert len(windows()) == 3
    assert all(sorted(window) == sorted(history) for window in windows())
    assert not np.array_equal(windows()[0], history)
    assert np.array_equal(windows(), windows())


def test_a_step_of_known_strength_is_put_in(module):
    """
    Its height is z times the sd, spikes clipped, over sqrt(t (n - t) / n).
    """
    histories, steps = module("_histories"), module("_single_steps")
    window = np.random.default_rng(8).normal(size=100)
    window[50] = 1000.0

    stepped = steps.one_step(window, 6.0, np.random.default_rng(9))
    (place,) = stepped.changes
    height = abs(stepped.values[place] - window[place])

    assert histories.spread(window, beyond=6.0) == pytest.approx(1.0, abs=0.25)
    assert height * math.sqrt(place * (100 - place) / 100) / histories.spread(window, beyond=6.0) == pytest.approx(6.0)
    assert np.array_equal(stepped.values[:place], window[:place])
    assert 5 <= place <= 95
    newest = steps.newest_step(window, 6.0, 2, np.random.default_rng(9))
    assert newest.changes == (98,)
    assert np.ptp((newest.values - window)[98:]) == pytest.approx(0.0, abs=1e-9)


def test_the_best_split_is_where_the_step_is(module):
    """
    A spike that explains more than the step does not move it.
    """
    values = np.random.default_rng(10).normal(size=60) + 8.0 * (np.arange(60) >= 20)
    values[45] = 500.0

    assert module("_single_steps").best_split(values) == 20


@pytest.mark.parametrize(
    ("value", "interval", "at_most", "by_interval", "met"),
    [
        (0.01, (0.0, 0.02), True, False, True),
        (0.01, (0.0, 0.02), True, True, False),
        (0.9, (0.8, 0.95), False, False, True),
        (0.9, (0.8, 0.95), False, True, False),
    ],
)
def test_a_target_can_be_held_against_the_worse_end(module, value, interval, at_most, by_interval, met):
    """
    The upper end of what should be low, the lower of what should be high.
    """
    row = module("_detection_row")
    target = 0.015 if at_most else 0.85
    figure = row.Figure(value, 100, interval)
    made = row.Row("null", "a measure", row.SHARE, {"ours": figure}, target, at_most=at_most, by_interval=by_interval)

    assert made.met is met
    assert ("missed" in made.target_text()) is not met


def test_groups_that_were_not_measured_stay_in_the_result_file(module, tmp_path):
    """
    Measuring one group leaves what is known of another, with the circumstances that it was measured in.
    """
    report, row = module("_detection_report"), module("_detection_row")
    path = tmp_path / "detection.json"
    rows = [row.Row("null", "a measure", row.SHARE, {"ours": row.share(1, 100)})]
    path.write_text(report.written(path, {"null": report.group_content(rows, {"seed": 1})}), encoding="utf-8")

    text = report.written(path, {"changes": report.group_content([], {"seed": 2})})

    groups = json.loads(text)["groups"]
    assert groups["null"]["seed"] == 1
    assert groups["null"]["rows"][0]["figures"]["ours"]["value"] == 0.01
    assert groups["changes"]["rows"] == []
    assert "| a measure | 1.00% (0.18% to 5.45%) |  |" in report.table(rows, ())


def test_a_reliability_diagram_is_well_formed_and_shows_each_bin(module):
    """
    One point a bin that holds something, at its confidence and its share.
    """
    reliability, picture = module("_reliability"), module("_reliability_picture")
    measured = reliability.reliability([0.25, 0.25, 0.85], [True, False, True])

    text = picture.reliability_picture("a title", measured)

    root = ET.fromstring(text)  # noqa: S314  # our own

    points = [element for element in root if element.tag.endswith("circle")]
    assert len(points) == 2
    assert float(points[0].get("cy")) == pytest.approx(picture._y(0.5), abs=0.06)
    assert "3 reports" in "".join(root.itertext())
