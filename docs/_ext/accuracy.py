"""Directives that show how accurate and robust `best` is, from the benchmark's file."""

import statistics
from typing import Any

from docutils import nodes
from tables import FigureTable, share


def _each(rows: list[dict[str, Any]], name: str) -> str:
    return ", ".join(f"{100 * row[name]:.2f}" for row in rows)


def _mean(rows: list[dict[str, Any]], name: str) -> float:
    return statistics.mean(row[name] for row in rows)


class Seeds(FigureTable):
    """Every seed's figures on the test images, and their mean."""

    program = "accuracy"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table."""
        runs = report["test"]
        rows = [
            [
                str(run["seed"]),
                share(run["accuracy"]),
                f"{run['right']:,}",
                f"{run['seconds']:,.0f}",
            ]
            for run in runs
        ]
        if len(runs) > 1:
            deviation = 100 * statistics.stdev(run["accuracy"] for run in runs)
            mean = f"{share(_mean(runs, 'accuracy'))} ± {deviation:.2f}"
            rows.append(["mean", mean, "", f"{_mean(runs, 'seconds'):,.0f}"])
        return [self.table(["seed", "test accuracy", "right of 10,000", "seconds"], rows)]


class HeldOut(FigureTable):
    """`best` beside plain training on the held-out images, clean and corrupted."""

    program = "accuracy"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return a table of the two and one of the corruptions."""
        sides = {"best": report["held_out"]["best"], "plain": report["held_out"]["plain"]}
        titles = {"best": "best", "plain": "the document's training"}
        rows = [
            [
                titles[name],
                share(_mean(runs, "accuracy")),
                _each(runs, "accuracy"),
                share(_mean(runs, "corrupted")),
                _each(runs, "corrupted"),
            ]
            for name, runs in sides.items()
        ]
        head = ["", "clean", "each seed, %", "corrupted", "each seed, %"]
        kinds = []
        for kind in sides["best"][0]["corruptions"]:
            ours, plain = (
                statistics.mean(run["corruptions"][kind] for run in runs) for runs in sides.values()
            )
            kinds.append([kind, share(ours), share(plain), f"{100 * (ours - plain):+.1f}"])
        return [
            self.table(head, rows),
            self.table(["corruption", "best", "the document's training", "points"], kinds),
        ]


class Cost(FigureTable):
    """What the distortions add to the time of a step."""

    program = "accuracy"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return a sentence."""
        cost = report["cost"]
        rate = cost["images_per_second"]
        text = (
            f"They add {100 * cost['added']:.0f}\N{NO-BREAK SPACE}% to the time of a step: "
            f"{rate['with']:,} images a second with them, {rate['without']:,} without (medians of "
            f"{cost['turns']} turns on {report['cores']} cores)."
        )
        return [nodes.paragraph(text=text)]


class Search(FigureTable):
    """What was tried for the recipe `best`."""

    program = "search"

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


def setup(app: Any) -> dict[str, bool]:
    """Register the directives."""
    app.add_directive("accuracy-seeds", Seeds)
    app.add_directive("accuracy-held-out", HeldOut)
    app.add_directive("accuracy-cost", Cost)
    app.add_directive("accuracy-search", Search)
    return {"parallel_read_safe": True}
