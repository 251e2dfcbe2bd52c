"""The public commands, run as a user would."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from artifacts.tables import read_parquet
from evaluation.texts import TEXTS

ROOT = Path(__file__).parents[2]


def command(*arguments: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    code = "from automl.cli import main; main()"
    environment = {**__import__("os").environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    line = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, cwd=cwd, env=environment)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made shop, and a run fitted on it without encoders."""
    folder = tmp_path_factory.mktemp("cli")
    made = command("demo-data", folder / "shop", "--rows", 120)
    assert made.returncode == 0, made.stderr
    task = folder / "shop" / "task.toml"
    text = task.read_text(encoding="utf-8").split("[encoders]")[0]
    task.write_text(text + '\n[encoders]\ntext = "none"\nimage = "none"\n', encoding="utf-8")
    fitted = command("fit", task, "--preset", "fast", "--budget", 12, "--run", folder / "run", "--json")
    assert fitted.returncode == 0, fitted.stderr
    printed = json.loads(fitted.stdout)
    assert printed["leaderboard"] and printed["run"] == str(folder / "run")
    return folder


def test_leaderboard_has_the_public_columns(shop: Path) -> None:
    done = command("leaderboard", shop / "run", "--json")
    rows = json.loads(done.stdout)
    assert list(rows[0]) == [
        "run", "back_end", "model", "view", "split", "metric", "score", "low", "high", "fit_seconds",
        "predict_ms_per_row", "error",
    ]  # fmt: skip
    assert {"folds", "test"} == {row["split"] for row in rows}
    assert "constant" in command("leaderboard", shop / "run").stdout
    classes = command("leaderboard", shop / "run", "--classes")
    assert classes.returncode == 2 and "for classes, but the task is 'conversion'" in classes.stderr


