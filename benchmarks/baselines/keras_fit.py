"""Keras' ``fit``, an epoch a turn: as the document writes it, or as a Keras expert would."""

import protocol

options = protocol.options()

import keras  # noqa: E402  # after the process has its cores

x, labels = protocol.images(options.data, options.images)
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
# On a processor XLA's convolutions are slower than oneDNN's, and many steps to a call
# save the way through Python.
expert = {"jit_compile": False, "steps_per_execution": 50} if options.style == "expert" else {}
model.compile(
    optimizer="adam",
    loss=keras.losses.categorical_crossentropy,
    metrics=["accuracy"],
    **expert,
)
model.fit(
    x,
    keras.utils.to_categorical(labels),
    epochs=10**9,
    batch_size=options.batch_size,
    callbacks=[protocol.turns_by_epoch()],
    verbose=0,
)
