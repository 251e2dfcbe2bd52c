"""Reading rows: CSV, parquet, JSON lines, or a folder with one JSON file a row."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd

from artifacts.errors import InputError
from artifacts.store import reading, write_file

FORMATS = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson")
SMALL = 1 << 28  # bytes that any file may come to in memory; beyond, at most so many times its size
MOST_TIMES = 1_000
PIECE_ROWS, PIECE_BYTES = 256, 1 << 25  # of parquet, unpacked at once
MOST_COLUMNS = 100_000  # of lines of cells
LONGEST_LINE = 1 << 24
# What pandas and pyarrow raise at content that is no table, or whose notes on types are damaged.
_UNREADABLE = (ValueError, OSError, LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError, MemoryError)


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a table into a frame with a fresh 0..n-1 index and string column names.

    A folder is read as one row per ``*.json`` file, with the file's stem as column ``file_id`` if
    the objects do not hold it. Nested values stay Python objects.

    Raises:
        InputError: if there is nothing there, the format is unknown, or the content does not fit it.
    """
    path = Path(path)
    try:
        if not path.exists():
            raise InputError(f"There is no data at {str(path)!r}. Check the path, or name the folder with --data.")
        frame = _read_folder(path) if path.is_dir() else _read_file(path)
    except InputError:
        raise
    except _UNREADABLE as error:
        raise InputError(f"{str(path)!r} cannot be read: {type(error).__name__}: {str(error)[:200]}.") from error
    frame.columns = frame.columns.map(str)
    twice = sorted(set(frame.columns[frame.columns.duplicated()]))
    if twice:
        raise InputError(f"{str(path)!r} has columns of the same name: {twice}. Rename them.")
    if frame.empty:
        raise InputError(f"{str(path)!r} holds no rows ({len(frame.columns)} columns). Expected at least one.")
    return frame.reset_index(drop=True)


def _read_file(path: Path) -> pd.DataFrame:
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv"):
        return _read_csv(path, "\t" if suffix == ".tsv" else ",")
    if suffix == ".parquet":
        return _read_within(path)
    if suffix in (".jsonl", ".ndjson"):
        # Only "\n" parts rows: str.splitlines also parts at characters that a string of JSON may hold as they are.
        lines = path.read_text(encoding="utf-8-sig").split("\n")
        rows = [_object(line, f"{path.name} line {i}") for i, line in enumerate(lines, 1) if line.strip()]
        _check_size(path, len(rows), len({name for row in rows for name in row}))
        return pd.DataFrame(rows)
    raise InputError(
        f"{str(path)!r} has an unknown format {suffix!r}. Expected one of {list(FORMATS)} or a folder of JSON files."
    )


def read_parquet(path: str | Path) -> pd.DataFrame:
    """Read a parquet file with the index it was written with.

    By one thread from a path: a process that ``pandas.read_parquet`` has read for, with Arrow's threads and from an
    open file, now and then aborts or hangs when it ends (Arrow's issues 34314 and 50482).

    Raises:
        OSError, ValueError: if it cannot be read.
    """
    import pyarrow.parquet

    parquet: Any = pyarrow.parquet  # untyped
    with parquet.ParquetFile(path, pre_buffer=False) as file:
        frame: pd.DataFrame = file.read(use_threads=False).to_pandas(use_threads=False)
    return frame


def read_stored(path: Path, *needed: str) -> pd.DataFrame:
    """Read a parquet file of a run, in which some columns are needed.

    Raises:
        ArtifactError: if it is missing, damaged or lacks a column.
    """
    with reading(path):
        frame = read_parquet(path)
        _ = frame[list(needed)]
        return frame


