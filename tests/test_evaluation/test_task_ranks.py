from __future__ import annotations

import numpy as np
import pytest

from artifacts.errors import InputError
from evaluation.task_ranks import critical_difference, rank_tasks


def test_the_critical_difference_is_that_of_the_paper() -> None:
    # Demsar (2006), table 5 and section 3.2.2: four classifiers over 14 data sets, q = 2.569.
    assert critical_difference(4, 14) == pytest.approx(2.569 * np.sqrt(4 * 5 / (6 * 14)), abs=2e-3)
    assert critical_difference(2, 9) == pytest.approx(1.960 / 3, abs=1e-3)
    with pytest.raises(InputError, match="two presets and a task"):
        critical_difference(1, 3)


def test_ranks_win_rates_and_ties() -> None:
    scores = {"a": {"x": 0.9, "y": 0.5, "z": 0.5}, "b": {"x": -1.0, "y": -2.0, "z": float("nan")}}
    found = rank_tasks(scores)
    assert found.presets == ("x", "y", "z")
    assert found.ranks.tolist() == [[1.0, 2.5, 2.5], [1.0, 2.0, 3.0]]
    assert found.win_rates.tolist() == [1.0, 0.375, 0.125]
    assert found.why_not == "tasks_few" and np.isnan(found.critical_difference)


def test_clear_differences_are_told_apart_and_noise_is_not() -> None:
    rng = np.random.default_rng(0)
    better = {f"t{i}": {"best": 9.0, "mid": rng.normal(), "same": rng.normal()} for i in range(30)}
    found = rank_tasks(better)
    assert found.presets[0] == "best" and found.test == "friedman" and found.p_value < 1e-6
    assert found.cliques == ((1, 2),), "the two equal ones are joined, the best is alone"
    refuted = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        noise = {f"t{i}": {name: rng.normal() for name in "abcd"} for i in range(12)}
        refuted += rank_tasks(noise).p_value < 0.05
    assert refuted <= 6


def test_two_presets_take_the_sign_test_and_ties_everywhere_say_nothing() -> None:
    found = rank_tasks({f"t{i}": {"a": 1.0, "b": 0.0} for i in range(8)})
    assert found.test == "sign" and found.p_value == pytest.approx(2 / 2**8) and found.cliques == ()
    for names in ("ab", "abc"):
        assert rank_tasks({f"t{i}": dict.fromkeys(names, 1.0) for i in range(3)}).p_value == 1.0


def test_tasks_without_the_common_presets_are_left_out_by_name() -> None:
    scores = {f"t{i}": {"a": 1.0, "b": float(i), "c": 0.5} for i in range(3)} | {
        "lone": {"a": 1.0},
        "pair": {"a": 1.0, "d": 0},
    }
    found = rank_tasks(scores)
    assert found.tasks == ("t0", "t1", "t2") and found.left_out == ("lone", "pair")
    with pytest.raises(InputError, match="No task has runs of two presets"):
        rank_tasks({"t": {"a": 1.0}, "u": {"a": 2.0}})
