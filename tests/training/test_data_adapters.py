"""train on a dataset of batches: as on arrays, however many batches there are."""

import dataclasses
import itertools
import os
import pathlib
import signal
import sys
import threading
import weakref

import numpy as np
import pytest

from mnistcnn import build_model, train
from mnistcnn.backend import keras, tf
from mnistcnn.recipes import BASELINE, FAST, ROBUST, Augmentation
from mnistcnn.training.checkpoint import file_format
from mnistcnn.training.data_adapters import DataSource
from mnistcnn.training.epoch_iterator import epoch_order
from mnistcnn.training.py_dataset import iter_py_dataset
from tests.helpers.datasets import ArrayPyDataset, InfinitePyDataset
from tests.helpers.runs import Crash

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and forks as POSIX has them")
SIZE = 60
PLAIN = dataclasses.replace(
    BASELINE, name="plain", epochs=2, batch_size=SIZE, validation_split=0.0, monitor=None
)


def perceptron(dropout=0.3):
    """A network that is left to Keras' fit."""
    start = keras.initializers.GlorotUniform(seed=1)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dropout(dropout, seed=2),
            keras.layers.Dense(10, "softmax", kernel_initializer=start),
        ]
    )  # fmt: skip
    model.compile(keras.optimizers.Adam(), "categorical_crossentropy", metrics=["accuracy"])
    return model


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
    return [
        np.asarray(one) for one in [*history.model.variables, *history.model.optimizer.variables]
    ]


def same(one, other):
    return all(map(np.array_equal, bits(one), bits(other)))


# The same as arrays


class Ordered(ArrayPyDataset):
    """The batches that arrays of a run with that seed give, each pass the next epoch's."""

    def __init__(self, x, y, size, seed, epochs):
        super().__init__(x, y, size)
        self.draw = np.random.SeedSequence(seed).generate_state(4)[:2].tolist()
        self.epochs, self.passes = epochs, itertools.count()

    def on_epoch_begin(self):
        order = epoch_order(len(self.x), self.draw, next(self.passes) % self.epochs).numpy()
        self.ordered = self.x[order], self.y[order]

    def __getitem__(self, number):
        part = slice(number * self.size, (number + 1) * self.size)
        return self.ordered[0][part], self.ordered[1][part]


def ordered_by_tf(x, y, size, seed, epochs):
    """The same as a ``tf.data.Dataset``."""
    source = Ordered(x, y, size, seed, epochs)

    def parts():
        source.on_epoch_begin()
        yield from (source[number] for number in range(len(source)))

    signature = tf.TensorSpec((None, 28, 28, 1)), tf.TensorSpec((None, 10))
    given = tf.data.Dataset.from_generator(parts, output_signature=signature)
    return given.apply(tf.data.experimental.assert_cardinality(len(source)))


MOVED = Augmentation(translation=1.0, rotation=5, stroke_prob=0.3)
RECIPES = {
    "dropout": (network, PLAIN),
    "smoothed labels and a schedule": (network, dataclasses.replace(FAST, epochs=2, batch_size=SIZE)),
    "distorted": (network, dataclasses.replace(ROBUST, epochs=2, batch_size=SIZE, dropout=0.2)),
    "taught": (
        network,
        dataclasses.replace(
            FAST, name="taught", epochs=2, batch_size=SIZE, label_smoothing=0.0, augmentation=MOVED,
            teacher=dataclasses.replace(FAST, name="teacher", epochs=2, batch_size=SIZE),
        ),
    ),
    "by fit": (perceptron, dataclasses.replace(PLAIN, augmentation=MOVED)),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((name, Ordered) for name in RECIPES),
        ("distorted", ordered_by_tf),
        ("by fit", ordered_by_tf),
    ],
)
def test_the_same_batches_give_what_arrays_give(xy, name, kind):
    make, recipe = RECIPES[name]
    held_out = xy[0][:40], xy[1][:40]
    arrays = run(xy, make(), recipe=recipe, validation_data=held_out)
    given = run(
        kind(*xy, SIZE, seed=5, epochs=2),
        make(),
        recipe=recipe,
        validation_data=batched(*held_out, 7),
    )
    assert given.history.keys() == arrays.history.keys()
    for figure, values in arrays.history.items():
        assert given.history[figure] == pytest.approx(values, rel=1e-3), figure
    for one, other in zip(given.model.get_weights(), arrays.model.get_weights(), strict=True):
        assert np.allclose(one, other, atol=1e-4)
    if name == "distorted":
        plain = run(xy, make(), recipe=dataclasses.replace(recipe, augmentation=None))
        assert not np.allclose(
            plain.model.get_weights()[0], arrays.model.get_weights()[0], atol=1e-3
        )


