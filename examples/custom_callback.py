"""
Custom callback: stop at a target accuracy
==========================================

A callback is called at the end of each epoch. You can combine your own callbacks with those of
Keras and of this package.
"""

import keras

import mnistcnn

EPOCHS = 20
TARGET = 0.9  # validation accuracy to stop at

# %%
# Define a callback
# -----------------
# ``logs`` holds the metrics of the epoch. Setting ``model.stop_training`` stops the training.


class StopAtAccuracy(keras.callbacks.Callback):
    """Stop training when the validation accuracy reaches a target."""

    def __init__(self, target: float) -> None:
        super().__init__()
        self.target = target

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Compare the validation accuracy with the target."""
        accuracy = (logs or {})["val_accuracy"]
        if accuracy >= self.target:
            print(f"epoch {epoch + 1}: target reached with {accuracy:.1%}")
            self.model.stop_training = True


# %%
# Train
# -----
# The list replaces the callbacks of the recipe, so it includes the default ones. ``CSVLogger`` is a
# callback of Keras.

(x_train, y_train), (x_test, y_test) = mnistcnn.load_data("digits")
x, y = mnistcnn.preprocess(x_train, y_train)
model = mnistcnn.build_model(seed=0)
callbacks = [
    *mnistcnn.default_callbacks(patience=6),
    keras.callbacks.CSVLogger("history.csv"),
    StopAtAccuracy(TARGET),
]
history = mnistcnn.train(model, x, y, epochs=EPOCHS, callbacks=callbacks, seed=0, verbose=0)

# %%
# The dotted line is the target accuracy.

figure = mnistcnn.plot_history(history)
figure.axes[1].axhline(TARGET, color="black", linewidth=1, linestyle=":")
figure.savefig("target.png")

# %%
# Evaluate the checkpoint of the best epoch.

print(mnistcnn.evaluate("bestmodel.keras", *mnistcnn.preprocess(x_test, y_test)))
