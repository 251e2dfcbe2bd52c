"""What a net over encoders made of the rows that were asked for last: a blend, a stack and a view ask in turn."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from automl.models.tuned_inputs import Inputs
from automl.models.tuned_net import TunedNet

Float = NDArray[np.float64]
Single = NDArray[np.float32]

KEPT_BYTES = 1 << 25  # of vectors; those of more rows are made again


class Reading:
    """Raw ``scores`` (n_samples, n_raw) and vectors of the rows of a table, and the ``seconds`` that it took.

    Args:
        net: with its head.
        keeps: whether vectors will be asked for.
        of: what the table is made of, by which it is known again while all of it is there.
        pieces: its rows, one piece at least.
    """

    def __init__(self, net: TunedNet, keeps: bool, of: Sequence[Any], pieces: Iterable[Inputs]) -> None:
        started = time.perf_counter()
        self._net = net
        self._of = tuple(ref(one) for one in of)
        self._vectors: list[list[Single]] = []
        scores, size = [], 0
        for inputs in pieces:
            columns, found = net.all_read(inputs)
            scores.append(found)
            if not keeps:
                continue
            self._vectors.append(net.all_vectors(columns))
            size += sum(vectors.nbytes for vectors in self._vectors[-1])
            if size > KEPT_BYTES:
                self._vectors.clear()  # also of the pieces that follow
        self.scores: Float = np.concatenate(scores)
        self.seconds = time.perf_counter() - started

    def is_of(self, of: Sequence[Any]) -> bool:
        """Whether it is of the table that is made of these."""
        return [id(one()) for one in self._of] == [id(one) for one in of]

    def vectors(self, pieces: Iterable[Inputs]) -> list[Single]:
        """Vectors (n_samples, n_dimensions) of each source, NaN where a row has nothing in it.

        Args:
            pieces: the rows again, which are read where their vectors were not kept.
        """
        parts = self._vectors or [self._net.all_vectors(self._net.all_columns(inputs)) for inputs in pieces]
        return [np.concatenate(of_source) for of_source in zip(*parts, strict=True)]
