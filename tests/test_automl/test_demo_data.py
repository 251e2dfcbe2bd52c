from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

from artifacts.errors import ArtifactError, InputError
from artifacts.schema import Kind
from artifacts.task import Task
from automl.demo_cards import draw_cards
from automl.demo_data import DemoTruth, make_demo_data
from automl.demo_drawing import KINDS, LUMA, PhotoLook, draw_photo
from automl.demo_truth import EFFECTS, PLACEBOS

N_ROWS = 160


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "shop"
    make_demo_data(folder, n_rows=N_ROWS, seed=3)
    return folder


@pytest.fixture(scope="module")
def cards(shop: Path) -> pd.DataFrame:
    frames = [pd.read_csv(shop / f"{split}.csv") for split in ("train", "test")]
    return pd.concat(frames).set_index("card_id").sort_index()


@pytest.fixture(scope="module")
def truth(shop: Path) -> DemoTruth:
    return DemoTruth.load(shop)


def luma_of(path: Path) -> NDArray[np.float64]:
    with Image.open(path) as image:
        pixels: NDArray[np.float64] = np.asarray(image.convert("RGB"), dtype=np.float64) / 255
    return np.asarray(pixels @ LUMA)


# The files


def test_the_task_file_is_read_and_names_columns_that_are_there(shop: Path, cards: pd.DataFrame) -> None:
    task = Task.from_toml(shop / "task.toml")
    assert task.name == "demo-shop" and task.target.kind is Kind.CONVERSION
    assert set(task.columns.names) | set(task.target.column_names) == {"card_id", *cards.columns}
    assert task.column["photo"].actionable and not task.column["price"].actionable
    for name in task.columns.modalities:
        title = task.column[name].title
        assert isinstance(title, dict) and set(title) == {"en", "ru"}


def test_a_fifth_of_the_cards_is_the_test_file_with_labels(shop: Path, truth: DemoTruth) -> None:
    train, test = (pd.read_csv(shop / f"{split}.csv") for split in ("train", "test"))
    assert (len(train), len(test)) == (N_ROWS - 32, 32)
    assert not set(train["card_id"]) & set(test["card_id"])
    assert list(test["card_id"]) == list(truth.test_probabilities.index)
    for frame in (train, test):
        assert (frame["clicks"] <= frame["views"]).all() and (frame["clicks"] >= 0).all()
        assert frame["views"].between(20, 3000).all()


def test_the_same_seed_gives_the_same_files_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        make_demo_data(tmp_path / name, n_rows=24, seed=seed)

    def content(name: str) -> dict[str, bytes]:
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        return {str(path.relative_to(tmp_path / name)): path.read_bytes() for path in files}

    assert content("a") == content("b")
    assert content("a")["train.csv"] != content("c")["train.csv"]


def test_the_truth_file_says_what_was_planted_and_is_read_back(shop: Path, truth: DemoTruth) -> None:
    stored = json.loads((shop / "truth.json").read_text(encoding="utf-8"))
    assert truth == DemoTruth(seed=3, n_rows=N_ROWS, rows=truth.rows)
    assert {effect["feature"]: effect["direction"] for effect in stored["effects"]} == {
        "photo__brightness": "raises",
        None: "differs",
        "title__words": "lowers",
        "characteristics__season": "raises",
        "price__value": "lowers",
    }
    assert {"photo__contrast", "title__emoji"} <= {placebo["feature"] for placebo in stored["placebos"]}
    assert stored["confounders"][0]["factors"] == ["price_log2", "photo_brightness"]
    for thing in (*stored["effects"], *stored["placebos"], *stored["proxies"], *stored["confounders"]):
        assert set(thing["description"]) == {"en", "ru"}
    assert len(truth.rows) == N_ROWS and truth.rows["p"].between(0, 1, inclusive="neither").all()


def test_a_damaged_truth_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "truth.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ArtifactError, match=r"cannot be read .*make_demo_data wrote\. Make the demo data again"):
        DemoTruth.load(tmp_path)


# The dirt


def test_some_photos_are_missing_absent_broken_or_blank(shop: Path, cards: pd.DataFrame, truth: DemoTruth) -> None:
    found = {}
    for card_id, name in cards["photo"].items():
        path = shop / "images" / str(name)
        if not isinstance(name, str):
            found[card_id] = "none"
        elif not path.exists():
            found[card_id] = "absent"
        else:
            try:
                found[card_id] = "blank" if luma_of(path).std() < 0.001 else "ok"
            except OSError:
                found[card_id] = "broken"
    assert found == truth.rows.set_index("card_id")["photo_state"].to_dict()
    assert set(found.values()) == {"none", "absent", "broken", "blank", "ok"}


