"""What moved the prediction of one row, as data: contributions, and maps of its photos and texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artifacts.feature_table import FeatureTable
from artifacts.schema import Kind, Title
from evaluation.partitions import Group, feature_groups
from evaluation.saliency import Piece

Float = NDArray[np.float64]

JSON_CELLS = 16  # of a heatmap's longer side in JSON


class State(StrEnum):
    """Why there is a map or none."""

    TRIED = "tried"
    UNUSED = "unused"  # the model has no feature of this column
    MISSING = "missing"
    BROKEN = "broken"
    NO_WORDS = "no_words"


@dataclass(frozen=True)
class Contribution:
    """A source or feature and what it adds to the score. ``value`` is the row's: a number, a label, or None."""

    name: str
    title: Title
    view: str
    delta: float
    source: str = ""
    opaque: bool = False
    value: float | str | None = None


@dataclass(frozen=True)
class PhotoMap:
    """A photo and what its regions add to the score.

    ``pixels`` is uint8 (height, width, 3), ``heat`` float64 (height, width): zeros where the model has no feature of
    the photo; both None where there is no readable photo. ``part`` is the contribution of all features of the column,
    NaN if not known. ``shift`` is what the copy that was looked at scores above the photo itself; ``lowest`` and
    ``highest`` are the deltas of single patches. ``by_gradients`` (height, width) is what its places give by
    gradients of the tuned encoders, None where the model has none that read it.
    """

    column: str
    title: Title
    state: State
    part: float = np.nan
    pixels: NDArray[np.uint8] | None = None
    heat: Float | None = None
    shift: float = 0.0
    lowest: float = 0.0
    highest: float = 0.0
    n_photos: int = 1
    by_gradients: Float | None = None


@dataclass(frozen=True)
class TextMap:
    """A plain text and what its words or phrases add to the score; ``part`` and ``shift`` as of a photo.

    ``by_gradients`` are the same pieces with what they give by gradients of the tuned encoders, NaN where these do not
    read; none where the model has none that read it.
    """

    column: str
    title: Title
    state: State
    part: float = np.nan
    text: str = ""
    pieces: tuple[Piece, ...] = ()
    shift: float = 0.0
    by_gradients: tuple[Piece, ...] = ()


@dataclass(frozen=True)
class RowExplanation:
    """One row: everything in link units of one output.

    ``predictions`` and ``base_predictions`` are (n_outputs,) on the natural scale: of the row, and where nothing is
    known of it (NaN without contributions). ``output`` names the class whose score is explained, if there are classes.
    ``tuned_share`` is that of tuned encoders in the final model, which maps by gradients are of; where it has none,
    ``tuned_read_share`` is that of models over their vectors, and maps are of the encoders alone. ``not_tried`` names
    sources of texts that are written inside another column, so that their words were not left out.
    """

    name: str
    row: str
    kind: Kind
    target: str
    classes: tuple[str, ...]
    decided: str
    output: str
    unit: str
    predictions: Float
    base_predictions: Float
    score: float
    base: float
    sources: tuple[Contribution, ...] = ()
    features: tuple[Contribution, ...] = ()
    photos: tuple[PhotoMap, ...] = ()
    texts: tuple[TextMap, ...] = ()
    not_explained: str = ""
    tuned_share: float = 0.0
    tuned_read_share: float = 0.0
    not_tried: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """Plain data; heatmaps as means over at most ``JSON_CELLS`` cells a side, NaN as None."""
        return {
            "name": self.name,
            "row": self.row,
            "kind": self.kind.value,
            "target": self.target,
            "prediction": self.decided,
            "outputs": _named(self.classes, self.predictions),
            "base_outputs": _named(self.classes, self.base_predictions),
            "output": self.output,
            "unit": self.unit,
            "score": _number(self.score),
            "base": _number(self.base),
            "sources": [_contribution(one) for one in self.sources],
            "features": [_contribution(one) for one in self.features],
            "photos": [_photo(one) for one in self.photos],
            "texts": [_text(one) for one in self.texts],
            "not_explained": self.not_explained,
            "tuned_share": self.tuned_share,
            "tuned_read_share": self.tuned_read_share,
            "not_tried": list(self.not_tried),
        }


