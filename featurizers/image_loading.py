"""One value of an image column to the bytes of a photo, without leaving the image folder."""

from __future__ import annotations

import base64
import binascii
import os
import stat
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".heic", ".heif", ".bmp", ".tif", ".tiff")
MAX_BYTES = 64 << 20  # of one file
MAX_SUBFOLDERS = 16  # in which a photo named without a folder is looked for

# Base64 of the first bytes of JPEG, PNG, GIF, RIFF (WebP) and TIFF.
_BASE64_STARTS = ("/9j/", "iVBORw0KGgo", "R0lGOD", "UklGR", "SUkqA", "TU0AK")
_SHORTEST_BASE64 = 44  # a GIF of one pixel has 35 bytes
LONGEST_PATH = 1_024
_WHITE_SPACE = dict.fromkeys(map(ord, " \t\r\n\f\v"))
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
# Non-blocking, because a named pipe in the folder would otherwise wait for a writer for ever.
_FLAGS = os.O_RDONLY | _NO_LINK | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

_FLOATS = (float, np.floating)


@dataclass(frozen=True)
class LoadedImage:
    """The bytes of a photo, not decoded yet, or why there are none: a code of ``artifacts.finding``.

    ``failure`` is empty, or one of ``image_missing, image_not_found, image_outside_folder,
    image_broken, image_too_large``. ``example`` is the value, shortened for a message.
    """

    content: bytes = b""
    failure: str = ""
    example: str = ""


MISSING = LoadedImage(failure="image_missing")


class ImageLoader:
    """Reads the values of an image column. Thread-safe.

    A value is a path relative to ``folder``, an id whose file is ``<id>.jpg`` (or another of
    ``ENDINGS``) there, base64 with or without ``data:`` prefix, or bytes. What names no folder and
    is not there is looked for in the folders directly inside (``train/``, ``test/``) and taken if one
    of them alone has it. Files are opened only inside the folder: ``..``, absolute paths and
    symbolic links that lead out are not followed.
    """

    def __init__(self, folder: Path | None) -> None:
        self._root = None if folder is None else os.path.realpath(folder)
        self._inside: dict[str, bool] = {}
        self._below: list[str] | None = None

    def load(self, value: Any) -> LoadedImage:
        """The content of one value, or a failure; never raises for what the value is."""
        if isinstance(value, (bytes, bytearray, memoryview)):
            return _of_bytes(bytes(value))
        if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, _FLOATS) and value != value):
            return MISSING
        if isinstance(value, str):
            return self._of_text(value)
        if isinstance(value, Integral) and not isinstance(value, bool):
            return self._of_path(str(int(value)))
        if isinstance(value, _FLOATS) and float(value).is_integer():  # ids beside missing values become floats
            return self._of_path(str(int(value)))
        return LoadedImage(failure="image_not_found", example=_short(str(value)))

    @property
    def has_folder(self) -> bool:
        """Whether there is a folder that paths could lead into."""
        return self._root is not None

    def finds(self, text: str) -> bool:
        """Whether a path or id leads to a file inside the folder."""
        return self.has_folder and len(text) <= LONGEST_PATH and not self._of_path(text, probe=True).failure

    def _of_text(self, text: str) -> LoadedImage:
        if not text or text.isspace():
            return MISSING
        if looks_like_base64(text):
            return _of_base64(text)
        if len(text) <= LONGEST_PATH:
            return self._of_path(text)
        # Too long for a path: what else than a photo that was written down badly?
        return LoadedImage(failure="image_broken", example=_short(text))

    def _of_path(self, text: str, probe: bool = False) -> LoadedImage:
        """The file that a path or id leads to; without its content for a ``probe``."""
        not_found = LoadedImage(failure="image_not_found", example=_short(text))
        if self._root is None or "\0" in text:
            return not_found
        path = os.path.normpath(os.path.join(self._root, text))  # noqa: PTH118 - pathlib is 10 times slower here
        if not _is_under(path, self._root):
            return LoadedImage(failure="image_outside_folder", example=_short(text))
        found = self._at(path, text, probe)
        if found is None and not {"/", os.sep} & set(text):
            places = [self._at(os.path.join(below, text), text, probe) for below in self._subfolders()]  # noqa: PTH118
            there = [place for place in places if place is not None]
            found = there[0] if len(there) == 1 else None  # two photos of one name: which is meant is not known
        return not_found if found is None else found

    def _at(self, path: str, text: str, probe: bool) -> LoadedImage | None:
        endings = ("",) if path.lower().endswith(ENDINGS) else ("", *ENDINGS, ".JPG", ".PNG")
        for ending in endings:
            found = self._of_file(path + ending, text, probe)
            if found is not None:
                return found
        return None

    def _subfolders(self) -> list[str]:
        """Folders directly inside the image folder, listed once."""
        if self._below is None:
            try:
                with os.scandir(str(self._root)) as entries:
                    names = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
            except OSError:
                names = []
            self._below = sorted(names)[:MAX_SUBFOLDERS]
        return self._below

    def _of_file(self, path: str, text: str, probe: bool) -> LoadedImage | None:
        """The file's content, or None if there is no such regular file."""
        try:
            folder = os.path.dirname(path)  # noqa: PTH120
            if folder not in self._inside:
                self._inside[folder] = _is_under(os.path.realpath(folder), str(self._root))
            if self._inside[folder]:
                if not _NO_LINK or os.path.islink(path):  # noqa: PTH114
                    target = os.path.realpath(path)
                    if not _is_under(target, str(self._root)):
                        return LoadedImage(failure="image_outside_folder", example=_short(text))
                    path = target
                return _read(path, text, probe)
        except (OSError, ValueError):  # absent, not readable, name too long
            return None
        return LoadedImage(failure="image_outside_folder", example=_short(text))


