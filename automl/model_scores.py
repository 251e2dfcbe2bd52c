"""Link scores of each model's best candidate on the scored rows, kept so that a report can show every model."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.store import read_json, reading, write_json
from automl.backends.base import Candidate, FittedBackend
from automl.backends.out_of_fold import compact
from automl.view_scores import some_rows

Float = NDArray[np.float64]

MOST_MODELS = 8
FILES = ("models.npy", "models.json")


@dataclass(frozen=True)
class KeptModel:
    """A model's name and the view of its best candidate."""

    model: str
    view: str


@dataclass(frozen=True)
class ModelScores:
    """Link scores, float32 (n_models, n_rows, n_link), of scored rows; ``rows`` are their positions, None for all."""

    models: tuple[KeptModel, ...]
    links: NDArray[np.float32]
    rows: NDArray[np.int64] | None = None

    def save(self, folder: Path) -> None:
        """Write ``models.npy`` and ``models.json``."""
        np.save(folder / FILES[0], self.links, allow_pickle=False)
        rows = None if self.rows is None else self.rows.tolist()
        write_json(folder / FILES[1], {"models": [asdict(model) for model in self.models], "rows": rows})

    @classmethod
    def load(cls, folder: Path) -> ModelScores:
        """Read what ``save`` wrote.

        Raises:
            InputError: if the run kept none, as those of older versions.
        """
        if not all((folder / name).exists() for name in FILES):
            raise InputError(
                f"The run in {str(folder.parent)!r} kept no scores of single models: it was made by an older version. "
                "Fit it again into another folder to see each of them."
            )
        with reading(folder):
            told = read_json(folder / FILES[1])
            links = np.load(folder / FILES[0], allow_pickle=False)
            rows = None if told["rows"] is None else np.array(told["rows"], dtype=np.int64)
            return cls(tuple(KeptModel(**model) for model in told["models"]), links, rows)


@dataclass
class ModelPool:
    """Collects candidates while they are scored: of each model the best one out of fold, and the final model."""

    higher_is_better: bool
    _best: dict[str, tuple[float, KeptModel, Float]] = field(default_factory=dict)

    def add(self, candidate: Candidate, score: float, link: Float) -> None:
        """A candidate with its score out of fold (NaN without one) and its link scores of the scored rows."""
        final = candidate.key == FittedBackend.FINAL
        upwards = np.inf if final else -np.inf if np.isnan(score) else score if self.higher_is_better else -score
        if candidate.model in self._best and self._best[candidate.model][0] >= upwards:
            return
        self._best[candidate.model] = (upwards, KeptModel(candidate.model, candidate.view), compact(link))
        if len(self._best) > MOST_MODELS:
            del self._best[min(self._best, key=lambda name: self._best[name][0])]

    def scores(self, seed: int) -> ModelScores | None:
        """The models, the final one first, the others best first; None if there is none."""
        if not self._best:
            return None
        kept = sorted(self._best.values(), key=lambda one: -one[0])
        n_rows, n_link = kept[0][2].shape
        rows = some_rows(n_rows, n_link * len(kept), seed)
        links = np.stack([link[rows] for _, _, link in kept]).astype(np.float32)
        return ModelScores(tuple(model for _, model, _ in kept), links, None if len(rows) == n_rows else rows)
