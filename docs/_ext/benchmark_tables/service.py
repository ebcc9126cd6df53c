"""A directive for the load test of the service."""

from typing import Any

from docutils import nodes

from benchmark_tables.base import BenchmarkTable, versions_text

SIDES = {
    "service_read": "POST /read, a picture of three digits",
    "library_read": "Recognizer.read, the same picture",
    "service_predict": "POST /predict, one image",
    "library_predict": "Recognizer.predict, the same image",
}


class Load(BenchmarkTable):
    """Throughput, latency and memory of the service, beside those of the library."""

    results = "service"
    module = "benchmarks.inference.service"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table and a line on losses, memory and how it was measured."""
        rows = [
            [
                title,
                f"{part['requests']:,}",
                f"{part['per_second']:,.0f}",
                *(f"{part[name]:.1f}" for name in ("p50_ms", "p99_ms", "max_ms")),
            ]
            for name, title in SIDES.items()
            for part in (report[name],)
        ]
        header = ["", "calls", "per second", "median, ms", "99th percentile, ms", "maximum, ms"]
        parts = [report["service_read"], report["service_predict"]]
        requests, succeeded = (
            sum(part[name] for part in parts) for name in ("requests", "succeeded")
        )
        first, last = report["memory_mib"][0], report["memory_mib"][-1]
        text = (
            f"Of {requests:,} requests, {succeeded:,} gave the same result as the library. "
            f"Memory use of the service: {first:.0f} MiB after the first requests, "
            f"{max(report['memory_mib']):.0f} MiB at most, {last:.0f} MiB after the last. "
            f"{report['clients']} clients and the service shared {report['cores']} cores; "
            f"load average before: {report['load'][0]:.1f}. "
        )
        if report["load"][0] > report["cores"]:
            text += "Other programs kept the cores busy, so compare rows rather than machines. "
        text += f"Versions: {versions_text(report)}."
        return [self.table(header, rows), nodes.paragraph(text=text)]
