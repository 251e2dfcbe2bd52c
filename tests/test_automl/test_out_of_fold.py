from __future__ import annotations

import numpy as np

from artifacts.outcome import Outcome
from artifacts.schema import Kind
from automl import ensemble
from automl.backends import out_of_fold
from automl.backends.fitted_search import weighted
from automl.ensemble import greedy_blend
from evaluation.metrics import METRICS


def test_few_scores_come_back_as_they_were(tmp_path) -> None:
    scores = np.random.default_rng(0).normal(size=(5, 3))
    scores[2] = np.nan
    out_of_fold.write(tmp_path, scores)
    back = out_of_fold.read(tmp_path)
    np.testing.assert_array_equal(back, scores)
    assert not isinstance(back, np.memmap) and out_of_fold.unknown((5, 3)).dtype == np.float64


def test_many_are_mapped_in_half_the_bytes(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(out_of_fold, "MOST_IN_MEMORY", 10)
    scores = np.random.default_rng(0).normal(size=(5, 3))
    out_of_fold.write(tmp_path, scores)
    back = out_of_fold.read(tmp_path)
    assert isinstance(back, np.memmap) and back.dtype == np.float32
    np.testing.assert_allclose(back, scores, rtol=1e-6)
    assert out_of_fold.unknown((5, 3)).dtype == np.float32 and np.isnan(out_of_fold.unknown((5, 3))).all()
    assert weighted({"a": 0.5, "b": 0.5}, {"a": back, "b": back}).dtype == np.float64


def test_a_blend_of_many_scores_is_found_on_some_rows(monkeypatch) -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 4000)
    outcome = Outcome(Kind.MULTICLASS, y, ("a", "b", "c"), 3)
    signal = 2.0 * np.eye(3)[y]
    scores = {name: signal * part + rng.normal(size=(4000, 3)) for name, part in (("good", 1.0), ("bad", 0.2))}
    whole = greedy_blend(scores, outcome, METRICS["log_loss"])
    monkeypatch.setattr(ensemble, "MOST_NUMBERS", 3000)
    seen = []
    monkeypatch.setattr(ensemble, "from_link", lambda kind, link: seen.append(len(link)) or softmax(link))
    some = greedy_blend(scores, outcome, METRICS["log_loss"])
    assert set(seen) == {1000}
    assert abs(some["good"] - whole["good"]) < 0.15
    rows = [ensemble._some(np.ones(4000, dtype=bool), scores, seed).tolist() for seed in (0, 0, 1)]
    assert rows[0] == rows[1] != rows[2], "the run's seed chooses them"


def softmax(link: np.ndarray) -> np.ndarray:
    powers = np.exp(link)
    return powers / powers.sum(axis=1, keepdims=True)
