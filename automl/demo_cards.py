"""The cards of the demo shop: clicks drawn from the causes in ``demo_truth``, all else independent of them."""

from __future__ import annotations

import json
import zlib

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from automl.demo_drawing import BRIGHTNESS, draw_looks
from automl.demo_truth import BASE_RATE, EFFECTS, FACTORS, NOISE_SD, PRICE_BRIGHTNESS_CORRELATION, PRICE_CENTRE

TEST_SHARE = 0.2
MAX_TITLE_WORDS = 16
PHOTO_STATES = {"none": 0.015, "absent": 0.01, "broken": 0.01, "blank": 0.01}  # the others are "ok"
# fmt: off
CARD_COLUMNS = (
    "card_id", "title", "description", "photo", "characteristics", "tags", "price", "shop", "published", "views",
    "clicks", "likes",
)
BRANDS = ("Nordline", "Velmora", "Tarvik", "Lumeria", "Kasteon", "Miravel", "Polaryn", "Quillby", "Sorano", "Elmstead")
SYLLABLES = (
    "ba", "ce", "do", "fi", "gu", "ha", "jo", "ka", "le", "mi", "no", "pa", "qui", "re", "so", "ta", "ul", "ve", "wi",
    "xa", "yo", "za", "bri", "cho", "dra", "fle", "gri", "plo", "sta", "tre",
)
WORDS = (
    "soft", "classic", "everyday", "warm", "durable", "modern", "limited", "edition", "premium", "handmade",
    "genuine", "comfortable", "stylish", "universal", "original", "gift", "quality", "compact", "urban", "new",
    "natural", "unisex", "trendy", "practical", "elegant", "reliable", "choice", "for", "home", "travel", "work",
    "friends", "family",
)
EMOJI = ("🔥", "✨", "🎁", "❤️")
SENTENCES = (
    "A good gift for friends & family.", "Easy to clean, easy to store.", "Ships the next working day.",
    "The colour may differ a little from the photo.", "Returned without questions within 14 days.",
    "Packed in recycled paper.", "Our customers come back for it.", "Tested in daily use for a year.",
    "Sizes run true, see the table.", "Ask us anything before you order.", "Light, strong and pleasant to hold.",
)
QUESTIONS = ("Looking for a present?", "Tired of things that break?", "Why pay more?")
TAGS = (
    "sale", "new", "gift", "eco", "bestseller", "handmade", "basic", "office", "weekend", "minimal", "retro", "kids",
    "local", "travel", "outlet",
)
SHOPS = (
    "Harbour Lane", "Corner Store", "Blue Door", "Mill & Sons", "Sunday Market", "Pine Street", "Old Town Goods",
    "Fair Trade", "The Attic", "North Depot", "Little Things", "Green Yard",
)
SEASONS = ("summer", "winter", "Demi-season", "all seasons", "spring/autumn", "Summer")
MATERIALS = ("cotton", "leather", "ceramic", "polyester", "steel", "wood", "linen")
# fmt: on


