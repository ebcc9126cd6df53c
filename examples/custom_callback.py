"""
Stop at a goal: a callback of your own
======================================

A callback is called at the end of each epoch. You can write one, and give it along with those of
Keras and of the package.
"""

import argparse

import keras

import mnistcnn

parser = argparse.ArgumentParser(description="Callbacks of your own, beside the others.")
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--goal", type=float, default=0.9, help="validation accuracy to stop at")
options = parser.parse_args()

# %%
# Write it
# --------
# ``logs`` holds the figures of the epoch. To stop, a callback tells the model so.


class Goal(keras.callbacks.Callback):
    """Stop as soon as the validation accuracy reaches a goal."""

    def __init__(self, accuracy: float) -> None:
        super().__init__()
        self.accuracy = accuracy

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Compare the epoch's figure with the goal."""
        reached = (logs or {})["val_accuracy"]
        if reached >= self.accuracy:
            print(f"epoch {epoch + 1}: {reached:.1%} is enough")
            self.model.stop_training = True


# %%
# Give it along
# -------------
# The list takes the place of the recipe's own callbacks, so the documented two are put into it.
# ``CSVLogger`` is one of Keras'.

(x_train, y_train), (x_test, y_test) = mnistcnn.load_data("digits")
x, y = mnistcnn.preprocess(x_train, y_train)
model = mnistcnn.build_model(seed=0)
callbacks = [
    *mnistcnn.default_callbacks(patience=6),
    keras.callbacks.CSVLogger("history.csv"),
    Goal(options.goal),
]
history = mnistcnn.train(model, x, y, epochs=options.epochs, callbacks=callbacks, seed=0, verbose=0)

# %%
# Training ended at the goal:

curves = mnistcnn.plot_history(history)
curves.axes[1].axhline(options.goal, color="black", linewidth=1, linestyle=":")
curves.savefig("goal.png")

# %%
# The file that the checkpoint kept is the one to evaluate.

print(mnistcnn.evaluate("bestmodel.keras", *mnistcnn.preprocess(x_test, y_test)))
