"""The contract of a featurizer that reads two source columns of a row together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import pandas as pd

from artifacts.feature_table import Block
from artifacts.schema import Column, Modality
from featurizers.base import State, Surroundings


class PairFeaturizer(ABC):
    """Two source columns of the same rows in, blocks out; everything else is as ``Featurizer`` says.

    What it makes describes ``first`` in the light of ``second``: a title by its description, a text by its
    photo. Its blocks have ``first`` as source. ``modalities`` are those of the two columns it reads.
    """

    name: ClassVar[str]
    modalities: ClassVar[tuple[Modality, Modality]]

    def __init__(self, first: Column, second: Column) -> None:
        self.first = first
        self.second = second

    @abstractmethod
    def fit(self, first: pd.Series[Any], second: pd.Series[Any], surroundings: Surroundings) -> Self:
        """Learn what is needed from the training rows and return self."""

    @abstractmethod
    def transform(self, first: pd.Series[Any], second: pd.Series[Any], surroundings: Surroundings) -> list[Block]:
        """Blocks with one row per pair of values; the same blocks and features at every call after ``fit``."""

    @abstractmethod
    def state(self) -> State:
        """What ``fit`` learned.

        Raises:
            NotFittedError: before ``fit``.
        """

    @abstractmethod
    def restore(self, state: State) -> Self:
        """Take over what ``state`` gave, instead of ``fit``."""
