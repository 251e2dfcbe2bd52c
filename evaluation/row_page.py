"""One explained row as one HTML file, by the rules of ``evaluation.report``: data first, all escaped, no request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from artifacts.schema import SHARES, Kind
from evaluation.heat_picture import as_data_uri, overlay
from evaluation.page import PagePart, render_page
from evaluation.row_explanation import Contribution, PhotoMap, RowExplanation, State, TextMap
from evaluation.saliency import PATCHES_A_SIDE, Piece
from evaluation.wording import Wording, neutral

RowSection = Callable[[RowExplanation, Wording], dict[str, Any] | None]

MAX_SOURCES = 15
MAX_FEATURES = 20
MAX_PREDICTIONS = 6  # classes
MAX_CHARACTERS = 6_000  # of a text
SPAN = 500  # characters that are written at once, fewer than what is cut on its way out
MAX_NAMED_PIECES = 8
SHADES = 5  # of each sign; see report.css
VISIBLE_SHIFT = 0.01  # of a copy's score


def row_prediction(row: RowExplanation, say: Wording) -> dict[str, Any]:
    """What is predicted, and where a row of which nothing is known would stand."""
    order = np.argsort(-row.predictions, kind="stable")[:MAX_PREDICTIONS] if row.classes else [0]
    base = ""
    if np.isfinite(row.base):
        position = row.classes.index(row.output) if row.output else 0
        known = _natural(row, float(row.base_predictions[position]), say)
        base = say("row_base", base=known, delta=say.number(row.score - row.base, sign=True), unit=_unit(row, say))
    return {
        "decided": neutral(row.decided, 80) if row.classes else _natural(row, float(row.predictions[0]), say),
        "outputs": [
            (neutral(row.classes[i], 80), say.percent(float(row.predictions[i]))) for i in order if row.classes
        ],
        "base": base,
        "output": say("row_for_output", output=neutral(row.output, 80)) if row.output else "",
        "note": say("row_made_once"),
    }


def row_sources(row: RowExplanation, say: Wording) -> dict[str, Any]:
    """Bars to both sides of zero: of columns, and of readable features with the row's own values."""
    if row.not_explained:
        return {"missing": say("not_explained_because", reason=neutral(row.not_explained))}
    if not row.sources:
        return {"missing": say("nothing_used")}
    readable = [one for one in row.features if not one.opaque]
    return {
        "intro": say("row_sources_intro", unit=_unit(row, say)),
        "bars": _bars(row.sources[:MAX_SOURCES], say),
        "features": _bars(readable[:MAX_FEATURES], say),
        "views": [view for view in SHARES if any(one.view == view for one in row.sources)],
        "association": say("association"),
    }


def row_photos(row: RowExplanation, say: Wording) -> dict[str, Any] | None:
    """Each photo beside its map; None where the task has no photos."""
    if not row.photos:
        return None
    intro = say("row_photo_intro", sizes=len(PATCHES_A_SIDE))
    return {"intro": intro, "photos": [_photo(row, one, say) for one in row.photos]}


def row_texts(row: RowExplanation, say: Wording) -> dict[str, Any] | None:
    """Each text with its pieces shaded; None where the task has no texts."""
    if not row.texts and not row.not_tried:
        return None
    names = ", ".join(neutral(name, 60) for name in row.not_tried[:MAX_SOURCES])
    return {
        "texts": [_text(row, one, say) for one in row.texts],
        "not_tried": say("row_not_tried", names=names) if names else "",
    }


# In the order of the page. Each has a template and a heading of its name.
ROW_SECTIONS: dict[str, RowSection] = {
    "row_prediction": row_prediction,
    "row_photos": row_photos,
    "row_texts": row_texts,
    "row_sources": row_sources,
}


def render_row(row: RowExplanation, language: str = "en") -> str:
    """One self-contained HTML page in ``en`` or ``ru``; equal data give an equal page.

    Raises:
        InputError: if the language is unknown.
    """
    say = Wording(language)
    computed = {name: section(row, say) for name, section in ROW_SECTIONS.items()}
    part = PagePart(
        {name: found for name, found in computed.items() if found is not None},
        line=f"{say('predicts')}: {neutral(row.target)}",
        remark=say(f"kind_{row.kind.value}"),
    )
    return render_page("row_page", say("row_named", row=neutral(row.row, 120)), [part], say, of=row.name)


def _unit(row: RowExplanation, say: Wording) -> str:
    return say.known(f"unit_{row.unit}", row.unit)


def _natural(row: RowExplanation, value: float, say: Wording) -> str:
    return say.number(value, 4) if row.kind is Kind.REGRESSION else say.percent(value, 3)


def _bars(found: Sequence[Contribution], say: Wording) -> list[dict[str, Any]]:
    longest = max((abs(one.delta) for one in found), default=0.0) or 1.0
    return [
        {
            "name": _name(one, say),
            "view": one.view,
            "raises": one.delta > 0,
            "width": round(50 * abs(one.delta) / longest, 2),
            "start": round(50 - (50 * abs(one.delta) / longest if one.delta < 0 else 0), 2),
            "delta": say.number(one.delta, 2, sign=True),
        }
        for one in found
    ]


