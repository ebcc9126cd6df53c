"""Training on a ``tf.data.Dataset`` or a ``keras.utils.PyDataset``."""

import dataclasses
import itertools
import pathlib
import signal
import sys
import weakref

import numpy as np
import pytest

from mnistcnn import build_model, train
from mnistcnn.backend import keras, tf
from mnistcnn.recipes import BASELINE, FAST, ROBUST, Augmentation
from mnistcnn.training.checkpoint import file_format
from mnistcnn.training.data_adapters import make_adapter, smooth_labels
from mnistcnn.training.epoch_iterator import epoch_order
from mnistcnn.training.inputs import raise_data_errors
from tests.helpers.datasets import ArrayPyDataset, InfinitePyDataset
from tests.helpers.models import FitSequential
from tests.helpers.runs import Crash

pytestmark = pytest.mark.usefixtures("small_banks")
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
SIZE = 60
PLAIN = dataclasses.replace(
    BASELINE, name="plain", epochs=2, batch_size=SIZE, validation_split=0.0, monitor=None
)


def perceptron(dropout=0.3, kind=FitSequential):
    """A network that Keras' fit trains."""
    start = keras.initializers.GlorotUniform(seed=1)
    model = kind(
        [
            keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dropout(dropout, seed=2),
            keras.layers.Dense(10, "softmax", kernel_initializer=start),
        ]
    )  # fmt: skip
    model.compile(keras.optimizers.Adam(), "categorical_crossentropy", metrics=["accuracy"])
    return model


def stepping():
    """A network that `KerasStep` trains."""
    return perceptron(kind=keras.Sequential)


def network():
    return build_model(seed=0)


def batched(x, y, size=SIZE):
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(size)


def unknown(x, y):
    return batched(x, y).filter(lambda a, b: True)


def run(data, model=None, **options):
    options = {"recipe": PLAIN, "callbacks": [], "seed": 5, "verbose": 0, **options}
    data = data if isinstance(data, tuple) else (data,)
    return train(model or network(), *data, **options)


def bits(history):
    variables = [*history.model.variables, *history.model.optimizer.variables]
    return [np.asarray(variable) for variable in variables]


def same(one, other):
    return all(map(np.array_equal, bits(one), bits(other)))


@pytest.fixture(scope="module")
def plain_run(xy):
    """The history of a run on ``batched(*xy)``."""
    return run(batched(*xy))


# Equal results for datasets and arrays


class Ordered(ArrayPyDataset):
    """The batches of a run on arrays with that seed, one epoch after the other."""

    def __init__(self, x, y, size, seed, epochs):
        super().__init__(x, y, size)
        self.shuffle_seed = np.random.SeedSequence(seed).generate_state(4)[:2].tolist()
        self.epochs, self.started = epochs, itertools.count()

    def on_epoch_begin(self):
        epoch = next(self.started) % self.epochs
        order = epoch_order(len(self.x), self.shuffle_seed, epoch).numpy()
        self.ordered = self.x[order], self.y[order]

    def __getitem__(self, index):
        part = slice(index * self.batch_size, (index + 1) * self.batch_size)
        return self.ordered[0][part], self.ordered[1][part]


def ordered_tf_dataset(x, y, size, seed, epochs):
    """The same as a ``tf.data.Dataset``."""
    source = Ordered(x, y, size, seed, epochs)

    def generate():
        source.on_epoch_begin()
        yield from (source[index] for index in range(len(source)))

    signature = tf.TensorSpec((None, 28, 28, 1)), tf.TensorSpec((None, 10))
    dataset = tf.data.Dataset.from_generator(generate, output_signature=signature)
    return dataset.apply(tf.data.experimental.assert_cardinality(len(source)))


