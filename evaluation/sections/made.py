"""How the run was made: rows, encoders, time, columns, versions."""

from __future__ import annotations

import math
from typing import Any

from evaluation.column_reasons import reason_in
from evaluation.report_data import ReportData
from evaluation.texts_methods import method_in
from evaluation.wording import Wording, neutral

MAX_COLUMNS = 120


def made(data: ReportData, say: Wording) -> dict[str, Any]:
    """Facts as pairs of a name and a value, and tables of steps, columns and versions."""
    longest = max([s for s in data.making.step_seconds.values() if math.isfinite(s)], default=0.0)
    columns = data.schema.columns
    return {
        "facts": _facts(data, say),
        "steps": [
            {
                "name": say.known(f"step_{name}", name),
                "time": say.duration(s),
                "width": round(100 * s / longest, 2) if longest else 0,
            }
            for name, s in data.making.step_seconds.items()
            if math.isfinite(s)
        ],
        "columns": [
            {
                "name": column.name,
                "title": say.title(column.title),
                "kind": say(f"modality_{column.modality.value}"),
                "view": column.modality.view,
                "actionable": column.actionable,
                "reason": reason_in(say.language, column.reason),
            }
            for column in columns[:MAX_COLUMNS]
        ],
        "columns_more": say("left_out", n=len(columns) - MAX_COLUMNS) if len(columns) > MAX_COLUMNS else "",
        "left_out": [
            {"name": name, "reason": reason_in(say.language, reason)}
            for name, reason in list(data.schema.left_out.items())[:MAX_COLUMNS]
        ],
        "versions": [{"name": name, "version": version} for name, version in sorted(data.making.versions.items())],
    }


def _facts(data: ReportData, say: Wording) -> list[tuple[str, str]]:
    making = data.making
    facts = []
    if making.created:
        facts.append((say("made_when"), making.created))
    if making.rows:
        rows = [f"{say.known(f'split_{k}', k)} {say.number(n, 9)}" for k, n in making.rows.items()]
        facts.append((say("made_rows"), " · ".join(rows)))
    if making.n_features is not None:
        facts.append((say("made_features"), say.number(making.n_features, 9)))
    if making.encoders:
        used = [f"{say.title(data.source_title(k))}: {neutral(v, 120)}" for k, v in making.encoders.items()]
        facts.append((say("made_encoders"), " · ".join(used)))
    if making.preset:
        facts.append((say("made_preset"), making.preset))
    if math.isfinite(making.used_seconds):
        used_text = say.duration(making.used_seconds)
        if math.isfinite(making.budget_seconds):
            used_text = say("made_used", used=used_text, budget=say.duration(making.budget_seconds))
        facts.append((say("made_budget"), used_text))
    if making.interrupted:
        short = say("made_cut_short", names=neutral(", ".join(making.cut_short), 400)) if making.cut_short else ""
        facts.append((say("made_search"), f"{say('made_interrupted')} {short}".strip()))
    if making.seed is not None:
        facts.append((say("made_seed"), str(making.seed)))
    if making.explanation_method:
        method = method_in(say.language, making.explanation_method)
        if math.isfinite(making.explanation_gap):
            method = say("made_gap", method=method, gap=say.number(making.explanation_gap, 2))
        facts.append((say("made_explained"), method))
    return facts
