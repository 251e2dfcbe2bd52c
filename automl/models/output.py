"""Between an outcome and what a library learns: targets and weights in, link scores out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.link import centred
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from automl.models.target_scale import TargetScale, scales_to_try

if TYPE_CHECKING:
    import optuna

Float = NDArray[np.float64]
Int = NDArray[np.int64]

UNEVEN = 3  # the largest class against the smallest: then weights of classes are searched
PSEUDO_COUNT = 0.5  # of Jeffreys' prior: the log-odds of an event that never happened stay finite


@dataclass(frozen=True)
class OutputParams:
    """Parameters that every model has: how the outcome is put to the library.

    ``target_scale``: of a regression, see ``TargetScale``. ``class_balance``: rows of a class with the share p of all
    weigh ``p ** -class_balance`` times as much, so that at 1 each class weighs the same and at 0 each row does; rare
    classes are predicted more often then, and probabilities follow the weights.
    """

    target_scale: str = "identity"
    class_balance: float = 0.0


@dataclass(frozen=True)
class Output:
    """What a library is asked to learn, and how its raw scores become link scores.

    A regression is learned as ``(target.forward(y) - centre) / scale``; its contributions are put back into units of
    the target in proportion. Classes are learned as positions in ``present``, the classes that the training rows have,
    with ``class_weight`` (n_present,) times the rows' own weights. A known class that they lack gets a logit
    that holds its probability below ``PSEUDO_COUNT / (n_samples + 1)``. ``prior`` (n_raw,) is the raw
    score of the best constant prediction, ``learnable`` whether there is anything beyond it.

    Of many labels, ``present`` are those that some training rows have and others lack. Any other known label keeps the
    log-odds of its prior in ``fixed`` (n_outputs,).
    """

    kind: Kind
    n_outputs: int
    n_samples: int
    present: tuple[int, ...]
    centre: float
    scale: float
    prior: tuple[float, ...]
    learnable: bool
    target: TargetScale = field(default_factory=TargetScale)
    class_weight: tuple[float, ...] = ()
    fixed: tuple[float, ...] = ()

    @classmethod
    def of(cls, outcome: Outcome, chosen: OutputParams | None = None) -> Self:
        """Learn from the outcome of the training rows.

        Raises:
            InputError: if there are no rows, or the outcome's weights or targets are not usable.
        """
        chosen = chosen or OutputParams()
        weight, y = outcome.sample_weight, outcome.y
        if not outcome.n_samples or not np.isfinite(weight).all() or weight.min() < 0 or weight.sum() <= 0:
            raise InputError(
                f"Training needs rows with finite weights >= 0 that are not all 0, but got {outcome.n_samples} rows."
            )
        if outcome.kind is Kind.MULTICLASS or outcome.kind is Kind.BINARY:
            return cls._of_classes(outcome, weight / weight.mean(), chosen.class_balance)
        if outcome.kind is Kind.MULTILABEL:
            return cls._of_labels(outcome, weight / weight.mean())
        if not np.isfinite(y).all():
            raise InputError(f"Training needs finite targets, but {int((~np.isfinite(y)).sum())} are not.")
        if outcome.kind is Kind.CONVERSION:
            centre = float(np.average(y, weights=weight))
            learnable = 0.0 < centre < 1.0
            events, total = float((weight * y).sum()), float(weight.sum())
            pseudo = 0.0 if learnable else PSEUDO_COUNT
            prior = np.log((events + pseudo) / (total - events + pseudo))
            return cls(outcome.kind, 1, len(y), (), 0.0, 1.0, (float(prior),), learnable)
        target = TargetScale.of(chosen.target_scale, y)
        y = target.forward(y)
        centre = float(np.average(y, weights=weight))
        scale = float(np.sqrt(np.average(np.square(y - centre), weights=weight)))
        learnable = scale > 1e-12 * abs(centre) and bool(np.isfinite(scale))
        return cls(outcome.kind, 1, len(y), (), centre, scale if learnable else 1.0, (0.0,), learnable, target)

    @classmethod
    def _of_classes(cls, outcome: Outcome, weight: Float, balance: float) -> Self:
        counts = np.bincount(outcome.y, weights=weight, minlength=outcome.n_known)
        present = tuple(int(code) for code in np.flatnonzero(counts > 0))
        if present[-1] >= outcome.n_known:
            raise InputError(f"Training rows have classes >= {outcome.n_known} that the task does not know.")
        factor = (counts[list(present)] / counts.sum()) ** -balance
        counts[list(present)] *= factor * counts.sum() / (counts[list(present)] * factor).sum()
        if outcome.kind is Kind.BINARY:
            prior: tuple[float, ...] = (float(np.log((counts[1] + PSEUDO_COUNT) / (counts[0] + PSEUDO_COUNT))),)
        else:
            prior = tuple(float(x) for x in centred(np.log(counts[list(present)])))
        return cls(
            outcome.kind,
            outcome.n_known,
            len(outcome.y),
            present,
            0.0,
            1.0,
            prior,
            len(present) > 1,
            class_weight=tuple(map(float, factor)),
        )

    @classmethod
    def _of_labels(cls, outcome: Outcome, weight: Float) -> Self:
        y, n = outcome.y[:, : outcome.n_known], len(outcome.y)
        held = weight @ y
        fixed = np.log((held + PSEUDO_COUNT) / (weight.sum() - held + PSEUDO_COUNT))
        counted = y[weight > 0]
        present = np.flatnonzero((counted.min(axis=0) < 1) & (counted.max(axis=0) > 0))
        prior = tuple(float(x) for x in fixed[present])
        places = tuple(int(label) for label in present)
        return cls(outcome.kind, outcome.n_known, n, places, 0.0, 1.0, prior, bool(places), fixed=tuple(fixed.tolist()))

    @property
    def n_raw(self) -> int:
        """Columns of the raw scores that a library gives."""
        return len(self.prior)

    def encode(self, outcome: Outcome) -> tuple[Float, Float]:
        """Targets and weights (n_samples,) for the library; the weights have mean 1. Targets of many labels are 0 and 1
        (n_samples, n_raw).

        So the strength of a penalty does not depend on the unit of the weights, or on how many
        trials a row has on average. A row whose class ``present`` lacks has weight 0.
        """
        weight = outcome.sample_weight.astype(np.float64)
        if self.kind is Kind.MULTICLASS:
            position = np.full(max(self.n_outputs, int(outcome.y.max(initial=0)) + 1), -1)
            position[list(self.present)] = np.arange(len(self.present))
            y = position[outcome.y].astype(np.float64)
            weight = np.where(y < 0, 0.0, weight)
            y = np.maximum(y, 0.0)
            weight *= np.array(self.class_weight)[y.astype(np.int64)]
        elif self.kind is Kind.MULTILABEL:
            y = np.ascontiguousarray(outcome.y[:, list(self.present)])
        else:
            y = (self.target.forward(outcome.y.astype(np.float64)) - self.centre) / self.scale
            if self.kind is Kind.BINARY:
                factor = np.ones(2)
                factor[list(self.present)] = self.class_weight
                weight *= factor[outcome.y]
        mean = weight.mean() if len(weight) else 0.0
        return y, weight / mean if mean > 0 else weight

    def link(self, raw: Float) -> Float:
        """Link scores (n_samples, n_link) of raw scores (n_samples, n_raw)."""
        values, base = self.link_parts(np.asarray(raw, dtype=np.float64)[:, None, :], np.zeros(self.n_raw))
        return np.asarray(values[:, 0] + base, dtype=np.float64)

    def link_parts(self, values: Float, base: Float) -> tuple[Float, Float]:
        """Raw contributions (n_samples, n_groups, n_raw) and raw base (n_raw,) on the link scale."""
        if self.kind is Kind.MULTILABEL:
            wide, whole = np.zeros((*values.shape[:-1], self.n_outputs)), np.array(self.fixed)
            wide[..., list(self.present)], whole[list(self.present)] = values, base
            return wide, whole
        if self.kind is not Kind.MULTICLASS:
            values, base = values * self.scale, base * self.scale + self.centre
            if self.target.is_plain:
                return values, base
            slope = self.target.slope(base + values.sum(axis=1), base)
            return values * slope[:, None], self.target.backward(base)
        lacking = self.n_outputs - len(self.present)
        values, base = centred(values), centred(base)
        if not lacking:
            return values, base
        # Logits centred over k classes have a log-sum-exp of at least log k: that bounds a fixed logit's probability.
        low = np.log(len(self.present)) + np.log(PSEUDO_COUNT / (self.n_samples + 1))
        wide = np.zeros((*values.shape[:-1], self.n_outputs))
        wide[..., list(self.present)] = values
        whole = np.full(self.n_outputs, low)
        whole[list(self.present)] = base
        return wide, centred(whole)

    def with_means(self, link: Float, outcome: Outcome) -> Self:
        """With the residuals of some rows and their link scores (n_samples, 1), see ``TargetScale.with_noise``."""
        y = np.clip(outcome.y, self.target.low, self.target.high)
        residuals = self.target.forward(y) - self.target.forward(link[:, 0])
        return replace(self, target=self.target.with_noise(residuals))

    def constant(self, n_samples: int) -> Float:
        """Raw scores (n_samples, n_raw) of the best constant prediction."""
        return np.tile(np.array(self.prior), (n_samples, 1))

    def to_json(self) -> dict[str, Any]:
        """Plain data; ``from_json`` reads it back."""
        return {**vars(self), "kind": self.kind.value, "target": asdict(self.target)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` gave."""
        listed = {name: tuple(data[name]) for name in ("present", "prior", "class_weight", "fixed")}
        return cls(**{**data, **listed, "kind": Kind(data["kind"]), "target": TargetScale.from_json(data["target"])})


def suggest_output(trial: optuna.Trial, model: str, outcome: Outcome) -> dict[str, Any]:
    """``OutputParams`` worth a search for these targets: scales where they are skewed, weights of uneven classes."""
    if outcome.kind is Kind.REGRESSION:
        scales = scales_to_try(outcome.y)
        return {} if len(scales) < 2 else {"target_scale": trial.suggest_categorical(f"{model}.target_scale", scales)}
    if outcome.kind in (Kind.BINARY, Kind.MULTICLASS):
        counts = np.bincount(outcome.y)
        counts = counts[counts > 0]
        if len(counts) and counts.max() > UNEVEN * counts.min():
            return {"class_balance": trial.suggest_float(f"{model}.class_balance", 0.0, 1.0)}
    return {}
