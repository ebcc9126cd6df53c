"""Limits on what files may unpack to."""

from __future__ import annotations

# MNIST fits in the minimum. A larger data set must have enough compressed bytes: images of digits
# compress about 5:1, the same images as text 8:1, and a zip bomb 1000:1.
_MIN_BYTES = 64 << 20
_MAX_EXPANSION = 25


class UnpackingLimit:
    """The number of bytes that the files of one data set may unpack to, all together.

    Parameters
    ----------
    file_size : int
        Bytes that the files take on disk.
    minimum : int, optional
        The limit for small files.
    """

    def __init__(self, file_size: int, *, minimum: int = _MIN_BYTES) -> None:
        self._total = max(minimum, _MAX_EXPANSION * file_size)
        self._spent = 0

    def check(self, count: int) -> None:
        """Raise ``ValueError`` if `count` more bytes exceed the limit."""
        if self._spent + count > self._total:
            raise ValueError(
                f"it must unpack to at most {self._total:,} bytes; "
                f"it has at least {self._spent + count:,}"
            )

    def spend(self, count: int) -> None:
        """Count bytes that will be unpacked; raise ``ValueError`` if they exceed the limit."""
        self.check(count)
        self._spent += count
