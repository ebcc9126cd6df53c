"""A small model of how long inference on very many images takes, what it costs and what bounds it.

    python -m benchmarks.training.cost_model --images 1e9 --cores 100 [--price P] [--bandwidth B]

Its parameters come from benchmarks/results/scaling.json; price and bandwidth are assumptions.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.harness import RESULTS

IMAGE_BYTES = 28 * 28
# Assumptions, neither measured nor an offer: per core and hour, in any currency, and bytes per
# second that the storage of the images delivers to all cores together.
PRICE, BANDWIDTH = 0.04, 5e9
# Chosen after a second Ray actor on two cores was measured to gain little.
ENGINE_CORES = 1


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Measured rates of one core and of the engine.

    Parameters
    ----------
    rate : float
        Images per second of one core alone.
    efficiency : float
        Fraction of `rate` that each core has when several work.
    engine_cores : int
        Cores that the engine keeps busy itself.
    start : float
        Seconds before the first image. A single core needs no engine.
    """

    rate: float
    efficiency: float = 1.0
    engine_cores: int = 0
    start: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What the model predicts."""

    seconds: float
    images_per_second: float
    bytes_per_second: float
    bound: str
    price: float


def estimate(
    images: float, cores: int, rates: Rates, *, price: float = PRICE, bandwidth: float = BANDWIDTH
) -> Estimate:
    """Return time, throughput, bottleneck and price of `images` on `cores`.

    The cores are bound by computation or by the bytes that reach them; waiting cores cost the
    same.
    """
    if images <= 0 or cores < 1:
        raise ValueError(f"images and cores must be greater than 0; received {images} and {cores}")
    workers = max(1, cores - rates.engine_cores)
    computed = workers * rates.rate * (rates.efficiency if workers > 1 else 1.0)
    delivered = bandwidth / IMAGE_BYTES
    throughput = min(computed, delivered)
    seconds = (rates.start if cores > 1 else 0.0) + images / throughput
    return Estimate(
        seconds=seconds,
        images_per_second=throughput,
        bytes_per_second=throughput * IMAGE_BYTES,
        bound="computation" if computed <= delivered else "storage bandwidth",
        price=seconds * cores * price / 3600,
    )


def measured_rates(report: dict[str, Any]) -> Rates:
    """Return the rates of plain processes; only the start time is that of Ray."""
    part = report["inference"]
    return Rates(
        rate=part["sides"]["processes-1"]["rate"],
        efficiency=min(1.0, part["efficiency"]["processes"]),
        engine_cores=ENGINE_CORES,
        start=part["sides"]["ray-1"]["start"],
    )


def predicted_and_measured(report: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """Return the predicted and the measured seconds of each side on Ray."""
    images, sides = report["inference"]["images"], report["inference"]["sides"]
    rates = measured_rates(report)
    predicted = estimate(images, report["cores"], rates, bandwidth=float("inf")).seconds
    return {
        name: (predicted, sides[name]["seconds"][str(images)]["median"])
        for name in ("ray-1", "ray-2")
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Print an estimate."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=float, default=1e9)
    parser.add_argument("--cores", type=int, default=100)
    parser.add_argument("--price", type=float, default=PRICE, help="per core and hour")
    parser.add_argument("--bandwidth", type=float, default=BANDWIDTH, help="bytes per second")
    options = parser.parse_args(argv)
    rates = measured_rates(json.loads((RESULTS / "scaling.json").read_text(encoding="utf-8")))
    result = estimate(
        options.images, options.cores, rates, price=options.price, bandwidth=options.bandwidth
    )
    print(
        f"{options.images:,.0f} images on {options.cores:,} cores: "
        f"{result.seconds / 60:,.1f} minutes,\n"
        f"{result.images_per_second:,.0f} images/s and {result.bytes_per_second / 1e6:,.0f} MB/s,\n"
        f"bound by {result.bound}; {result.price:,.2f} at {options.price} per core and hour"
    )


if __name__ == "__main__":
    main()
