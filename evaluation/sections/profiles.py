"""Shares of sources as a table with shaded cells: one row a class or segment, one column a source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from artifacts.schema import Title
from evaluation.class_profiles import ClassFeature
from evaluation.profiles import Profiles
from evaluation.report_data import ReportData
from evaluation.sections.importance import why_missing
from evaluation.wording import Wording, neutral

MAX_SOURCES = 7  # columns; the others are summed to one
MAX_NAME = 60
N_LARGEST, N_UNLIKE, MAX_CLASSES = 10, 6, 150
LEAST_SAID = 5  # rows where a class is said, before it counts as unlike the others
N_FEATURES = 3
SHADES = 5
MAX_NAMED = 12


def class_sources(data: ReportData, say: Wording) -> dict[str, Any] | None:
    """The largest classes, those most unlike the others, and the rest to unfold; None where there is one output."""
    found = data.class_profiles
    if found is None or not found.profiles.overall.any():
        return None
    profiles, order = found.profiles, _by_size(data)
    shown = order[:N_LARGEST]
    ranked = sorted(order[N_LARGEST:], key=lambda k: -profiles.difference[k])
    unlike = [k for k in ranked if profiles.n_rows[k] >= LEAST_SAID][:N_UNLIKE]
    rest = [k for k in order[N_LARGEST:] if k not in unlike]
    columns = _columns(profiles)

    def rows(which: Sequence[int]) -> list[dict[str, Any]]:
        return [
            {
                **_row(profiles, k, columns, say),
                "name": neutral(profiles.parts[k], MAX_NAME),
                "moves": _moves(data, say, found.features[k]),
            }
            for k in which
        ]

    unit = say.known(f"unit_{found.unit}", found.unit)
    return {
        "intro": say("class_sources_intro", n=say.number(data.explained_rows, 9), unit=unit),
        "head": _heads(data, say, profiles, columns),
        "overall": _cells(profiles.overall, columns, say),
        "first": rows(shown),
        "unlike": rows(unlike),
        "rest": rows(rest[: MAX_CLASSES - N_LARGEST - N_UNLIKE]),
        "left_out": max(0, len(rest) - (MAX_CLASSES - N_LARGEST - N_UNLIKE)),
    }


def segments(data: ReportData, say: Wording) -> dict[str, Any] | None:
    """The segments of one column, the largest first; None where nothing is explained."""
    if data.importance is None:
        return {"missing": why_missing(data, say)}
    found = data.segments
    if found is None:
        if not data.segment_columns:
            return {"missing": say("segments_no_columns")}
        names = ", ".join(neutral(name, MAX_NAME) for name in data.segment_columns[:MAX_NAMED])
        return {"missing": say("segments_none", columns=names)}
    profiles = found.profiles
    columns = _columns(profiles)
    effects = bool(np.isfinite(profiles.effect).any())
    rows = []
    for i, role in enumerate(found.roles):
        row = _row(profiles, i, columns, say)
        for cell, which in zip(row["cells"], columns, strict=True):
            cell["is_clear"] = bool(found.clear[i, which].all())
            cell["effect"] = say.number(float(profiles.effect[i, which].sum()), 2, sign=True) if effects else ""
        name = profiles.parts[i] if role == "value" else say(f"segments_{role}")
        rows.append({**row, "name": neutral(name, MAX_NAME)})
    sure = "segments_sure" if found.p_value <= 0.05 else "segments_unsure"
    p = say.number(found.p_value, 2)
    source, title = say.title(data.source_title(found.source)), say.title(found.title)
    unit = say.known(f"unit_{found.unit}", found.unit)
    return {
        "intro": say("segments_intro", column=neutral(source if title == found.column else title, MAX_NAME)),
        "effect": say("segments_effect", unit=unit) if effects else "",
        "sure": say(sure, p=p, n=say.number(found.n_columns, 9)) if sure == "segments_sure" else say(sure, p=p),
        "head": _heads(data, say, profiles, columns),
        "overall": _cells(profiles.overall, columns, say),
        "rows": rows,
    }


def _by_size(data: ReportData) -> list[int]:
    """Positions of the classes, those with most rows first; of classes without any, those said most often."""
    assert data.class_profiles is not None
    profiles = data.class_profiles.profiles
    scores = data.class_scores
    known = {} if scores is None else dict(zip(scores["class"].astype(str), scores["rows"], strict=True))
    return sorted(range(len(profiles.parts)), key=lambda k: (-known.get(profiles.parts[k], 0), -profiles.n_rows[k]))


def _columns(profiles: Profiles) -> list[list[int]]:
    """Positions of the sources of each column: the strongest one by one, and the others together."""
    order = [int(i) for i in np.argsort(-profiles.overall, kind="stable") if profiles.share[:, i].max(initial=0.0) > 0]
    single = [[i] for i in order[: MAX_SOURCES if len(order) > MAX_SOURCES + 1 else MAX_SOURCES + 1]]
    rest = order[len(single) :]
    return [*single, rest] if rest else single


def _heads(data: ReportData, say: Wording, profiles: Profiles, columns: list[list[int]]) -> list[str]:
    return [
        neutral(say.title(data.source_title(profiles.sources[which[0]])), MAX_NAME)
        if len(which) == 1
        else say("profiles_rest")
        for which in columns
    ]


def _row(profiles: Profiles, i: int, columns: list[list[int]], say: Wording) -> dict[str, Any]:
    return {"rows": say.number(int(profiles.n_rows[i]), 9), "cells": _cells(profiles.share[i], columns, say)}


def _cells(share: Any, columns: list[list[int]], say: Wording) -> list[dict[str, Any]]:
    sums = [float(share[which].sum()) for which in columns]
    return [
        {"share": say.percent(one), "shade": min(SHADES, int(np.ceil(SHADES * one))), "is_clear": False, "effect": ""}
        for one in sums
    ]


def _moves(data: ReportData, say: Wording, features: Sequence[ClassFeature]) -> str:
    """The strongest features with what they add to the score of a class, where it is said."""
    told = sorted((f for f in features if np.isfinite(f.effect)), key=lambda f: -abs(f.effect))[:N_FEATURES]
    return "; ".join(f"{_feature_name(data, say, f)} {say.number(f.effect, 2, sign=True)}" for f in told)


def _feature_name(data: ReportData, say: Wording, feature: ClassFeature) -> str:
    if feature.opaque:
        source = say.title(data.source_title(feature.source))
        return say("as_embedding", source=source, featurizer=feature.featurizer) if feature.featurizer else source
    return neutral(say.title(Title(feature.title.en, feature.title.ru)), MAX_NAME)