AUGMENTATION = Augmentation(translation=1.0, rotation=5, stroke_prob=0.3)
RECIPES = {
    "dropout": (network, PLAIN),
    "label smoothing and a schedule": (network, dataclasses.replace(FAST, epochs=2, batch_size=SIZE)),
    "augmented": (network, dataclasses.replace(PLAIN, augmentation=AUGMENTATION)),
    "robust": (network, dataclasses.replace(ROBUST, epochs=2, batch_size=SIZE, dropout=0.2)),
    "distilled": (
        network,
        dataclasses.replace(
            FAST, name="distilled", epochs=2, batch_size=SIZE, label_smoothing=0.0,
            augmentation=AUGMENTATION,
            teacher=dataclasses.replace(FAST, name="teacher", epochs=2, batch_size=SIZE),
        ),
    ),
    "keras fit": (perceptron, dataclasses.replace(PLAIN, augmentation=AUGMENTATION)),
    "keras step": (stepping, dataclasses.replace(PLAIN, augmentation=AUGMENTATION)),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pytest.param("dropout", Ordered, marks=pytest.mark.slow),
        ("label smoothing and a schedule", Ordered),
        ("keras fit", Ordered),
        ("keras step", ordered_tf_dataset),
        pytest.param("robust", Ordered, marks=pytest.mark.slow),
        pytest.param("robust", ordered_tf_dataset, marks=pytest.mark.slow),
        pytest.param("distilled", Ordered, marks=pytest.mark.slow),
        pytest.param("keras step", Ordered, marks=pytest.mark.slow),
        pytest.param("augmented", ordered_tf_dataset, marks=pytest.mark.slow),
        pytest.param("keras fit", ordered_tf_dataset, marks=pytest.mark.slow),
    ],
)
def test_results_equal_those_of_arrays(xy, name, kind):
    make, recipe = RECIPES[name]
    held_out = xy[0][:40], xy[1][:40]
    arrays = run(xy, make(), recipe=recipe, validation_data=held_out)
    dataset = run(
        kind(*xy, SIZE, seed=5, epochs=2),
        make(),
        recipe=recipe,
        validation_data=batched(*held_out, 7),
    )
    assert dataset.history.keys() == arrays.history.keys()
    for metric, values in arrays.history.items():
        assert dataset.history[metric] == pytest.approx(values, rel=1e-3), metric
    weights = zip(dataset.model.get_weights(), arrays.model.get_weights(), strict=True)
    assert all(np.allclose(one, other, atol=1e-4) for one, other in weights)
    if name in ("augmented", "robust", "label smoothing and a schedule"):
        plain_recipe = dataclasses.replace(recipe, augmentation=None, label_smoothing=0.0)
        plain = run(xy, make(), recipe=plain_recipe)
        assert not np.allclose(
            plain.model.get_weights()[0], arrays.model.get_weights()[0], atol=1e-3
        )


def stateless():
    """A model without state: at a dataset's end, Keras' step still counts and draws dropout."""
    model = perceptron(dropout=0)
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.parametrize(
    "make",
    [
        stepping,
        pytest.param(network, marks=pytest.mark.slow),
        pytest.param(stateless, marks=pytest.mark.slow),
    ],
)
def test_a_dataset_of_unknown_length(xy, make, recwarn):
    recipe = dataclasses.replace(PLAIN, augmentation=AUGMENTATION)
    expected = run(batched(*xy), make(), validation_data=batched(*xy), recipe=recipe)
    result = run(unknown(*xy), make(), validation_data=unknown(*xy), recipe=recipe)
    assert same(result, expected) or make is stateless
    assert all(map(np.array_equal, result.model.get_weights(), expected.model.get_weights()))
    assert result.history == expected.history
    assert (result.params["steps"], expected.params["steps"]) == (None, 6)
    assert not [warning for warning in recwarn if "ran out of data" in str(warning.message)]


def test_batch_hooks_are_called_for_each_batch(xy):
    batches = []
    callback = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: batches.append(batch)
    )
    run(unknown(*xy), callbacks=[callback])
    assert batches == [0, 1, 2, 3, 4, 5] * 2


def test_arrays_with_a_validation_dataset(xy):
    arrays, dataset = (
        run(xy, validation_data=data).history for data in (xy, ArrayPyDataset(*xy, 50))
    )
    assert arrays["val_accuracy"] == dataset["val_accuracy"]
    assert arrays["val_loss"] == pytest.approx(dataset["val_loss"], rel=1e-4)


