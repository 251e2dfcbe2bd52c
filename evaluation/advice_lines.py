"""Advice as lines of text, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from artifacts.advice_report import Advice, AdviceReport
from evaluation.advice_page import (
    natural_interval,
    now_in_words,
    observed_in_words,
    placebo_in_words,
    value_in_words,
    withheld_in_words,
)
from evaluation.wording import Wording, neutral


def advice_lines(report: AdviceReport, language: str, titles: Mapping[str, str]) -> Iterator[str]:
    """What is predicted, what to change with what was observed of it, what is not advised, and what all this is."""
    say = Wording(language)
    yield now_in_words(report, say)
    if not report.advice:
        yield say("advice_none")
    for i, advice in enumerate(report.advice, 1):
        rows = f"; {say('advice_rows', n=say.number(advice.n_rows, 9))}" if report.n_rows > 1 else ""
        yield f"{i}. {_what(advice, say, titles)}: {_gain(report, advice, say)}{rows}"
        yield f"   {observed_in_words(report, advice, say)}"
    if report.together:
        yield f"{say('advice_together')}: " + "; ".join(_what(one, say, titles) for one in report.together)
    withheld = withheld_in_words(report, say)
    yield f"{say('advice_withheld')}:" if withheld else say("advice_withheld_none")
    for line in withheld:
        yield f"- {line}"
    yield placebo_in_words(report, say)
    yield say("advice_promise")


def _what(advice: Advice, say: Wording, titles: Mapping[str, str]) -> str:
    return f"{neutral(titles.get(advice.column, advice.column), 80)}: {neutral(say.title(advice.title), 160)}"


def _gain(report: AdviceReport, advice: Advice, say: Wording) -> str:
    low, high = natural_interval(report, advice)
    words = {name: value_in_words(report.kind, value, say, sign=True) for name, value in (("low", low), ("high", high))}
    before, after = (value_in_words(report.kind, value, say) for value in (advice.before, advice.after))
    gain = value_in_words(report.kind, advice.gain, say, sign=True)
    return f"{say('advice_gain', before=before, after=after)}, {say('advice_interval', gain=gain, **words)}"
