"""The best candidate of each model, kept in the run; without any fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from artifacts.errors import InputError
from automl import view_scores
from automl.backends.base import Candidate, FittedBackend
from automl.model_scores import MOST_MODELS, KeptModel, ModelPool, ModelScores


def link(value: float, n: int = 50) -> np.ndarray:
    return np.full((n, 1), value) + np.arange(n)[:, None]


def test_each_model_has_its_best_candidate_and_the_final_one_is_first() -> None:
    pool = ModelPool(higher_is_better=False)
    pool.add(Candidate("a", "linear", "text"), 0.5, link(1))
    pool.add(Candidate("b", "linear", "all"), 0.4, link(2))
    pool.add(Candidate("c", "linear", "image"), 0.9, link(3))
    pool.add(Candidate("d", "mlp", "all"), 0.3, link(4))
    pool.add(Candidate("e", "other", "all"), float("nan"), link(5))
    pool.add(Candidate(FittedBackend.FINAL, "blend", "all"), 0.35, link(6))
    kept = pool.scores(0)
    assert kept is not None and kept.rows is None and kept.links.dtype == np.float32
    assert kept.models == tuple(
        KeptModel(*pair) for pair in (("blend", "all"), ("mlp", "all"), ("linear", "all"), ("other", "all"))
    )
    assert kept.links[:, 0, 0].tolist() == [6, 4, 2, 5]
    assert ModelPool(True).scores(0) is None


def test_the_final_model_stays_even_if_it_is_the_same_model_as_a_better_candidate() -> None:
    pool = ModelPool(higher_is_better=True)
    pool.add(Candidate(FittedBackend.FINAL, "linear", "all"), 0.1, link(1))
    pool.add(Candidate("a", "linear", "text"), 0.9, link(2))
    for i in range(2 * MOST_MODELS):
        pool.add(Candidate(f"m{i}", f"m{i}", "all"), i / 100, link(3))
    kept = pool.scores(0)
    assert kept is not None and len(kept.models) == MOST_MODELS and kept.models[0] == KeptModel("linear", "all")
    assert kept.models[1].model == f"m{2 * MOST_MODELS - 1}"


def test_the_file_is_bounded_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view_scores, "MOST_KEPT", 20)
    pool = ModelPool(higher_is_better=True)
    for name in ("a", "b"):
        pool.add(Candidate(name, name, "all"), 0.5, link(0))
    kept = pool.scores(3)
    assert kept is not None and kept.links.shape == (2, 10, 1) and kept.rows is not None
    np.testing.assert_array_equal(kept.links[0, :, 0], kept.rows)
    kept.save(tmp_path)
    again = ModelScores.load(tmp_path)
    assert again.models == kept.models and (again.links == kept.links).all() and (again.rows == kept.rows).all()
    (tmp_path / "models.json").unlink()
    with pytest.raises(InputError, match="older version"):
        ModelScores.load(tmp_path)
