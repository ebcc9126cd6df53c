"""Directives for training on several machines, from the figures of benchmarks/training/multi_worker.py."""

from typing import Any

from docutils import nodes

from benchmark_tables.table import FigureTable


class _Workers(FigureTable):
    results = "multi_worker"
    module = "benchmarks.training.multi_worker"


class Log(_Workers):
    """What the command printed on each of two machines."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one block for each."""
        part = report["log"]
        blocks: list[nodes.Node] = []
        for number, lines in enumerate(part["lines"]):
            text = "\n".join([f"$ {part['command']}    # machine {number}", *lines])
            blocks.append(nodes.literal_block(text, text, language="console"))
        return blocks


class Throughput(_Workers):
    """Images a second in one process and in two workers on its cores."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return a table and the ratio."""
        part = report["throughput"]
        rows = [
            [title, *(f"{rates[key]:,.0f}" for key in ("median", "least", "most"))]
            for title, rates in (
                ("one process, on all cores", part["images_per_second"]["1"]),
                ("two workers, on the same cores", part["images_per_second"]["2"]),
            )
        ]
        ratio, versions = part["two_over_one"], report["versions"]
        text = (
            f"Recipe fast on {part['images']:,} images, from the second epoch on; "
            f"{report['cores']} cores, Keras {versions['keras']}, TensorFlow "
            f"{versions['tensorflow']}. Two over one, turn by turn: {ratio['median']:.2f} "
            f"({ratio['least']:.2f} to {ratio['most']:.2f}). The machine's load before it began "
            f"was {part['load_before']:.1f}."
        )
        head = ["", "images a second, median", "least", "most"]
        return [self.table(head, rows), nodes.paragraph(text=text)]


class Fit(_Workers):
    """What Keras' own fit says there."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return its words, and the versions."""
        versions, text = report["versions"], "\n".join(report["fit"]["said"])
        note = f"Keras {versions['keras']}, TensorFlow {versions['tensorflow']}."
        return [nodes.literal_block(text, text, language="text"), nodes.paragraph(text=note)]
