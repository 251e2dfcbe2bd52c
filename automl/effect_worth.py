"""What effects of changes are worth in outcomes: kept in the run folder, as it takes contributions of many rows."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from artifacts.store import read_object, reading, write_json
from automl.changed_rows import ChangedRows
from automl.models.description import load_arrays, save_arrays
from evaluation.effect_calibration import Worth

Float = NDArray[np.float64]

NAMES, NUMBERS = "effects.json", "effects.npz"


@dataclass(frozen=True)
class EffectCalibration:
    """What contributions of ``sources`` and moves of ``quantities`` are worth: by ``each`` version, by ``all`` rows."""

    sources: tuple[str, ...]
    quantities: tuple[str, ...]
    each: tuple[Worth, ...]
    all: Worth

    def __call__(self, effects: Float, rows: ChangedRows) -> tuple[Float, Float]:
        """Effects (n_versions, n) of changes as they are worth it, and what priors hide of them (n, n_parameters)."""
        moves, source = rows.moves_of(self.quantities, self.all.known), self._source(rows)
        other = 1.0 - source.sum(axis=1)  # what is of no source keeps the model's word
        worth = [
            (source @ one.slopes + other) * effect + moves @ one.missed
            for one, effect in zip(self.each, effects, strict=True)
        ]
        n = len(self.sources)
        by_source, by_quantity = self.all.hidden[:, :n], self.all.hidden[:, n:]
        hidden = (source * effects.mean(axis=0)[:, None]) @ by_source.T + moves @ by_quantity.T
        return np.array(worth), hidden

    def _source(self, rows: ChangedRows) -> Float:
        """Which of the sources each change is of (n, n_sources)."""
        names = np.array([change.column for change in rows.changes], dtype=object)
        return np.asarray(names[:, None] == np.array(self.sources, dtype=object), dtype=np.float64)

    def save(self, folder: Path, model: str) -> None:
        """Write into an existing folder; ``model`` is the digest of the model whose effects they are."""
        worth = (*self.each, self.all)
        write_json(folder / NAMES, {"model": model, "sources": self.sources, "quantities": self.quantities})
        save_arrays(folder / NUMBERS, {f.name: np.stack([getattr(w, f.name) for w in worth]) for f in fields(Worth)})

    @classmethod
    def load(cls, folder: Path, model: str) -> Self:
        """Read what ``save`` wrote.

        Raises:
            ArtifactError: if a file is missing or damaged, or of another model.
        """
        with reading(folder):
            names, numbers = read_object(folder / NAMES), load_arrays(folder / NUMBERS)
            if names["model"] != model:
                raise ValueError("effects of another model")
            sources, quantities = (tuple(map(str, names[name])) for name in ("sources", "quantities"))
            *each, every = (
                Worth(**dict(zip(numbers, row, strict=True))) for row in zip(*numbers.values(), strict=True)
            )
            shapes = {"slopes": (len(sources),), "missed": (len(quantities),), "known": (2, len(quantities))}
            if any(getattr(every, name).shape != shape for name, shape in shapes.items()):
                raise ValueError(f"numbers of {len(sources)} sources and {len(quantities)} quantities expected")
            return cls(sources, quantities, tuple(each), every)