def contributions_of_row(
    table: FeatureTable, values: Float
) -> tuple[tuple[Contribution, ...], tuple[Contribution, ...]]:
    """Contributions of the first row of a table: of its sources, and of ``feature_groups``; strongest first.

    ``values`` (n_groups,) are those of ``feature_groups(table)`` for one column of the link score. What adds nothing is
    left out.
    """
    features, sources = [], dict[str, Contribution]()
    for group, value in zip(feature_groups(table).groups, values, strict=True):
        delta, view = float(value), group.modality.view
        features.append(
            Contribution(group.name, group.title, view, delta, group.source, group.opaque, _value(table, group))
        )
        known = sources.get(group.source)
        title = Title(group.source, group.source)
        first_view, before = (known.view, known.delta) if known else (view, 0.0)
        sources[group.source] = Contribution(group.source, title, first_view, before + delta, group.source)
    return _strongest(sources.values()), _strongest(features)


def _strongest(found: Iterable[Contribution]) -> tuple[Contribution, ...]:
    return tuple(sorted((one for one in found if one.delta != 0), key=lambda one: -abs(one.delta)))


def _value(table: FeatureTable, group: Group) -> float | str | None:
    """The first row's value of a readable feature; None for an embedding, and where it is not known."""
    if group.opaque:
        return None
    start = 0
    for block in table.blocks:
        if group.feature < start + len(block.features):
            value = float(block.gather(np.array([0]))[0, group.feature - start])
            if block.categories is not None:
                return str(block.categories[int(value)]) if value >= 0 else None
            return value if np.isfinite(value) else None
        start += len(block.features)
    raise AssertionError("a group names a feature of its table")


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _named(classes: Sequence[str], values: Float) -> dict[str, float | None] | list[float | None]:
    numbers = [_number(value) for value in values]
    return dict(zip(classes, numbers, strict=True)) if len(classes) == len(numbers) else numbers


def _contribution(one: Contribution) -> dict[str, Any]:
    return {"name": one.name, "source": one.source, "view": one.view, "delta": one.delta, "value": one.value}


def _photo(one: PhotoMap) -> dict[str, Any]:
    heat, tuned = (None if x is None else coarse(x, JSON_CELLS).round(6).tolist() for x in (one.heat, one.by_gradients))
    numbers = {"contribution": _number(one.part), "shift": one.shift, "lowest": one.lowest, "highest": one.highest}
    return {
        "column": one.column,
        "state": one.state.value,
        **numbers,
        "photos": one.n_photos,
        "heat": heat,
        "by_gradients": tuned,
    }


def _text(one: TextMap) -> dict[str, Any]:
    pieces = [
        {
            "text": one.text[piece.start : piece.end],
            "start": piece.start,
            "delta": _number(piece.delta),
            "by_gradients": _number(tuned.delta),
        }
        for piece, tuned in zip(one.pieces, one.by_gradients or [Piece(0, 0)] * len(one.pieces), strict=True)
    ]
    numbers = {"contribution": _number(one.part), "shift": one.shift}
    return {"column": one.column, "state": one.state.value, **numbers, "pieces": pieces}


def coarse(heat: Float, cells: int) -> Float:
    """Means of a heatmap (height, width) over cells, at most ``cells`` along the longer side."""
    rows, columns = (max(1, round(cells * side / max(heat.shape))) for side in heat.shape)
    rows, columns = min(rows, heat.shape[0]), min(columns, heat.shape[1])
    bands = np.array([band.mean(axis=0) for band in np.array_split(heat, rows, axis=0)])
    return np.stack([band.mean(axis=1) for band in np.array_split(bands, columns, axis=1)], axis=1)
