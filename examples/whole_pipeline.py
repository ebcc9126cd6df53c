"""The documented pipeline from start to end.

python examples/whole_pipeline.py --data auto

``auto`` takes MNIST where it can be had (see MNISTCNN_DATA) and otherwise the small
data set that needs no network; the first line says which.
"""

import argparse
from pathlib import Path

import mnistcnn


def load(source: str) -> mnistcnn.Dataset:
    """Load the data set and say which one it is."""
    if source != "auto":
        print(f"Data: {source}")
        return mnistcnn.load_data(source)
    try:
        dataset = mnistcnn.load_data("mnist")
    except mnistcnn.DataUnavailableError as error:
        print(f"Data: digits, since MNIST is not to be had: {str(error).splitlines()[0]}")
        return mnistcnn.load_data("digits")
    print("Data: mnist")
    return dataset


def main() -> None:
    """Run the six steps."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="auto", help="auto, mnist, digits or a path")
    parser.add_argument("--epochs", type=int, help="in place of the recipe's 5")
    parser.add_argument("--output", type=Path, default=Path("pipeline"), help="a folder")
    options = parser.parse_args()

    (x_train, y_train), (x_test, y_test) = load(options.data)
    x, y = mnistcnn.preprocess(x_train, y_train)

    model = mnistcnn.build_model(seed=0)
    best = options.output / "bestmodel.keras"
    history = mnistcnn.train(
        model,
        x,
        y,
        epochs=options.epochs,
        callbacks=mnistcnn.default_callbacks(best),
        seed=0,
        verbose=2,
    )

    # The file of the best epoch, not the network as the last epoch left it.
    result = mnistcnn.evaluate(best, *mnistcnn.preprocess(x_test, y_test))
    print(result)

    mnistcnn.plot_history(history).savefig(options.output / "history.png")
    mnistcnn.plot_confusion_matrix(result).savefig(options.output / "confusion_matrix.png")
    print(f"The network and two pictures are in {options.output}")


if __name__ == "__main__":
    main()
