from __future__ import annotations

import re

import pytest

from evaluation.texts_methods import method_in

SAID = [
    "Shapley values over 12 parts, from 30 orders; what is left out is at its training mean",
    "Shapley values over 12 parts, from 30 orders, with neighbours among 64 rows; what is left out does not choose "
    "neighbours",
    "Shapley values of sources against 40 training rows, from random orders (standard error 3% of their size)",
    "Shapley values of sources against 40 training rows, of all coalitions",
    "exact: path-dependent TreeSHAP, and the sum's",
    "exact: weight x (output - training mean)",
]


@pytest.mark.parametrize("said", SAID)
def test_every_method_has_a_russian_wording_with_its_numbers(said: str) -> None:
    assert method_in("en", said) == said
    russian = method_in("ru", f"linear: {said}")
    assert re.findall(r"[A-Za-z]+", russian) in (["linear"], ["linear", "TreeSHAP"])
    assert re.findall(r"\d+", russian) == re.findall(r"\d+", said)
