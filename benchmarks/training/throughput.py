"""How fast `mnistcnn.train` is, beside what a user would take instead.

    python -m benchmarks.training.throughput [--quick] [--only to_accuracy]

Needs MNIST, from wherever `load_data` has it. Every side is a small
program in benchmarks/baselines/, alive in a process of its own; they take turns, so that a noisy
machine is noisy for all of them. PyTorch takes part where it is installed
(pip install torch). Figures go to benchmarks/results/throughput.json, and the picture beside
it; with --quick, to a temporary folder, since few repetitions prove little.
"""

import argparse
import importlib.util
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from benchmarks.harness import RESULTS, Peer, find_data, spread
from mnistcnn.utils.environment import cpu_count

TRAINING_FLOP = 14_645_760  # of one image: see "The network and what each layer costs"
TITLES = {
    "ours": "mnistcnn.train",
    "document": "the document's fit, Keras as installed",
    "expert": "Keras fit, oneDNN on, 50 steps a call",
    "pytorch": "PyTorch, channels last",
    "matmul": "limit: matrix products",
}
COLOURS = {
    "ours": "#0072B2", "document": "#999999", "expert": "#E69F00", "pytorch": "#D55E00",
    "matmul": "#000000",
}  # fmt: skip


def throughput(data: Path, *, batch: int, cores: int, images: int, rounds: int) -> dict[str, Any]:
    """Images a second of every side, in turns."""
    given = {"images": images, "cores": cores, "batch_size": batch}
    peers = {
        "ours": Peer("mnistcnn_train", data, **given),
        "document": Peer("keras_fit", data, style="document", **given),
        "expert": Peer(
            "keras_fit", data, style="expert", settings={"TF_ENABLE_ONEDNN_OPTS": "1"}, **given
        ),
        "matmul": Peer("matmul", data, **given),
    }
    if importlib.util.find_spec("torch"):
        peers["pytorch"] = Peer("pytorch", data, **given)
    turns: dict[str, list[dict[str, Any]]] = {name: [] for name in peers}
    for number in range(rounds + 2):
        for name, peer in peers.items():
            figures = peer.turn()
            if number >= 2:  # the first turns compile and warm up
                turns[name].append(figures)
    for peer in peers.values():
        peer.close()
    rates: dict[str, Any] = {}
    for name, figures in turns.items():
        if name == "matmul":
            values = [turn["gflops"] * 1e9 / TRAINING_FLOP for turn in figures]
        else:
            values = [images / turn["seconds"] for turn in figures]
        rates[name] = {**spread(values), "peak_mib": max(turn["peak_mib"] for turn in figures)}
    ratios = {
        name: statistics.median(
            other["seconds"] / ours["seconds"]
            for ours, other in zip(turns["ours"], turns[name], strict=True)
        )
        for name in turns
        if name not in ("ours", "matmul")
    }
    ratios["matmul"] = rates["ours"]["median"] / rates["matmul"]["median"]
    return {"batch_size": batch, "cores": cores, "images_per_second": rates, "ours_over": ratios}