def test_characteristics_are_literals_or_json_and_a_few_are_cut_off(cards: pd.DataFrame, truth: DemoTruth) -> None:
    seen: dict[str, list[dict[str, object]]] = {"json": [], "literal": []}
    cut = 0
    for text in cards["characteristics"].dropna():
        for name, read in (("json", json.loads), ("literal", ast.literal_eval)):
            try:
                seen[name].append(read(text))
                break
            except (ValueError, SyntaxError):
                continue
        else:
            cut += 1
    assert cut >= 1 and cards["characteristics"].isna().any()
    assert 0.15 < len(seen["json"]) / N_ROWS < 0.45
    values = [*seen["json"], *seen["literal"]]
    assert sum("season" in value for value in values) == truth.rows["season_filled"].sum()
    assert all(isinstance(value["sizes"], list) and isinstance(value["package"], dict) for value in values)
    assert any("," in str(value["weight"]) and str(value["weight"]).endswith(" kg") for value in values)


def test_texts_are_of_all_kinds(cards: pd.DataFrame, truth: DemoTruth) -> None:
    titles, descriptions = cards["title"].dropna(), cards["description"].dropna()
    assert len(titles) < N_ROWS and len(descriptions) < N_ROWS
    assert titles.str.isupper().any() and titles.str.endswith("!").any() and (~titles.map(str.isascii)).any()
    assert descriptions.str.contains("<p>").any() and descriptions.str.contains("https://").any()
    words = truth.rows.set_index("card_id")["title_words"]
    assert (titles.str.split().str.len() == words[titles.index]).all()
    assert (words.drop(titles.index) == 16).all()
    assert titles.str.count(r"\d").eq(truth.rows.set_index("card_id")["title_digits"][titles.index]).all()
    assert all(isinstance(json.loads(tags), list) for tags in cards["tags"])
    said = " ".join([*titles, *descriptions, *cards["characteristics"].dropna()]).lower()
    assert not [kind for kind in KINDS if kind in said.split()]  # the kind is visible in the photo only


# The planted effects


def fitted(rows: pd.DataFrame, cards: pd.DataFrame, causes: pd.DataFrame) -> tuple[pd.Series[float], pd.Series[float]]:
    """Coefficients of a binomial logistic regression and their robust (sandwich) standard errors.

    Row noise matters most in rows of many views, so one factor of over-dispersion would not do.
    """
    X = np.column_stack([np.ones(len(causes)), causes - causes.mean()])
    clicks, views = cards["clicks"].to_numpy(float), cards["views"].to_numpy(float)
    beta = np.zeros(X.shape[1])
    for _ in range(20):
        p = 1 / (1 + np.exp(-X @ beta))
        information = X.T @ (X * (views * p * (1 - p))[:, None])
        beta = beta + np.linalg.solve(information, X.T @ (clicks - views * p))
    p = 1 / (1 + np.exp(-X @ beta))
    scores, inverse = X * (clicks - views * p)[:, None], np.linalg.inv(information)
    errors = np.sqrt(np.diag(inverse @ (scores.T @ scores) @ inverse))
    return pd.Series(beta[1:], causes.columns), pd.Series(errors[1:], causes.columns)


def test_the_effects_are_found_with_their_sizes_and_the_placebos_are_zero() -> None:
    cards, rows = draw_cards(2000, seed=0)
    whole = rows["photo_state"].eq("ok") & cards["title"].ne("")
    cards, rows = cards[whole], rows[whole]
    causes = pd.DataFrame({"photo_kind": rows["photo_kind"].map(EFFECTS[1].levels) / EFFECTS[1].size})
    for effect in EFFECTS:
        if not effect.levels:
            causes[effect.factor] = rows[effect.factor] / effect.step
    for placebo in PLACEBOS:
        if pd.api.types.is_numeric_dtype(rows[placebo.factor]):
            causes[placebo.factor] = rows[placebo.factor] / rows[placebo.factor].std()
        elif placebo.factor in ("shop", "photo_surface", "photo_format", "material"):
            causes[placebo.factor] = rows[placebo.factor].eq(rows[placebo.factor].mode()[0]).astype(float)
    size, error = fitted(rows, cards, causes)
    for effect in EFFECTS:
        assert abs(size[effect.factor] - effect.size) < 3 * error[effect.factor], effect.factor
        assert abs(size[effect.factor]) > 6 * error[effect.factor], effect.factor
    planted = [effect.factor for effect in EFFECTS]
    assert len(causes.columns) > 20
    found = (size / error).drop(planted)
    assert found.abs().max() < 3, found


