"""The wide table: ordered blocks of features, one per source column and featurizer."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.block_file import read_values, rows_at_once, write_values
from artifacts.contents import Contents, joined
from artifacts.errors import InputError
from artifacts.schema import SHARES, VIEWS, Feature, Modality
from artifacts.store import read_json, reading
from artifacts.tables import read_parquet

FloatArray = NDArray[np.float32]


class Block:
    """The features that one featurizer made of one source column.

    ``values`` is a C-contiguous float32 array (n_samples, n_features), NaN where unknown. Category
    blocks hold one feature whose values are codes into ``categories``; -1 (also as float32) is a
    missing or never seen category. ``take`` shares the stored array and copies rows only when
    ``values`` is asked for, so that folds do not multiply the table in memory.
    """

    def __init__(
        self,
        source: str,
        featurizer: str,
        features: tuple[Feature, ...],
        values: FloatArray,
        categories: tuple[str, ...] | None = None,
    ) -> None:
        self.source = source
        self.featurizer = featurizer
        self.features = features
        self.categories = categories
        self._stored = values
        self._rows: NDArray[np.int64] | None = None
        self._check()

    @property
    def values(self) -> FloatArray:
        """float32 (n_samples, n_features), C-contiguous; a new array in a block that was taken."""
        return self._stored if self._rows is None else np.ascontiguousarray(self._stored[self._rows])

    @property
    def n_samples(self) -> int:
        """Number of rows."""
        return len(self._stored) if self._rows is None else len(self._rows)

    def gather(self, rows: NDArray[Any]) -> FloatArray:
        """Values of some rows, by position or boolean mask, in one copy."""
        return np.ascontiguousarray(self._stored[self._positions(rows)])

    def _positions(self, rows: NDArray[Any]) -> NDArray[np.int64]:
        known = np.arange(len(self._stored)) if self._rows is None else self._rows
        return np.asarray(known[rows], dtype=np.int64)

    def _check(self) -> None:
        values = self._stored
        if values.dtype != np.float32 or values.ndim != 2 or not values.flags.c_contiguous:
            raise InputError(
                f"Block {self.name!r} needs a C-contiguous float32 array (n_samples, n_features), "
                f"but got {values.dtype} with shape {values.shape}."
            )
        if values.shape[1] != len(self.features):
            raise InputError(
                f"Block {self.name!r} has {values.shape[1]} columns of values and {len(self.features)} features."
            )
        if self.categories is not None:
            if len(self.features) != 1:
                raise InputError(f"Category block {self.name!r} needs one feature, got {len(self.features)}.")
            if values.size and not (values.min() >= -1 and values.max() < len(self.categories)):
                raise InputError(
                    f"Category block {self.name!r} needs codes from -1 to {len(self.categories) - 1}, "
                    f"but got {values.min()} to {values.max()}."
                )

    @property
    def name(self) -> str:
        """``{source}__{featurizer}``, unique in a table."""
        return f"{self.source}__{self.featurizer}"

    @property
    def modality(self) -> Modality:
        """Modality of the source column."""
        return self.features[0].modality if self.features else Modality.NUMERIC

    @property
    def is_category(self) -> bool:
        """Whether the values are category codes."""
        return self.categories is not None

    @property
    def is_opaque(self) -> bool:
        """Whether the block is an embedding, whose single dimensions mean nothing to a person."""
        return any(feature.opaque for feature in self.features)

    def take(self, rows: NDArray[Any]) -> Block:
        """The same block for some rows, by position or boolean mask; shares the stored array."""
        taken = copy.copy(self)
        taken._rows = self._positions(rows)
        return taken


@dataclass(frozen=True)
class FeatureTable:
    """Ordered blocks over the same rows. ``index`` names the rows as the caller's frame does.

    ``contents`` are the texts and photos behind the embeddings, where they are at hand.
    """

    blocks: tuple[Block, ...]
    index: pd.Index
    contents: Contents | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        for block in self.blocks:
            if block.n_samples != len(self.index):
                raise InputError(
                    f"Block {block.name!r} has {block.n_samples} rows, but the table has {len(self.index)}."
                )
        for what, names in (
            ("block", [block.name for block in self.blocks]),
            ("feature", self.feature_names),
        ):
            if len(set(names)) != len(names):
                twice = sorted({name for name in names if names.count(name) > 1})
                raise InputError(f"A feature table needs unique {what} names, but these stand twice: {twice}.")

    @property
    def n_samples(self) -> int:
        """Number of rows."""
        return len(self.index)

    @property
    def n_features(self) -> int:
        """Number of columns over all blocks."""
        return sum(len(block.features) for block in self.blocks)

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """The features of all blocks, in order: the columns of ``to_numpy``."""
        return tuple(feature for block in self.blocks for feature in block.features)

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """Names of ``features``."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def category_positions(self) -> tuple[int, ...]:
        """Positions in ``features`` of the category columns."""
        flags = [block.is_category for block in self.blocks for _ in block.features]
        return tuple(i for i, flag in enumerate(flags) if flag)

    @property
    def views(self) -> tuple[str, ...]:
        """``all``, and each single modality view, where the table holds more than one kind of blocks."""
        kinds = {block.modality.view for block in self.blocks}
        single = tuple(view for view in VIEWS if view in kinds)
        return ("all", *single) if len(kinds) > 1 else ("all",)

    def select(
        self,
        *,
        source: str | Iterable[str] | None = None,
        modality: Modality | Iterable[Modality] | None = None,
        view: str = "all",
    ) -> FeatureTable:
        """Blocks of these sources, modalities and view (no copy of values).

        ``view`` is ``all``, ``image``, ``text``, ``table`` or a sum such as ``text+image``. Blocks that read
        text and photo together are in views that hold both, so that a single view is what one of them can do.

        Raises:
            InputError: if the view is unknown.
        """
        wanted = set(VIEWS) if view == "all" else set(view.split("+"))
        if not wanted <= set(VIEWS):
            raise InputError(f"Unknown view {view!r}. Expected 'all' or a sum of {list(VIEWS)}, such as 'text+image'.")
        if {"image", "text"} <= wanted:
            wanted.add(Modality.JOINT.view)
        sources = {source} if isinstance(source, str) else None if source is None else set(source)
        modalities = {modality} if isinstance(modality, Modality) else None if modality is None else set(modality)
        return self._where(
            lambda block: (
                block.modality.view in wanted
                and (sources is None or block.source in sources)
                and (modalities is None or block.modality in modalities)
            )
        )

    def _where(self, keep: Callable[[Block], bool]) -> FeatureTable:
        kept = tuple(block for block in self.blocks if keep(block))
        return self if len(kept) == len(self.blocks) else replace(self, blocks=kept)

    def take(self, rows: NDArray[Any] | Sequence[int]) -> FeatureTable:
        """The same columns for some rows, by position or boolean mask; values are copied when asked for."""
        rows = np.asarray(rows)
        contents = self.contents and self.contents.take(rows)
        return FeatureTable(tuple(block.take(rows) for block in self.blocks), self.index[rows], contents)

    def blanked(self, views: Iterable[str] = SHARES) -> FeatureTable:
        """The same rows with nothing known in the blocks of these views of single modalities, or in any."""
        away = set(views)
        away |= {"joint"} if away & {"image", "text"} else set()
        blocks = []
        for block in self.blocks:
            if block.modality.view in away:
                values = np.full((self.n_samples, len(block.features)), -1 if block.is_category else np.nan, "f4")
                block = Block(block.source, block.featurizer, block.features, values, block.categories)
            blocks.append(block)
        return FeatureTable(tuple(blocks), self.index, self.contents and self.contents.blanked(away))

    def row_chunks(self, size: int) -> Iterator[FeatureTable]:
        """The table in pieces of at most ``size`` rows."""
        if 0 < self.n_samples <= size:
            yield self
            return
        for start in range(0, self.n_samples, size):
            yield self.take(np.arange(start, min(start + size, self.n_samples)))

    def to_numpy(self, rows: NDArray[Any] | None = None, *, order: Literal["C", "F"] = "C") -> FloatArray:
        """One float32 array (n_samples, n_features): NaN unknown, category codes as numbers, -1 unknown.

        ``rows`` picks rows without an intermediate copy of the table; ``order`` is the layout in memory.
        """
        positions = np.arange(self.n_samples) if rows is None else np.arange(self.n_samples)[rows]
        result = np.empty((len(positions), self.n_features), dtype=np.float32, order=order)
        start = 0
        for block in self.blocks:
            stop = start + len(block.features)
            piece = rows_at_once(len(block.features))
            for first in range(0, len(positions), piece):  # gathered rows are a copy: of few at a time
                some = positions[first : first + piece]
                result[first : first + len(some), start:stop] = block.gather(some)
            start = stop
        return result

    def to_pandas(self) -> pd.DataFrame:
        """A frame with feature names as columns; category blocks as pandas categoricals."""
        parts: list[pd.DataFrame] = []
        for block in self.blocks:
            names = [feature.name for feature in block.features]
            if block.categories is not None:
                codes = block.values[:, 0].astype(np.int64).tolist()
                categorical = pd.Categorical.from_codes(codes, categories=pd.Index(block.categories))
                parts.append(pd.DataFrame({names[0]: categorical}, index=self.index))
            else:
                parts.append(pd.DataFrame(block.values, columns=names, index=self.index))
        return pd.concat(parts, axis=1) if parts else pd.DataFrame(index=self.index)

    def save(self, folder: Path) -> None:
        """Write one parquet file per block, their meaning as ``blocks.json``, and the contents if there are any."""
        folder.mkdir(parents=True, exist_ok=True)
        described = []
        for i, block in enumerate(self.blocks):
            file = f"block_{i:03d}.parquet"
            names = [feature.name for feature in block.features]
            write_values(folder / file, block.values, names)
            described.append(
                {
                    "file": file,
                    "source": block.source,
                    "featurizer": block.featurizer,
                    "features": [asdict(feature) for feature in block.features],
                    "categories": block.categories,
                }
            )
        self.index.to_frame(index=False, name="row").to_parquet(folder / "index.parquet", index=False)
        (folder / "blocks.json").write_text(json.dumps(described, ensure_ascii=False), encoding="utf-8")
        if self.contents is not None:
            self.contents.save(folder)

    @classmethod
    def load(cls, folder: Path) -> FeatureTable:
        """Read what ``save`` wrote; large blocks are memory-mapped, see ``artifacts.block_file``.

        Raises:
            ArtifactError: if a file is missing or damaged.
        """
        with reading(folder):
            described = read_json(folder / "blocks.json")
            index = pd.Index(read_parquet(folder / "index.parquet")["row"], name=None)
            blocks = tuple(
                Block(
                    source=item["source"],
                    featurizer=item["featurizer"],
                    features=tuple(Feature.from_json(feature) for feature in item["features"]),
                    values=read_values(folder / item["file"]),
                    categories=None if item["categories"] is None else tuple(item["categories"]),
                )
                for item in described
            )
            return cls(blocks, index, Contents.load(folder))


def concatenate(tables: Sequence[FeatureTable]) -> FeatureTable:
    """Rows of several tables with the same columns, one below the other."""
    first = tables[0]
    if any(table.features != first.features for table in tables[1:]):
        raise InputError("Only feature tables with the same features can be stacked.")
    blocks = tuple(
        Block(
            block.source,
            block.featurizer,
            block.features,
            np.concatenate([table.blocks[i].values for table in tables]),
            block.categories,
        )
        for i, block in enumerate(first.blocks)
    )
    index = first.index.append([table.index for table in tables[1:]])
    known = [table.contents for table in tables if table.contents is not None]
    return FeatureTable(blocks, index, joined(known) if len(known) == len(tables) else None)
