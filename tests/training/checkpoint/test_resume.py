"""A run that is stopped goes on, and ends as if nothing had been: bit for bit."""

import dataclasses
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import filelock
import numpy as np
import pytest

import mnistcnn
from mnistcnn import CorruptFileError, build_model, default_callbacks, load_model, train
from mnistcnn.backend import keras
from mnistcnn.cli.main import main
from mnistcnn.recipes import BASELINE, FAST, ROBUST, Augmentation
from mnistcnn.training.checkpoint import file_format
from tests.helpers.runs import Crash

ROOT = Path(__file__).parents[3]
STATE = Path("kept", file_format.STATE_FILE)
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")


def of_fit():
    layers = keras.layers
    start = keras.initializers.GlorotUniform(seed=1)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)), layers.Flatten(), layers.BatchNormalization(),
            layers.Dropout(0.3, seed=2), layers.Dense(10, "softmax", kernel_initializer=start),
        ]
    )  # fmt: skip
    model.compile(
        keras.optimizers.Adam(use_ema=True, ema_momentum=0.9),
        "categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def network():
    return build_model(seed=0)


def watchers():
    stock = keras.callbacks
    watch = {"monitor": "val_loss", "mode": "min"}
    return [
        stock.SwapEMAWeights(swap_on_epoch=True),
        stock.EarlyStopping(**watch, patience=2, restore_best_weights=True),
        stock.ReduceLROnPlateau(**watch, patience=0, min_delta=0.5),
        stock.ModelCheckpoint("watched.keras", **watch, save_best_only=True),
    ]


def none():
    return []


TAUGHT = dataclasses.replace(
    FAST,
    name="taught",
    epochs=2,
    batch_size=60,
    label_smoothing=0.0,
    augmentation=Augmentation(translation=1.0),
    teacher=dataclasses.replace(FAST, name="teacher", epochs=2, batch_size=60, dropout=0.3),
)
DISTORTED = dataclasses.replace(ROBUST, epochs=3, batch_size=60, dropout=0.2)
FITTED = dataclasses.replace(
    BASELINE, name="fitted", epochs=6, augmentation=Augmentation(translation=1.0)
)
WAYS = {
    "documented": (network, dataclasses.replace(BASELINE, epochs=3), default_callbacks, 2),
    "distorted": (network, DISTORTED, none, 2),
    "taught": (network, TAUGHT, none, 2),
    "by fit": (of_fit, FITTED, watchers, None),
}


def run(xy, way="documented", *more, model=None, **options):
    make, recipe, callbacks, every = WAYS[way]
    options = {"recipe": recipe, "callbacks": [*callbacks(), *more], "seed": 5, **options}
    if options.setdefault("checkpoint_dir", "kept") is not None:
        options.setdefault("checkpoint_every", every)
    model = make() if model is None else model
    history = train(model, *xy, verbose=0, **options)
    return model, history


def bits(model):
    return [np.asarray(one) for one in [*model.variables, *model.optimizer.variables]]


def same(ours, theirs):
    return all(map(np.array_equal, bits(ours), bits(theirs)))


def record():
    return file_format.read_checkpoint(STATE, limit=1 << 26)[0]


@pytest.mark.parametrize("way", WAYS)
def test_a_run_that_crashed_goes_on_to_the_same_bits(xy, way):
    """Again and again; then it returns at once, with all that it had found."""
    Crash.batches_left = 10_000
    whole, expected = run(xy, way, Crash(), checkpoint_dir=None)
    batches = 10_000 - Crash.batches_left
    crashes = 0
    while True:
        Crash.batches_left = max(3, batches // 3) if crashes < 5 else -1
        try:
            model, history = run(xy, way, Crash())
            break
        except RuntimeError:
            crashes += 1
    assert crashes >= 2
    assert -1 - Crash.batches_left < batches  # it did not begin at the beginning
    assert same(model, whole)
    assert history.history == expected.history
    assert history.epoch == expected.epoch

    Crash.batches_left = 1
    other = WAYS[way][0]()
    other.set_weights([np.zeros_like(one) for one in other.get_weights()])
    again, returned = run(xy, way, Crash(), model=other)
    assert Crash.batches_left == 1
    assert again is other
    assert same(again, whole)
    assert (returned.history, returned.epoch) == (expected.history, expected.epoch)
    assert returned.params["epochs"] == expected.params["epochs"]
    assert again.history is returned
    assert sorted(path.name for path in Path("kept").iterdir()) == ["lock", file_format.STATE_FILE]


def test_it_goes_on_within_the_epoch_and_keeps_every_so_many_steps(xy, monkeypatch):
    places = []
    write = file_format.write_checkpoint

    def noting(path, record, arrays):
        stage = record["stages"]["network"]
        places.append((stage["epoch"], stage["step"], stage["finished"]))
        write(path, record, arrays)

    monkeypatch.setattr(file_format, "write_checkpoint", noting)
    options = dict(epochs=2, callbacks=[Crash()], validation_split=0.0)  # 12 steps an epoch
    Crash.batches_left = 10
    with pytest.raises(RuntimeError, match="crash"):
        run(xy, checkpoint_every=5, **options)
    assert places == [(0, 5, False)]
    assert file_format.describe_position(Path("kept")) == "epoch 1, step 5"
    run(xy, checkpoint_every=5, **options)
    found = [(0, 10), (1, 0), (1, 3), (1, 8), (2, 0), (2, 0)]
    assert places[1:] == [(*place, n == 5) for n, place in enumerate(found)]
    assert file_format.describe_position(Path("kept")) is None


def test_without_a_number_it_is_kept_at_the_ends_of_epochs(xy):
    Crash.batches_left = 11  # 8 steps an epoch
    with pytest.raises(RuntimeError, match="crash"):
        run(xy, "documented", Crash(), checkpoint_every=None)
    assert file_format.describe_position(Path("kept")) == "epoch 2, step 0"


def test_a_seed_is_drawn_and_kept(xy):
    Crash.batches_left = 11
    with pytest.raises(RuntimeError, match="crash"):
        run(xy, "documented", Crash(), seed=None)
    model, history = run(xy, "documented", Crash(), seed=None)
    whole, expected = run(xy, "documented", seed=record()["seed"], checkpoint_dir="other")
    assert same(model, whole)
    assert history.history == expected.history


def test_the_same_model_may_be_handed_in_again(xy):
    """Though it is trained by now, and its learning rate another."""
    plateau = keras.callbacks.ReduceLROnPlateau("val_loss", patience=0, min_delta=9.0)
    model, history = run(xy, callbacks=[plateau])
    assert model.optimizer.learning_rate < 9e-4
    before = bits(model)
    _, again = run(xy, callbacks=[plateau], model=model)
    assert again.history == history.history
    assert all(map(np.array_equal, before, bits(model)))


def test_bits_do_not_depend_on_whether_the_run_is_kept(xy):
    assert same(run(xy)[0], run(xy, checkpoint_dir=None)[0])


class Script(keras.callbacks.Callback):
    """Puts figures of its own in place of the validation's."""

    figures = (0.5, 0.9, 0.6, float("nan"), 0.7, 0.8)

    def on_epoch_end(self, epoch, logs=None):
        logs["val_accuracy"] = self.figures[epoch]
        if epoch == 1:
            self.model.save("second.keras")


@pytest.mark.parametrize("crash", [2 * 8 + 2, 3 * 8 + 2, 4 * 8 + 2, None])
def test_a_worse_or_undefined_epoch_never_replaces_the_best(xy, crash):
    """Nor does the first epoch of the part that goes on."""
    options = dict(epochs=6)

    def callbacks():
        return [Script(), *default_callbacks(patience=5), Crash()]

    if crash is not None:
        Crash.batches_left = crash
        with pytest.raises(RuntimeError, match="crash"):
            run(xy, callbacks=callbacks(), **options)
    chosen = callbacks()
    run(xy, callbacks=chosen, **options)
    kept, second = load_model("bestmodel.keras"), load_model("second.keras")
    assert all(map(np.array_equal, kept.get_weights(), second.get_weights()))
    assert chosen[2].best == 0.9
    again = callbacks()
    run(xy, callbacks=again, **options)
    assert again[2].best == 0.9


def test_early_stopping_goes_on_counting(xy):
    def stopping():
        return keras.callbacks.EarlyStopping("val_accuracy", patience=3, mode="max")

    Crash.batches_left = 8 * 4 + 1
    with pytest.raises(RuntimeError, match="crash"):
        run(xy, callbacks=[Script(), stopping(), Crash()], epochs=6)
    for _ in range(2):  # and says so when all was over
        callback = stopping()
        _, history = run(xy, callbacks=[Script(), callback, Crash()], epochs=6)
        assert (callback.best, callback.best_epoch, callback.stopped_epoch) == (0.9, 1, 4)
        assert history.epoch == [0, 1, 2, 3, 4]


# Callbacks of one's own


class Counter(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = {"epochs": [], "sum": np.zeros(2), "name": "n", "none": None}

    def on_epoch_end(self, epoch, logs=None):
        self.seen["epochs"].append(epoch)
        self.seen["sum"] += logs["loss"]


class Keeping(Counter):
    def get_state(self):
        return self.seen

    def set_state(self, state):
        self.seen = state


def test_a_callback_with_a_state_gets_it_back(xy):
    whole = Keeping()
    run(xy, "documented", whole, checkpoint_dir=None)
    Crash.batches_left = 11
    with pytest.raises(RuntimeError, match="crash"):
        run(xy, "documented", Keeping(), Crash())
    callback = Keeping()
    run(xy, "documented", callback, Crash())
    assert callback.seen.keys() == whole.seen.keys()
    assert callback.seen["epochs"] == [0, 1, 2]
    assert np.array_equal(callback.seen["sum"], whole.seen["sum"])
    assert (callback.seen["name"], callback.seen["none"]) == ("n", None)


class Odd(Keeping):
    def get_state(self):
        return {"me": self}


def test_a_state_that_is_no_data_is_refused(xy):
    with pytest.raises(
        TypeError,
        match=r"callbacks/0/me must be numbers, texts, arrays, lists or dicts of them; received <.*Odd",
    ):
        run(xy, callbacks=[Odd()])


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (Counter, "callbacks must have get_state and set_state beside checkpoint_dir, unless they are Keras' own or hold nothing; received Counter"),
        (lambda: keras.callbacks.BackupAndRestore("b"), "callbacks must not hold what checkpoint_dir does already; received BackupAndRestore"),
        (lambda: keras.callbacks.CSVLogger("a.csv"), "CSVLogger must be made with append=True beside checkpoint_dir, or a run that goes on would empty its file; received append=False"),
    ],
)  # fmt: skip
def test_callbacks_that_would_forget_are_refused(xy, callback, message):
    with pytest.raises(ValueError, match=message):
        run(xy, callbacks=[callback()])
    assert not Path("kept").exists()


def test_a_log_goes_on(xy):
    def log():
        return keras.callbacks.CSVLogger("a.csv", append=True)

    Crash.batches_left, crashed = 11, log()
    with pytest.raises(RuntimeError, match="crash"):
        run(xy, callbacks=[crashed, Crash()])
    crashed.csv_file.close()
    run(xy, callbacks=[log(), Crash()])
    rows = Path("a.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "0", "1", "2"]


# What is another run


def test_another_run_is_refused_with_both_named(xy, monkeypatch):
    run(xy, epochs=1)
    x, y = xy
    digest = r"\(sha256 [0-9a-f]{16}\)"
    for data, options, message in [
        (xy, dict(seed=6), "seed; 'kept' holds one of 5, received 6"),
        (xy, dict(epochs=2), "recipe; 'kept' holds one of 'documented' with epochs 1, received 'documented' with epochs 2"),
        (xy, dict(recipe="fast"), "recipe; 'kept' holds one of 'documented' with batch_size 32, validation_split 0.3"),
        (xy, dict(batch_size=9), "'documented' with batch_size 32, received 'documented' with batch_size 9"),
        (xy, dict(callbacks=[]), "callbacks; 'kept' holds one of EarlyStopping of val_accuracy, BestCheckpoint of val_accuracy, received none"),
        ((x[:300], y[:300]), {}, f"data; 'kept' holds one of 248 images {digest}, received 210 images {digest}"),
        ((x, y[:, ::-1]), {}, f"data; 'kept' holds one of 248 images {digest}, received 248 images {digest}"),
        ((x[:248], y[:248]), dict(validation_data=(x[249:], y[249:])), f"validation data; 'kept' holds one of 107 images {digest}, received 106"),
        (xy, dict(model=build_model(dropout=0.5)), f"network; 'kept' holds one of a Sequential of 34,826 parameters with Adam {digest}, received"),
        (xy, dict(model=build_model(learning_rate=0.1)), "learning rate; 'kept' holds one of 0.00100\\d+, received 0.1"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=message) as caught:
            run(data, **{"epochs": 1, **options})
        assert str(caught.value).startswith("checkpoint_dir must hold a run of the same ")
        assert not isinstance(caught.value, CorruptFileError)
    kept = record()
    kept["identity"]["versions"]["keras"] = "2.3"
    file_format.write_checkpoint(STATE, kept, file_format.read_checkpoint(STATE, limit=1 << 26)[1])
    with pytest.raises(
        ValueError, match="the same versions; 'kept' holds one of keras 2.3, received keras 3"
    ):
        run(xy, epochs=1)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (dict(checkpoint_dir=3), TypeError, "checkpoint_dir must be a path; received 3"),
        (dict(checkpoint_dir="file"), ValueError, "checkpoint_dir must be a folder; 'file' is a file"),
        (dict(checkpoint_every=0), ValueError, "checkpoint_every must be at least 1; received 0"),
        (dict(checkpoint_every=True), TypeError, "checkpoint_every must be an integer; received True"),
        (dict(checkpoint_every=3, checkpoint_dir=None), ValueError, "checkpoint_every must come with checkpoint_dir; received 3"),
        (dict(checkpoint_every=3, model=of_fit), ValueError, "checkpoint_every must be None for a model that Keras' own fit trains, which is kept at each epoch's end; received 3"),
    ],
)  # fmt: skip
def test_arguments_are_checked_first(xy, options, error, message):
    Path("file").write_text("")
    if "model" in options:
        options = {**options, "model": options["model"]()}
    with pytest.raises(error, match=message):
        run(xy, callbacks=[], **options)


def test_two_trainings_into_one_folder(xy):
    """The second is refused; the file of a lock whose owner is gone means nothing."""
    Path("kept").mkdir()
    Path("kept", "lock").write_text("")
    with (
        filelock.FileLock("kept/lock"),
        pytest.raises(
            BlockingIOError,
            match="checkpoint_dir must be one training's own; received 'kept', in which another one is at work",
        ),
    ):
        run(xy)
    run(xy, epochs=1)


# Files that are damaged or something else


def test_a_damaged_file_is_refused_whatever_is_wrong_with_it(xy):
    run(xy, epochs=1)
    whole = STATE.read_bytes()
    chance = np.random.default_rng(0)
    damaged = [b"", b"\x80\x04}.", b"PK", whole[:-1], whole + b"0", whole[8:]]
    for _ in range(60):
        content = bytearray(whole)
        place = int(
            chance.integers(len(content)) if chance.random() < 0.5 else chance.integers(3000)
        )
        content[place] ^= 1 << int(chance.integers(8))
        damaged.append(bytes(content))
    for content in damaged:
        STATE.write_bytes(content)
        with pytest.raises(
            CorruptFileError, match="kept/run.safetensors must be the whole state of a run: "
        ):
            file_format.read_checkpoint(STATE, limit=1 << 26)
    with pytest.raises(CorruptFileError, match="must be the whole state of a run"):
        run(xy, epochs=1)
    with pytest.raises(CorruptFileError, match="must be the whole state of a run"):
        file_format.describe_position(Path("kept"))
    with STATE.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(
        CorruptFileError, match="must hold at most [0-9,]+ bytes; it holds 1,099,511,627,776"
    ):
        run(xy, epochs=1)


def test_a_whole_file_with_a_strange_content_is_refused(xy):
    run(xy, epochs=1)
    kept, arrays = file_format.read_checkpoint(STATE, limit=1 << 26)
    stage = kept["stages"]["network"]
    fewer = {name: array for name, array in arrays.items() if not name.endswith("0003")}
    wider = {
        name: np.repeat(array, 2, 0) if array.ndim == 4 else array for name, array in arrays.items()
    }
    strange = "kept/run.safetensors must be the state of a run of this package"
    unfit = "kept/run.safetensors must fit the run's network and callbacks"
    nowhere = "kept/run.safetensors must say where its run is"
    for changed, own, message in [
        ({}, arrays, strange),
        (kept | {"format": 2}, arrays, "received the format 2"),
        (kept | {"identity": 3}, arrays, strange),
        (kept | {"seed": -1}, arrays, "seed must be at least 0"),
        (kept | {"seconds": "long"}, arrays, strange),
        (kept | {"stages": {"network": {}}}, arrays, nowhere),
        (kept | {"stages": {"network": stage | {"epoch": "x"}}}, arrays, nowhere),
        (kept | {"stages": {"network": stage | {"epoch": 1e300}}}, arrays, nowhere),
        (kept | {"stages": {"network": stage | {"step": -1}}}, arrays, nowhere),
        (
            kept | {"stages": {"network": stage | {"callbacks": [{"array": "no"}, 1]}}},
            arrays,
            unfit,
        ),
        (kept | {"stages": {"network": stage | {"callbacks": []}}}, arrays, unfit),
        (kept, fewer, unfit),
        (kept, wider, unfit),
    ]:
        file_format.write_checkpoint(STATE, changed, own)
        with pytest.raises(CorruptFileError, match=message):
            run(xy, epochs=1)


def test_what_a_file_says_of_its_run_does_not_flood_the_message(xy):
    run(xy, epochs=1)
    kept, arrays = file_format.read_checkpoint(STATE, limit=1 << 26)
    for name, value in [("data", "a" * 1_000_000), ("recipe", {"name": "a" * 1_000_000})]:
        strange = kept | {"identity": kept["identity"] | {name: value}}
        file_format.write_checkpoint(STATE, strange, arrays)
        with pytest.raises(
            ValueError, match=f"a run of the same {name}; .* holds one of "
        ) as caught:
            run(xy, epochs=1)
        assert len(str(caught.value)) < 5_000


def test_no_state_is_too_deep_to_be_refused():
    text = "[" * 100_000 + "]" * 100_000
    from safetensors.numpy import save

    arrays = {"a": np.zeros(1)}
    digest = file_format._digest(text, arrays)
    Path("deep").write_bytes(save(arrays, metadata={"mnistcnn-run": text, "sha256": digest}))
    with pytest.raises(CorruptFileError, match="must be the whole state of a run"):
        file_format.read_checkpoint(Path("deep"), limit=1 << 26)


# Signals


class Ring(keras.callbacks.Callback):
    """Presses Ctrl-C after so many batches, so many times."""

    left, times = -1, 1

    def on_train_batch_end(self, batch, logs=None):
        Ring.left -= 1
        if Ring.left == 0:
            for _ in range(Ring.times):
                signal.raise_signal(signal.SIGINT)


@posix
@pytest.mark.parametrize(("ring", "place"), [(3, "epoch 1, step 3"), (16, "epoch 2, step 8")])
def test_an_interrupt_keeps_the_very_step(xy, ring, place):
    whole, _ = run(xy, "documented", Ring(), checkpoint_dir=None)
    Ring.left, Ring.times = ring, 1
    with pytest.raises(KeyboardInterrupt):
        run(xy, "documented", Ring(), checkpoint_every=None)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert file_format.describe_position(Path("kept")) == place
    model, _ = run(xy, "documented", Ring(), checkpoint_every=None)
    assert same(model, whole)


@posix
def test_a_second_interrupt_does_not_wait(xy):
    Ring.left, Ring.times = 3, 2
    with pytest.raises(KeyboardInterrupt):
        run(xy, "documented", Ring(), checkpoint_every=None)
    assert not STATE.exists()


@posix
def test_who_handles_interrupts_goes_on_doing_so(xy):
    heard = []
    old = signal.signal(signal.SIGINT, lambda *_: heard.append(1))
    try:
        Ring.left, Ring.times = 3, 1
        run(xy, "documented", Ring(), epochs=1)
    finally:
        signal.signal(signal.SIGINT, old)
    assert heard == [1]


def test_it_runs_in_a_thread(xy):
    done = []
    thread = threading.Thread(target=lambda: done.append(run(xy, epochs=1)))
    thread.start()
    thread.join()
    assert same(done[0][0], run(xy, epochs=1, checkpoint_dir=None)[0])


# The command

TRAIN = ("train", "--data", "digits", "--seed", "3", "--epochs", "30", "--recipe", "fast")


@posix
@pytest.mark.parametrize(
    ("number", "code", "starter"),
    [
        (signal.SIGTERM, 143, []),
        (signal.SIGINT, 130, []),
        (signal.SIGTERM, 143, ["sh", "-c", "trap '' INT; exec \"$@\"", "sh"]),  # in the background
    ],
)
def test_the_command_says_how_to_go_on_and_does(number, code, starter, capsys):
    process = subprocess.Popen(
        [*starter, sys.executable, "-m", "mnistcnn", *TRAIN, "--output", "run"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not Path("run/checkpoint", file_format.STATE_FILE).exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == code, printed
    place = file_format.describe_position(Path("run/checkpoint"))
    words = " ".join([*TRAIN, "--output", "run", "--resume"])
    assert (
        printed
        == f"\nmnistcnn: interrupted at {place}; progress is saved. To resume:\nmnistcnn {words}\n"
    )

    assert main([*TRAIN, "--output", "run"]) == 1
    assert capsys.readouterr().err == (
        f"mnistcnn: run holds an unfinished training run, at {place}; "
        "--resume continues it, --restart starts from scratch\n"
    )
    assert main([*TRAIN, "--output", "run", "--resume"]) == 0
    assert "Trained 30 epochs in" in capsys.readouterr().out
    assert main([*TRAIN, "--output", "whole"]) == 0
    ours, theirs = (mnistcnn.load_model(f"{one}/model.keras") for one in ("run", "whole"))
    assert all(map(np.array_equal, ours.get_weights(), theirs.get_weights()))
    results = [json.loads(Path(one, "result.json").read_text()) for one in ("run", "whole")]
    assert results[0]["history"] == results[1]["history"]


def test_the_command_resumes_what_has_ended_and_begins_what_has_not_begun(
    tiny, write_npz, capsys, monkeypatch
):
    words = ["train", "--data", str(write_npz(tiny)), "--epochs", "1"]
    assert main([*words, "--resume"]) == 0
    first = json.loads(Path("mnistcnn-run/result.json").read_text())
    assert main([*words, "--resume"]) == 0
    second = json.loads(Path("mnistcnn-run/result.json").read_text())
    assert first["history"] == second["history"]
    assert first["training_seconds"] == second["training_seconds"] > 0
    assert main(words) == 0  # no flag: what has ended is done anew, with another seed
    third = json.loads(Path("mnistcnn-run/result.json").read_text())
    assert first["history"] != third["history"]
    state = Path("mnistcnn-run/checkpoint", file_format.STATE_FILE)
    state.write_bytes(b"damaged")
    assert main(words) == 1
    printed = capsys.readouterr().err
    assert "run.safetensors must be the whole state of a run" in printed
    assert printed.endswith("; --restart starts from scratch\n")
    assert main([*words, "--restart"]) == 0
    assert file_format.describe_position(state.parent) is None
    with pytest.raises(SystemExit):
        main([*words, "--restart", "--resume"])


# Real kills, and fresh processes


@posix
def test_real_processes_survive_sigkill():
    words = [
        "--kills",
        "3",
        "--output",
        "survival.json",
        "--way",
        "the documented recipe",
        "--way",
        "a teacher first",
    ]
    subprocess.run(
        [sys.executable, ROOT / "benchmarks/robustness/crash_recovery.py", *words],
        check=True,
        capture_output=True,
    )
    rows = json.loads(Path("survival.json").read_text())["rows"]
    faults = ("SIGKILL at a random moment", "SIGKILL within a write", "Ctrl-C")
    ways = ("the documented recipe", "a teacher first")
    assert [(row["fault"], row["way"]) for row in rows] == list(itertools.product(faults, ways))
    for row in rows:
        assert row["kills"] == 3
        lost = [row[name] for name in ("other_ends", "unreadable", "litter")]
        assert lost == [0, 0, 0], row


FRESH = """
import dataclasses, hashlib
import numpy as np
from mnistcnn import build_model, load_data, preprocess, recipes, train
x, y = preprocess(*load_data("digits").train)
digest = hashlib.sha256()
teacher = dataclasses.replace(recipes.BEST.teacher, epochs=1)
best = dataclasses.replace(recipes.BEST, dropout=0.2, teacher=teacher)
for recipe in (recipes.BASELINE, recipes.ROBUST, best):
    model = build_model(seed=1)
    train(model, x[:500], y[:500], recipe=recipe, epochs=2, callbacks=[], seed=2, verbose=0)
    for variable in model.variables:
        digest.update(np.asarray(variable).tobytes())
print(digest.hexdigest())
"""


def test_a_seed_gives_the_same_bits_in_fresh_processes():
    printed = [
        subprocess.run(
            [sys.executable, "-c", FRESH], capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("0", "12345")
    ]  # fmt: skip
    assert len(printed[0]) == 65
    assert printed[0] == printed[1]
