"""Upper layers of encoders with a head on them: scores of rows by their texts, photos and other columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from artifacts.schema import SHARES
from automl.models.heads import FusionHead, LinearHead
from automl.models.tower import Tower, pieces
from automl.models.training import Blank, without_some
from automl.models.tuned_inputs import Columns, Inputs
from featurizers.precision import device

if TYPE_CHECKING:
    from torch import Generator, Tensor

Float = NDArray[np.float64]
Single = NDArray[np.float32]
Int = NDArray[np.int64]


class TunedNet:
    """Raw scores (n_samples, n_raw) of a head on columns: vectors of the sources, and with ``others`` those of other
    blocks and a flag for each source, that a row has nothing in it.

    ``absent`` (n_flags,) is how many of the training rows have each flag; ``modality_dropout`` the share of rows from
    which a modality is blanked in training.
    """

    def __init__(self, towers: Sequence[Tower], others: Columns | None = None) -> None:
        import torch

        self.towers = tuple(towers)
        self.others = others
        self.absent = torch.zeros(0 if others is None else sum(tower.n_sources for tower in towers))
        self.head: LinearHead | FusionHead | None = None
        self.modality_dropout = 0.0
        self._drawn: tuple[np.random.Generator, Generator] | None = None  # of what training varies; None outside of it

    # -- columns and scores ---------------------------------------------------------------------------

    @property
    def parts(self) -> tuple[int, ...]:
        """Columns that belong together: of each source, of parts of the other blocks, all flags."""
        vectors = tuple(tower.width for tower in self.towers for _ in range(tower.n_sources))
        return vectors if self.others is None else (*vectors, *self.others.parts, len(self.absent))

    @property
    def first_other(self) -> int:
        """Position of the first column of other blocks."""
        return sum(tower.width * tower.n_sources for tower in self.towers)

    def source_columns(self) -> list[Int]:
        """Positions of the columns of each source: its vector and its flag."""
        found, start, flag = [], 0, sum(self.parts) - len(self.absent)
        for tower in self.towers:
            for _ in range(tower.n_sources):
                found.append(np.arange(start, start + tower.width))
                start += tower.width
        return [np.append(one, flag + i) if len(self.absent) else one for i, one in enumerate(found)]

    def blank(self) -> Blank:
        """A row of which nothing is known, and the view of each column."""
        assert self.others is not None
        row, view = np.ones(sum(self.parts), dtype=np.float32), np.zeros(sum(self.parts), dtype=np.int64)
        others = slice(self.first_other, len(row) - len(self.absent))
        row[: self.first_other], row[others], view[others] = 0.0, self.others.blank.row, self.others.blank.view
        modalities = [tower.trunk.modality for tower in self.towers for _ in range(tower.n_sources)]
        for modality, columns in zip(modalities, self.source_columns(), strict=True):
            view[columns] = SHARES.index(modality.view)
        return Blank(row, view)

    def columns(self, inputs: Inputs, rows: Int) -> Tensor:
        """What the head reads (n_rows, n_columns)."""
        import torch

        random = None if self._drawn is None else self._drawn[0]
        found = [tower.vectors(parts, rows, random) for tower, parts in zip(self.towers, inputs.parts, strict=True)]
        made = [vectors.flatten(1) for vectors, _ in found]
        if self.others is not None:
            made.append(torch.from_numpy(inputs.columns[rows]).to(device()))
            made += [(~there).float() for _, there in found]
        return torch.cat(made, dim=1)

    def scores(self, inputs: Inputs, rows: Int) -> Tensor:
        """Raw scores (n_rows, n_raw)."""
        assert self.head is not None
        x = self.columns(inputs, rows)
        self.head.training = self._drawn is not None
        if self._drawn is not None and self.modality_dropout:
            import torch

            blank = self.blank()
            row, view = (torch.from_numpy(one).to(device()) for one in (blank.row, blank.view))
            x = without_some(x, row, view, self.modality_dropout, self._drawn[1])
        return self.head(x)

    def all_scores(self, inputs: Inputs) -> Float:
        """Raw scores of all rows, without gradients."""
        return self._of_all(inputs, lambda rows: (self.scores(inputs, rows).double(),))[0]

    def all_columns(self, inputs: Inputs, deadline: float | None = None) -> Single:
        """What the head reads of all rows, likewise.

        Raises:
            LateError: if the deadline comes before the last row.
        """
        return self._of_all(inputs, lambda rows: (self.columns(inputs, rows),), deadline)[0]

    def all_read(self, inputs: Inputs) -> tuple[Single, Float]:
        """Both: what the head reads of all rows, and its raw scores."""
        assert self.head is not None
        self.head.training = False

        def read(rows: Int) -> tuple[Tensor, Tensor]:
            columns = self.columns(inputs, rows)
            assert self.head is not None
            return columns, self.head(columns).double()

        columns, scores = self._of_all(inputs, read)
        return columns, scores

    def first_columns(self, inputs: Inputs, deadline: float | None = None) -> Single:
        """Learn the scale of the vectors of each encoder from rows, and give what the head reads of these.

        Raises:
            LateError: if the deadline comes before the last row.
        """
        made, lacking = [], []
        for tower, parts in zip(self.towers, inputs.parts, strict=True):
            raw, count = tower.raw(parts, deadline)
            tower.learn_scale(raw, count)
            made.append(tower.standardised(raw, count).reshape(inputs.n_samples, -1))
            lacking.append((count == 0).astype(np.float32))
        return np.concatenate([*made, *([] if self.others is None else [inputs.columns, *lacking])], axis=1)

    def _of_all(
        self, inputs: Inputs, make: Callable[[Int], Sequence[Tensor]], deadline: float | None = None
    ) -> list[NDArray[Any]]:
        """Arrays over all rows of what ``make`` gives for some."""
        import torch

        result: list[NDArray[Any]] = []
        with torch.inference_mode():
            for rows in pieces(inputs.sizes(), deadline):
                made = [one.cpu().numpy() for one in make(rows)]
                result = result or [np.empty((inputs.n_samples, *one.shape[1:]), one.dtype) for one in made]
                for whole, part in zip(result, made, strict=True):
                    whole[rows] = part
        return result

    def all_vectors(self, columns: Single) -> list[Single]:
        """The vectors (n_samples, n_dimensions) of each source in what the head reads; NaN in rows without any content,
        whose vectors are 0."""
        widths = [tower.width for tower in self.towers for _ in range(tower.n_sources)]
        found = [vectors.copy() for vectors in np.split(columns[:, : sum(widths)], np.cumsum(widths)[:-1], axis=1)]
        for vectors in found:
            vectors[~vectors.any(axis=1)] = np.nan
        return found

    @contextmanager
    def varying(self, random: np.random.Generator, generator: Generator) -> Iterator[None]:
        """Let contents vary, drop units and blank modalities within the block, as training does."""
        assert self.head is not None
        self._drawn, self.head.random = (random, generator), generator
        try:
            yield
        finally:
            self._drawn = self.head.random = None

    # -- its weights ----------------------------------------------------------------------------------

    def to_device(self) -> None:
        """Put the head where the encoders are."""
        assert self.head is not None
        self.head.weights = {name: tensor.detach().to(device()) for name, tensor in self.head.weights.items()}

    def tensors(self) -> dict[str, Tensor]:
        """All that was learned, by name."""
        assert self.head is not None
        found = {f"head.{name}": tensor for name, tensor in self.head.weights.items()}
        found |= {"absent": self.absent} if len(self.absent) else {}
        for tower in self.towers:
            found |= {f"{tower.trunk.modality.value}.{name}": tensor for name, tensor in tower.tensors().items()}
        return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in found.items()}

    def restore_towers(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over what ``tensors`` gave of the encoders.

        Raises:
            ValueError: if they are not those of a net over such encoders.
        """
        for tower in self.towers:
            tower.restore(_of(f"{tower.trunk.modality.value}.", tensors))
        self.absent = tensors["absent"] if self.others is not None else self.absent

    def restore_head(self, head: LinearHead | FusionHead, tensors: Mapping[str, Tensor]) -> None:
        """Take over a head of the right shape with the weights that ``tensors`` gave.

        Raises:
            ValueError: if they are not its.
        """
        head.restore(_of("head.", tensors))
        self.head = head
        self.to_device()


def _of(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): x for name, x in tensors.items() if name.startswith(prefix)}
