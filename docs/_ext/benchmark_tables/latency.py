"""Directives for the latency and throughput of single-digit inference."""

from typing import Any

from docutils import nodes

from benchmark_tables.base import BenchmarkTable, ratio, value_range, versions_text

BACKENDS = {
    "recognizer": "mnistcnn.Recognizer",
    "onnxruntime": "ONNX Runtime alone",
    "litert": "LiteRT alone",
    "tf_function": "the Keras model as a tf.function",
    "keras_call": "model(x)",
    "keras_predict": "model.predict(x)",
}
COLD_STARTS = {
    "recognizer": "mnistcnn.Recognizer",
    "onnxruntime": "ONNX Runtime alone",
    "keras": "mnistcnn.load_pretrained, with Keras and TensorFlow",
}


class _LatencyTable(BenchmarkTable):
    results = "latency"
    module = "benchmarks.inference.latency"


class Backends(_LatencyTable):
    """Latency and throughput of each runtime."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table and the versions."""
        rows = []
        for name, title in BACKENDS.items():
            part = report["backends"][name]
            seconds = {size: summary["median"] for size, summary in part["seconds"].items()}
            rows.append(
                [
                    title,
                    f"{1e3 * seconds['1']:.3f}",
                    ratio(part["relative_to_onnxruntime"]["1"]),
                    f"{32 / seconds['32']:,.0f}",
                    f"{500 / seconds['500']:,.0f}",
                    f"{part['peak_mib']:,}",
                ]
            )
        header = [
            "", "1 image, ms", "relative to ONNX Runtime", "batch 32, images/s",
            "batch 500, images/s", "peak memory, MiB",
        ]  # fmt: skip
        text = f"Medians on {report['cores']} cores. Versions: {versions_text(report)}."
        return [self.table(header, rows), nodes.paragraph(text=text)]


class ColdStart(_LatencyTable):
    """The time of a fresh process until its first prediction."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table."""
        rows = [
            [title, f"{summary['median']:.2f}", value_range(summary, ".2f")]
            for name, title in COLD_STARTS.items()
            for summary in (report["cold_start"][name],)
        ]
        return [self.table(["", "seconds to the first prediction", "range"], rows)]


class Streaming(_LatencyTable):
    """Memory while many images stream."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return a sentence."""
        part = report["streaming"]
        text = (
            f"{part['images']:,} images in chunks of {part['chunk']:,}: "
            f"{part['images_per_second']:,.0f} images per second, peak memory "
            f"{part['peak_mib_after_one_chunk']:,.0f} MiB after the first chunk and "
            f"{part['peak_mib']:,.0f} MiB after the last."
        )
        return [nodes.paragraph(text=text)]
