"""Keys of characteristics that are one key in several spellings: case, spaces, look-alike letters, one typo."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Flat = dict[str, list[Any]]

MIN_WORD = 5  # letters of a word in which one typo can be told from another word
MAX_TYPO_KEYS = 5000  # the most filled ones, among which typos are looked for
MAX_MEMORY = 100_000  # of spellings seen after training

_SEPARATOR = re.compile(r"(?<=\d)[\W_]+(?=\d)|[\W_]+")
_CAMEL = re.compile(r"(?<=[a-zа-я])(?=[A-ZА-Я])")
# Latin letters that look like Cyrillic ones, as they get into Russian words from another keyboard layout.
_LOOK_ALIKES = str.maketrans("aceopxykmtbh", "асеорхукмтвн")
_CYRILLIC = re.compile("[а-яё]")


@dataclass
class KeyMerging:
    """Which spellings are which key: ``spellings`` to the key, and normal forms to it for new spellings."""

    spellings: Mapping[str, str]
    forms: Mapping[str, str]
    _memory: dict[str, str] = field(default_factory=dict, repr=False)

    def key_of(self, spelling: str) -> str:
        """The key that a spelling stands for; the spelling itself if it is like no key of training."""
        known = self._memory.get(spelling)
        if known is None:
            known = self.spellings.get(spelling) or self.forms.get(normal_form(spelling), spelling)
            if len(self._memory) < MAX_MEMORY:
                self._memory[spelling] = known
        return known

    def merge(self, flat: Flat) -> Flat:
        """The same values under merged keys; what stands under two spellings is put together."""
        if all(self.key_of(spelling) == spelling for spelling in flat):
            return flat
        merged: Flat = {}
        for spelling, cell in flat.items():
            key = self.key_of(spelling)
            merged[key] = [*merged[key], *(v for v in cell if v not in merged[key])] if key in merged else cell
        return merged


def normal_form(key: str) -> str:
    """A key without what spellings differ in: case, spaces, underscores, hyphens, ``ё``, look-alike letters.

    ``defined.Brand Name``, ``defined.brand_name`` and ``defined.brandName`` have one form. Marks
    between two digits stay, as ``1.5`` is not ``15``.
    """
    return ".".join("".join(_words(part)) or part for part in key.split("."))


def learn_merging(flats: Iterable[Flat]) -> KeyMerging:
    """Find spellings of one key in the rows of training, in time linear in their keys.

    A typo is one letter too many, too few, another, or swapped, within a word of at least
    ``MIN_WORD`` letters, not its first (``Height`` and ``Weight``), when all other words are equal,
    both hold numbers or both do not, and no row has both keys. A digit is never a typo. The
    spelling that is filled most often is the key.
    """
    rows = list(flats)
    filled = Counter(key for flat in rows for key in flat)
    forms: dict[str, str] = {}
    spellings: dict[str, str] = {}
    for key in sorted(filled, key=lambda key: (-filled[key], key)):
        spellings[key] = forms.setdefault(normal_form(key), key)
    merged: Counter[str] = Counter()
    for key, count in filled.items():
        merged[spellings[key]] += count
    typos = _typos(rows, merged, spellings)
    resolved = {key: typos.get(target, target) for key, target in spellings.items()}
    return KeyMerging(
        {key: target for key, target in resolved.items() if key != target},
        {form: typos.get(target, target) for form, target in forms.items()},
    )


def _typos(rows: list[Flat], filled: Counter[str], spellings: Mapping[str, str]) -> dict[str, str]:
    """Keys that are a typo of a more filled key, to that key."""
    ranked = sorted(filled, key=lambda key: (-filled[key], key))[:MAX_TYPO_KEYS]
    near: dict[tuple[str, ...], list[str]] = defaultdict(list)  # every way to leave out one letter of one word
    candidates: dict[str, str] = {}
    words_of = {key: _path_words(key) for key in ranked}
    for key in ranked:
        ways = list(_ways_to_shorten(words_of[key]))
        seen = dict.fromkeys(target for way in ways for target in near[way])
        found = next((t for t in seen if t not in candidates and _is_typo(words_of[key], words_of[t])), None)
        if found is not None:
            candidates[key] = found
        for way in ways:
            if len(near[way]) < 20:
                near[way].append(key)
    if not candidates:
        return {}
    numbers: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    watched = set(candidates) | set(candidates.values())
    for flat in rows:
        held = {spellings[key]: flat[key] for key in flat if spellings[key] in watched}
        for key, cell in held.items():
            numbers[key][0] += any(character.isdigit() for character in str(cell[0])[:5])
            numbers[key][1] += 1
            if candidates.get(key) in held:
                del candidates[key]
    shares = {key: some / of for key, (some, of) in numbers.items()}
    return {key: target for key, target in candidates.items() if math.fabs(shares[key] - shares[target]) < 0.5}


def _words(part: str) -> list[str]:
    """Words of one part of a path in a form that spellings share."""
    text = unicodedata.normalize("NFKC", part)
    words = []
    for piece in _SEPARATOR.sub(_gap, _CAMEL.sub(" ", text)).casefold().replace("ё", "е").split():
        words.append(piece.translate(_LOOK_ALIKES) if _CYRILLIC.search(piece) else piece)
    return words


def _gap(found: re.Match[str]) -> str:
    between = found.string[found.start() - 1 : found.start()].isdigit() and found.string[found.end() :][:1].isdigit()
    return "·" if between else " "


def _path_words(key: str) -> tuple[str, ...]:
    parts = key.split(".")
    return (*(f".{''.join(_words(part))}" for part in parts[:-1]), *_words(parts[-1]))


def _ways_to_shorten(words: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
    """The words themselves, and with one letter left out of one long word."""
    for place, word in enumerate(words):
        if len(word) < MIN_WORD or word.startswith("."):
            continue
        for shorter in {word, *(word[:i] + word[i + 1 :] for i in range(1, len(word)))}:
            yield (*words[:place], f"{place}:", shorter, *words[place + 1 :])


def _is_typo(words: tuple[str, ...], others: tuple[str, ...]) -> bool:
    from rapidfuzz.distance import OSA

    if len(words) != len(others):
        return False
    different = [(word, other) for word, other in zip(words, others, strict=True) if word != other]
    if len(different) != 1:
        return False
    word, other = different[0]
    return (
        min(len(word), len(other)) >= MIN_WORD
        and word[0] == other[0] != "."
        and [c for c in word if c.isdigit()] == [c for c in other if c.isdigit()]
        and OSA.distance(word, other, score_cutoff=1) == 1
    )
