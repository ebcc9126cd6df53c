"""Directives that show how accurate and robust the recipes are, from the benchmark's file."""

import math
import statistics
from functools import reduce
from typing import Any

from docutils import nodes

from benchmark_tables.table import FigureTable, share
from mnistcnn.weights.arrays import CNN_WEIGHT_SHAPES

PARAMETERS = sum(math.prod(shape) for shape in CNN_WEIGHT_SHAPES.values())
PLAIN = "the document's training"
_MINUS = "\N{MINUS SIGN}"

Runs = list[dict[str, Any]]


def _each(rows: Runs, name: str) -> str:
    return ", ".join(f"{100 * row[name]:.2f}" for row in rows)


def _mean(rows: Runs, name: str) -> float:
    return statistics.mean(row[name] for row in rows)


class _Accuracy(FigureTable):
    results = "accuracy"
    module = "benchmarks.accuracy.accuracy"

    def part(self, report: dict[str, Any], *path: str) -> Any:
        """Return what stands at a place of the file; an error if it was not measured yet."""
        found = reduce(lambda inside, name: (inside or {}).get(name), path, report)
        if not found:
            raise self.error(
                f"{self.results}.json has no figures of {', '.join(path)}; "
                f"measure them with: python -m {self.module}"
            )
        return found

    def runs(self, report: dict[str, Any], places: dict[str, tuple[str, ...]]) -> dict[str, Runs]:
        """Return the runs at several places by name; an error unless each has the same seeds."""
        found = {
            name: sorted(self.part(report, *path), key=lambda row: row["seed"])
            for name, path in places.items()
        }
        seeds = {name: [row["seed"] for row in rows] for name, rows in found.items()}
        (first, expected), *others = seeds.items()
        for name, given in others:
            if given != expected:
                raise self.error(
                    f"{self.results}.json must have the same seeds of {first} and {name}; it has "
                    f"{expected} and {given}: measure the rest with: "
                    f"python -m {self.module}"
                )
        return found

    def sets(self, report: dict[str, Any], part: str) -> dict[str, tuple[str, ...]]:
        """Return the place of each set's runs by its name."""
        return {name: ("sets", name, part) for name in self.part(report, "sets")}


class Seeds(_Accuracy):
    """Every seed's figures on the test images, and their mean."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table."""
        found = self.runs(report, self.sets(report, "test"))
        rows, last = [], ["mean"]
        for runs in zip(*found.values(), strict=True):
            cells = [
                (share(run["accuracy"]), f"{run['right']:,}", f"{run['seconds']:,.0f}")
                for run in runs
            ]
            rows.append([str(runs[0]["seed"]), *(cell for each in cells for cell in each)])
        for runs in found.values():
            mean = share(_mean(runs, "accuracy"))
            if len(runs) > 1:
                deviation = 100 * statistics.stdev(run["accuracy"] for run in runs)
                mean += f" ± {deviation:.2f}"
            last += [mean, "", f"{_mean(runs, 'seconds'):,.0f}"]
        head = ["seed"]
        for name in found:
            head += [name, "right of 10,000", "seconds"]
        return [self.table(head, [*rows, last])]


# Networks in print: their parameters, test accuracy and protocol.
PUBLISHED = (
    ("the document", 34_826, 97.50, "one run"),
    ("Keras' own example, the same layers", 34_826, 99.22, "15 epochs, dropout 0.5, one run"),
    ("PyTorch's own example", 1_199_882, 99.19, "last epoch, one run"),
    (
        "best in print up to 35,000 parameters",
        19_898,
        99.54,
        "best epoch chosen on the test images, one run",
    ),
    ("a network with ten times the parameters", 327_242, 99.64, "mean of many runs"),
)


class Published(_Accuracy):
    """The recipes' means beside what is in print."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table."""
        rows = [
            [name, f"{parameters:,}", f"{accuracy:.2f}\N{NO-BREAK SPACE}%", protocol]
            for name, parameters, accuracy, protocol in PUBLISHED
        ]
        for name, runs in self.runs(report, self.sets(report, "test")).items():
            protocol = f"last step, mean of {len(runs)} seeds"
            rows.append([name, f"{PARAMETERS:,}", share(_mean(runs, "accuracy")), protocol])
        return [self.table(["network", "parameters", "test accuracy", "protocol"], rows)]


