"""The four exceptions that the package defines.

All other errors are a built-in ``TypeError`` (wrong type), ``ValueError`` (wrong value, shape or
range) or ``OSError``.
"""

from __future__ import annotations

from typing import Any

from mnistcnn.public import public


@public
class CorruptFileError(ValueError):
    """A file is damaged, too large, not of the expected format, or not a regular file.

    The message names the file, the rule and what the file contains. No content of the file is
    used.
    """


@public
class DataUnavailableError(OSError):
    """A data set is not cached and could not be downloaded.

    The message lists each source that was tried with its error, and what you can do.
    """


@public
class WorkerLostError(ConnectionError):
    """Another worker of a training run on several machines has stopped.

    The message names the worker, if it is known, and how to resume.
    """


@public
class PatternMismatchError(ValueError):
    """No reading of a picture fits the pattern that `Recognizer.read` was called with.

    Attributes
    ----------
    reading : Reading
        The reading without the pattern. Doubtful digits are marked.
    """

    def __init__(self, message: str, reading: Any = None) -> None:
        super().__init__(message)
        self.reading = reading
