"""The example programs: their output, their files and their pages in the gallery."""

import pathlib
import re
import runpy
from types import SimpleNamespace

import numpy as np
import pytest

import mnistcnn
from mnistcnn.cli.fields import load_fields
from tests.helpers.examples import EXAMPLES, example_with

ROOT = pathlib.Path(__file__).parents[2]
gallery = SimpleNamespace(**runpy.run_path(str(ROOT / "docs/_ext/gallery.py")))


@pytest.fixture
def run(tmp_path_factory, capsys):
    def run(name, **constants):
        path = tmp_path_factory.mktemp("examples") / name
        path.write_text(example_with(name, **constants))
        runpy.run_path(str(path), run_name="__main__")
        return capsys.readouterr().out

    return run


def percentages(text):
    return [float(number) for number in re.findall(r"([\d.]+)%", text)]


def test_every_example_is_tested_and_listed():
    readme = (EXAMPLES / "README.md").read_text()
    tests = pathlib.Path(__file__).read_text()
    for path in EXAMPLES.glob("*.py"):
        assert f"`{path.name}`" in readme
        assert f'run("{path.name}"' in tests


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_every_example_has_a_title_sections_and_a_figure_for_the_gallery(path, tmp_path):
    title, underline, *_ = path.read_text().removeprefix('"""\n').splitlines()
    assert underline == "=" * len(title)
    assert path.read_text().count("\n# %%\n") >= 2
    assert ".savefig(" in path.read_text()
    assert path.name in {
        copy.name for copy in pathlib.Path(gallery.copy_examples(tmp_path)).iterdir()
    }


def test_gallery_has_the_order_of_the_readme():
    names = re.findall(r"^\| `(\w+\.py)`", (EXAMPLES / "README.md").read_text(), re.MULTILINE)
    assert sorted(names, key=gallery.sort_key) == names
    assert len(names) == len(list(EXAMPLES.glob("*.py")))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_examples_run_in_a_notebook_so_they_read_no_arguments(path):
    assert not re.search(r"argparse|sys\.argv|__file__", path.read_text())


def test_baseline_pipeline(run, tmp_path):
    output = run("baseline_pipeline.py", **{"DATA, EPOCHS": '"digits", 1'})
    assert output.startswith("1442 training images, 355 test images")
    assert "Epoch" not in output
    assert "accuracy " in output
    assert sorted(path.name for path in (tmp_path / "pipeline").iterdir()) == [
        "bestmodel.keras", "confusion_matrix.png", "history.png"
    ]  # fmt: skip


@pytest.mark.slow
def test_custom_data(run, tmp_path):
    output = run("custom_data.py", EPOCHS=1)
    assert len(list((tmp_path / "my-digits").iterdir())) == 4
    assert "1442 training images, 355 test images" in output
    assert "accuracy " in output
    assert (tmp_path / "samples.png").stat().st_size > 5_000


@pytest.mark.slow
def test_own_network(run, tmp_path):
    output = run("own_network.py")
    assert percentages(output)[0] > 90
    assert re.search(r"^[A-Z] read as [A-Z]: \d+$", output, re.MULTILINE)
    assert re.search("^read: [A-Z]{5}$", output, re.MULTILINE)
    names = ["confusions.png", "letters.keras", "letters.onnx", "letters.png"]
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == names


@pytest.mark.slow
def test_calibration(run, tmp_path):
    output = run("calibration.py")
    before, after = re.findall(r"accuracy ([\d.]+)%, loss ([\d.]+), .* ([\d.]+)%", output)
    assert before[0] == after[0]
    assert float(after[1]) < float(before[1])
    assert float(after[2]) < float(before[2]) / 2
    names = ["calibrated.keras", "calibration.png"]
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == names


@pytest.mark.slow
def test_scikit_learn(run, tmp_path):
    output = run("scikit_learn.py")
    assert re.search(r"^cross-validation: [\d.]+% ± [\d.]+%$", output, re.MULTILINE)
    assert "best parameters: {" in output
    assert min(percentages(output)) >= 0
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["learning_curve.png"]


@pytest.mark.slow
def test_saliency(run, tmp_path):
    output = run("saliency.py")
    assert "misclassified" in output
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [
        "predicted.png", "true.png"
    ]  # fmt: skip


@pytest.mark.slow
def test_custom_callback(run, tmp_path):
    output = run("custom_callback.py", EPOCHS=6, TARGET=0.5)
    assert "target reached" in output
    lines = (tmp_path / "history.csv").read_text().splitlines()
    assert 1 < len(lines) < 7


def test_read_image(run, tmp_path, digits):
    first, *lines = run("read_image.py").splitlines()[:4]
    true = "".join(str(label) for label in digits.test.labels[:24])
    assert first == "saved page.png"
    assert [len(line) for line in lines] == [8, 8, 8]
    assert sum(a == b for a, b in zip("".join(lines), true, strict=True)) >= 21
    assert (tmp_path / "reading.png").stat().st_size > 10_000