def test_other_dtypes_are_cast(xy, plain_run):
    x, y = xy
    assert same(run(batched(x.astype(np.float64), y.astype(np.int64))), plain_run)


# Hooks and workers of a PyDataset


class Recording(ArrayPyDataset):
    """Records its epoch hooks in a list, which several datasets may share."""

    def __init__(self, x, y, size, name, calls):
        super().__init__(x, y, size)
        self.name, self.calls = name, calls

    def on_epoch_begin(self):
        self.calls.append(f"{self.name} begins")

    def on_epoch_end(self):
        self.calls.append(f"{self.name} ends")


@pytest.mark.parametrize(
    "make", [perceptron, stepping, pytest.param(network, marks=pytest.mark.slow)]
)
def test_epoch_hooks_are_called(xy, make):
    calls = []
    run(
        Recording(*xy, SIZE, "x", calls),
        make(),
        validation_data=Recording(*xy, SIZE, "validation", calls),
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: calls.append("epoch"))],
    )
    assert calls == 2 * ["x begins", "x ends", "validation begins", "validation ends", "epoch"]


def test_worker_threads_keep_the_order_of_batches(xy, plain_run):
    data = ArrayPyDataset(*xy, SIZE)
    keras.utils.PyDataset.__init__(data, workers=3, max_queue_size=2)
    assert same(run(data), plain_run)


def aligned(array):
    """A copy at an address at which TensorFlow shares the memory of an array."""
    memory = np.empty(array.nbytes + 64, np.uint8)
    start = -memory.ctypes.data % 64
    result = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    result[...] = array
    return result


def generated(x, y):
    signature = tuple(tf.TensorSpec((None, *array.shape[1:]), tf.float32) for array in (x, y))
    batches = [(x[i : i + 64], y[i : i + 64]) for i in range(0, 128, 64)]
    dataset = tf.data.Dataset.from_generator(lambda: iter(batches), output_signature=signature)
    return dataset.apply(tf.data.experimental.assert_cardinality(2))


def py_dataset(x, y):
    return ArrayPyDataset(x, y, 64)


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        (generated, network),
        (py_dataset, stepping),
        pytest.param(generated, stepping, marks=pytest.mark.slow),
        pytest.param(py_dataset, network, marks=pytest.mark.slow),
    ],
)
def test_the_arrays_of_a_dataset_are_not_modified(xy, kind, make):
    """Dropout and label smoothing would otherwise overwrite them."""
    x, y = (aligned(array[:128]) for array in xy)
    recipe = dataclasses.replace(PLAIN, label_smoothing=0.1)
    run(kind(x, y), make(), recipe=recipe, epochs=1, validation_split=0)
    assert np.array_equal(x, xy[0][:128])
    assert np.array_equal(y, xy[1][:128])


class Broken(ArrayPyDataset):
    def __getitem__(self, index):
        if index == 3:
            raise KeyError("mine")
        return super().__getitem__(index)


@pytest.mark.parametrize(
    ("make", "workers"),
    [
        (network, 1),
        (perceptron, 2),
        pytest.param(network, 2, marks=pytest.mark.slow),
        pytest.param(stepping, 2, marks=pytest.mark.slow),
    ],
)
def test_an_exception_of_the_dataset_is_raised_unchanged(xy, make, workers):
    data = Broken(*xy, SIZE)
    keras.utils.PyDataset.__init__(data, workers=workers)
    with pytest.raises(KeyError, match="mine"):
        run(data, make())


# Errors


def check_error(data, error, message, **options):
    model = network()
    with pytest.raises(error, match=message):
        run(data, model, **{"callbacks": None, **options})
    assert int(model.optimizer.iterations) == 0
    assert list(pathlib.Path().iterdir()) == []


COUNT = r": call dataset\.apply\(tf\.data\.experimental\.assert_cardinality\(n\)\)"


