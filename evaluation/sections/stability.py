"""Whether two halves of the models explain the rows alike, and on which sources they do not."""

from __future__ import annotations

from typing import Any

from evaluation.agreement import STABLE
from evaluation.report_data import ReportData
from evaluation.sections.importance import unstable_sentence, why_missing
from evaluation.wording import Wording

MAX_SOURCES = 12


def stability(data: ReportData, say: Wording) -> dict[str, Any]:
    """A verdict, the sources that are unstable, and the correlation of each source."""
    if data.importance is None:
        return {"missing": why_missing(data, say)}
    found = data.stability
    if found is None:
        return {"missing": say("stability_unknown")}
    if not found.by_source["share"].any():
        return {"missing": say("nothing_used")}
    first, second = found.n_models
    rows = found.by_source[found.by_source["share"] > 0].head(MAX_SOURCES)
    return {
        "verdict": unstable_sentence(data, say) or say("stability_stable", r=say.score(found.of_sources)),
        "stable": found.is_stable,
        "which": which_sources(data, say),
        "how": say(
            "stability_how",
            first=first,
            second=second,
            n=say.number(found.n_rows, 9),
            sources=say.score(found.of_sources),
            features=say.score(found.of_features),
        ),
        "limit": round(100 * STABLE, 1),
        "bars": [
            {
                "name": say.title(data.source_title(str(row["source"]))),
                "share": say.percent(float(row["share"])),
                "r": say.score(float(row["correlation"])),
                "width": round(100 * max(float(row["correlation"]), 0.0), 1) if row["correlation"] >= 0 else 0,
                "stable": bool(row["correlation"] >= STABLE),
            }
            for _, row in rows.iterrows()
        ],
    }


def which_sources(data: ReportData, say: Wording) -> str:
    """The sources on which the halves do not agree, in a sentence; nothing where there are none."""
    found = data.stability
    if found is None or not found.unstable:
        return ""
    names = [say.title(data.source_title(source)) for source in found.unstable[:MAX_SOURCES]]
    return say("stability_unstable_sources", sources=", ".join(names))
