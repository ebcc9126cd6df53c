"""Trains as one of several workers, each a separate process.

    TF_CONFIG=... python -m tests.helpers.on_workers two|three

Each worker writes ``report.json`` and files of weights to its working folder.
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
RANK = cluster_from_env().rank


class AtBatch(Callback):
    """Calls a function after a batch of this process, once."""

    def __init__(self, function, *, batch=3):
        super().__init__()
        self.function, self.batch, self.batches = function, batch, 0

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1
        if self.batches == self.batch:
            self.function(self.model)

    def get_state(self):
        return None

    def set_state(self, state):
        pass


class ChiefOnly(Callback):
    """A user's callback that writes a file."""

    chief_only = True

    def on_epoch_end(self, epoch, logs=None):
        Path("written").touch()


def do_nothing(model):
    del model


def stop(model):
    model.stop_training = True


def interrupt(model):
    del model
    os.kill(os.getpid(), signal.SIGINT)


def change_weights(model):
    model.set_weights([weight + 0.01 * RANK for weight in model.get_weights()])


def kill(model):
    del model
    os.kill(os.getpid(), signal.SIGKILL)


def on_rank(rank, function, *, batch=3):
    """Return a callback that calls the function on one worker and does nothing on the others."""
    return AtBatch(function if rank == RANK else do_nothing, batch=batch)


def error_message(error, *arguments, **options):
    try:
        runs.train(*arguments, **options)
    except error as raised:
        return str(raised)
    return None


def on_two_workers(strategy):
    recipe, options = runs.RECIPES["one left over"], {"strategy": strategy}
    for name, item in runs.RECIPES.items():
        # All workers start with the chief's weights.
        runs.save(name, *runs.train(item, mnistcnn.build_model(seed=7 * RANK), **options))

    recorder = runs.Recorder()
    callbacks = [
        recorder,
        ChiefOnly(),
        *mnistcnn.default_callbacks("best.keras"),
        runs.keras.callbacks.CSVLogger("log.csv"),
    ]
    trained = runs.train(
        runs.FITTED, mnistcnn.build_model(), callbacks=callbacks, seed=None, **options
    )
    runs.save("random_seed", *trained)
    files = [name for name in ("best.keras", "log.csv", "written") if Path(name).exists()]

    stopped, _ = runs.train(runs.RECIPES["baseline"], callbacks=[on_rank(1, stop)], **options)
    backup = runs.keras.callbacks.BackupAndRestore("backup")
    changed = on_rank(1, change_weights)
    errors = [
        error_message(ValueError, recipe, batch_size=50 + RANK, **options),
        error_message(ValueError, recipe, seed=RANK, **options),
        error_message(ValueError, runs.FITTED, runs.other_network(), **options),
        error_message(ValueError, recipe, callbacks=[backup], **options),
        error_message(RuntimeError, recipe, callbacks=[changed], **options),
    ]
    train_as_the_command(strategy)
    return {
        "files": files,
        "calls": recorder.calls,
        "stopped_at": int(stopped.optimizer.iterations),
        "errors": errors,
        **interrupt_and_resume(strategy),
    }


def interrupt_and_resume(strategy):
    options = {"checkpoint_every": 2, "epochs": 2, "strategy": strategy}
    model, history = runs.train(
        runs.DISTILLED, callbacks=[on_rank(1, do_nothing)],
        checkpoint_dir="uninterrupted", **options,
    )  # fmt: skip
    interrupts = 0
    for function in (interrupt, interrupt, do_nothing):
        try:
            resumed_model, resumed_history = runs.train(
                runs.DISTILLED, callbacks=[on_rank(1, function)],
                checkpoint_dir="checkpoint", **options,
            )  # fmt: skip
        except KeyboardInterrupt:
            interrupts += 1
    same_bits = all(map(np.array_equal, runs.bits(model), runs.bits(resumed_model)))
    return {
        "interrupts": interrupts,
        "resumed_exactly": same_bits and history.history == resumed_history.history,
        "has_checkpoint": Path("checkpoint").exists(),
    }


def train_as_the_command(strategy):
    digits = mnistcnn.preprocess(*mnistcnn.load_data("digits").train)
    model = mnistcnn.build_model(seed=3)
    recipe = dataclasses.replace(runs.FAST, epochs=12)
    history = mnistcnn.train(model, *digits, recipe=recipe, seed=3, verbose=0, strategy=strategy)
    runs.save("command", model, history)


def on_three_workers(strategy):
    recipe, options = runs.RECIPES["one left over"], {"strategy": strategy}
    runs.save("three", *runs.train(recipe, **options))
    started = time.monotonic()
    message = error_message(
        mnistcnn.WorkerLostError, recipe, epochs=4, callbacks=[on_rank(2, kill, batch=10)],
        checkpoint_dir="checkpoint", **options,
    )  # fmt: skip
    return {"error": message, "seconds": time.monotonic() - started}


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in background jobs
    function = {"two": on_two_workers, "three": on_three_workers}[sys.argv[1]]
    Path("report.json").write_text(json.dumps(function(connect(cluster_from_env()))))
