"""The doctest flag ``APPROX``: numbers may differ a little from those on the page.

Training ends with slightly different numbers on another processor. With the flag, an example
shows its real output and is still tested: the text must match exactly, integers within 9 and
other numbers within 0.1, both or within 7 %, and spaces are ignored.
"""

import doctest
import re
from typing import Any

APPROX = doctest.register_optionflag("APPROX")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


class ApproximateChecker(doctest.OutputChecker):
    """An output checker that supports the flag."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        """Return whether the output matches the page."""
        if not optionflags & APPROX:
            return super().check_output(want, got, optionflags)
        texts = (_NUMBER.sub("#", text).split() for text in (want, got))
        numbers = zip(_NUMBER.findall(want), _NUMBER.findall(got), strict=False)
        return next(texts) == next(texts) and all(_is_close(*pair) for pair in numbers)


def _is_close(want: str, got: str) -> bool:
    tolerance = max(0.1 if "." in want else 9, 0.07 * float(want))
    return abs(float(want) - float(got)) <= tolerance


def setup(app: Any) -> dict[str, bool]:
    """Make it the checker of all doctests in this process."""
    doctest.OutputChecker = ApproximateChecker  # type: ignore[misc]
    return {"parallel_read_safe": True}