class HeldOut(_Accuracy):
    """The recipes beside plain training on the held-out images, clean and corrupted."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return a table of them and one of the corruptions."""
        found = self.runs(report, {PLAIN: ("plain", "held_out"), **self.sets(report, "held_out")})
        rows = [
            [
                name,
                share(_mean(runs, "accuracy")),
                _each(runs, "accuracy"),
                f"{_mean(runs, 'calibrated_loss'):.4f}",
                share(_mean(runs, "corrupted")),
                _each(runs, "corrupted"),
                share(_mean(runs, "other_hands")),
            ]
            for name, runs in found.items()
        ]
        head = ["", "clean", "each seed, %", "loss", "corrupted", "each seed, %", "other hands"]
        kinds = [
            [
                kind,
                *(
                    share(statistics.mean(run["corruptions"][kind] for run in runs))
                    for runs in found.values()
                ),
            ]
            for kind in next(iter(found.values()))[0]["corruptions"]
        ]
        return [self.table(head, rows), self.table(["corruption", *found], kinds)]


class Levers(_Accuracy):
    """What the recipe `best` reaches with one setting changed, and how far that is from it."""

    FIGURES = (
        ("accuracy", "clean", 100, 2),
        ("calibrated_loss", "loss", 1, 4),
        ("corrupted", "corrupted", 100, 2),
        ("other_hands", "other hands", 100, 2),
    )

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table: the recipe first, then each change."""
        changes = self.part(report, "levers", "changes")
        found = self.runs(
            report, {name: ("levers", "changes", name, "held_out") for name in changes}
        )
        (base, runs), *others = found.items()
        if len(runs) < 2:
            raise self.error(
                f"{self.results}.json must have two seeds of each lever or more, for the spread; "
                f"it has {len(runs)}: measure the rest with: python -m {self.module}"
            )
        rows = [[base, *(cell for cells in self._cells(runs, None) for cell in cells)]]
        for name, changed in others:
            cells = self._cells(changed, runs)
            rows.append([name, *(cell for pair in cells for cell in pair)])
        head = [""]
        for _, title, scale, _ in self.FIGURES:
            head += [f"{title}, %" if scale == 100 else title, "change"]
        epochs = self.part(report, "levers", "epochs")
        note = (
            f"{epochs} epochs, means of {len(runs)} seeds. A change is the mean of the differences "
            "seed by seed, with its standard error."
        )
        return [self.table(head, rows), nodes.paragraph(text=note)]

    def _cells(self, runs: Runs, base: Runs | None) -> list[list[str]]:
        return [
            [
                f"{scale * _mean(runs, name):.{digits}f}",
                "" if base is None else _change(runs, base, name, scale=scale, digits=digits),
            ]
            for name, _, scale, digits in self.FIGURES
        ]


def _change(runs: Runs, base: Runs, name: str, *, scale: float, digits: int) -> str:
    """Return the mean difference and its standard error; the same seeds stand in both."""
    differences = [scale * (run[name] - one[name]) for run, one in zip(runs, base, strict=True)]
    error = statistics.stdev(differences) / math.sqrt(len(differences))
    mean = f"{statistics.mean(differences):+.{digits}f}".replace("-", _MINUS)
    return f"{mean} ± {error:.{digits}f}"


class Cost(_Accuracy):
    """What the distortions add to the time of a step."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return a sentence."""
        rate = self.part(report, "cost", "images_per_second")
        cost = report["cost"]
        text = (
            f"They add {100 * cost['added']:.0f}\N{NO-BREAK SPACE}% to the time of a step, as the "
            f"median of {cost['turns']} ratios turn by turn; the median rates are "
            f"{rate['with']:,} images a second with them and {rate['without']:,} without, on "
            f"{report['cores']} cores."
        )
        return [nodes.paragraph(text=text)]


class Search(FigureTable):
    """What was tried for the recipes."""

    results = "recipe_search"
    module = "benchmarks.accuracy.recipe_search"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table, in the order of the trials."""
        rows = [
            [
                candidate["recipe"]["name"],
                str(candidate["recipe"]["epochs"]),
                share(candidate["accuracy"]),
                f"{candidate['calibrated_loss']:.4f}",
                share(candidate["corrupted"]),
            ]
            for candidate in report["candidates"]
        ]
        return [self.table(["candidate", "epochs", "clean", "loss", "corrupted"], rows)]
