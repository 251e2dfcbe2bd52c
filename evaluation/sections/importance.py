"""What share of the model is photo, text, table, and photo and text together, and which sources are strongest."""

from __future__ import annotations

from typing import Any

import pandas as pd

from artifacts.schema import SHARES, Title
from evaluation.agreement import STABLE
from evaluation.report_data import ReportData
from evaluation.wording import Wording

MAX_SOURCES = 12
MAX_FEATURES = 20


def modality(data: ReportData, say: Wording) -> dict[str, Any]:
    """The stacked bar of views, in their fixed order, as percentages of its width."""
    if data.importance is None:
        return {"missing": why_missing(data, say)}
    rows = data.importance[data.importance["level"] == "view"]
    if rows["share"].sum() <= 0:
        return {"missing": say("nothing_used")}
    rows = rows.set_index("name")
    parts, start = [], 0.0
    for view in SHARES:
        if view not in rows.index:
            continue
        share, low, high = (float(rows.loc[view, name]) for name in ("share", "low", "high"))  # type: ignore[arg-type]
        parts.append(
            {
                "view": view,
                "name": say(f"view_{view}"),
                "share": say.percent(share),
                "interval": say.interval(say.percent(low), say.percent(high)),
                "start": round(100 * start, 2),
                "width": round(100 * share, 2),
            }
        )
        start += share
    leader = str(rows["share"].idxmax())
    share_text = say.percent(float(rows["share"].max()))
    return {
        "parts": parts,
        "sentence": say("modality_sentence", view=say(f"leans_{leader}"), share=share_text),
        "intro": say("modality_intro", n=say.number(data.explained_rows, 9)),
        "association": say("association"),
        "warning": unstable_sentence(data, say),
    }


def sources(data: ReportData, say: Wording) -> dict[str, Any]:
    """Bars of the strongest source columns, and of the strongest single features below."""
    if data.importance is None:
        return {"missing": why_missing(data, say)}
    columns = _bars(data, say, "source", MAX_SOURCES)
    if not columns:
        return {"missing": say("nothing_used")}
    features = _bars(data, say, "feature", MAX_FEATURES)
    shown = {bar["view"] for bar in (*columns, *features)}
    return {
        "bars": columns,
        "features": features,
        "views": [view for view in SHARES if view in shown],
        "association": say("association"),
        "warning": unstable_sentence(data, say),
    }


def why_missing(data: ReportData, say: Wording) -> str:
    """Why there is no explanation, in a sentence."""
    reason = data.not_explained
    return say("not_explained_because", reason=reason) if reason else say("not_explained")


def unstable_sentence(data: ReportData, say: Wording) -> str:
    """What to say wherever contributions are shown; nothing where they are stable or nobody knows."""
    found = data.stability
    if found is None or found.is_stable:
        return ""
    return say("stability_unstable", r=say.score(found.of_sources), limit=say.number(STABLE))


def _bars(data: ReportData, say: Wording, level: str, limit: int) -> list[dict[str, Any]]:
    assert data.importance is not None
    rows = data.importance[(data.importance["level"] == level) & (data.importance["share"] > 0)].head(limit)
    longest = max(rows["high"].max(), rows["share"].max()) if len(rows) else 1.0
    return [
        {
            "name": _name(data, say, row),
            "view": row["view"],
            "share": say.percent(float(row["share"])),
            "width": round(100 * float(row["share"]) / longest, 2),
            "low": round(100 * float(row["low"]) / longest, 2),
            "high": round(100 * float(row["high"]) / longest, 2),
        }
        for _, row in rows.iterrows()
    ]


def _name(data: ReportData, say: Wording, row: pd.Series[Any]) -> str:
    source = say.title(data.source_title(str(row["source"])))
    if row["level"] == "source":
        return source
    if row["opaque"]:
        return say("as_embedding", source=source, featurizer=row["featurizer"])
    return say.title(Title(str(row["title_en"]), str(row["title_ru"])))
