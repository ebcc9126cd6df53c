from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mnistcnn.backend import keras
from mnistcnn.training.checkpoint import callback_state
from tests.helpers.checkpoint_runs import FOLDER, STEPS_PER_EPOCH, crash, run
from tests.helpers.runs import Crash
from tests.training.checkpoint.test_resume import ScriptedAccuracy


class Counter(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = {"epochs": [], "sum": np.zeros(2), "name": "n", "none": None}

    def on_epoch_end(self, epoch, logs=None):
        self.seen["epochs"].append(epoch)
        self.seen["sum"] += logs["loss"]


class SavedCounter(Counter):
    def get_state(self):
        return self.seen

    def set_state(self, state):
        self.seen = state


@pytest.fixture(scope="module")
def callbacks(xy, tmp_path_factory):
    """Callbacks of an uninterrupted run, of a resumed one, and of the same call once more."""

    def make(log):
        return [
            ScriptedAccuracy(),
            keras.callbacks.EarlyStopping("val_accuracy", patience=3, mode="max"),
            keras.callbacks.CSVLogger(log, append=True),
            SavedCounter(),
            Crash(),
        ]

    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("callbacks")
        patch.chdir(folder)
        options = {"epochs": 6}
        uninterrupted = make("uninterrupted.csv")
        run(xy, callbacks=uninterrupted, checkpoint_dir=None, **options)
        crashed = make("resumed.csv")
        crash(xy, 4 * STEPS_PER_EPOCH + 1, callbacks=crashed, **options)
        crashed[2].csv_file.close()
        resumed, again = make("resumed.csv"), make("again.csv")
        run(xy, callbacks=resumed, **options)
        run(xy, callbacks=again, **options)
        logs = [(folder / name).read_text() for name in ("uninterrupted.csv", "resumed.csv")]
        return SimpleNamespace(uninterrupted=uninterrupted, resumed=resumed, again=again, logs=logs)


@pytest.mark.parametrize("name", ["uninterrupted", "resumed", "again"])
def test_early_stopping_resumes_counting(callbacks, name):
    _, stopping, *_ = getattr(callbacks, name)
    assert (stopping.best, stopping.best_epoch, stopping.stopped_epoch) == (0.9, 1, 4)


def test_user_callback_resumes_with_its_state(callbacks):
    expected = callbacks.uninterrupted[3].seen
    for name in ("resumed", "again"):
        seen = getattr(callbacks, name)[3].seen
        assert seen.keys() == expected.keys()
        assert seen["epochs"] == [0, 1, 2, 3, 4]
        assert np.array_equal(seen["sum"], expected["sum"])
        assert (seen["name"], seen["none"]) == ("n", None)


def test_csv_log_is_continued(callbacks):
    uninterrupted, resumed = callbacks.logs
    assert [row.split(",")[0] for row in resumed.splitlines()] == ["epoch", *"01234"]
    assert resumed == uninterrupted


def test_attributes_of_a_keras_callback_are_restored():
    saved, restored = (keras.callbacks.ReduceLROnPlateau() for _ in range(2))
    saved.wait, saved.best, saved.cooldown_counter = 3, 0.5, 1
    state = callback_state.get_state(saved)
    assert state == {"wait": 3, "best": 0.5, "cooldown_counter": 1}
    callback_state.set_state(restored, state)
    assert (restored.wait, restored.best, restored.cooldown_counter) == (3, 0.5, 1)


def test_stateless_callback_is_accepted():
    class Stateless(keras.callbacks.Callback):
        pass

    callback_state.check_serializable([Stateless()])
    assert callback_state.get_state(Stateless()) == {}


class NotData(SavedCounter):
    def get_state(self):
        return {"me": self}


def test_state_that_is_not_data_is_rejected(xy):
    with pytest.raises(
        TypeError,
        match=r"callbacks/0/me must be numbers, strings, arrays, lists or dicts of them; received <.*NotData",
    ):
        run(xy, callbacks=[NotData()])


@pytest.mark.parametrize(
    ("make_callback", "message"),
    [
        (Counter, "callbacks must have get_state and set_state with checkpoint_dir, unless they are Keras' or have no attributes; received Counter"),
        (lambda: keras.callbacks.BackupAndRestore("b"), "callbacks must not duplicate checkpoint_dir; received BackupAndRestore"),
        (lambda: keras.callbacks.CSVLogger("a.csv"), "CSVLogger must have append=True with checkpoint_dir, or a resumed run would truncate its file; received append=False"),
    ],
)  # fmt: skip
def test_callback_that_cannot_be_saved_is_rejected(xy, make_callback, message):
    with pytest.raises(ValueError, match=message):
        run(xy, callbacks=[make_callback()])
    assert not Path(FOLDER).exists()
