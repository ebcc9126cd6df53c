"""Trains on two logical CPUs, which must be configured before TensorFlow initializes.

    python -m tests.helpers.on_two_devices short|medium|long

Writes ``report.json`` and files of weights to the working folder.
"""

import json
import sys
from pathlib import Path

import numpy as np

import mnistcnn
import mnistcnn.backend  # before TensorFlow, to set its defaults
from tests.helpers import runs

tf, keras = mnistcnn.backend.tf, mnistcnn.backend.keras
DEVICES = ["CPU:0", "CPU:1"]


def two_device_strategy():
    cpu = tf.config.list_physical_devices("CPU")[0]
    half = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(cpu, [half, half])
    return tf.distribute.MirroredStrategy(DEVICES)


def train_with_callbacks(strategy):
    """Train with every built-in callback, without and with the strategy."""
    results = []
    for number, chosen in enumerate((None, strategy)):
        stock, folder = keras.callbacks, Path(f"callbacks{number}")
        folder.mkdir()
        monitor = {"monitor": "val_loss", "mode": "min"}
        recorder = runs.Recorder()
        model = mnistcnn.build_model(seed=0)
        model.compile(
            keras.optimizers.Adam(use_ema=True, ema_momentum=0.9),
            "categorical_crossentropy",
            metrics=["accuracy"],
        )
        trained = runs.train(
            runs.FITTED,
            model,
            callbacks=[
                recorder,
                stock.SwapEMAWeights(swap_on_epoch=True),
                stock.EarlyStopping("val_loss", mode="max", patience=1, restore_best_weights=True),
                stock.ReduceLROnPlateau(**monitor, patience=0, min_delta=0.5),
                stock.CSVLogger(folder / "log.csv"),
                stock.TensorBoard(str(folder / "board")),
                *mnistcnn.default_callbacks(folder / "best.keras"),
            ],
            strategy=chosen,
        )
        runs.save(f"callbacks{number}", *trained)
        epochs = len((folder / "log.csv").read_text().splitlines()) - 1
        best = runs.weights(mnistcnn.load_model(folder / "best.keras"))
        results.append((recorder.calls, epochs, best))
    (calls, epochs, best), (device_calls, device_epochs, device_best) = results
    return {
        "difference": runs.max_difference("callbacks0.npz", "callbacks1.npz"),
        "best_difference": float(np.abs(best - device_best).max()),
        "same_calls": calls == device_calls,
        "epochs": [epochs, device_epochs],
    }


def crash_and_resume(strategy, name, recipe, make_model, every, *, crashes, **options):
    """Crash and resume; compare with an uninterrupted run."""

    def run(folder):
        return runs.train(
            recipe, make_model(), strategy=strategy, checkpoint_dir=folder,
            checkpoint_every=every, callbacks=[runs.Crash()], **options,
        )  # fmt: skip

    runs.Crash.batches_left = -1
    model, history = run(f"{name}-uninterrupted")
    count = 0
    while True:
        runs.Crash.batches_left = 5 if count < crashes else -1
        try:
            resumed_model, resumed_history = run(name)
            break
        except RuntimeError:
            count += 1
    same_history = history.history == resumed_history.history
    return {
        "crashes": count,
        "resumed_exactly": same_history and runs.equal_bits(model, resumed_model),
    }


def error_for_a_model_from_outside(strategy):
    try:
        runs.train(runs.FITTED, runs.other_network(), strategy=strategy)
    except ValueError as error:
        return str(error)
    return None


def save_recipes(strategy, names):
    for name in names:
        runs.save(name, *runs.train(runs.RECIPES[name], strategy=strategy))


def baseline_network():
    return mnistcnn.build_model(seed=0)


def in_scope(strategy, make_model):
    with strategy.scope():
        return make_model()


def short_report(strategy):
    save_recipes(strategy, runs.SHORT_RECIPES)
    other = in_scope(strategy, runs.other_network)
    _, history = runs.train(runs.FITTED, other, strategy=strategy, batch_size=51)
    return {
        "variable_type": str(type(other.weights[0].value)),
        "other network": history.history["loss"],
        "error": error_for_a_model_from_outside(strategy),
    }


def medium_report(strategy):
    save_recipes(strategy, runs.MEDIUM_RECIPES)
    return {
        "callbacks": train_with_callbacks(strategy),
        "one left over": crash_and_resume(
            strategy, "resumed", runs.RECIPES["one left over"], baseline_network, 2, crashes=1
        ),
    }


def long_report(strategy):
    save_recipes(strategy, runs.LONG_RECIPES)
    model = in_scope(strategy, baseline_network)
    _, history = runs.train(runs.FITTED, model, strategy=strategy)
    model = in_scope(strategy, baseline_network)
    _, robust_history = runs.train(runs.RECIPES["robust"], model, strategy=strategy)
    return {
        "best": crash_and_resume(
            strategy, "best-run", runs.DISTILLED, baseline_network, 2, crashes=3
        ),
        "keras fit": crash_and_resume(
            strategy, "fit-run", runs.FITTED, lambda: in_scope(strategy, runs.other_network), None,
            crashes=3, batch_size=120,
        ),
        "baseline network": history.history["loss"],
        "baseline network, recipe robust": robust_history.history["loss"],
    }  # fmt: skip


if __name__ == "__main__":
    reports = {"short": short_report, "medium": medium_report, "long": long_report}
    make_report = reports[sys.argv[1]]
    Path("report.json").write_text(json.dumps(make_report(two_device_strategy())))
