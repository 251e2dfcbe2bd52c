from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from artifacts.progress import Silent
from featurizers import text_workers
from featurizers.text_cleaning import _plain_texts
from featurizers.text_workers import map_chunks

TEXTS = [f"<p>text {i}</p>" for i in range(50)]
PLAIN = [f"text {i}" for i in range(50)]


class Noted(Silent):
    """Keeps what a bar would show."""

    def __init__(self) -> None:
        self.totals: list[float] = []
        self.said: list[str] = []
        self.done = 0.0

    def say(self, line: str) -> None:
        self.said.append(line)

    @contextmanager
    def task(self, description: str, total: float) -> Iterator:
        self.totals.append(total)

        def advance(units: float) -> None:
            self.done += units

        yield advance


def flat(chunks):
    return [text for chunk in chunks for text in chunk]


def test_order_is_kept_and_little_work_shows_no_bar() -> None:
    progress = Noted()
    assert flat(map_chunks(_plain_texts, TEXTS, 0.9, progress, "cleaning")) == PLAIN
    assert not progress.totals
    assert map_chunks(_plain_texts, [], 0.0, progress, "cleaning") == []


def test_workers_give_the_same_in_order_with_a_bar() -> None:
    progress = Noted()
    chunks = map_chunks(_plain_texts, TEXTS, 9.0, progress, "cleaning")
    assert len(chunks) > 10 and flat(chunks) == PLAIN
    assert progress.totals == [50.0] and progress.done == 50.0


def test_without_workers_the_work_is_done_here(monkeypatch) -> None:
    def refuse(function, chunks, n):
        yield function(chunks[0])
        raise OSError("no semaphores")

    monkeypatch.setattr(text_workers, "_by_workers", refuse)
    monkeypatch.setattr(text_workers, "n_processors", lambda: 4)
    progress = Noted()
    assert flat(map_chunks(_plain_texts, TEXTS, 9.0, progress, "cleaning")) == PLAIN
    assert progress.done == 50.0
    assert progress.said == ["cleaning: worker processes failed (OSError); going on without them."]


def test_killed_workers_are_done_without(monkeypatch) -> None:
    monkeypatch.setattr(text_workers, "n_processors", lambda: 2)
    progress, here = Noted(), os.getpid()

    def die_elsewhere(texts: list[str]) -> list[str]:
        if os.getpid() != here:
            os.kill(os.getpid(), 9)
        return texts

    assert flat(map_chunks(die_elsewhere, TEXTS, 9.0, progress, "cleaning")) == TEXTS
    assert [line for line in progress.said if "TerminatedWorkerError" in line]


def test_an_error_of_the_work_itself_is_not_swallowed() -> None:
    def fail(texts: list[str]) -> None:
        raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        map_chunks(fail, TEXTS, 0.0, Silent(), "failing")