def test_the_log_odds_add_up_and_vary_enough_to_be_found() -> None:
    _, rows = draw_cards(2000, seed=1)
    parts = rows[[f"log_odds__{effect.factor}" for effect in EFFECTS]]
    known = np.log(rows["p_best"] / (1 - rows["p_best"]))
    drawn = np.log(rows["p"] / (1 - rows["p"]))
    assert np.allclose(parts.sum(axis=1) + np.log(0.1 / 0.9), known)
    assert 0.6 < drawn.std() < 0.8 and 0.12 < (drawn - known).std() < 0.18
    assert abs(rows["price_log2"].corr(rows["photo_brightness"]) - 0.2) < 0.07


def test_photo_factors_are_independent_of_each_other() -> None:
    _, rows = draw_cards(2000, seed=0)
    correlations = rows.filter(regex="^photo_").select_dtypes("number").corr().to_numpy()
    assert correlations.shape == (7, 7) and np.abs(correlations - np.eye(7)).max() < 0.08


# The photos


def test_photos_are_as_bright_and_as_contrasty_as_drawn(shop: Path, truth: DemoTruth) -> None:
    rows = truth.rows[truth.rows["photo_state"] == "ok"]
    luma = [luma_of(shop / "images" / f"{card_id}.jpg") for card_id in rows["card_id"]]
    mean, spread = pd.Series([y.mean() for y in luma]), pd.Series([y.std() for y in luma])
    brightness, contrast = (
        rows["photo_brightness"].reset_index(drop=True),
        rows["photo_contrast"].reset_index(drop=True),
    )
    assert mean.corr(brightness) > 0.98 and (mean - brightness).abs().max() < 0.03
    assert spread.corr(contrast) > 0.8
    assert mean.max() - mean.min() > 0.4
    assert all(max(y.shape) == 160 for y in luma)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_a_shape_of_its_own(kind: str) -> None:
    def drawn(kind: str) -> NDArray[np.float64]:
        look = PhotoLook(kind, "navy", brightness=0.6, contrast=0.15, saturation=0.8)
        pixels = np.asarray(draw_photo(look, np.random.default_rng(0)), dtype=np.float64)
        return np.asarray(pixels @ LUMA)

    assert np.array_equal(drawn(kind), drawn(kind))
    for other in set(KINDS) - {kind}:
        assert np.abs(drawn(kind) - drawn(other)).mean() > 8


# Refusals


def a_full_folder(path: Path) -> Path:
    (path / "notes.txt").write_text("mine", encoding="utf-8")
    return path


def a_file(path: Path) -> Path:
    (path / "shop").write_text("mine", encoding="utf-8")
    return path / "shop"


@pytest.mark.parametrize(
    ("place", "n_rows", "seed", "message"),
    [
        (lambda path: path / "new", 19, 0, r"n_rows is 19, but at least 20 .* Raise it\."),
        (lambda path: path / "new", 20, -1, r"seed is -1, but 0 or more is expected"),
        (a_full_folder, 20, 0, r"already holds \['notes.txt'\], but a new or empty one .* Name another folder"),
        (a_file, 20, 0, r"is a file, but a new or empty folder is expected"),
    ],
)
def test_unusable_arguments_are_refused_before_anything_is_written(
    tmp_path: Path, place: Callable[[Path], Path], n_rows: int, seed: int, message: str
) -> None:
    folder = place(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=message):
        make_demo_data(folder, n_rows=n_rows, seed=seed)
    assert sorted(tmp_path.rglob("*")) == before


def test_the_smallest_shop_fits_into_an_empty_folder(tmp_path: Path) -> None:
    truth = make_demo_data(tmp_path, n_rows=20)
    assert len(truth.test_probabilities) == 4 and len(list((tmp_path / "images").iterdir())) == 18


def test_a_full_disk_is_told_with_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(ArtifactError, match=r"could not be written .*No space left.* Free some space"):
        make_demo_data(tmp_path / "new", n_rows=20)


def test_importing_does_not_import_pillow() -> None:
    code = "import sys, automl.demo_data; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
