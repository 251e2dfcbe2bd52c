"""Advice as one HTML file, by the rules of ``evaluation.report``: data first, everything escaped, no request."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from scipy.special import logit

from artifacts.advice_report import Advice, AdviceReport, Verdict
from artifacts.schema import Kind
from evaluation.advise import P_PLACEBO, natural
from evaluation.page import PagePart, render_page
from evaluation.sections.errors import thumbnail
from evaluation.sections.scales import Scale
from evaluation.wording import Wording, neutral

BEFORE = "before"
WIDTH = 352.0
SHOWN_TEXT = 280


def render_advice(
    report: AdviceReport,
    language: str = "en",
    *,
    titles: Mapping[str, str] | None = None,
    pictures: Mapping[str, bytes] | None = None,
) -> str:
    """One self-contained HTML page in ``en`` or ``ru``.

    Args:
        report: what is advised.
        language: of the page.
        titles: names of columns for people; a column without one has its own.
        pictures: encoded photos: ``before``, and of changed ones ``{column}|{edit}``.

    Raises:
        InputError: if the language is unknown.
    """
    say = Wording(language)
    cards = [_card(report, one, say, titles or {}, pictures or {}) for one in report.advice]
    sections: dict[str, Mapping[str, Any]] = {"advice_list": {"cards": cards}}
    if report.together:
        sections["advice_together"] = _together(report, say, titles or {})
    sections["advice_withheld"] = {
        "withheld": withheld_in_words(report, say),
        "placebo": placebo_in_words(report, say),
        "behind": say("advice_behind", n_versions=report.n_versions),
    }
    return render_page("advice_page", report.subject, [PagePart(sections, line=now_in_words(report, say))], say)


def value_in_words(kind: Kind, value: float, say: Wording, *, sign: bool = False) -> str:
    """A prediction as a number or percent; with a ``sign`` a difference of two, as a number or percentage points."""
    if kind is Kind.REGRESSION:
        return say.number(value, 4, sign=sign)
    return say("points", n=say.number(100 * value, 2, sign=True)) if sign else say.percent(value, 3)


def natural_interval(report: AdviceReport, advice: Advice) -> tuple[float, float]:
    """The interval of the change on the natural scale, around the prediction before.

    Of many rows, whose probabilities lie apart, an effect is worth what the mean effect is worth on average.
    """
    if report.kind is Kind.REGRESSION:
        return advice.low, advice.high
    if advice.n_rows > 1 and advice.effect:
        return advice.low * advice.gain / advice.effect, advice.high * advice.gain / advice.effect
    start = logit(advice.before)
    low, high = (float(natural(report.kind, start + end)) - advice.before for end in (advice.low, advice.high))
    return low, high


def now_in_words(report: AdviceReport, say: Wording) -> str:
    """What is predicted of the rows as they are."""
    value = value_in_words(report.kind, report.prediction, say)
    words = say("advice_now", value=value)
    if report.n_rows > 1:
        n = say.number(report.n_rows, 9)
        words = say("advice_now_rows", value=value, n=n)
        if report.n_all > report.n_rows:
            words = say("advice_now_sample", value=value, n=n, all=say.number(report.n_all, 9))
    return f"{words} ({say('advice_of_class', label=neutral(report.output, 80))})" if report.output else words


def withheld_in_words(report: AdviceReport, say: Wording) -> list[str]:
    """How many changes are not advised, and why."""
    reasons = [verdict.value for verdict in Verdict if verdict is not Verdict.GIVEN]
    return [say(f"advice_{name}", n=report.withheld[name]) for name in reasons if report.withheld.get(name)]


def placebo_in_words(report: AdviceReport, say: Wording) -> str:
    """What the placebo test is, and how many changes are withheld for it alone."""
    most = int(P_PLACEBO * (report.n_placebos + 1) + 1e-9) - 1  # as verdicts have it
    withheld = report.withheld.get(Verdict.PLACEBO.value, 0)
    return say("advice_placebo_test", n_placebos=report.n_placebos, most=max(most, 0), withheld=withheld)


def observed_in_words(report: AdviceReport, advice: Advice, say: Wording) -> str:
    """What was observed of alike rows with and without what the advice brings, or why there is no such comparison."""
    seen = advice.observed
    quantity = neutral(say.title(seen.quantity), 160)
    if not quantity:
        return say("advice_not_shown")
    if not seen.n:
        return say("advice_not_observed", quantity=quantity)
    words = {
        name: value_in_words(report.kind, getattr(seen, name), say, sign=True) for name in ("difference", "low", "high")
    }
    words |= {"n": say.number(seen.n, 9), "quantity": quantity}
    if math.isnan(seen.after):
        return say("advice_observed_flag", **words)
    return say("advice_observed", before=say.number(seen.before, 3), after=say.number(seen.after, 3), **words)


def _card(
    report: AdviceReport, advice: Advice, say: Wording, titles: Mapping[str, str], pictures: Mapping[str, bytes]
) -> dict[str, Any]:
    kind, (low, high) = report.kind, natural_interval(report, advice)
    ends = [low, high, advice.gain, 0.0, advice.observed.low, advice.observed.high]
    known = [end for end in ends if end == end]
    scale = Scale(min(known), max(known) or 1e-9, 8, WIDTH)
    changed = pictures.get(f"{advice.column}|{advice.edit}")
    return {
        "column": neutral(titles.get(advice.column, advice.column), 80),
        "title": neutral(say.title(advice.title), 160),
        "gain": say(
            "advice_gain",
            before=value_in_words(kind, advice.before, say),
            after=value_in_words(kind, advice.after, say),
        ),
        "interval": say(
            "advice_interval",
            gain=value_in_words(kind, advice.gain, say, sign=True),
            low=value_in_words(kind, low, say, sign=True),
            high=value_in_words(kind, high, say, sign=True),
        ),
        "picture": {"zero": scale(0.0), "at": scale(advice.gain), "low": scale(low), "high": scale(high)},
        "rows": say("advice_rows", n=say.number(advice.n_rows, 9)) if report.n_rows > 1 else "",
        "observed": observed_in_words(report, advice, say),
        "was": neutral(advice.was, SHOWN_TEXT),
        "becomes": neutral(advice.becomes, SHOWN_TEXT),
        "before": thumbnail(pictures[BEFORE]) if changed and BEFORE in pictures else None,
        "after": thumbnail(changed) if changed else None,
    }


def _together(report: AdviceReport, say: Wording, titles: Mapping[str, str]) -> dict[str, Any]:
    first, last = report.together[0], report.together[-1]
    before, after = (value_in_words(report.kind, value, say) for value in (first.before, last.after))
    return {
        "intro": say("advice_together_intro", before=before, after=after),
        "steps": [
            {
                "title": f"{neutral(titles.get(one.column, one.column), 80)}: {neutral(say.title(one.title), 160)}",
                "gain": value_in_words(report.kind, one.gain, say, sign=True),
            }
            for one in report.together
        ],
    }
