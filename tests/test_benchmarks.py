"""
The arithmetic of the benchmark, and the table that it makes.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def rounds(monkeypatch):
    """
    The module of cases, spreads and ratios.
    """
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("_rounds")


@pytest.fixture
def report(rounds):
    """
    The module of rows and tables.
    """
    return importlib.import_module("_report")


@pytest.fixture
def row(rounds, report):
    """
    A row whose figure is what is given.
    """

    def make(figure, **others):
        spread = rounds.Spread(figure - 0.01, figure, figure + 0.01)
        return report.Row("`this`", "`that`", "µs", spread, None, spread, "×", **others)

    return make


def test_ratios_and_differences_are_formed_within_a_round(rounds):
    """
    Two cases that double together in every other round have the same ratio in all of them.
    """
    ours, theirs = [2.0, 4.0, 2.0, 4.0, 2.0], [1.0, 2.0, 1.0, 2.0, 1.0]

    assert rounds.ratio(ours, theirs) == rounds.Spread(2.0, 2.0, 2.0)
    assert rounds.difference(ours, theirs) == rounds.Spread(1.0, 1.0, 2.0)


def test_a_quotient_of_two_processes_is_as_wide_as_the_quartiles_allow(rounds):
    """
    Where rounds were not the same, the low end is the lowest by the highest.
    """
    quotient = rounds.Spread(1.0, 2.0, 4.0).by(rounds.Spread(2.0, 4.0, 5.0))

    assert (quotient.low, quotient.median, quotient.high) == (0.2, 0.5, 2.0)


def test_every_case_runs_in_every_round_in_an_order_that_changes(rounds):
    """
    Each case works and settles once a round and once before, and the rounds differ in order.
    """
    done = []
    cases = {
        name: rounds.Case(lambda times, name=name: done.append((name, times)), 3, lambda name=name: done.append(name))
        for name in "abc"
    }

    taken = rounds.take_turns(cases, rounds=20)

    worked, settled = done[::2], done[1::2]
    assert [name for name, _ in worked] == settled
    assert {times for _, times in worked} == {3}
    orders = [tuple(settled[i : i + 3]) for i in range(3, len(settled), 3)]
    assert len(orders) == 20
    assert {frozenset(order) for order in orders} == {frozenset("abc")}
    assert len(set(orders)) > 1
    assert {len(times.wall) for times in taken.values()} == {len(times.cpu) for times in taken.values()} == {20}


def test_settling_is_computed_but_not_waited_for(rounds, monkeypatch):
    """
    The wall clock stops before a case settles, the CPU clock after.
    """
    now = {"wall": 0.0, "cpu": 0.0}

    def spend(seconds):
        now["wall"] += seconds
        now["cpu"] += seconds

    monkeypatch.setattr(rounds.time, "perf_counter", lambda: now["wall"])
    monkeypatch.setattr(rounds.time, "process_time", lambda: now["cpu"])
    case = rounds.Case(spend, 4, lambda: spend(8.0))

    taken = rounds.take_turns({"case": case}, rounds=2)

    assert taken["case"] == rounds.Taken([1.0, 1.0], [3.0, 3.0])


@pytest.mark.parametrize(
    ("target", "below", "met"), [(None, False, True), (0.5, False, True), (0.49, False, False), (0.5, True, False)]
)
def test_a_target_is_for_the_median(row, target, below, met):
    """
    A row without a target is met; "faster than" is not met by being as fast.
    """
    made = row(0.5, target=target, below=below)

    assert made.met is met
    assert ("missed" in made.cells()[-1]) is not met


def test_the_table_is_made_of_the_result_file_alone(report, row, tmp_path):
    """
    What JSON gives back makes the same cells, between the markers and nowhere else.
    """
    rows = [row(0.5, target=0.4), row(2.0)]
    where = {"cpu": "a CPU", "cores": 2, "python": "CPython 3", "packages": {"orjson": "3"}}
    content = json.loads(report.as_json(rows, where, rounds=7, absent=["autometrics"]))
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n", encoding="utf-8")

    report.write_table(readme, content)

    text = readme.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{report.BEGIN}\n| what | against |")
    assert text.endswith(f"\n{report.END}\nafter\n")
    assert "| `this` | `that` | 0.500 µs |  | 0.500 × (0.490 to 0.510) | ≤ 0.4 × **missed** |" in text
    assert "old" not in text
    assert "under 5% is noise" in text
    assert "for want of an environment: autometrics" in text
    assert [report.row_of(cost) for cost in content["costs"]] == rows


def test_a_table_without_a_place_is_refused(report, tmp_path):
    """
    A README without the markers is left as it is.
    """
    readme = tmp_path / "README.md"
    readme.write_text("nothing\n", encoding="utf-8")

    with pytest.raises(ValueError, match="needs a place"):
        report.write_table(readme, {})

    assert readme.read_text(encoding="utf-8") == "nothing\n"
