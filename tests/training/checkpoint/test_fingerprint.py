import pytest

from mnistcnn import CorruptFileError, build_model
from mnistcnn.training.checkpoint import fingerprint
from mnistcnn.training.checkpoint.file_format import write_checkpoint
from tests.helpers.checkpoint_runs import STATE, read, run

DIGEST = r"\(sha256 [0-9a-f]{16}\)"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(seed=6), "seed; 'checkpoint' has 5, received 6"),
        (dict(epochs=2), "recipe; 'checkpoint' has 'baseline' with epochs 1, received 'baseline' with epochs 2"),
        (dict(recipe="fast"), "recipe; 'checkpoint' has 'baseline' with batch_size 32, validation_split 0.3"),
        (dict(batch_size=9), "'baseline' with batch_size 32, received 'baseline' with batch_size 9"),
        (dict(callbacks=[]), "callbacks; 'checkpoint' has EarlyStopping of val_accuracy, BestCheckpoint of val_accuracy, received none"),
        (dict(model=lambda: build_model(dropout=0.5)), f"model; 'checkpoint' has a Sequential of 34,826 parameters with Adam {DIGEST}, received"),
        (dict(model=lambda: build_model(learning_rate=0.1)), "learning rate; 'checkpoint' has 0.00100\\d+, received 0.1"),
    ],
)  # fmt: skip
def test_another_run_is_rejected(xy, finished_run, options, message):
    if "model" in options:
        options = {**options, "model": options["model"]()}
    with pytest.raises(ValueError, match=message) as caught:
        run(xy, **{"epochs": 1, **options})
    assert str(caught.value).startswith("checkpoint_dir must hold a run with the same ")
    assert not isinstance(caught.value, CorruptFileError)


def test_other_data_is_rejected(xy, finished_run):
    x, y = xy
    for data, options, message in [
        ((x[:300], y[:300]), {}, f"same data; 'checkpoint' has 248 images {DIGEST}, received 210 images {DIGEST}"),
        ((x, y[:, ::-1]), {}, f"same data; 'checkpoint' has 248 images {DIGEST}, received 248 images {DIGEST}"),
        ((x[:248], y[:248]), dict(validation_data=(x[249:], y[249:])), f"validation data; 'checkpoint' has 107 images {DIGEST}, received 106"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=message):
            run(data, epochs=1, **options)


def test_other_library_versions_are_rejected(xy, finished_run):
    record, arrays = read()
    record["fingerprint"]["versions"]["keras"] = "2.3"
    write_checkpoint(STATE, record, arrays)
    with pytest.raises(
        ValueError, match="the same versions; 'checkpoint' has keras 2.3, received keras 3"
    ):
        run(xy, epochs=1)


def test_values_from_a_file_are_shortened_in_the_message(xy, finished_run):
    record, arrays = read()
    for name, value in [("data", "a" * 1_000_000), ("recipe", {"name": "a" * 1_000_000})]:
        changed = record | {"fingerprint": record["fingerprint"] | {name: value}}
        write_checkpoint(STATE, changed, arrays)
        with pytest.raises(ValueError, match=f"a run with the same {name}; .* has ") as caught:
            run(xy, epochs=1)
        assert len(str(caught.value)) < 5_000


def test_unknown_values_match_any():
    fingerprint.check_same_run("f", {"learning_rate": None}, {"learning_rate": 0.1})
    fingerprint.check_same_run("f", {"learning_rate": 0.1}, {"learning_rate": None})


def test_model_fingerprint_ignores_initial_weights_and_learning_rate():
    first, second = (
        fingerprint.model_fingerprint(
            build_model(seed=seed, learning_rate=rate), with_optimizer=True
        )
        for seed, rate in ((0, 0.1), (1, 0.2))
    )
    assert first == second
    without = fingerprint.model_fingerprint(build_model(), with_optimizer=False)
    assert without.startswith("a Sequential of 34,826 parameters (sha256 ")
