"""Rows whose label or number looks wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from artifacts.schema import Kind
from evaluation.report_data import ReportData
from evaluation.sections.errors import row_facts_card
from evaluation.suspects import Suspects
from evaluation.wording import Wording, neutral

NUMBERS = (Kind.REGRESSION, Kind.CONVERSION)


def suspects(data: ReportData, say: Wording) -> dict[str, Any]:
    """The suspects among the scored rows, and among the training rows as models saw them that did not know them."""
    found = data.suspects
    if found is None:
        return {"missing": say("suspects_unknown")}
    training = replace(data, photo=found.training_photo, row_titles=found.training_titles)
    parts = [_part(data, say, found.scored, data.split), _part(training, say, found.training, "train")]
    return {"intro": say("suspects_intro_numbers" if data.kind in NUMBERS else "suspects_intro"), "parts": parts}


def _part(data: ReportData, say: Wording, found: Suspects, split: str) -> dict[str, Any]:
    counts = {"n": say.number(found.n_found, 9), "rows": say.number(found.n_rows, 9)}
    if not found.n_rows:
        sentence = say("suspects_too_few")
    elif found.kind in NUMBERS:
        expected = say.number((1.0 - found.level) * found.n_rows, 2)
        sentence = say("suspects_numbers", **counts, level=say.percent(found.level, 3), expected=expected)
    else:
        sentence = say("suspects_labels", **counts)
    return {
        "title": say(f"suspects_{split}"),
        "sentence": sentence,
        "cards": [_card(data, say, found.kind, row) for _, row in found.rows.iterrows()],
        "with_photos": data.photo is not None,
    }


def _card(data: ReportData, say: Wording, kind: Kind, row: pd.Series[Any]) -> dict[str, Any]:
    if kind in NUMBERS:
        show = say.percent if kind is Kind.CONVERSION else say.number
        bounds = say.interval(show(float(row["low"]), 3), show(float(row["high"]), 3))
        facts = [
            (say("true_value"), show(float(row["value"]), 4)),
            (say("predicted_value"), show(float(row["predicted"]), 4)),
            (say("suspect_allowed"), bounds),
        ]
    else:
        p = {"given": say.percent(float(row["p_given"])), "likelier": say.percent(float(row["p_likelier"]))}
        names = {side: neutral(str(row[side]), 80) for side in p}
        if kind is Kind.MULTILABEL:
            names = {side: say(f"suspect_{row[side]}", label=neutral(str(row["label"]), 80)) for side in p}
        facts = [
            (say("suspect_given"), say("class_predicted", label=names["given"], p=p["given"])),
            (say("suspect_likelier"), say("class_predicted", label=names["likelier"], p=p["likelier"])),
        ]
    return row_facts_card(data, say, str(row["row"]), facts)
