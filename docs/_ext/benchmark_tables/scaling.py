"""Directives for the page on very many images, from the figures of benchmarks/training/scaling.py."""

from typing import Any

from docutils import nodes

from benchmark_tables.table import FigureTable
from benchmarks.training import cost_model

SIDES = {
    "bare-1": "one process",
    "bare-2": "two processes",
    "ray-1": "Ray, one actor",
    "ray-2": "Ray, two actors",
}
STREAMS = {"recognizer": "Recognizer.predict_batches", "evaluate": "evaluate", "train": "train"}


def _load(part: dict[str, Any]) -> str:
    return f"The machine's load before it began was {part['load_before']:.1f}."


class Scale(FigureTable):
    """What all of them share."""

    results = "scaling"
    module = "benchmarks.training.scaling"


class Reading(Scale):
    """Images a second by processes and by Ray's actors."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return a table and a line of ratios."""
        part = report["reading"]
        rows = [
            [
                title,
                f"{seconds['median']:.1f}",
                f"{seconds['least']:.1f} to {seconds['most']:.1f}",
                f"{side['rate']:,.0f}",
                f"{side['start']:.1f}",
            ]
            for name, title in SIDES.items()
            for side in (part["sides"][name],)
            for seconds in (side["seconds"][str(part["images"])],)
        ]
        head = [
            "",
            f"seconds for {part['images']:,} images",
            "range",
            "images a second beyond the start",
            "seconds to start",
        ]
        efficiency, over = part["efficiency"], part["ray_over_bare"]
        text = (
            f"Efficiency of two: {efficiency['bare']:.0%} in plain processes, "
            f"{efficiency['ray']:.0%} on Ray. With its start, Ray reads {part['images']:,} images "
            f"at {over['1']:.0%} (one) and {over['2']:.0%} (two) of plain processes, as "
            f"medians turn by turn, on {report['cores']} cores. {_load(part)}"
        )
        table = self.table(head, rows)
        return [table, nodes.paragraph(text=text)]


class Training(Scale):
    """Trainings side by side."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return a table and the ratio."""
        part = report["training"]
        rows = [
            [
                title,
                f"{seconds['median']:.1f}",
                f"{seconds['least']:.1f} to {seconds['most']:.1f}",
                f"{part['runs'] * part['images'] / seconds['median']:,.0f}",
            ]
            for title, seconds in (
                ("one after another, on all cores", part["seconds"]["1"]),
                ("side by side, each on half of them", part["seconds"]["2"]),
            )
        ]
        text = (
            f"{part['runs']} runs of fast on {part['images']:,} images each. Side by side is "
            f"{part['two_over_one']:.2f} times as fast, as the median turn by turn: an efficiency "
            f"of {part['two_over_one'] / 2:.2f}. {_load(part)}"
        )
        table = self.table(["", "seconds", "range", "images a second"], rows)
        return [table, nodes.paragraph(text=text)]


class Stream(Scale):
    """Memory while images stream by."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return a table of what was measured."""
        streams = {**report["stream"], **report["train_stream"]}
        rows = [
            [
                title,
                f"{row['images']:,}",
                f"{row['chunk']:,}",
                f"{row['peak_mib_at_first']:,.0f}",
                f"{row['peak_mib']:,.0f}",
            ]
            for name, title in STREAMS.items()
            for row in (streams[name],)
        ]
        head = ["", "images", "in batches of", "MiB after 20 batches", "MiB at the end"]
        return [self.table(head, rows)]


FEEDS = {
    "arrays": "train, arrays in memory",
    "tf_data": "train, a tf.data.Dataset of the same",
    "generator": "train, a tf.data.Dataset from a generator",
    "py_dataset": "train, a PyDataset",
    "fit_tf_data": "Keras' fit, the first dataset",
    "fit_py_dataset": "Keras' fit, the PyDataset",
}


class Feeding(Scale):
    """Images a second by where they come from."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return a table and how it was measured."""
        part = report["feeding"]
        rows = [
            [
                title,
                f"{rate['median']:,.0f}",
                f"{rate['least']:,.0f} to {rate['most']:,.0f}",
                f"{part['over_arrays'][name]:.2f}",
            ]
            for name, title in FEEDS.items()
            for rate in (part["images_per_second"][name],)
        ]
        head = ["", "images a second, median", "range", "arrays are 1"]
        text = f"Ratios are medians turn by turn, on {report['cores']} cores. {_load(part)}"
        return [self.table(head, rows), nodes.paragraph(text=text)]


class Billion(Scale):
    """A plan by the model."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return a table, what was assumed and how the model did."""
        costs = cost_model.measured(report)
        rows = []
        for cores in (1, 10, 100, 1_000):
            found = cost_model.plan(1e9, cores, costs)
            rows.append(
                [
                    f"{cores:,}",
                    _duration(found.seconds),
                    f"{found.images_per_second:,.0f}",
                    f"{found.bytes_per_second / 1e6:,.0f}",
                    found.bound,
                    f"{found.price:,.2f}",
                    f"{found.price / 1e3:.4f}",
                ]
            )
        head = [
            "cores",
            "time",
            "images a second",
            "MB a second",
            "bound by",
            "price",
            "per million",
        ]
        sides = cost_model.check(report)
        told = ", ".join(
            f"{SIDES[name]} {one:.1f} ({two:.1f})" for name, (one, two) in sides.items()
        )
        text = (
            f"Assumed: {cost_model.PRICE} for a core and hour, in whatever currency you pay, and "
            f"{cost_model.BANDWIDTH / 1e9:g} GB a second from where the images lie. Checked on the sides "
            f"with Ray, of which the model has only the start: seconds for "
            f"{report['reading']['images']:,} images as told (and as measured): {told}."
        )
        return [self.table(head, rows), nodes.paragraph(text=text)]


def _duration(seconds: float) -> str:
    if seconds >= 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.1f} min"
