"""The two errors that are this package's own.

Everything else is a plain ``TypeError`` (a wrong kind of thing) or ``ValueError``
(a wrong value, shape or range).
"""

from __future__ import annotations


class CorruptFileError(ValueError):
    """A file is damaged, or is not what it must be.

    The message names the file, the rule and what was found. Nothing of the file
    was used.
    """

    __module__ = "mnistcnn"  # tracebacks show the name that users catch


class WorkerLostError(ConnectionError):
    """Another worker of a training on several machines is gone.

    The message says which one, where that is known, and how to go on.
    """

    __module__ = "mnistcnn"


class DataUnavailableError(OSError):
    """A data set could not be had from anywhere.

    The message names each place that was tried with its reason, and what can be
    done.
    """

    __module__ = "mnistcnn"
