"""
Text of others on a terminal: what would command it is shown, not obeyed.
"""

from __future__ import annotations

import re
from typing import Final

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """
    *text* on one line, control characters as escapes: a name in a journal must not move the cursor.
    """
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
