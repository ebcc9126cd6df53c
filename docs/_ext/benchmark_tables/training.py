"""Directives that show the figures of speed, each from the file of the benchmark's name."""

from typing import Any

from docutils import nodes

from benchmark_tables.table import FigureTable, share

SIDES = {
    "ours": "mnistcnn.train",
    "document": "the document's fit, Keras as installed",
    "expert": "Keras' fit, oneDNN on, 50 steps a call",
    "pytorch": "PyTorch, channels last",
    "matmul": "the machine's limit: matrix products",
}
RUNS = {
    "fast": "fast, 60,000 images",
    "short": "fast, the first 15,000 images",
    "script": "the document's script, five epochs",
}


def _times(value: float) -> str:
    return f"{value:.2f}\N{NO-BREAK SPACE}×"


class Throughput(FigureTable):
    """Images a second of every side, one table for each setting."""

    results = "throughput"
    module = "benchmarks.training.throughput"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return a caption and a table for each setting."""
        content: list[nodes.Node] = []
        for part in report["throughput"]:
            cores = part["cores"]
            text = f"Batches of {part['batch_size']}, {cores} core{'s' if cores > 1 else ''}:"
            rows = []
            for name, title in SIDES.items():
                rate = part["images_per_second"].get(name)
                if rate is None:
                    rows.append([title, "absent", "", ""])
                    continue
                ratio = part["ours_over"].get(name)
                rows.append(
                    [
                        title,
                        f"{rate['median']:,.0f}",
                        f"{rate['least']:,.0f} to {rate['most']:,.0f}",
                        "" if ratio is None else _times(ratio),
                    ]
                )
            head = ["", "images a second", "range", "ours is"]
            content += [nodes.paragraph(text=text), self.table(head, rows)]
        versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
        return [*content, nodes.paragraph(text=f"Versions: {versions}.")]


class ToAccuracy(FigureTable):
    """Time from building the network to its last step, and what it then reads."""

    results = "throughput"
    module = "benchmarks.training.throughput"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table and the ratio."""
        rows = []
        for name, title in RUNS.items():
            run = report["to_accuracy"][name]
            seconds, accuracy = run["seconds"], run["accuracy"]
            rows.append(
                [
                    title,
                    f"{seconds['median']:.1f}",
                    f"{seconds['least']:.1f} to {seconds['most']:.1f}",
                    share(accuracy["mean"]),
                    f"{share(min(accuracy['each']))} to {share(max(accuracy['each']))}",
                    str(len(accuracy["each"])),
                ]
            )
        head = ["", "seconds", "range", "mean test accuracy", "range", "runs"]
        ratio = report["to_accuracy"]["script_over_fast"]
        text = f"The document's script takes {ratio:.1f} times as long as fast."
        return [self.table(head, rows), nodes.paragraph(text=text)]


class Growth(FigureTable):
    """Cost by the number of images."""

    results = "throughput"
    module = "benchmarks.training.throughput"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table."""
        rows = [
            [
                f"{row['images']:,}",
                f"{row['seconds']['median']:.2f}",
                f"{row['seconds']['least']:.2f} to {row['seconds']['most']:.2f}",
                f"{row['images'] / row['seconds']['median']:,.0f}",
                f"{row['peak_mib']:,}",
            ]
            for row in report["growth"]
        ]
        return [
            self.table(["images", "seconds", "range", "images a second", "peak memory, MiB"], rows)
        ]


class Levers(FigureTable):
    """What each lever of the loop brings."""

    results = "ablation"
    module = "benchmarks.training.ablation"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table with both batch sizes."""
        sizes = list(report["batches"])
        rows = []
        for lines in zip(*report["batches"].values(), strict=True):
            cells = [lines[0]["lever"]]
            for line in lines:
                cells += [f"{line['images_per_second']['median']:,.0f}", _times(line["gain"])]
            rows.append(cells)
        head = ["lever"]
        for size in sizes:
            head += [f"images a second, batch {size}", "gain"]
        return [self.table(head, rows)]


class FastCandidates(FigureTable):
    """What was tried for the recipe `fast`."""

    results = "recipe_search_fast"
    module = "benchmarks.training.recipe_search_fast"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table, the taken one first."""
        taken = report["candidates"][0]["mean"]
        rows = []
        for candidate in report["candidates"]:
            change = ", ".join(f"{key} {value}" for key, value in candidate["change"].items())
            each = ", ".join(f"{100 * value:.2f}" for value in candidate["held_out"])
            points = 100 * (candidate["mean"] - taken)
            difference = f"{points:+.2f}" if candidate["change"] else ""
            rows.append([change or "as it is", share(candidate["mean"]), difference, each])
        head = ["change", "mean on held-out images", "points", "each seed, %"]
        return [self.table(head, rows)]
