"""cli.compare"""

from __future__ import annotations

import argparse
from typing import Any

import mnistcnn
from mnistcnn.cli import common, loading
from mnistcnn.cli.stored_evaluation import check_source, load_evaluation, stored_file


def compare(options: argparse.Namespace) -> dict[str, Any]:
    """Compare two networks on the same images, or what was kept of their evaluations."""
    console = common.new_console()
    sources = [options.a, options.b]
    for source in sources:
        check_source(source)
    report: dict[str, Any] = {"versions": common.versions(), "a": options.a, "b": options.b}
    test = None
    if any(stored_file(source) is None for source in sources):
        _, test, report["data"] = loading.load(options.data, console)
    a, b = (load_evaluation(source, test) for source in sources)
    result = mnistcnn.compare(a, b)
    for name, source, one in (("a", options.a, a), ("b", options.b, b)):
        low, high = one.accuracy_ci
        console.print(
            f"{name}: {source}, accuracy {one.accuracy:.2%} (95 % interval {low:.2%} to {high:.2%})"
        )
    console.print(str(result))
    return report | {"accuracy": {"a": a.accuracy, "b": b.accuracy}, **result.to_dict()}
