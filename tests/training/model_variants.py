"""Models that differ from the baseline network in one respect each."""

from mnistcnn import build_model
from mnistcnn.backend import keras

layers = keras.layers


class CustomLayer(keras.layers.Layer):
    """A layer that Keras cannot serialize."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, x):
        return self.function(x)


class Subclassed(keras.Model):
    """A subclassed model."""

    def __init__(self):
        super().__init__()
        self.flatten = layers.Flatten()
        self.dense = layers.Dense(10, activation="softmax")

    def call(self, x):
        return self.dense(self.flatten(x))


class CustomStep(Subclassed):
    """A model with its own training step and metrics."""

    def train_step(self, data):
        super().train_step(data)
        return {"mine": self.optimizer.iterations}


def compiled(model, optimizer="adam", loss="categorical_crossentropy", **options):
    model.compile(optimizer, loss, **{"metrics": ["accuracy"], **options})
    return model


def other_activation():
    model = build_model(seed=0)
    model.get_layer("conv1").activation = keras.activations.tanh
    return model


def regularized():
    model = build_model(seed=0)
    model.get_layer("conv2").kernel_regularizer = keras.regularizers.L2(0.1)
    return model


def frozen():
    model = build_model(seed=0)
    model.get_layer("conv1").trainable = False
    return compiled(model)


def half_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        return build_model(seed=0)
    finally:
        keras.config.set_dtype_policy("float32")


def other_loss():
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)
    return compiled(build_model(seed=0), loss=loss)


def custom_loss():
    def loss(y, p):
        return keras.losses.categorical_crossentropy(y, p)

    return compiled(build_model(seed=0), loss=loss)


def scaled_loss():
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam())
    return compiled(build_model(seed=0), optimizer)


def other_metrics():
    return compiled(build_model(seed=0), metrics=["accuracy", "auc"])


def eager():
    return compiled(build_model(seed=0), run_eagerly=True)


def functional():
    model = build_model(seed=0)
    return compiled(keras.Model(model.inputs[0], model.outputs[0]))


def dense_only():
    inputs = [keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(10, activation="softmax")]
    return compiled(keras.Sequential(inputs), "sgd")


def custom_layer():
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)), CustomLayer(keras.ops.square), layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )  # fmt: skip
    return compiled(model, "sgd")


def subclassed():
    return compiled(Subclassed(), "sgd")


def custom_step():
    return compiled(CustomStep(), "sgd")


VARIANTS = [
    other_activation, regularized, frozen, half_precision, other_loss, custom_loss, scaled_loss,
    other_metrics, eager, functional, dense_only, custom_layer, subclassed, custom_step,
]  # fmt: skip
