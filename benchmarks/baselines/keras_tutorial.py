"""The script of the published Keras notebook, five epochs, as it is: one run per turn."""

import time

from benchmarks.baselines import protocol

options = protocol.parse_args()

import keras  # after parse_args has set the cores  # noqa: E402
import numpy as np  # noqa: E402

with np.load(options.data) as archive:
    X_train, y_train, X_test, y_test = (
        archive[name] for name in ("x_train", "y_train", "x_test", "y_test")
    )
X_train = np.expand_dims(X_train.astype(np.float32) / 255, -1)
X_test = np.expand_dims(X_test.astype(np.float32) / 255, -1)
y_train = keras.utils.to_categorical(y_train)
y_test = keras.utils.to_categorical(y_test)

while True:
    protocol.wait_for_turn()
    started = time.perf_counter()
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
    model.compile(
        optimizer="adam", loss=keras.losses.categorical_crossentropy, metrics=["accuracy"]
    )
    model.fit(X_train, y_train, epochs=1 if options.smoke else 5, validation_split=0.3, verbose=0)
    seconds = time.perf_counter() - started
    accuracy = model.evaluate(X_test, y_test, verbose=0)[1]
    protocol.report(seconds=seconds, accuracy=accuracy)
