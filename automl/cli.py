"""The command line. Bad input ends with exit code 2 and one clear line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from automl.commands.advise import advise
from automl.commands.cache import cache
from automl.commands.carry import export_command, import_command
from automl.commands.cluster import cluster
from automl.commands.compare import compare
from automl.commands.explain import explain
from automl.commands.leaderboard import leaderboard, print_board
from automl.commands.printing import one_line, show, show_json, show_lines
from automl.commands.probe import probe
from automl.commands.report import report
from automl.commands.reproduce import reproduce
from automl.commands.verify import verify

app = typer.Typer(
    name="tabular-fusion",
    help="From a table of photos, texts and characteristics to a model, an honest leaderboard and advice.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Out = Annotated[Path, typer.Option("--out", help="File to write.")]
RunFolder = Annotated[Path, typer.Argument(help="Folder of a finished run.", metavar="RUN")]


@app.command()
def init(
    data: Annotated[Path, typer.Argument(help="A csv, parquet or jsonl file, or a folder of JSON files.")],
    target: Annotated[str | None, typer.Option(help="Column to predict.")] = None,
    out: Annotated[Path, typer.Option(help="Where to write the draft.")] = Path("task.toml"),
) -> None:
    """Write a draft task.toml with guesses about the columns, and warnings."""
    from artifacts.errors import InputError
    from artifacts.store import write_file
    from artifacts.tables import read_table
    from featurizers.column_inference import draft_task

    if out.exists():
        raise InputError(f"{str(out)!r} is there already. Name another file with --out, or remove it.")
    draft = draft_task(read_table(data), data=data, target=target, out=out)
    write_file(out, draft)
    show_lines(draft)
    show(f"Written to {out}. Check it, then run: tabular-fusion fit {out}", err=True)


@app.command()
def fit(
    task: Annotated[Path, typer.Argument(help="The task.toml.")],
    data: Annotated[Path | None, typer.Option(help="Folder that the task's paths start from.")] = None,
    preset: Annotated[str, typer.Option(help="fast, balanced, best, lightautoml, autogluon or contest.")] = "balanced",
    budget: Annotated[float | None, typer.Option(help="Seconds for the whole fit.")] = None,
    run: Annotated[Path | None, typer.Option(help="Folder to leave everything in.")] = None,
    seed: Annotated[int, typer.Option(help="Of splits, models and search.")] = 0,
    as_json: Json = False,
) -> None:
    """Fit a task: a model, a leaderboard and all that is needed to go on."""
    from artifacts.progress import Bars
    from artifacts.task import Task
    from automl.contest import contest_in_words
    from automl.fitting import fit as fit_task
    from automl.resuming import stopped_in_words

    done = fit_task(
        Task.from_toml(task, data=data), preset=preset, budget_seconds=budget, run=run, seed=seed, progress=Bars()
    )
    board = done.leaderboard()
    if as_json:
        show_json({"run": str(done.path), "seconds": done.manifest["seconds"], "leaderboard": _records(board)})
        return
    print_board(board)
    for line in contest_in_words(done.manifest["contest"]) if "contest" in done.manifest else ():
        show(line)
    _print_findings(done)
    for name, part in done.manifest.get("labels", {}).items():
        f1 = "not defined" if part["f1_micro"] is None else f"{part['f1_micro']:.4f}"
        show(f"{name} labels ({part['n_labels']}): micro F1 {f1}")
    for name, encoder in done.manifest["encoders"].items():
        show(f"{name} encoder: {encoder['name'] if encoder else 'none'}")
    predictions = done.path / "scores" / "predictions.parquet"
    if predictions.exists():
        show(f"Predictions of the test file: {predictions}")
    show(f"Run: {done.path} ({done.manifest['spent_seconds']:.0f} s)")
    for line in stopped_in_words(done.path):
        show(line)


@app.command()
def predict(  # noqa: PLR0913 - each is an option of the command
    run: RunFolder,
    data: Annotated[Path, typer.Argument(help="Rows to predict: csv, parquet, jsonl, or a folder of JSON files.")],
    out: Out,
    proba: Annotated[bool, typer.Option("--proba", help="Add one column per class.")] = False,
    interval: Annotated[
        float | None, typer.Option(help="Add bounds that hold this share of outcomes, such as 0.9.")
    ] = None,
    quantile: Annotated[
        list[float] | None, typer.Option(help="Add a value that this share of outcomes lies below; may be repeated.")
    ] = None,
    images: Annotated[Path | None, typer.Option(help="Folder of the photos, if it is not the task's.")] = None,
    trust: Annotated[bool, typer.Option("--trust", help="Allow runs whose files execute code when read.")] = False,
    as_json: Json = False,
) -> None:
    """Predict rows with a fitted run; writes parquet, or csv by the ending of --out."""
    from artifacts.progress import Bars
    from artifacts.tables import read_table, write_table
    from automl.predictor import Predictor

    frame = read_table(data)
    predictor = Predictor.load(run, trust=trust, progress=Bars())
    if images is not None:
        predictor = predictor.with_images(images)
    predictions = predictor.predict(frame, proba=proba, interval=interval, quantiles=quantile or ())
    write_table(predictions, out)
    if as_json:
        show_json({"out": str(out), "rows": len(predictions), "findings": _finding_lines(predictor.audit.findings)})
        return
    for line in _finding_lines(predictor.audit.findings):
        show(line)
    show(f"{len(predictions)} predictions: {out}")


@app.command()
def audit(
    source: Annotated[Path, typer.Argument(help="A table, or a task.toml.", metavar="DATA|TASK")],
    data: Annotated[Path | None, typer.Option(help="Folder that the task's paths start from.")] = None,
    images: Annotated[Path | None, typer.Option(help="Folder of the photos of a table.")] = None,
    out: Annotated[Path | None, typer.Option(help="Also write it as html, or as json by the ending.")] = None,
    pairs: Annotated[
        bool, typer.Option("--pairs", help="Of a task: also find photos that do not show what the text says.")
    ] = False,
    lang: Annotated[str, typer.Option(help="en or ru.")] = "en",
    as_json: Json = False,
) -> None:
    """Say what is wrong in the data: how bad it is, in which rows, and what to do."""
    from artifacts.errors import InputError
    from artifacts.progress import Bars
    from artifacts.store import write_file
    from artifacts.task import Task
    from automl.audit import audit_data, audit_task
    from evaluation.audit_lines import audit_lines
    from evaluation.audit_page import render_audit
    from evaluation.wording import Wording

    Wording(lang)  # an unknown language ends the command before the work
    if source.suffix.lower() == ".toml":
        found = audit_task(Task.from_toml(source, data=data), pairs=pairs, progress=Bars())
    elif pairs:
        raise InputError("--pairs needs a task.toml, which names the encoders. Make one with `tabular-fusion init`.")
    else:
        found = audit_data(source, images=images, progress=Bars())
    if out is not None:
        page = _json_text(found.to_json()) if out.suffix.lower() == ".json" else render_audit(found, lang)
        write_file(out, page)
    if as_json:
        show_json(found.to_json())
        return
    for line in audit_lines(found, lang):
        show(line)
    if out is not None:
        show()
        show(out)


@app.command("demo-data")
def demo_data(
    folder: Annotated[Path, typer.Argument(metavar="DIR")],
    rows: Annotated[int, typer.Option(help="How many cards.")] = 600,
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Make a small shop of product cards whose effects are known, because they were planted."""
    from automl.demo_data import make_demo_data

    truth = make_demo_data(folder, n_rows=rows, seed=seed)
    for effect in truth.effects:
        show(f"planted: {effect.description.en}")
    show(f"Task: {folder / 'task.toml'}")


