"""Directives that make tables from the file of measured figures.

``baseline-metrics`` sets the document's figures beside those of each run, and
``baseline-epochs`` lists each run's epochs. Both read
``benchmarks/results/baseline.json``; no figure of ours is typed into a page.
"""

from statistics import mean
from typing import Any

from docutils import nodes

from benchmark_tables.table import FigureTable
from benchmark_tables.table import share as _share

# What the document reports in "Final Training Metrics" and "Test Accuracy".
DOCUMENT = {
    "training accuracy": 0.9599,
    "validation accuracy": 0.9711,
    "validation loss": 0.0993,
    "test accuracy": 0.9750,
}


def _loss(value: float) -> str:
    return f"{value:.4f}"


def _best_epoch(run: dict[str, Any]) -> int:
    """Return the index of the epoch whose network the checkpoint kept."""
    values = run["history"]["val_accuracy"]
    return values.index(max(values))  # the first of equal ones: only a better one is saved


class _Documented(FigureTable):
    results = "baseline"
    module = "benchmarks.accuracy.baseline"


class DocumentedFigures(_Documented):
    """The document's figures beside ours."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return the comparison and a line on how it was made."""
        runs = report["runs"]
        last = [{name: values[-1] for name, values in run["history"].items()} for run in runs]
        figures = {
            "training accuracy": ([epoch["accuracy"] for epoch in last], _share),
            "validation accuracy": ([epoch["val_accuracy"] for epoch in last], _share),
            "validation loss": ([epoch["val_loss"] for epoch in last], _loss),
            "test accuracy": ([run["test"]["accuracy"] for run in runs], _share),
        }
        rows = [
            [name, shown(DOCUMENT[name]), *map(shown, values), shown(mean(values))]
            for name, (values, shown) in figures.items()
        ]
        intervals = [
            "\N{EN DASH}".join(f"{100 * bound:.2f}" for bound in run["test"]["accuracy_ci"])
            for run in runs
        ]
        epochs = [str(_best_epoch(run) + 1) for run in runs]
        losses = [run["test"]["loss"] for run in runs]
        seconds = [run["training_seconds"] for run in runs]
        rows += [
            ["its 95 % interval, in %", "", *intervals, ""],
            ["test loss", "", *map(_loss, losses), _loss(mean(losses))],
            ["epoch of the evaluated file", "", *epochs, ""],
            ["training time, in s", "", *[f"{one:.0f}" for one in seconds], f"{mean(seconds):.0f}"],
        ]
        head = ["", "document", *[f"seed {run['seed']}" for run in runs], "mean"]
        versions = runs[0]["versions"]
        listed = ", ".join(
            f"{title} {versions[name]}"
            for name, title in (
                ("mnistcnn", "mnistcnn"),
                ("keras", "Keras"),
                ("tensorflow", "TensorFlow"),
                ("numpy", "NumPy"),
                ("python", "Python"),
            )
        )
        note = f"Made on {report['cores']} cores ({report['machine']}) with {listed}."
        return [self.table(head, rows), nodes.paragraph(text=note)]


class DocumentedEpochs(_Documented):
    """Every epoch of every run."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table."""
        names = (
            ("loss", _loss),
            ("accuracy", _share),
            ("val_loss", _loss),
            ("val_accuracy", _share),
        )
        rows = []
        for run in report["runs"]:
            for epoch in range(len(run["history"]["loss"])):
                kept = "kept" if epoch == _best_epoch(run) else ""
                figures = [shown(run["history"][name][epoch]) for name, shown in names]
                rows.append([str(run["seed"]), str(epoch + 1), *figures, kept])
        head = ["seed", "epoch", "loss", "accuracy", "validation loss", "validation accuracy", ""]
        return [self.table(head, rows)]


class DocumentedCommands(_Documented):
    """The commands that the runs were made by."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return them as a block to copy."""
        text = "\n".join(f"$ {run['command']}" for run in report["runs"])
        return [nodes.literal_block(text, text, language="console")]
