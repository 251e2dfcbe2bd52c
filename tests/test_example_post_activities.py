"""The example of several activities in small: on real posts where these are there, else on made ones."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from artifacts import Task
from artifacts.run_result import ACTIVITY
from artifacts.target import WEIGHTED_SUM
from automl import Predictor, fit
from automl.reporting import report_html

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data" / "movie_posts"


def made_posts(n: int, seed: int) -> pd.DataFrame:
    """Posts in the form of the example's data: comedies are liked, dark posters are hidden."""
    rng = np.random.default_rng(seed)
    dark, comedy, views = rng.random(n) < 0.5, rng.random(n) < 0.5, rng.integers(20, 300, size=n)
    like = rng.binomial(views, np.where(comedy, 0.7, 0.4))
    return pd.DataFrame(
        {
            "post_id": np.arange(n),
            "text": np.where(comedy, "A funny wedding", "A long war"),
            "photo": [_poster(20 if is_dark else 220, rng) for is_dark in dark],
            "view": views,
            "like": like,
            "hide": rng.binomial(views - like, np.where(dark, 0.4, 0.1)),
            "genres": [json.dumps(["Comedy"] if is_comedy else ["Drama", "War"]) for is_comedy in comedy],
            "year": rng.integers(1960, 2018, size=n),
        }
    )


def _poster(light: int, rng: np.random.Generator) -> str:
    pixels = np.clip(light + rng.integers(-20, 20, size=(32, 24, 3)), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return base64.b64encode(buffer.getvalue()).decode()


def posts(made: bool) -> tuple[Task, pd.DataFrame, pd.DataFrame]:
    task = Task.from_toml(ROOT / "examples" / "post_activities" / "task.toml", data=DATA)
    if not made:
        return task, pd.read_csv(DATA / "train.csv").head(500), pd.read_csv(DATA / "test.csv").head(200)
    without_weights = task.encoders.model_copy(update={"image": "none"})
    return task.model_copy(update={"encoders": without_weights}), made_posts(500, 0), made_posts(200, 1)


@pytest.mark.examples
@pytest.mark.parametrize(
    "made", [True, pytest.param(False, marks=pytest.mark.skipif(not DATA.exists(), reason="the posts are not there"))]
)
def test_in_small(made: bool, tmp_path: Path) -> None:
    task, train, test = posts(made)
    run = fit(task, preset="fast", budget_seconds=20 if made else 45, train=train, test=test, run=tmp_path / "run")
    board = run.leaderboard()
    scores = (
        board[(board["split"] == "test") & (board["error"] == "")]
        .set_index([ACTIVITY, "metric", "model", "view"])
        .sort_index()
    )
    rmse = scores["score"][WEIGHTED_SUM, "rmse"]
    assert rmse["blend", "all"] < rmse["constant", "none"]
    assert set(board[ACTIVITY]) == {"like", "hide", WEIGHTED_SUM}
    again = Predictor.load(run.path).predict(test)
    pd.testing.assert_frame_equal(again, run.predict(test))
    np.testing.assert_allclose(again["score"], 1.8 * again["score_like"] - 4 * again["score_hide"])
    page = report_html(run.path)
    assert all(f'id="{prefix}distribution"' in page for prefix in ("", "part-1-", "part-2-"))
