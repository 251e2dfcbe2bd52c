"""What the own search leaves: a blend of fold models that explains itself."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from artifacts.explanation import Explanation
from artifacts.feature_table import FeatureTable
from artifacts.schema import Kind
from artifacts.store import read_object, reading, write_file
from automl.backends.base import Candidate, FittedBackend, Tuned
from automl.backends.out_of_fold import compact
from automl.backends.stacking import model_class, stack_table
from automl.calibration import Calibration
from automl.models.base import LINK_UNITS, Model
from automl.models.registry import TUNED
from automl.models.second_stage import ROWS_AT_ONCE, SecondStage
from automl.models.tuned_encoder import TunedEncoderModel
from automl.models.tuned_model import TunedModel
from evaluation.splits import n_pairs, pair_of

Float = NDArray[np.float64]
FoldModel = Model | SecondStage


@dataclass(frozen=True)
class Blend:
    """Weights of candidates, and what makes their sum calibrated."""

    key: str
    model: str
    view: str
    weights: dict[str, float]
    calibration: Calibration = field(default_factory=Calibration)

    def candidate(self, scores: dict[str, Float], members: Sequence[Candidate]) -> Candidate:
        """Its line, with scores out of fold; ``scores`` and ``members`` are those of all candidates."""
        seconds = sum(c.fit_seconds for c in members if c.key in self.weights)
        blended = compact(self.calibration.apply(weighted(self.weights, scores)))
        return Candidate(self.key, self.model, self.view, dict(self.weights), seconds, blended, 1.0)


class FittedSearch(FittedBackend):
    """A blend of fold models, calibrated. Models are read from ``folder`` when first asked for."""

    def __init__(
        self,
        kind: Kind,
        candidates: tuple[Candidate, ...],
        blends: dict[str, dict[str, float]],
        folder: Path,
        calibration: Calibration | None = None,
    ) -> None:
        self.kind = kind
        self.candidates = candidates
        self.blends = blends
        self.folder = folder
        self.calibration = calibration or Calibration()
        self._models: dict[str, list[FoldModel]] = {}

    def decide(self, table: FeatureTable, key: str = FittedBackend.FINAL) -> Float:
        """See ``FittedBackend.decide``: the weighted mean of members, each the mean of its fold models; the final one
        is calibrated."""
        if key in self.blends:
            link = _summed((weight, self.decide(table, member)) for member, weight in self.blends[key].items())
            return self.calibration.apply(link) if key == self.FINAL else link
        candidate = self._candidate(key)
        if candidate.members:
            read = stack_table({member: self.decide(table, member) for member in candidate.members}, table.index)
        else:
            read = table.select(view=candidate.view)
        models = self.models(key)
        # A tuned encoder keeps what it read last, for all models of the second stage that read it.
        parts = list(read.row_chunks(ROWS_AT_ONCE)) if candidate.reads else []
        found = [_summed((1.0 / len(models), model.decide(part)) for model in models) for part in parts or [read]]
        return found[0] if len(found) == 1 else np.concatenate(found)

    def kept_seconds(self, table: FeatureTable, key: str = FittedBackend.FINAL) -> float:
        """See ``FittedBackend.kept_seconds``."""
        return sum(
            model.kept_seconds(table.select(view=self._candidate(tuned).view))
            for tuned in self._tuned_below(key, table.n_samples)
            for model in self._models.get(tuned, ())
            if isinstance(model, TunedModel)
        )

    def _tuned_below(self, key: str, n: int) -> set[str]:
        """Candidates that tune encoders, of which one needs what they made of n rows."""
        parts = self.blends[key] if key in self.blends else self._candidate(key).members
        if parts:
            return set().union(*(self._tuned_below(part, n) for part in parts))
        candidate = self._candidate(key)
        if candidate.model in TUNED:
            return {key}
        return {candidate.reads} - {""} if n <= ROWS_AT_ONCE else set()  # in pieces, nothing that was kept is used

    @property
    def n_versions(self) -> int:
        """See ``FittedBackend.n_versions``; 1 also where members have different numbers of models, but for pairs."""
        numbers = {key: len(self.models(key)) for key in self.blends[self.FINAL]}
        most = max(numbers.values())
        if set(numbers.values()) == {most}:
            return most
        members = [self._candidate(key) for key in numbers]
        of_pairs = [one.model in TUNED and numbers[one.key] == n_pairs(most) for one in members]
        whole = [numbers[one.key] == most for one in members]
        each = all(a or b for a, b in zip(of_pairs, whole, strict=True))
        return most if each and not any(one.lack for one in members) else 1

    def versions(self, table: FeatureTable) -> Float | None:
        """See ``FittedBackend.versions``."""
        weights = self.blends[self.FINAL]
        members = {key: self.models(key) for key in weights}
        n_folds = self.n_versions if self.n_versions > 1 else min(len(models) for models in members.values())
        if n_folds == 1:
            return None
        views = {key: table.select(view=self._candidate(key).view) for key in weights}
        folds = (
            _summed(
                (weight, members[key][pair_of(i, n_folds, len(members[key]))].decide(views[key]))
                for key, weight in weights.items()
            )
            for i in range(n_folds)
        )
        return np.stack([self.calibration.apply(link) for link in folds])

    def members(self, table: FeatureTable) -> tuple[Float, Float]:
        """See ``FittedBackend.members``; each calibrated as the blend is."""
        weights = self.blends[self.FINAL]
        share = np.array(list(weights.values())) / sum(weights.values())
        return share, np.stack([self.calibration.apply(self.decide(table, key)) for key in weights])

    def tuned(self) -> Tuned:
        """See ``FittedBackend.tuned``."""
        weights = self.blends[self.FINAL]
        own = {key: weight for key, weight in weights.items() if self._candidate(key).model in TUNED}
        if own:
            return Tuned(sum(own.values()) / sum(weights.values()), 0.0, self._weighed(own, self.calibration.scale))
        read: dict[str, float] = {}
        for key, weight in weights.items():
            if first := self._candidate(key).reads:
                read[first] = read.get(first, 0.0) + weight
        total = sum(read.values())
        return Tuned(0.0, total / sum(weights.values()), self._weighed(read, 1.0 / total)) if read else Tuned()

    def _weighed(self, weights: dict[str, float], factor: float) -> tuple[tuple[float, TunedModel], ...]:
        return tuple(
            (factor * weight / len(self.models(key)), model)
            for key, weight in weights.items()
            for model in self.models(key)
            if isinstance(model, TunedModel)
        )

    def contributions(self, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]) -> Explanation:
        """See ``Model.contributions``; the final blend's."""
        return self._explained({key: self.models(key) for key in self.blends[self.FINAL]}, table, groups, names)

    def contributions_of(
        self, version: int, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]
    ) -> Explanation:
        """Contributions to the scores of one of the ``versions``."""
        members = {key: self.models(key) for key in self.blends[self.FINAL]}
        n = self.n_versions
        of_fold = {key: [models[pair_of(version, n, len(models))]] for key, models in members.items()}
        return self._explained(of_fold, table, groups, names)

    def _explained(
        self,
        members: Mapping[str, Sequence[FoldModel]],
        table: FeatureTable,
        groups: NDArray[np.int64],
        names: Sequence[str],
    ) -> Explanation:
        position = {feature.name: i for i, feature in enumerate(table.features)}
        total, base, methods = np.zeros(0), np.zeros(0), []
        for key, models in members.items():
            weight = self.blends[self.FINAL][key]
            view = table.select(view=self._candidate(key).view)
            within = groups[[position[feature.name] for feature in view.features]]
            for model in models:
                part = model.contributions(view, within, names)
                total = total + weight / len(models) * part.values if total.size else weight / len(models) * part.values
                base = base + weight / len(models) * part.base if base.size else weight / len(models) * part.base
                methods.append(f"{model.name}: {part.method}")
        total, base = self.calibration.scale * total, self.calibration.apply(base)
        return Explanation(tuple(names), total, base, LINK_UNITS[self.kind], "; ".join(dict.fromkeys(methods)))

    def models(self, key: str) -> list[FoldModel]:
        """The fold models of a candidate; those of the final blend stay in memory."""
        if key in self._models:
            return self._models[key]
        candidate = self._candidate(key)
        with reading(self.folder / key):
            folders = sorted((self.folder / key).glob("model_*"))
            models: list[FoldModel] = [model_class(candidate).load(folder) for folder in folders]
            if candidate.reads:
                models = paired(models, self.models(candidate.reads))
        if key in self._in_final or any(key == other.reads for other in self.candidates):  # several read them in turn
            self._models[key] = models
        return models

    @property
    def _in_final(self) -> set[str]:
        """Candidates that the final blend needs: its members, and those whose vectors they read."""
        members = self.blends[self.FINAL]
        return {*members, *(self._candidate(key).reads for key in members)} - {""}

    def _candidate(self, key: str) -> Candidate:
        return next(candidate for candidate in self.candidates if candidate.key == key)

    def save(self, folder: Path) -> None:
        """Write the final blend with the models that it needs; other candidates keep their description alone."""
        for key in self._in_final:
            shutil.copytree(self.folder / key, folder / key)
        only = {self.FINAL: self.blends[self.FINAL]}
        write_file(
            folder / "search.json", FittedSearch(self.kind, self.candidates, only, folder, self.calibration).described()
        )

    def described(self) -> str:
        """The blends and candidates as JSON; ``load`` reads it from ``search.json``."""
        data = {
            "kind": self.kind.value,
            "candidates": [described(candidate) for candidate in self.candidates],
            "blends": self.blends,
            "calibration": asdict(self.calibration),
            "interrupted": self.interrupted,
        }
        return json.dumps(data, ensure_ascii=False, indent=1)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote; executes no code from the folder."""
        with reading(folder / "search.json"):
            data = read_object(folder / "search.json")
            candidates = tuple(candidate_from(candidate) for candidate in data["candidates"])
            blends = {name: dict(weights.items()) for name, weights in data["blends"].items()}
            if unknown := set(blends[cls.FINAL]) - {candidate.key for candidate in candidates}:
                raise LookupError(f"the final blend has members {sorted(unknown)} that are no candidates")
            if unread := {c.reads for c in candidates} - {"", *(c.key for c in candidates if not c.reads)}:
                raise LookupError(f"vectors of {sorted(unread)} are read, which are no candidates of a first stage")
            found = cls(Kind(data["kind"]), candidates, blends, folder, Calibration(**data["calibration"]))
        found.interrupted = data.get("interrupted", False)
        return found


def paired(models: Sequence[FoldModel], tuned: Sequence[FoldModel]) -> list[FoldModel]:
    """Each model with the tuned encoder of its fold, or of its pair of folds.

    Raises:
        LookupError: if they are not of the same folds.
    """
    encoders = [one for one in tuned if isinstance(one, TunedEncoderModel)]
    n = len(models)
    if len(encoders) not in (n, n_pairs(n)):
        raise LookupError(f"{n} models cannot read the vectors of {len(encoders)} tuned encoders")
    own = [encoders[pair_of(i, n, len(encoders))] for i in range(n)]
    return [SecondStage(one, tuned) for one, tuned in zip(models, own, strict=True) if isinstance(one, Model)]


def described(candidate: Candidate) -> dict[str, Any]:
    """A candidate as plain data, without its out-of-fold scores; ``candidate_from`` reads it back."""
    plain = {name: value for name, value in vars(candidate).items() if name != "out_of_fold"}
    return {**plain, "fit_seconds": None if np.isnan(candidate.fit_seconds) else candidate.fit_seconds}


def candidate_from(data: dict[str, Any]) -> Candidate:
    """Read what ``described`` gave."""
    seconds = np.nan if data["fit_seconds"] is None else data["fit_seconds"]
    return Candidate(**{**data, "fit_seconds": seconds, "members": tuple(data["members"])})


def weighted(weights: dict[str, float], scores: dict[str, Float]) -> Float:
    """The weighted sum of link scores (n_samples, n_link)."""
    return _summed((weight, scores[key]) for key, weight in weights.items())


def _summed(parts: Iterable[tuple[float, Float]]) -> Float:
    """The weighted sum of arrays, one at a time: of many classes, they are large."""
    total = np.zeros(())
    for weight, values in parts:
        total = np.add(total, weight * values.astype(np.float64, copy=False))
    return total