@pytest.mark.parametrize(
    ("change", "options", "error", "message"),
    [
        (lambda x, y: (batched(x, y), y), {}, ValueError, "y must be None if x is a dataset, whose batches hold the labels; received ndarray"),
        (lambda x, y: (x,), {}, ValueError, "y must be given if x is an array; received None"),
        (lambda x, y: (iter([(x, y)]),), {}, TypeError, r"x must be an array, with y, or a tf\.data\.Dataset or keras\.utils\.PyDataset of batches; received list_iterator"),
        (batched, dict(batch_size=32), ValueError, "batch_size must be None if x is a dataset of batches; received 32"),
        (batched, dict(validation_split=0.2), ValueError, r"validation_split must be None or 0 if x is a dataset: give validation_data; received 0\.2"),
        (batched, dict(validation_split=1.2), ValueError, r"validation_split must lie in \[0, 1\); received 1\.2"),
        (batched, dict(recipe="baseline"), ValueError, r"validation_data must be given if x is a dataset and the recipe, 'baseline', has a validation_split of 0\.3 and monitors val_accuracy; received None"),
        (batched, dict(validation_split=0.1, validation_data=1), ValueError, "give validation_split or validation_data; received both"),
        (batched, dict(validation_data=np.zeros(3)), TypeError, r"validation_data must be a pair \(x, y\) or \(x, y, sample_weight\), or a dataset; received ndarray"),
        (batched, dict(recipe="baseline", validation_split=0), ValueError, r"EarlyStopping must monitor a metric of the run \(loss, accuracy\); received 'val_accuracy'"),
        (unknown, dict(recipe="fast"), ValueError, "x must have a known number of batches for the recipe 'fast', whose learning rate depends on it; received an unknown number" + COUNT),
        (unknown, dict(checkpoint_dir="run"), ValueError, "x must have a known number of batches with checkpoint_dir; received an unknown number" + COUNT),
        (lambda x, y: batched(x, y).repeat(), {}, ValueError, r"x must be finite; received an infinite \w+: call dataset\.take\(n\) for n batches per epoch"),
        (lambda x, y: InfinitePyDataset(x, y, 50), {}, ValueError, "x must be finite; received an infinite InfinitePyDataset: define __len__"),
        (lambda x, y: batched(x, y).take(0), {}, ValueError, "x must hold at least one batch; received none"),
        (lambda x, y: ArrayPyDataset(x[:0], y[:0], 50), {}, ValueError, "x must hold at least one batch; received none"),
        (batched, dict(validation_data=InfinitePyDataset([], [], 1)), ValueError, "validation_data must be finite; received an infinite InfinitePyDataset"),
        (lambda x, y: tf.data.Dataset.from_tensor_slices(x).batch(9), {}, ValueError, r"each batch must be a pair \(x, y\) or \(x, y, sample_weight\); received TensorSpec"),
        (lambda x, y: tf.data.Dataset.from_tensor_slices((x, y, x, x)).batch(9), {}, ValueError, r"each batch must be a pair \(x, y\) or \(x, y, sample_weight\); received 4 elements"),
        (lambda x, y: tf.data.Dataset.from_tensor_slices((x, y, y)).batch(9), {}, ValueError, r"each batch must have sample_weight of shape \(n,\); received \(None, 10\)"),
        (lambda x, y: tf.data.Dataset.from_tensor_slices((x, y, y[:, 0] > 0)).batch(9), {}, TypeError, "each batch must have sample_weight of numbers; received bool"),
        (batched, dict(sample_weight=[1.0]), ValueError, r"sample_weight must be None if x is a dataset: give batches \(x, y, sample_weight\); received list"),
        (batched, dict(class_weight="balanced"), ValueError, "class_weight must be a dictionary if x is a dataset, .*; received 'balanced'"),
        (lambda x, y: tf.data.Dataset.from_tensor_slices((x, y)), {}, ValueError, r"each batch must have x of shape \(n, 28, 28, 1\); received \(28, 28, 1\): call dataset\.batch first"),
        (lambda x, y: batched(x[..., 0], y), {}, ValueError, r"each batch must have x of shape \(n, 28, 28, 1\); received \(None, 28, 28\): call mnistcnn\.preprocess first"),
        (lambda x, y: batched((x * 255).astype(np.uint8), y), {}, TypeError, r"each batch must have x of floats in \[0, 1\]; received uint8: call mnistcnn\.preprocess first"),
        (lambda x, y: batched(x, y[:, :9]), {}, ValueError, r"each batch must have y one-hot of shape \(n, 10\), or integers of shape \(n,\); received shape \(None, 9\): call mnistcnn\.preprocess first"),
        (lambda x, y: batched(x, y > 0), {}, TypeError, "each batch must have y of integers or floats; received bool"),
        (batched, dict(validation_data=tf.data.Dataset.from_tensors((1.0, 2.0))), ValueError, r"each validation batch must have x of shape \(n, 28, 28, 1\); received \(\)"),
        (lambda x, y: tf.data.Dataset.from_tensors((tf.ragged.constant([[1.0]]), y)), {}, TypeError, "each batch must hold tensors; received RaggedTensorSpec"),
    ],
)  # fmt: skip
def test_arguments_are_checked_before_training(xy, change, options, error, message):
    check_error(change(*xy), error, message, **options)


