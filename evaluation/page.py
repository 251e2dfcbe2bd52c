"""Pages that are not the report of one run: the same frame, style and policy, other sections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluation.report import MAX_NAME, render
from evaluation.wording import Wording, neutral


@dataclass(frozen=True)
class PagePart:
    """Sections under one heading: name to what its template draws; ``missing`` stands as a sentence alone."""

    sections: Mapping[str, Mapping[str, Any]]
    title: str = ""
    line: str = ""
    remark: str = ""


def render_page(
    kind: str, name: str, parts: Sequence[PagePart], say: Wording, styles: Sequence[str] = (), *, of: str = ""
) -> str:
    """One self-contained HTML page.

    Args:
        kind: key of the text that says what page it is.
        name: its heading.
        parts: in the order of the page; the first needs no title.
        say: words of the page.
        styles: files in the folder of the templates, beside the style sheet of the report.
        of: what the page is about a part of, such as a task.
    """
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
    name, of = neutral(name, MAX_NAME), neutral(of, MAX_NAME)
    return render("page.html.j2", say, shown, styles, kind=kind, name=name, of=of, title=f"{name} · {of or say(kind)}")
