"""One explained row as lines of text."""

from __future__ import annotations

import numpy as np

from evaluation.row_explanation import RowExplanation, State
from evaluation.row_page import row_prediction, row_sources
from evaluation.wording import Wording, neutral

MAX_LINES = 8  # of sources
MAX_PIECES = 6  # of a text


def row_lines(row: RowExplanation, say: Wording) -> list[str]:
    """The prediction, the strongest sources, what the photo does and the strongest words; each one printable line."""
    shown, sources = row_prediction(row, say), row_sources(row, say)
    lines = [f"{say('row_named', row=neutral(row.row, 80))}: {say('row_predicted', value=shown['decided'])}"]
    lines += [line for line in (shown["base"], shown["output"], sources.get("missing", "")) if line]
    lines += [f"  {bar['delta']}  {bar['name']}" for bar in sources.get("bars", ())[:MAX_LINES]]
    for photo in row.photos:
        title = neutral(say.title(photo.title), 80)
        if photo.state is not State.TRIED:
            lines.append(f"{title}: {say(f'row_photo_{photo.state.value}')}")
            continue
        ends = {"low": say.number(photo.lowest, 2, sign=True), "high": say.number(photo.highest, 2, sign=True)}
        unit = say.known(f"unit_{row.unit}", row.unit)
        flat = photo.heat is None or not np.any(photo.heat)
        lines.append(f"{title}: {say('row_photo_flat') if flat else say('row_photo_ends', **ends, unit=unit)}")
    for text in row.texts:
        title = neutral(say.title(text.title), 80)
        if text.state is not State.TRIED:
            lines.append(f"{title}: {say(f'row_text_{text.state.value}')}")
            continue
        strongest = sorted((p for p in text.pieces if p.delta), key=lambda p: -abs(p.delta))[:MAX_PIECES]
        pieces = [f"{neutral(text.text[p.start : p.end], 60)} {say.number(p.delta, 2, sign=True)}" for p in strongest]
        lines.append(f"{title}: {'; '.join(pieces) if pieces else say('row_text_flat')}")
    return [_plain(line) for line in lines]


def _plain(line: str) -> str:
    """With usual spaces, where a page has those that keep a number together; an indent stays."""
    return line[: len(line) - len(line.lstrip())] + " ".join(line.split())
