"""Ablation of the training loop: what each of its techniques gains, in images per second.

    python -m benchmarks.training.ablation [--smoke]

Each row has one technique more than the row before; all rows take turns. Needs MNIST. Results go
to benchmarks/results/ablation.json.
"""

import statistics
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.harness import (
    BaselineProcess,
    argument_parser,
    mnist_file,
    parse_args,
    summarize,
    take_turns,
    write_results,
)
from mnistcnn.utils.environment import cpu_count

IMAGES, ROUNDS, WARM_UP = 12_800, 7, 2
BATCH_SIZES = (32, 128)


class Row(NamedTuple):
    """One row: the technique it adds, and the baseline process that measures it."""

    technique: str
    program: str
    variant: str
    environment: dict[str, str]


def ablation_rows(cores: int) -> list[Row]:
    """Return the rows in the order in which techniques are added."""
    off, on = {"TF_ENABLE_ONEDNN_OPTS": "0"}, {"TF_ENABLE_ONEDNN_OPTS": "1"}
    all_cores = {**on, "TF_NUM_INTRAOP_THREADS": str(cores)}
    half = {**on, "TF_NUM_INTRAOP_THREADS": str(max(1, cores // 2))}
    step, fused = "train_step_variants", "fused-step"
    return [
        Row("Keras fit, oneDNN off", "keras_fit", "baseline", off),
        Row("oneDNN on", "keras_fit", "baseline", on),
        Row("many steps per execution, with Keras' step", step, "", all_cores),
        Row("a training step written for the network", step, fused, all_cores),
        Row("pooling before bias and ReLU", step, f"{fused},pool-first", all_cores),
        Row("unused pixels not convolved", step, f"{fused},pool-first,crop", all_cores),
        Row("halves of a batch in parallel", step, f"{fused},pool-first,crop,halves", all_cores),
        Row("half of the cores per half", step, f"{fused},pool-first,crop,halves", half),
    ]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure every row for each batch size."""
    options = parse_args(argument_parser(__doc__, "ablation.json"), argv)
    data, cores = mnist_file(smoke=options.smoke), cpu_count()
    images = 256 if options.smoke else IMAGES
    rounds, warm_up = (1, 1) if options.smoke else (ROUNDS, WARM_UP)
    rows = ablation_rows(cores)
    report: dict = {"cores": cores, "images": images, "batches": {}}
    for batch_size in BATCH_SIZES[-1:] if options.smoke else BATCH_SIZES:
        processes = {
            row.technique: BaselineProcess(
                row.program, data, images=images, cores=cores, batch_size=batch_size,
                variant=row.variant, environment=row.environment,
            )
            for row in rows
        }  # fmt: skip
        turns = take_turns(processes, rounds=rounds, warm_up=warm_up)
        previous: list[float] | None = None
        results = []
        for technique, reports in turns.items():
            seconds = [report["seconds"] for report in reports]
            ratios = [a / b for a, b in zip(previous or seconds, seconds, strict=True)]
            rates = summarize([images / value for value in seconds])
            speedup = statistics.median(ratios)
            results.append({"technique": technique, "images_per_second": rates, "speedup": speedup})
            print(f"{batch_size:4} {rates['median']:8,.0f} images/s  x {speedup:.2f}  {technique}")
            previous = seconds
        report["batches"][str(batch_size)] = results
    write_results(options.output, report)


if __name__ == "__main__":
    main()
