"""Settings of the service, and how worker processes receive them."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field

from mnistcnn.images.content import MAX_FILE_BYTES
from mnistcnn.images.image_io import MAX_PIXELS
from mnistcnn.utils.environment import cpu_count, max_parallel
from mnistcnn.utils.validation import check_int, check_positive

# Set by the command for the processes that it starts.
VARIABLE = "MNISTCNN_SERVE"
_MAX_TIMEOUT = 3600
_MAX_WAITING = 10_000


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of the service.

    Parameters
    ----------
    weights : str, default "best"
        As `Recognizer` takes them.
    max_bytes : int, default 20,000,000
        Maximum size of the body of a request; at most 160,000,000.
    max_pixels : int, default 50,000,000
        Maximum number of pixels of a picture, or of each page of it; at most 50,000,000.
    timeout : float, default 30
        Seconds until a request must have been received, and from then on until it is answered; at
        most 3600.
    concurrency : int, optional
        Number of requests that each worker process computes at the same time. Default: one per
        core.
    max_waiting : int, default 16
        Number of further requests that each worker process accepts; they wait.

    Raises
    ------
    TypeError, ValueError
        If a value has the wrong type or is out of range.
    """

    weights: str = "best"
    max_bytes: int = 20_000_000
    max_pixels: int = MAX_PIXELS
    timeout: float = 30.0
    concurrency: int = field(default_factory=cpu_count)
    max_waiting: int = 16

    def __post_init__(self) -> None:
        for name, minimum, maximum, reason in (
            ("max_bytes", 1, MAX_FILE_BYTES, "since larger files are not read"),
            ("max_pixels", 1, MAX_PIXELS, "since larger pictures are not read"),
            ("concurrency", 1, max_parallel(), "since each request takes a core"),
            ("max_waiting", 0, _MAX_WAITING, "since each takes memory"),
        ):
            value = getattr(self, name)
            check_int(name, value, minimum=minimum, maximum=maximum, reason=reason)
        if check_positive("timeout", self.timeout) > _MAX_TIMEOUT:
            raise ValueError(
                f"timeout must be at most {_MAX_TIMEOUT:,} seconds; received {self.timeout:g}"
            )

    def to_environment(self) -> None:
        """Store the settings in the environment, from which `from_environment` reads them."""
        os.environ[VARIABLE] = json.dumps(asdict(self))

    @classmethod
    def from_environment(cls) -> Settings:
        """Return the stored settings; the defaults if there are none."""
        return cls(**json.loads(os.environ.get(VARIABLE, "{}")))
