"""The public function `train`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Literal

from numpy.typing import ArrayLike

from mnistcnn import recipes
from mnistcnn.backend import keras, tf
from mnistcnn.models.classes import count_classes, set_class_names
from mnistcnn.public import public
from mnistcnn.training.callbacks import (
    metric_names,
    needs_validation,
    resolve_callbacks,
    translated_monitors,
)
from mnistcnn.training.checkpoint.file_format import MODEL_STAGE
from mnistcnn.training.checkpoint.manager import (
    CheckpointConfig,
    checkpoint_config,
    checkpoint_for_run,
)
from mnistcnn.training.data_adapters import Data
from mnistcnn.training.distillation import train_teachers
from mnistcnn.training.distribute.context import DistributionContext, context_for
from mnistcnn.training.inputs import (
    DataOptions,
    check_known_length,
    prepare_data,
    raise_data_errors,
)
from mnistcnn.training.labels import check_targets_supported
from mnistcnn.training.train_step import supports_fast_step
from mnistcnn.training.trainer import Trainer
from mnistcnn.types import IMAGE_SIZE, PathLike
from mnistcnn.utils.validation import check_class_names, check_in, check_int, check_seed


@public
def train(
    model: keras.Model,
    x: ArrayLike | tf.data.Dataset | keras.utils.PyDataset,
    y: ArrayLike | None = None,
    *,
    recipe: recipes.RecipeName | recipes.Recipe = "baseline",
    epochs: int | None = None,
    batch_size: int | None = None,
    validation_split: float | None = None,
    validation_data: tuple[ArrayLike, ...] | tf.data.Dataset | keras.utils.PyDataset | None = None,
    split: Literal["last", "shuffled", "stratified"] | None = None,
    sample_weight: ArrayLike | None = None,
    class_weight: Mapping[int, float] | Literal["balanced"] | None = None,
    class_names: Sequence[str] | None = None,
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
        A compiled network as built by `build_model`, or any other that takes such images and
        returns a row of k outputs for each, one per class. It is trained in place. Most
        networks train in a compiled loop of many steps; those that it can't run, such as one
        with a ``train_step`` of its own, are trained by Keras' ``fit``.
    x : array_like, tf.data.Dataset or keras.utils.PyDataset
        ``float32 (n, 28, 28, 1)`` in [0, 1], as returned by `preprocess`. Or a finite dataset
        of batches, each ``(x, y)`` or ``(x, y, sample_weight)`` of such arrays or tensors: one
        pass over it is an epoch, in its own order and batch size, with only a few batches in
        memory at a time. The workers and epoch hooks of a PyDataset are used as in Keras.
    y : array_like, optional
        One-hot ``float32 (n, k)``, as returned by `preprocess`, or integers ``(n,)`` in
        ``0...k - 1``, whether the loss of the model takes one-hot labels or integers. ``None``
        if `x` is a dataset.
    recipe : str or recipes.Recipe, default "baseline"
        Recipe that supplies defaults for arguments left unset. A recipe with a learning rate,
        as all but ``baseline`` have, trains with its own optimizer and leaves the model's
        unchanged. A recipe with teachers first trains them on the same images. ``finetune``
        trains the last layer of a network that is trained already, as `load_pretrained` returns.
    epochs, batch_size : int, optional
        Override the recipe's values; at least 1. `batch_size` must be ``None`` if `x` is a
        dataset, which is batched already.
    validation_split : float, optional
        Overrides the recipe's value: the fraction of the images to validate on, in [0, 1).
        Must be ``None`` or 0 if `x` is a dataset.
    validation_data : tuple of array_like, tf.data.Dataset or keras.utils.PyDataset, optional
        ``(x, y)`` or ``(x, y, sample_weight)`` to validate on, preprocessed, or a dataset of
        such batches. All of `x` is then used for training.
    split : {"last", "shuffled", "stratified"}, optional
        Which images `validation_split` holds out: the last ones, as in Keras; a random
        selection; or a random selection in which each class has its share, up to one image.
        Overrides the recipe's value, which is ``"stratified"`` for ``finetune`` and ``"last"``
        for the others. The selection is drawn with `seed`, or with 0 if it is ``None``. Choose
        one of the latter two if the images are sorted by class.
    sample_weight : array_like, optional
        Weight of each image, ``(n,)``, at least 0. The loss of an image is multiplied by it, in
        training and validation, and the mean is taken over the number of images, as in Keras.
    class_weight : dict of int to float or "balanced", optional
        Weight of the images of each class in training, at least 0, by default 1; multiplied by
        `sample_weight`. ``"balanced"`` gives each class the same total weight, as in
        scikit-learn: the number of images divided by the number of classes and by the number
        of images of the class.
    class_names : sequence of str, optional
        Name of each class, to be set as the attribute `class_names` of the model, which
        ``.keras`` files, `evaluate` and `export_model` then use.
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
        0: silent. ``"auto"``: one line per epoch with the remaining time, in a terminal above
        a progress bar for the run, in a notebook only the bar. 1 and 2: a progress bar and a
        line per epoch, as Keras displays them.
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
        do not fit the model, no images, a split that leaves no image to train or to validate
        on, or a callback that monitors a metric that the run does not have, or has a field for
        it in its file name; a recipe that changes the labels for a model that takes integers; an
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
    num_classes = count_classes(model)
    if class_names is not None:
        class_names = check_class_names(class_names, num_classes=num_classes)
    training, validation = prepare_data(
        recipe,
        x,
        y,
        DataOptions(
            num_classes=num_classes,
            batch_size=batch_size,
            validation_split=validation_split,
            validation_data=validation_data,
            sample_weight=sample_weight,
            class_weight=class_weight,
            split=split,
            seed=seed,
            monitors_validation=callbacks is None and needs_validation(recipe),
        ),
    )
    check_known_length(recipe, training, config, context.world_size)
    callbacks = resolve_callbacks(callbacks, recipe, has_validation=validation is not None)
    context.check_supported(model, callbacks)
    if not supports_fast_step(model):
        check_targets_supported(model, recipe)
    metrics = metric_names(model, num_classes=num_classes, has_validation=validation is not None)
    if class_names is not None:
        set_class_names(model, class_names)
    return _run(
        model,
        recipe,
        training,
        validation,
        callbacks,
        metrics=metrics,
        num_classes=num_classes,
        seed=seed,
        verbose=verbose,
        config=config,
        context=context,
    )


def _run(
    model: keras.Model,
    recipe: recipes.Recipe,
    training: Data,
    validation: Data | None,
    callbacks: list[keras.callbacks.Callback],
    *,
    metrics: list[str] | None,
    num_classes: int,
    seed: int | None,
    verbose: Literal["auto", 0, 1, 2],
    config: CheckpointConfig | None,
    context: DistributionContext,
) -> keras.callbacks.History:
    """Train the teachers of the recipe and the model, from the checkpoint if there is one."""
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
                recipe,
                training,
                num_classes=num_classes,
                seed=seed,
                verbose=verbose,
                checkpoint=checkpoint,
                context=context,
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
    recipe: recipes.RecipeName | recipes.Recipe,
    epochs: int | None,
    batch_size: int | None,
    model: keras.Model,
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
