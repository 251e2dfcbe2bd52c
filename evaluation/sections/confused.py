"""Pairs of classes that are taken for each other, with rows of both side by side."""

from __future__ import annotations

from typing import Any

from evaluation.confusions import ConfusedPair
from evaluation.report_data import ReportData
from evaluation.sections.errors import row_card
from evaluation.wording import Wording, neutral


def confused(data: ReportData, say: Wording) -> dict[str, Any] | None:
    """A pair a block, the most confused first; None where the task has no classes or it was not looked at."""
    if data.confused is None:
        return None
    if not data.confused:
        return {"missing": say("confused_none")}
    return {"intro": say("confused_intro"), "pairs": [_pair(data, say, pair) for pair in data.confused]}


def _pair(data: ReportData, say: Wording, pair: ConfusedPair) -> dict[str, Any]:
    names = [neutral(name, 80) for name in pair.names]
    sides = []
    for i, (examples, right) in enumerate(zip(pair.examples, pair.right, strict=True)):
        own, other = names[i], names[1 - i]
        said = say("confused_right", label=own) if right else say("confused_side", label=own, other=other)
        sides.append({"title": said, "cards": [row_card(data, say, row) for _, row in examples.iterrows()]})
    return {
        "title": say("confused_pair", first=names[0], second=names[1]),
        "counts": say(
            "confused_counts",
            first=names[0],
            second=names[1],
            n_first=say.number(pair.times[0], 9),
            n_second=say.number(pair.times[1], 9),
            share=say.percent(sum(pair.times) / max(pair.rows, 1)),
            rows=say.number(pair.rows, 9),
        ),
        "sides": sides,
    }
