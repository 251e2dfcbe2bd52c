from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from artifacts import tables
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


def test_a_small_file_does_not_become_a_huge_table(tmp_path: Path) -> None:
    """Bombs: few bytes that stand for very many cells, refused before there is memory for them."""
    (tmp_path / "keys.jsonl").write_text("".join(f'{{"{i}": 1}}\n' for i in range(13_000)))
    (tmp_path / "rows.csv").write_text(",".join(map(str, range(9_000))) + "\n" + "1\n" * 30_000)
    (tmp_path / "wide.csv").write_text("a,b\n" + "1," * 100_001)
    for name, match in (
        ("keys.jsonl", "GB at least"),
        ("rows.csv", "GB at least"),
        ("wide.csv", "over 100000 columns"),
    ):
        with pytest.raises(InputError, match=match):
            read_table(tmp_path / name)


@pytest.mark.parametrize("value", [7, "a" * 1_000])
def test_parquet_that_unpacks_to_far_more_is_refused(
    tmp_path: Path, value: int | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    n = 20_000 if isinstance(value, str) else 4_000_000
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, dtype=np.int8)), pa.array([value]))
    pq.write_table(pa.table({"a": column}), tmp_path / "t.parquet", compression="zstd", store_schema=False)
    assert (tmp_path / "t.parquet").stat().st_size < 50_000
    assert len(read_table(tmp_path / "t.parquet")) == n, "of less than a gigabyte, all is read"
    monkeypatch.setattr(tables, "SMALL", 3_000_000)
    monkeypatch.setattr(tables, "MOST_TIMES", 50)
    with pytest.raises(InputError, match=rf"would become a table of {n} rows and 1 columns, .* GB at least"):
        read_table(tmp_path / "t.parquet")


def test_parquet_is_unpacked_in_pieces_as_small_as_its_longest_values_need(tmp_path: Path) -> None:
    def pieces(values: pa.Array) -> int:
        path = tmp_path / "t.parquet"
        pq.write_table(pa.table({"a": values}), path, compression="zstd")
        return tables._piece_rows(path, pq.ParquetFile(path).metadata)

    assert pieces(pa.array(["short", "texts"] * 500)) == tables.PIECE_ROWS
    assert pieces(pa.array(["a" * 1_000_000] * 40)) == tables.PIECE_BYTES // 1_000_004
    assert pieces(pa.array([["a" * 1_000] * 10_000] * 4)) == 3  # a row of which comes to ten megabytes
    assert pieces(pa.array([], pa.string())) == tables.PIECE_ROWS
    assert pieces(pa.array([b"%d" % i * 300_000 for i in range(100)])) == 1
    (tmp_path / "noise").write_bytes(b"PAR1" + b"\xff" * 40)
    with (tmp_path / "noise").open("rb") as file, pytest.raises(IndexError):
        tables._unpacked_page(file, 4)


def test_damaged_notes_on_types_are_refused(tmp_path: Path) -> None:
    pd.DataFrame({"t": [pd.Timestamp("2020-01-01")]}).to_parquet(tmp_path / "t.parquet")
    content = (tmp_path / "t.parquet").read_bytes()
    assert b"datetime64" in content
    (tmp_path / "t.parquet").write_bytes(content.replace(b"datetime64", b"datetime65"))
    with pytest.raises(InputError, match="cannot be read: TypeError"):
        read_table(tmp_path / "t.parquet")


def test_cells_without_a_name_are_told_and_not_taken_for_names_of_rows(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2,3\n")
    with pytest.raises(InputError, match="more cells than its first line has names"):
        read_table(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text("a,b\n1,2,\n3,4,\n")
    assert read_table(tmp_path / "t.csv").to_dict("list") == {"a": [1, 3], "b": [2, 4]}, "a comma too many is no cell"
    (tmp_path / "t.csv").write_text(",b\n7,2\n")
    assert read_table(tmp_path / "t.csv").to_dict("list") == {"Unnamed: 0": [7], "b": [2]}


def test_json_lines_end_at_line_feeds_alone(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(
        '{"a": "x\u2028y\x85z"}\r\n{"a": "\x0c"}\n'.replace("\x0c", "w"), encoding="utf-8"
    )
    assert list(read_table(tmp_path / "t.jsonl")["a"]) == ["x\u2028y\x85z", "w"]


def test_a_path_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too long"):
        read_table(tmp_path / ("a" * 5_000))
