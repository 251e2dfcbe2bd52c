"""Both stages of a shortlist: how they score rows, and how they lie on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from artifacts.errors import ArtifactError
from automl.models.candidate_classes import Candidates, Looks
from automl.models.description import Description
from automl.models.discriminant import Discriminant
from automl.models.knn import KNNModel
from automl.models.neighbour_space import Space

Float = NDArray[np.float64]
Single = NDArray[np.float32]


@dataclass(frozen=True)
class Stages:
    """The two looks at a row, and the booster over its shortlist; None where it has nothing to add."""

    discriminant: Discriminant
    looks: Looks
    booster: Any
    rounds: int
    n_candidates: int
    n_threads: int

    @property
    def space(self) -> Space | None:
        """Where the neighbours are looked for."""
        return None if self.looks.knn is None else self.looks.knn.space_

    def candidates(self, x: Single, points: Single | None) -> Candidates:
        """Shortlists of rows: standardised columns, and points in ``space`` if there is one."""
        return self.looks.candidates(self.discriminant.scores(x), points, self.n_candidates)

    def raw(self, x: Single, points: Single | None) -> Float:
        """Log-probabilities (n_samples, n_classes), up to a constant of each row."""
        found = self.candidates(x, points)
        if self.booster is None:
            return found.log_mix
        moved = self.booster.predict(found.pairs, raw_score=True, num_threads=self.n_threads)
        return found.with_scores(np.asarray(moved).reshape(found.classes.shape))

    def save(self, folder: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Write neighbours and booster, and give the arrays and the plain data that are left to write."""
        arrays = dict(vars(self.discriminant)) | {"sizes": self.looks.sizes, "branches": self.looks.branches}
        plain: dict[str, Any] = {
            "rounds": self.rounds,
            "n_candidates": self.n_candidates,
            "share": self.looks.share,
            "votes": None,
        }
        if self.looks.knn is not None:
            self.looks.knn.save(folder)
            plain["votes"] = list(vars(self.looks.knn.votes_).values())
        if self.booster is not None:
            (folder / "booster.txt").write_text(self.booster.model_to_string(), encoding="utf-8")
        return arrays, plain

    @classmethod
    def load(cls, folder: Path, arrays: Mapping[str, NDArray[Any]], found: Description, n_threads: int) -> Self:
        """Read what ``save`` wrote; ``found.extra["stages"]`` is the plain data.

        Raises:
            ArtifactError: if the booster cannot be read.
        """
        plain, knn = found.extra["stages"], None
        if plain["votes"] is not None:
            knn = KNNModel.restored(folder, replace(found, params={}, extra={"votes": plain["votes"], "learned": True}))
        looks = Looks(knn, arrays["sizes"], arrays["branches"], plain["share"])
        discriminant = Discriminant(arrays["coefficients"], arrays["intercepts"])
        booster = _read_booster(folder) if plain["rounds"] else None
        return cls(discriminant, looks, booster, plain["rounds"], plain["n_candidates"], n_threads)


def _read_booster(folder: Path) -> Any:
    import lightgbm

    try:
        return lightgbm.Booster(model_str=(folder / "booster.txt").read_text(encoding="utf-8"))
    except (OSError, ValueError, lightgbm.basic.LightGBMError) as error:
        raise ArtifactError(f"The model in {str(folder)!r} cannot be read: {error}. Run fit again.") from error
