from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from artifacts.errors import InputError
from artifacts.finding import Audit
from artifacts.schema import Kind, Modality
from artifacts.tables import read_parquet
from artifacts.task import Task
from evaluation.column_reasons import reason_in
from featurizers.column_guess import guess_column
from featurizers.column_inference import draft_task, infer_schema
from featurizers.column_warnings import warn_of_training_only
from featurizers.task_draft import guess_kind, quoted

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
N = 300
RNG = np.random.default_rng(0)
WORDS = [
    "red", "green", "shirt", "lamp", "old", "new", "fine", "soft", "warm", "wool", "steel", "for", "men", "women",
]  # fmt: skip


def task(target: dict[str, Any] | None = None, **more: Any) -> Task:
    return Task(name="shop", target=target or {"kind": "regression", "column": "y"}, **more)


def frame_of(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({**columns, "y": RNG.normal(size=N)})


def texts(n_words: int) -> list[str]:
    return [" ".join(RNG.choice(WORDS, n_words)) + f" {i}" for i in range(N)]


GUESSES: dict[str, tuple[Modality | None, list[Any]]] = {
    "price": (Modality.NUMERIC, [f"{i} 781 ₽" for i in range(N)]),
    "height": (Modality.NUMERIC, [f"{i % 50},5 м" if i % 30 else None for i in range(N)]),
    "rooms": (Modality.NUMERIC, [i % 7 for i in range(N)]),
    "colour": (Modality.CATEGORICAL, [WORDS[i % 5] for i in range(N)]),
    "zipcode": (Modality.CATEGORICAL, [10_000 + i % 40 for i in range(N)]),
    "shop_id": (Modality.CATEGORICAL, [i % 40 for i in range(N)]),
    "sale": (Modality.CATEGORICAL, [i % 2 == 0 for i in range(N)]),
    "house": (Modality.CATEGORICAL, [f"{i % 90}{'АБВкс'[i % 5]}{i % 3}" for i in range(N)]),
    "mixed": (Modality.CATEGORICAL, [i % 9 if i % 2 else "x" for i in range(N)]),
    "walk": (Modality.CATEGORICAL, [f"{i % 9} минут пешком" for i in range(N)]),
    "date": (Modality.DATETIME, [f"{i % 28 + 1}.0{i % 9 + 1}.2020" for i in range(N)]),
    "published": (Modality.DATETIME, [f"2020-01-01T{i % 24:02d}:{i % 60:02d}:{i % 59:02d}Z" for i in range(N)]),
    "title": (Modality.TEXT, texts(6)),
    "about": (Modality.TEXT, ["word " * 200, "another " * 100, "third " * 90] * (N // 3)),
    "details": (Modality.NESTED, [json.dumps({"a": i}) if i % 9 else "{'cut" for i in range(N)]),
    "pairs": (Modality.NESTED, [[{"charcName": "a", "value": i}] for i in range(N)]),
    "section": (Modality.CATEGORICAL, [f"{'ABC'[i % 3]}s/Part {i % 9} of all/Kind {i % 99} of them" for i in range(N)]),
    "shelf": (Modality.CATEGORICAL, [f"All->{WORDS[i % 4]} ones->{WORDS[i % 12]} and {i % 90} more" for i in range(N)]),
    "genres": (Modality.LIST, [json.dumps(WORDS[i % 5 : i % 7]) for i in range(N)]),
    "tags": (Modality.LIST, [", ".join(RNG.permutation(WORDS)[: i % 4 + 1]) for i in range(N)]),
    "real_lists": (Modality.LIST, [[WORDS[i % 5]] for i in range(N)]),
    "photo": (Modality.IMAGE, [f"images/{i}.jpg" for i in range(N)]),
    "post_id": (None, [(7919 * i) % 100_000 for i in range(N)]),
    "counter": (None, list(RNG.permutation(N))),
    "sku": (None, [f"A{i:06d}" for i in range(N)]),
    "link": (None, [f"https://example.com/{i}" for i in range(N)]),
    "code": (None, [f"{i:03d}-card {i}" for i in range(N)]),
    "nothing": (None, [None, " ", float("nan")] * (N // 3)),
    "same": (None, ["x"] * N),
    "zero": (None, [0] * N),
}  # fmt: skip
GUESSES["card_id"] = GUESSES.pop("code")


@pytest.mark.parametrize("name", GUESSES)
def test_guesses_and_reasons(name: str) -> None:
    modality, values = GUESSES[name]
    guess = guess_column(pd.Series(values, name=name))
    assert guess.modality is modality, guess.reason
    assert guess.reason and (guess.finding == "") == (modality is not None)
    assert reason_in("en", guess.reason) == guess.reason
    russian = reason_in("ru", guess.reason)
    assert re.search("[а-я]", russian) and re.findall(r"\d+", russian) == re.findall(r"\d+", guess.reason)


def test_odd_columns_never_raise() -> None:
    odd = [1, "x", None, [1], {"a": [2]}, {3}, object(), 1 + 2j, b"\x00", float("inf"), pd.NaT, "\ud800", np.array([1])]
    schema, _ = infer_schema(frame_of(odd=pd.Series(odd * 24)[:N], many=range(N), other=["a", "b"] * (N // 2)), task())
    assert "odd" in schema.names
    for kind in ("Int64", "category", "string", "complex128", "timedelta64[ns]", "datetime64[ns]", "boolean"):
        values = pd.Series([0, 1, 1] * 50, name="c").astype(kind)  # type: ignore[call-overload]
        assert guess_column(values).reason
    assert guess_column(pd.Series([], dtype=object, name="c")).finding == "column_empty"
    assert guess_column(pd.Series([np.inf, np.nan], name="c")).finding == "column_empty"


def test_named_columns_are_taken_as_they_are_and_roles_are_no_features() -> None:
    frame = frame_of(
        a=["1"] * N, b=[f"{i} x" for i in range(N)], day=pd.date_range("2020", periods=N), w=1.0, g=1, i=range(N)
    )
    columns = {"text": ["a"], "ignore": ["b"], "id": "i", "group": "g", "time": "day", "weight": "w"}
    schema, findings = infer_schema(frame, task(columns=columns))
    assert [(c.name, c.modality, c.reason) for c in schema.columns] == [("a", Modality.TEXT, "named in the task")]
    assert schema.left_out == {
        "b": "named under ignore", "day": "the time of the rows", "w": "the weight of the rows",
        "g": "the group of the rows", "i": "the id of the rows", "y": "the target is made of it",
    }  # fmt: skip
    assert all(re.search("[а-я]", reason_in("ru", reason)) for reason in schema.left_out.values())
    assert (schema.id, schema.group, schema.time, schema.weight) == ("i", "g", "day", "w") and not findings
    both = task(columns={**columns, "datetime": ["day"], "categorical": ["g"]})
    assert infer_schema(frame, both)[0].names == ("a", "day", "g")


def test_titles_units_and_what_is_actionable() -> None:
    frame = frame_of(title=texts(6), colour=["a", "b", "c"] * 100, size=RNG.normal(size=N))
    detail = {"title": {"en": "Size", "ru": "Размер"}, "unit": "cm", "locked": True}
    schema, _ = infer_schema(frame, task(column={"size": detail, "title": {"actionable": False}}))
    assert [schema[name].actionable for name in ("title", "colour", "size")] == [False, False, True]
    size = schema["size"]
    assert size.title.ru == "Размер" and size.unit == "cm" and size.locked and schema["colour"].title.en == "colour"
    assert infer_schema(frame, task())[0]["title"].actionable


@pytest.mark.parametrize(
    ("more", "match"),
    [
        (
            {"columns": {"image": ["photo"]}},
            r"names columns that the data lacks: \['photo'\].*The data has: \['title', 'y'\]",
        ),
        ({"columns": {"text": ["titel"]}}, r"\['titel'\]. Did you mean 'title'\?"),
        ({"column": {"size": {}}}, r"\[column.NAME\] that the data lacks: \['size'\]"),
        ({"target": {"kind": "regression", "column": "z"}}, r"target columns that the data lacks: \['z'\]"),
        ({"columns": {"ignore": ["title"]}}, "no column to learn from"),
    ],
)  # fmt: skip
def test_columns_that_are_not_there_are_refused(more: dict[str, Any], match: str) -> None:
    with pytest.raises(InputError, match=match):
        infer_schema(frame_of(title=texts(6)), task(**more))


def test_columns_of_the_same_name_are_refused() -> None:
    frame = pd.concat([frame_of(a=range(N)), frame_of(a=range(N))], axis=1)
    with pytest.raises(InputError, match="same name"):
        infer_schema(frame, task())


def codes(findings: list[Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for finding in findings:
        assert finding.in_language("en") and "?" not in finding.in_language("ru").split("(")[0]
        found.setdefault(finding.code, []).append(finding.column)
    return found


def test_findings_about_columns() -> None:
    frame = frame_of(empty=np.nan, same=1, sku=[f"A{i}" for i in range(N)], i=[*range(N - 1), 0])
    frame["author"] = [f"author {i % 30}" for i in range(N)]
    schema, findings = infer_schema(frame, task(columns={"id": "i"}))
    found = codes(findings)
    assert found == {
        "column_empty": ["empty"], "column_constant": ["same"], "looks_like_id": ["sku"], "duplicate_ids": ["i"],
        "looks_like_group": ["author"],
    }  # fmt: skip
    assert schema.names == ("author",)
    assert next(f for f in findings if f.code == "duplicate_ids").rows == ("0", str(N - 1))
    assert "looks_like_group" not in codes(infer_schema(frame, task(columns={"group": "author", "text": ["sku"]}))[1])


@pytest.mark.parametrize("kind", ["regression", "binary", "multiclass", "conversion"])
def test_leaks(kind: str) -> None:
    y = RNG.normal(size=N)
    shelf = np.array(["low", "middle", "top"])[np.digitize(y, [-0.4, 0.4])]
    views = RNG.integers(50, 100, N)
    clicks = np.clip(np.round(views / (1 + np.exp(-y))), 0, views)
    frame = pd.DataFrame({"y": y, "won": y > 0.5, "shelf": shelf, "views": views, "clicks": clicks})
    target = {"kind": kind, "column": {"regression": "y", "binary": "won"}.get(kind, "shelf")}
    if kind == "conversion":
        target = {"kind": kind, "successes": "clicks", "trials": "views"}
    made_of = [name for name in target.values() if name in frame]
    leak = {"conversion": clicks / views, "regression": np.exp(y)}.get(
        kind, np.char.add("is ", frame[made_of[-1]].astype(str).to_numpy(str))
    )
    hint = y + RNG.normal(size=N) * 0.5
    frame = frame[made_of].assign(leak=leak, hint=hint, noise=RNG.normal(size=N), colour=["a", "b", "c"] * 100)
    assert codes(infer_schema(frame, task(target))[1]).get("looks_like_leak") == ["leak"]


def test_a_level_of_a_path_can_be_the_leak() -> None:
    shelf = RNG.choice(["low", "middle", "top"], N)
    path = [f"All->{name}->{name} {i % 2}->box {i}" for i, name in enumerate(shelf)]
    found = infer_schema(frame_of(path=path).assign(y=shelf), task({"kind": "multiclass", "column": "y"}))[1]
    [leak] = [finding for finding in found if finding.code == "looks_like_leak"]
    assert leak.column == "path" and str(leak.details["details"]).endswith("by level 2")


@pytest.mark.parametrize("kind", ["multiclass", "regression"])
@pytest.mark.parametrize("rows", [60, N])
def test_what_only_training_has_and_gives_the_target_away(kind: str, rows: int) -> None:
    target = RNG.integers(0, 12, N)
    frame = pd.DataFrame(
        {
            "path": [f"All->{'AB'[y % 2]}->{y}->{'uv'[i % 2]}" for i, y in enumerate(target)],
            "boxes": [f"All->{'AB'[y % 2]}->{y}->box {i}" for i, y in enumerate(target)],
            "half": [f"All->{'AB'[y % 2]}" for y in target], "unique": [f"{y} {i}" for i, y in enumerate(target)],
            "there": target.astype(str), "noise": RNG.choice(list("abc"), N), "y": target,
        }
    ).head(rows)  # fmt: skip
    real = task({"kind": kind, "column": "y"}, columns={"categorical": [name for name in frame if name != "y"]})
    schema, _ = infer_schema(frame, real)
    audit = Audit()
    warn_of_training_only(frame, schema.columns, ["there", "noise"], real, audit)
    assert codes(audit.findings) == {"leak_in_training_only": ["path", "boxes"]}
    assert [f.details["details"] for f in audit.findings] == ["100.0%", "100.0% by level 3"]


def test_a_frequent_class_is_no_leak_of_what_only_training_has() -> None:
    frame = frame_of(a=["u", "v"] * 150).assign(y=[1] + [0] * (N - 1))
    real = task({"kind": "binary", "column": "y"}, columns={"categorical": ["a"]})
    audit = Audit()
    warn_of_training_only(frame, infer_schema(frame, real)[0].columns, [], real, audit)
    assert not audit.findings


def test_an_imbalanced_class_is_no_leak_of_everything() -> None:
    frame = frame_of(a=RNG.normal(size=N), b=["u", "v"] * 150).assign(y=[1] + [0] * (N - 1))
    assert "looks_like_leak" not in codes(infer_schema(frame, task({"kind": "binary", "column": "y"}))[1])


def test_ten_thousand_columns_take_seconds() -> None:
    wide = pd.DataFrame(RNG.normal(size=(N, 10_000))).rename(columns=lambda i: f"c{i}").assign(y=RNG.normal(size=N))
    started = time.perf_counter()
    schema, _ = infer_schema(wide, task())
    assert len(schema.columns) == 10_000 and time.perf_counter() - started < 60


# -- the draft -------------------------------------------------------------------------------------


def written(frame: pd.DataFrame, folder: Path, **more: Any) -> tuple[Task, str]:
    out = folder / "task.toml"
    out.write_text(draft_task(frame, data=folder / "sub" / "train.csv", out=out, **more), encoding="utf-8")
    return Task.from_toml(out), out.read_text(encoding="utf-8")


def test_the_draft_can_be_read_and_infers_the_same(tmp_path: Path) -> None:
    frame = frame_of(title=texts(6), sku=[f"A{i}" for i in range(N)], colour=["a", "b", "c"] * 100, empty=np.nan)
    frame["copy"] = frame["y"] * 2
    drafted, text = written(frame, tmp_path, target="y")
    assert drafted.target.column == "y" and drafted.target.kind is Kind.REGRESSION
    assert (
        drafted.data.train == "sub/train.csv" and drafted.columns.id == "sku" and drafted.columns.ignore == ("empty",)
    )
    assert drafted.columns.text == ("title",) and "# WARNING copy: it alone predicts" in text
    assert infer_schema(frame, drafted)[0].names == ("title", "colour", "copy")


def test_the_draft_guesses_a_conversion_and_mentions_it(tmp_path: Path) -> None:
    frame = frame_of(title=texts(6)).assign(views=100, clicks=RNG.integers(0, 9, N))
    frame = frame.assign(likes=RNG.integers(0, 9, N), photo=[f"{i}.jpg" for i in range(N)])
    (tmp_path / "sub" / "images").mkdir(parents=True)
    (tmp_path / "sub" / "images" / "1.jpg").touch()
    drafted, _ = written(frame, tmp_path)
    assert drafted.target.kind is Kind.CONVERSION and "likes" in drafted.columns.ignore
    assert drafted.data.images == "sub/images" and drafted.columns.image == ("photo",)
    assert (drafted.target.successes, drafted.target.trials) == ("clicks", "views")
    assert "kind = 'conversion'" in written(frame, tmp_path, target="y")[1]


def test_hostile_names_and_values_keep_the_draft_readable(tmp_path: Path) -> None:
    names = ['a"b', "a\\b", "a\nb", "a]\n[target]", "é\x7f\x01", "\u2028", "#", "", "a.b", "x\ud800", "\t"]
    frame = pd.DataFrame({name: [f"{i % 3}\n[data]" for i in range(N)] for name in names}).assign(y=RNG.normal(size=N))
    drafted, _ = written(frame, tmp_path, target="y")
    assert {*names[:9], "\t"} <= set(drafted.columns.categorical)
    target, _ = written(frame, tmp_path, target="a]\n[target]")
    assert target.target.column == "a]\n[target]"
    assert json.loads(quoted("\x00").replace("\\u0000", "")) == ""


def test_the_draft_needs_a_target_that_is_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="lacks the column 'z'"):
        draft_task(frame_of(a=range(N)), data=tmp_path, target="z")
    with pytest.raises(InputError, match="Name one with --target"):
        draft_task(pd.DataFrame({"a": [1, 2]}), data=tmp_path)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0, 1] * 50, Kind.BINARY), (["yes", "no"] * 50, Kind.BINARY), ([1, 2, 3] * 50, Kind.MULTICLASS),
        (["a", "b", "c"], Kind.MULTICLASS), (np.arange(100) / 7, Kind.REGRESSION), (range(100), Kind.REGRESSION),
    ],
)  # fmt: skip
def test_guess_kind(values: Any, kind: Kind) -> None:
    assert guess_kind(pd.Series(values, name="y"))[0] is kind


# -- real data -------------------------------------------------------------------------------------

KNOWN: dict[str, tuple[str, dict[str, str], tuple[str, ...]]] = {
    "babies_r_us": ("price", {"title": "text", "category": "categorical", "length": "numeric"},
                    ("int_id", "ext_id", "SKU", "brand")),
    "cian_ru": ("price", {"title": "text", "subtitle": "text", "ceiling": "numeric", "district": "categorical",
                          "home_number": "categorical", "dist_to_subway": "categorical", "floor": "numeric"},
                ("link",)),
    "fashion": ("baseColour", {"image": "image", "productDisplayName": "text", "gender": "categorical"}, ("id",)),
    "goodreads": ("Rating", {"Title": "text", "Description": "text", "NumberofReviews": "numeric",
                             "PublishDate": "datetime", "PageCount": "numeric", "Format": "categorical"},
                  ("ID", "FileName", "ISBN", "ISBN13")),
    "houses": ("price", {"frontal": "image", "kitchen": "image", "bathrooms": "numeric", "area": "numeric",
                         "zipcode": "categorical"}, ("house_id",)),
    "kazan_cards": ("category_id", {"text_fields": "nested", "shop_id": "categorical", "rating": "numeric",
                                    "sale": "categorical"}, ("product_id",)),
    "kdramas": ("rating", {"image": "image", "plot": "text", "name": "text", "genre": "list", "starring": "list",
                           "num_episodes": "numeric", "release_year": "numeric"}, ("id",)),
    "movie_posts": ("", {"text": "text", "photo": "image", "genres": "list", "year": "numeric"}, ("post_id",)),
    "product_texts": ("category", {"noisyTextDescription": "text", "season": "categorical"}, ("id",)),
    "rbc_news_ru": ("views", {"title": "text", "publish_date": "datetime", "authors": "list", "tags": "list",
                              "category": "categorical", "ctr": "numeric"}, ("document_id", "session")),
}  # fmt: skip


@pytest.mark.skipif(not SHARED.exists(), reason="the development sets are not there")
@pytest.mark.parametrize("name", KNOWN)
def test_real_tables(name: str, tmp_path: Path) -> None:
    target, modalities, left_out = KNOWN[name]
    folder = SHARED / name
    csv = folder / "train.csv"
    frame = pd.read_csv(csv) if csv.exists() else read_parquet(folder / "train.parquet")
    kind = (
        "multiclass" if frame.get(target, frame.iloc[:, 0]).dtype == object or target == "category_id" else "regression"
    )
    real = task(
        {"kind": kind, "column": target} if target else {"kind": "conversion", "successes": "like", "trials": "view"}
    )
    schema, findings = infer_schema(frame, real)
    found = {column.name: column.modality.value for column in schema.columns}
    assert {column: found.get(column) for column in modalities} == modalities
    assert set(left_out) <= set(schema.left_out)
    leaks = {"kazan_cards": ["category_name"], "rbc_news_ru": ["trials"]}
    assert codes(findings).get("looks_like_leak", []) == leaks.get(name, [])
    drafted, _ = written(frame, tmp_path, target=target or None)
    assert drafted.target.kind in (real.target.kind, Kind.MULTICLASS)


def test_a_draft_says_what_stands_between_the_levels_of_class_labels(tmp_path: Path) -> None:
    labels = ["Shoes > Boots", "Shoes > Sandals", "Bags > Totes", "Bags > Belts"] * 10
    frame = pd.DataFrame({"name": [f"thing {i}" for i in range(40)], "category": labels})
    (tmp_path / "task.toml").write_text(draft_task(frame, data=tmp_path / "rows.csv", out=tmp_path / "task.toml"))
    assert Task.from_toml(tmp_path / "task.toml").target.separator == ">"
