"""The report of a run: one HTML file that needs nothing but a browser.

Sections first compute plain dictionaries (words and places on charts), and templates draw them. Every text goes
through ``neutral`` and jinja's escaping on its way out, so a template cannot forget it. The page's security policy
allows images from data URIs and the one style sheet by its hash, and nothing else: no script, no request.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.report_data import ReportData
from evaluation.sections.classes import classes
from evaluation.sections.confused import confused
from evaluation.sections.distribution import distribution
from evaluation.sections.each_model import each_model
from evaluation.sections.errors import errors
from evaluation.sections.factors import factors
from evaluation.sections.findings import findings
from evaluation.sections.gains import gains
from evaluation.sections.groups import groups
from evaluation.sections.headline import headline
from evaluation.sections.importance import modality, sources
from evaluation.sections.leaderboard import leaderboard
from evaluation.sections.made import made
from evaluation.sections.profiles import class_sources, segments
from evaluation.sections.residuals import residuals
from evaluation.sections.slices import slices
from evaluation.sections.stability import stability
from evaluation.sections.suspects import suspects
from evaluation.sections.views import views
from evaluation.wording import Wording, neutral

if TYPE_CHECKING:
    import jinja2

Section = Callable[[ReportData, Wording], dict[str, Any] | None]

# In the order of the page. Each has a template of its name and a text "{name}" for its heading; None leaves it out.
SECTIONS: dict[str, Section] = {
    "headline": headline,
    "leaderboard": leaderboard,
    "views": views,
    "modality": modality,
    "sources": sources,
    "stability": stability,
    "class_sources": class_sources,
    "segments": segments,
    "factors": factors,
    "groups": groups,
    "distribution": distribution,
    "residuals": residuals,
    "gains": gains,
    "each_model": each_model,
    "classes": classes,
    "confused": confused,
    "slices": slices,
    "errors": errors,
    "suspects": suspects,
    "findings": findings,
    "made": made,
}
EXPLAINING = ("modality", "sources", "stability", "class_sources", "segments", "factors", "groups")
MAX_NAME = 160  # characters of a heading
SAID_ONCE = ("findings", "made")  # parts have the same

TEMPLATES = Path(__file__).parent / "templates"


def render_report(data: ReportData, language: str = "en", parts: Sequence[ReportData] = ()) -> str:
    """One self-contained HTML page in ``en`` or ``ru``; equal data give an equal page.

    ``parts`` follow below ``data``, each under its own target: the activities of a run that has several. Where ``data``
    is made of them and has no explanation of its own, theirs stand for it.

    Write it as UTF-8. Its size is bounded: rows, findings, texts and photos beyond a limit are counted, not drawn.

    Raises:
        InputError: if the language is unknown.
    """
    say = Wording(language)
    shown = []
    for i, part in enumerate((data, *parts)):
        left_out = SAID_ONCE if i else EXPLAINING if parts and data.importance is None else ()
        computed = {name: section(part, say) for name, section in SECTIONS.items() if name not in left_out}
        sections = {name: found for name, found in computed.items() if found is not None}
        kind = say(f"kind_{part.kind.value}")
        shown.append({"title": part.target, "kind": kind, "prefix": f"part-{i}-" if i else "", "sections": sections})
    name = neutral(data.name, MAX_NAME)
    return render("report.html.j2", say, shown, name=name, title=f"{name} · {say('report')}")


def render(
    template: str, say: Wording, parts: Sequence[dict[str, Any]], styles: Sequence[str] = (), **more: str
) -> str:
    """A page in the frame of all pages (``frame.html.j2``), with its one style sheet and the policy that names it.

    ``styles`` are files in the folder of the templates, beside ``report.css``; ``more`` is what the template's header
    shows, ``title`` among it.
    """
    style = "".join((TEMPLATES / file).read_text(encoding="utf-8") for file in ("report.css", *styles))
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    found = _environment().get_template(template)
    return found.render(say=say, parts=parts, style=style, style_digest=digest, **more)


def _environment() -> jinja2.Environment:
    import jinja2
    from markupsafe import Markup

    def finalize(value: Any) -> Any:
        return neutral(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=finalize,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["own_markup"] = Markup  # for the style sheet, and photos that we encoded ourselves
    return environment
