"""An interrupt is not lost, and the usual handling comes back."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import suppress

import pytest

from automl.interrupts import watching_interrupts


@pytest.fixture(autouse=True)
def usual_handling() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_one_that_a_library_swallows_is_raised_at_the_next_check() -> None:
    with watching_interrupts() as interrupts:
        interrupts.check()
        assert not interrupts.came
        with suppress(KeyboardInterrupt):  # as a callback may do
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()
        assert interrupts.came and not interrupts.again
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_usual_handling_comes_back_after_an_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt), watching_interrupts():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_who_ignores_interrupts_goes_on_ignoring_them() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with watching_interrupts() as interrupts:
        signal.raise_signal(signal.SIGINT)
        interrupts.check()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_a_watch_inside_another_heeds_its_own_interrupts_and_both_know_the_second() -> None:
    with watching_interrupts() as outer:
        with watching_interrupts() as first, suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert first.came and outer.came and not outer.again
        with watching_interrupts() as second:
            second.check()  # what came before is not its own
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
            assert second.came and second.again and outer.again
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
