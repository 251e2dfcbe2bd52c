"""Click rates from photos, whole: views, report with groups of embedding dimensions, heatmaps of rows, advice, seconds.

python examples/fashion_ctr/whole.py --data DIR --out DIR [--rows N] [--budget SECONDS] [--shown N] [--image ENCODER]

Writes ``run/``, ``views.csv``, ``report.html``, a page ``row_ID.html`` and ``advice_ID.html`` of the first ``shown``
test rows with a high click rate, and ``seconds.csv``: what each step took, rows after loading.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from artifacts import Task
from artifacts.progress import Bars
from artifacts.store import write_file
from artifacts.tables import read_table
from automl import Predictor, fit
from automl.advising import Advisor
from automl.reporting import report_html
from automl.row_explaining import explain_row
from automl.run import Run
from evaluation.advice_page import render_advice
from evaluation.row_page import render_row

HERE = Path(__file__).parent


class Clock:
    """Seconds of steps, in their order."""

    def __init__(self) -> None:
        self.rows: list[dict[str, object]] = []

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Count a step."""
        started = time.perf_counter()
        yield
        self.rows.append({"step": name, "seconds": round(time.perf_counter() - started, 2)})


def main() -> None:
    """Fit, report, explain and advise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", type=int, help="training rows, the first; all if left out")
    parser.add_argument("--budget", type=float, default=300.0)
    parser.add_argument("--shown", type=int, default=3, help="test rows that are explained and advised about")
    parser.add_argument("--image", help="another image encoder than the task's, or none")
    arguments = parser.parse_args()
    task = Task.from_toml(HERE / "task.toml", data=arguments.data)
    if arguments.image:
        task = task.model_copy(update={"encoders": task.encoders.model_copy(update={"image": arguments.image})})
    train, test = (read_table(arguments.data / str(name)) for name in (task.data.train, task.data.test))
    train = train.head(arguments.rows) if arguments.rows else train
    out, clock = arguments.out, Clock()
    with clock.step("fit"):
        run = fit(task, budget_seconds=arguments.budget, train=train, test=test, run=out / "run", progress=Bars())
    views = run.view_leaderboard()
    print(views.to_string(index=False, float_format="{:.4f}".format, na_rep=""))
    write_file(out / "views.csv", views.to_csv(index=False))
    with clock.step("report"):
        write_file(out / "report.html", report_html(run.path))
    explain_and_advise(run.path, test[test[task.target.column] == 1].head(arguments.shown), train, out, clock)
    seconds = pd.DataFrame(clock.rows)
    print(seconds.to_string(index=False))
    write_file(out / "seconds.csv", seconds.to_csv(index=False))


def explain_and_advise(run: Path, rows: pd.DataFrame, train: pd.DataFrame, out: Path, clock: Clock) -> None:
    """A page with the heatmaps and a page of advice for each row."""
    opened = Run(run)
    with clock.step("load"):
        predictor = Predictor.load(run)
        name = str(predictor.task.columns.id)
    for i in range(len(rows)):
        row, called = rows.iloc[[i]], str(rows[name].iloc[i])
        with clock.step(f"explain {called}"):
            found = explain_row(predictor, row, name=called)
        write_file(out / f"row_{called}.html", render_row(found))
    with clock.step("advice, the first time"):
        advisor = Advisor.of(opened, train=train)
        advisor.row(rows.iloc[0], str(rows[name].iloc[0]))
    titles = {column.name: column.title.en for column in opened.schema.columns}
    for i in range(len(rows)):
        called = str(rows[name].iloc[i])
        with clock.step(f"advise {called}"):
            report = advisor.row(rows.iloc[i], called)
        pictures = advisor.pictures(rows.iloc[i], report)
        write_file(out / f"advice_{called}.html", render_advice(report, "en", titles=titles, pictures=pictures))


if __name__ == "__main__":
    main()
