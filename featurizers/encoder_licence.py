"""The licence of an encoder's weights, as its own files say it."""

from __future__ import annotations

import json
import re
from pathlib import Path

_FRONT = re.compile(r"\A---\s*\n(.*?)\n---", re.DOTALL)
_FIELD = re.compile(r"^licen[cs]e\s*:\s*[\"']?([\w.+ -]{1,60}?)[\"']?\s*$", re.MULTILINE | re.IGNORECASE)
MAX_CHARACTERS = 20_000  # of a model card that are looked at


def licence_of(folder: str | Path) -> str:
    """The licence's name, such as ``apache-2.0``; empty where the folder does not say it or is not here.

    Looked for in the front matter of ``README.md`` (the form of hub models), in ``config.json`` (of timm), and in the
    first line of a file ``LICENSE``.
    """
    folder = Path(folder)
    front = _FRONT.match(_text(folder / "README.md"))
    field = _FIELD.search(front[1]) if front else None
    if field:
        return field[1].strip()
    try:
        config = json.loads(_text(folder / "config.json") or "{}")
    except (ValueError, RecursionError):
        config = {}
    if isinstance(config, dict):
        own = config.get("pretrained_cfg")
        for held in (config, own if isinstance(own, dict) else {}):
            if isinstance(held.get("license"), str) and held["license"]:
                return str(held["license"])[:60]
    lines = [line.strip() for line in _text(folder / "LICENSE").splitlines() if line.strip()]
    return lines[0][:60] if lines else ""


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(MAX_CHARACTERS)
    except OSError:
        return ""
