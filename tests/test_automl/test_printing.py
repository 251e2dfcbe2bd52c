"""What is printed: texts of the data come out as text, in one place that all commands go through."""

from __future__ import annotations

import ast
import io
import json
from pathlib import Path

import pytest

from artifacts.progress import Bars
from automl.cli import main
from automl.commands.printing import one_line, printable_json, show, show_json, show_lines

ROOT = Path(__file__).parents[2]
HOSTILE = (
    "[bold red]x[/bold red]",
    "[link=https://example.org]y[/link]",
    "[/]",
    ":smile:",
    "\x1b[31mred",
    "\x1b]8;;https://example.org\x07link",
    "\x9b2J",
    "a\rb",
    "a\nb",
    "a\x85b\u2028c",
    "\u202egnp.exe",
    "\x00\x07\x08",
    "half \ud800 of a pair",
)
OWN_STYLE = "\x1b["  # of the bars themselves


@pytest.mark.parametrize("text", HOSTILE)
def test_a_line_is_one_printable_line(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    show(text)
    show(text, err=True)
    show_lines(f"{text}|\nsecond")
    said = capsys.readouterr()
    assert said.out.count("\n") == 3 + text.count("\n") and said.err.count("\n") == 1
    assert all(line.isprintable() for line in (said.out + said.err).split("\n"))
    if text.isprintable():
        assert said.err == f"{text}\n", "what does nothing is shown as it is"


@pytest.mark.parametrize("text", HOSTILE)
def test_json_is_printable_and_the_same(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    data = {text: [text, 1.5, None], "plain": "платье 🔥"}
    show_json(data)
    said = capsys.readouterr().out
    assert json.loads(said) == data and "платье 🔥" in said
    assert all(line.isprintable() for line in said.split("\n"))
    assert json.loads(printable_json(json.dumps("👩\u200d👧\U000e0041", ensure_ascii=False))) == "👩\u200d👧\U000e0041"


@pytest.mark.parametrize("text", HOSTILE)
def test_bars_show_names_as_they_are(text: str) -> None:
    from rich.console import Console

    bars, file = Bars(), io.StringIO()
    bars._console = Console(file=file, force_terminal=True, width=200, color_system=None)
    with bars.task(f"{text}: cleaning", 2.0) as advance:
        advance(1.0)
        bars._bars.refresh()
    bars.say(f"{text}: done")
    assert file.getvalue().endswith(f"{one_line(text)}: done\n")
    assert f"{one_line(text)}: cleaning" in file.getvalue()
    assert "31m" not in file.getvalue().replace(one_line(text), "")


def test_an_error_that_tells_hostile_names_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t.jsonl").write_text('{"\\u001b[31m\\u202e\\n[/]": 1}\n', encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["tabular-fusion", "init", str(tmp_path / "t.jsonl"), "--target", "\x1b]0;x\x07"])
    with pytest.raises(SystemExit, match="2"):
        main()
    said = capsys.readouterr()
    assert not said.out and said.err.count("\n") == 1 and said.err.strip().isprintable() and "lacks" in said.err


def calls(path: Path) -> set[str]:
    """What a file calls, as it is written."""
    return {ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)}


def test_every_text_goes_through_the_doors() -> None:
    printing, csv = [], []
    for room in ("artifacts", "automl", "evaluation", "featurizers"):
        for path in sorted((ROOT / room).rglob("*.py")):
            place = path.relative_to(ROOT).as_posix()
            called = calls(path)
            printing += [place for call in called if call in ("typer.echo", "print") or call.endswith("console.print")]
            csv += [place for call in called if call.endswith(".to_csv")]
    assert printing == ["artifacts/progress.py", "automl/commands/leaderboard.py", "automl/commands/printing.py"]
    assert csv == ["artifacts/tables.py", "automl/demo_data.py"]
