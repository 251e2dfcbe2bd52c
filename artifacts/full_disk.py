"""Whether an error says that a disk is full, whichever library noticed it."""

from __future__ import annotations

import errno
import re

NO_ROOM = frozenset({errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})

# safetensors, CatBoost and LMDB say it in errors of their own; numpy's save has no number where a part was written.
_SAID = re.compile(r"no space left on device|disk quota exceeded|\d+ requested and \d+ written", re.IGNORECASE)


def is_full_disk(error: BaseException | None) -> bool:
    """Whether an error, or what it was raised from, says that a disk is full."""
    while error is not None:
        if (isinstance(error, OSError) and error.errno in NO_ROOM) or says_full_disk(str(error)):
            return True
        error = error.__cause__
    return False


def says_full_disk(text: str) -> bool:
    """Whether the text of an error says so."""
    return _SAID.search(text) is not None
