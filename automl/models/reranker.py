"""A booster over (row, candidate class) pairs, shared by all classes, trained by the log loss of the whole softmax."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl.models.candidate_classes import Candidates
from automl.models.lightgbm import Watch

Float = NDArray[np.float64]
Single = NDArray[np.float32]
Int = NDArray[np.int64]


@dataclass(frozen=True)
class Ranked:
    """Shortlists of rows to learn from or to stop on.

    ``features`` float32 (n, n_candidates, n_features), ``offset`` (n, n_candidates) and ``rest`` (n,) as in
    ``Candidates``; ``truth`` (n,) is the place of the true class in the shortlist, -1 if it is not there.
    """

    features: Single
    offset: Float
    rest: Float
    truth: Int
    weight: Float

    @classmethod
    def of(cls, parts: list[Candidates], y: Int, weight: Float) -> Ranked:
        """Of pieces of rows, whose true classes are ``y``."""
        classes = np.concatenate([part.classes for part in parts])
        there = classes == y[:, None]
        truth = np.where(there.any(axis=1), there.argmax(axis=1), -1)
        features, offset, rest = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("features", "offset", "log_rest")
        )
        return cls(features, offset, rest, truth, weight)

    @property
    def matrix(self) -> Single:
        """The pairs as rows."""
        return self.features.reshape(-1, self.features.shape[-1])

    def shares(self, found: Float) -> Float:
        """Probabilities (n, n_candidates) after moving the shortlist's scores by ``found`` (n * n_candidates,)."""
        scores = self.offset + found.reshape(self.offset.shape)
        top = np.maximum(scores.max(axis=1), self.rest)[:, None]
        powers = np.exp(scores - top)
        return np.asarray(powers / (powers.sum(axis=1, keepdims=True) + np.exp(self.rest[:, None] - top)))

    def loss(self, found: Float) -> float:
        """Mean log loss; where the truth is outside, of all that is outside."""
        p = self.shares(found)
        inside = p[np.arange(len(p)), self.truth]
        true = np.where(self.truth >= 0, inside, 1.0 - p.sum(axis=1))
        return float(-(self.weight @ np.log(np.maximum(true, 1e-12))) / self.weight.sum())

    def slopes(self, found: Float, _: Any = None) -> tuple[Float, Float]:
        """Gradient and Hessian of the loss in each pair's score, as LightGBM asks for them."""
        p = self.shares(found)
        off = p.copy()
        known = np.flatnonzero(self.truth >= 0)
        off[known, self.truth[known]] -= 1.0
        weight = self.weight[:, None]
        return (weight * off).ravel(), (weight * np.maximum(p * (1.0 - p), 1e-6)).ravel()


def boosted(
    train: Ranked,
    valid: Ranked | None,
    options: dict[str, Any],
    *,
    rounds: int,
    patience: int,
    deadline: float | None,
) -> tuple[Any, int]:
    """A booster of LightGBM and its number of rounds: the best on ``valid``, or all; None and 0 without a gain."""
    import lightgbm

    options = {**options, "objective": "none", "metric": "none"}
    dataset = lightgbm.Dataset(train.matrix, params=options, free_raw_data=True)
    booster = lightgbm.Booster(params=options, train_set=dataset)
    watch = Watch(patience)
    if valid is not None:
        booster.add_valid(lightgbm.Dataset(valid.matrix, reference=dataset, params=options), "valid")
        watch.watching = True
        watch.see(0, valid.loss(np.zeros(valid.offset.size)))

    def loss(found: Float, _: Any) -> tuple[str, float, bool]:
        assert valid is not None
        return "loss", valid.loss(found), False

    for number in range(1, rounds + 1):
        started = time.monotonic()
        finished = booster.update(fobj=train.slopes)
        if watch.watching:
            watch.see(number, booster.eval_valid(feval=loss)[0][2])
        now = time.monotonic()
        if finished or watch.over or (deadline is not None and 2 * now - started > deadline):
            break
    kept = watch.best_round if watch.watching else booster.current_iteration()
    if kept < 1:
        return None, 0
    return lightgbm.Booster(model_str=booster.model_to_string(num_iteration=kept)), kept
