"""Models by score with intervals, and the best of each kind of input."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from evaluation.report_data import ReportData
from evaluation.sections.headline import view_name
from evaluation.sections.scales import Scale
from evaluation.wording import Wording, neutral

SHOWN_FIRST = 10
MAX_ROWS = 150
MAX_FAILED = 50
KEY = ["run", "back_end", "model", "view"]


def leaderboard(data: ReportData, say: Wording) -> dict[str, Any]:
    """Rows best first, failures last, each with its interval as places on one common scale."""
    board = data.leaderboard[data.leaderboard["metric"].isin([data.metric, ""])]
    failed = board[board["error"].fillna("").astype(bool)]
    scored = board[board["score"].notna()]
    splits = [s for s in (data.split, "folds", "holdout", "test") if (scored["split"] == s).any()]
    splits = list(dict.fromkeys(splits))
    order = _ordered(scored, splits, data.higher_is_better)
    failed = failed.drop_duplicates([*KEY, "error"])
    n_rows = len(order) + len(failed)
    scale = _scale(scored, splits[:1])
    extra = [name for name in ("back_end", "run") if board[name].nunique() > 1]
    rows = [_row(data, say, group, splits, scale, extra) for group in order[:MAX_ROWS]]
    rows += [_failure(row, say, extra) for _, row in failed.head(MAX_FAILED).iterrows()]
    constant = data.constant()
    title = say.title(data.metric_title(data.metric))
    direction = say("higher" if data.higher_is_better else "lower")
    return {
        "intro": say("leaderboard_intro", metric=title, direction=direction),
        "splits": [say(f"split_{split}") for split in splits],
        "extra": [say(name) for name in extra],
        "first": rows[:SHOWN_FIRST],
        "rest": rows[SHOWN_FIRST:],
        "left_out": n_rows - len(rows),
        "constant": scale(constant) if math.isfinite(constant) else None,
        "views": _views(data, say) if data.views is None else [],  # else the next section has them
    }


def _ordered(scored: pd.DataFrame, splits: list[str], higher_is_better: bool) -> list[pd.DataFrame]:
    """Rows of each candidate, best on the first split first; those without a score there come after."""
    sign = -1 if higher_is_better else 1

    def rank(item: tuple[Any, pd.DataFrame]) -> tuple[float, ...]:
        on = dict(zip(item[1]["split"], item[1]["score"], strict=True))
        return tuple(sign * float(on[split]) if split in on else math.inf for split in splits)

    return [group for _, group in sorted(scored.groupby(KEY, sort=False), key=rank)]


def _scale(scored: pd.DataFrame, splits: list[str]) -> Scale:
    """Over the better part of the rows: one hopeless model must not squeeze all others together."""
    rows = scored[scored["split"].isin(splits)]
    values = rows[["score", "low", "high"]].to_numpy(np.float64).ravel()
    values = values[np.isfinite(values)]
    if not len(values):
        return Scale(0, 1, 4, 116)
    low, high = np.quantile(values, [0.08, 0.92])
    constant = rows.loc[rows["model"] == "constant", "score"]
    ends = [low, high, *constant.to_list()]
    room = (max(ends) - min(ends)) * 0.25 or 1e-9
    return Scale(max(values.min(), min(ends) - room), min(values.max(), max(ends) + room), 4, 116)


def _interval(row: pd.Series[Any], scale: Scale) -> dict[str, float]:
    score = float(row["score"])
    low, high = (float(row[name]) if math.isfinite(float(row[name])) else score for name in ("low", "high"))
    return {"low": scale(low), "high": scale(high), "score": scale(score)}


def _row(
    data: ReportData, say: Wording, group: pd.DataFrame, splits: list[str], scale: Scale, extra: list[str]
) -> dict[str, Any]:
    first = group.iloc[0]
    on = {split: group[group["split"] == split] for split in splits}
    main = on[splits[0]] if splits else group.iloc[:0]
    best = data.best()
    bounds = main.iloc[0][["low", "high"]] if len(main) else None
    return {
        "model": say("constant") if first["model"] == "constant" else str(first["model"]),
        "view": "" if first["model"] == "constant" else view_name(str(first["view"]), say),
        "views": str(first["view"]),
        "is_constant": first["model"] == "constant",
        "is_chosen": best is not None and all(best[name] == first[name] for name in KEY),
        "extra": [str(first[name]) for name in extra],
        "scores": [say.score(float(on[s]["score"].iloc[0])) if len(on[s]) else "–" for s in splits],
        "interval": _interval(main.iloc[0], scale) if len(main) else None,
        "bounds": say.interval(*(say.score(float(b)) for b in bounds)) if bounds is not None else "",
        "fit": say.duration(float(group["fit_seconds"].max())),
        "predict": say.number(float(group["predict_ms_per_row"].max()), 2),
        "error": "",
    }


def _failure(row: pd.Series[Any], say: Wording, extra: list[str]) -> dict[str, Any]:
    return {
        "model": str(row["model"]),
        "view": view_name(str(row["view"]), say),
        "extra": [str(row[name]) for name in extra],
        "error": say("failed", error=neutral(str(row["error"]), 240)),
    }


def _views(data: ReportData, say: Wording) -> list[dict[str, Any]]:
    """The best candidate of each view on the headline's split, best first; empty if there is one view only."""
    scored = data.scores()
    models = scored[scored["model"] != "constant"]
    ranked = models.sort_values("score", ascending=not data.higher_is_better, kind="stable")
    best = ranked.drop_duplicates("view")
    if len(best) < 2:
        return []
    constant = data.constant()
    values = [*best[["score", "low", "high"]].to_numpy(np.float64).ravel(), constant]
    finite = [value for value in values if math.isfinite(value)]
    scale = Scale(min(finite), max(finite), 6, 234)
    return [
        {
            "view": view_name(str(row["view"]), say),
            "key": str(row["view"]),
            "model": str(row["model"]),
            "score": say.score(float(row["score"])),
            "interval": _interval(row, scale),
            "constant": scale(constant) if math.isfinite(constant) else None,
        }
        for _, row in best.iterrows()
    ]
