"""How long a featurizer would take, and what is used in its place where that is too long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.embedding_store import EmbeddingStore
from artifacts.finding import Audit
from artifacts.progress import Silent
from artifacts.schema import Column, Modality
from featurizers.base import Featurizer, Surroundings
from featurizers.encoders import FALLBACKS, Encoder
from featurizers.image_embedding import ImageEmbedding
from featurizers.numbers import is_missing
from featurizers.text_cleaning import as_text
from featurizers.text_embedding import MAX_CHARACTERS, TextEmbedding

SHORTER = (1_000, 300)  # characters of a text that are tried where all of it is too much
PROBED = 512  # rows looked up to see how many are in the store already
PATIENCE = 1.0  # seconds a batch, after which no larger one is timed
FIRST = 2  # rows of the first batch; each is twice the one before

MEASURING = 0.5  # of what encoding may take, for measuring photos beside it
SURE = 0.2  # seconds a photo; where so many fit, nothing is timed

_WARM_UP = 32  # rows tried until one of them is computed


@dataclass
class Allowance:
    """Seconds that may be spent on encoding, shared by the columns in their order. None: as many as it takes.

    ``measuring``: those for measuring photos, which may also take what encoding leaves.
    """

    seconds: float | None = None
    measuring: float | None = None

    @classmethod
    def of(cls, seconds: float | None) -> Self:
        """With the usual part for photos."""
        return cls(seconds, None if seconds is None else MEASURING * seconds)

    def take_measuring(self, seconds: float) -> None:
        """Take off what measuring took, first of its own part."""
        if self.measuring is not None and self.seconds is not None:
            own = min(seconds, self.measuring)
            self.measuring -= own
            self.seconds -= seconds - own


def fit_embedding(
    column: Column, encoder: Encoder, values: pd.Series[Any], surroundings: Surroundings, allowance: Allowance
) -> TextEmbedding | ImageEmbedding | None:
    """The embedding of a text or image column, of the starts of its texts if all is too much; None if that is, too.

    What it will take is taken off the allowance. Findings: ``text_shortened``, ``encoder_too_slow``.
    """
    if allowance.seconds is not None and allowance.seconds <= 0:
        fallback = FALLBACKS[encoder.modality]
        surroundings.audit.add("encoder_without_time", column=column.name, example=encoder.name, fallback=fallback)
        return None
    started = time.monotonic()
    found: tuple[TextEmbedding | ImageEmbedding, Audit] | None = None
    takes = longest = 0.0
    for made in _candidates(column, encoder, values, bounded=allowance.seconds is not None):
        around = replace(surroundings, audit=Audit())
        fitted = made().fit(values, around)
        if allowance.seconds is not None:
            takes = seconds_to_transform(fitted, values, around)
            longest = max(longest, takes)
        left = None if allowance.seconds is None else allowance.seconds - (time.monotonic() - started)
        if left is None or takes <= left:
            found = fitted, around.audit
        if found or (left is not None and left <= 0):
            break
    if allowance.seconds is not None:
        allowance.seconds -= time.monotonic() - started + (takes if found else 0.0)
    say, seconds = partial(surroundings.audit.add, column=column.name, example=encoder.name), f"{longest:.0f}"
    if found is None:
        say("encoder_too_slow", details=seconds, fallback=FALLBACKS[encoder.modality])
        return None
    for finding in found[1].findings:
        if finding not in surroundings.audit.findings:
            surroundings.audit.findings.append(finding)
    if isinstance(found[0], TextEmbedding) and found[0].max_characters < MAX_CHARACTERS:
        say("text_shortened", details=seconds, limit=found[0].max_characters)
    return found[0]


def affords(featurizer: Featurizer, values: pd.Series[Any], surroundings: Surroundings, allowance: Allowance) -> bool:
    """Whether measuring photos fits into the allowance, which it is taken off then. Finding: ``photos_too_slow``."""
    if allowance.measuring is None or allowance.seconds is None:
        return True
    left = allowance.measuring + max(allowance.seconds, 0.0)
    if SURE * len(values) <= left:
        return True
    started = time.monotonic()
    takes = seconds_to_transform(featurizer, values, surroundings)
    probing = time.monotonic() - started
    fits = takes <= left - probing
    allowance.take_measuring(probing + (takes if fits else 0.0))
    if not fits:
        surroundings.audit.add(
            "photos_too_slow", column=featurizer.column.name, example=featurizer.name, details=f"{takes:.0f}"
        )
    return fits


def _candidates(
    column: Column, encoder: Encoder, values: pd.Series[Any], *, bounded: bool
) -> Iterable[Callable[[], TextEmbedding | ImageEmbedding]]:
    if encoder.modality is Modality.IMAGE:
        yield lambda: ImageEmbedding(column, encoder)
        return
    yield lambda: TextEmbedding(column, encoder)
    if bounded:
        longest = max((len(as_text(value)) for value in values.tolist()), default=0)
        for limit in SHORTER:
            if limit < longest:
                yield lambda limit=limit: TextEmbedding(column, encoder, limit)  # type: ignore[misc]


def seconds_to_transform(
    featurizer: Featurizer, values: pd.Series[Any], surroundings: Surroundings, sample: int = 128
) -> float:
    """About how many seconds ``featurizer.transform`` of the values takes from now on.

    A sample of rows is transformed, in growing batches until one takes ``PATIENCE`` seconds, and what
    it takes is extrapolated over the distinct values that the store lacks. Nothing is wasted: what
    was computed stays in the store. Weights are loaded outside the clock. How many values the store
    lacks is looked up on other rows than those that are computed, so that asking again and again,
    which fills the store with the sample, does not make the rest look cheap.

    Args:
        featurizer: a fitted one.
        values: the rows that are to be transformed.
        surroundings: their audit gets no findings; their seed chooses the rows.
        sample: most rows that are computed.
    """
    distinct = _distinct(values)
    order = np.random.default_rng(surroundings.seed).permutation(len(distinct))
    timed = _Timed(featurizer, values.iloc[distinct[order]], replace(surroundings, audit=Audit(), progress=Silent()))
    n_measured = min(sample, len(distinct))
    n_probed = min(PROBED, len(distinct) - n_measured)
    shape = timed.warm_up()
    n_done, pace = timed.pace(n_measured)
    left = len(distinct) - n_done
    if not n_probed or shape is None:
        return pace * left
    seconds, n_lacking = timed.look_up(range(len(distinct) - n_probed, len(distinct)), shape)
    if n_lacking and not pace:  # the sample is in the store, the others are not
        _, pace = timed.pace(n_measured, anew=True)
    return left * (seconds + pace * n_lacking) / n_probed


def _distinct(values: pd.Series[Any]) -> NDArray[np.int64]:
    """Positions of the first rows of each known value; values that cannot be hashed count as different."""
    seen: set[Any] = set()
    rows = []
    for row, value in enumerate(values.tolist()):
        if is_missing(value):
            continue
        try:
            if value in seen:
                continue
            seen.add(value)
        except TypeError:
            pass
        rows.append(row)
    return np.array(rows, dtype=np.int64)


@dataclass
class _Timed:
    """Runs of a featurizer over some of the values, by position."""

    featurizer: Featurizer
    values: pd.Series[Any]
    around: Surroundings

    def pace(self, n: int, *, anew: bool = False) -> tuple[int, float]:
        """Number of rows run, of ``n`` at most, and seconds for each content that was computed in the largest batch.

        With ``anew``, what is in the store is computed, too.
        """
        n_done, batch, most, pace = 0, FIRST, 0, 0.0
        while n_done < n:
            rows = range(n_done, min(n_done + batch, n))
            watching = _Watching(self.around.store, forgetful=anew)
            seconds = self._transform(rows, watching)
            if watching.n_written and watching.n_written >= most:
                most, pace = watching.n_written, seconds / watching.n_written
            n_done, batch = rows.stop, batch * 2
            if seconds > PATIENCE and watching.n_written:
                break
        return n_done, pace

    def warm_up(self) -> tuple[int, ...] | None:
        """Compute a row, whether it is stored or not; the shape of its vector, None if there is none."""
        for row in range(min(_WARM_UP, len(self.values))):
            watching = _Watching(self.around.store, forgetful=True)
            self._transform(range(row, row + 1), watching)
            if watching.shape is not None:
                return watching.shape
        return None

    def look_up(self, rows: range, shape: tuple[int, ...]) -> tuple[float, int]:
        """Seconds without computing anything, and the number of contents that the store lacks."""
        watching = _Watching(self.around.store, stand_in=np.zeros(shape, dtype=np.float32))
        return self._transform(rows, watching), watching.n_lacking

    def _transform(self, rows: range, store: _Watching) -> float:
        started = time.monotonic()
        self.featurizer.transform(self.values.iloc[rows.start : rows.stop], replace(self.around, store=store))
        return time.monotonic() - started


class _Watching(EmbeddingStore):
    """A store over another one that counts, forgets what is stored, or answers with a stand-in for what is not."""

    def __init__(
        self, inner: EmbeddingStore | None, *, forgetful: bool = False, stand_in: NDArray[np.float32] | None = None
    ) -> None:
        super().__init__(None if inner is None else inner.folder)
        self.inner = inner
        self.forgetful = forgetful
        self.stand_in = stand_in
        self.n_written = 0
        self.n_lacking = 0
        self.shape: tuple[int, ...] | None = None

    def get(self, keys: Sequence[bytes]) -> list[NDArray[np.float32] | None]:
        """As the store below, but for what is said above."""
        if self.inner is None or self.forgetful:
            found: list[NDArray[np.float32] | None] = [None] * len(keys)
        else:
            found = self.inner.get(keys)
        self.n_lacking += sum(vector is None for vector in found)
        return [self.stand_in if vector is None else vector for vector in found]

    def put(self, items: Iterable[tuple[bytes, NDArray[np.float32]]]) -> None:
        """As the store below; what it holds already stays as it is."""
        written = list(items)
        self.n_written += len(written)
        for _, vector in written:
            self.shape = vector.shape
        if self.inner is not None:
            known = self.inner.get([key for key, _ in written]) if self.forgetful else [None] * len(written)
            self.inner.put([item for item, vector in zip(written, known, strict=True) if vector is None])
