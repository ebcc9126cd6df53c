"""Draw the pictures of the tutorial.

    python docs/make_images.py

It goes the tutorial's way on the digits that need no network and leaves the curves and
the confusion matrix in docs/images/, where they are kept in version control: so the docs
can be built without training first. Run it again when a picture should look different.
"""

import tempfile
from pathlib import Path

from matplotlib.figure import Figure

from mnistcnn import (
    build_model,
    default_callbacks,
    evaluate,
    load_data,
    plot_confusion_matrix,
    plot_history,
    preprocess,
    train,
)

FOLDER = Path(__file__).parent / "images"
EPOCHS = 12


def main() -> None:
    """Train once and draw."""
    (x_train, y_train), (x_test, y_test) = load_data("digits")

    rows = Figure(figsize=(6.4, 1.0), layout="constrained")
    for axes, image, label in zip(rows.subplots(1, 10), x_train, y_train, strict=False):
        axes.imshow(image, cmap="gray_r")
        axes.set_title(str(label), fontsize=9)
        axes.axis("off")

    with tempfile.TemporaryDirectory() as folder:
        best = Path(folder) / "bestmodel.keras"
        history = train(
            build_model(seed=0),
            *preprocess(x_train, y_train),
            epochs=EPOCHS,
            callbacks=default_callbacks(best),
            seed=0,
        )
        result = evaluate(best, *preprocess(x_test, y_test))

    FOLDER.mkdir(exist_ok=True)
    pictures = {
        "digits.png": rows,
        "history.png": plot_history(history),
        "confusion_matrix.png": plot_confusion_matrix(result),
    }
    for name, figure in pictures.items():
        figure.savefig(FOLDER / name, dpi=100, metadata={"Software": None})
    print(f"Pictures in {FOLDER}: {', '.join(pictures)}")  # noqa: T201  # a command's result


if __name__ == "__main__":
    main()
