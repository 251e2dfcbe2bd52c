from __future__ import annotations

from pathlib import Path

import pytest

from artifacts import Task
from artifacts.errors import InputError
from artifacts.schema import Kind, Modality

BINARY = '[target]\nkind = "binary"\ncolumn = "y"\n'
FULL = """
name = "movie-posts"
[data]
train = "train.csv"
test = "test.csv"
images = "images"
[target]
kind = "conversion"
successes = { like = 1.8, comment = 4 }
trials = "view"
metric = "log_likelihood"
[columns]
text = ["text"]
image = ["photo"]
nested = ["text_fields"]
list = ["genres"]
ignore = ["hide"]
id = "post_id"
group = "author"
time = "publish_date"
weight = "w"
[column.photo]
title = { en = "Photo", ru = "Фото" }
actionable = true
[encoders]
text = "auto"
image = "../weights/mobilenetv2_100"
[output]
id = "product_id"
prediction = "predicted_category_id"
"""


def test_every_key_of_the_public_contract_is_read(tmp_path: Path) -> None:
    (tmp_path / "task.toml").write_text(FULL, encoding="utf-8")
    task = Task.from_toml(tmp_path / "task.toml")
    assert task.target.kind is Kind.CONVERSION
    assert task.target.success_weights == {"like": 1.8, "comment": 4}
    assert set(task.target.column_names) == {"like", "comment", "view"}
    assert task.columns.modalities["genres"] is Modality.LIST
    assert Modality.JOINT not in task.columns.modalities.values(), "a modality of features alone"
    assert task.path(task.data.train) == tmp_path / "train.csv"
    assert task.column["photo"].title == {"en": "Photo", "ru": "Фото"}
    assert Task(**task.model_dump(mode="json")) == task
    assert Task.from_toml(tmp_path / "task.toml", data=tmp_path / "else").path("x") == tmp_path / "else" / "x"


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"kind": "regresion", "column": "y"}, r"unknown kind 'regresion'. Did you mean 'regression'\? Known: \['reg"),
        ({"kind": "binary", "colum": "y"}, "unknown key 'target.colum'. Did you mean 'column'"),
        ({"kind": "conversion", "successes": "like"}, "needs both 'successes'"),
        ({"kind": "conversion", "successes": "a", "trials": "b", "column": "c"}, "take it out"),
        ({"kind": "conversion", "successes": {"a": -1.0}, "trials": "b"}, "must be >= 0"),
        ({"kind": "conversion", "successes": "b", "trials": "b"}, "both successes and trials"),
        ({"kind": "conversion", "activities": "like", "trials": "v"}, "are a list of count columns.*but got 'like'"),
        ({"kind": "conversion", "activities": [1, 2], "trials": "v"}, "are a list of count columns"),
        ({"kind": "conversion", "activities": ["a"], "trials": "v"}, "at least two count columns.*under 'successes'"),
        ({"kind": "conversion", "activities": [], "trials": "v"}, "at least two count columns"),
        ({"kind": "conversion", "activities": ["a", "A"], "trials": "v"}, "with different names"),
        ({"kind": "conversion", "activities": ["a", "../b"], "trials": "v"}, r"\['../b'\] cannot be: rename"),
        ({"kind": "conversion", "activities": ["a", "weighted sum"], "trials": "v"}, "cannot be: rename"),
        ({"kind": "conversion", "activities": {"a": 0, "b": 0}, "trials": "v"}, "not all 0"),
        ({"kind": "conversion", "activities": {"a": 1, "b": float("nan")}, "trials": "v"}, "finite numbers"),
        ({"kind": "conversion", "activities": {"a": 1, "b": "x"}, "trials": "v"}, "finite numbers"),
        ({"kind": "conversion", "activities": ["a", "b"]}, "need 'trials'"),
        ({"kind": "conversion", "activities": ["a", "v"], "trials": "v"}, "both successes and trials"),
        ({"kind": "conversion", "activities": ["a", "b"], "successes": "c", "trials": "v"}, "got both"),
        ({"kind": "regression", "column": "y", "activities": ["a", "b"]}, "belong to kind 'conversion'"),
        ({"kind": "binary", "column": "y", "emphasis": 1}, "'emphasis' is for numbers and rates"),
        ({"kind": "regression", "column": "y", "emphasis": -1}, "emphasis is a number >= 0"),
        ({"kind": "regression", "column": "y", "emphasis": float("inf")}, "emphasis is a number >= 0"),
        ({"kind": "regression"}, "needs 'column'"),
        ({"kind": "regression", "column": "y", "trials": "b"}, "belong to kind 'conversion'"),
        ({}, "'target.kind' is missing"),
    ],
)
def test_a_wrong_target_is_refused_with_the_remedy(change: dict[str, object], match: str) -> None:
    with pytest.raises(InputError, match=match):
        Task(name="t", target=change)


