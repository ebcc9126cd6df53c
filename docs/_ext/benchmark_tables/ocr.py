"""Directives that show how well and how fast digits are read, from the benchmarks' files."""

from typing import Any

from docutils import nodes

from benchmark_tables.table import FigureTable, share

WAYS = {
    "recognizer": "mnistcnn.Recognizer",
    "bare_onnx": "ONNX Runtime, bare",
    "litert": "LiteRT, bare",
    "tf_function": "the Keras model as a tf.function",
    "keras_call": "model(x)",
    "keras_predict": "model.predict(x)",
}
STARTS = {
    "recognizer": "mnistcnn.Recognizer",
    "bare_onnx": "ONNX Runtime, bare",
    "keras": "mnistcnn.load_pretrained, with Keras and TensorFlow",
}


class Classes(FigureTable):
    """How many signs are read right on pages of each class."""

    results = "ocr_accuracy"
    module = "benchmarks.ocr.accuracy"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table."""
        rows = []
        for name, part in report["classes"].items():
            low, high = part["interval"]
            rows.append(
                [
                    name,
                    f"{part['digits']:,}",
                    share(1 - part["right"]),
                    f"{share(1 - high)} to {share(1 - low)}",
                    f"{part['exact_pages']} of {part['pages']}",
                    f"{part['milliseconds']:.0f}",
                ]
            )
        head = ["page", "digits", "error rate", "95 % interval", "exact pages", "ms a page"]
        return [self.table(head, rows)]


class Weights(FigureTable):
    """The error rate by each set of weights, on digits that none was trained on."""

    results = "ocr_accuracy"
    module = "benchmarks.ocr.accuracy"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table."""
        rows = [
            [digits, name, f"{found['signs']:,}", f"{errors:,}", share(errors / found["signs"])]
            for digits, found in report["by_weights"].items()
            for name, errors in found["errors"].items()
        ]
        return [self.table(["digits", "weights", "signs", "errors", "error rate"], rows)]


class Confidence(FigureTable):
    """What is left at each least confidence."""

    results = "ocr_accuracy"
    module = "benchmarks.ocr.accuracy"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table."""
        found = report["confidence"]
        compared = found["least"].index(0.9)
        rows = []
        for name, left in found["left"].items():
            shown = [*left, found["network_alone"][name][compared]]
            cells = [f"{100 * value:.1f}\N{NO-BREAK SPACE}%" for value in shown]
            rows.append([name, f"{found['pictures'][name]:,}", *cells])
        head = ["", "pictures", *[f"{one:g}" for one in found["least"]]]
        return [self.table([*head, "0.9, by the network alone"], rows)]


class Ways(FigureTable):
    """Latency and throughput of each way to run the network."""

    results = "latency"
    module = "benchmarks.inference.latency"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table and the versions."""
        rows = []
        for name, title in WAYS.items():
            way = report["ways"][name]
            seconds = {size: value["median"] for size, value in way["seconds"].items()}
            rows.append(
                [
                    title,
                    f"{1e3 * seconds['1']:.3f}",
                    f"{way['over_bare']['1']:.2f}\N{NO-BREAK SPACE}×",
                    f"{32 / seconds['32']:,.0f}",
                    f"{500 / seconds['500']:,.0f}",
                    f"{way['peak_mib']:,}",
                ]
            )
        head = [
            "", "1 image, ms", "of bare ONNX Runtime", "batch 32, images/s",
            "batch 500, images/s", "peak memory, MiB",
        ]  # fmt: skip
        versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
        text = f"Medians on {report['cores']} cores. Versions: {versions}."
        return [self.table(head, rows), nodes.paragraph(text=text)]


class Starts(FigureTable):
    """The time of a fresh process until its first answer."""

    results = "latency"
    module = "benchmarks.inference.latency"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table."""
        rows = []
        for name, title in STARTS.items():
            seconds = report["cold_start"][name]
            spread = f"{seconds['least']:.2f} to {seconds['most']:.2f}"
            rows.append([title, f"{seconds['median']:.2f}", spread])
        return [self.table(["", "seconds to the first answer", "range"], rows)]


class Stream(FigureTable):
    """Memory while very many images stream by."""

    results = "latency"
    module = "benchmarks.inference.latency"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return a sentence."""
        stream = report["stream"]
        text = (
            f"{stream['images']:,} images in chunks of {stream['chunk']:,}: "
            f"{stream['images_per_second']:,.0f} images a second, peak memory "
            f"{stream['peak_mib_after_one_chunk']:,.0f} MiB after the first chunk and "
            f"{stream['peak_mib']:,.0f} MiB after the last."
        )
        return [nodes.paragraph(text=text)]
