"""The contract of a featurizer: one source column in, blocks of features out."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.embedding_store import EmbeddingStore
from artifacts.feature_table import Block
from artifacts.finding import Audit
from artifacts.progress import Progress, Silent
from artifacts.schema import Column, Modality
from artifacts.store import read_object, reading


@dataclass
class Surroundings:
    """What a featurizer may use beside its column: where photos are, the cache, where to report, the run's seed."""

    images: Path | None = None
    store: EmbeddingStore | None = None
    audit: Audit = field(default_factory=Audit)
    progress: Progress = field(default_factory=Silent)
    seed: int = 0


@dataclass(frozen=True)
class State:
    """What ``fit`` learned, as plain JSON values and arrays without Python objects."""

    values: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Write ``state.json`` and, if there are arrays, ``arrays.npz``."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "state.json").write_text(json.dumps(self.values, ensure_ascii=False), encoding="utf-8")
        if self.arrays:
            np.savez(folder / "arrays.npz", allow_pickle=False, **dict(self.arrays))

    @classmethod
    def load(cls, folder: Path) -> State:
        """Read what ``save`` wrote; never unpickles.

        Raises:
            ArtifactError: if a file is missing or damaged.
        """
        with reading(folder):
            values = read_object(folder / "state.json")
            arrays: dict[str, NDArray[Any]] = {}
            if (folder / "arrays.npz").exists():
                with np.load(folder / "arrays.npz", allow_pickle=False) as stored:
                    arrays = {name: stored[name] for name in stored.files}
            return cls(values, arrays)


class Featurizer(ABC):
    """One source column in, blocks out. Think twice before adding to this class: every featurizer has it.

    Never sees the target. Row i of the output depends on row i of the input alone, the index and
    the order are the input's, and the input is unchanged. What is missing or unreadable gives NaN
    (codes: -1) or the neutral value that the featurizer documents, plus a finding in
    ``surroundings.audit`` - never an exception, never a dropped row. Feature names are unique and
    stable. The constructor stores, ``fit`` learns, weights load at first use. ``transform`` of the
    same values after ``load`` is equal to that before ``save``.
    """

    name: ClassVar[str]
    modalities: ClassVar[frozenset[Modality]]

    def __init__(self, column: Column) -> None:
        self.column = column

    @abstractmethod
    def fit(self, values: pd.Series[Any], surroundings: Surroundings) -> Self:
        """Learn what is needed from the training rows and return self."""

    @abstractmethod
    def transform(self, values: pd.Series[Any], surroundings: Surroundings) -> list[Block]:
        """Blocks with one row per value; the same blocks and features at every call after ``fit``."""

    @abstractmethod
    def state(self) -> State:
        """What ``fit`` learned.

        Raises:
            NotFittedError: before ``fit``.
        """

    @abstractmethod
    def restore(self, state: State) -> Self:
        """Take over what ``state`` gave, instead of ``fit``."""
