"""How contributions were found, in Russian: models say it in English, once, where they are explained."""

from __future__ import annotations

import re

# Parts of what models say, longest first where one begins another; \1 is a number.
RUSSIAN: dict[str, str] = {
    r"exact: path-dependent TreeSHAP, and the sum's": "точно: TreeSHAP по путям деревьев и вклады суммы",
    r"exact: path-dependent TreeSHAP": "точно: TreeSHAP по путям деревьев",
    r"exact: coefficient x \(value - training mean\)": "точно: коэффициент × (значение − среднее при обучении)",
    r"exact: weight x \(output - training mean\)": "точно: вес × (выход − среднее при обучении)",
    r"integrated gradients from the training mean, (\d+) Gauss-Legendre nodes; what integration leaves over is spread "
    r"in proportion to the absolute contributions": r"интегрированные градиенты от среднего при обучении, \1 узлов "
    r"Гаусса — Лежандра; остаток интегрирования распределён пропорционально модулям вкладов",
    r"the base rate alone": "только доля в обучении",
    r"exact Shapley values over sources": "точные значения Шепли по источникам",
    r"Shapley values over (\d+) parts, from (\d+) orders": r"значения Шепли по \1 частям, из \2 порядков",
    r", with neighbours among (\d+) rows": r", соседи — среди \1 строк",
    r"; what is left out is at its training mean": "; опущенное стоит на среднем при обучении",
    r"; what is left out does not choose neighbours": "; опущенное не участвует в выборе соседей",
    r"Shapley values of sources against (\d+) training rows": r"значения Шепли источников против \1 строк обучения",
    r", from random orders \(standard error ([\d.]+)% of their size\)": r", из случайных порядков (стандартная ошибка "
    r"\1 % их величины)",
    r", of all coalitions": ", по всем коалициям",
}


def method_in(language: str, method: str) -> str:
    """The method of an explanation in ``en`` or ``ru``; what is not known stays as it is."""
    if language == "ru":
        for said, translated in RUSSIAN.items():
            method = re.sub(said, translated, method)
    return method
