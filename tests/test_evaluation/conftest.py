"""A synthetic run with a known linear model, for the tests of reports."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from artifacts.explanation import Explanation
from artifacts.feature_table import Block, FeatureTable
from artifacts.finding import Finding
from artifacts.outcome import Outcome
from artifacts.run_result import RunResult, results_frame
from artifacts.schema import Column, Kind, Modality, Schema, Title, opaque_features, quantity_feature
from evaluation.class_profiles import ClassFeature, ClassProfiles, class_profiles
from evaluation.class_scores import KINDS, class_scores
from evaluation.confusions import confused_pairs
from evaluation.dose_response import dose_responses
from evaluation.explain import Explained, explain_rows, global_importance
from evaluation.gains import gain_curve
from evaluation.groups import BlockGroups, DimensionGroup
from evaluation.groups_description import Attribute, OverRepresented
from evaluation.groups_graph import FoundGroup
from evaluation.metrics import METRICS, constant_prediction
from evaluation.model_checks import ModelCheck, Predicted, check_models
from evaluation.prediction_check import largest_errors, prediction_distribution
from evaluation.profiles import Profiles
from evaluation.report_data import Making, ReportData
from evaluation.residuals import residuals_by_prediction
from evaluation.segment_profiles import SegmentProfiles, segment_columns, segment_profiles
from evaluation.slice_conditions import Condition
from evaluation.slice_report import ScoredRows, ToldSlice, tell_slices
from evaluation.suspects import SuspectParts, find_suspects
from evaluation.view_board import COLUMNS as VIEW_COLUMNS

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    '=HYPERLINK("https://example.org/x","y")',
    "{{ 7 * 7 }}{% raw %}",
    "abc\u202egnp.exe\u2066\u200f",
    "a\x00b\x1bc\x07\ud800",
    "</style><style>*{display:none}</style>",
    "]]>--><!-- &lt;b&gt;",
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)*-2+3",
    "[link](javascript:alert(1)) ![image](https://example.org/x.png)",
    "`code` **bold** | cell | <b onmouseover=alert(1)>",
    "https://example.org/?q=<i>&x=1 www.example.org",
    "${7*7} #{7*7} %s {0} {name} {}",
    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴ͫ͗͢",
    "مرحبا ⁧שלום⁩",
    "[bold red]x[/bold red] [link=https://example.org]y[/link] [/] :smile:",
    "\x1b[31m\x1b]8;;https://example.org\x07y\x9b2J\x85",
    "$\\frac{1}{0}$ $HOME `id` \\N{BELL} ../../x\ncon",
    "x" * 5000,
)


class Linear:
    explains_sources_alone = False
    n_versions = 3

    def __init__(self, slopes: np.ndarray, base: np.ndarray) -> None:
        self.slopes, self.base = slopes, base

    def _parts(self, table: FeatureTable) -> np.ndarray:
        values = table.to_numpy().astype(np.float64)
        return np.nan_to_num(values - MIDDLE)[:, :, None] * self.slopes

    def decide(self, table: FeatureTable) -> np.ndarray:
        return self.base + self._parts(table).sum(axis=1)

    def contributions(self, table: FeatureTable, groups: np.ndarray, names: tuple[str, ...]) -> Explanation:
        values = np.einsum("rfk,fg->rgk", self._parts(table), np.eye(len(names))[groups])
        return Explanation(tuple(names), values, self.base, "log-odds", "exact contributions of a linear model")

    def contributions_of(
        self, version: int, table: FeatureTable, groups: np.ndarray, names: tuple[str, ...]
    ) -> Explanation:
        """Those of a model whose slopes are a little off, so that the mean of all versions is the whole."""
        off = np.random.default_rng(5).normal(scale=0.2, size=(self.n_versions, len(self.slopes), 1))
        other = Linear(self.slopes * (1 + off[version] - off.mean(axis=0)), self.base)
        return other.contributions(table, groups, names)


MIDDLE = np.array([0] * 6 + [0.5, 9, 4, 1, 1500], dtype=np.float64)
SLOPES = np.array([0.12] * 6 + [1.6, -0.06, 0.05, 0.3, -0.0001]).reshape(-1, 1)


def make_schema() -> Schema:
    def column(name: str, modality: Modality, en: str, ru: str) -> Column:
        return Column(name, modality, Title(en, ru), actionable=name != "shop", reason="named in the task")

    return Schema(
        (
            column("photo", Modality.IMAGE, "Photo", "Фото"),
            column("title", Modality.TEXT, "Title", "Заголовок"),
            column("shop", Modality.CATEGORICAL, "Shop", "Магазин"),
            column("season", Modality.CATEGORICAL, "Season", "Сезон"),
            column("price", Modality.NUMERIC, "Price", "Цена"),
        ),
        id="card_id",
        left_out={"likes": "counted after the outcome", "color": "every value is the same"},
    )


def make_table(schema: Schema, n: int) -> FeatureTable:
    rng = np.random.default_rng(0)
    photo, title, shop, season, price = schema.columns
    words = rng.poisson(9, n).astype("f4")
    words[rng.uniform(size=n) < 0.06] = np.nan
    light = quantity_feature(photo, "quality", "light", Title("brightness", "яркость"))
    length = quantity_feature(title, "statistics", "n_words", Title("number of words", "число слов"), unit="words")
    code = quantity_feature(shop, "category", "code", Title("value", "значение"))
    when = quantity_feature(season, "category", "code", Title("value", "значение"))
    cost = quantity_feature(price, "number", "value", Title("value", "значение"), unit="₽")
    seasons = ("winter", "spring and early summer", "summer", "autumn")
    return FeatureTable(
        (
            Block("photo", "mobilenet", opaque_features(photo, "mobilenet", 6), rng.normal(size=(n, 6)).astype("f4")),
            Block("photo", "quality", (light,), rng.beta(4, 4, size=(n, 1)).astype("f4")),
            Block("title", "statistics", (length,), words.reshape(-1, 1)),
            Block("shop", "category", (code,), rng.integers(0, 9, (n, 1)).astype("f4"), tuple("abcdefghi")),
            Block("season", "category", (when,), rng.integers(-1, 4, (n, 1)).astype("f4"), seasons),
            Block("price", "number", (cost,), rng.lognormal(7, 1.1, size=(n, 1)).astype("f4")),
        ),
        pd.Index([f"card-{i:04d}" for i in range(n)]),
    )


def photo_bytes(i: int, size: int = 200) -> bytes:
    ramp = np.linspace(0, 255, size)
    pixels = np.stack([*np.meshgrid(ramp, ramp[::-1]), np.full((size, size), 37.0 * i % 255)], axis=-1)
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def photo_of(row: str) -> bytes | None:
    i = int(row.rpartition("-")[2]) if row[-1].isdigit() else 0
    return None if i % 7 == 3 else b"\xff\xd8 broken" if i % 7 == 5 else photo_bytes(i)


def make_board(kind: Kind, n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    rows = [RunResult("demo", "search", "constant", "all", s, "skill", 0.0) for s in ("holdout", "folds")]
    rows += [RunResult("demo", "search", "constant", "all", "holdout", "auc", 0.5)]
    models, views = ("catboost", "lightgbm", "linear", "mlp"), ("all", "image", "text", "table")
    for i in range(n - 5):
        view = views[i % 4]
        score = {"all": 0.18, "image": 0.11, "text": 0.07, "table": 0.03}[view] + rng.normal() * 0.008
        model = f"{models[i // 4 % 4]} {i // 16 + 1}"
        bounds = (score - 0.03, score + 0.028, 3.0 + i, 0.02 * (i + 1))
        rows.append(RunResult("demo", "search", model, view, "holdout", "skill", score, *bounds))
        rows.append(RunResult("demo", "search", model, view, "folds", "skill", score + 0.01, *bounds))
    rows.append(RunResult("demo", "search", "blend", "all", "holdout", "skill", 0.207, 0.176, 0.239, 71.0, 0.9))
    rows.append(RunResult("demo", "search", "blend", "all", "folds", "skill", 0.214, 0.199, 0.23, 71.0, 0.9))
    rows.append(RunResult("demo", "search", "blend", "all", "holdout", "auc", 0.713, 0.69, 0.735))
    error = "MissingDependencyError: back end 'autogluon' needs the package 'autogluon.tabular', not installed."
    rows.append(RunResult("demo", "autogluon", "autogluon", "all", "holdout", "skill", error=error))
    return results_frame(rows)


def make_groups(output: str, ids: list[str]) -> tuple[BlockGroups, ...]:
    """As of two embeddings: one with groups, one whose groups could not be looked for."""
    attributes = (
        Attribute(Title("Season: category", "Сезон: категория"), "value", value="winter"),
        Attribute(Title("Photo: brightness", "Фото: яркость"), "high", unit="%", lower=61.0, upper=98.5),
        Attribute(Title("Photo: faces", "Фото: лица"), "value", lower=2.0, upper=2.0),
        Attribute(Title("boots", "boots"), "word"),
        Attribute(Title("Price: value", "Цена: значение"), "low", unit="₽", lower=90.0, upper=90.0),
    )
    named = tuple(
        OverRepresented(one, 3.4 - i / 2, 41 - i, 70, 88 + i, 630, 1e-9 * 10**i, 1e-8 * 10**i)
        for i, one in enumerate(attributes)
    )
    test = FoundGroup((0, 2, 5), 7.31, 1.62, 11.84, 1.02, 0.0005, 0.0011)
    groups = (
        DimensionGroup(test, 0.58, tuple(ids[:6]), tuple(ids[6:12]), named, 0.164, 0.0312, output),
        DimensionGroup(replace(test, density=2.6), 0.41, tuple(ids[3:5]), tuple(ids[8:10]), (), 0.08, 0.05, output),
    )
    return (
        BlockGroups("photo", "mobilenet", "image", 6, groups, 9, 7, 0.873, 16_200),
        BlockGroups("title", "minilm", "text", 384, groups[:1], 1, 1, 0.7, 8_200),
        BlockGroups("title", "lexical", "text", 32, missing="few", numbers={"known": 3, "needed": 40}),
    )


def make_views() -> pd.DataFrame:
    """A leaderboard of views with whiskers that neither touch 0 nor agree."""
    rows = [
        ("all", 0.207, 0.176, 0.239, "", np.nan, np.nan, np.nan, np.nan, "blend", 700),
        ("image", 0.12, 0.09, 0.15, "all", -0.087, -0.11, -0.06, 0.002, "catboost", 700),
        ("text", 0.07, 0.05, 0.1, "all", -0.137, -0.17, -0.1, 0.002, "linear", 700),
        ("table", 0.03, 0.01, 0.05, "all", -0.177, -0.2, -0.14, 0.002, "blend", 700),
        ("image+text", 0.17, 0.14, 0.2, "image+text+table", -0.02, -0.04, 0.01, 0.1, "late fusion", 700),
        ("text+table", 0.09, 0.06, 0.12, "image+text+table", -0.1, -0.13, -0.07, 0.002, "late fusion", 700),
        ("image+text+table", 0.19, 0.16, 0.22, "all", -0.017, -0.03, -0.004, 0.01, "late fusion", 700),
    ]
    return pd.DataFrame(rows, columns=list(VIEW_COLUMNS))


def make_checks(outcome: Outcome, predictions: np.ndarray) -> tuple[ModelCheck, ...]:
    """As of a blend, of a model that knows half as much, and of one that is worse than the constant."""
    constant = constant_prediction(outcome)
    worse = np.roll(predictions, 1, axis=0)
    models = [
        Predicted("blend", "all", predictions),
        Predicted("catboost", "text", (predictions + constant) / 2),
        Predicted("linear", "image", worse),
    ]
    return check_models(outcome, models, constant=constant, seed=0)


def make_data(kind: Kind = Kind.CONVERSION, n: int = 700, names: tuple[str, ...] = ()) -> ReportData:
    """``names``: of classes, in place of harmless ones; as many as the kind has."""
    schema, rng = make_schema(), np.random.default_rng(3)
    table = make_table(schema, n)
    classes: tuple[str, ...] = ()
    apart: dict[str, dict[str, float]] = {}
    if kind is Kind.MULTICLASS:
        classes = names or ("sneakers", "boots", "sandals", "slippers for the home")
        slopes, base = np.hstack([SLOPES * f for f in (1.0, -0.5, 0.2, -0.7)]) * 2, np.zeros(4)
        model = Linear(slopes, base)
        scores = np.exp(model.decide(table))
        predictions = scores / scores.sum(axis=1, keepdims=True)
        y = np.array([rng.choice(4, p=p) for p in predictions])
        outcome = Outcome(kind, y, (*classes, "hats"), n_known=4)
    elif kind is Kind.MULTILABEL:
        classes = names or ("warm", "waterproof", "on sale", "for the home")
        model = Linear(np.hstack([SLOPES * f for f in (1.0, -0.5, 0.2, -0.7)]) * 2, np.array([-2.0, 0.0, 1.0, -4.0]))
        predictions = 1 / (1 + np.exp(-np.clip(model.decide(table), -30, 30)))
        y = np.hstack([rng.uniform(size=(n, 4)) < predictions, rng.uniform(size=(n, 1)) < 0.02])
        outcome = Outcome(kind, y.astype(np.float64), (*classes, "new"), n_known=4)
        apart["frequent"] = {"n_labels": 4, "n_rows": int(y[:, :4].sum()), "f1_micro": 0.712}
        apart["rare"] = {"n_labels": 1, "n_rows": int(y[:, 4].sum()), "f1_micro": 0.0}
    else:
        model = Linear(SLOPES * (400 if kind is Kind.REGRESSION else 1), np.array([-3.4]))
        score = model.decide(table)[:, 0]
        p, trials = 1 / (1 + np.exp(-np.clip(score, -30, 30))), rng.integers(40, 900, n).astype(float)
        predictions = p[:, None]
        if kind is Kind.CONVERSION:
            outcome = Outcome(kind, rng.binomial(trials.astype(int), p) / trials, trials=trials)
        elif kind is Kind.BINARY:
            classes, predictions = names or ("no", "yes"), np.column_stack([1 - p, p])
            outcome = Outcome(kind, (rng.uniform(size=n) < p).astype(np.int64), classes, n_known=2)
        else:
            predictions, outcome = score[:, None], Outcome(kind, score + rng.normal(size=n) * 200)
    explained = explain_rows(model, table, kind, classes=classes)
    rows = ScoredRows(outcome, predictions, predictions, list(table.index))
    suspicious = find_suspects(rows, (outcome, predictions), 4)
    worst = largest_errors(outcome, predictions, list(table.index), n=12)
    return ReportData(
        name="Product cards",
        kind=kind,
        target="clicks out of views",
        metric="skill",
        leaderboard=make_board(kind),
        schema=schema,
        metric_titles={"skill": Title("log-likelihood skill", "выигрыш правдоподобия"), "auc": Title("AUC", "AUC")},
        chosen=("blend", "all"),
        views=make_views(),
        importance=global_importance(explained),
        explained_rows=n,
        stability=explained.stability,
        class_profiles=class_profiles(explained),
        segments=segment_profiles(explained, "season" if n >= 200 else None),
        segment_columns=segment_columns(explained.table),
        dose_responses=dose_responses(explained),
        groups=make_groups(classes[-1] if classes else "", worst["row"].tolist()),
        distribution=prediction_distribution(outcome, predictions),
        residuals=residuals_by_prediction(outcome, predictions),
        gain=gain_curve(outcome, predictions),
        models=make_checks(outcome, predictions),
        coverage={0.5: 0.512, 0.9: 0.893} if kind in (Kind.CONVERSION, Kind.REGRESSION) else {},
        class_scores=class_scores(outcome, predictions) if kind in KINDS else None,
        slices=tell_slices(table, rows, METRICS["log_loss" if kind is not Kind.REGRESSION else "r2"], seed=0),
        confused=confused_pairs(rows, 2) if kind in KINDS else None,
        suspects=SuspectParts(suspicious, suspicious),
        errors=worst,
        label_scores=apart,
        photo=photo_of,
        row_titles={row: f"Warm waterproof boots for a long winter, {row}" for row in worst["row"]},
        findings=(
            Finding("looks_like_leak", "likes", details={"details": "AUC 0.999"}),
            Finding("image_broken", "photo", 7, 700, ("card-0005", "card-0012"), {"example": "card-0005"}),
            Finding("encoder_used", "photo", details={"example": "mobilenetv2_100"}),
        ),
        making=Making(
            "2030-01-01 12:00 UTC", "balanced", 0, 300.0, 281.4, n_features=11, rows={"train": 2800, "holdout": n},
            encoders={"photo": "mobilenetv2_100 (ImageNet)", "title": "all-MiniLM-L6-v2"},
            step_seconds={"audit": 2.1, "features": 48.0, "search": 214.0, "holdout": 1.2},
            versions={"catboost": "1.2.10", "lightgbm": "4.6.0", "torch": "2.12.0", "tabular-fusion": "0.1.0"},
            explanation_method=explained.method, explanation_gap=explained.gap,
        ),
    )  # fmt: skip


def hostile_groups(block: BlockGroups, nasty: str, texts: Iterator[str]) -> BlockGroups:
    groups = []
    for group in block.groups:
        named = tuple(
            replace(
                one, attribute=replace(one.attribute, title=Title(nasty, nasty), value=next(texts), unit=next(texts))
            )
            for one in group.described
        )
        rows = (next(texts), *group.high)
        groups.append(replace(group, described=named, high=rows, low=rows, output=next(texts)))
    return replace(block, groups=tuple(groups), featurizer=next(texts))


def hostile_profiles(sources: tuple[str, ...]) -> Profiles:
    n = len(HOSTILE), len(sources)
    share = np.full(n, 1 / n[1])
    return Profiles(HOSTILE, np.arange(n[0]) + 9, sources, share, share[0], share)


def hostile_class_profiles() -> ClassProfiles:
    title = Title(HOSTILE[0], HOSTILE[1])
    features = tuple(
        (ClassFeature(text, title, HOSTILE[2], HOSTILE[3], i % 2 == 0, 0.5, 1.5),) for i, text in enumerate(HOSTILE)
    )
    return ClassProfiles(hostile_profiles(HOSTILE), features, "logits")


def hostile_segments(found: SegmentProfiles | None) -> SegmentProfiles:
    assert found is not None
    profiles = hostile_profiles(found.profiles.sources)
    clear = np.ones(profiles.share.shape, dtype=bool)
    title = Title(HOSTILE[0], HOSTILE[1])
    return replace(found, profiles=profiles, title=title, roles=("value",) * len(HOSTILE), clear=clear)


def hostile(data: ReportData) -> ReportData:
    """Every text of the report that may come from the data, replaced by the hostile ones in turn."""
    texts = iter(HOSTILE * 40)
    nasty = " ".join(HOSTILE[:-1])
    assert data.errors is not None and data.importance is not None
    board = data.leaderboard.copy()
    board["model"] = [m if m in ("blend", "constant") else next(texts) for m in board["model"]]
    board["error"] = [next(texts) if e else "" for e in board["error"]]
    rows = [f"{next(texts)}" for _ in data.errors["row"]]
    columns = tuple(replace(c, title=Title(nasty, nasty), reason=next(texts)) for c in data.schema.columns)
    curves = tuple(
        replace(
            curve,
            feature=replace(curve.feature, title=Title(nasty, nasty), unit=next(texts)),
            bins=tuple(replace(b, label=next(texts)) for b in curve.bins),
            output=next(texts),
        )
        for curve in data.dose_responses
    )
    assert data.views is not None and data.models is not None and data.slices is not None
    hard = Condition("value", "shop", Title(nasty, nasty), value=nasty, unit=nasty)
    worse = ToldSlice((hard, hard), ((hard,),), 30, 2.0, 1.0, 0.1, 0.2, 0.001, 0.002, data.errors.head(2))
    return replace(
        data,
        models=tuple(replace(check, model=next(texts), view=next(texts)) for check in data.models),
        slices=replace(data.slices, slices=(worse,)),
        views=data.views.assign(model=nasty),
        name=nasty,
        target=nasty,
        leaderboard=board,
        schema=replace(data.schema, columns=columns, left_out={text: text for text in HOSTILE}),
        importance=data.importance.assign(title_en=nasty, title_ru=nasty, featurizer=HOSTILE[0]),
        class_profiles=hostile_class_profiles(),
        segments=hostile_segments(data.segments),
        dose_responses=curves,
        groups=tuple(hostile_groups(block, nasty, texts) for block in data.groups),
        errors=data.errors.assign(row=rows, truth=nasty, prediction=nasty),
        class_scores=pd.DataFrame(
            {"class": HOSTILE, "rows": 3, "recall": 0.5, "precision": 0.5, "f1": 0.5, "taken_for": HOSTILE[::-1],
             "taken_for_share": 0.5}
        ),
        photo=lambda row: photo_bytes(1),
        row_titles={row: next(texts) for row in rows},
        findings=tuple(Finding("image_broken", t, 3, 9, HOSTILE, {"example": t}) for t in HOSTILE),
        metric_titles={"skill": Title(nasty, nasty)},
        making=Making(HOSTILE[0], HOSTILE[1], 0, rows={HOSTILE[0]: 3}, encoders={HOSTILE[0]: HOSTILE[1]},
                      step_seconds={HOSTILE[0]: 1.0}, versions={HOSTILE[1]: HOSTILE[0]}, explanation_method=nasty),
    )  # fmt: skip


@pytest.fixture(scope="session")
def make_report() -> Callable[..., ReportData]:
    """``make_data(kind, n)``: everything that a report shows."""
    return make_data


@pytest.fixture(scope="session")
def make_explained() -> Callable[..., tuple[Linear, Explained]]:
    """``make(kind)``: a linear model of four classes or labels, or of one output, and its explained rows."""

    def make(kind: Kind, n: int = 300) -> tuple[Linear, Explained]:
        if kind in (Kind.MULTICLASS, Kind.MULTILABEL):
            slopes, base = np.hstack([SLOPES * f for f in (1.0, -0.5, 0.2, -0.7)]), np.array([0.0, 0.0, 0.0, -9.0])
            model = Linear(slopes, base)
        else:
            model = Linear(SLOPES, np.zeros(1))
        return model, explain_rows(model, make_table(make_schema(), n), kind, classes=("a", "b", "c", "d"))

    return make


@pytest.fixture(scope="session")
def report_data() -> ReportData:
    return make_data()


@pytest.fixture(scope="session")
def hostile_report(report_data: ReportData) -> ReportData:
    return hostile(report_data)


@pytest.fixture(scope="session")
def hostile_classes() -> ReportData:
    """A report whose classes have hostile names; half of a surrogate pair is in no name that was read."""
    return hostile(make_data(Kind.MULTICLASS, 200, HOSTILE[:3] + HOSTILE[9:10]))


@pytest.fixture(scope="session")
def hostile_texts() -> tuple[str, ...]:
    return HOSTILE


@pytest.fixture(scope="session")
def make_leaderboard() -> Callable[..., pd.DataFrame]:
    return make_board


class Scores:
    """A model of one embedding that is a function of its values (n_samples, n_dimensions)."""

    def __init__(self, score: Callable[[np.ndarray], np.ndarray]) -> None:
        self.score = score

    def decide(self, table: FeatureTable) -> np.ndarray:
        return np.asarray(self.score(table.blocks[0].values.astype(np.float64))).reshape(-1, 1)


def embedding_block(
    score: Callable[[np.ndarray], np.ndarray], *, n: int, d: int, seed: int, correlated: bool = False
) -> tuple[FeatureTable, Scores]:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, d))
    if correlated:
        values = values @ (np.eye(d) + rng.normal(size=(d, d)) / 2)
    photo = Column("photo", Modality.IMAGE, Title("Photo", "Фото"))
    block = Block("photo", "net", opaque_features(photo, "net", d), values.astype("f4"))
    return FeatureTable((block,), pd.Index([f"row-{i}" for i in range(n)])), Scores(score)


@pytest.fixture(scope="session")
def make_block() -> Callable[..., tuple[FeatureTable, Scores]]:
    """``make_block(score, n=, d=, seed=, correlated=)``: a table of one embedding, and a model of it."""
    return embedding_block
