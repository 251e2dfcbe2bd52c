"""The rows with the largest errors, with small copies of their photos."""

from __future__ import annotations

import base64
import io
import warnings
from typing import Any

import pandas as pd

from artifacts.schema import Kind
from evaluation.report_data import Photo, ReportData
from evaluation.wording import Wording, neutral

MAX_CARDS = 24
THUMBNAIL = 160
MAX_PIXELS = 40_000_000
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")


def errors(data: ReportData, say: Wording) -> dict[str, Any]:
    """One card a row: photo, title, what was true and what was predicted."""
    if data.errors is None or data.errors.empty:
        return {"missing": say("not_in_run")}
    cards = [row_card(data, say, row) for _, row in data.errors.head(MAX_CARDS).iterrows()]
    return {"intro": say("errors_intro"), "cards": cards, "with_photos": data.photo is not None}


def row_card(data: ReportData, say: Wording, row: pd.Series[Any]) -> dict[str, Any]:
    """A row of ``prediction_check.largest_errors``: photo, title, id, what was true and what was predicted."""
    truth, predicted = _values(data.kind, say, row)
    return row_facts_card(data, say, str(row["row"]), [(say("true_value"), truth), (say("predicted_value"), predicted)])


def row_facts_card(data: ReportData, say: Wording, key: str, facts: list[tuple[str, str]]) -> dict[str, Any]:
    """A row by its id: photo, title, id and facts, each a term and its text."""
    picture, problem = shown_photo(data.photo, key, say)
    return {
        "row": neutral(key, 60),
        "title": neutral(str(data.row_titles.get(key, "")), 110),
        "facts": facts,
        "picture": picture,
        "problem": problem,
    }


def shown_photo(photo: Photo | None, key: str, say: Wording) -> tuple[str | None, str]:
    """A small photo of a row as a data URI, or why there is none; neither where the task has no photos."""
    if photo is None:
        return None, ""
    encoded = photo(key)
    picture = thumbnail(encoded) if encoded else None
    return picture, "" if picture else say("broken_photo" if encoded else "no_photo")


def _values(kind: Kind, say: Wording, row: pd.Series[Any]) -> tuple[str, str]:
    truth, predicted = float(row["truth_value"]), float(row["predicted_value"])
    if kind is Kind.REGRESSION:
        return say.number(truth, 4), say.number(predicted, 4)
    if kind is Kind.CONVERSION:
        rate = say.percent(truth, 3)
        if pd.isna(row["trials"]):
            return rate, say.percent(predicted, 3)
        counts = {"successes": say.number(row["successes"], 4), "trials": say.number(row["trials"], 9)}
        return say("rate_of", rate=rate, **counts), say.percent(predicted, 3)
    label, chosen = neutral(str(row["truth"]), 80), neutral(str(row["prediction"]), 80)
    if kind is Kind.MULTILABEL:
        return label if row["seen"] else say("class_unseen", label=label), chosen
    words = say("class_given", label=label, p=say.percent(truth)) if row["seen"] else say("class_unseen", label=label)
    return words, say("class_predicted", label=chosen, p=say.percent(predicted))


def thumbnail(encoded: bytes, side: int = THUMBNAIL) -> str | None:
    """A data URI with a JPEG of at most ``side`` x ``side`` pixels, or None if the bytes are no readable photo.

    The photo is drawn anew, so that nothing but pixels gets into the report: no metadata (a place where it was
    taken, say), no other format hidden in the file. Photos of more than 40 million pixels are not opened.
    """
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(encoded), formats=FORMATS) as opened:
                if opened.width * opened.height > MAX_PIXELS:
                    return None
                opened.draft("RGB", (2 * side, 2 * side))  # lets JPEG decode at a fraction of its size
                picture = ImageOps.exif_transpose(opened).convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None  # Pillow raises each of these for damaged files
    picture.thumbnail((side, side))
    white = Image.new("RGB", picture.size, "white")  # JPEG knows no transparency
    white.paste(picture, mask=picture.getchannel("A"))
    buffer = io.BytesIO()
    white.save(buffer, "JPEG", quality=80, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
