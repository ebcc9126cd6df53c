"""Directives for training on several machines."""

from typing import Any

from docutils import nodes

from benchmark_tables.base import BenchmarkTable


class _MultiWorkerTable(BenchmarkTable):
    results = "multi_worker"
    module = "benchmarks.training.multi_worker"


class Log(_MultiWorkerTable):
    """What the command printed on each of two machines."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one block per machine."""
        part = report["log"]
        blocks: list[nodes.Node] = []
        for index, lines in enumerate(part["lines"]):
            text = "\n".join([f"$ {part['command']}    # machine {index}", *lines])
            blocks.append(nodes.literal_block(text, text, language="console"))
        return blocks


class Throughput(_MultiWorkerTable):
    """Images per second of one process and of two workers on the same cores."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return a table and the speedup."""
        part = report["throughput"]
        rows = [
            [title, *(f"{rates[key]:,.0f}" for key in ("median", "min", "max"))]
            for title, rates in (
                ("one process, on all cores", part["images_per_second"]["1"]),
                ("two workers, on the same cores", part["images_per_second"]["2"]),
            )
        ]
        speedup, versions = part["speedup"], report["versions"]
        text = (
            f"Recipe fast on {part['images']:,} images, without the first epoch; "
            f"{report['cores']} cores, Keras {versions['keras']}, TensorFlow "
            f"{versions['tensorflow']}. Median speedup of two workers: "
            f"{speedup['median']:.2f} ({speedup['min']:.2f} to {speedup['max']:.2f}). The load "
            "average "
            f"before the measurement was {part['load_before']:.1f}."
        )
        header = ["", "images per second, median", "min", "max"]
        return [self.table(header, rows), nodes.paragraph(text=text)]


class KerasFit(_MultiWorkerTable):
    """The error of Keras' own fit with several workers."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return its output and the versions."""
        versions, text = report["versions"], "\n".join(report["keras_fit"]["output"])
        note = f"Keras {versions['keras']}, TensorFlow {versions['tensorflow']}."
        return [nodes.literal_block(text, text, language="text"), nodes.paragraph(text=note)]
