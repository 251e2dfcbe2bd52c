"""What is told of a fit that ran out of memory or disk: one clear error, whichever library noticed it first."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from artifacts.errors import ArtifactError, FusionError
from artifacts.full_disk import is_full_disk

NOT_WRITABLE = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
SAID = (
    "can't allocate memory", "bad_alloc", "cannot allocate memory", "out of memory", "can't start new thread",
    "failed to map segment",
)  # fmt: skip

UNSAID = "error return without exception set"
LEAST_MB = 512  # of memory by ulimit -d and -v: with less, libraries do not load, and OpenBLAS asks for it without end


class _NoMemoryError(ArtifactError):
    """A lack of memory, in words."""


def check_limits() -> None:
    """Look at the limits of this process before libraries are loaded.

    Raises:
        ArtifactError: if they are too small for that.
    """
    for option, limit in _limits():
        if limit < LEAST_MB << 20:
            raise ArtifactError(
                f"This process may use {limit >> 20} MB of memory (ulimit {option}), too little for libraries to load. "
                f"Raise the limit to {LEAST_MB} MB at least, better to some gigabytes, then run the same command again."
            )


def _limits() -> list[tuple[str, int]]:
    """Options of ``ulimit`` that bound the memory of this process, and to how many bytes."""
    try:
        import resource
    except ImportError:  # not of this system
        return []
    kinds = {"-d": resource.RLIMIT_DATA, "-v": resource.RLIMIT_AS}
    limits = {option: resource.getrlimit(kind)[0] for option, kind in kinds.items()}
    return [(option, limit) for option, limit in limits.items() if limit != resource.RLIM_INFINITY]


@contextmanager
def told_shortages(what: str) -> Iterator[None]:
    """Within, a lack of memory or of room on a disk becomes an error that says what to do; others stay as they are.

    Args:
        what: what is done within, in words.

    Raises:
        ArtifactError: for a lack of memory, a full disk, or a folder that cannot be written.
    """
    try:
        yield
    except _NoMemoryError:  # told already, by what was done within
        raise
    except Exception as error:
        if _lacks_memory(error):
            raise _no_memory(what, error) from error
        if isinstance(error, FusionError):
            raise
        if is_full_disk(error):
            todo = "Free some space"
        elif isinstance(error, OSError) and error.errno in NOT_WRITABLE:
            todo = "Make it writable, or name another folder"
        else:
            raise
        raise ArtifactError(
            f"{what} could not go on: {error}. {todo}, then run the same command again: finished steps are kept."
        ) from error


def _lacks_memory(error: BaseException) -> bool:
    """Whether the system, torch, threads or the loader of libraries lack it, or an error was told of one of these."""
    if error.__cause__ is not None and _lacks_memory(error.__cause__):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if isinstance(error, SystemError):  # how libraries written in C fail where they cannot even say it
        return UNSAID in str(error) and bool(_limits())
    return isinstance(error, MemoryError | RuntimeError | ImportError) and is_lack_of_memory(error)


def is_lack_of_memory(error: BaseException) -> bool:
    """Whether an error, of whatever library, says that memory ran out."""
    return isinstance(error, MemoryError) or any(words in str(error).lower() for words in SAID)


def _no_memory(what: str, error: BaseException) -> _NoMemoryError:
    said = f"{type(error).__name__}: {str(error)[:200]}" if str(error) else type(error).__name__
    return _NoMemoryError(
        f"{what} ran out of memory ({said}). Close other programs, take a machine with more memory, fewer rows or a "
        "smaller encoder, then run the same command again: finished steps are kept."
    )
