"""The sentence that names a library which is not installed."""

import subprocess
import sys

import pytest

from mnistcnn.cli.main import main
from mnistcnn.utils import requirements
from mnistcnn.utils.requirements import MissingLibraryError, explain, require, with_extra


def test_a_missing_library_is_named_with_its_install_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    expected = "^train needs Keras and TensorFlow: pip install mnistcnn$"
    with pytest.raises(MissingLibraryError, match=expected) as caught:
        require("train", "keras")
    assert isinstance(caught.value, ModuleNotFoundError)
    assert caught.value.name == "keras"
    require("train", "numpy")


@pytest.mark.parametrize(
    ("module", "library"),
    [
        ("keras", "Keras and TensorFlow"),
        ("tensorflow.python", "Keras and TensorFlow"),
        ("matplotlib", "Matplotlib"),
        ("sklearn", "scikit-learn"),
    ],
)
def test_an_import_error_is_explained(module, library):
    missing = explain("this", ModuleNotFoundError("No module", name=module))
    assert str(missing) == f"this needs {library}: pip install mnistcnn"
    assert explain("that", missing) is missing


@pytest.mark.parametrize("name", [None, "some_module", "kerasify"])
def test_other_import_errors_are_left_as_they_are(name):
    assert explain("this", ModuleNotFoundError("No module", name=name)) is None


@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        (["mnistcnn"], "mnistcnn[pdf]"),
        (["mnistcnn-slim"], "mnistcnn-slim[pdf]"),
        (["mnistcnn", "mnistcnn-slim"], "mnistcnn[pdf]"),
        ([], "mnistcnn[pdf]"),  # not installed, but on the path
    ],
)
def test_an_extra_is_added_to_the_installed_distribution(installed, expected, monkeypatch):
    def version(name):
        if name not in installed:
            raise requirements.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(requirements, "version", version)
    assert with_extra("pdf") == expected


WITHOUT = """
import sys
sys.modules.update(dict.fromkeys(["keras", "tensorflow", "matplotlib", "sklearn", "scipy"]))
"""


def test_public_names_say_what_they_need():
    code = f"""{WITHOUT}
import mnistcnn
for name in mnistcnn.__all__:
    try:
        getattr(mnistcnn, name)
    except ModuleNotFoundError as error:
        print(error)
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    lines = result.stdout.splitlines()
    assert "train needs Keras and TensorFlow: pip install mnistcnn" in lines
    assert "plot_history needs Matplotlib: pip install mnistcnn" in lines
    assert "DigitClassifier needs scikit-learn: pip install mnistcnn" in lines
    # The rest works, so this is what mnistcnn-slim lacks.
    names = {line.split()[0] for line in lines}
    assert names == {
        "DigitClassifier", "build_model", "default_callbacks", "export_model", "load_model",
        "load_pretrained", "plot_activations", "plot_calibration", "plot_confusion_matrix",
        "plot_digits", "plot_filters", "plot_history", "plot_misclassified", "plot_reading",
        "plot_saliency", "train", "write_report",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("module", "arguments", "expected"),
    [
        ("keras", ["train"], "train needs Keras and TensorFlow"),
        ("keras", ["sweep", "--seeds", "2"], "sweep needs Keras and TensorFlow"),
        ("keras", ["export", "best", "a.onnx"], "export needs Keras and TensorFlow"),
        ("matplotlib", ["plot", "filters", "best"], "plot needs Matplotlib"),
        ("matplotlib", ["evaluate", "best", "-o", "out"], "--output needs Matplotlib"),
        ("matplotlib", ["read", "a.png", "--boxes", "b.png"], "--boxes needs Matplotlib"),
        ("matplotlib", ["data", "digits", "--contact-sheet", "c.png"], "--contact-sheet needs"),
        ("sklearn", ["data", "digits"], "the dataset 'digits' needs scikit-learn"),
    ],
)
def test_commands_say_what_they_need_in_one_line(module, arguments, expected, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, module, None)
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"mnistcnn: {expected}")
    assert error.endswith(": pip install mnistcnn\n")
    assert error.count("\n") == 1
