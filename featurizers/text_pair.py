"""A title in the light of its description: shared words, lengths, and which of the two is missing."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from artifacts.feature_table import Block
from artifacts.schema import Feature, Modality, Title, quantity_feature
from featurizers.base import State, Surroundings
from featurizers.missing_parts import fill_missing
from featurizers.pair import PairFeaturizer
from featurizers.text_cleaning import clean_texts
from featurizers.text_normal import normal_form

MAX_CHARACTERS = 20_000

# quantity: English title, Russian title, unit; {second} is the title of the second column.
QUANTITIES: dict[str, tuple[str, str, str]] = {
    "words_share_in": ("share of its words found in “{second}”", "доля слов, которые есть в «{second}»", "0-1"),
    "length_similarity_to": (
        "length beside that of “{second}”, the shorter to the longer",
        "длина рядом с длиной «{second}», меньшая к большей",
        "0-1",
    ),
    "starts": ("“{second}” starts with it", "«{second}» начинается с него", "0/1"),
    "equals": ("the same text as “{second}”", "тот же текст, что «{second}»", "0/1"),
    "missing_beside": ("missing where “{second}” has a text", "нет текста там, где он есть в «{second}»", "0/1"),
    "alone_without": ("has a text where “{second}” has none", "есть текст там, где его нет в «{second}»", "0/1"),
}

_WORD = re.compile(r"\d++(?:[.x]\d++)*+|[^\W\d_]++")


class TextPair(PairFeaturizer):
    """One block of the quantities in ``QUANTITIES``, named ``{first}__{quantity}_{second}``.

    Words are compared in their ``normal_form``, so that case, HTML, glued numbers and units do not matter.
    Where one of the two texts is missing (fewer than three letters), the two flags say which, ``starts`` and
    ``equals`` are 0 and the shares are NaN.
    """

    name: ClassVar[str] = "pair"
    modalities: ClassVar[tuple[Modality, Modality]] = (Modality.TEXT, Modality.TEXT)

    def fit(self, first: pd.Series[Any], second: pd.Series[Any], surroundings: Surroundings) -> Self:
        """Nothing is learned."""
        return self

    def transform(self, first: pd.Series[Any], second: pd.Series[Any], surroundings: Surroundings) -> list[Block]:
        """One block, float32 (n_samples, number of quantities)."""
        audit, progress = surroundings.audit, surroundings.progress
        titles = clean_texts(first, audit, column=self.first.name, limit=MAX_CHARACTERS, progress=progress)
        bodies = clean_texts(second, audit, column=self.second.name, limit=MAX_CHARACTERS, progress=progress)
        flags = fill_missing(pd.Series(titles, dtype=object), pd.Series(bodies, dtype=object)).flags
        result = np.empty((len(titles), len(QUANTITIES)), dtype=np.float32)
        for i, (title, body) in enumerate(zip(titles, bodies, strict=True)):
            result[i, :4] = compare(title, body)
        result[:, 4] = flags["title_from_body"]
        result[:, 5] = flags["body_from_title"]
        result[(result[:, 4] + result[:, 5]) > 0, :4] = (np.nan, np.nan, 0, 0)
        return [Block(self.first.name, self.name, self._features(), result)]

    def _features(self) -> tuple[Feature, ...]:
        second = self.second.title
        return tuple(
            quantity_feature(
                self.first,
                self.name,
                f"{quantity}_{self.second.name}",
                Title(en.format(second=second.en), ru.format(second=second.ru)),
                unit=unit,
            )
            for quantity, (en, ru, unit) in QUANTITIES.items()
        )

    def state(self) -> State:
        """Empty: nothing is learned."""
        return State()

    def restore(self, state: State) -> Self:
        """Nothing to take over."""
        return self


def compare(title: str, body: str) -> tuple[float, float, float, float]:
    """Share of title words in the body, shorter to longer length, body starts with title, both are equal.

    The shares are NaN if a text has no word.
    """
    words, others = _WORD.findall(normal_form(title)), _WORD.findall(normal_form(body))
    if not words or not others:
        return float("nan"), float("nan"), 0.0, 0.0
    held = set(others)
    share = sum(word in held for word in words) / len(words)
    lengths = sorted((len(title), len(body)))
    return share, lengths[0] / lengths[1], float(others[: len(words)] == words), float(others == words)