def draw_cards(n_rows: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw the cards as authors see them, and the truth behind them, without any photo.

    Returns:
        The rows of ``train.csv`` and ``test.csv`` together, and ``DemoTruth.rows``.
    """
    ids = pd.DataFrame({"card_id": [f"card-{i:05d}" for i in range(n_rows)]})
    photos = draw_looks(_rng(seed, "photo"), n_rows)
    photos["photo_state"] = _rare(_rng(seed, "state"), n_rows, PHOTO_STATES)
    titles = _draw_titles(_rng(seed, "title"), photos["colour"].to_numpy())
    descriptions = _draw_descriptions(_rng(seed, "description"), n_rows)
    characteristics = _draw_characteristics(_rng(seed, "characteristics"), photos["colour"].to_numpy())
    shops = _draw_shops(_rng(seed, "shop"), photos["photo_brightness"].to_numpy())
    drawn = pd.concat([ids, photos, titles, descriptions, characteristics, shops], axis=1)
    drawn["photo"] = drawn["card_id"].where(drawn["photo_state"] != "none") + ".jpg"
    unseen = drawn["photo_state"] != "ok"  # buyers see a placeholder: no brightness, no kind
    drawn[["photo_brightness", "photo_kind"]] = drawn[["photo_brightness", "photo_kind"]].mask(unseen)
    drawn = pd.concat([drawn, _draw_outcomes(_rng(seed, "outcome"), drawn)], axis=1)
    behind = [f"log_odds__{effect.factor}" for effect in EFFECTS]
    truth = drawn[["card_id", "split", "p", "p_best", *FACTORS, *behind, "photo_state", "photo_whiteness"]]
    return drawn[list(CARD_COLUMNS)], truth


def _rng(seed: int, name: str) -> np.random.Generator:
    """A stream of its own for each part of a card, so that a change of one leaves the others."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def _rare(rng: np.random.Generator, n: int, shares: dict[str, float], usual: str = "ok") -> NDArray[np.object_]:
    """A state a row: each rare one at least once, in its share of the rows."""
    states = np.full(n, usual, dtype=object)
    order = rng.permutation(n)
    for state, share in shares.items():
        count = max(1, round(share * n))
        states[order[:count]] = state
        order = order[count:]
    return states


def _draw_titles(rng: np.random.Generator, colours: NDArray[np.object_]) -> pd.DataFrame:
    """Titles of 2 to 16 words; digits, capitals, marks and emoji change no word count."""
    n = len(colours)
    counts = rng.integers(2, MAX_TITLE_WORDS + 1, n)
    digits = np.where(rng.random(n) < 0.4, rng.integers(1, 5, n), 0)
    marks = rng.choice([0, 1, 3], n, p=[0.8, 0.14, 0.06])
    emoji, capitals, names_colour = rng.random(n) < 0.12, rng.random(n) < 0.15, rng.random(n) < 0.5
    empty = _rare(rng, n, {"empty": 0.02}) != "ok"
    titles = []
    for i in range(n):
        words = [rng.choice(BRANDS), "".join(rng.choice(SYLLABLES, 3)).title(), *rng.permutation(WORDS)][: counts[i]]
        if names_colour[i] and len(words) > 3:
            words[2] = colours[i]
        if digits[i]:
            words[-1] = str(rng.integers(10 ** (digits[i] - 1), 10 ** digits[i]))
        title = " ".join(words) + "!" * marks[i] + (str(rng.choice(EMOJI)) if emoji[i] else "")
        titles.append(title.upper() if capitals[i] else title)
    drawn = {"title_digits": digits, "title_exclamations": marks, "title_emoji": emoji, "title_capitals": capitals}
    frame = pd.DataFrame({"title": titles, "title_words": counts, **{k: v.astype(int) for k, v in drawn.items()}})
    frame.loc[empty, list(drawn)] = 0
    return frame.assign(title=frame["title"].mask(empty, ""), title_words=np.where(empty, MAX_TITLE_WORDS, counts))


def _draw_descriptions(rng: np.random.Generator, n: int) -> pd.DataFrame:
    counts = rng.integers(2, 8, n)
    html, question, link = rng.random(n) < 0.25, rng.random(n) < 0.25, rng.random(n) < 0.12
    missing = _rare(rng, n, {"missing": 0.04}) != "ok"
    texts: list[str | None] = []
    for i in range(n):
        first = str(rng.choice(QUESTIONS)) if question[i] else "Made with care."
        more = [str(sentence) for sentence in rng.permutation(SENTENCES)[: counts[i] - 2]]
        sentences = [first, *more, f"Batch {rng.integers(1, 10000)}, checked by hand."]
        if link[i]:
            sentences[-1] += f" See https://example.com/item/{rng.integers(1000, 9999)}"
        text = " ".join(sentences)
        if html[i]:
            text = "<p><b>" + "</b><br/>".join(text.replace("&", "&amp;").split(" ", 1)) + "</p>"
        texts.append(None if missing[i] else text)
    drawn = {"html": html, "question": question, "link": link}
    frame = pd.DataFrame({"description": texts, "description_sentences": counts})
    for name, values in drawn.items():
        frame[f"description_{name}"] = values.astype(int)
    frame.loc[missing, [name for name in frame if name != "description"]] = 0
    return frame


def _draw_characteristics(rng: np.random.Generator, colours: NDArray[np.object_]) -> pd.DataFrame:
    """Nested dicts in strings: most as Python literals, some as JSON, a few cut off (never with a season)."""
    n = len(colours)
    seasons = rng.random(n) < 0.6
    materials = rng.choice(MATERIALS, n)
    weights = np.round(np.exp(rng.normal(-0.5, 0.7, n)), 2)
    sizes = rng.integers(1, 6, n)
    as_json = rng.random(n) < 0.3
    states = _rare(rng, n, {"cut": 0.02, "missing": 0.01})
    seasons &= states == "ok"
    texts: list[str | None] = []
    for i in range(n):
        value: dict[str, object] = {
            "colour": str(colours[i]),
            "material": str(materials[i]),
            "weight": f"{weights[i]:g} kg".replace(".", ","),
            "sizes": ["XS", "S", "M", "L", "XL"][: sizes[i]],
            "package": {"box": bool(rng.random() < 0.5), "pieces": int(rng.integers(1, 4))},
            "warranty": None if rng.random() < 0.7 else "12 months",
        }
        if seasons[i]:
            value["season"] = str(rng.choice(SEASONS))
        ordered = {str(key): value[str(key)] for key in rng.permutation(list(value))}
        text = json.dumps(ordered) if as_json[i] else repr(ordered)
        text = text[: int(len(text) * rng.uniform(0.4, 0.8))] if states[i] == "cut" else text
        texts.append(None if states[i] == "missing" else text)
    return pd.DataFrame(
        {
            "characteristics": texts,
            "season_filled": seasons.astype(int),
            "material": materials,
            "weight_kg": weights,
            "sizes_count": sizes,
        }
    )


def _draw_shops(rng: np.random.Generator, brightness: NDArray[np.float64]) -> pd.DataFrame:
    """Tags, price, shop and date. The price leans on the brightness: the one planted confounder."""
    n = len(brightness)
    low, high = BRIGHTNESS
    bright = (brightness - (low + high) / 2) / ((high - low) / np.sqrt(12))
    lean = PRICE_BRIGHTNESS_CORRELATION
    log2_price = PRICE_CENTRE + 0.7 * (lean * bright + np.sqrt(1 - lean**2) * rng.normal(size=n))
    price = np.round(2**log2_price, 2)
    tags = [[str(tag) for tag in rng.permutation(TAGS)[:count]] for count in rng.integers(0, 6, n)]
    shares = 1 / np.arange(1, len(SHOPS) + 1) ** 0.7
    minutes = pd.to_timedelta(rng.integers(0, 2 * 365 * 24 * 60, n), unit="min")
    return pd.DataFrame(
        {
            "tags": [json.dumps(some) for some in tags],
            "tags_count": [len(some) for some in tags],
            "price": price,
            "price_log2": np.log2(price),
            "shop": rng.choice(SHOPS, n, p=shares / shares.sum()),
            "published": pd.Timestamp("2023-01-01") + minutes,
        }
    )


def _draw_outcomes(rng: np.random.Generator, drawn: pd.DataFrame) -> pd.DataFrame:
    n = len(drawn)
    added = {f"log_odds__{effect.factor}": effect.log_odds(drawn[effect.factor]) for effect in EFFECTS}
    known = np.log(BASE_RATE / (1 - BASE_RATE)) + sum(added.values())
    p = _logistic(known + rng.normal(0.0, NOISE_SD, n))
    views = np.clip(np.exp(rng.normal(5.2, 0.9, n)), 20, 3000).astype(int)
    liked = _logistic(-3.5 + 0.6 * (known - known.mean()) + rng.normal(0.0, 0.3, n))
    split = np.full(n, "train", dtype=object)
    split[rng.permutation(n)[: round(TEST_SHARE * n)]] = "test"
    outcomes = {"split": split, "p": p, "p_best": _logistic(known), "views": views}
    return pd.DataFrame({**outcomes, "clicks": rng.binomial(views, p), "likes": rng.binomial(views, liked), **added})


def _logistic(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-log_odds))
