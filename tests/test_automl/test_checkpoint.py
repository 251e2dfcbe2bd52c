"""A training that was killed goes on from its last whole epoch, and ends as it would have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from artifacts.contents import Contents
from artifacts.embedding_store import EmbeddingStore
from artifacts.examples import Examples
from artifacts.feature_table import Block, FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Column, Kind, Modality, Title, opaque_features
from artifacts.store import RunFolder
from automl.backends.base import Candidate, Problem
from automl.backends.tried import Tried
from automl.budget import Budget
from automl.models import tuning
from automl.models.checkpoint import Checkpoint, Course
from automl.models.tuned_text import TunedTextModel
from evaluation.metrics import METRICS
from evaluation.splits import Fold
from featurizers.encoders import Encoder

N = 60


class Killed(BaseException):
    """What no code catches."""


@pytest.fixture
def examples(encoders: tuple[Encoder, Encoder], tmp_path: Path) -> Examples:
    rng = np.random.default_rng(0)
    good = rng.integers(0, 2, size=N)
    texts = np.array([f"{'warm' if g else 'cold'} thing {i // 2}" for i, g in enumerate(good)], dtype=object)
    column = Column("title", Modality.TEXT, Title("title", "title"))
    store = EmbeddingStore(tmp_path / "cache")
    contents = Contents({"title": column}, {"title": texts}, {Modality.TEXT: encoders[0].to_json()}, None, store)
    block = Block("title", "embedding", opaque_features(column, "embedding", 3), np.zeros((N, 3), "f4"))
    return Examples(FeatureTable((block,), pd.RangeIndex(N), contents), Outcome(Kind.BINARY, good, ("no", "yes"), 2))


def killed_in(epoch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop a training in the middle of an epoch, counted over all trainings from here."""
    once, steps = tuning.Tuning._epoch, iter(range(1, 1000))

    def stopping(self, *rest):
        if next(steps) == epoch:
            self._step(self.known[:8], 1.0)  # which is lost
            raise Killed
        return once(self, *rest)

    monkeypatch.setattr(tuning.Tuning, "_epoch", stopping)


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_it_ends_as_it_would_have(
    examples: Examples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, epoch: int
) -> None:
    rows = np.arange(N)
    train, valid = examples.take(rows[rows % 3 > 0]), examples.take(rows[rows % 3 == 0])
    params = {"epochs": 4, "learning_rate": 3e-3, "head_rate": 3e-3, "patience": 9}
    whole = TunedTextModel(params).fit(train, valid)
    file = tmp_path / "kept" / "fold.safetensors"
    with monkeypatch.context() as patched:
        killed_in(epoch, patched)
        first = TunedTextModel(params)
        first.checkpoint = Checkpoint(file)
        with pytest.raises(Killed):
            first.fit(train, valid)
    assert file.exists() == (epoch > 1)
    begun: list[int] = []
    once = tuning.Tuning._epoch
    monkeypatch.setattr(
        tuning.Tuning, "_epoch", lambda self, number, *rest: begun.append(number) or once(self, number, *rest)
    )
    for _ in range(2):  # the second time there is nothing left to do
        again = TunedTextModel(params)
        again.checkpoint = Checkpoint(file)
        again.fit(train, valid)
        assert begun == list(range(epoch - 1, 4))
        np.testing.assert_allclose(again.losses_, whole.losses_, rtol=1e-5)
        np.testing.assert_allclose(again.decide(valid.table), whole.decide(valid.table), atol=1e-5)
        assert again.epochs_ == whole.epochs_ and len(again.seconds_) == 5


def test_that_of_another_training_is_left_alone(examples: Examples, tmp_path: Path) -> None:
    file = tmp_path / "fold.safetensors"
    for epochs in (1, 2):
        model = TunedTextModel({"epochs": epochs})
        model.checkpoint = Checkpoint(file)
        assert model.fit(examples).epochs_ == epochs


def test_that_of_other_rows_is_left_alone(examples: Examples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many rows of another fold, whose model would have learned from those that are validated here."""
    rows, begun, once = np.arange(N), [], tuning.Tuning._epoch
    monkeypatch.setattr(
        tuning.Tuning, "_epoch", lambda self, number, *rest: begun.append(number) or once(self, number, *rest)
    )
    for fold in (0, 1, 1):
        model = TunedTextModel({"epochs": 1})
        model.checkpoint = Checkpoint(tmp_path / "fold.safetensors")
        model.fit(examples.take(rows[rows % 3 != fold]), examples.take(rows[rows % 3 == fold]))
    assert begun == [0, 0]


def test_rates_and_what_is_drawn_are_kept(tmp_path: Path) -> None:
    def made(seed: int):
        weight = torch.full((3,), float(seed), requires_grad=True)
        optimizer = torch.optim.AdamW([{"params": [weight], "rate": 0.1 * seed}])
        weight.sum().backward()
        optimizer.step()
        return weight, optimizer, (np.random.default_rng(seed), torch.Generator().manual_seed(seed))

    weight, optimizer, random = made(1)
    Checkpoint(tmp_path / "x").save(Course("it", 4, epoch=2, lowered=1), {"learned": [weight]}, optimizer, random)
    other, other_optimizer, other_random = made(2)
    assert Checkpoint(tmp_path / "x").load("another", {"learned": [other]}, other_optimizer, other_random) is None
    course = Checkpoint(tmp_path / "x").load("it", {"learned": [other]}, other_optimizer, other_random)
    assert course == Course("it", 4, epoch=2, lowered=1) and torch.equal(other, weight)
    assert other_optimizer.param_groups[0]["rate"] == 0.1
    known, found = optimizer.state[weight], other_optimizer.state[other]
    assert known.keys() == found.keys() and all(torch.equal(known[name], found[name]) for name in known)
    assert other_random[0].random() == random[0].random()
    assert torch.equal(torch.rand(3, generator=other_random[1]), torch.rand(3, generator=random[1]))


def test_a_search_goes_on_inside_a_fold(examples: Examples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.arange(N)
    folds = tuple(Fold(rows[rows % 3 != k], rows[rows % 3 == k]) for k in range(3))
    problem = Problem(examples, folds, METRICS["roc_auc"], Budget(600.0), RunFolder(tmp_path / "run").create())
    wanted = Candidate("tuned_text-all", "tuned_text", "all", {"epochs": 2})
    with monkeypatch.context() as patched:
        killed_in(4, patched)  # the second one of the second fold
        with pytest.raises(Killed):
            Tried(problem, problem.budget).fit(wanted, Budget(300.0))
    kept = tmp_path / "run" / "search" / "checkpoints" / "tuned_text-all"
    assert sorted(path.name for path in kept.iterdir()) == ["fold_0.safetensors", "fold_1.safetensors"]
    begun: list[int] = []
    once = tuning.Tuning._epoch
    monkeypatch.setattr(
        tuning.Tuning, "_epoch", lambda self, number, *rest: begun.append(number) or once(self, number, *rest)
    )
    tried = Tried(problem, problem.budget)
    assert tried.begun(wanted.key)
    done = tried.fit(wanted, Budget(300.0))
    assert not done.error and begun == [1, 0, 1] and not kept.parent.exists()
