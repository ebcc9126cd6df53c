"""Foreign text, such as file names and content of files, in messages and on the terminal.

Such text may be of any length, forge further lines, or control the terminal.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Sequence

MAX_CHARS = 200
MAX_NAME_CHARS = 40  # of each name in a list
_MAX_NAMES = 8
_ELLIPSIS = "..."


def escape(value: object, *, limit: int = MAX_CHARS) -> str:
    """Return ``str(value)``, or the message of an error, on one line of at most `limit` characters.

    Characters that are not printable are escaped as in ``repr``. Of a longer text, the beginning
    and the end are returned.
    """
    try:
        text = describe_error(value) if isinstance(value, BaseException) else str(value)
    except (ValueError, RecursionError):  # Python limits the digits of an integer
        text = f"a very long {type(value).__name__}"
    if len(text) <= limit:
        line = _escape(text)
        if len(line) <= limit:
            return line
    head = (limit - len(_ELLIPSIS)) // 2
    tail = limit - len(_ELLIPSIS) - head
    return f"{_escape(text[:head])[:head]}{_ELLIPSIS}{_escape(text[-tail:])[-tail:]}"


def quote(value: object, *, limit: int = MAX_CHARS) -> str:
    """Return ``repr(value)`` on one line of at most `limit` characters."""
    if isinstance(value, str) and len(value) > 2 * limit:
        value = value[:limit] + value[-limit:]  # repr takes up to ten times the memory
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        text = f"a very long {type(value).__name__}"
    return escape(text, limit=limit)


def quote_names(names: Sequence[object]) -> str:
    """Return the first names in quotes: a file may hold any number of names of any length."""
    listed = ", ".join(quote(name, limit=MAX_NAME_CHARS) for name in names[:_MAX_NAMES])
    return f"{listed}, {_ELLIPSIS}" if len(names) > _MAX_NAMES else listed


def did_you_mean(value: object, choices: Iterable[object]) -> str:
    """Return ``"; did you mean 'train'?"`` if `value` is a misspelled choice, otherwise ``""``."""
    if not isinstance(value, str) or len(value) > MAX_CHARS:
        return ""
    # By lower case, so that MNIST suggests mnist.
    names = {choice.lower(): choice for choice in choices if isinstance(choice, str)}
    closest = difflib.get_close_matches(value.lower(), names, n=1)
    return f"; did you mean {names[closest[0]]!r}?" if closest else ""


def describe_error(error: BaseException) -> str:
    """Return the message of an error for users, without ``[Errno 2]`` and names of codecs."""
    if isinstance(error, UnicodeDecodeError):
        byte = error.object[error.start]
        return f"text that is not {error.encoding.upper()} (byte 0x{byte:02x} at {error.start})"
    if not isinstance(error, OSError) or error.errno is None or not error.strerror:
        return str(error)
    if error.filename is None:
        return error.strerror
    return f"{os.fsdecode(error.filename)}: {error.strerror}"


def _escape(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
