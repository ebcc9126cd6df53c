"""A Sphinx extension: directives that show the measurements in benchmarks/results.

Every number of a table comes from a results file; none is written in a page.
"""

from typing import Any

from benchmark_tables import (
    accuracy,
    baseline,
    checkpoints,
    data,
    exports,
    faults,
    finetuning,
    installation,
    latency,
    lines,
    multi_worker,
    ocr,
    photographs,
    picture_job,
    scaling,
    service,
    training,
)

DIRECTIVES = {
    "accuracy-ablation": accuracy.Ablation,
    "accuracy-cost": accuracy.Cost,
    "accuracy-held-out": accuracy.HeldOut,
    "accuracy-published": accuracy.Published,
    "accuracy-seeds": accuracy.Seeds,
    "baseline-commands": baseline.Commands,
    "baseline-epochs": baseline.Epochs,
    "baseline-metrics": baseline.Metrics,
    "checkpoint-cost": checkpoints.CheckpointCost,
    "crash-recovery": checkpoints.CrashRecovery,
    "csv-loading": data.CsvLoading,
    "determinism-cost": checkpoints.DeterminismCost,
    "export-formats": exports.ExportFormats,
    "fault-counts": faults.FaultCounts,
    "finetuning-accuracy": finetuning.Accuracy,
    "finetuning-search": finetuning.Search,
    "fuzz-results": faults.FuzzResults,
    "installation": installation.Installation,
    "latency-backends": latency.Backends,
    "latency-cold-start": latency.ColdStart,
    "latency-streaming": latency.Streaming,
    "multi-worker-keras-fit": multi_worker.KerasFit,
    "multi-worker-log": multi_worker.Log,
    "multi-worker-throughput": multi_worker.Throughput,
    "ocr-confidence": ocr.Confidence,
    "ocr-page-styles": ocr.PageStyles,
    "ocr-weights": ocr.Weights,
    "photographs-confidence": photographs.Confidence,
    "photographs-errors": photographs.Errors,
    "photographs-lines": lines.Lines,
    "photographs-singles": photographs.Singles,
    "picture-job": picture_job.Throughput,
    "recipe-search": accuracy.RecipeSearch,
    "recipe-search-fast": training.RecipeSearchFast,
    "scaling-cost-model": scaling.CostModel,
    "scaling-data-sources": scaling.DataSources,
    "scaling-inference": scaling.Inference,
    "scaling-memory": scaling.Memory,
    "scaling-training": scaling.Training,
    "service-load": service.Load,
    "sheet-accuracy": data.SheetAccuracy,
    "training-ablation": training.Ablation,
    "training-dataset-size": training.DatasetSize,
    "training-throughput": training.Throughput,
    "training-time-to-accuracy": training.TimeToAccuracy,
}


def setup(app: Any) -> dict[str, bool]:
    """Register the directives."""
    for name, directive in DIRECTIVES.items():
        app.add_directive(name, directive)
    return {"parallel_read_safe": True}