def to_accuracy(data: Path, *, cores: int, seeds: int, scripts: int) -> dict[str, Any]:
    """Time of `fast` for one pass and for 15,000 images, between runs of the script."""
    fast = Peer("fast_recipe", data, images=60_000, cores=cores)
    short = Peer("fast_recipe", data, images=15_000, cores=cores)
    script = Peer("keras_tutorial", data, images=60_000, cores=cores) if scripts else None
    turns: dict[str, list[dict[str, Any]]] = {"fast": [], "short": [], "script": []}
    for number in range(seeds):
        turns["fast"].append(fast.turn())
        turns["short"].append(short.turn())
        if script and number % max(1, seeds // scripts) == 0 and len(turns["script"]) < scripts:
            turns["script"].append(script.turn())
    for peer in (fast, short, script):
        if peer:
            peer.close()
    result: dict[str, Any] = {}
    for name, figures in turns.items():
        if figures:
            accuracies = [turn["accuracy"] for turn in figures]
            result[name] = {
                "seconds": spread([turn["seconds"] for turn in figures]),
                "accuracy": {"mean": statistics.mean(accuracies), "each": accuracies},
                "peak_mib": max(turn["peak_mib"] for turn in figures),
            }
    if "script" in result:
        medians = [result[name]["seconds"]["median"] for name in ("script", "fast")]
        result["script_over_fast"] = medians[0] / medians[1]
    return result


def growth(data: Path, *, cores: int, sizes: Sequence[int]) -> list[dict[str, Any]]:
    """Seconds of an epoch and peak memory by the number of images."""
    rows = []
    for images in sizes:
        peer = Peer("mnistcnn_train", data, images=images, cores=cores, batch_size=128)
        turns = [peer.turn() for _ in range(4)]
        peer.close()
        seconds = spread([turn["seconds"] for turn in turns[1:]])
        rows.append(
            {"images": images, "seconds": seconds, "peak_mib": max(t["peak_mib"] for t in turns)}
        )
    return rows


def all_throughputs(data: Path, *, cores: int, quick: bool) -> list[dict[str, Any]]:
    """Measure every setting of batch and cores."""
    plans = [(128, cores)] if quick else [(32, cores), (128, cores)]
    if not quick and hasattr(os, "sched_setaffinity"):
        plans.append((128, 1))  # elsewhere a process can't be confined to a core
    images, rounds = (6_400, 3) if quick else (12_800, 7)
    return [
        throughput(data, batch=batch, cores=used, images=images, rounds=rounds)
        for batch, used in plans
    ]


def all_accuracies(data: Path, *, cores: int, quick: bool) -> dict[str, Any]:
    """Measure ten seeds and two runs of the script, or a taste of it."""
    return to_accuracy(data, cores=cores, seeds=2 if quick else 10, scripts=0 if quick else 2)


def all_sizes(data: Path, *, cores: int, quick: bool) -> list[dict[str, Any]]:
    """Measure every number of images."""
    sizes = (7_500, 30_000) if quick else (7_500, 15_000, 30_000, 60_000, 120_000, 240_000)
    return growth(data, cores=cores, sizes=sizes)


def throughput_table(part: dict[str, Any]) -> Table:
    """Return the sides of one setting, a row each."""
    table = Table(title=f"batch {part['batch_size']}, cores {part['cores']}")
    table.add_column("side")
    for column in ("images/s, median", "range", "ours is times as fast", "peak MiB"):
        table.add_column(column, justify="right")
    for name, title in TITLES.items():
        rate = part["images_per_second"].get(name)
        if rate is None:
            table.add_row(title, "absent", "", "", "")
            continue
        ratio = part["ours_over"].get(name)
        table.add_row(
            title,
            f"{rate['median']:,.0f}",
            f"{rate['least']:,.0f} ... {rate['most']:,.0f}",
            "" if ratio is None else f"{ratio:.2f}",
            f"{rate['peak_mib']:,}",
        )
    return table


def accuracy_table(report: dict[str, Any]) -> Table:
    """Return the time to an accuracy, a row for each kind of run."""
    ratio = report.get("script_over_fast")
    more = f"; script / fast: {ratio:.1f}" if ratio else ""
    table = Table(title=f"time to an accuracy, build to last step{more}")
    table.add_column("run")
    for column in ("seconds, median", "range", "test accuracy, mean", "peak MiB"):
        table.add_column(column, justify="right")
    names = {
        "fast": "fast, 60,000 images",
        "short": "fast, the first 15,000 images",
        "script": "the document's script, five epochs",
    }
    for name, title in names.items():
        figures = report.get(name)
        if figures:
            seconds = figures["seconds"]
            table.add_row(
                title,
                f"{seconds['median']:.1f}",
                f"{seconds['least']:.1f} ... {seconds['most']:.1f}",
                f"{figures['accuracy']['mean']:.2%} of {len(figures['accuracy']['each'])}",
                f"{figures['peak_mib']:,}",
            )
    return table


def growth_table(rows: Sequence[dict[str, Any]]) -> Table:
    """Return cost by the number of images."""
    table = Table(title="an epoch of train by the number of images, batch 128")
    for column in ("images", "seconds, median", "range", "images/s", "peak MiB"):
        table.add_column(column, justify="right")
    for row in rows:
        seconds = row["seconds"]
        table.add_row(
            f"{row['images']:,}",
            f"{seconds['median']:.2f}",
            f"{seconds['least']:.2f} ... {seconds['most']:.2f}",
            f"{row['images'] / seconds['median']:,.0f}",
            f"{row['peak_mib']:,}",
        )
    return table


def draw(report: dict[str, Any], path: Path) -> None:
    """Draw the throughput of all sides, medians with their range."""
    parts = report["throughput"]
    figure = Figure(figsize=(8, 0.6 + 1.9 * len(parts)), layout="constrained")
    panels = figure.subplots(len(parts), 1, sharex=True, squeeze=False)[:, 0]
    for panel, part in zip(panels, parts, strict=True):
        rates = part["images_per_second"]
        names = [name for name in TITLES if name in rates]
        medians = [rates[name]["median"] for name in names]
        errors = [
            [rates[name]["median"] - rates[name]["least"] for name in names],
            [rates[name]["most"] - rates[name]["median"] for name in names],
        ]
        panel.barh(
            [TITLES[name] for name in names],
            medians,
            xerr=errors,
            color=[COLOURS[name] for name in names],
            error_kw={"ecolor": "#666666"},
        )
        panel.invert_yaxis()
        cores = part["cores"]
        panel.set_title(f"Batch {part['batch_size']}, {cores} core{'s' if cores > 1 else ''}")
        panel.grid(axis="x", alpha=0.3)
        panel.set_axisbelow(True)
    panels[-1].set_xlabel("Training images per second (median and range)")
    figure.savefig(path, dpi=110)


def main() -> None:
    """Measure, print, draw, keep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few repetitions, under 3 minutes")
    parser.add_argument(
        "--only",
        choices=("throughput", "to_accuracy", "growth"),
        help="measure this part anew and keep the others as they are in the file",
    )
    options = parser.parse_args()
    quick = options.quick
    data = find_data()
    console = Console(width=None if sys.stdout.isatty() else 110)
    cores = cpu_count()
    measure = {"throughput": all_throughputs, "to_accuracy": all_accuracies, "growth": all_sizes}
    report = json.loads((RESULTS / "throughput.json").read_text()) if options.only else {}
    for part in [options.only] if options.only else measure:
        console.print(f"Measuring {part} ...")
        report[part] = measure[part](data, cores=cores, quick=quick)
    libraries = ["mnistcnn", "keras", "tensorflow", "numpy"]
    libraries += ["torch"] if importlib.util.find_spec("torch") else []
    report |= {
        "cores": cores,
        "machine": platform.machine(),
        "versions": {name: version(name) for name in libraries},
    }
    folder = Path(tempfile.mkdtemp()) if quick else RESULTS
    (folder / "throughput.json").write_text(json.dumps(report, indent=1) + "\n")
    draw(report, folder / "throughput.png")
    console.print(
        *map(throughput_table, report["throughput"]),
        accuracy_table(report["to_accuracy"]),
        growth_table(report["growth"]),
    )
    console.print(f"Figures in {folder / 'training.json'}, picture in {folder / 'training.png'}")


if __name__ == "__main__":
    main()
