"""Training a network by a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from numpy.typing import ArrayLike

from mnistcnn import recipes
from mnistcnn.backend import keras, tf
from mnistcnn.public import public
from mnistcnn.training.callbacks import (
    check_callbacks,
    check_no_lr_callbacks,
    metric_names,
    translated_monitors,
)
from mnistcnn.training.checkpoint.file_format import MODEL_STAGE
from mnistcnn.training.checkpoint.manager import checkpoint_config, checkpoint_for_run
from mnistcnn.training.data_adapters import num_batches, raise_data_errors
from mnistcnn.training.distillation import train_teachers
from mnistcnn.training.distribute.context import context_for
from mnistcnn.training.inputs import check_known_length, prepare_data
from mnistcnn.training.loop import run_training
from mnistcnn.training.progress import progress_display
from mnistcnn.training.recipe_scope import (
    check_dropout_supported,
    recipe_callbacks,
    recipe_scope,
    smooth_dataset_labels,
)
from mnistcnn.types import IMAGE_SIZE, PathLike
from mnistcnn.utils.validation import check_in, check_int, check_seed


@public
def train(
    model: keras.Model,
    x: ArrayLike | tf.data.Dataset | keras.utils.PyDataset,
    y: ArrayLike | None = None,
    *,
    recipe: str | recipes.Recipe = "baseline",
    epochs: int | None = None,
    batch_size: int | None = None,
    validation_split: float | None = None,
    validation_data: tuple[ArrayLike, ArrayLike]
    | tf.data.Dataset
    | keras.utils.PyDataset
    | None = None,
    callbacks: Sequence[keras.callbacks.Callback] | None = None,
    seed: int | None = None,
    verbose: Literal["auto", 0, 1, 2] = "auto",
    checkpoint_dir: PathLike | None = None,
    checkpoint_every: int | None = None,
    strategy: tf.distribute.Strategy | None = None,
) -> keras.callbacks.History:
    """Train a compiled network by a recipe; the default is the document's.

    Everything is checked before the first step, but for the batches of a dataset, each of
    which is checked when it comes. Interrupting with Ctrl-C raises ``KeyboardInterrupt`` as in
    any Keras program; the best epoch's file stays. With `checkpoint_dir` a run that was
    interrupted, killed or cut off goes on when the same call is made again.

    Parameters
    ----------
    model : keras.Model
        A compiled network as `build_model` makes it. It is trained in place.
    x : array_like, tf.data.Dataset or keras.utils.PyDataset
        ``float32 (n, 28, 28, 1)`` in [0, 1], as `preprocess` gives it. Or a dataset of batches
        that comes to an end, each a pair ``(x, y)`` of such arrays or tensors: a pass over it
        is an epoch, in its own order and batches, of which a few at a time lie in memory. A
        PyDataset's workers and its methods for the ends of epochs are minded as in Keras.
    y : array_like, optional
        One-hot ``float32 (n, 10)``, as `preprocess` gives it. ``None`` where `x` is a dataset.
    recipe : str or recipes.Recipe, default "baseline"
        Where every setting comes from that is not given here. A recipe with a learning
        rate, as all but ``baseline`` have, trains by an optimizer of its own and leaves
        the model's as it was. One with a teacher trains that first, or several, on the same images.
    epochs, batch_size : int, optional
        In place of the recipe's, at least 1. A dataset has batches of its own: no
        `batch_size` then.
    validation_split : float, optional
        In place of the recipe's: the share of the images, the last ones, to validate
        on, in [0, 1). Of a dataset nothing can be held out: ``None`` or 0 then.
    validation_data : tuple of array_like, tf.data.Dataset or keras.utils.PyDataset, optional
        ``(x, y)`` to validate on, preprocessed, or a dataset of such batches. All of `x` is
        then trained on.
    callbacks : list of keras.callbacks.Callback, optional
        ``None``: the recipe's own, for ``baseline`` those of `default_callbacks`,
        which keep the best epoch in ``bestmodel.keras``. ``[]``: none. A callback that
        monitors ``val_acc`` is understood to mean ``val_accuracy``.
    seed : int, optional
        Fixes the order of the images, unless a dataset brings one, and their distortions.
        They are drawn from the seed and the number of the epoch or step alone, so no global
        seed takes part. ``None`` draws afresh. The initial weights and dropout have their
        seed in `build_model`.
    verbose : {"auto", 0, 1, 2}, default "auto"
        0: silent; 1: a progress bar an epoch; 2: one line an epoch. ``"auto"`` is 1 in a
        terminal or notebook and 2 elsewhere; beyond 10 epochs it is one bar for the run,
        or a line an epoch, with the time that is left.
    checkpoint_dir : str or path-like, optional
        A folder for the state of this run: network, optimizer, random generators, place in
        the epoch, history, callbacks, and the teacher if there is one. The same call again
        goes on from there and ends with the weights, to the bit, of a run that nothing
        stopped (on the same machine and versions). Once the run has ended it returns at
        once, with the network, history and callbacks as they were at the end. Where no
        `seed` is given, one is drawn and kept. Callbacks of your own need ``get_state`` and
        ``set_state``, unless they hold nothing. Of a dataset the kinds and the number of its
        batches are compared, not its images. The weights are the same to the bit where a
        dataset made anew gives the same batches: one that repeats them in each epoch, a
        ``shuffle`` with a seed, or a PyDataset whose order comes from its calls of
        ``on_epoch_begin`` and ``on_epoch_end``, which are made again for past epochs. A
        shuffle without a seed, a generator that counts its passes, or batches that arrive in
        chance order go on with whatever batches come. ``None``: nothing is kept.
    checkpoint_every : int, optional
        With `checkpoint_dir`: after how many steps to keep the state, at least 1, besides
        at each epoch's end and at Ctrl-C. Only for the documented network: any other is
        kept at each epoch's end.
    strategy : tf.distribute.Strategy, optional
        Where to compute: a ``MirroredStrategy``, ``MultiWorkerMirroredStrategy`` or
        ``OneDeviceStrategy``. Each batch is shared out over its replicas, and the result is
        that of one device, up to rounding. The documented network is built outside
        ``strategy.scope()``; any other within, and not for several machines. Of several
        machines the first, the chief, alone prints and writes, and the others begin with what
        it has. ``None``: TensorFlow's own choice of one device.

    Returns
    -------
    keras.callbacks.History
        ``history.history`` maps ``loss``, ``accuracy`` and, with validation,
        ``val_loss`` and ``val_accuracy`` to one number an epoch. Training figures are
        Keras' running means over the epoch.

    Raises
    ------
    TypeError
        If an argument is of another kind.
    ValueError
        If a value, shape or range is wrong: pixels that were not preprocessed, labels
        that are not one-hot over 10 classes, no images, a split that leaves no image to
        train or to validate on, a callback that monitors what the run won't have; a
        dataset without an end, or of unknown length beside `checkpoint_dir` or a recipe with
        a learning rate; a batch that was not preprocessed, when it comes; a
        `checkpoint_dir` that holds a run of another recipe, data set, network, seed or
        version, or a callback whose state can't be kept there; a `model` that the
        `strategy` can't train, or machines that don't have the same images and settings.
    WorkerLostError
        If another of several machines is gone; with `checkpoint_dir` the same call on all of
        them goes on.
    RuntimeError
        If several machines come to different weights.
    BlockingIOError
        If another training is at work in `checkpoint_dir`.
    CorruptFileError
        If the file in `checkpoint_dir` is damaged or something else.

    Examples
    --------
    >>> from mnistcnn import build_model, load_data, preprocess, train
    >>> (x_train, y_train), _ = load_data("digits")
    >>> x, y = preprocess(x_train, y_train)
    >>> history = train(build_model(seed=0), x, y, epochs=2, seed=0, verbose=0)
    >>> sorted(history.history)
    ['accuracy', 'loss', 'val_accuracy', 'val_loss']

    From a dataset, which may be larger than memory:

    >>> import tensorflow as tf
    >>> batches = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(1442, seed=0).batch(128)
    >>> history = train(build_model(seed=0), batches, recipe="fast", seed=0, verbose=0)
    >>> sorted(history.history)
    ['accuracy', 'loss']

    A run that goes on where it was stopped:

    >>> options = dict(epochs=2, seed=0, callbacks=[], verbose=0, checkpoint_dir="run")
    >>> history = train(build_model(seed=0), x, y, **options)
    >>> again = train(build_model(seed=0), x, y, **options)  # returns at once
    >>> again.history == history.history
    True
    """
    network = _check_compiled(model)
    context = context_for(strategy)
    plan = recipes.get(recipe)
    check_dropout_supported(network, plan)
    count = plan.epochs if epochs is None else check_int("epochs", epochs, minimum=1)
    batch = (
        plan.batch_size if batch_size is None else check_int("batch_size", batch_size, minimum=1)
    )
    order_seed = check_seed(seed)
    check_in("verbose", verbose, ("auto", 0, 1, 2))
    place = checkpoint_config(checkpoint_dir, checkpoint_every)
    training, validation = prepare_data(
        plan,
        x,
        y,
        batch_size=batch_size,
        validation_split=validation_split,
        validation_data=validation_data,
    )
    check_known_length(plan, training, kept=place is not None, several=context.world_size > 1)
    chosen = recipe_callbacks(plan) if callbacks is None else check_callbacks(callbacks)
    if plan.learning_rate is not None:
        check_no_lr_callbacks(chosen)
    context.check_supported(network, chosen)
    available = metric_names(network, validated=validation is not None)
    plan = replace(plan, epochs=count, batch_size=batch)
    steps = num_batches(training, batch)
    with (
        context.worker_errors(),
        raise_data_errors(training, validation),
        checkpoint_for_run(
            network, plan, training, validation, chosen, seed=order_seed, at=place, context=context
        ) as checkpoint,
        translated_monitors(chosen, available),
    ):
        drawn = context.broadcast_seed(order_seed if checkpoint is None else checkpoint.seed)
        verbose = verbose if context.is_chief else 0
        lessons = None
        if plan.teacher is not None:
            lessons = train_teachers(
                plan, training, seed=drawn, verbose=verbose, checkpoint=checkpoint, context=context
            )
        with (
            recipe_scope(network, plan, steps=None if steps is None else count * steps),
            progress_display(verbose, epochs=count) as (of_keras, display),
        ):
            return run_training(
                network,
                smooth_dataset_labels(training, plan.label_smoothing),
                validation,
                epochs=count,
                batch_size=batch,
                seed=drawn,
                callbacks=context.local_callbacks(chosen),
                verbose=of_keras,
                augmentation=plan.augmentation,
                teach=lessons,
                shows=display,
                keep=None if checkpoint is None else checkpoint.stage(MODEL_STAGE),
                context=context,
            )


def _check_compiled(model: keras.Model) -> keras.Model:
    if not isinstance(model, keras.Model):
        raise TypeError(f"model must be a Keras model; received {model!r}")
    if not model.compiled:
        raise ValueError("model must be compiled; call its compile method first")
    taken = getattr(model, "input_shape", None) if model.built else None
    if taken is not None and tuple(taken[1:]) != (IMAGE_SIZE, IMAGE_SIZE, 1):
        raise ValueError(
            f"model must take images of shape (28, 28, 1); received one that takes {taken[1:]}"
        )
    return model