def stateless():
    """Keras' step counts and draws for dropout even where it finds the dataset at its end."""
    model = perceptron(dropout=0)
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.parametrize("make", [network, stateless])
def test_a_dataset_of_unknown_length_is_trained_on_to_its_end(xy, make, recwarn):
    recipe = dataclasses.replace(PLAIN, augmentation=MOVED)
    options = dict(recipe=recipe, epochs=3)
    told = run(batched(*xy), make(), validation_data=batched(*xy), **options)
    found = run(unknown(*xy), make(), validation_data=unknown(*xy), **options)
    assert same(found, told) or make is stateless
    assert all(map(np.array_equal, found.model.get_weights(), told.model.get_weights()))
    assert found.history == told.history
    assert (found.params["steps"], told.params["steps"]) == (None, 6)
    assert not [one for one in recwarn if "ran out of data" in str(one.message)]


def test_callbacks_hear_each_batch(xy):
    heard = []
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: heard.append(batch)
    )
    run(unknown(*xy), callbacks=[watch])
    assert heard == [0, 1, 2, 3, 4, 5] * 2


def test_validation_in_a_dataset_beside_arrays(xy):
    pairs = [run(xy, validation_data=one).history for one in (xy, ArrayPyDataset(*xy, 50))]
    assert pairs[0]["val_accuracy"] == pairs[1]["val_accuracy"]
    assert pairs[0]["val_loss"] == pytest.approx(pairs[1]["val_loss"], rel=1e-4)


def test_other_kinds_of_numbers_are_taken_as_of_arrays(xy):
    x, y = xy
    kinds = batched(x.astype(np.float64), y.astype(np.int64))
    assert same(run(kinds), run(batched(x, y)))


# A PyDataset's own wishes


class Told(ArrayPyDataset):
    """Notes what it is told, and which thread or process makes a batch."""

    def __init__(self, x, y, size, name="x", told=None, **options):
        super().__init__(x, y, size)
        keras.utils.PyDataset.__init__(self, **options)
        self.name, self.told, self.threads = name, [] if told is None else told, set()

    def on_epoch_begin(self):
        self.told.append(f"{self.name} begins")

    def on_epoch_end(self):
        self.told.append(f"{self.name} ends")

    def __getitem__(self, number):
        self.threads.add(threading.get_ident())
        return super().__getitem__(number)


@pytest.mark.parametrize("make", [network, perceptron])
def test_it_hears_of_each_epoch(xy, make):
    told = []
    run(
        Told(*xy, SIZE, told=told),
        make(),
        validation_data=Told(*xy, SIZE, "validation", told=told),
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: told.append("epoch"))],
    )
    assert told == 2 * ["x begins", "x ends", "validation begins", "validation ends", "epoch"]


def test_its_threads_make_the_batches_in_order(xy):
    data = Told(*xy, SIZE, workers=3, max_queue_size=2)
    assert same(run(data), run(batched(*xy)))
    assert threading.get_ident() not in data.threads
    assert [number for number, _ in iter_py_dataset(data, range(2, 6))] == [2, 3, 4, 5]
    assert len(data.threads) > 1


def test_no_more_batches_wait_than_it_allows(xy):
    made = []

    class Counting(ArrayPyDataset):
        def __getitem__(self, number):
            made.append(number)
            return number

    data = Counting(*xy, SIZE)
    keras.utils.PyDataset.__init__(data, workers=2, max_queue_size=3)
    given = iter_py_dataset(data, range(100))
    for taken in range(1, 20):
        assert next(given) == (taken - 1, taken - 1)
        assert len(made) <= taken + 3
    given.close()


class OfProcess(ArrayPyDataset):
    def __getitem__(self, number):
        return os.getpid()


@posix
def test_its_processes_make_the_batches():
    data = OfProcess(np.zeros(6), np.zeros(6), 1)
    keras.utils.PyDataset.__init__(data, workers=2, use_multiprocessing=True)
    given = dict(iter_py_dataset(data, range(6)))
    assert list(given) == [0, 1, 2, 3, 4, 5]
    assert os.getpid() not in given.values()


class Broken(ArrayPyDataset):
    def __getitem__(self, number):
        if number == 3:
            raise KeyError("mine")
        return super().__getitem__(number)


