"""What each lever of the training loop brings, in the order in which they were found.

    python -m benchmarks.training.ablation

Each row has one lever more than the row before; all take turns. Needs MNIST as
benchmarks/training/throughput.py does. Figures go to benchmarks/results/ablation.json.
"""

import json
import statistics

from benchmarks.harness import RESULTS, Peer, find_data, spread
from mnistcnn.utils.environment import cpu_count

IMAGES, ROUNDS, WARM_UP = 12_800, 7, 2
OFF, ON = {"TF_ENABLE_ONEDNN_OPTS": "0"}, {"TF_ENABLE_ONEDNN_OPTS": "1"}


def main() -> None:
    """Measure and keep."""
    data, cores = find_data(), cpu_count()
    whole = {**ON, "TF_NUM_INTRAOP_THREADS": str(cores)}
    half = {**ON, "TF_NUM_INTRAOP_THREADS": str(max(1, cores // 2))}
    plan = [
        ("Keras' fit, oneDNN off", "keras_fit", "document", OFF),
        ("oneDNN on", "keras_fit", "document", ON),
        (
            "many steps to a call, Keras' own step in them",
            "train_step_variants",
            "keras-step",
            whole,
        ),
        ("a step of its own for the documented network", "train_step_variants", "", whole),
        ("pooling before bias and ReLU", "train_step_variants", "pool-first", whole),
        (
            "pixels that the second pooling drops left out",
            "train_step_variants",
            "pool-first,crop",
            whole,
        ),
        (
            "two halves of a batch side by side",
            "train_step_variants",
            "pool-first,crop,halves",
            whole,
        ),
        ("half of the cores for each half", "train_step_variants", "pool-first,crop,halves", half),
    ]
    report = {"cores": cores, "images": IMAGES, "batches": {}}
    for batch_size in (32, 128):
        peers = [
            Peer(
                program, data, images=IMAGES, cores=cores, batch_size=batch_size, style=style,
                settings=settings,
            )
            for _, program, style, settings in plan
        ]  # fmt: skip
        turns = [[peer.turn()["seconds"] for peer in peers] for _ in range(ROUNDS + WARM_UP)]
        for peer in peers:
            peer.close()
        by_row = list(zip(*turns[WARM_UP:], strict=True))
        rows = []
        for number, (lever, *_) in enumerate(plan):
            gain = 1.0
            if number:
                pairs = zip(by_row[number - 1], by_row[number], strict=True)
                gain = statistics.median(before / after for before, after in pairs)
            rates = spread([IMAGES / seconds for seconds in by_row[number]])
            rows.append({"lever": lever, "images_per_second": rates, "gain": gain})
            print(f"{batch_size:4} {rates['median']:8,.0f} images/s  x {gain:.2f}  {lever}")
        report["batches"][str(batch_size)] = rows
    (RESULTS / "ablation.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
