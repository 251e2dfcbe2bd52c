"""The frame of a page that is not the report of one run: the same style and policy, other sections."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluation.report import TEMPLATES, _environment
from evaluation.wording import Wording


@dataclass(frozen=True)
class PagePart:
    """Sections under one heading: name to what its template draws; ``missing`` stands as a sentence alone."""

    sections: Mapping[str, Mapping[str, Any]]
    title: str = ""
    line: str = ""
    remark: str = ""


def render_page(kind: str, name: str, parts: Sequence[PagePart], say: Wording, styles: Sequence[str] = ()) -> str:
    """One self-contained HTML page.

    Args:
        kind: key of the text that says what page it is.
        name: its heading.
        parts: in the order of the page; the first needs no title.
        say: words of the page.
        styles: files in the folder of the templates, beside the style sheet of the report.
    """
    style = "".join((TEMPLATES / file).read_text(encoding="utf-8") for file in ("report.css", *styles))
    shown = [
        {
            "title": part.title,
            "line": part.line,
            "remark": part.remark,
            "prefix": f"part-{i}-" if i else "",
            "sections": part.sections,
        }
        for i, part in enumerate(parts)
    ]
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    template = _environment().get_template("page.html.j2")
    return template.render(say=say, kind=kind, name=name, parts=shown, style=style, style_digest=digest)
