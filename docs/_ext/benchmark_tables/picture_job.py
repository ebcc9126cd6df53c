"""A directive for the throughput of the job that reads many pictures."""

from typing import Any

from docutils import nodes

from benchmark_tables.base import BenchmarkTable, versions_text


class Throughput(BenchmarkTable):
    """Pictures per second by the number of workers on one machine."""

    results = "picture_job"
    module = "benchmarks.inference.picture_job"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table and a line on how it was measured."""
        rows = [
            [
                f"Ray, {number} {'actor' if number == '1' else 'actors'}"
                if number != "0"
                else "one process without Ray, all cores",
                f"{rate['median']:.1f} ({rate['min']:.1f} to {rate['max']:.1f})",
                f"{each['start_seconds']['median']:.0f}",
            ]
            for number, each in report["workers"].items()
            for rate in (each["pictures_per_second"],)
        ]
        header = ["", "pictures per second: median (range)", "start and ten pictures, s"]
        text = (
            f"Pages of five digits on {report['cores']} cores, {report['rounds']} runs of "
            f"{report['pictures']} pictures in turns; load of the machine before: "
            f"{report['load']:.1f}. "
        )
        if report["load"] > 1:
            text += "Other programs kept the cores busy, so compare rows rather than machines. "
        text += f"Versions: {versions_text(report)}."
        return [self.table(header, rows), nodes.paragraph(text=text)]
