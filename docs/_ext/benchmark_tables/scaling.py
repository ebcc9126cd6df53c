"""Directives for scaling over processes and data sizes."""

from typing import Any

from docutils import nodes

from benchmark_tables.base import BenchmarkTable, value_range
from benchmarks.training import cost_model

SIDES = {
    "processes-1": "one process",
    "processes-2": "two processes",
    "ray-1": "Ray, one actor",
    "ray-2": "Ray, two actors",
}
STREAMS = {"recognizer": "Recognizer.predict_batches", "evaluate": "evaluate", "train": "train"}
DATA_SOURCES = {
    "arrays": "train, arrays in memory",
    "tf_data": "train, a tf.data.Dataset of the same arrays",
    "generator": "train, a tf.data.Dataset from a generator",
    "py_dataset": "train, a PyDataset",
    "fit_tf_data": "Keras fit, the first dataset",
    "fit_py_dataset": "Keras fit, the PyDataset",
}


def _load(part: dict[str, Any]) -> str:
    return f"The load average before the measurement was {part['load_before']:.1f}."


class _ScalingTable(BenchmarkTable):
    results = "scaling"
    module = "benchmarks.training.scaling"


class Inference(_ScalingTable):
    """Throughput of plain processes and of actors of Ray."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return a table and a line of ratios."""
        part = report["inference"]
        rows = [
            [
                title,
                f"{seconds['median']:.1f}",
                value_range(seconds, ".1f"),
                f"{side['rate']:,.0f}",
                f"{side['start']:.1f}",
            ]
            for name, title in SIDES.items()
            for side in (part["sides"][name],)
            for seconds in (side["seconds"][str(part["images"])],)
        ]
        header = ["", f"seconds for {part['images']:,} images", "range"]
        header += ["images per second after startup", "startup time, s"]
        efficiency, relative = part["efficiency"], part["ray_over_processes"]
        text = (
            f"Efficiency of two: {efficiency['processes']:.0%} in plain processes, "
            f"{efficiency['ray']:.0%} on Ray. Including startup, the throughput of Ray for "
            f"{part['images']:,} images is {relative['1']:.0%} (one) and {relative['2']:.0%} (two) "
            f"of that of plain processes, in alternating measurements on {report['cores']} cores. "
            f"{_load(part)}"
        )
        return [self.table(header, rows), nodes.paragraph(text=text)]


class Training(_ScalingTable):
    """Trainings in parallel."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return a table and the speedup."""
        part = report["training"]
        rows = [
            [
                title,
                f"{seconds['median']:.1f}",
                value_range(seconds, ".1f"),
                f"{part['runs'] * part['images'] / seconds['median']:,.0f}",
            ]
            for title, seconds in (
                ("one after another, on all cores", part["seconds"]["1"]),
                ("in parallel, each on half of the cores", part["seconds"]["2"]),
            )
        ]
        text = (
            f"{part['runs']} runs of fast on {part['images']:,} images each. In parallel they are "
            f"{part['speedup']:.2f} times as fast (median of alternating measurements), an "
            "efficiency of "
            f"{part['speedup'] / 2:.2f}. {_load(part)}"
        )
        table = self.table(["", "seconds", "range", "images per second"], rows)
        return [table, nodes.paragraph(text=text)]


class Memory(_ScalingTable):
    """Memory while images stream."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return a table."""
        streams = {**report["streaming_inference"], **report["streaming_training"]}
        rows = [
            [
                title,
                f"{row['images']:,}",
                f"{row['batch_size']:,}",
                f"{row['peak_mib_after_warm_up']:,.0f}",
                f"{row['peak_mib']:,.0f}",
            ]
            for name, title in STREAMS.items()
            for row in (streams[name],)
        ]
        header = ["", "images", "batch size", "MiB after 20 batches", "MiB at the end"]
        return [self.table(header, rows)]


class DataSources(_ScalingTable):
    """Training throughput by the source of the data."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return a table and how it was measured."""
        part = report["data_sources"]
        rows = [
            [
                title,
                f"{rate['median']:,.0f}",
                value_range(rate, ",.0f"),
                f"{part['relative_to_arrays'][name]:.2f}",
            ]
            for name, title in DATA_SOURCES.items()
            for rate in (part["images_per_second"][name],)
        ]
        header = ["", "images per second, median", "range", "relative to arrays"]
        text = (
            f"Ratios are medians of alternating measurements on {report['cores']} cores. "
            f"{_load(part)}"
        )
        return [self.table(header, rows), nodes.paragraph(text=text)]


class CostModel(_ScalingTable):
    """An estimate for a billion images."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return a table, the assumptions and a comparison with measurements."""
        rates = cost_model.measured_rates(report)
        rows = []
        for cores in (1, 10, 100, 1_000):
            result = cost_model.estimate(1e9, cores, rates)
            rows.append(
                [
                    f"{cores:,}",
                    _duration(result.seconds),
                    f"{result.images_per_second:,.0f}",
                    f"{result.bytes_per_second / 1e6:,.0f}",
                    result.bound,
                    f"{result.price:,.2f}",
                    f"{result.price / 1e3:.4f}",
                ]
            )
        header = ["cores", "time", "images per second", "MB per second", "bound by", "price"]
        header.append("price per million")
        comparison = ", ".join(
            f"{SIDES[name]} {predicted:.1f} ({measured:.1f})"
            for name, (predicted, measured) in cost_model.predicted_and_measured(report).items()
        )
        text = (
            f"Assumptions: {cost_model.PRICE} per core and hour, in any currency, and "
            f"{cost_model.BANDWIDTH / 1e9:g} GB per second from the storage of the images. "
            f"Validated on Ray, from which the model takes only the startup time: predicted (and "
            f"measured) seconds for {report['inference']['images']:,} images: {comparison}."
        )
        return [self.table(header, rows), nodes.paragraph(text=text)]


def _duration(seconds: float) -> str:
    if seconds >= 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.1f} min"