@app.command()
def doctor(
    as_json: Json = False,
    packages: Annotated[bool, typer.Option("--licences", help="Licences of packages, as Markdown.")] = False,
) -> None:
    """Say what this machine has: versions, encoders and their licences, processor, cache and disk."""
    from automl.doctor import diagnose
    from automl.licences import page

    if packages:
        show_lines(page())
        return
    facts = diagnose()
    if as_json:
        show_json(facts)
        return
    for group, values in facts.items():
        show(f"{group}:")
        for name, value in values.items():
            show(f"  {name}: {value}")


for command in (report, leaderboard, compare, explain, advise, cluster, probe, verify, reproduce, cache):
    app.command()(command)
app.command("export")(export_command)
app.command("import")(import_command)


def _records(frame: Any) -> list[dict[str, Any]]:
    return list(json.loads(frame.to_json(orient="records")))


def _json_text(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, indent=1, default=str)


def _finding_lines(findings: list[Any]) -> list[str]:
    return [f"{finding.severity.value}: {one_line(finding.in_language('en'))}" for finding in findings]


def _print_findings(run: Any) -> None:
    for line in _finding_lines(run.findings):
        show(line)


def main() -> NoReturn:
    """Entry point of ``tabular-fusion``."""
    from artifacts.errors import FusionError
    from automl.shortages import check_limits, told_shortages

    try:
        with told_shortages("The command"):
            check_limits()
            app(standalone_mode=True)
    except FusionError as error:
        show(f"tabular-fusion: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        show("tabular-fusion: stopped. The same command goes on from the last finished step.", err=True)
        sys.exit(130)
    sys.exit(0)
