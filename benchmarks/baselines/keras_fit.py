"""Keras' ``fit``, one epoch per turn, as in the published notebook or tuned by an expert.

``--variant`` is ``baseline`` or ``tuned``: XLA off and 50 steps per execution.
"""

from benchmarks.baselines import protocol

options = protocol.parse_args()

import keras  # after parse_args has set the cores  # noqa: E402

x, labels = protocol.load_images(options.data, options.images)
model = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        keras.layers.Conv2D(32, (3, 3), activation="relu"),
        keras.layers.MaxPooling2D((2, 2)),
        keras.layers.Conv2D(64, (3, 3), activation="relu"),
        keras.layers.MaxPooling2D((2, 2)),
        keras.layers.Flatten(),
        keras.layers.Dropout(0.25),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
# On a CPU, convolutions of XLA are slower than those of oneDNN, and many steps per execution
# save the return to Python for each batch.
tuned = {"jit_compile": False, "steps_per_execution": 50} if options.variant == "tuned" else {}
model.compile(
    optimizer="adam",
    loss=keras.losses.categorical_crossentropy,
    metrics=["accuracy"],
    **tuned,
)
model.fit(
    x,
    keras.utils.to_categorical(labels),
    epochs=10**9,
    batch_size=options.batch_size,
    callbacks=[protocol.turn_per_epoch()],
    verbose=0,
)
