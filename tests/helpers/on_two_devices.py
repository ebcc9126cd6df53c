"""Trains on two logical processors, which TensorFlow must hear of before all else; for a test."""

import json
import sys
from pathlib import Path

import numpy as np

import mnistcnn
import mnistcnn.backend  # before TensorFlow, so that its settings are ours
from tests.helpers import runs

tf, keras = mnistcnn.backend.tf, mnistcnn.backend.keras
DEVICES = ["CPU:0", "CPU:1"]


def two_devices():
    cpu = tf.config.list_physical_devices("CPU")[0]
    half = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(cpu, [half, half])
    return tf.distribute.MirroredStrategy(DEVICES)


def callbacks(strategy):
    """Everything that Keras has, at once, alone and under the strategy."""
    found = []
    for number, chosen in enumerate((None, strategy)):
        stock, folder = keras.callbacks, Path(f"callbacks{number}")
        folder.mkdir()
        watch = {"monitor": "val_loss", "mode": "min"}
        scribe = runs.Scribe()
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
                scribe,
                stock.SwapEMAWeights(swap_on_epoch=True),
                stock.EarlyStopping("val_loss", mode="max", patience=1, restore_best_weights=True),
                stock.ReduceLROnPlateau(**watch, patience=0, min_delta=0.5),
                stock.CSVLogger(folder / "log.csv"),
                stock.TensorBoard(str(folder / "board")),
                *mnistcnn.default_callbacks(folder / "best.keras"),
            ],
            strategy=chosen,
        )
        runs.save(f"callbacks{number}", *trained)
        rows = len((folder / "log.csv").read_text().splitlines())
        best = mnistcnn.load_model(folder / "best.keras")
        found.append((scribe.calls, rows, best))
    one, two = found
    return {
        "distance": runs.distance("callbacks0.npz", "callbacks1.npz"),
        "best": float(np.abs(runs.weights(one[2]) - runs.weights(two[2])).max()),
        "calls": one[0] == two[0],
        "epochs": [one[1] - 1, two[1] - 1],
    }


def resumed(strategy, name, recipe, make, every, **options):
    """Crash and go on, until the end, and compare with a run that nothing stopped."""

    def run(folder):
        return runs.train(
            recipe, make(), strategy=strategy, checkpoint_dir=folder, checkpoint_every=every,
            callbacks=[runs.Crash()], **options,
        )  # fmt: skip

    runs.Crash.left = -1
    whole = run(f"{name}-whole")
    crashes = 0
    while True:
        runs.Crash.left = 5 if crashes < 3 else -1
        try:
            again = run(name)
            break
        except RuntimeError:
            crashes += 1
    same = all(map(np.array_equal, runs.bits(whole[0]), runs.bits(again[0])))
    return {
        "crashes": crashes,
        "same": same and whole[1].history == again[1].history,
    }


def refused(strategy):
    try:
        runs.train(runs.FITTED, runs.other_network(), strategy=strategy)
    except ValueError as error:
        return str(error)
    return None


def main():
    strategy = two_devices()

    def within(make):
        def made():
            with strategy.scope():
                return make()

        return made

    plain = mnistcnn.build_model
    for name, recipe in runs.RECIPES.items():
        runs.save(name, *runs.train(recipe, strategy=strategy))
    fitted = within(runs.other_network)()
    history = runs.train(runs.FITTED, fitted, strategy=strategy, batch_size=51)[1]
    scoped = within(plain)()
    learned = runs.train(runs.FITTED, scoped, strategy=strategy)[1]
    robust = runs.train(runs.RECIPES["robust"], within(plain)(), strategy=strategy)[1]
    report = {
        "callbacks": callbacks(strategy),
        "resumed": resumed(strategy, "ours", runs.TAUGHT, lambda: plain(seed=0), 2),
        "resumed by fit": resumed(
            strategy, "fitted", runs.FITTED, within(runs.other_network), None, batch_size=120
        ),
        "fitted": history.history["loss"],
        "placed": str(type(fitted.weights[0].value)),
        "scoped": learned.history["loss"],
        "scoped robust": robust.history["loss"],
        "refused": refused(strategy),
    }
    Path(sys.argv[1]).write_text(json.dumps(report))


if __name__ == "__main__":
    main()
