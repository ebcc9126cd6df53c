"""Directives for the baseline on MNIST: the published metrics beside those of each run."""

from statistics import mean
from typing import Any

from docutils import nodes

from benchmark_tables.base import BenchmarkTable, percent

# "Final Training Metrics" and "Test Accuracy" of the published notebook.
PUBLISHED = {
    "training accuracy": 0.9599,
    "validation accuracy": 0.9711,
    "validation loss": 0.0993,
    "test accuracy": 0.9750,
}


def _loss(value: float) -> str:
    return f"{value:.4f}"


def _best_epoch(run: dict[str, Any]) -> int:
    """Return the index of the epoch whose weights the checkpoint callback saved."""
    values = run["history"]["val_accuracy"]
    return values.index(max(values))  # the first of equal epochs: only a better one is saved


class _BaselineTable(BenchmarkTable):
    results = "baseline"
    module = "benchmarks.accuracy.baseline"


class Metrics(_BaselineTable):
    """The published metrics beside those of each run."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return the comparison and a line on how it was measured."""
        runs = report["runs"]
        last = [{name: values[-1] for name, values in run["history"].items()} for run in runs]
        metrics = {
            "training accuracy": ([epoch["accuracy"] for epoch in last], percent),
            "validation accuracy": ([epoch["val_accuracy"] for epoch in last], percent),
            "validation loss": ([epoch["val_loss"] for epoch in last], _loss),
            "test accuracy": ([run["test"]["accuracy"] for run in runs], percent),
        }
        rows = [
            [name, form(PUBLISHED[name]), *map(form, values), form(mean(values))]
            for name, (values, form) in metrics.items()
        ]
        intervals = [
            "\N{EN DASH}".join(f"{100 * bound:.2f}" for bound in run["test"]["accuracy_ci"])
            for run in runs
        ]
        epochs = [str(_best_epoch(run) + 1) for run in runs]
        losses = [run["test"]["loss"] for run in runs]
        seconds = [run["training_seconds"] for run in runs]
        rows += [
            ["its 95 % interval, %", "", *intervals, ""],
            ["test loss", "", *map(_loss, losses), _loss(mean(losses))],
            ["epoch of the evaluated file", "", *epochs, ""],
            [
                "training time, s",
                "",
                *[f"{value:.0f}" for value in seconds],
                f"{mean(seconds):.0f}",
            ],
        ]
        header = ["", "published", *[f"seed {run['seed']}" for run in runs], "mean"]
        versions = ", ".join(
            f"{title} {runs[0]['versions'][name]}"
            for name, title in (
                ("mnistcnn", "mnistcnn"),
                ("keras", "Keras"),
                ("tensorflow", "TensorFlow"),
                ("numpy", "NumPy"),
                ("python", "Python"),
            )
        )
        note = f"Measured on {report['cores']} cores ({report['machine']}) with {versions}."
        return [self.table(header, rows), nodes.paragraph(text=note)]


class Epochs(_BaselineTable):
    """Every epoch of every run."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table."""
        metrics = (
            ("loss", _loss),
            ("accuracy", percent),
            ("val_loss", _loss),
            ("val_accuracy", percent),
        )
        rows = []
        for run in report["runs"]:
            for epoch in range(len(run["history"]["loss"])):
                saved = "saved" if epoch == _best_epoch(run) else ""
                cells = [form(run["history"][name][epoch]) for name, form in metrics]
                rows.append([str(run["seed"]), str(epoch + 1), *cells, saved])
        header = ["seed", "epoch", "loss", "accuracy", "validation loss", "validation accuracy", ""]
        return [self.table(header, rows)]


class Commands(_BaselineTable):
    """The commands of the runs."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return a block to copy."""
        text = "\n".join(f"$ {run['command']}" for run in report["runs"])
        return [nodes.literal_block(text, text, language="console")]