def looks_like_base64(text: str) -> bool:
    """Whether a string is a photo written in base64, by its first letters."""
    if text.startswith("data:"):
        return True
    start = text[:64].lstrip().removeprefix("b'").removeprefix('b"')
    known = start.startswith(_BASE64_STARTS) or (start.startswith("AAAA") and start[6:11] == "Z0eXB")  # "ftyp": HEIC
    return known and len(text) >= _SHORTEST_BASE64 and "." not in text[:256]


def _of_bytes(content: bytes) -> LoadedImage:
    if not content:
        return MISSING
    if len(content) > MAX_BYTES:
        return LoadedImage(failure="image_too_large", example=f"{len(content)} bytes")
    return LoadedImage(content, example=f"{len(content)} bytes")


def _of_base64(text: str) -> LoadedImage:
    if len(text) > MAX_BYTES * 3 // 2:
        return LoadedImage(failure="image_too_large", example=_short(text))
    body = text.partition(",")[2] if text.startswith("data:") else text
    body = body.strip()
    if body[:2] in ("b'", 'b"') and body[-1] == body[1]:  # bytes that were turned to str
        body = body[2:-1]
    if not body.isalnum():
        body = body.translate(_WHITE_SPACE).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        content = base64.b64decode(body + "=" * (-len(body) % 4), validate=True)
    except (binascii.Error, ValueError):
        return LoadedImage(failure="image_broken", example=_short(text))
    loaded = _of_bytes(content)
    return LoadedImage(loaded.content, loaded.failure, _short(text))


def _read(path: str, text: str, probe: bool) -> LoadedImage | None:
    descriptor = os.open(path, _FLAGS)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return None
        if probe:
            return LoadedImage(example=_short(text))
        if status.st_size > MAX_BYTES:
            return LoadedImage(failure="image_too_large", example=_short(text))
        pieces = []
        left = MAX_BYTES  # a file may grow while it is read
        while left > 0 and (piece := os.read(descriptor, min(left, max(status.st_size, 1) + 1))):
            pieces.append(piece)
            left -= len(piece)
    finally:
        os.close(descriptor)
    content = b"".join(pieces)
    return LoadedImage(content, "" if content else "image_broken", _short(text))


def _is_under(path: str, root: str) -> bool:
    return path == root or path.startswith(root if root.endswith(os.sep) else root + os.sep)


def _short(text: str) -> str:
    shown = text if len(text) <= 80 else text[:60] + "…"
    return shown.encode("utf-8", "replace").decode()  # half a surrogate pair could not be written to a report