def test_read_form(run, tmp_path):
    first, *fields, second, third = run("read_form.py").splitlines()
    assert (first, second, third) == (
        "saved form.png",
        "saved fields.json",
        "saved form-reading.png",
    )
    texts = [re.sub(r" \(\d+%\)$", "", line) for line in fields]
    assert texts == ["invoice: 48213", "date: 17.06.2024", "amount: 1299.50"]
    assert [field.name for field in load_fields(tmp_path / "fields.json")] == [
        "invoice",
        "date",
        "amount",
    ]
    assert (tmp_path / "form-reading.png").stat().st_size > 10_000


def test_reject_low_confidence(run, tmp_path):
    output = run("reject_low_confidence.py")
    coverages, error_rates = zip(
        *re.findall(r"([\d.]+)% accepted, error rate ([\d.]+)%", output), strict=True
    )
    assert len(coverages) == 3
    # A lower threshold accepts more predictions, and more of them are wrong.
    assert sorted(coverages, key=float) == list(coverages)
    assert sorted(error_rates, key=float) == list(error_rates)
    for name in ("risk_coverage.png", "rejected.png"):
        assert (tmp_path / name).stat().st_size > 5_000


@pytest.mark.slow
def test_clean_vs_degraded(run):
    best, robust = map(percentages, run("clean_vs_degraded.py").splitlines())
    assert best[0] > 90
    assert all(a > b for a, b in zip(robust[1:], best[1:], strict=True))


@pytest.mark.slow
def test_augmentation(run):
    plain, augmented = map(percentages, run("augmentation.py").splitlines())
    assert min(plain[0], augmented[0]) > 90
    assert augmented[4] > plain[4] + 30


@pytest.mark.slow
def test_read_many_pictures(run, tmp_path):
    import pyarrow.dataset

    def rows():
        table = pyarrow.dataset.dataset("readings/parts").to_table().sort_by("path")
        return table.to_pylist()

    output = run("read_many_pictures.py")
    assert output.startswith("16 pictures read, in 4 parts\n16 pictures, of which 1 could not be")
    first = rows()
    assert [pathlib.Path(row["path"]).name for row in first] == [f"{n:02}.png" for n in range(16)]
    counts = [row["num_digits"] for row in first]
    assert counts.pop(7) is None
    assert set(counts) <= {4, 5}  # of five digits each
    assert "undamaged image" in first[7]["error"]
    assert [row["error"] for row in first].count(None) == 15
    expected = mnistcnn.Recognizer(num_threads=1).read("pictures/00.png")
    assert first[0]["text"] == expected.text
    assert first[0]["probability"] == pytest.approx(expected.probability, rel=1e-4)

    # A second run reads what is missing only, and leaves out pictures that were added.
    (tmp_path / "readings/parts/part-00000002.parquet").unlink()
    (tmp_path / "pictures/99.png").write_bytes(b"")
    assert run("read_many_pictures.py").startswith("5 pictures read, in 1 parts\n")
    assert rows() == first
    assert run("read_many_pictures.py").startswith("16 pictures, of which 1")

    (tmp_path / "others").mkdir()
    with pytest.raises(ValueError, match=r"^readings must hold readings of others; it holds those"):
        run("read_many_pictures.py", SOURCE='"others"')


@pytest.mark.slow
def test_locations_may_have_a_scheme_as_buckets_do(run, tmp_path):
    run("read_many_pictures.py")
    source, output = (f'"file://{tmp_path}/{name}"' for name in ("pictures", "out/readings"))
    text = run("read_many_pictures.py", SOURCE=source, OUTPUT=output)
    assert text.startswith("16 pictures read")
    assert len(list((tmp_path / "out/readings/parts").iterdir())) == 4


def test_onnx_inference(run, tmp_path):
    output = run("onnx_inference.py")
    size, accuracy = re.search(r"digits\.onnx: (\d+) KiB\naccuracy: ([\d.]+)%", output).groups()
    assert int(size) == round((tmp_path / "digits.onnx").stat().st_size / 1024)
    assert float(accuracy) > 90


@pytest.mark.slow
def test_batch_inference(run, tmp_path):
    output = run("batch_inference.py", NUM_IMAGES=4500)
    count = re.fullmatch(r"4,500 images, ([\d,]+) with low confidence\n", output)[1]
    (digits, _), _ = mnistcnn.load_data("digits")
    ids = np.arange(4500)
    contrast = 0.4 + ids * 7 % 61 / 100
    images = digits[ids % len(digits)] * contrast[:, np.newaxis, np.newaxis]
    confidences = mnistcnn.Recognizer().predict_proba(images.astype(np.uint8)).max(axis=1)
    assert int(count.replace(",", "")) == np.count_nonzero(confidences < 0.9) > 0
    assert (tmp_path / "batch_inference.png").stat().st_size > 5_000
