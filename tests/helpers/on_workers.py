"""Trains as one of several workers, each a process of its own; for a test.

    TF_CONFIG=... python -m tests.helpers.on_workers two|three

Each works in a folder of its own and leaves there what it found, in ``report.json`` and in files
of weights.
"""

import dataclasses
import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

import mnistcnn
from mnistcnn.training.distribute.cluster import cluster_from_env, connect
from tests.helpers import runs

Callback = runs.keras.callbacks.Callback
NUMBER = cluster_from_env().number


class Once(Callback):
    """Does something at a batch of this worker's, the first time."""

    still_to_come = True

    def __init__(self, act, *, at=3):
        super().__init__()
        self.act, self.at, self.seen = act, at, 0

    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1
        if self.seen == self.at:
            self.act(self.model)

    def get_state(self):
        return None

    def set_state(self, state):
        pass


class Written(Callback):
    """A callback of one's own that writes, as it says."""

    chief_only = True

    def on_epoch_end(self, epoch, logs=None):
        Path("written").touch()


def nothing(model):
    del model


def stop(model):
    model.stop_training = True


def interrupt(model):
    del model
    os.kill(os.getpid(), signal.SIGINT)


def disturb(model):
    model.set_weights([weight + 0.01 * NUMBER for weight in model.get_weights()])


def kill(model):
    del model
    os.kill(os.getpid(), signal.SIGKILL)


def of_last(act, *, last=1, at=3):
    """Return a callback that acts on the last worker, and elsewhere does nothing."""
    return Once(act if last == NUMBER else nothing, at=at)


def refusal(error, *arguments, **options):
    try:
        runs.train(*arguments, **options)
    except error as refused:
        return str(refused)
    return None


def two(strategy):
    recipe, options = runs.RECIPES["one left over"], {"strategy": strategy}
    for name, one in runs.RECIPES.items():
        # What the others begin with does not count.
        runs.save(name, *runs.train(one, mnistcnn.build_model(seed=7 * NUMBER), **options))

    scribe = runs.Scribe()
    own = [scribe, Written(), *mnistcnn.default_callbacks("best.keras")]
    logger = runs.keras.callbacks.CSVLogger("log.csv")
    drawn = runs.train(
        runs.FITTED, mnistcnn.build_model(), callbacks=[*own, logger], seed=None, **options
    )
    runs.save("drawn", *drawn)
    files = [name for name in ("best.keras", "log.csv", "written") if Path(name).exists()]

    stopped = runs.train(runs.RECIPES["documented"], callbacks=[of_last(stop)], **options)
    short = {"epochs": 2, "strategy": strategy}
    refused = [
        refusal(ValueError, recipe, batch_size=50 + NUMBER, **options),
        refusal(ValueError, recipe, seed=NUMBER, **options),
        refusal(ValueError, runs.FITTED, runs.other_network(), **options),
        refusal(
            ValueError, recipe, callbacks=[runs.keras.callbacks.BackupAndRestore("b")], **options
        ),
        refusal(RuntimeError, recipe, callbacks=[of_last(disturb)], **options),
    ]

    kept = {"checkpoint_dir": "kept", "checkpoint_every": 2, **short}
    whole = runs.train(
        runs.TAUGHT, callbacks=[of_last(nothing)], **kept | {"checkpoint_dir": "whole"}
    )
    interrupted = 0
    for act in (interrupt, interrupt, nothing):
        try:
            again = runs.train(runs.TAUGHT, callbacks=[of_last(act)], **kept)
        except KeyboardInterrupt:
            interrupted += 1
    digits = mnistcnn.preprocess(*mnistcnn.load_data("digits").train)
    model = mnistcnn.build_model(seed=3)
    long = dataclasses.replace(runs.FAST, epochs=12)
    history = mnistcnn.train(model, *digits, recipe=long, seed=3, verbose=0, **options)
    runs.save("command", model, history)
    return {
        "files": files,
        "calls": scribe.calls,
        "stopped": int(stopped[0].optimizer.iterations),
        "refused": refused,
        "interrupted": interrupted,
        "same": all(map(np.array_equal, runs.bits(whole[0]), runs.bits(again[0])))
        and whole[1].history == again[1].history,
        "kept": Path("kept").exists(),
    }


def three(strategy):
    recipe, options = runs.RECIPES["one left over"], {"strategy": strategy}
    runs.save("three", *runs.train(recipe, **options))
    started = time.monotonic()
    text = refusal(
        mnistcnn.WorkerLostError, recipe, epochs=4, callbacks=[of_last(kill, last=2, at=10)],
        checkpoint_dir="kept", **options,
    )  # fmt: skip
    return {"lost": text, "seconds": time.monotonic() - started}


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # the background ignores it
    found = {"two": two, "three": three}[sys.argv[1]](connect(cluster_from_env()))
    Path("report.json").write_text(json.dumps(found))
