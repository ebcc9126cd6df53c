"""Speed of `mnistcnn.train` beside the alternatives.

    python -m benchmarks.training.throughput [--quick] [--only PART]

Needs MNIST. Every alternative is a program of benchmarks/baselines in its own process; they take
turns, so that all of them meet the same noise of the machine. PyTorch takes part if it is
installed (pip install torch). Results go to benchmarks/results/throughput.json, with a figure
beside it; with --quick to a temporary folder, since few repetitions prove little.
"""

import importlib.util
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from benchmarks.harness import (
    BaselineProcess,
    argument_parser,
    mnist_file,
    package_versions,
    parse_args,
    summarize,
    take_turns,
    write_results,
)
from mnistcnn.utils.environment import cpu_count

TRAINING_FLOP = 14_645_760  # per image: see "The network and what each layer costs"
SIDES = {
    "mnistcnn": "mnistcnn.train",
    "keras_fit": "Keras fit, Keras as installed",
    "keras_fit_tuned": "Keras fit, oneDNN on, 50 steps per execution",
    "pytorch": "PyTorch, channels last",
    "matmul": "limit: matrix products",
}
COLORS = {
    "mnistcnn": "#0072B2", "keras_fit": "#999999", "keras_fit_tuned": "#E69F00",
    "pytorch": "#D55E00", "matmul": "#000000",
}  # fmt: skip
OWN_NETWORK_SIDES = {
    "mnistcnn": "mnistcnn.train",
    "keras_fit": "Keras fit, oneDNN on",
    "keras_fit_tuned": "Keras fit, oneDNN on, 50 steps per execution",
}
RUNS = {
    "fast": "fast, 60,000 images",
    "fast_15k": "fast, the first 15,000 images",
    "keras_tutorial": "the published Keras script, five epochs",
}


class Sizes:
    """How much is measured: in full, with ``--quick``, or with ``--smoke``."""

    def __init__(self, *, quick: bool, smoke: bool) -> None:
        few = quick or smoke
        self.smoke = smoke
        self.batch_sizes = (128,) if few else (32, 128)
        self.single_core = not few and hasattr(os, "sched_setaffinity")
        self.images = 256 if smoke else 6_400 if quick else 12_800
        self.rounds, self.warm_up = (1, 1) if smoke else (3, 2) if quick else (7, 2)
        self.seeds = 1 if smoke else 2 if quick else 10
        self.tutorial_runs = 1 if smoke else 0 if quick else 2
        self.dataset_sizes = (
            (256,) if smoke else (7_500, 30_000) if quick
            else (7_500, 15_000, 30_000, 60_000, 120_000, 240_000)
        )  # fmt: skip


def measure_throughput(data: Path, sizes: Sizes) -> list[dict[str, Any]]:
    """Measure every batch size on all cores, and one on a single core."""
    cores = cpu_count()
    settings = [(batch_size, cores) for batch_size in sizes.batch_sizes]
    if sizes.single_core:
        settings.append((128, 1))
    return [
        throughput(data, sizes, batch_size=batch_size, cores=cores)
        for batch_size, cores in settings
    ]


def throughput(data: Path, sizes: Sizes, *, batch_size: int, cores: int) -> dict[str, Any]:
    """Measure images per second of every side, in turns."""
    images = sizes.images

    def start(program: str, **options: Any) -> BaselineProcess:
        return BaselineProcess(
            program, data, images=images, cores=cores, batch_size=batch_size, **options,
            **({"smoke": 1} if sizes.smoke else {}),
        )  # fmt: skip

    processes = {
        "mnistcnn": start("mnistcnn_train"),
        "keras_fit": start("keras_fit", variant="baseline"),
        "keras_fit_tuned": start(
            "keras_fit", variant="tuned", environment={"TF_ENABLE_ONEDNN_OPTS": "1"}
        ),
        "matmul": start("matmul"),
    }
    if importlib.util.find_spec("torch"):
        processes["pytorch"] = start("pytorch")
    reports = take_turns(processes, rounds=sizes.rounds, warm_up=sizes.warm_up)
    rates: dict[str, Any] = {}
    for name, turns in reports.items():
        if name == "matmul":
            values = [turn["gflops"] * 1e9 / TRAINING_FLOP for turn in turns]
        else:
            values = [images / turn["seconds"] for turn in turns]
        rates[name] = {**summarize(values), "peak_mib": max(turn["peak_mib"] for turn in turns)}
    speedups = {
        name: statistics.median(
            other["seconds"] / ours["seconds"]
            for ours, other in zip(reports["mnistcnn"], reports[name], strict=True)
        )
        for name in reports
        if name not in ("mnistcnn", "matmul")
    }
    speedups["matmul"] = rates["mnistcnn"]["median"] / rates["matmul"]["median"]
    return {
        "batch_size": batch_size,
        "cores": cores,
        "images_per_second": rates,
        "speedup_over": speedups,
    }


