"""Inputs to begin with: small ones that `fuzz.py` changes, and giants and bombs that are run as they are."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from collections.abc import Iterator
from functools import cache

DEEP = 10_000  # levels
FEATURIZERS = 13  # that the target "column" chooses from
FILES_OF_A_RUN = 33  # JSON files
ROWS_READ = 12  # by the target "rows"
# Pumped to any length. Each is what some regular expression, parser or loop might take quadratic time for.
UNITS = (
    "a", "A1", "1", "1,", "1.", "1 ", "-1", "1x", "1e", " ", "\n", "\t", "\r\n", " \n", "\u00a0", "<", "<a ", "<a>",
    "<li>", "<!--", "<![CDATA[", "<script>", "</", "< a='", '<a b="', "&", "&#", "&#9", "&lt;", "&amp;", "'", '"',
    "\\", "\\\\'", "\\x41", "\\u0041", "\\ud800", "[", "(", "{", "]", "}", "{'a':", "['a',", "[[", "b'", "u'", "'a' ",
    "'a':", ",", ";", "|", ":", ": ", "a: ", "a:b\n", "->", "> ", "/", "a/", "../", "./", ".", "..", "...", "!", "?!",
    "!.", "-", "- ", "--", "—", "_", "`", "*", "* ", "#", "#a", "@", "@a.", "$", "$1", "%", "+", "=", "=1", "~", "^",
    "http://", "www.", "http://a", "a@a.", "a'", "a-", "a b", "ab ab ", "A.", "a. ", "Aa", "aA", "аб", "é", "e\u0301",
    "\u0301", "\u200d", "\u202e", "\ufeff", "\ufffd", "\0", "\x1b[31m", "\x85", "\u2028", "🔥", "👩\u200d", "✔", "• ",
    "1) ", "12:", "10x20 ", "1 x ", "3,5 см ", "5 руб ", "1 lb. ", "May 1, ", "1 мая ", "2020-", "01/02/", "T12:",
    "Ã", "Ã©", "â€œ", "Рї", "вЂ", "a.jpg, ", "a.jpg;", ".jpg ", "data:", "/9j/", "nan,", "None ", "array(", "dtype=",
    ", dtype=object)", "True", "null,", "Decimal(", "[bold]", "[/]", "[link=", "{{", "${",
)  # fmt: skip
WORDS = (
    "kind = 'binary'", "self = 1", "[target]", "column", "\\u0000", "\ud800", "'''", '"""', "[[", "{'a': [1", "None",
    "NaN", "Infinity", "1e999", "9" * 400, "\x00", "\ufeff", "../", "/etc/passwd", "secret.png", "away/secret.png",
    "link.png", "<script>", "-->",
)  # fmt: skip


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG file."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, *chunks: bytes, pixels: bytes = b"") -> bytes:
    """A grey PNG whose header may say anything."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@cache
def photos() -> dict[str, bytes]:
    """A small photo in each format."""
    from PIL import Image

    drawn = Image.linear_gradient("L").resize((24, 16)).convert("RGB")
    found = {}
    for name in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"):
        stream = io.BytesIO()
        exif = Image.Exif()
        exif[0x0112] = 6
        more = {"exif": exif} if name in ("JPEG", "PNG", "WEBP") else {}
        drawn.save(stream, name, **more)
        found[name] = stream.getvalue()
    stream = io.BytesIO()
    frames = [drawn.rotate(10 * i) for i in range(3)]
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:])
    return {**found, "animated": stream.getvalue()}


@cache
def bombs() -> dict[str, bytes]:
    """Small files that claim, or unpack to, far more than they are; and what is no photo at all."""
    zeros = zlib.compress(bytes(1 << 28), 9)  # 256 MB
    rows = zlib.compress(bytes(8001 * 8000), 9)
    gif = b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + b"\x80\0\0\0\0\0\xff\xff\xff"
    lossless = b"WEBPVP8L" + struct.pack("<I", 10) + b"\x2f\xff\xff\xff\x0f" + bytes(5)
    extended = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + b"\xff" * 6
    return {
        "huge header": png(2**31 - 1, 2**31 - 1),
        "just too many pixels": png(8001, 8000),
        "all pixels": png(8000, 8000, pixels=rows),
        "text": png(4, 4, chunk(b"zTXt", b"a\0\0" + zeros), pixels=zlib.compress(bytes(20))),
        "many texts": png(4, 4, *[chunk(b"zTXt", b"a\0\0" + zeros)] * 3, pixels=zlib.compress(bytes(20))),
        "international text": png(4, 4, chunk(b"iTXt", b"a\0\1\0\0\0" + zeros), pixels=zlib.compress(bytes(20))),
        "profile": png(4, 4, chunk(b"iCCP", b"a\0\0" + zeros), pixels=zlib.compress(bytes(20))),
        "pixels beyond the header": png(4, 4, pixels=zeros),
        "gif canvas": gif + b"," + struct.pack("<HHHH", 0, 0, 65_535, 65_535) + b"\0\x02\x02\x44\x01\0;",
        "gif frame off canvas": gif[:6] + struct.pack("<HH", 4, 4) + gif[10:] + b","
        + struct.pack("<HHHH", 60_000, 60_000, 65_535, 65_535) + b"\0\x02\x02\x44\x01\0;",
        "webp": b"RIFF" + struct.pack("<I", len(lossless) + 4) + lossless,
        "webp canvas": b"RIFF" + struct.pack("<I", len(extended) + 4) + extended,
        "bmp": b"BM" + struct.pack("<IHHIIiiHHIIIIII", 54, 0, 0, 54, 40, 2**30, -(2**30), 1, 24, 0, 0, 0, 0, 0, 0),
        "tiff": b"II*\0\x08\0\0\0\xff\xff" + b"\0\1\3\0\xff\xff\xff\xff\xff\xff\xff\xff" * 40,
        "tiff in a circle": b"II*\0\x08\0\0\0\0\0\x08\0\0\0",
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>',
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        "zip": b"PK\3\4" + bytes(40),
        **{f"half of a {name}": content[: len(content) // 2] for name, content in photos().items()},
    }  # fmt: skip


@cache
def tables() -> tuple[bytes, ...]:
    """Small parquet files: of numbers and texts, of nested values."""
    import pandas as pd

    frames = (
        pd.DataFrame({"a": [1, 2, 3], "b": ["x", None, "z"], "c": [0.5, 1.5, None]}, index=["p", "q", "r"]),
        pd.DataFrame(
            {"l": [[1, 2], [], None], "d": [{"k": "v"}, None, {"k": ""}], "t": [pd.Timestamp("2020-01-01")] * 3}
        ),
    )
    return tuple(frame.to_parquet(None) for frame in frames)


@cache
def large_tables() -> tuple[bytes, ...]:
    """Small parquet files that hold much: many equal rows, and gigabytes, a long text in each of many rows or lists."""
    import pyarrow as pa
    import pyarrow.parquet

    found = []
    for value, n in ((0, 100_000_000), ("a" * 1_000_000, 20_000), ("a" * 100_000_000, 256)):
        stream = io.BytesIO()
        held = pa.array([value], pa.string() if value else pa.int8())
        column = pa.DictionaryArray.from_arrays(pa.array(memoryview(bytes(n)).cast("b"), pa.int8()), held)
        pyarrow.parquet.write_table(pa.table({"a": column}), stream, compression="zstd", store_schema=False)
        found.append(stream.getvalue())
    stream = io.BytesIO()
    pyarrow.parquet.write_table(pa.table({"a": [["a" * 1_000] * 10_000] * 30}), stream, compression="zstd")
    return (*found, stream.getvalue())


TASK = b"""name = "a"
[data]
train = "t.csv"
images = "../images"
[target]
kind = "conversion"
activities = { like = 1.8, hide = -4 }
trials = "view"
[columns]
text = ["a", "b"]
id = "c"
[column.a]
title = { en = "A", ru = "B" }
actionable = true
[encoders]
image = "timm/x#pooling=cls,layers=2"
[output]
prediction = "p"
"""
NESTED = (
    b"""{"a": 1, "b": ["x", 2.5, null], "c": {"d": "e"}}""", b"{'a': True, 'b': None, 'c': ('x', {'y'})}",
    b"[{'charcName': 'a',", b"""b'{"a": "\\\\xd0\\\\xb0"}'""", b"{&quot;a&quot;: 1}",
    b"array(['a' 'b'], dtype=object)", b"{'a': array([1, 2])}", b"""[{"name": "Men's", "value": 'x"y'}]""",
    b"OrderedDict([('a', 1)])", b'"{\\"a\\": \\"{\\\\\\"b\\\\\\": 1}\\"}"',
)  # fmt: skip
TEXTS = (
    b"<p>Red <b>dress</b>, 10x20 cm, $5.50! Buy now: http://a.example/b?c=1 #new @shop</p><ul><li>soft</li></ul>",
    "Платье, 3,5 см – 1 299 ₽… “quoted” ÐŸÑ€Ð¸Ð²ÐµÑ‚ 👩\u200d👧".encode(), b"a\xff\xfe\x00b\x1b[31m", b"=1+1",
    b"[bold]x[/bold]",
)  # fmt: skip
CELLS = (
    b"s1,5 kg\n"
    b'i7\nf2.5\nn\nsMay 1, 2020\nsred > blue\nj[1, "a"]\nj{"a": {"b": 1}}\nb\xff\xd8\xff\ns2020-01-02\nt2020-01-01',
)
CSV = (b'a,b,y\n1,"x, y",2\n3,"=1+1\n",4\n', b"\xef\xbb\xbfa;b\n1;2\n", b"a,a,\n1,2,3\n", b"a\tb\n1\t2\n")
ROWS = b"title\nphoto\n\n" + CELLS[0] + b"\n\nsa.png\nsb.jpg\n\ni1\ni2\nsx"
SECTIONS = bytes(range(0, 250, 7))

# fmt: off
SEEDS: dict[str, tuple[bytes, ...]] = {
    "task": (TASK, b'[target]\nkind = "binary"\ncolumn = "y"\n',
             b'[target]\nkind = "multiclass"\ncolumn = "y"\nseparator = ">"\n'),
    "nested": NESTED,
    "text": TEXTS,
    "shown": TEXTS,
    "image": tuple(photos().values()),
    "photo": tuple(photos().values()),
    "photo_cell": (b"a.png", b"b.jpg; a.png", b"link.png", b"away/secret.png", b"../secret.png", b"['a.png', 'b']",
                   b"pipe.png", b"line\nend.png", base64.b64encode(photos()["PNG"]),
                   b"data:image/png;base64,AAAA", b"b'\\x89PNG'"),
    "csv": CSV,
    "jsonl": (b'{"a": 1, "b": [1]}\n{"a": "x"}\n', b'{"a": NaN}'),
    "parquet": tables(),
    "column": tuple(bytes([i]) + CELLS[0] for i in range(FEATURIZERS)),
    "rows": (ROWS, b"y\n=a\n\nsx\n\nn", b"\n\n" + b"\n\n".join(CELLS * 4)),
    "draft": CSV,
    "encoder": (b'{"architecture": "resnet", "model_type": "bert", "pretrained_cfg": {"license": "mit"}}',
                b"---\nlicense: mit\n---\n"),
    "run": (*(bytes([i, 0]) + SECTIONS[i % 30 :] for i in range(40)), b"\1\xff{", b"\1\xff[]", b"\1\xff1"),
}
# fmt: on


def giants(target: str, n: int = 10_000_000) -> Iterator[tuple[str, bytes]]:
    """Name and content of inputs of about ``n`` bytes (of images and parquet: small bombs) for a target."""
    if target in ("image", "photo"):
        yield from bombs().items()
    elif target == "parquet":
        yield from zip(("equal rows", "long texts", "longest texts", "lists"), large_tables(), strict=True)
    elif target == "encoder":
        yield "deep", b"[" * DEEP
        yield "front matter", b"---\n" + b"license:" * (n // 8)
    elif target in ("task", "run"):
        head = b"\0\xff" if target == "run" else b""
        yield "deep list", head + b"a = " * (not head) + b"[" * DEEP + b"]" * DEEP
        yield "deep table", head + b"a = " * (not head) + b'{"a"' + (b":" if head else b"=") + b"[" * DEEP
        yield "deep key", b"a" + b".a" * DEEP + b" = 1"
        yield "long number", head + b"a = " * (not head) + b"9" * 5000
        yield "long text", head + b'name = "' + b"a" * (n // 10) + b'"'
        for i in range(FILES_OF_A_RUN if target == "run" else 0):
            for name, content in (("text", b'"%s"' % (b"a" * n)), ("list", b"[%s1]" % (b"1," * (n // 2)))):
                yield f"long {name} in file {i}", bytes([i, 0xFF]) + content
                yield f"long {name} by key in file {i}", bytes([i, 0xFF]) + b'{"format": 3, "a": %s}' % content
    else:
        heads = {"csv": [b"a,b\n"], "draft": [b"a,b\n"], "jsonl": [b'{"a": "'], "rows": [b"c\n\n"]}
        heads["column"] = [bytes([i]) + b"s" for i in range(FEATURIZERS)]
        for lead in heads.get(target, [b""]):
            which = f" by featurizer {lead[0]}" if target == "column" else ""
            for unit in UNITS:
                pumped = unit.encode("utf-8", "surrogatepass")
                content = pumped * (n // len(pumped)) + (b'"}' if target == "jsonl" else b"")
                if target == "rows":  # different cells: a column of equal ones would be left out
                    part = pumped * (n // ROWS_READ // len(pumped))
                    content = b"\n".join(b"s%d " % i + part for i in range(ROWS_READ))
                yield repr(unit) + which, lead + content
            for mark in ("[", "{'a':", '{"a":[', "<div>", "(", "<b><i>", "['"):
                yield f"{DEEP} levels of {mark!r}{which}", lead + mark.encode() * DEEP