def test_each_of_several_activities_is_a_task_of_its_own(tmp_path: Path) -> None:
    text = 'name = "t"\n[target]\nkind = "conversion"\ntrials = "view"\nemphasis = 0.5\n'
    (tmp_path / "task.toml").write_text(text + "activities = { like = 1.8, hide = -4 }")
    task = Task.from_toml(tmp_path / "task.toml")
    assert task.target.activity_weights == {"like": 1.8, "hide": -4} and task.target.emphasis == 0.5
    assert task.target.column_names == ("like", "hide", "view") and Task(**task.model_dump(mode="json")) == task
    assert task.prediction_names == ("prediction_like", "prediction_hide", "prediction")
    like = task.for_activity("like")
    assert like.target.success_weights == {"like": 1.0} and like.target.activity_names == ()
    assert like.columns.ignore == ("hide",) and like.prediction_names == ("prediction_like",)
    assert like.target.emphasis == 0.5 and Task(**like.model_dump(mode="json")) == like
    with pytest.raises(InputError, match="no activity 'lik'. Did you mean 'like'"):
        task.for_activity("lik")
    (tmp_path / "task.toml").write_text(text + 'activities = ["like", "hide"]')
    listed = Task.from_toml(tmp_path / "task.toml")
    assert listed.target.activity_names == ("like", "hide") and not listed.target.activity_weights
    assert listed.prediction_names == ("prediction_like", "prediction_hide")
    with pytest.raises(InputError, match=r"the target is made of \['hide'\]"):
        Task(name="t", target=listed.target.model_dump(), columns={"numeric": ["hide"]})


def test_other_mistakes_are_refused() -> None:
    target = {"kind": "regression", "column": "y"}
    with pytest.raises(InputError, match="stands in both 'image' and 'text'"):
        Task(name="t", target=target, columns={"text": ["a"], "image": ["a"]})
    with pytest.raises(InputError, match=r"the target is made of \['y'\]"):
        Task(name="t", target=target, columns={"numeric": ["y"]})
    with pytest.raises(InputError, match="folder name"):
        Task(name="../t", target=target)
    with pytest.raises(InputError, match="unknown key 'collumns'. Did you mean 'columns'"):
        Task(name="t", target=target, collumns={})


def test_a_missing_or_broken_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="tabular-fusion init"):
        Task.from_toml(tmp_path / "no.toml")
    (tmp_path / "task.toml").write_bytes(b"name = \xff")
    with pytest.raises(InputError, match="not valid TOML"):
        Task.from_toml(tmp_path / "task.toml")
    (tmp_path / "task.toml").write_text('name = "a"\nroot = "/"\n[target]\nkind = "regression"\ncolumn = "y"')
    with pytest.raises(InputError, match="may not set 'root'"):
        Task.from_toml(tmp_path / "task.toml")


def test_labels_that_are_paths_name_their_separator() -> None:
    task = Task(name="x", target={"kind": "multiclass", "column": "y", "separator": " > "})
    assert Task(**task.model_dump(mode="json")).target.separator == " > "
    with pytest.raises(InputError, match="'separator' belongs to kind 'multiclass', not 'regression'"):
        Task(name="x", target={"kind": "regression", "column": "y", "separator": ">"})
    with pytest.raises(InputError, match="may not be blank, got ' '"):
        Task(name="x", target={"kind": "multiclass", "column": "y", "separator": " "})


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("a = " + "[" * 10_000 + "]" * 10_000, "recursion"),
        ("a = " + "9" * 5_000, "not valid TOML.*limit"),
        ("a" + ".a" * 60 + " = 1", "a key of more than 40 parts"),
        ('"a" . ' * 60 + "a = 1", "a key of more than 40 parts"),
        ("#" + "a" * 1_000_001, "more than 1000000 bytes"),
        ("self = 1\n" + BINARY, "unknown key 'self'"),
        (BINARY + '[data]\ntrain = "a\\u0000b"', "no character NUL"),
        (b"\xff", "not valid TOML in UTF-8"),
        ('name = "a\\u001b[31m"\n' + BINARY, "control characters"),
    ],
)
def test_hostile_files_are_refused(tmp_path: Path, content: str | bytes, match: str) -> None:
    path = tmp_path / "task.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=match):
        Task.from_toml(path)


def test_a_path_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too long"):
        Task.from_toml(tmp_path / ("a" * 5_000))


@pytest.mark.parametrize("name", ["a\x1b[31m", "a\ud800", "a\x9b2J", "../a", "a\nb", "..", " "])
def test_an_activity_that_no_folder_can_be_named_after_is_refused(name: str) -> None:
    target = {"kind": "conversion", "activities": [name, "like"], "trials": "view"}
    with pytest.raises(InputError, match="becomes a folder of its name"):
        Task(name="a", target=target)
