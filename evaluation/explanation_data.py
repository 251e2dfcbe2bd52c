"""What a report says of an explanation, as plain data for programs."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from evaluation.profiles import plain
from evaluation.report_data import ReportData
from evaluation.wording import neutral

SHOWN_SOURCES = 4  # of a class, in the listing


def explanation_json(data: ReportData) -> dict[str, Any]:
    """One object: how it was found, shares at each level, stability, classes, segments; None for what is not there."""
    if data.importance is None:
        return {"target": data.target, "explained": False, "reason": data.not_explained}
    stability = data.stability
    return {
        "target": data.target,
        "explained": True,
        "rows": data.explained_rows,
        "method": data.making.explanation_method,
        "gap": plain(data.making.explanation_gap),
        "shares": _records(data.importance),
        "stability": None
        if stability is None
        else {
            "models": list(stability.n_models),
            "rows": stability.n_rows,
            "sources": plain(stability.of_sources),
            "features": plain(stability.of_features),
            "stable": stability.is_stable,
            "unstable": list(stability.unstable),
            "by_source": _records(stability.by_source),
        },
        "classes": None if data.class_profiles is None else data.class_profiles.to_json(),
        "segments": None if data.segments is None else data.segments.to_json(),
    }


def class_listing(data: ReportData) -> pd.DataFrame | None:
    """One row a class: rows where it is predicted, difference to the other classes, and its strongest sources."""
    if data.class_profiles is None:
        return None
    profiles = data.class_profiles.profiles
    rows = []
    for i, name in enumerate(profiles.parts):
        strongest = (-profiles.share[i]).argsort(kind="stable")[:SHOWN_SOURCES]
        told = ", ".join(f"{profiles.sources[j]} {profiles.share[i, j]:.0%}" for j in strongest if profiles.share[i, j])
        rows.append((neutral(name, 80), int(profiles.n_rows[i]), float(profiles.difference[i]), told))
    found = pd.DataFrame(rows, columns=["class", "predicted", "difference", "sources"])
    return found.sort_values("predicted", ascending=False, kind="stable", ignore_index=True)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return list(json.loads(frame.to_json(orient="records")))
