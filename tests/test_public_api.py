"""The public API: one list, equal in the stub, the package and the docs."""

import ast
import inspect
import pathlib
import pickle

import pytest

import mnistcnn

ROOT = pathlib.Path(__file__).parents[1]
NAMES = [
    "recipes",
    "load_data",
    "Dataset",
    "Split",
    "preprocess",
    "write_sheet",
    "read_sheet",
    "SheetBox",
    "SheetReading",
    "build_model",
    "load_model",
    "load_pretrained",
    "default_callbacks",
    "train",
    "Evaluation",
    "evaluate",
    "MisclassifiedImages",
    "CalibrationCurve",
    "Calibration",
    "calibrate",
    "Comparison",
    "compare",
    "DigitClassifier",
    "Sweep",
    "SweepRun",
    "SweepSummary",
    "sweep",
    "Recognizer",
    "Digit",
    "Reading",
    "Sign",
    "export_model",
    "plot_history",
    "plot_calibration",
    "plot_confusion_matrix",
    "plot_digits",
    "plot_misclassified",
    "plot_activations",
    "plot_filters",
    "plot_saliency",
    "plot_reading",
    "write_report",
    "CorruptFileError",
    "DataUnavailableError",
    "PatternMismatchError",
    "WorkerLostError",
]


def stub_names():
    tree = ast.parse(pathlib.Path(mnistcnn.__file__).with_suffix(".pyi").read_text())
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return [alias.asname for node in imports for alias in node.names]


def test_the_public_names():
    assert stub_names() == NAMES
    assert sorted(mnistcnn.__all__) == sorted(NAMES)
    assert set(NAMES) <= set(dir(mnistcnn))


def test_every_public_name_is_on_a_reference_page():
    pages = "\n".join(path.read_text() for path in (ROOT / "docs/reference").glob("*.md"))
    missing = [name for name in NAMES if f"mnistcnn.{name}\n" not in pages]
    assert not missing


@pytest.mark.parametrize("name", [name for name in NAMES if name != "recipes"])
def test_every_public_object_reports_the_public_path(name):
    value = getattr(mnistcnn, name)
    assert value.__module__ == "mnistcnn"
    assert pickle.loads(pickle.dumps(value)) is value


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_has_a_docstring(name):
    docstring = inspect.getdoc(getattr(mnistcnn, name))
    assert docstring
    assert len(docstring.splitlines()[0]) < 100


@pytest.mark.parametrize(
    "name", [name for name in NAMES if name[0].islower() and name != "recipes"]
)
def test_functions_take_options_by_keyword_and_document_each(name):
    function = getattr(mnistcnn, name)
    parameters = inspect.signature(function).parameters.values()
    assert not [p for p in parameters if p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    optional = [p for p in parameters if p.default is not p.empty]
    positional = [p.name for p in optional if p.kind is not p.KEYWORD_ONLY]
    assert positional in ([], ["source"], ["labels"], ["y"], ["name"], ["filepath"])
    text = inspect.getdoc(function)
    undocumented = [p.name for p in parameters if f"{p.name} : " not in text and p.name not in text]
    assert not undocumented
    for section in ("Parameters", "Returns", "Raises", "Examples"):
        assert f"{section}\n---" in text


@pytest.mark.parametrize(
    "name",
    ["__init__", "predict_proba", "predict", "predict_proba_batches", "predict_batches", "read"],
)
def test_the_recognizer_takes_options_by_keyword_and_documents_each(name):
    method = getattr(mnistcnn.Recognizer, name)
    documented = mnistcnn.Recognizer if name == "__init__" else method
    parameters = list(inspect.signature(method).parameters.values())[1:]
    assert not [p for p in parameters if p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    positional = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]
    assert positional in (["weights"], ["images"], ["batches"], ["picture"])
    assert all(p.default is not p.empty for p in parameters if p.kind is p.KEYWORD_ONLY)
    text = inspect.getdoc(documented)
    assert not [p.name for p in parameters if f"{p.name} : " not in text]
    assert "Raises\n---" in text


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        mnistcnn.no_such_name  # noqa: B018  # the attribute access itself is tested