def of_unknown_shape(batches):
    """A ``tf.data.Dataset`` without static shapes."""
    signature = tf.TensorSpec(None, batches[0][0].dtype), tf.TensorSpec(None, tf.float32)
    return tf.data.Dataset.from_generator(lambda: iter(batches), output_signature=signature)


class BatchList(keras.utils.PyDataset):
    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index]


def with_item(array, value):
    array = array.copy()
    array[3] = value
    return array


@pytest.mark.parametrize("kind", [of_unknown_shape, BatchList])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: (x * 255, y), r"x must lie in \[0, 1\]; received 0\.\.\.255: call mnistcnn\.preprocess first"),
        (lambda x, y: (with_item(x, np.nan), y), r"x must lie in \[0, 1\]; received NaN"),
        (lambda x, y: (x[..., 0], y), r"x must have shape \(n, 28, 28, 1\); received \(60, 28, 28\): call"),
        (lambda x, y: (np.float32(0.5), y), r"x must have shape \(n, 28, 28, 1\); received \(\): call"),
        (lambda x, y: (x, y[:, :9]), r"y must be one-hot of shape \(n, 10\), or integers of shape \(n,\); received shape \(60, 9\)"),
        (lambda x, y: (x, 0 * y[:, 0] + 12), r"y must lie in 0\.\.\.9; received 12 in row 0"),
        (lambda x, y: (x, 0 * y[:, 0] + 0.5), r"y must be integers; received 0\.5 in row 0"),
        (lambda x, y: (x, with_item(y, 0.1)), "received rows that are not one-hot"),
        (lambda x, y: (x, with_item(y, 1)), "received rows that are not one-hot"),
        (lambda x, y: (x, y[:-1]), "batch 2: x and batch 2: y must have the same length; received 60 and 59"),
        (lambda x, y: (x[:0], y[:0]), "x must hold at least one image; received none"),
    ],
)  # fmt: skip
def test_batches_are_checked(xy, kind, change, message):
    valid, other = ((xy[0][i : i + SIZE], xy[1][i : i + SIZE]) for i in (0, SIZE))
    adapter = make_adapter(kind([valid, valid, change(*other)]), "x")
    with (
        pytest.raises(ValueError, match=f"^batch 2: .*{message.removeprefix('batch 2: ')}"),
        raise_data_errors(adapter),
    ):
        list(adapter.batches())


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        (of_unknown_shape, network),
        (BatchList, perceptron),
        pytest.param(BatchList, network, marks=pytest.mark.slow),
        pytest.param(of_unknown_shape, perceptron, marks=pytest.mark.slow),
    ],
)
def test_an_invalid_batch_ends_training(xy, kind, make):
    valid = xy[0][:SIZE], xy[1][:SIZE]
    invalid = valid[0] * 255, valid[1]
    with pytest.raises(ValueError, match=r"^batch 1: x must lie in \[0, 1\]; received 0\.\.\.255"):
        run(kind([valid, invalid, valid]), make(), epochs=1)
    with pytest.raises(ValueError, match=r"^validation batch 1: x must lie in \[0, 1\]"):
        run(valid, make(), validation_data=kind([valid, invalid]), epochs=1)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (
            np.ones(59, np.float32),
            r"must have shape \(60,\), one weight per image; received \(59,\)",
        ),
        (np.full(60, -1.0, np.float32), "must be finite and at least 0; received -1 in row 0"),
        (np.full(60, np.nan, np.float32), "must be finite and at least 0; received nan in row 0"),
        (np.full(60, np.inf, np.float32), "must be finite and at least 0; received inf in row 0"),
    ],
)
@pytest.mark.parametrize("kind", [tf.data.Dataset.from_tensors, lambda batch: BatchList([batch])])
def test_weights_of_batches_are_checked(xy, kind, weights, message):
    adapter = make_adapter(kind((xy[0][:SIZE], xy[1][:SIZE], weights)), "x")
    with (
        pytest.raises(ValueError, match=f"^batch 0: sample_weight {message}$"),
        raise_data_errors(adapter),
    ):
        list(adapter.batches())


