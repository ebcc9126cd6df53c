"""A Sphinx extension: directives that show tables of the measurements in benchmarks/results."""

from typing import Any

from benchmark_tables import (
    accuracy,
    baseline,
    crash_recovery,
    exports,
    multi_worker,
    ocr,
    robustness,
    scaling,
    training,
)

DIRECTIVES = {
    "accuracy-ablation": accuracy.Levers,
    "accuracy-cost": accuracy.Cost,
    "accuracy-held-out": accuracy.HeldOut,
    "accuracy-published": accuracy.Published,
    "accuracy-seeds": accuracy.Seeds,
    "baseline-commands": baseline.DocumentedCommands,
    "baseline-epochs": baseline.DocumentedEpochs,
    "baseline-metrics": baseline.DocumentedFigures,
    "checkpoint-cost": crash_recovery.States,
    "crash-recovery": crash_recovery.Survival,
    "determinism-cost": crash_recovery.Determinism,
    "export-formats": exports.Exports,
    "fault-counts": robustness.Faults,
    "fuzz-results": robustness.Fuzz,
    "latency-backends": ocr.Ways,
    "latency-cold-start": ocr.Starts,
    "latency-streaming": ocr.Stream,
    "multi-worker-keras-fit": multi_worker.Fit,
    "multi-worker-log": multi_worker.Log,
    "multi-worker-throughput": multi_worker.Throughput,
    "ocr-confidence": ocr.Confidence,
    "ocr-page-styles": ocr.Classes,
    "ocr-weights": ocr.Weights,
    "recipe-search": accuracy.Search,
    "recipe-search-fast": training.FastCandidates,
    "scaling-cost-model": scaling.Billion,
    "scaling-data-sources": scaling.Feeding,
    "scaling-inference": scaling.Reading,
    "scaling-memory": scaling.Stream,
    "scaling-training": scaling.Training,
    "training-ablation": training.Levers,
    "training-dataset-size": training.Growth,
    "training-throughput": training.Throughput,
    "training-time-to-accuracy": training.ToAccuracy,
}


def setup(app: Any) -> dict[str, bool]:
    """Register the directives."""
    for name, directive in DIRECTIVES.items():
        app.add_directive(name, directive)
    return {"parallel_read_safe": True}