def _read_csv(path: Path, separator: str) -> pd.DataFrame:
    """Read lines of cells; never an index: of rows with more cells than names, pandas would make one of the first."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        with path.open("rb") as file:
            widest = max(file.readline(LONGEST_LINE).count(separator.encode()) for _ in range(2))
        if widest > MOST_COLUMNS:
            raise InputError(f"{str(path)!r} has over {MOST_COLUMNS} columns. Expected is a row of cells in each line.")
        try:
            names = pd.read_csv(path, sep=separator, nrows=0, index_col=False).columns
            _check_size(path, _count_lines(path), len(names))
            return pd.read_csv(path, sep=separator, index_col=False, low_memory=False)
        except pd.errors.ParserWarning as error:
            raise InputError(
                f"{str(path)!r} has rows with more cells than its first line has names. Name every column in the first "
                "line, and write cells that hold the separator in quotation marks."
            ) from error


def _check_size(path: Path, rows: int, columns: int, bytes_a_cell: float = 8.0) -> None:
    """Refuse a small file that would become a table of very many cells, before there is memory for them."""
    needed, limit = rows * columns * bytes_a_cell, max(SMALL, MOST_TIMES * path.stat().st_size)
    if needed > limit:
        raise InputError(
            f"{str(path)!r} of {path.stat().st_size} bytes would become a table of {rows} rows and {columns} columns, "
            f"{needed / 1e9:.1f} GB at least; at most {limit / 1e9:.1f} GB are expected of such a file. Mend its "
            "header or keys, or leave out rows that repeat."
        )


def _count_lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(piece.count(b"\n") for piece in iter(lambda: file.read(1 << 20), b""))


def _read_within(path: Path) -> pd.DataFrame:
    """Read parquet, unless it unpacks to far more than it is: by its rows, or by what its texts come to in pieces."""
    import pyarrow
    import pyarrow.parquet

    arrow: Any = pyarrow  # untyped
    with arrow.parquet.ParquetFile(path, pre_buffer=False) as file:
        schema, rows = file.schema_arrow, file.metadata.num_rows
        _check_size(path, rows, len(schema))
        if all(_has_width(kind) for kind in schema.types):
            return read_parquet(path)
        pieces, unpacked = [], 0
        for piece in file.iter_batches(_piece_rows(path, file.metadata), use_threads=False):
            unpacked += piece.nbytes
            _check_size(path, rows, len(schema), bytes_a_cell=unpacked / max(1, rows * len(schema)))
            pieces.append(piece)
    frame: pd.DataFrame = arrow.Table.from_batches(pieces, schema).to_pandas(use_threads=False)
    return frame


def _piece_rows(path: Path, metadata: Any) -> int:
    """Rows that are unpacked at once: a value may be as long as its column's dictionary, which is little on disk."""
    largest = 0
    with path.open("rb") as file:
        for group in map(metadata.row_group, range(metadata.num_row_groups)):
            columns = [one for i in range(group.num_columns) if (one := group.column(i)).has_dictionary_page]
            a_row = [one.num_values / max(1, group.num_rows) for one in columns]  # more than one in lists
            longest = [_unpacked_page(file, one.dictionary_page_offset) for one in columns]
            largest = max(largest, round(sum(n * size for n, size in zip(a_row, longest, strict=True))))
            _check_size(path, 1, 1, bytes_a_cell=max(longest, default=0))
    return max(1, min(PIECE_ROWS, PIECE_BYTES // max(1, largest)))


def _unpacked_page(file: BinaryIO, start: int) -> int:
    """Bytes of a page of parquet once it is unpacked, by its header.

    That is Thrift's compact form: field 1 is the kind and field 2 this size, each one byte of field and type, then a
    number in pieces of 7 bits, the last without the 8th bit, whose lowest bit is its sign.
    """
    file.seek(start)
    header, numbers, at = file.read(16), [], 0
    for _ in range(2):
        number, shift, at = 0, 0, at + 1
        while True:
            number |= (header[at] & 0x7F) << shift
            shift, at = shift + 7, at + 1
            if header[at - 1] < 0x80:
                break
        numbers.append(number >> 1)
    return numbers[1]


def _has_width(kind: Any) -> bool:
    try:
        return bool(kind.bit_width)
    except ValueError:  # texts, lists
        return False


def _read_folder(folder: Path) -> pd.DataFrame:
    files = sorted(folder.glob("*.json"))
    if not files:
        raise InputError(
            f"The folder {str(folder)!r} holds no *.json files. Name a file of {list(FORMATS)}, or the right folder."
        )
    rows = []
    for file in files:
        row = _object(file.read_text(encoding="utf-8-sig"), file.name)
        rows.append({"file_id": file.stem, **row})
    return pd.DataFrame(rows)


def _object(text: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} is not valid JSON: {str(error)[:200]}. Mend or remove it.") from error
    if not isinstance(value, dict):
        raise InputError(f"{where} holds a {type(value).__name__}, but one object {{column: value}} is expected.")
    return value


def write_table(frame: pd.DataFrame, path: str | Path) -> None:
    """Write parquet or csv, by the ending, whole or not at all. The index is left out.

    In csv, a text or column name that a spreadsheet would run as a formula gets an apostrophe in front: one that begins
    with ``=``, ``+``, ``-`` or ``@`` (in any width, also after blanks), a tab or a line break (OWASP's list). Numbers
    stay as they are, those written as text, too. A carriage return becomes a line feed, which is quoted: alone it would
    begin a row, and so a formula, where spreadsheets see one. Parquet, which runs nothing, holds every text unchanged.

    Raises:
        InputError: if the ending is neither.
        ArtifactError: if the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() == ".parquet":
        write_file(path, frame.to_parquet(None, index=False))
    elif path.suffix.lower() == ".csv":
        write_file(path, frame.map(_harmless).rename(columns=_harmless).to_csv(index=False))
    else:
        raise InputError(f"Cannot write {str(path)!r}: expected a name that ends in .parquet or .csv.")


_FORMULA = re.compile(r"[\t\n]|\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def _harmless(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    value = value.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{value}" if _FORMULA.match(value) and not _NUMBER.fullmatch(value) else value
