from pathlib import Path

import filelock
import numpy as np
import pytest

from mnistcnn import CorruptFileError
from mnistcnn.training.checkpoint.file_format import write_checkpoint
from tests.helpers.checkpoint_runs import FOLDER, STATE, crash, keras_fit_model, read, run
from tests.helpers.runs import Crash, equal_bits


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (dict(checkpoint_dir=3), TypeError, "checkpoint_dir must be a path; received 3"),
        (dict(checkpoint_dir="file"), ValueError, "checkpoint_dir must be a folder; 'file' is a file"),
        (dict(checkpoint_every=0), ValueError, "checkpoint_every must be at least 1; received 0"),
        (dict(checkpoint_every=True), TypeError, "checkpoint_every must be an integer; received True"),
        (dict(checkpoint_every=3, checkpoint_dir=None), ValueError, "checkpoint_every must come with checkpoint_dir; received 3"),
        (dict(checkpoint_every=3, model=keras_fit_model), ValueError, "checkpoint_every must be None for a model that Keras' fit trains, which is saved at the end of each epoch; received 3"),
    ],
)  # fmt: skip
def test_arguments_are_checked_before_training(xy, options, error, message):
    Path("file").write_text("")
    if "model" in options:
        options = {**options, "model": options["model"]()}
    with pytest.raises(error, match=message):
        run(xy, callbacks=[], **options)


def test_random_seed_is_saved(xy):
    crash(xy, 3, "baseline", Crash(), seed=None, epochs=1)
    model, history = run(xy, "baseline", Crash(), seed=None, epochs=1)
    whole, whole_history = run(
        xy, "baseline", seed=read()[0]["seed"], epochs=1, checkpoint_dir="other"
    )
    assert equal_bits(model, whole)
    assert history.history == whole_history.history


def test_second_training_in_the_folder_is_rejected(xy, finished_run):
    with (
        filelock.FileLock(FOLDER / "lock"),
        pytest.raises(
            BlockingIOError,
            match="checkpoint_dir must be used by one training at a time; received 'checkpoint', which another one uses",
        ),
    ):
        run(xy, epochs=1)
    assert (FOLDER / "lock").exists()  # a lock file without an owner has no effect
    run(xy, epochs=1)


def test_damaged_file_is_rejected(xy, finished_run):
    content = STATE.read_bytes()
    STATE.write_bytes(content[:-1])
    with pytest.raises(CorruptFileError, match="must be an intact checkpoint"):
        run(xy, epochs=1)
    with STATE.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(
        CorruptFileError, match="must hold at most [0-9,]+ bytes; it holds 1,099,511,627,776"
    ):
        run(xy, epochs=1)


NOT_A_CHECKPOINT = "checkpoint/run.safetensors must be a checkpoint of this package"
NO_MATCH = "checkpoint/run.safetensors must match the model and callbacks"
NO_POSITION = "checkpoint/run.safetensors must hold a valid training position"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (None, NOT_A_CHECKPOINT),
        ({"format": 1}, "received the format 1"),
        ({"fingerprint": 3}, NOT_A_CHECKPOINT),
        ({"seed": -1}, "seed must be at least 0"),
        ({"elapsed_seconds": "long"}, NOT_A_CHECKPOINT),
        ({"training_states": {"model": {}}}, NO_POSITION),
    ],
)
def test_intact_file_with_an_invalid_record_is_rejected(xy, finished_run, changes, message):
    record, arrays = read()
    write_checkpoint(STATE, {} if changes is None else record | changes, arrays)
    with pytest.raises(CorruptFileError, match=message):
        run(xy, epochs=1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epoch": "x"}, NO_POSITION),
        ({"epoch": 1e300}, NO_POSITION),
        ({"step": -1}, NO_POSITION),
        ({"callbacks": [{"array": "no"}, 1]}, NO_MATCH),
        ({"callbacks": []}, NO_MATCH),
    ],
)
def test_intact_file_with_an_invalid_state_is_rejected(xy, finished_run, changes, message):
    record, arrays = read()
    record["training_states"]["model"] |= changes
    write_checkpoint(STATE, record, arrays)
    with pytest.raises(CorruptFileError, match=message):
        run(xy, epochs=1)


def test_intact_file_with_other_arrays_is_rejected(xy, finished_run):
    record, arrays = read()
    fewer = {name: array for name, array in arrays.items() if not name.endswith("0003")}
    wider = {
        name: np.repeat(array, 2, 0) if array.ndim == 4 else array for name, array in arrays.items()
    }
    for changed in (fewer, wider):
        write_checkpoint(STATE, record, changed)
        with pytest.raises(CorruptFileError, match=NO_MATCH):
            run(xy, epochs=1)