def test_a_batch_must_be_a_pair(xy):
    adapter = make_adapter(BatchList([(*xy, 1, 2)]), "x")
    message = r"batch 0 must be a pair \(x, y\) or \(x, y, sample_weight\); received 4 elements"
    with (
        pytest.raises(ValueError, match=message),
        raise_data_errors(adapter),
    ):
        list(adapter.batches())


@pytest.mark.parametrize(("declared", "received"), [(9, "6"), (4, "more")])
def test_a_dataset_must_have_its_declared_number_of_batches(xy, declared, received):
    dataset = unknown(*xy).apply(tf.data.experimental.assert_cardinality(declared))
    message = (
        "a dataset must hold the number of batches that it declares, "
        f"{declared}; received {received}"
    )
    with pytest.raises(ValueError, match=message):
        run(dataset, epochs=1)


@pytest.mark.parametrize(
    "make", [network, perceptron, pytest.param(stepping, marks=pytest.mark.slow)]
)
def test_an_empty_dataset_of_unknown_length(xy, make):
    with pytest.raises(ValueError, match="x must hold at least one batch; received none"):
        run(unknown(*xy).filter(lambda a, b: False), make())


# Memory


@pytest.mark.parametrize(
    "make", [network, perceptron, pytest.param(stepping, marks=pytest.mark.slow)]
)
def test_batches_are_released(xy, make):
    """Only prefetched batches are in memory, however many there are."""
    x, y = xy[0][:8], xy[1][:8]
    references, peak = [], 0

    def generate():
        nonlocal peak
        for _ in range(80):
            images = x.copy()
            references.append(weakref.ref(images))
            peak = max(peak, sum(reference() is not None for reference in references))
            yield images, y

    signature = tf.TensorSpec((None, 28, 28, 1)), tf.TensorSpec((None, 10))
    run(tf.data.Dataset.from_generator(generate, output_signature=signature), make(), epochs=1)
    assert len(references) == 80
    assert 1 <= peak <= 12


# Checkpoints


class Shuffling(ArrayPyDataset):
    """Shuffles the images after each epoch with its own generator."""

    def __init__(self, x, y, size):
        super().__init__(x, y, size)
        self.generator = np.random.default_rng(3)
        self.order = np.arange(len(x))

    def on_epoch_end(self):
        self.generator.shuffle(self.order)

    def __getitem__(self, index):
        part = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        return self.x[part], self.y[part]


