"""How long very many images take, what they cost and what bounds them: a small model.

    python -m benchmarks.training.cost_model --images 1e9 --cores 100 [--price 0.04] [--bandwidth 5e9]

Its figures come from benchmarks/results/scaling.json; price and bandwidth are assumptions to change.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "results"
IMAGE_BYTES = 28 * 28
# Assumptions, neither measured nor anybody's offer: of a core for an hour, in whatever currency,
# and of what the place where the images lie gives to all cores together, in bytes a second.
PRICE, BANDWIDTH = 0.04, 5e9


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What one core and the engine were measured to do.

    `rate` is of one core alone, in images a second; `efficiency` what of it is left for each where
    several work; `engine_cores` how many the engine keeps busy itself; `start` its seconds before
    the first image. On a single core there is no engine.
    """

    rate: float
    efficiency: float = 1.0
    engine_cores: int = 0
    start: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to expect."""

    seconds: float
    images_per_second: float
    bytes_per_second: float
    bound: str
    price: float


def plan(
    images: float, cores: int, costs: Costs, *, price: float = PRICE, bandwidth: float = BANDWIDTH
) -> Plan:
    """Return time, flow, bound and price of so many images on so many cores.

    The cores are bound by what they compute, or by the bytes that reach them; cores that wait are
    paid all the same. Alone, a core has its whole rate.
    """
    if images <= 0 or cores < 1:
        raise ValueError(f"images and cores must be greater than 0; received {images} and {cores}")
    reading = max(1, cores - costs.engine_cores)
    computed = reading * costs.rate * (costs.efficiency if reading > 1 else 1.0)
    delivered = bandwidth / IMAGE_BYTES
    flow = min(computed, delivered)
    seconds = (costs.start if cores > 1 else 0.0) + images / flow
    return Plan(
        seconds=seconds,
        images_per_second=flow,
        bytes_per_second=flow * IMAGE_BYTES,
        bound="processors" if computed <= delivered else "the place where the images lie",
        price=seconds * cores * price / 3600,
    )


# Chosen after it was seen that on two cores a second actor brings little.
ENGINE_CORES = 1


def measured(report: dict[str, Any]) -> Costs:
    """Return the costs by the plain processes; of Ray only the start is taken."""
    sides, efficiency = report["reading"]["sides"], report["reading"]["efficiency"]["bare"]
    return Costs(
        rate=sides["bare-1"]["rate"],
        efficiency=min(1.0, efficiency),
        engine_cores=ENGINE_CORES,
        start=sides["ray-1"]["start"],
    )


def check(report: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """Return, for each side on Ray, seconds as the model tells them and as they were measured."""
    images = report["reading"]["images"]
    told = plan(images, report["cores"], measured(report), bandwidth=float("inf")).seconds
    sides = report["reading"]["sides"]
    return {
        name: (told, sides[name]["seconds"][str(images)]["median"]) for name in ("ray-1", "ray-2")
    }


def main() -> None:
    """Print a plan."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=float, default=1e9)
    parser.add_argument("--cores", type=int, default=100)
    parser.add_argument("--price", type=float, default=PRICE, help="of a core for an hour")
    parser.add_argument("--bandwidth", type=float, default=BANDWIDTH, help="bytes a second")
    given = parser.parse_args()
    costs = measured(json.loads((RESULTS / "scaling.json").read_text(encoding="utf-8")))
    found = plan(given.images, given.cores, costs, price=given.price, bandwidth=given.bandwidth)
    print(
        f"{given.images:,.0f} images on {given.cores:,} cores: {found.seconds / 60:,.1f} minutes,"
    )
    print(f"{found.images_per_second:,.0f} images and {found.bytes_per_second / 1e6:,.0f} MB/s,")
    print(f"bound by {found.bound}; {found.price:,.2f} at {given.price} for a core and hour")


if __name__ == "__main__":
    main()
