"""Limits on what files may unpack to."""

from __future__ import annotations

# MNIST fits in the minimum. A larger data set must have enough compressed bytes: images of digits
# compress about 5:1, the same images as text 40:1 and a zip bomb 1000:1.
_MIN_BYTES = 64 << 20
_MAX_EXPANSION = 25


class UnpackingLimit:
    """The number of bytes that the files of one data set may unpack to, all together.

    Parameters
    ----------
    file_size : int
        Bytes that the files take on disk.
    """

    def __init__(self, file_size: int) -> None:
        self._remaining = max(_MIN_BYTES, _MAX_EXPANSION * file_size)

    def check(self, count: int) -> None:
        """Raise ``ValueError`` if `count` more bytes exceed the limit."""
        if count > self._remaining:
            raise ValueError(
                f"it must unpack to at most {self._remaining:,} bytes; it declares {count:,}"
            )

    def spend(self, count: int) -> None:
        """Count bytes that will be unpacked; raise ``ValueError`` if they exceed the limit."""
        self.check(count)
        self._remaining -= count