def shuffled(x, y, size):
    slices = tf.data.Dataset.from_tensor_slices((x, y))
    return slices.shuffle(len(x), seed=4).batch(size)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("keras step", Shuffling),
        ("keras fit", shuffled),
        pytest.param("keras step", shuffled, marks=pytest.mark.slow),
        pytest.param("augmented", shuffled, marks=pytest.mark.slow),
        pytest.param("augmented", Shuffling, marks=pytest.mark.slow),
        pytest.param("robust", shuffled, marks=pytest.mark.slow),
        pytest.param("robust", Shuffling, marks=pytest.mark.slow),
        pytest.param("robust", batched, marks=pytest.mark.slow),
        pytest.param("distilled", shuffled, marks=pytest.mark.slow),
        pytest.param("keras fit", Shuffling, marks=pytest.mark.slow),
    ],
)
def test_a_crashed_run_resumes_bit_exactly(xy, name, kind):
    make, recipe = RECIPES[name]
    options = dict(recipe=recipe, epochs=3, checkpoint_dir="run")
    if make is not perceptron:
        options["checkpoint_every"] = 2

    def run_once(**more):
        held_out = batched(xy[0][:40], xy[1][:40], 7)
        data = kind(*xy, SIZE)
        return run(
            data, make(), validation_data=held_out, callbacks=[Crash()], **{**options, **more}
        )

    Crash.batches_left = 1000
    expected = run_once(checkpoint_dir=None, checkpoint_every=None)
    assert 1000 - Crash.batches_left == 18
    crashes = 0
    while True:
        Crash.batches_left = 11 if crashes < 4 else -1
        try:
            result = run_once()
            break
        except RuntimeError:
            crashes += 1
    assert crashes >= 1
    assert same(result, expected)
    assert result.history == expected.history


def test_resuming_does_not_read_past_batches(xy):
    indices = []

    class Counting(ArrayPyDataset):
        def __getitem__(self, index):
            indices.append(index)
            return super().__getitem__(index)

    options = dict(epochs=1, checkpoint_dir="run", checkpoint_every=4, callbacks=[Crash()])
    Crash.batches_left = 5
    with pytest.raises(RuntimeError, match="crash"):
        run(Counting(*xy, SIZE), **options)
    indices.clear()
    run(Counting(*xy, SIZE), **options)
    assert indices == [4, 5]


def test_a_checkpoint_of_another_dataset(xy):
    run(batched(*xy), checkpoint_dir="run", epochs=1)
    for data, text in [
        (batched(*xy, 50), r"8 batches of float32 \(None, 28, 28, 1\) and float32 \(None, 10\)"),
        (ArrayPyDataset(*xy, SIZE), "6 batches of a ArrayPyDataset"),
        (xy, "355 images"),
    ]:
        with pytest.raises(
            ValueError,
            match=r"checkpoint_dir must hold a run with the same data; 'run' has 6 batches "
            rf"of float32 \(None, 28, 28, 1\) and float32 \(None, 10\), received {text}",
        ):
            run(data, checkpoint_dir="run", epochs=1)


@posix
def test_an_interrupted_run_resumes_at_its_step(xy, plain_run):
    class Interrupt(keras.callbacks.Callback):
        left = 8

        def on_train_batch_end(self, batch, logs=None):
            Interrupt.left -= 1
            if Interrupt.left == 0:
                signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(batched(*xy), callbacks=[Interrupt()], checkpoint_dir="run")
    assert file_format.describe_position(pathlib.Path("run")) == "epoch 2, step 2"
    result = run(batched(*xy), callbacks=[Interrupt()], checkpoint_dir="run")
    assert same(result, plain_run)


def test_skipped_epochs_advance_a_seeded_shuffle(xy):
    read, skipped = (make_adapter(shuffled(*xy, 355), "x") for _ in range(2))
    orders = []
    for _ in range(3):
        read.on_epoch_begin()
        orders.append(next(iter(read.batches()))[0].numpy())
    assert not np.array_equal(orders[1], orders[2])
    skipped.skip_to_epoch(2)
    assert np.array_equal(next(iter(skipped.batches()))[0].numpy(), orders[2])


def test_label_smoothing_equals_that_of_keras():
    y = np.eye(10, dtype=np.float32)[[3, 7]]
    prediction = np.full((2, 10), 0.1, np.float32)
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.2)
    smoothed = keras.losses.CategoricalCrossentropy()(smooth_labels(y, 0.2), prediction)
    assert float(smoothed) == pytest.approx(float(loss(y, prediction)))
    assert smooth_labels(y, 0.0) is y
