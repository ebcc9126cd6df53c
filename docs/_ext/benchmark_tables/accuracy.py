"""Directives for the accuracy and robustness of the recipes, and for the search for them."""

import math
import statistics
from functools import reduce
from typing import Any

from docutils import nodes

from benchmark_tables.base import BenchmarkTable, percent
from mnistcnn.weights.arrays import CNN_WEIGHT_SHAPES

PARAMETERS = sum(math.prod(shape) for shape in CNN_WEIGHT_SHAPES.values())
PLAIN = "baseline training"
_MINUS = "\N{MINUS SIGN}"

Runs = list[dict[str, Any]]


def _each(runs: Runs, name: str) -> str:
    return ", ".join(f"{100 * run[name]:.2f}" for run in runs)


def _mean(runs: Runs, name: str) -> float:
    return statistics.mean(run[name] for run in runs)


class _AccuracyTable(BenchmarkTable):
    results = "accuracy"
    module = "benchmarks.accuracy.accuracy"

    def part(self, report: dict[str, Any], *path: str) -> Any:
        """Return the content at a path of keys; an error if it was not measured."""
        part = reduce(lambda content, name: (content or {}).get(name), path, report)
        if not part:
            raise self.error(
                f"{self.results}.json has no results for {', '.join(path)}; "
                f"measure them with: python -m {self.module}"
            )
        return part

    def runs(self, report: dict[str, Any], paths: dict[str, tuple[str, ...]]) -> dict[str, Runs]:
        """Return the runs at several paths by name; an error unless the seeds are the same."""
        runs = {
            name: sorted(self.part(report, *path), key=lambda run: run["seed"])
            for name, path in paths.items()
        }
        seeds = {name: [run["seed"] for run in each] for name, each in runs.items()}
        (first, expected), *others = seeds.items()
        for name, received in others:
            if received != expected:
                raise self.error(
                    f"{self.results}.json must have the same seeds for {first} and {name}; it has "
                    f"{expected} and {received}: measure the rest with: python -m {self.module}"
                )
        return runs

    def recipe_runs(self, report: dict[str, Any], part: str) -> dict[str, tuple[str, ...]]:
        """Return the path of the runs of each recipe by its name."""
        return {name: ("recipes", name, part) for name in self.part(report, "recipes")}


class Seeds(_AccuracyTable):
    """The test accuracy of every seed, and the mean."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table."""
        by_recipe = self.runs(report, self.recipe_runs(report, "test"))
        rows, last = [], ["mean"]
        for runs in zip(*by_recipe.values(), strict=True):
            cells = [
                (percent(run["accuracy"]), f"{run['correct']:,}", f"{run['seconds']:,.0f}")
                for run in runs
            ]
            rows.append([str(runs[0]["seed"]), *(cell for each in cells for cell in each)])
        for runs in by_recipe.values():
            mean = percent(_mean(runs, "accuracy"))
            if len(runs) > 1:
                deviation = 100 * statistics.stdev(run["accuracy"] for run in runs)
                mean += f" ± {deviation:.2f}"
            last += [mean, "", f"{_mean(runs, 'seconds'):,.0f}"]
        header = ["seed"]
        for name in by_recipe:
            header += [name, "correct of 10,000", "seconds"]
        return [self.table(header, [*rows, last])]


# Published networks: parameters, test accuracy and protocol.
PUBLISHED = (
    ("the published notebook", 34_826, 97.50, "one run"),
    ("Keras' own example, the same layers", 34_826, 99.22, "15 epochs, dropout 0.5, one run"),
    ("PyTorch's own example", 1_199_882, 99.19, "last epoch, one run"),
    (
        "best published, up to 35,000 parameters",
        19_898,
        99.54,
        "best epoch chosen on the test images, one run",
    ),
    ("a network with ten times the parameters", 327_242, 99.64, "mean of many runs"),
)


class Published(_AccuracyTable):
    """The mean accuracy of the recipes beside published results."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table."""
        rows = [
            [name, f"{parameters:,}", f"{accuracy:.2f}\N{NO-BREAK SPACE}%", protocol]
            for name, parameters, accuracy, protocol in PUBLISHED
        ]
        for name, runs in self.runs(report, self.recipe_runs(report, "test")).items():
            protocol = f"last step, mean of {len(runs)} seeds"
            rows.append([name, f"{PARAMETERS:,}", percent(_mean(runs, "accuracy")), protocol])
        return [self.table(["network", "parameters", "test accuracy", "protocol"], rows)]


