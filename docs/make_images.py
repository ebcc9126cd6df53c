"""Draw the pictures of the tutorial and of the pages about mistakes.

    python docs/make_images.py

It goes the ways of these pages on the digits that need no network and leaves the pictures
in docs/images/, where they are kept in version control: so the docs can be built without
training first. Run it again when a picture should look different.

The top of a report is drawn by the browser chromium, where it is installed.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

from mnistcnn import (
    build_model,
    default_callbacks,
    evaluate,
    load_data,
    load_model,
    load_pretrained,
    plot_activations,
    plot_calibration,
    plot_confusion_matrix,
    plot_digits,
    plot_history,
    plot_misclassified,
    preprocess,
    train,
)
from mnistcnn.report.page import render_report

FOLDER = Path(__file__).parent / "images"
EPOCHS = 12


def main() -> None:
    """Train once and draw."""
    (x_train, y_train), (x_test, y_test) = load_data("digits")

    with tempfile.TemporaryDirectory() as folder:
        best = Path(folder) / "bestmodel.keras"
        history = train(
            build_model(seed=0),
            *preprocess(x_train, y_train),
            epochs=EPOCHS,
            callbacks=default_callbacks(best),
            seed=0,
        )
        model = load_model(best)
    result = evaluate(model, *preprocess(x_test, y_test))
    shipped = load_pretrained()
    its = evaluate(shipped, *preprocess(x_test, y_test))
    surest = its.misclassified.indices[its.misclassified.most_confident_first[0]]

    FOLDER.mkdir(exist_ok=True)
    pictures = {
        "digits.png": plot_digits(x_train, y_train, max_images=10),
        "history.png": plot_history(history),
        "confusion_matrix.png": plot_confusion_matrix(result),
        "misclassified.png": plot_misclassified(its, x_test),
        "calibration.png": plot_calibration(its),
        "activations.png": plot_activations(shipped, x_test[surest]),
    }
    for name, figure in pictures.items():
        figure.savefig(FOLDER / name, dpi=100, metadata={"Software": None})
    print(f"Pictures in {FOLDER}: {', '.join(pictures)}")  # noqa: T201  # a command's result
    page = render_report(model, result, x_test, title="bestmodel.keras", data="digits", about=[])
    draw_page(page, FOLDER / "report.png")


def draw_page(page: str, path: Path) -> None:
    """Draw the top of a page as the browser shows it; without a browser do nothing."""
    browser = shutil.which("chromium")
    if browser is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        file, drawn = Path(folder) / "page.html", Path(folder) / "page.png"
        file.write_text(page, encoding="utf-8")
        command = [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            "--disable-background-networking", f"--user-data-dir={folder}/profile",
            "--window-size=860,560", f"--screenshot={drawn}", file.as_uri(),
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603
        with Image.open(drawn) as image:
            image.convert("RGB").quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main()