def test_predict_writes_parquet_and_csv(shop: Path) -> None:
    out = shop / "predictions.parquet"
    done = command("predict", shop / "run", shop / "shop" / "test.csv", "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == len(read_parquet(out)) == 24
    assert "card_id" in read_parquet(out)
    done = command("predict", shop / "run", shop / "shop" / "test.csv", "--out", shop / "p.csv")
    assert done.returncode == 0 and (shop / "p.csv").exists()
    done = command("predict", shop / "run", shop / "shop" / "test.csv", "--out", out, "--interval", "0.8")
    assert done.returncode == 0 and {"prediction_low", "prediction_high"} <= set(read_parquet(out))
    levels = ["--quantile", "0.1", "--quantile", "0.5"]
    done = command("predict", shop / "run", shop / "shop" / "test.csv", "--out", out, *levels)
    found = read_parquet(out)
    assert done.returncode == 0 and (found["prediction_q10"] < found["prediction_q50"]).all()
    done = command("predict", shop / "run", shop / "shop" / "test.csv", "--out", out, "--interval", "80")
    assert done.returncode == 2 and "between 0 and 1" in done.stderr


def test_report_is_written_in_both_languages(shop: Path) -> None:
    for language, word in (("en", "Leaderboard"), ("ru", "Таблица моделей")):
        out, card = shop / f"report_{language}.html", shop / f"card_{language}.md"
        done = command("report", shop / "run", "--out", out, "--card", card, "--json", "--lang", language)
        assert done.returncode == 0, done.stderr
        (part,) = json.loads(done.stdout, parse_constant=pytest.fail)["parts"]
        assert part["kind"] == "conversion" and part["headline"]["model"] in {one["model"] for one in part["models"]}
        assert part["residuals"]["dispersion"] > 0 and part["gain"]["measure"] == "found"
        assert card.read_text(encoding="utf-8").startswith(f"# {TEXTS['card'][language]}: `")
        text = out.read_text(encoding="utf-8")
        assert word.lower() in text.lower() and out.stat().st_size < 5_000_000
    assert command("report", shop / "run", "--out", shop / "x.html", "--lang", "xx").returncode == 2
    nothing = command("report", shop / "run")
    assert nothing.returncode == 2 and "Name a page with --out" in nothing.stderr


def test_the_explanation_of_a_report_is_data_too(shop: Path) -> None:
    out = shop / "explanation.json"
    done = command("report", shop / "run", "--out", out, "--classes")
    assert done.returncode == 0 and "there are no classes" in done.stdout, done.stderr
    (told,) = json.loads(out.read_text(encoding="utf-8"))["parts"]
    assert told["stability"]["n_models"] == [2, 1] and told["class_profiles"] is None
    assert {"view", "source", "feature"} == {row["level"] for row in told["importance"]}
    done = command("report", shop / "run", "--out", out, "--segments", "nothing")
    assert done.returncode == 2 and "cut into segments by 'nothing'" in done.stderr


def test_explain_writes_the_page_of_one_row(shop: Path) -> None:
    data, out = shop / "shop" / "test.csv", shop / "row.html"
    card = str(pd.read_csv(data)["card_id"].iloc[0])
    done = command("explain", shop / "run", data, "--row", card, "--out", out, "--json", "--lang", "ru")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["row"] == card and found["base"] + sum(one["delta"] for one in found["sources"]) == pytest.approx(
        found["score"], abs=1e-4
    )
    assert {one["column"] for one in found["texts"]} == {"title", "description"} and len(found["photos"]) == 1
    page = out.read_text(encoding="utf-8")
    assert "Из чего оно складывается" in page and card in page and "<script" not in page
    done = command("explain", shop / "run", data, "--row", card + "x")
    assert done.returncode == 2 and "Near:" in done.stderr and card in done.stderr


def test_compare_takes_the_same_holdout_only(shop: Path) -> None:
    task = shop / "shop" / "task.toml"
    done = command("fit", task, "--preset", "fast", "--budget", 8, "--run", shop / "other", "--seed", 1)
    assert done.returncode == 0, done.stderr
    done = command("compare", shop / "run", shop / "other", "--json")
    assert done.returncode == 0, done.stderr
    (task,) = json.loads(done.stdout)["tasks"]
    assert {"difference", "low", "high"} <= set(task["pairs"][0])
    assert [run["rank"] for run in task["runs"]] == [1, 2]
    assert {"seed", "budget"} <= {row["setting"] for row in task["differing"]}
    page = shop / "compare.html"
    done = command("compare", shop / "run", shop / "other", "--out", page, "--lang", "ru")
    assert done.returncode == 0 and "better:" in done.stdout, done.stderr
    assert "Сравнение запусков" in page.read_text(encoding="utf-8")


def test_compare_ranks_presets_over_tasks(shop: Path) -> None:
    def copied(name: str, task: str, preset: str, rows: str) -> Path:
        """The run as if it were of another task: what is tested is how runs are told apart, not their scores."""
        folder = shop / "copies" / name
        shutil.copytree(shop / "run", folder)
        told = {"run.json": {"preset": preset, "scored_rows": rows}, "task/task.json": {"name": task}}
        for file, changes in told.items():
            data = json.loads((folder / file).read_text(encoding="utf-8"))
            (folder / file).write_text(json.dumps(data | changes), encoding="utf-8")
        return folder

    runs = [copied(f"{task}_{preset}", task, preset, task) for task in "abc" for preset in ("fast", "best")]
    done = command("compare", *runs, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [task["task"] for task in found["tasks"]] == ["a", "b", "c"]
    assert {row["mean_rank"] for row in found["across"]["presets"]} == {1.5} and found["across"]["p_value"] == 1
    assert found["across"]["not_told_apart"] == [["best", "fast"]]
    done = command("compare", runs[0], runs[2])
    assert done.returncode == 2 and "No two of these runs are of one task" in done.stderr
    other = copied("other_rows", "a", "best", "elsewhere")
    done = command("compare", runs[0], other)
    assert done.returncode == 2 and "other fingerprints of the rows" in done.stderr


def test_cluster_says_what_alike_rows_have_in_common(shop: Path) -> None:
    page = shop / "clusters.html"
    arguments = ("--clusters", 3, "--labels", "shop", "--out", page, "--lang", "ru")
    done = command("cluster", shop / "run", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [c["cluster"] for c in found["clusters"]] == [0, 1, 2] and found["noise"] == 0
    assert sum(c["rows"] for c in found["clusters"]) == found["rows"]["used"] == len(found["row_clusters"])
    assert len(found["agreement"]) == 7 and 0 < found["one_blob"]["p_value"] <= 1
    text = page.read_text(encoding="utf-8")
    assert "data:image/jpeg" in text and "Каждый кластер" in text and "<script" not in text
    for wrong, message in (
        (("--block", "nothing"), "The run has no block 'nothing'"),
        (("--labels", "nothing"), "The data has no column 'nothing'"),
        (("--clusters", "many"), "takes a number or 'auto'"),
    ):
        done = command("cluster", shop / "run", *wrong)
        assert done.returncode == 2 and message in done.stderr


def test_init_writes_a_draft_that_can_be_read(shop: Path) -> None:
    from artifacts import Task

    out = shop / "draft.toml"
    done = command("init", shop / "shop" / "train.csv", "--target", "price", "--out", out)
    assert done.returncode == 0, done.stderr
    assert Task.from_toml(out).target.column == "price"
    done = command("init", shop / "shop" / "train.csv", "--out", out)
    assert done.returncode == 2 and "is there already" in done.stderr


def test_every_file_of_a_run_is_on_the_page_of_the_format(shop: Path) -> None:
    page = (ROOT / "docs" / "run_folder.md").read_text(encoding="utf-8")
    files = {path.relative_to(shop / "run").as_posix() for path in (shop / "run").rglob("*") if path.is_file()}
    assert {"run.json", "search/study.journal", "split/folds.parquet"} <= files
    for file in files:
        steps = {"model": "search", "test": "train"}
        parts = [steps.get(part, part) for part in file.split("/")]
        plain = re.sub(r"(block|featurizer)_\d{3}", r"\1_NNN", "/".join(parts))
        plain = re.sub(r"^search/[^/]+/(model_\d+/)?", lambda m: "search/KEY/" + ("model_N/" if m[1] else ""), plain)
        known = f"`{plain}`" in page or (f"`{plain.split('/')[-1]}`" in page and "model_N" in plain)
        known = known or f"`.../{plain.split('/')[-1]}`" in page or plain.startswith("advice/placebos/")
        assert known, f"{file} is not on the page"


def test_a_run_goes_to_another_folder_as_one_file(shop: Path) -> None:
    done = command("export", shop / "run", shop / "run.zip", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["encoders"] == {"text": None, "image": None}
    done = command("import", shop / "run.zip", shop / "elsewhere" / "run")
    assert done.returncode == 0 and "elsewhere" in done.stdout, done.stderr
    assert command("verify", shop / "elsewhere" / "run").returncode == 0
    rows = shop / "shop" / "test.csv"
    for run, out in (("run", "here.parquet"), ("elsewhere/run", "there.parquet")):
        assert command("predict", shop / run, rows, "--out", shop / out).returncode == 0
    pd.testing.assert_frame_equal(read_parquet(shop / "here.parquet"), read_parquet(shop / "there.parquet"))
    done = command("import", shop / "run.zip", shop / "elsewhere" / "run")
    assert done.returncode == 2 and "is there already and not empty" in done.stderr


def test_doctor_says_what_there_is() -> None:
    facts = json.loads(command("doctor", "--json").stdout)
    assert {"versions", "encoders", "processor", "gpu", "cache", "disk"} <= set(facts)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "no.toml"], "There is no task file"),
        (["predict", "no-run", "x.csv", "--out", "y.parquet"], "There is no data"),
        (["leaderboard", "no-run"], "is not the folder of a finished run"),
        (["report", "no-run", "--out", "r.html"], "is not the folder of a finished run"),
        (["demo-data", "shop", "--rows", "2"], "n_rows"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_2(arguments: list[str], message: str, tmp_path: Path) -> None:
    done = command(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr and "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_command_line_and_the_package_import_no_heavy_library() -> None:
    code = (
        "import sys, automl, automl.cli, artifacts;"
        "heavy = {'torch', 'sklearn', 'pandas', 'numpy', 'catboost', 'scipy', 'pydantic'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    assert time.perf_counter() - started < 10  # a guard against hangs; the figure stands in benchmarks/


def test_advice_about_a_row_and_about_all(shop: Path) -> None:
    test = shop / "shop" / "test.csv"
    wanted = pd.read_csv(test)["card_id"][0]
    page = shop / "advice.html"
    done = command("advise", shop / "run", test, "--row", wanted, "--out", page, "--lang", "ru", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["subject"] == wanted and told["n_placebos"] >= 9 and sum(told["withheld"].values()) > 0
    assert "Что изменить" in page.read_text(encoding="utf-8")
    done = command("advise", shop / "run", test)
    assert done.returncode == 0 and done.stdout.startswith("Mean prediction of 24 rows")
    done = command("advise", shop / "run", test, "--row", wanted[:-1])
    assert done.returncode == 2 and "There is no row" in done.stderr
