"""Texts a second: cleaning, one spelling for counting words, statistics; in one process and in workers.

    python benchmarks/text_cleaning.py [--texts N] [--data FILE.parquet --column NAME]

Without --data it makes product descriptions in HTML, half of them English and half Russian. Best of three
rounds; the first call with workers, which starts them, is shown apart. The load of the machine is printed: on a
busy one, processor time says more than the clock, and workers gain little.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from artifacts.progress import Silent
from artifacts.tables import read_parquet
from featurizers import text_workers
from featurizers.known_words import vocabulary
from featurizers.stop_words import stop_words
from featurizers.text_cleaning import _plain_texts
from featurizers.text_language import detect_language
from featurizers.text_normal import normal_forms
from featurizers.text_statistics import _measured
from featurizers.text_workers import map_chunks, n_processors

ROUNDS = 3
WORDS = {
    "en": "soft cotton dress for women and men with pockets size colour material washing care delivery returns gift "
    "warranty perfect summer winter machine washable original brand packaging includes manual comfortable everyday use "
    "quality elastic waist durable waterproof zipper lightweight adjustable strap breathable modern design family",
    "ru": "мягкое хлопковое платье для женщин и мужчин с карманами размер цвет материал стирка уход доставка возврат "
    "гарантия отличный подарок летний зимний машинная оригинальный бренд упаковка включает инструкция удобный каждый "
    "день качество эластичный пояс прочный водонепроницаемый молния лёгкий регулируемый ремень современный дизайн",
}
SIZES = ("100мл", "10x20 cm", "10 х 20 см", "1,5 л", "5 pcs", "256GB", "1 990 ₽", "$25", "100%", "№5")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=100_000)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--column")
    chosen = parser.parse_args()
    texts = read(chosen.data, chosen.column, chosen.texts) if chosen.data else made(chosen.texts)
    mean = sum(map(len, texts)) / len(texts)
    print(f"{len(texts)} texts of {mean:.0f} characters, {n_processors()} processors, load {os.getloadavg()[0]:.1f}\n")
    costs()
    language = detect_language(pd.Series(texts, dtype=object))
    plain = _plain_texts(texts)
    print("| work | texts/s, one process | texts/s of processor time | texts/s, workers | first call with workers, s |")
    print("|---|---|---|---|---|")
    compare("plain text (HTML, entities, misread text)", _plain_texts, texts)
    compare("normal form (after plain text)", partial(normal_forms, stop_words(language)), plain)
    compare("statistics (after plain text)", partial(_measured, language), plain)


def read(path: Path, column: str, n: int) -> list[str]:
    values = read_parquet(path)[column].dropna().astype(str).tolist()
    return (values * (1 + n // len(values)))[:n]


def made(n: int) -> list[str]:
    chance = random.Random(0)
    return [description(chance, ("en", "ru")[i % 2]) for i in range(n)]


def description(chance: random.Random, language: str) -> str:
    words = WORDS[language].split()

    def sentence() -> str:
        chosen = [*chance.choices(words, k=10), chance.choice(SIZES)]
        return " ".join(chosen).capitalize() + chance.choice((".", "!", "?", "!!!", " &amp; more."))

    paragraphs = "".join(f"<p>{sentence()} <b>{chance.choice(words)}</b> {sentence()}</p>\n" for _ in range(3))
    items = "".join(f"<li>{chance.choice(words)}&nbsp;&mdash; {chance.choice(SIZES)}</li>" for _ in range(4))
    return (
        f'<div class="card">{paragraphs}<ul>{items}</ul><a href="https://shop.example/?a=1&b=2">{sentence()}</a></div>'
    )


def costs() -> None:
    """Seconds and megabytes of what is loaded once."""
    for name, load in (
        ("language model", lambda: detect_language(pd.Series(["enough letters to tell the language"]))),
        ("English words", lambda: vocabulary("en")),
        ("Russian words", lambda: vocabulary("ru")),
    ):
        start = time.perf_counter()
        load()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"loading the {name}: {time.perf_counter() - start:.2f} s, peak memory then {peak:.0f} MB")
    print()


def compare(what: str, function: Callable[[list[str]], Any], texts: list[str]) -> None:
    def seconds(guess: float) -> tuple[float, float]:
        start, busy = time.perf_counter(), time.process_time()
        map_chunks(function, texts, guess, Silent(), what)
        return time.perf_counter() - start, time.process_time() - busy

    here = [seconds(text_workers.PAYS_SECONDS - 0.1) for _ in range(ROUNDS)]
    rates = [len(texts) / min(row[i] for row in here) for i in (0, 1)]
    first = seconds(text_workers.PAYS_SECONDS + 1)[0]
    many = min(seconds(text_workers.PAYS_SECONDS + 1)[0] for _ in range(ROUNDS))
    print(f"| {what} | {rates[0]:,.0f} | {rates[1]:,.0f} | {len(texts) / many:,.0f} | {first:.1f} |", flush=True)


if __name__ == "__main__":
    main()
