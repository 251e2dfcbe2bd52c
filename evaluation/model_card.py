"""The model card of a run, in Markdown (the idea: Mitchell et al., Model cards for model reporting, 2019)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from artifacts.finding import Severity
from artifacts.schema import Kind
from evaluation.gains import FOUND
from evaluation.markdown import code, prose, table
from evaluation.report_data import ReportData
from evaluation.sections.headline import headline, verdict, view_name
from evaluation.sections.slices import condition_names
from evaluation.wording import Wording

MAX_COLUMNS = 60
MAX_FINDINGS = 12
MAX_NAMED = 8
GAIN_AT = 0.1
FEW_ROWS = 200

Lines = list[str]


def render_card(data: ReportData, language: str = "en", parts: Sequence[ReportData] = ()) -> str:
    """The card in ``en`` or ``ru``; equal data give an equal card. Every text from the data is shown as text.

    ``parts`` are the activities of a run that has several, as in ``evaluation.report.render_report``.

    Raises:
        InputError: if the language is unknown.
    """
    say = Wording(language)
    lines = [f"# {say('card')}: {code(data.name)}", "", say("card_intro"), ""]
    for part in (data, *parts):
        lines += [f"**{say('predicts')}:** {code(part.target)} — {say(f'kind_{part.kind.value}')}", ""]
    for part in (data, *parts):
        depth = "##"
        if parts:
            lines += [f"## {code(part.target)}", ""]
            depth = "###"
        for title, section in OF_TARGET.items():
            lines += [f"{depth} {say(title)}", "", *section(part, say)]
    for title, section in OF_RUN.items():
        lines += [f"## {say(title)}", "", *section(data, say)]
    return "\n".join(lines).rstrip() + "\n"


def _score(data: ReportData, say: Wording) -> Lines:
    found = headline(data, say)
    lines = [prose(found["sentence"]), ""]
    if found["score"] is None:
        return lines
    if found["verdict"]:
        lines += [f"**{say('verdict_' + found['verdict'])}.**", ""]
    measures = [[prose(one["title"]), one["score"], prose(one["remark"])] for one in found["measures"]]
    lines += table([say("measure"), say("this_model"), ""], measures)
    if data.views is not None and len(data.views) > 1:
        rows = [
            [prose(view_name(str(row["view"]), say)), code(str(row["model"])), say.score(row["score"]),
             _interval(row["low"], row["high"], say)]
            for row in data.views.to_dict("records")
        ]  # fmt: skip
        lines += table([say("view"), say("model"), prose(found["metric"]), say("bin_interval_95")], rows)
    if data.models:
        checks = [
            [code(one.model), prose(view_name(one.view, say)), say.score(one.skill), _interval(one.low, one.high, say)]
            for one in data.models
        ]
        lines += table([say("model"), say("view"), say("skill"), say("bin_interval_95")], checks)
    return lines


def _interval(low: float, high: float, say: Wording) -> str:
    return say.interval(say.score(low), say.score(high))


def _trust(data: ReportData, say: Wording) -> Lines:
    lines = []
    if data.distribution is not None and data.kind is not Kind.REGRESSION:  # whose gap is no share
        lines.append(say("calibration_error", gap=say.percent(data.distribution.reliability.gap)))
    if data.coverage:
        levels, shares = (
            " / ".join(say.percent(x, 3) for x in part) for part in (data.coverage, data.coverage.values())
        )
        lines.append(say("coverage", levels=levels, shares=shares))
    if data.gain is not None:
        value, low, high = (say.percent(x) for x in data.gain.at(GAIN_AT))
        key = "card_gain" if data.gain.measure == FOUND else "card_right"
        lines.append(say(key, share=say.percent(GAIN_AT), value=value, interval=say.interval(low, high)))
    return _items([prose(line) for line in lines] or [say("not_in_run")])


def _leans(data: ReportData, say: Wording) -> Lines:
    if data.importance is None:
        return [say("not_explained"), ""]
    shares = data.importance[(data.importance["level"] == "view") & (data.importance["share"] > 0)]
    rows = [[say(f"view_{row['name']}"), say.percent(float(row["share"]))] for _, row in shares.iterrows()]
    strongest = data.importance[(data.importance["level"] == "source") & (data.importance["share"] > 0)]
    rows += [
        [code(say.title(data.source_title(str(row["source"])))), say.percent(float(row["share"]))]
        for _, row in strongest.head(MAX_NAMED).iterrows()
    ]
    return [*table([say("sources"), "%"], rows), say("association"), ""]


def _fails(data: ReportData, say: Wording) -> Lines:
    lines = []
    metric = say.title(data.metric_title(data.metric))
    for one in data.slices.slices[:MAX_NAMED] if data.slices is not None else ():
        scores = {"score": say.score(one.score), "rest": say.score(one.rest_score), "metric": metric}
        name = condition_names(data, say, one.conditions)
        lines.append(prose(say("card_slice", name=name, n=say.number(one.n_rows, 9), **scores)))
    if not lines:
        lines.append(say("card_no_failures" if data.slices is not None else "not_in_run"))
    if data.class_scores is not None and len(data.class_scores):
        there = data.class_scores[data.class_scores["rows"] > 0].sort_values("f1", kind="stable")
        names = [f"{code(str(row['class']), 60)} {say.score(float(row['f1']))}" for _, row in there.iterrows()]
        lines.append(say("card_hardest", names=", ".join(names[:MAX_NAMED])))
    if data.confused:
        pairs = [" – ".join(code(name, 60) for name in pair.names) for pair in data.confused[:MAX_NAMED]]
        lines.append(say("card_confused", names=", ".join(pairs)))
    if data.suspects is not None:
        counts = {"scored": data.suspects.scored.n_found, "training": data.suspects.training.n_found}
        lines.append(say("card_suspects", **{part: say.number(n, 9) for part, n in counts.items()}))
    return _items(lines)


def _data(data: ReportData, say: Wording) -> Lines:
    rows = [f"{prose(say.known(f'split_{name}', name))} {say.number(n, 9)}" for name, n in data.making.rows.items()]
    lines = [say("card_rows", rows=", ".join(rows) or "–"), *_split(data, say), ""]
    columns = [
        [
            code(column.name),
            say(f"modality_{column.modality.value}"),
            say("actionable") if column.actionable else "",
        ]
        for column in data.schema.columns
    ]
    lines += table([say("column"), say("modality_named"), ""], columns[:MAX_COLUMNS])
    if len(columns) > MAX_COLUMNS:
        lines += [say("left_out", n=len(columns) - MAX_COLUMNS), ""]
    if data.schema.left_out:
        names = [code(name, 60) for name in data.schema.left_out]
        more = ", …" if len(names) > MAX_COLUMNS else ""
        lines += [f"{say('made_left_out')}: {', '.join(names[:MAX_COLUMNS])}{more}", ""]
    told = [one for one in data.findings if one.severity is not Severity.INFO]
    if told:
        sentences = [prose(one.in_language(say.language)) for one in told[:MAX_FINDINGS]]
        more_findings = [say("left_out", n=len(told) - MAX_FINDINGS)] if len(told) > MAX_FINDINGS else []
        lines += [f"{say('card_found')}:", "", *_items([*sentences, *more_findings])]
    return lines


def _split(data: ReportData, say: Wording) -> Lines:
    if data.split == "test":
        return [say("card_split_test")]
    told = []
    if data.schema.time:
        told.append(say("card_split_time", column=code(data.schema.time)))
    if data.schema.group:
        told.append(say("card_split_group", column=code(data.schema.group)))
    return told or [say("card_split_random")]


def _encoders(data: ReportData, say: Wording) -> Lines:
    used = data.making.encoders
    if not used:
        return [say("card_no_encoders"), ""]
    unknown = say("card_licence_unknown")
    rows = [
        [code(column), code(name), code(licence) if (licence := data.making.licences.get(column, "")) else unknown]
        for column, name in used.items()
    ]
    return table([say("column"), say("card_encoder"), say("card_licence")], rows)


def _limits(data: ReportData, say: Wording) -> Lines:
    told = [say("card_limit_likeness")]
    if data.split != "test" and not data.schema.time:
        told.append(say("card_limit_time"))
    n, best = data.making.rows.get(data.split), data.best()
    if n is not None and n < FEW_ROWS:
        told.append(say("card_limit_few", n=say.number(n, 9)))
    if best is not None:
        score, low, high = (float(best[name]) for name in ("score", "low", "high"))
        if verdict(score, low, high, data.constant(), data.higher_is_better) in ("unclear", "worse"):
            told.append(say("card_limit_constant"))
    if data.making.interrupted:
        told.append(say("card_limit_interrupted"))
    if data.making.cut_short:
        told.append(say("made_cut_short", names=", ".join(code(name, 60) for name in data.making.cut_short)))
    return _items([*told, say("card_limit_people"), say("association")])


def _again(data: ReportData, say: Wording) -> Lines:
    making = data.making
    command = "tabular-fusion fit task.toml"
    if making.preset:
        command += f" --preset {making.preset}"
    if math.isfinite(making.budget_seconds):
        command += f" --budget {making.budget_seconds:g}"
    if making.seed is not None:
        command += f" --seed {making.seed}"
    facts = [(say("made_when"), making.created), (say("back_end"), making.back_end)]
    facts += [(say("card_folds"), "" if making.n_folds is None else str(making.n_folds))]
    facts += [(say("card_fingerprint"), making.fingerprint)]
    lines = [code(command), "", say("card_again_line"), ""]
    lines += _items([f"{name}: {code(value)}" for name, value in facts if value])
    versions = [[code(name), code(version)] for name, version in sorted(making.versions.items())]
    return lines + table([say("card_package"), say("card_version")], versions)


def _items(lines: Sequence[str]) -> Lines:
    return [*(f"- {line}" for line in lines), ""]


# In the order of the card, each under the heading of its text.
OF_TARGET: dict[str, Callable[[ReportData, Wording], Lines]] = {
    "card_score": _score,
    "card_trust": _trust,
    "card_leans": _leans,
    "card_fails": _fails,
}
OF_RUN: dict[str, Callable[[ReportData, Wording], Lines]] = {
    "card_data": _data,
    "card_encoders": _encoders,
    "card_limits": _limits,
    "card_again": _again,
}
