"""Groups of embedding dimensions that act together: their rows and what they have more often."""

from __future__ import annotations

import math
from typing import Any

from artifacts.schema import Kind
from evaluation.groups import BlockGroups, DimensionGroup
from evaluation.groups_description import Attribute, OverRepresented
from evaluation.report_data import ReportData
from evaluation.sections.errors import thumbnail
from evaluation.sections.headline import verdict
from evaluation.wording import Wording, neutral, with_unit

SIDE = 96  # pixels of a photo: there are dozens
PLAIN_NAMES = 4  # in the sentence; the others are below


def groups(data: ReportData, say: Wording) -> dict[str, Any] | None:
    """One part an embedding, one card a group; nothing where groups were not looked for."""
    if not data.groups:
        return None
    best, doubt = data.best(), ""
    if best is not None and any(block.groups for block in data.groups):
        score, low, high = (float(best[name]) for name in ("score", "low", "high"))
        if verdict(score, low, high, data.constant(), data.higher_is_better) in ("worse", "unclear"):
            doubt = say("groups_doubt")
    return {
        "intro": say("groups_intro"),
        "doubt": doubt,
        "blocks": [_block(data, block, say) for block in data.groups],
        "association": say("groups_association"),
    }


def _block(data: ReportData, block: BlockGroups, say: Wording) -> dict[str, Any]:
    title = say("groups_block", source=say.title(data.source_title(block.source)), featurizer=block.featurizer)
    return {
        "title": neutral(title, 160),
        "view": block.view,
        "remarks": _remarks(block, say),
        "groups": [_group(data, block, group, i + 1, say) for i, group in enumerate(block.groups)],
    }


def _remarks(block: BlockGroups, say: Wording) -> list[str]:
    if block.missing:
        numbers = {name: say.number(value) for name, value in block.numbers.items()}
        return [say("groups_missing", reason=say(f"groups_{block.missing}", **numbers))]
    measured = say("groups_measured", n=say.number(block.n_evaluations, 9), share=say.percent(block.axes_share))
    if not block.n_tested:
        return [say("groups_none"), measured]
    tested = say("groups_tested", tested=block.n_tested, real=block.n_real, random=block.n_random)
    shown = [say("groups_shown", n=len(block.groups))] if len(block.groups) < block.n_real else []
    return [tested, *shown, measured]


def _group(data: ReportData, block: BlockGroups, group: DimensionGroup, i: int, say: Wording) -> dict[str, Any]:
    test = group.test
    names = [
        say("group_times", name=_name(one.attribute, say), lift=say.number(one.lift, 2)) for one in group.described
    ]
    facts = (
        say("group_size", n=len(test.dimensions), of=block.n_dimensions),
        say("group_density", times=say.number(test.density, 2)),
        say("group_importance", times=say.number(test.importance, 2)),
        say("group_p", p=say.number(test.q_value, 2)),
        say("group_axis", share=say.percent(group.axis_share)),
    )
    described = say("group_described", names=", ".join(names[:PLAIN_NAMES])) if names else say("group_undescribed")
    photos = block.view == "image" and data.photo is not None
    return {
        "title": say("group_named", i=i),
        "facts": " · ".join(facts),
        "described": described,
        "prediction": _prediction(data.kind, group, say),
        "counts": [_counts(one, say) for one in group.described],
        "photos": photos,
        "ends": [
            {"title": say(f"group_{end}"), "rows": [_row(data, key, photos, say) for key in keys]}
            for end, keys in (("most", group.high), ("least", group.low))
        ],
    }


def _row(data: ReportData, key: str, photos: bool, say: Wording) -> dict[str, Any]:
    title = neutral(str(data.row_titles.get(key, "")), 110)
    if not photos or data.photo is None:
        return {"title": title or neutral(key, 60)}
    encoded = data.photo(key)
    picture = thumbnail(encoded, SIDE) if encoded else None
    problem = "" if picture else say("broken_photo" if encoded else "no_photo")
    return {"title": title or neutral(key, 60), "picture": picture, "problem": problem}


def _prediction(kind: Kind, group: DimensionGroup, say: Wording) -> str:
    if not (math.isfinite(group.prediction) and math.isfinite(group.others)):
        return ""
    means = (group.prediction, group.others)
    active, others = (say.number(m, 3) if kind is Kind.REGRESSION else say.percent(m, 3) for m in means)
    if group.output:
        return say("group_prediction_of", output=neutral(group.output, 80), active=active, others=others)
    return say("group_prediction", active=active, others=others)


def _counts(one: OverRepresented, say: Wording) -> str:
    numbers = {
        name: say.number(value, 9)
        for name, value in (("count", one.count), ("n", one.n), ("others", one.others), ("n_others", one.n_others))
    }
    return say("group_counts", name=_name(one.attribute, say), p=say.number(one.q_value, 2), **numbers)


def _name(attribute: Attribute, say: Wording) -> str:
    title = neutral(say.title(attribute.title).removesuffix(say("group_category")), 80)
    if attribute.part == "word":
        return say("group_word", title=title)
    if attribute.part == "value":
        value = neutral(attribute.value, 60) if attribute.value else _number(attribute.lower, attribute.unit, say)
        return say("group_value", title=title, value=value)
    low, high = say.number(attribute.lower, 2), say.number(attribute.upper, 2)
    both = _number(attribute.lower, attribute.unit, say) if low == high else f"{low}–{with_unit(high, attribute.unit)}"
    return say(f"group_{attribute.part}", title=title, range=both)


def _number(value: float, unit: str, say: Wording) -> str:
    return with_unit(say.number(value, 3), unit)
