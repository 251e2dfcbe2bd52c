from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from artifacts.errors import InputError
from artifacts.tables import read_parquet, read_table, write_table


def test_every_format_gives_the_same_rows(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    folder = tmp_path / "rows"
    folder.mkdir()
    for i, row in enumerate(frame.to_dict("records")):
        (folder / f"{i}.json").write_text(json.dumps(row))
    for name in ("t.csv", "t.parquet", "t.jsonl"):
        pd.testing.assert_frame_equal(read_table(tmp_path / name), frame)
    read = read_table(folder)
    assert list(read["file_id"]) == ["0", "1"]
    pd.testing.assert_frame_equal(read[["a", "b"]], frame)


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("no.csv", None, "There is no data"),
        ("t.xlsx", "x", "unknown format '.xlsx'"),
        ("t.csv", "a,b\n", "holds no rows"),
        ("t.csv", "", "cannot be read"),
        ("t.csv", b"\xff\xfe\xff", "cannot be read"),
        ("t.parquet", "x", "cannot be read"),
        ("t.jsonl", '{"a": 1}\n[1]', "line 2 holds a list"),
        ("t.jsonl", '{"a": 1}\n{', "line 2 is not valid JSON"),
        ("t.jsonl", "[" * 100_000, "line 1 is not valid JSON"),
    ],
)
def test_unreadable_data_are_refused(tmp_path: Path, name: str, content: str | bytes | None, match: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InputError, match=match):
        read_table(tmp_path / name)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no \*.json files"):
        read_table(tmp_path)


FORMULAS = (
    "=1+1",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("https://example.org/x","y")',
    "+1+1",
    "-2+3",
    "@SUM(1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    " =1+1",
    "\uff1d1+1",
    "\uff20SUM(1)",
    "-",
    '=1,"=2"\n=3',
    "=a\r=b\r\n=c",
)


def test_csv_runs_no_formula(tmp_path: Path) -> None:
    plain = ("text", "a=b", "a\n=b", "1-2", "'quoted'", "", "-1.5", "+7", "-2e-5", "-.5", "e-mail@example.org")
    texts = [*FORMULAS, *plain]
    frame = pd.DataFrame({"text": texts, "x": -1.5, "=2+2": pd.Categorical(texts)})
    write_table(frame, tmp_path / "out.csv")
    back = pd.read_csv(tmp_path / "out.csv", dtype={"text": str, "'=2+2": str}, keep_default_na=False)
    assert list(back) == ["text", "x", "'=2+2"] and (back["x"] == -1.5).all()
    breaks = [text.replace("\r\n", "\n").replace("\r", "\n") for text in FORMULAS]
    assert list(back["text"]) == [*(f"'{text}" for text in breaks), *plain]
    assert list(back["'=2+2"]) == list(back["text"])
    write_table(frame, tmp_path / "out.parquet")
    assert list(read_parquet(tmp_path / "out.parquet")["text"]) == texts, "parquet runs nothing"
    write_table(pd.DataFrame({"a": ["\ud800"]}), tmp_path / "half.csv")
    assert (tmp_path / "half.csv").read_text() == "a\n?\n"
    with pytest.raises(InputError, match=r"ends in .parquet or .csv"):
        write_table(pd.DataFrame({"a": [1]}), tmp_path / "out.xls")


def test_parquet_comes_back_with_its_index_and_types(tmp_path: Path) -> None:
    columns = {"time": pd.to_datetime(["2020-01-01", None]), "of_list": [["a", "b"], None], "kind": ["x", "y"]}
    frame = pd.DataFrame(columns, index=["one", "two"]).astype({"kind": "category"})
    folder = tmp_path / "year=2020"  # which is no column of the file
    folder.mkdir()
    frame.to_parquet(folder / "rows.parquet")
    back = read_parquet(folder / "rows.parquet")
    assert list(back.index) == ["one", "two"] and list(back["of_list"].iloc[0]) == ["a", "b"]
    assert back.dtypes.map(str).to_dict() == frame.dtypes.map(str).to_dict()