def measure_own_network(data: Path, sizes: Sizes) -> list[dict[str, Any]]:
    """Measure a network of three convolutions and 26 classes, in turns, for every batch size."""
    rows = []
    for batch_size in sizes.batch_sizes:
        load = round(os.getloadavg()[0], 2)
        processes = {
            side: BaselineProcess(
                "own_network", data, images=sizes.images, cores=cpu_count(), variant=side,
                batch_size=batch_size, environment={"TF_ENABLE_ONEDNN_OPTS": "1"},
            )
            for side in OWN_NETWORK_SIDES
        }  # fmt: skip
        reports = take_turns(processes, rounds=sizes.rounds, warm_up=sizes.warm_up)
        seconds = {side: [turn["seconds"] for turn in turns] for side, turns in reports.items()}
        rows.append(
            {
                "batch_size": batch_size,
                "cores": cpu_count(),
                "load_before": load,
                "images_per_second": {
                    side: summarize([sizes.images / value for value in values])
                    for side, values in seconds.items()
                },
                "speedup_over": {
                    side: statistics.median(
                        other / ours
                        for ours, other in zip(seconds["mnistcnn"], values, strict=True)
                    )
                    for side, values in seconds.items()
                    if side != "mnistcnn"
                },
            }
        )
    return rows


