"""mnistcnn report."""

import json
from pathlib import Path

import pytest

import mnistcnn
from mnistcnn.cli.main import main
from mnistcnn.report import page as page_module
from mnistcnn.weights.keras_file import save_model
from mnistcnn.weights.pretrained import load_pretrained_weights
from tests.helpers.html_page import HtmlPage

RESULT = {
    "command": "mnistcnn train --data digits --seed 7",
    "versions": {"mnistcnn": "0.1", "keras": "3.99"},
    "data": {"source": "digits", "reason": "as requested", "train": 1442, "test": 355},
    "recipe": mnistcnn.recipes.FAST.to_dict(),
    "seed": 7,
    "training_seconds": 12.5,
    "history": {"loss": [0.9, 0.4], "accuracy": [0.7, 0.9]},
    "model": "bestmodel.keras",
}


@pytest.fixture
def training_run(tmp_path, network):
    """Write a model and the result.json of its training run; return the path of the model."""

    def write(**changes):
        folder = tmp_path / "run"
        folder.mkdir()
        save_model(network, folder / "bestmodel.keras")
        (folder / "result.json").write_text(json.dumps({**RESULT, **changes}))
        return "run/bestmodel.keras"

    return write


@pytest.fixture
def undrawn_plots(monkeypatch):
    """Skip the drawing of plots, which takes most of the time."""

    def plot_image(figure, alt):
        return {"source": "data:,", "dark": "data:,", "width": 1, "height": 1, "alt": alt}

    monkeypatch.setattr(page_module, "plot_image", plot_image)


def report(*arguments, output="report.html"):
    assert main(["report", *arguments, "--data", "digits", "--output", output]) == 0
    return HtmlPage(Path(output).read_text(encoding="utf-8"))


def has_history(page):
    return any(image["alt"].startswith("Training history") for image in page.all("img"))


def test_the_page_describes_model_training_and_command(training_run, network, xy, capsys):
    page = report(training_run())
    result = mnistcnn.evaluate(network, *xy)
    for text in (
        f"The model classifies {result.num_correct:,} of 355 test images of digits correctly.",
        "mnistcnn train --data digits --seed 7", "name fast, epochs 1", "digits, 1442 images",
        "mnistcnn 0.1, keras 3.99", "12.5", "learning_rate", f"mnistcnn {mnistcnn.__version__}",
        "mnistcnn report run/bestmodel.keras --data digits --output report.html",
    ):  # fmt: skip
        assert text in page.text, text
    assert has_history(page)
    size = Path("report.html").stat().st_size
    assert capsys.readouterr().out.endswith(f"report.html: {size:,} bytes\n")


@pytest.mark.usefixtures("undrawn_plots")
def test_texts_of_result_json_are_escaped(training_run):
    script = '<script>alert("1")</script>'
    model = training_run(
        command=script, seed=script, versions={script: script},
        recipe={"name": script, "epochs": {script: script}}, training_seconds=script,
        data={"source": script, "train": script},
    )  # fmt: skip
    page = report(model)
    assert not page.all("script")
    assert page.text.count(script) >= 9


@pytest.mark.usefixtures("undrawn_plots")
def test_a_result_json_of_another_model_is_ignored(training_run, tmp_path):
    page = report(training_run(model="another.keras"), output="a.html")
    assert "Unknown: the folder of the model file contains no result.json" in page.text
    assert not has_history(page)
    (tmp_path / "run/result.json").unlink()
    without = report("run/bestmodel.keras", output="b.html")
    assert without.text == page.text.replace("a.html", "b.html")


@pytest.mark.usefixtures("undrawn_plots")
def test_a_result_json_may_lack_values(training_run):
    page = report(training_run(seed=None, recipe=3, versions=[], data=None))
    assert "none (not reproducible)" in page.text
    assert "Complete recipe" not in page.text


def test_pretrained_weights_are_described_by_their_manifest(tmp_path, capsys):
    assert main(["report", "best", "--data", "digits", "--json", "--output", "new/b.html"]) == 0
    result = json.loads(capsys.readouterr().out)
    page = HtmlPage((tmp_path / "new/b.html").read_text(encoding="utf-8"))
    manifest = load_pretrained_weights("best").manifest
    for text in ("Pretrained weights: best", manifest.command, manifest.commit, "mnist, 60000 images",
                 "augmentation.rotation 8.0", f"Seed {manifest.seed}"):  # fmt: skip
        assert text in page.text, text
    assert result["bytes"] == (tmp_path / "new/b.html").stat().st_size
    assert result["test"]["num_images"] == 355
    assert result["path"] == "new/b.html"


def test_a_failure_leaves_the_existing_page(training_run, tmp_path, capsys, monkeypatch):
    model = training_run()
    (tmp_path / "report.html").write_text("existing")

    def fail(*arguments, **options):
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(page_module, "_calibration_bins", fail)
        arguments = ["--data", "digits", "--output", "report.html"]
        assert main(["report", model, *arguments]) == 1
    assert capsys.readouterr().err == "mnistcnn: disk full\n"
    assert (tmp_path / "report.html").read_text() == "existing"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "run"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "run/result.json must be JSON; received "),
        ('{"model": "bestmodel.keras", "history": {"loss": []}}', "run/result.json: history must hold loss and accuracy of at least one epoch"),
    ],
)  # fmt: skip
def test_a_damaged_result_json_is_rejected_before_the_data_is_loaded(
    content, message, training_run, tmp_path, capsys
):
    model = training_run()
    (tmp_path / "run/result.json").write_text(content)
    assert main(["report", model, "--data", "absent.npz"]) == 1
    assert capsys.readouterr().err.startswith(f"mnistcnn: {message}")


def test_arguments_are_checked(capsys):
    assert main(["report", "best", "--output", "a.pdf"]) == 1
    expected = "mnistcnn: --output must end in .html or .htm; received 'a.pdf'\n"
    assert capsys.readouterr().err == expected
    assert main(["report", "absent.keras"]) == 1
    assert capsys.readouterr().err.startswith("mnistcnn: MODEL must be an existing file or one of ")
