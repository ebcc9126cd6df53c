"""A network of three convolutions for 26 classes, as a user may build it: one epoch per turn.

``--variant`` says who trains it:

- ``mnistcnn``: `mnistcnn.train`;
- ``keras_fit``: Keras' ``fit``, as the network is compiled by default;
- ``keras_fit_tuned``: Keras' ``fit`` with 50 steps per execution.

The images are MNIST's; each label is the digit or, for every other image, the digit plus 13, since
the speed depends only on the number of classes.
"""

from benchmarks.baselines import protocol

options = protocol.parse_args()

import numpy as np  # after parse_args has set the cores  # noqa: E402

if options.variant == "mnistcnn":
    from mnistcnn import train  # before Keras, since it configures TensorFlow
import keras  # noqa: E402

NUM_CLASSES = 26

x, digits = protocol.load_images(options.data, options.images)
y = keras.utils.to_categorical(digits + 13 * (np.arange(len(digits)) % 2), NUM_CLASSES)
layers = keras.layers
model = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        layers.Conv2D(32, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(64, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(64, 3, padding="same", activation="relu"),
        layers.Flatten(),
        layers.Dropout(0.25),
        layers.Dense(NUM_CLASSES, activation="softmax"),
    ]
)
tuned = {"steps_per_execution": 50} if options.variant == "keras_fit_tuned" else {}
model.compile("adam", "categorical_crossentropy", metrics=["accuracy"], **tuned)
settings = {
    "epochs": 10**9,
    "batch_size": options.batch_size,
    "callbacks": [protocol.turn_per_epoch()],
    "verbose": 0,
}
if options.variant == "mnistcnn":
    train(model, x, y, validation_split=0.0, **settings)
else:
    model.fit(x, y, **settings)
