"""Turns of tuning: seconds shared evenly, small spaces left in good time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from automl.backends.base import Candidate
from automl.backends.turns import JOURNAL, N_ARMS, TRIALS_PER_PARAMETER, Arm, Turns, trials_asked

RANKED = [
    Candidate("mlp-table", "mlp", "table", fit_seconds=1.0),
    Candidate("mlp-all", "mlp", "all", fit_seconds=4.0),
    Candidate("linear-all", "linear", "all", fit_seconds=1.0),
    Candidate("lightgbm-all", "lightgbm", "all", fit_seconds=100.0),
    Candidate("catboost-all", "catboost", "all", fit_seconds=2.0),
]


@pytest.fixture
def turns(tmp_path: Path) -> Turns:
    return Turns(RANKED, tmp_path, maximize=True, seed=0)


def play(arm: Arm, seconds: float, n_parameters: int = 3) -> None:
    trial = arm.study.ask()
    for i in range(n_parameters):
        trial.suggest_float(f"{arm.key}.{i}", 0.0, 1.0)
    arm.tell(trial, 0.5, pruned=False)
    arm.spent += seconds


def test_models_come_before_second_views_and_share_the_seconds(turns: Turns) -> None:
    spent: dict[str, float] = {}
    for _ in range(40):
        arm = turns.next(1000.0)
        assert arm is not None
        seconds = arm.fit_seconds
        play(arm, seconds, n_parameters=9)
        spent[arm.key] = spent.get(arm.key, 0.0) + seconds
    assert set(spent) == {"mlp-table", "linear-all", "lightgbm-all"}, "the best view of the three best models"
    assert abs(spent["mlp-table"] - spent["linear-all"]) <= 1.0
    assert spent["lightgbm-all"] == 100.0, "a slow arm has its turn, and then waits for the others"


def test_an_arm_without_parameters_or_seen_often_makes_room(turns: Turns) -> None:
    played: list[str] = []
    for _ in range(1 + 4 * TRIALS_PER_PARAMETER):
        arm = turns.next(1000.0)
        assert arm is not None
        play(arm, 1.0, n_parameters=0 if arm.model == "linear" else 1)
        played.append(arm.key)
    counts = {key: played.count(key) for key in played}
    assert counts.pop("linear-all") == 1
    assert counts == dict.fromkeys(("mlp-table", "mlp-all", "lightgbm-all", "catboost-all"), TRIALS_PER_PARAMETER)
    assert played.index("mlp-all") > max(played.index(key) for key in counts if key != "mlp-all")


def test_where_all_had_their_trials_and_time_is_left_another_round_begins(tmp_path: Path) -> None:
    ranked = [*RANKED[:3], Candidate("catboost-all", "catboost", "all", fit_seconds=60.0)]

    def played(turns: Turns, n: int, seconds_left: float) -> list[str]:
        keys = []
        for _ in range(n):
            arm = turns.next(seconds_left)
            assert arm is not None
            play(arm, 1.0, n_parameters=0 if arm.model == "linear" else 1)
            keys.append(arm.key)
        return keys

    turns = Turns(ranked, tmp_path, maximize=True, seed=0)
    first = played(turns, 1 + 3 * TRIALS_PER_PARAMETER, 1000.0)
    second = played(turns, 2 * TRIALS_PER_PARAMETER, 20.0)
    assert set(first) == {"mlp-table", "mlp-all", "linear-all", "catboost-all"}
    assert {key: second.count(key) for key in second} == dict.fromkeys(("mlp-table", "mlp-all"), TRIALS_PER_PARAMETER)
    later = Turns(ranked, tmp_path, maximize=True, seed=0)
    assert set(played(later, 2 * TRIALS_PER_PARAMETER, 20.0)) == {"mlp-table", "mlp-all"}, "a third one, later"
    assert later.next(0.5) is None


def test_models_without_parameters_end_the_tuning(tmp_path: Path) -> None:
    turns = Turns([RANKED[2]], tmp_path, maximize=True, seed=0)
    arm = turns.next(1000.0)
    assert arm is not None
    play(arm, 0.1, n_parameters=0)
    assert turns.next(1000.0) is None


def test_an_arm_that_joins_late_does_not_take_every_turn(turns: Turns) -> None:
    for _ in range(3 * TRIALS_PER_PARAMETER):
        arm = turns.next(1000.0)
        assert arm is not None
        play(arm, 1.0, n_parameters=1 if arm.model == "linear" else 9)
    assert len(RANKED) > N_ARMS, "one waits"
    keys = []
    for _ in range(9):
        arm = turns.next(1000.0)
        assert arm is not None
        play(arm, 1.0, n_parameters=9)
        keys.append(arm.key)
    assert max(keys.count(key) for key in keys) <= 4, keys


def test_an_arm_too_slow_for_what_is_left_waits(turns: Turns) -> None:
    keys = set()
    for _ in range(20):
        arm = turns.next(10.0)
        assert arm is not None
        play(arm, 1.0, n_parameters=9)
        keys.add(arm.key)
    assert keys == {"mlp-table", "linear-all", "catboost-all"}, "another plays in its place"
    assert turns.next(0.5) is None, "no time for any"


def test_fast_arms_play_where_the_slow_ones_no_longer_can(tmp_path: Path) -> None:
    slow = [Candidate(f"{name}-all", name, "all", fit_seconds=60.0) for name in ("mlp", "catboost", "lightgbm")]
    turns = Turns([*slow, Candidate("linear-all", "linear", "all", fit_seconds=1.0)], tmp_path, maximize=True, seed=0)
    arm = turns.next(25.0)
    assert arm is not None and arm.key == "linear-all"


def test_a_trial_that_was_cut_off_before_it_began_is_not_counted(tmp_path: Path) -> None:
    before = Turns(RANKED[:1], tmp_path, maximize=True, seed=0).next(100.0)
    assert before is not None
    before.study.ask()
    assert Turns(RANKED[:1], tmp_path, maximize=True, seed=0).next(100.0) is not None


def test_failed_and_pruned_trials_count_as_seen(tmp_path: Path) -> None:
    turns = Turns(RANKED[:1], tmp_path, maximize=False, seed=0)
    for i in range(TRIALS_PER_PARAMETER):
        arm = turns.next(100.0)
        assert arm is not None and arm.rounds() == i / TRIALS_PER_PARAMETER
        trial = arm.study.ask()
        trial.suggest_float("x", 0.0, 1.0)
        arm.tell(trial, None, pruned=i % 2 == 0)
    assert arm.rounds() == 1.0


def test_a_study_begins_with_what_is_known_once(tmp_path: Path) -> None:
    from optuna.distributions import FloatDistribution
    from optuna.trial import FrozenTrial, create_trial

    def known(default: Candidate) -> list[FrozenTrial]:
        space = {"mlp.width": FloatDistribution(0.0, 1.0)}
        return [create_trial(params={"mlp.width": 0.25}, distributions=dict(space), value=0.7)]

    for _ in range(2):
        arm = Turns(RANKED[:1], tmp_path, maximize=True, seed=0, known=known).next(100.0)
        assert arm is not None
        assert [trial.params for trial in arm.study.trials] == [{"mlp.width": 0.25}]
        assert arm.study.best_value == 0.7


def test_a_search_that_goes_on_finds_its_trials(tmp_path: Path) -> None:
    before = Turns(RANKED[:1], tmp_path, maximize=True, seed=0).next(100.0)
    assert before is not None
    play(before, 1.0)
    after = Turns(RANKED[:1], tmp_path, maximize=True, seed=0).next(100.0)
    assert after is not None and len(after.study.trials) == 1


def test_a_killed_search_asks_for_the_same_trials_as_one_that_was_not(tmp_path: Path) -> None:
    def asked(folder: Path, n: int) -> list[float]:
        turns, found = Turns(RANKED[:1], folder, maximize=True, seed=3), []
        for _ in range(n):
            arm = turns.next(100.0)
            assert arm is not None
            trial = arm.ask()
            found.append(trial.suggest_float("x", 0.0, 1.0))
            arm.tell(trial, found[-1], pruned=False)
        return found

    whole = asked(tmp_path / "one", 11)
    first = asked(tmp_path / "two", 4)
    killed = Turns(RANKED[:1], tmp_path / "two", maximize=True, seed=3).next(100.0)
    assert killed is not None
    killed.ask().suggest_float("x", 0.0, 1.0)  # and never told
    assert first + asked(tmp_path / "two", 7) == whole and len(set(whole)) == 11
    assert trials_asked(tmp_path / "two") == 11 and trials_asked(tmp_path / "none") == 0


def test_what_a_killed_process_left_of_a_journal_is_no_hindrance(tmp_path: Path) -> None:
    before = Turns(RANKED[:1], tmp_path, maximize=True, seed=0).next(100.0)
    assert before is not None
    play(before, 1.0)
    journal = tmp_path / JOURNAL
    with journal.open("ab") as file:
        file.write(b'{"op_code":5,"worker')
    (tmp_path / f"{JOURNAL}.lock").symlink_to(journal)
    started = time.monotonic()
    for _ in range(2):  # a line after half a one would be the fault
        after = Turns(RANKED[:1], tmp_path, maximize=True, seed=0).next(100.0)
        assert after is not None
        play(after, 1.0)
    assert len(after.study.trials) == 3
    assert time.monotonic() - started < 20.0, "a lock is waited for half a minute"