class HeldOut(_AccuracyTable):
    """The recipes beside plain training on held-out images, clean and corrupted."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return a table of them and one of the corruptions."""
        paths = {PLAIN: ("plain", "held_out"), **self.recipe_runs(report, "held_out")}
        by_recipe = self.runs(report, paths)
        rows = [
            [
                name,
                percent(_mean(runs, "accuracy")),
                _each(runs, "accuracy"),
                f"{_mean(runs, 'calibrated_loss'):.4f}",
                percent(_mean(runs, "corrupted")),
                _each(runs, "corrupted"),
                percent(_mean(runs, "sklearn_digits")),
            ]
            for name, runs in by_recipe.items()
        ]
        header = ["", "clean", "each seed, %", "loss", "corrupted", "each seed, %"]
        header.append("scikit-learn's digits")
        corruptions = [
            [
                corruption,
                *(
                    percent(statistics.mean(run["corruptions"][corruption] for run in runs))
                    for runs in by_recipe.values()
                ),
            ]
            for corruption in next(iter(by_recipe.values()))[0]["corruptions"]
        ]
        return [
            self.table(header, rows),
            self.table(["corruption", *by_recipe], corruptions),
        ]


class Ablation(_AccuracyTable):
    """The recipe `best` with one setting changed."""

    METRICS = (
        ("accuracy", "clean", 100, 2),
        ("calibrated_loss", "loss", 1, 4),
        ("corrupted", "corrupted", 100, 2),
        ("sklearn_digits", "scikit-learn's digits", 100, 2),
    )

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table: the recipe first, then each variant."""
        variants = self.part(report, "ablation", "variants")
        paths = {name: ("ablation", "variants", name, "held_out") for name in variants}
        (base, base_runs), *others = self.runs(report, paths).items()
        if len(base_runs) < 2:
            raise self.error(
                f"{self.results}.json must have at least two seeds of each variant, for the "
                f"standard error; it has {len(base_runs)}: measure the rest with: "
                f"python -m {self.module}"
            )
        rows = [[base, *self._cells(base_runs, None)]]
        rows += [[name, *self._cells(runs, base_runs)] for name, runs in others]
        header = [""]
        for _, title, scale, _ in self.METRICS:
            header += [f"{title}, %" if scale == 100 else title, "change"]
        epochs = self.part(report, "ablation", "epochs")
        note = (
            f"{epochs} epochs, means of {len(base_runs)} seeds. A change is the mean "
            "difference between runs with the same seed, with its standard error."
        )
        return [self.table(header, rows), nodes.paragraph(text=note)]

    def _cells(self, runs: Runs, base: Runs | None) -> list[str]:
        cells = []
        for name, _, scale, digits in self.METRICS:
            cells.append(f"{scale * _mean(runs, name):.{digits}f}")
            cells.append("" if base is None else _change(runs, base, name, scale, digits))
        return cells


def _change(runs: Runs, base: Runs, name: str, scale: float, digits: int) -> str:
    """Format the mean difference and its standard error; both have the same seeds."""
    differences = [scale * (run[name] - other[name]) for run, other in zip(runs, base, strict=True)]
    error = statistics.stdev(differences) / math.sqrt(len(differences))
    mean = f"{statistics.mean(differences):+.{digits}f}".replace("-", _MINUS)
    return f"{mean} ± {error:.{digits}f}"


class Cost(_AccuracyTable):
    """What augmentation adds to the time of a step."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return a sentence."""
        rates = self.part(report, "cost", "images_per_second")
        cost = report["cost"]
        text = (
            f"Augmentation adds {100 * cost['slowdown']:.0f}\N{NO-BREAK SPACE}% to the time of a "
            f"step (median of {cost['turns']} alternating measurements). The median throughput is "
            f"{rates['with_augmentation']:,} images per second with it and "
            f"{rates['without_augmentation']:,} without, on {report['cores']} cores."
        )
        return [nodes.paragraph(text=text)]


class RecipeSearch(BenchmarkTable):
    """The candidates for the recipes `best` and `robust`."""

    results = "recipe_search"
    module = "benchmarks.accuracy.recipe_search"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table, in the order of the trials."""
        rows = [
            [
                candidate["recipe"]["name"],
                str(candidate["recipe"]["epochs"]),
                percent(candidate["accuracy"]),
                f"{candidate['calibrated_loss']:.4f}",
                percent(candidate["corrupted"]),
            ]
            for candidate in report["candidates"]
        ]
        return [self.table(["candidate", "epochs", "clean", "loss", "corrupted"], rows)]
