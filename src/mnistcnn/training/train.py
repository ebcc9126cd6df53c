"""The public function `train`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Literal

from numpy.typing import ArrayLike

from mnistcnn import recipes
from mnistcnn.backend import keras, tf
from mnistcnn.public import public
from mnistcnn.training.callbacks import (
    metric_names,
    resolve_callbacks,
    translated_monitors,
)
from mnistcnn.training.checkpoint.file_format import MODEL_STAGE
from mnistcnn.training.checkpoint.manager import checkpoint_config, checkpoint_for_run
from mnistcnn.training.distillation import train_teachers
from mnistcnn.training.distribute.context import context_for
from mnistcnn.training.inputs import check_known_length, prepare_data, raise_data_errors
from mnistcnn.training.trainer import Trainer
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
    """Train a compiled network by a recipe, by default the baseline.

    All arguments are checked before the first step, except the batches of a dataset, which
    are checked as they are read. Ctrl-C raises ``KeyboardInterrupt``; the file of the best
    epoch remains. With `checkpoint_dir`, the same call resumes a run that was interrupted or
    killed.

    Parameters
    ----------
    model : keras.Model
        A compiled network as built by `build_model`. It is trained in place.
    x : array_like, tf.data.Dataset or keras.utils.PyDataset
        ``float32 (n, 28, 28, 1)`` in [0, 1], as returned by `preprocess`. Or a finite dataset
        of batches, each a pair ``(x, y)`` of such arrays or tensors: one pass over it is an
        epoch, in its own order and batch size, with only a few batches in memory at a time.
        The workers and epoch hooks of a PyDataset are used as in Keras.
    y : array_like, optional
        One-hot ``float32 (n, 10)``, as returned by `preprocess`. ``None`` if `x` is a dataset.
    recipe : str or recipes.Recipe, default "baseline"
        Recipe that supplies defaults for arguments left unset. A recipe with a learning rate,
        as all but ``baseline`` have, trains with its own optimizer and leaves the model's
        unchanged. A recipe with teachers first trains them on the same images.
    epochs, batch_size : int, optional
        Override the recipe's values; at least 1. `batch_size` must be ``None`` if `x` is a
        dataset, which is batched already.
    validation_split : float, optional
        Overrides the recipe's value: the fraction of the images, the last ones, to validate
        on, in [0, 1). Must be ``None`` or 0 if `x` is a dataset.
    validation_data : tuple of array_like, tf.data.Dataset or keras.utils.PyDataset, optional
        ``(x, y)`` to validate on, preprocessed, or a dataset of such batches. All of `x` is
        then used for training.
    callbacks : list of keras.callbacks.Callback, optional
        ``None``: the recipe's callbacks, for ``baseline`` those of `default_callbacks`,
        which save the best epoch to ``bestmodel.keras``. ``[]``: none. A callback that
        monitors ``val_acc`` monitors ``val_accuracy``.
    seed : int, optional
        Determines the order of the images, except those of a dataset, and their augmentation.
        Both depend only on the seed and the number of the epoch or step, not on a global
        seed. ``None`` draws a new seed. The seed of the initial weights and of dropout is an
        argument of `build_model`.
    verbose : {"auto", 0, 1, 2}, default "auto"
        0: silent; 1: a progress bar per epoch; 2: one line per epoch. ``"auto"`` is 1 in a
        terminal and 2 elsewhere; in a notebook, and for more than 10 epochs, it is one progress
        bar for the run, or one line per epoch, with the remaining time.
    checkpoint_dir : str or path-like, optional
        Folder for the state of the run: network, optimizer, random generators, position in
        the epoch, history, callbacks, and teachers. The same call resumes the run and ends
        with weights that are bit-identical to those of an uninterrupted run (on the same
        machine and versions). A finished run returns immediately, with the network, history
        and callbacks as they were at its end. If `seed` is ``None``, the drawn seed is saved.
        Custom callbacks need ``get_state`` and ``set_state`` unless they are stateless. Of a
        dataset, the kind and number of batches are compared, not the images. Resuming from a
        dataset is bit-identical if it yields the same batches when it is created again: a
        dataset in a fixed order, one with a seeded ``shuffle``, or a PyDataset whose order
        depends on its calls of ``on_epoch_begin`` and ``on_epoch_end``, which are repeated
        for past epochs. An unseeded shuffle, a generator that counts its epochs, or batches
        in nondeterministic order resume with other batches. ``None``: no checkpoint.
    checkpoint_every : int, optional
        With `checkpoint_dir`: number of steps, at least 1, after which the state is saved, in
        addition to each epoch's end and Ctrl-C. Only for the baseline network: for any other
        it is saved at each epoch's end.
    strategy : tf.distribute.Strategy, optional
        A ``MirroredStrategy``, ``MultiWorkerMirroredStrategy`` or ``OneDeviceStrategy``. Each
        batch is split over its replicas, and the result equals that of one device up to
        rounding. Build the baseline network outside ``strategy.scope()``, any other inside;
        several machines only support the baseline network. Of several machines, only the
        chief prints and writes, and the others start from its state. ``None``: one device,
        chosen by TensorFlow.

    Returns
    -------
    keras.callbacks.History
        ``history.history`` maps ``loss``, ``accuracy`` and, with validation,
        ``val_loss`` and ``val_accuracy`` to one number per epoch. Training metrics are
        running means over the epoch, as in Keras.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If a value, shape or range is invalid: pixels that are not preprocessed, labels that
        are not one-hot over 10 classes, no images, a split that leaves no image to train or
        to validate on, or a callback that monitors a metric that the run does not have; an
        infinite dataset, one of unknown length with `checkpoint_dir` or a recipe that has a
        learning rate, or an invalid batch, when it is read; a `checkpoint_dir` of a run with
        another recipe, data set, network, seed or version, or a callback whose state cannot
        be saved; a `model` that the `strategy` cannot train, or machines with different
        images or settings.
    WorkerLostError
        If another machine is lost; with `checkpoint_dir`, the same call on all machines
        resumes the run.
    RuntimeError
        If the weights of several machines differ.
    BlockingIOError
        If another process is training in `checkpoint_dir`.
    CorruptFileError
        If the file in `checkpoint_dir` is damaged or is no checkpoint.

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

    A run that resumes from its checkpoint:

    >>> options = dict(epochs=2, seed=0, callbacks=[], verbose=0, checkpoint_dir="run")
    >>> history = train(build_model(seed=0), x, y, **options)
    >>> again = train(build_model(seed=0), x, y, **options)  # returns immediately
    >>> again.history == history.history
    True
    """
    model = _check_model(model)
    context = context_for(strategy)
    recipe = _resolve_recipe(recipe, epochs, batch_size, model)
    seed = check_seed(seed)
    check_in("verbose", verbose, ("auto", 0, 1, 2))
    config = checkpoint_config(checkpoint_dir, checkpoint_every)
    training, validation = prepare_data(
        recipe,
        x,
        y,
        batch_size=batch_size,
        validation_split=validation_split,
        validation_data=validation_data,
    )
    check_known_length(recipe, training, config, context.world_size)
    callbacks = resolve_callbacks(callbacks, recipe)
    context.check_supported(model, callbacks)
    metrics = metric_names(model, has_validation=validation is not None)
    with (
        context.worker_errors(),
        raise_data_errors(training, validation),
        nullcontext()
        if config is None and context.world_size == 1
        else checkpoint_for_run(
            model,
            recipe,
            training,
            validation,
            callbacks,
            seed=seed,
            config=config,
            context=context,
        ) as checkpoint,
        translated_monitors(callbacks, metrics),
    ):
        seed = context.broadcast_seed(seed if checkpoint is None else checkpoint.seed)
        target_fn = None
        if recipe.teacher is not None:
            target_fn = train_teachers(
                recipe, training, seed=seed, verbose=verbose, checkpoint=checkpoint, context=context
            )
        return Trainer(
            model,
            recipe,
            seed=seed,
            callbacks=context.local_callbacks(callbacks),
            verbose=verbose,
            target_fn=target_fn,
            checkpoint=None if checkpoint is None else checkpoint.stage(MODEL_STAGE),
            context=context,
        ).fit(training, validation)


def _resolve_recipe(
    recipe: str | recipes.Recipe, epochs: int | None, batch_size: int | None, model: keras.Model
) -> recipes.Recipe:
    recipe = recipes.get(recipe)
    _check_dropout_supported(model, recipe)
    if epochs is not None:
        recipe = replace(recipe, epochs=check_int("epochs", epochs, minimum=1))
    if batch_size is not None:
        recipe = replace(recipe, batch_size=check_int("batch_size", batch_size, minimum=1))
    return recipe


def _check_model(model: keras.Model) -> keras.Model:
    if not isinstance(model, keras.Model):
        raise TypeError(f"model must be a Keras model; received {model!r}")
    if not model.compiled:
        raise ValueError("model must be compiled; call its compile method first")
    shape = getattr(model, "input_shape", None) if model.built else None
    if shape is not None and tuple(shape[1:]) != (IMAGE_SIZE, IMAGE_SIZE, 1):
        raise ValueError(
            f"model must take images of shape (28, 28, 1); received one that takes {shape[1:]}"
        )
    return model


def _check_dropout_supported(model: keras.Model, recipe: recipes.Recipe) -> None:
    # Keras creates the seed generator of a Dropout layer with it, unless its rate is 0.
    for layer in model.layers:
        is_disabled = isinstance(layer, keras.layers.Dropout) and layer.rate == 0
        if recipe.dropout and is_disabled and not hasattr(layer, "seed_generator"):
            raise ValueError(
                "the recipe's dropout must be 0 for a model that was built with dropout=0; "
                f"received {recipe.dropout}"
            )