@pytest.mark.parametrize("make", [network, perceptron])
@pytest.mark.parametrize("workers", [1, 2])
def test_its_own_error_comes_through(xy, make, workers):
    data = Broken(*xy, SIZE)
    keras.utils.PyDataset.__init__(data, workers=workers)
    with pytest.raises(KeyError, match="mine"):
        run(data, make())


# Refusals


def refused(data, error, message, **options):
    model = network()
    with pytest.raises(error, match=message):
        run(data, model, **{"callbacks": None, **options})
    assert int(model.optimizer.iterations) == 0
    assert list(pathlib.Path().iterdir()) == []


COUNT = r": call dataset\.apply\(tf\.data\.experimental\.assert_cardinality\(n\)\)"


@pytest.mark.parametrize(
    ("change", "options", "error", "message"),
    [
        (lambda x, y: (batched(x, y), y), {}, ValueError, "y must be None where x is a dataset, whose batches hold it; received ndarray"),
        (lambda x, y: (x,), {}, ValueError, "y must be given where x is an array; received None"),
        (lambda x, y: (iter([(x, y)]),), {}, TypeError, r"x must be an array, with y, or a tf\.data\.Dataset or keras\.utils\.PyDataset of batches; received list_iterator"),
        (batched, dict(batch_size=32), ValueError, "batch_size must be None where x is a dataset, which brings its own batches; received 32"),
        (batched, dict(validation_split=0.2), ValueError, r"validation_split must be None or 0 where x is a dataset; give validation_data; received 0\.2"),
        (batched, dict(validation_split=1.2), ValueError, r"validation_split must lie in \[0, 1\); received 1\.2"),
        (batched, dict(recipe="documented"), ValueError, r"validation_data must be given where x is a dataset and the recipe, 'baseline', has a validation_split of 0\.3 and monitors val_accuracy; received None"),
        (batched, dict(validation_split=0.1, validation_data=1), ValueError, "give validation_split or validation_data; received both"),
        (batched, dict(validation_data=np.zeros(3)), TypeError, r"validation_data must be a pair \(x, y\) or a dataset; received ndarray"),
        (batched, dict(recipe="documented", validation_split=0), ValueError, r"EarlyStopping must monitor a figure that the run will have \(loss, accuracy\); received 'val_accuracy'"),
        (unknown, dict(recipe="fast"), ValueError, "x must say how many batches it has for the recipe 'fast', whose learning rate depends on it; received an unknown number" + COUNT),
        (unknown, dict(checkpoint_dir="kept"), ValueError, "x must say how many batches it has beside checkpoint_dir; received an unknown number" + COUNT),
        (lambda x, y: batched(x, y).repeat(), {}, ValueError, r"x must be finite; received an infinite \w+: dataset\.take\(n\) makes n batches a pass"),
        (lambda x, y: InfinitePyDataset(x, y, 50), {}, ValueError, "x must be finite; received an infinite InfinitePyDataset: let it have a length"),
        (lambda x, y: batched(x, y).take(0), {}, ValueError, "x must hold at least one batch; received none"),
        (lambda x, y: ArrayPyDataset(x[:0], y[:0], 50), {}, ValueError, "x must hold at least one batch; received none"),
        (batched, dict(validation_data=InfinitePyDataset([], [], 1)), ValueError, "validation_data must be finite; received an infinite InfinitePyDataset"),
        (lambda x, y: tf.data.Dataset.from_tensor_slices(x).batch(9), {}, ValueError, r"each batch must be a pair \(x, y\); received TensorSpec"),
        (lambda x, y: tf.data.Dataset.from_tensor_slices((x, y, y)).batch(9), {}, ValueError, r"each batch must be a pair \(x, y\); received 3 elements"),
        (lambda x, y: tf.data.Dataset.from_tensor_slices((x, y)), {}, ValueError, r"each batch must have x of shape \(n, 28, 28, 1\); received \(28, 28, 1\): call dataset\.batch first"),
        (lambda x, y: batched(x[..., 0], y), {}, ValueError, r"each batch must have x of shape \(n, 28, 28, 1\); received \(None, 28, 28\): call mnistcnn\.preprocess first"),
        (lambda x, y: batched((x * 255).astype(np.uint8), y), {}, TypeError, r"each batch must have x of floats in \[0, 1\]; received uint8: call mnistcnn\.preprocess first"),
        (lambda x, y: batched(x, y.argmax(1)), {}, ValueError, r"each batch must have y one-hot of shape \(n, 10\); received shape \(None,\): call mnistcnn\.preprocess first"),
        (lambda x, y: batched(x, y > 0), {}, TypeError, "each batch must have y of integers or floats; received bool"),
        (batched, dict(validation_data=tf.data.Dataset.from_tensors((1.0, 2.0))), ValueError, r"each validation batch must have x of shape \(n, 28, 28, 1\); received \(\)"),
        (lambda x, y: tf.data.Dataset.from_tensors((tf.ragged.constant([[1.0]]), y)), {}, TypeError, "each batch must hold tensors; received RaggedTensorSpec"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_at_once(xy, change, options, error, message):
    refused(change(*xy), error, message, **options)


def of_any_kind(parts):
    """A ``tf.data.Dataset`` that says nothing of its shapes."""
    signature = tf.TensorSpec(None, parts[0][0].dtype), tf.TensorSpec(None, tf.float32)
    return tf.data.Dataset.from_generator(lambda: iter(parts), output_signature=signature)


class OfParts(keras.utils.PyDataset):
    def __init__(self, parts):
        super().__init__()
        self.parts = parts

    def __len__(self):
        return len(self.parts)

    def __getitem__(self, number):
        return self.parts[number]


def spoilt(array, value):
    array = array.copy()
    array[3] = value
    return array


FAULTS = [
    (lambda x, y: (x * 255, y), r"x must lie in \[0, 1\]; received 0\.\.\.255: call mnistcnn\.preprocess first"),
    (lambda x, y: (spoilt(x, np.nan), y), r"x must lie in \[0, 1\]; received NaN"),
    (lambda x, y: (x[..., 0], y), r"x must have shape \(n, 28, 28, 1\); received \(60, 28, 28\): call"),
    (lambda x, y: (np.float32(0.5), y), r"x must have shape \(n, 28, 28, 1\); received \(\): call"),
    (lambda x, y: (x, y[:, :9]), r"y must be one-hot of shape \(n, 10\); received shape \(60, 9\)"),
    (lambda x, y: (x, spoilt(y, 0.1)), "received rows that are not one-hot"),
    (lambda x, y: (x, spoilt(y, 1)), "received rows that are not one-hot"),
    (lambda x, y: (x, y[:-1]), "batch 2: x and batch 2: y must have the same length; received 60 and 59"),
    (lambda x, y: (x[:0], y[:0]), "x must hold at least one image; received none"),
]  # fmt: skip


@pytest.mark.parametrize("kind", [of_any_kind, OfParts])
@pytest.mark.parametrize(("make", "faults"), [(network, FAULTS), (perceptron, FAULTS[:1])])
def test_a_broken_batch_is_named_with_its_rule(xy, kind, make, faults):
    whole = [(xy[0][i : i + SIZE], xy[1][i : i + SIZE]) for i in range(0, 240, SIZE)]
    for change, message in faults:
        parts = [*whole[:2], change(*whole[2]), *whole[3:]]
        with pytest.raises(ValueError, match=f"^batch 2: .*{message.removeprefix('batch 2: ')}"):
            run(kind(parts), make(), epochs=1)
    with pytest.raises(ValueError, match=r"^validation batch 1: x must lie in \[0, 1\]"):
        run(xy, make(), validation_data=kind([whole[0], FAULTS[0][0](*whole[1])]), epochs=1)


def test_a_batch_of_three_parts(xy):
    with pytest.raises(ValueError, match=r"batch 0 must be a pair \(x, y\); received 3 elements"):
        run(OfParts([(*xy, 1)]))


def test_a_dataset_that_holds_another_number_than_it_says(xy):
    told = tf.data.experimental.assert_cardinality
    for count, received in ((9, "6"), (4, "more")):
        message = f"a dataset must hold as many batches as it says, {count}; received {received}"
        with pytest.raises(ValueError, match=message):
            run(unknown(*xy).apply(told(count)))


@pytest.mark.parametrize("make", [network, perceptron])
def test_nothing_of_unknown_length(xy, make):
    with pytest.raises(ValueError, match="x must hold at least one batch; received none"):
        run(unknown(*xy).filter(lambda a, b: False), make())


# Memory


@pytest.mark.parametrize("make", [network, perceptron])
def test_no_batch_is_kept(xy, make):
    """However many there are, only those lie in memory that are made ahead."""
    x, y = xy[0][:8], xy[1][:8]
    alive, most = [], [0]

    def parts():
        for _ in range(80):
            images = x.copy()
            alive.append(weakref.ref(images))
            most[0] = max(most[0], sum(one() is not None for one in alive))
            yield images, y

    signature = tf.TensorSpec((None, 28, 28, 1)), tf.TensorSpec((None, 10))
    run(tf.data.Dataset.from_generator(parts, output_signature=signature), make(), epochs=1)
    assert len(alive) == 80
    assert 1 <= most[0] <= 12


# Going on


class Shuffling(ArrayPyDataset):
    """Another order for each epoch, by a generator that it holds."""

    def __init__(self, x, y, size):
        super().__init__(x, y, size)
        self.chance = np.random.default_rng(3)
        self.order = np.arange(len(x))

    def on_epoch_end(self):
        self.chance.shuffle(self.order)

    def __getitem__(self, number):
        part = self.order[number * self.batch_size : (number + 1) * self.batch_size]
        return self.x[part], self.y[part]


def shuffled(x, y, size):
    slices = tf.data.Dataset.from_tensor_slices((x, y))
    return slices.shuffle(len(x), seed=4).batch(size)


DATASETS = {"the same": batched, "a seeded shuffle": shuffled, "a PyDataset": Shuffling}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(("distorted", kind) for kind in DATASETS),
        ("taught", "a seeded shuffle"),
        ("by fit", "a seeded shuffle"),
        ("by fit", "a PyDataset"),
    ],
)
def test_a_run_that_crashed_goes_on_to_the_same_bits(xy, name, kind):
    make, recipe = RECIPES[name]
    options = dict(recipe=recipe, epochs=3, checkpoint_dir="kept")
    if make is network:
        options["checkpoint_every"] = 2

    def once(**more):
        held_out = batched(xy[0][:40], xy[1][:40], 7)
        data = DATASETS[kind](*xy, SIZE)
        return run(
            data, make(), validation_data=held_out, callbacks=[Crash()], **{**options, **more}
        )

    Crash.batches_left = 1000
    whole = once(checkpoint_dir=None, checkpoint_every=None)
    batches = 1000 - Crash.batches_left
    assert batches == 18
    crashes = 0
    while True:
        Crash.batches_left = 9 if crashes < 4 else -1
        try:
            found = once()
            break
        except RuntimeError:
            crashes += 1
    assert crashes >= 1
    assert same(found, whole)
    assert found.history == whole.history


def test_an_epoch_goes_on_without_the_batches_that_were_seen(xy):
    made = []

    class Counting(ArrayPyDataset):
        def __getitem__(self, number):
            made.append(number)
            return super().__getitem__(number)

    options = dict(epochs=1, checkpoint_dir="kept", checkpoint_every=4, callbacks=[Crash()])
    Crash.batches_left = 5
    with pytest.raises(RuntimeError, match="crash"):
        run(Counting(*xy, SIZE), **options)
    made.clear()
    run(Counting(*xy, SIZE), **options)
    assert made == [4, 5]


def test_another_dataset_is_another_run(xy):
    run(batched(*xy), checkpoint_dir="kept", epochs=1)
    for data, text in [
        (batched(*xy, 50), r"8 batches of float32 \(None, 28, 28, 1\) and float32 \(None, 10\)"),
        (ArrayPyDataset(*xy, SIZE), "6 batches of a ArrayPyDataset"),
        (xy, "355 images"),
    ]:
        with pytest.raises(
            ValueError,
            match=r"checkpoint_dir must hold a run with the same data; 'kept' has 6 batches "
            rf"of float32 \(None, 28, 28, 1\) and float32 \(None, 10\), received {text}",
        ):
            run(data, checkpoint_dir="kept", epochs=1)


@posix
def test_an_interrupt_keeps_the_very_step(xy):
    class Ring(keras.callbacks.Callback):
        left = 8

        def on_train_batch_end(self, batch, logs=None):
            Ring.left -= 1
            if Ring.left == 0:
                signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(batched(*xy), callbacks=[Ring()], checkpoint_dir="kept")
    assert file_format.describe_position(pathlib.Path("kept")) == "epoch 2, step 2"
    found = run(batched(*xy), callbacks=[Ring()], checkpoint_dir="kept")
    assert same(found, run(batched(*xy)))


def test_passes_are_made_up_for(xy):
    """Each pass of a seeded shuffle has its own order, also where the ones before were not made."""
    first, second = (DataSource("x", "", shuffled(*xy, 355)) for _ in range(2))
    orders = []
    for _ in range(3):
        first.begin()
        orders.append(next(iter(first.batches()))[0].numpy())
    assert not np.array_equal(orders[1], orders[2])
    second.advance(2)
    assert np.array_equal(next(iter(second.batches()))[0].numpy(), orders[2])
