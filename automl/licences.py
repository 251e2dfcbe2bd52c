"""Licences of what is installed with the project, as the packages themselves say them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement

PROJECT = "tabular-fusion"
UNKNOWN = "not said"
OTHER = "Other/Proprietary License"  # the classifier of all that is not on the list, free licences among it
LONGEST = 90  # characters; some packages give the licence's whole text

INTRODUCTION = """\
What is installed on Linux by the lock file, in the packages' own words; made by `tabular-fusion doctor --licences`.
A test holds the default install to licences that allow commercial use. NVIDIA's libraries come with PyTorch for Linux:
free to use and to pass on with an application, but not open source; PyTorch's build for processors alone does without
them. TabICL, an optional part, holds a folder of forecasting code under a licence of its own; it is not used here."""


@dataclass(frozen=True, order=True)
class Licensed:
    """A package, its version, and its licence in the package's own words."""

    name: str
    version: str
    licence: str


def licences(extras: Collection[str] = ()) -> list[Licensed]:
    """What the project needs on this machine, directly or through others, in order of names.

    Args:
        extras: optional parts of the project to count as well, such as ``autogluon``. What of them is not
            installed is left out.
    """
    found = {dist.name: Licensed(_canonical(dist.name), dist.version, licence_of(dist)) for dist in _needed(extras)}
    return sorted(found.values())


def page() -> str:
    """Markdown tables of the packages of the default install, and of those that only the optional parts need."""
    default, every = licences(), licences(["all"])
    lines = ["# Licences of dependencies", "", INTRODUCTION]
    for title, packages in (("Default install", default), ("Optional parts", sorted({*every} - {*default}))):
        lines += ["", f"## {title}", "", "| package | version | licence |", "|---|---|---|"]
        lines += [f"| {package.name} | {package.version} | {package.licence} |" for package in packages]
    return "\n".join(lines)


def licence_of(package: Distribution) -> str:
    """From the licence expression, else the classifiers, else the first line of the field or of the licence file."""
    said = package.metadata
    lines = [line.split("::")[-1].strip() for line in said.get_all("Classifier") or [] if line[:7] == "License"]
    classifiers = [line for line in lines if line != OTHER]
    files = [file for file in package.files or [] if file.name.upper().startswith(("LICENSE", "LICENCE"))]
    texts = [*said.get_all("License-Expression", ()), "; ".join(classifiers), *said.get_all("License", ())]
    texts += [file.read_binary().decode(errors="replace") for file in files[:1]]
    found = (line.strip() for text in texts for line in (text or "").splitlines())
    return next((line for line in found if line), UNKNOWN)[:LONGEST]


def _needed(extras: Collection[str]) -> Iterator[Distribution]:
    todo, done = [(PROJECT, frozenset(extras))], set()
    while todo:
        asked = name, wanted = todo.pop()
        if asked in done:
            continue
        done.add(asked)
        try:
            package = distribution(name)
        except PackageNotFoundError:  # of an extra, or of another system
            continue
        if name != PROJECT:
            yield package
        for line in package.requires or ():
            needs = Requirement(line)
            if needs.marker is None or any(needs.marker.evaluate({"extra": extra}) for extra in (wanted or {""})):
                todo.append((_canonical(needs.name), frozenset(needs.extras)))


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