def measure_time_to_accuracy(data: Path, sizes: Sizes) -> dict[str, Any]:
    """Measure the time of `fast` for one epoch and for 15,000 images, between tutorial runs."""

    def start(program: str, images: int) -> BaselineProcess:
        smoke = {"smoke": 1} if sizes.smoke else {}
        return BaselineProcess(program, data, images=images, cores=cpu_count(), **smoke)

    processes = {"fast": start("fast_recipe", 60_000), "fast_15k": start("fast_recipe", 15_000)}
    if sizes.tutorial_runs:
        processes["keras_tutorial"] = start("keras_tutorial", 60_000)
    reports: dict[str, list[dict[str, Any]]] = {name: [] for name in processes}
    interval = max(1, sizes.seeds // max(1, sizes.tutorial_runs))
    for turn in range(sizes.seeds):
        for name, process in processes.items():
            tutorial = name == "keras_tutorial"
            if not tutorial or (turn % interval == 0 and len(reports[name]) < sizes.tutorial_runs):
                reports[name].append(process.run_turn())
    for process in processes.values():
        process.close()
    result: dict[str, Any] = {}
    for name, turns in reports.items():
        accuracies = [turn["accuracy"] for turn in turns]
        result[name] = {
            "seconds": summarize([turn["seconds"] for turn in turns]),
            "accuracy": {"mean": statistics.mean(accuracies), "each": accuracies},
            "peak_mib": max(turn["peak_mib"] for turn in turns),
        }
    if "keras_tutorial" in result:
        medians = [result[name]["seconds"]["median"] for name in ("keras_tutorial", "fast")]
        result["keras_tutorial_over_fast"] = medians[0] / medians[1]
    return result


def measure_dataset_sizes(data: Path, sizes: Sizes) -> list[dict[str, Any]]:
    """Measure seconds per epoch and peak memory by the number of images."""
    rows = []
    for images in sizes.dataset_sizes:
        process = BaselineProcess("mnistcnn_train", data, images=images, cores=cpu_count())
        turns = take_turns({"train": process}, rounds=1 if sizes.smoke else 3, warm_up=1)["train"]
        rows.append(
            {
                "images": images,
                "seconds": summarize([turn["seconds"] for turn in turns]),
                "peak_mib": max(turn["peak_mib"] for turn in turns),
            }
        )
    return rows


PARTS = {
    "throughput": measure_throughput,
    "own_network": measure_own_network,
    "time_to_accuracy": measure_time_to_accuracy,
    "dataset_sizes": measure_dataset_sizes,
}


def throughput_tables(parts: Sequence[dict[str, Any]]) -> list[Table]:
    """Return a table for each setting, with one row per side."""
    return [_throughput_table(part) for part in parts]


def _throughput_table(part: dict[str, Any]) -> Table:
    table = Table(title=f"batch size {part['batch_size']}, cores: {part['cores']}")
    table.add_column("side")
    for column in ("images/s, median", "range", "speedup of mnistcnn", "peak MiB"):
        table.add_column(column, justify="right")
    for name, title in SIDES.items():
        rate = part["images_per_second"].get(name)
        if rate is None:
            table.add_row(title, "not installed", "", "", "")
            continue
        speedup = part["speedup_over"].get(name)
        table.add_row(
            title,
            f"{rate['median']:,.0f}",
            f"{rate['min']:,.0f} ... {rate['max']:,.0f}",
            "" if speedup is None else f"{speedup:.2f}",
            f"{rate['peak_mib']:,}",
        )
    return table


def own_network_tables(rows: Sequence[dict[str, Any]]) -> list[Table]:
    """Return a table with one row for each side and batch size."""
    table = Table(title="a network of three convolutions and 26 classes")
    for column in ("side", "batch size", "images/s, median", "range", "speedup of mnistcnn"):
        table.add_column(column, justify="left" if column == "side" else "right")
    for row in rows:
        for side, title in OWN_NETWORK_SIDES.items():
            rate, speedup = row["images_per_second"][side], row["speedup_over"].get(side)
            table.add_row(
                title,
                str(row["batch_size"]),
                f"{rate['median']:,.0f}",
                f"{rate['min']:,.0f} ... {rate['max']:,.0f}",
                "" if speedup is None else f"{speedup:.2f}",
            )
    return [table]


def time_to_accuracy_tables(part: dict[str, Any]) -> list[Table]:
    """Return a table with one row per kind of run."""
    ratio = part.get("keras_tutorial_over_fast")
    more = f"; Keras script / fast: {ratio:.1f}" if ratio else ""
    table = Table(title=f"time to an accuracy, from building the model to the last step{more}")
    table.add_column("run")
    for column in ("seconds, median", "range", "test accuracy, mean", "peak MiB"):
        table.add_column(column, justify="right")
    for name, title in RUNS.items():
        run = part.get(name)
        if run:
            seconds = run["seconds"]
            table.add_row(
                title,
                f"{seconds['median']:.1f}",
                f"{seconds['min']:.1f} ... {seconds['max']:.1f}",
                f"{run['accuracy']['mean']:.2%} of {len(run['accuracy']['each'])}",
                f"{run['peak_mib']:,}",
            )
    return [table]


def dataset_sizes_tables(rows: Sequence[dict[str, Any]]) -> list[Table]:
    """Return a table with one row per number of images."""
    table = Table(title="one epoch of train by the number of images, batch size 128")
    for column in ("images", "seconds, median", "range", "images/s", "peak MiB"):
        table.add_column(column, justify="right")
    for row in rows:
        seconds = row["seconds"]
        table.add_row(
            f"{row['images']:,}",
            f"{seconds['median']:.2f}",
            f"{seconds['min']:.2f} ... {seconds['max']:.2f}",
            f"{row['images'] / seconds['median']:,.0f}",
            f"{row['peak_mib']:,}",
        )
    return [table]


TABLES: dict[str, Callable[[Any], list[Table]]] = {
    "throughput": throughput_tables,
    "own_network": own_network_tables,
    "time_to_accuracy": time_to_accuracy_tables,
    "dataset_sizes": dataset_sizes_tables,
}


def draw_throughput(report: dict[str, Any], path: Path) -> None:
    """Draw the throughput of all sides as bars: medians with their range."""
    parts = report["throughput"]
    figure = Figure(figsize=(8, 0.6 + 1.9 * len(parts)), layout="constrained")
    panels = figure.subplots(len(parts), 1, sharex=True, squeeze=False)[:, 0]
    for axes, part in zip(panels, parts, strict=True):
        rates = part["images_per_second"]
        names = [name for name in SIDES if name in rates]
        medians = [rates[name]["median"] for name in names]
        errors = [
            [rates[name]["median"] - rates[name]["min"] for name in names],
            [rates[name]["max"] - rates[name]["median"] for name in names],
        ]
        axes.barh(
            [SIDES[name] for name in names],
            medians,
            xerr=errors,
            color=[COLORS[name] for name in names],
            error_kw={"ecolor": "#666666"},
        )
        axes.invert_yaxis()
        cores = part["cores"]
        axes.set_title(f"Batch size {part['batch_size']}, {cores} core{'s' if cores > 1 else ''}")
        axes.grid(axis="x", alpha=0.3)
        axes.set_axisbelow(True)
    panels[-1].set_xlabel("Training images per second (median and range)")
    figure.savefig(path, dpi=110)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, save, draw and print."""
    parser = argument_parser(__doc__, "throughput.json")
    parser.add_argument("--quick", action="store_true", help="few repetitions, under 3 minutes")
    parser.add_argument("--only", choices=PARTS, help="replace this part of the results alone")
    parser.add_argument("--redraw", action="store_true", help="draw the figure from the results")
    options = parse_args(parser, argv)
    if options.quick:
        options.output = Path(tempfile.mkdtemp()) / options.output.name
    figure = options.output.with_suffix(".png")
    if options.redraw:
        draw_throughput(json.loads(options.output.read_text()), figure)
        return
    data, sizes = (
        mnist_file(smoke=options.smoke),
        Sizes(quick=options.quick, smoke=options.smoke),
    )
    console = Console(width=None if sys.stdout.isatty() else 110)
    keeps_others = options.only and options.output.exists()
    report = json.loads(options.output.read_text()) if keeps_others else {}
    for part in [options.only] if options.only else PARTS:
        console.print(f"Measuring {part} ...")
        report[part] = PARTS[part](data, sizes)
    libraries = ["mnistcnn", "keras", "tensorflow", "numpy"]
    libraries += ["torch"] if importlib.util.find_spec("torch") else []
    report |= {
        "cores": cpu_count(),
        "machine": platform.machine(),
        "versions": package_versions(*libraries),
    }
    write_results(options.output, report)
    for part in filter(report.get, PARTS):
        console.print(*TABLES[part](report[part]))
    console.print(f"Results: {options.output}")
    if "throughput" in report:
        draw_throughput(report, figure)
        console.print(f"Figure: {figure}")


if __name__ == "__main__":
    main()
