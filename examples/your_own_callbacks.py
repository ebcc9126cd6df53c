"""Callbacks of your own, beside those of Keras and of the package.

python examples/your_own_callbacks.py
"""

import argparse

import keras

import mnistcnn


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


def main() -> None:
    """Train with three kinds of callbacks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--goal", type=float, default=0.9, help="validation accuracy to stop at")
    options = parser.parse_args()

    (x_train, y_train), (x_test, y_test) = mnistcnn.load_data("digits")
    model = mnistcnn.build_model(seed=0)
    callbacks = [
        *mnistcnn.default_callbacks(patience=6),
        keras.callbacks.CSVLogger("history.csv"),
        Goal(options.goal),
    ]
    x, y = mnistcnn.preprocess(x_train, y_train)
    mnistcnn.train(model, x, y, epochs=options.epochs, callbacks=callbacks, seed=0, verbose=0)
    print(mnistcnn.evaluate("bestmodel.keras", *mnistcnn.preprocess(x_test, y_test)))


if __name__ == "__main__":
    main()
