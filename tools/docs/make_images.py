"""Draw the plots of the tutorial and of the how-to pages.

    python -m tools.docs.make_images [--output FOLDER] [--smoke]

The script runs the code of these pages on the `digits` dataset and writes the plots to
docs/images/. They are under version control, so that the docs can be built without training a
model. Run it again when a plot should look different.

The screenshot of a report requires the browser Chromium.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
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
from tools.docs.output import parse_output

FOLDER = Path(__file__).parents[2] / "docs" / "images"
EPOCHS = 12


def main(arguments: Sequence[str] | None = None) -> None:
    """Train a model and draw the plots."""
    target, smoke = parse_output(__doc__, FOLDER, arguments)
    (x_train, y_train), (x_test, y_test) = load_data("digits")

    with tempfile.TemporaryDirectory() as folder:
        best = Path(folder) / "bestmodel.keras"
        history = train(
            build_model(seed=0),
            *preprocess(x_train, y_train),
            epochs=2 if smoke else EPOCHS,
            callbacks=default_callbacks(best),
            seed=0,
        )
        model = load_model(best)
    result = evaluate(model, *preprocess(x_test, y_test))
    pretrained = load_pretrained()
    pretrained_result = evaluate(pretrained, *preprocess(x_test, y_test))
    misclassified = pretrained_result.misclassified
    index = misclassified.indices[misclassified.most_confident_first[0]]

    figures = {
        "digits.png": plot_digits(x_train, y_train, max_images=10),
        "history.png": plot_history(history),
        "confusion_matrix.png": plot_confusion_matrix(result),
        "misclassified.png": plot_misclassified(pretrained_result, x_test),
        "calibration.png": plot_calibration(pretrained_result),
        "activations.png": plot_activations(pretrained, x_test[index]),
    }
    for name, figure in figures.items():
        figure.savefig(target / name, dpi=100, metadata={"Software": None})
    print(f"Plots in {target}: {', '.join(figures)}")
    page = render_report(model, result, x_test, title="bestmodel.keras", data="digits", about=[])
    if not smoke:
        save_screenshot(page, target / "report.png")


def save_screenshot(page: str, path: Path) -> None:
    """Save a screenshot of the top of an HTML page, if Chromium is installed."""
    browser = shutil.which("chromium")
    if browser is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        file, screenshot = Path(folder) / "page.html", Path(folder) / "page.png"
        file.write_text(page, encoding="utf-8")
        command = [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            "--disable-background-networking", f"--user-data-dir={folder}/profile",
            "--window-size=860,560", f"--screenshot={screenshot}", file.as_uri(),
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True)
        with Image.open(screenshot) as image:
            image.convert("RGB").quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main()
