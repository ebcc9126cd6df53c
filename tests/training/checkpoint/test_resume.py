"""A run that was interrupted resumes and ends with the same bits as an uninterrupted one."""

import numpy as np
import pytest

from mnistcnn import default_callbacks, load_model
from mnistcnn.backend import keras
from mnistcnn.training.checkpoint import file_format
from tests.helpers.checkpoint_runs import CASES, FOLDER, STEPS_PER_EPOCH, crash, run
from tests.helpers.runs import Crash, bits, equal_bits


@pytest.mark.parametrize(
    "case",
    [
        "baseline",
        "keras fit",
        pytest.param("augmented", marks=pytest.mark.slow),
        pytest.param("keras step", marks=pytest.mark.slow),
    ],
)
def test_crashed_run_resumes_exactly(xy, uninterrupted, case):
    for batches in CASES[case].crashes:
        crash(xy, batches, case, Crash())
    check_resumes_exactly(xy, case, *uninterrupted(case))


@pytest.mark.slow
def test_run_that_crashed_in_teacher_and_student_resumes_exactly(xy, uninterrupted, monkeypatch):
    write, positions = file_format.write_checkpoint, []

    def write_twice(path, record, arrays):
        if len(positions) == 2:
            raise RuntimeError("crash")
        write(path, record, arrays)
        positions.append(file_format.describe_position(FOLDER))

    with monkeypatch.context() as patch:
        patch.setattr(file_format, "write_checkpoint", write_twice)
        with pytest.raises(RuntimeError, match="crash"):
            run(xy, "distilled", Crash())
    assert positions == ["teacher0, epoch 1, step 2", "teacher0, epoch 1, step 4"]
    crash(xy, 10, "distilled", Crash())
    assert file_format.describe_position(FOLDER) == "epoch 2, step 2"
    check_resumes_exactly(xy, "distilled", *uninterrupted("distilled"))


def check_resumes_exactly(xy, case, expected, expected_history):
    """Run to the end, then once more, which returns at once and restores the final state."""
    Crash.batches_left = -1
    model, history = run(xy, case, Crash())
    assert -1 - Crash.batches_left < len(history.epoch) * history.params["steps"]
    assert equal_bits(model, expected)
    assert history.history == expected_history.history
    assert history.epoch == expected_history.epoch

    Crash.batches_left = 1
    other = CASES[case].make_model()
    other.set_weights([np.zeros_like(weight) for weight in other.get_weights()])
    again, returned = run(xy, case, Crash(), model=other)
    assert Crash.batches_left == 1
    Crash.batches_left = -1
    assert again is other
    assert equal_bits(again, expected)
    assert (returned.history, returned.epoch) == (history.history, history.epoch)
    assert returned.params["epochs"] == expected_history.params["epochs"]
    assert again.history is returned
    assert sorted(path.name for path in FOLDER.iterdir()) == ["lock", file_format.STATE_FILE]


def test_trained_model_may_be_passed_again(xy):
    """Although its learning rate has changed."""
    callback = keras.callbacks.ReduceLROnPlateau("val_loss", patience=0, min_delta=9.0)
    model, history = run(xy, callbacks=[callback])
    assert model.optimizer.learning_rate < 9e-4
    before = bits(model)
    _, again = run(xy, callbacks=[callback], model=model)
    assert again.history == history.history
    assert all(map(np.array_equal, before, bits(model)))


class ScriptedAccuracy(keras.callbacks.Callback):
    """Replaces the validation accuracy; saves the model of the best epoch."""

    values = (0.5, 0.9, 0.6, float("nan"), 0.7, 0.8)

    def on_epoch_end(self, epoch, logs=None):
        logs["val_accuracy"] = self.values[epoch]
        if epoch == 1:
            self.model.save("second.keras")


def test_worse_or_nan_epoch_does_not_replace_the_best(xy):
    """Although each of the epochs after the best is once the first of a resumed run."""

    def callbacks():
        return [ScriptedAccuracy(), *default_callbacks(patience=5), Crash()]

    for number, batches in enumerate([2 * STEPS_PER_EPOCH + 2, 10, 10]):
        crash(xy, batches, callbacks=callbacks(), epochs=6)
        assert file_format.describe_position(FOLDER) == f"epoch {number + 3}, step 0"
    for _ in range(2):  # resumes, then restores the finished run
        chosen = callbacks()
        run(xy, callbacks=chosen, epochs=6)
        assert chosen[2].best == 0.9
    best, second = load_model("bestmodel.keras"), load_model("second.keras")
    assert all(map(np.array_equal, best.get_weights(), second.get_weights()))
