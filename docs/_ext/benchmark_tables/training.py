"""Directives for the speed of training, and for the search for the recipe `fast`."""

from typing import Any

from docutils import nodes

from benchmark_tables.base import BenchmarkTable, percent, ratio, value_range, versions_text

SIDES = {
    "mnistcnn": "mnistcnn.train",
    "keras_fit": "Keras fit, Keras as installed",
    "keras_fit_tuned": "Keras fit, oneDNN on, 50 steps per execution",
    "pytorch": "PyTorch, channels last",
    "matmul": "limit of the machine (matrix products)",
}
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


class _ThroughputTable(BenchmarkTable):
    results = "throughput"
    module = "benchmarks.training.throughput"


class Throughput(_ThroughputTable):
    """Images per second of every side, one table for each setting."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return a caption and a table for each setting."""
        content: list[nodes.Node] = []
        for part in report["throughput"]:
            cores = part["cores"]
            text = f"Batch size {part['batch_size']}, {cores} core{'s' if cores > 1 else ''}:"
            rows = []
            for name, title in SIDES.items():
                rate = part["images_per_second"].get(name)
                if rate is None:
                    rows.append([title, "not installed", "", ""])
                    continue
                speedup = part["speedup_over"].get(name)
                rows.append(
                    [
                        title,
                        f"{rate['median']:,.0f}",
                        value_range(rate, ",.0f"),
                        "" if speedup is None else ratio(speedup),
                    ]
                )
            header = ["", "images per second", "range", "speedup of mnistcnn"]
            content += [nodes.paragraph(text=text), self.table(header, rows)]
        return [*content, nodes.paragraph(text=f"Versions: {versions_text(report)}.")]


class OwnNetwork(_ThroughputTable):
    """Images per second of a network of three convolutions and 26 classes."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table with all batch sizes."""
        if "own_network" not in report:  # the last full run was before this part
            return [nodes.paragraph(text=f"To be measured by python -m {self.module}.")]
        rows = []
        for part in report["own_network"]:
            for name, title in OWN_NETWORK_SIDES.items():
                rate, speedup = part["images_per_second"][name], part["speedup_over"].get(name)
                rows.append(
                    [
                        f"batch size {part['batch_size']}: {title}",
                        f"{rate['median']:,.0f}",
                        value_range(rate, ",.0f"),
                        "" if speedup is None else ratio(speedup),
                    ]
                )
        header = ["", "images per second", "range", "speedup of mnistcnn"]
        return [self.table(header, rows)]


class TimeToAccuracy(_ThroughputTable):
    """Time from building the model to its last step, and its test accuracy."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table and the ratio."""
        rows = []
        for name, title in RUNS.items():
            run = report["time_to_accuracy"][name]
            seconds, accuracy = run["seconds"], run["accuracy"]
            rows.append(
                [
                    title,
                    f"{seconds['median']:.1f}",
                    value_range(seconds, ".1f"),
                    percent(accuracy["mean"]),
                    f"{percent(min(accuracy['each']))} to {percent(max(accuracy['each']))}",
                    str(len(accuracy["each"])),
                ]
            )
        header = ["", "seconds", "range", "mean test accuracy", "range", "runs"]
        speedup = report["time_to_accuracy"]["keras_tutorial_over_fast"]
        text = f"The published script takes {speedup:.1f} times as long as fast."
        return [self.table(header, rows), nodes.paragraph(text=text)]


class DatasetSize(_ThroughputTable):
    """Cost of an epoch by the number of images."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table."""
        rows = [
            [
                f"{row['images']:,}",
                f"{row['seconds']['median']:.2f}",
                value_range(row["seconds"], ".2f"),
                f"{row['images'] / row['seconds']['median']:,.0f}",
                f"{row['peak_mib']:,}",
            ]
            for row in report["dataset_sizes"]
        ]
        header = ["images", "seconds", "range", "images per second", "peak memory, MiB"]
        return [self.table(header, rows)]


class Ablation(BenchmarkTable):
    """What each technique of the training loop gains."""

    results = "ablation"
    module = "benchmarks.training.ablation"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table with all batch sizes."""
        rows = []
        for each in zip(*report["batches"].values(), strict=True):
            cells = [each[0]["technique"]]
            for row in each:
                cells += [f"{row['images_per_second']['median']:,.0f}", ratio(row["speedup"])]
            rows.append(cells)
        header = ["technique"]
        for size in report["batches"]:
            header += [f"images per second, batch size {size}", "speedup"]
        return [self.table(header, rows)]


class RecipeSearchFast(BenchmarkTable):
    """The candidates for the recipe `fast`."""

    results = "recipe_search_fast"
    module = "benchmarks.training.recipe_search_fast"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table, the chosen candidate first."""
        chosen = report["candidates"][0]["mean"]
        rows = []
        for candidate in report["candidates"]:
            changes = ", ".join(f"{key} {value}" for key, value in candidate["changes"].items())
            each = ", ".join(f"{100 * value:.2f}" for value in candidate["accuracies"])
            difference = f"{100 * (candidate['mean'] - chosen):+.2f}" if changes else ""
            rows.append([changes or "unchanged", percent(candidate["mean"]), difference, each])
        header = ["changes", "mean validation accuracy", "difference, points", "each seed, %"]
        return [self.table(header, rows)]