def _name(one: Contribution, say: Wording) -> str:
    title = neutral(say.title(one.title), 110)
    if one.name == one.source:
        return title
    value = say("missing") if one.value is None else one.value
    shown = neutral(value, 60) if isinstance(value, str) else say.number(value)
    return say("row_feature_value", title=title, value=shown)


def _notes(row: RowExplanation, one: PhotoMap | TextMap, what: str, say: Wording) -> list[str]:
    """What the column adds in all, and that the map is of a copy where that matters."""
    unit, notes = _unit(row, say), []
    if np.isfinite(one.part):
        notes.append(say("row_part", delta=say.number(one.part, 2, sign=True) if one.part else "0", unit=unit))
    if abs(one.shift) >= VISIBLE_SHIFT:
        notes.append(say("row_shift", what=what, delta=say.number(one.shift, 2, sign=True)))
    return notes


def _photo(row: RowExplanation, one: PhotoMap, say: Wording) -> dict[str, Any]:
    title = neutral(say.title(one.title), 80)
    if one.pixels is None or one.heat is None:
        return {"title": title, "sentence": say(f"row_photo_{one.state.value}"), "picture": "", "map": "", "notes": []}
    ends = {"low": say.number(one.lowest, 2, sign=True), "high": say.number(one.highest, 2, sign=True)}
    moved = bool(one.heat.any())
    sentence = say("row_photo_ends", **ends, unit=_unit(row, say)) if moved else say("row_photo_flat")
    size = say("row_copy_photo", width=one.pixels.shape[1], height=one.pixels.shape[0])
    notes = _notes(row, one, size, say)
    if one.n_photos > 1:
        notes.insert(0, say("row_photo_first", n=one.n_photos))
    tuned = one.by_gradients
    return {
        "by_gradients": "" if tuned is None else as_data_uri(overlay(one.pixels, tuned)),
        "gradients": _by_gradients(row, say),
        "title": title,
        "sentence": say("row_photo_unused") if one.state is State.UNUSED else sentence,
        "picture": as_data_uri(one.pixels),
        "map": as_data_uri(overlay(one.pixels, one.heat)) if moved else "",
        "most": say.number(float(np.abs(one.heat).max()), 2),
        "unit": _unit(row, say),
        "notes": notes,
    }


def _by_gradients(row: RowExplanation, say: Wording) -> str:
    if row.tuned_read_share:
        return say("row_by_gradients_read", share=say.percent(row.tuned_read_share, 2))
    return say("row_by_gradients", share=say.percent(row.tuned_share, 2))


def _text(row: RowExplanation, one: TextMap, say: Wording) -> dict[str, Any]:
    title = neutral(say.title(one.title), 80)
    spans, tuned = _spans(one), replace(one, pieces=one.by_gradients)
    most = max((abs(piece.delta) for piece in one.pieces), default=0.0) if one.state is State.TRIED else 0.0
    if one.state is not State.TRIED:
        sentence = say(f"row_text_{one.state.value}")
    elif most:
        sentence = say("row_texts_intro", most=say.number(most, 2), unit=_unit(row, say))
    else:
        sentence = say("row_text_flat")
    strongest = sorted((piece for piece in one.pieces if piece.delta), key=lambda piece: -abs(piece.delta))
    return {
        "title": title,
        "sentence": sentence,
        "spans": spans,
        "by_gradients": _spans(tuned) if one.by_gradients else [],
        "gradients": _by_gradients(row, say),
        "cut": say("row_text_cut", n=len(one.text) - MAX_CHARACTERS) if len(one.text) > MAX_CHARACTERS else "",
        "strongest": [
            (neutral(one.text[piece.start : piece.end], 80), say.number(piece.delta, 2, sign=True))
            for piece in strongest[:MAX_NAMED_PIECES]
            if most
        ],
        "notes": _notes(row, one, say("row_copy_text"), say),
    }


def _spans(one: TextMap) -> list[dict[str, str]]:
    """The text in pieces and what stands between them, each with the class of its shade, empty for none."""
    most = max((abs(piece.delta) for piece in one.pieces if np.isfinite(piece.delta)), default=0.0)
    spans, end = [], 0
    for piece in one.pieces:
        if piece.start >= MAX_CHARACTERS:
            break
        spans.append({"text": one.text[end : piece.start], "shade": ""})
        spans.append({"text": one.text[piece.start : min(piece.end, MAX_CHARACTERS)], "shade": _shade(piece, most)})
        end = piece.end
    spans.append({"text": one.text[end : max(end, MAX_CHARACTERS)], "shade": ""})
    return [
        {"text": neutral(span["text"][start : start + SPAN], SPAN), "shade": span["shade"]}
        for span in spans
        for start in range(0, len(span["text"]), SPAN)
    ]


def _shade(piece: Piece, most: float) -> str:
    """``raises-1`` to ``raises-5`` and ``lowers-1`` to ``lowers-5`` by the share of the strongest piece."""
    if not most or not np.isfinite(piece.delta):
        return ""
    level = round(SHADES * abs(piece.delta) / most)
    return f"{'raises' if piece.delta > 0 else 'lowers'}-{level}" if level else ""
