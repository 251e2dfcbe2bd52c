"""What a word is, in any script that parts words: letters and digits, with inner apostrophes and hyphens."""

from __future__ import annotations

import re

WORD = re.compile(r"[^\W_]++(?:['’\-][^\W_]++)*+")
