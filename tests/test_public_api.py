"""The public surface: one list, held in the stub, the package and the docs alike."""

import ast
import inspect
import pathlib
import subprocess
import sys

import pytest

import mnistcnn

ROOT = pathlib.Path(__file__).parents[1]
NAMES = [
    "recipes",
    "load_data",
    "Dataset",
    "Split",
    "preprocess",
    "build_model",
    "load_model",
    "load_pretrained",
    "default_callbacks",
    "train",
    "Evaluation",
    "evaluate",
    "Mistakes",
    "Reliability",
    "Comparison",
    "compare",
    "Sweep",
    "SweepFigures",
    "SweepRun",
    "sweep",
    "Recognizer",
    "ReadDigit",
    "Reading",
    "export_model",
    "plot_confusion_matrix",
    "plot_history",
    "plot_digits",
    "plot_mistakes",
    "plot_reliability",
    "plot_activations",
    "plot_filters",
    "plot_reading",
    "CorruptFileError",
    "DataUnavailableError",
    "WorkerLostError",
]


def stub_names():
    tree = ast.parse(pathlib.Path(mnistcnn.__file__).with_suffix(".pyi").read_text())
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return [alias.asname for node in imports for alias in node.names]


def test_the_public_names_are_these():
    assert stub_names() == NAMES
    assert sorted(mnistcnn.__all__) == sorted(NAMES)
    assert set(NAMES) <= set(dir(mnistcnn))


def test_every_name_is_on_a_reference_page():
    pages = "\n".join(path.read_text() for path in (ROOT / "docs/reference").glob("*.md"))
    missing = [name for name in NAMES if f"mnistcnn.{name}\n" not in pages]
    assert not missing


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_documented(name):
    documented = inspect.getdoc(getattr(mnistcnn, name))
    assert documented
    assert len(documented.splitlines()[0]) < 100


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
        mnistcnn.no_such_name  # noqa: B018  # the look-up itself is the test


HEAVY = ["tensorflow", "keras", "matplotlib", "sklearn", "scipy", "requests", "h5py", "PIL"]


def loaded_by(statement):
    code = f"import sys; {statement}; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stderr == ""
    return set(result.stdout.split())


def test_importing_the_package_loads_nothing_heavy():
    assert not loaded_by("import mnistcnn").intersection(HEAVY)


def test_the_ground_stays_off_keras_and_tensorflow():
    """Data, preprocessing, recipes, results, shipped arrays and ONNX need neither Keras nor TensorFlow."""
    loaded = loaded_by(
        "import mnistcnn; mnistcnn.load_data('digits'); mnistcnn.preprocess([[[0] * 28] * 28]);"
        "mnistcnn.recipes.BASELINE; mnistcnn.Evaluation; mnistcnn.compare; mnistcnn.plot_history;"
        "mnistcnn.Recognizer; mnistcnn.Reading; mnistcnn.plot_reading;"
        "mnistcnn.plot_digits; mnistcnn.plot_calibration; mnistcnn.plot_filters;"
        "mnistcnn.CorruptFileError; from mnistcnn.weights.pretrained import load_pretrained_weights;"
        "weights = load_pretrained_weights('best').weights(calibrated=True);"
        "from mnistcnn.weights.onnx_file import to_onnx; from mnistcnn.weights.onnx_file import from_onnx; from_onnx(to_onnx(weights))"
    )
    assert not loaded.intersection(["tensorflow", "keras", "requests", "h5py"])


GROUND = {
    "__init__", "_types", "_checks", "_errors", "_files", "_formats", "_glyphs", "_digits",
    "_download", "_data", "_preprocessing", "_settings", "_stream", "_manifest", "_assets", "recipes",
    "_about", "_archives", "_arrays", "_hdf5", "_onnx", "_portable", "_quiet", "_run_file", "_runtimes",
}  # fmt: skip
READING = {
    "_pictures", "_ink", "_surface", "_ruling", "_parts", "_layout", "_candidates", "_cutting", "_likeness", "_imaging", "_reading",
    "_recognition", "_detector",
}  # fmt: skip
# Need no training; evaluate reaches up inside.
RESULTS = {
    "_intervals", "_reliability", "_mistakes", "_tally", "_evaluation", "_evaluation_text", "_evaluating", "_comparison",
    "_plotting", "_mosaic", "_plot_digits", "_plot_reliability", "_plot_layers", "_plot_reading", "_report",
}  # fmt: skip
COMMAND = {
    "_cli", "_cli_results", "_cluster", "_commands", "_command_tools", "_command_read", "_command_evaluate",
    "_command_plot", "_command_report", "_command_sweep", "_command_train", "__main__",
}  # fmt: skip


def own_imports(module):
    """Which modules of the package a module imports at its top."""
    found = set()
    for node in ast.parse(module.read_text()).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mnistcnn"):
            inner = node.module.removeprefix("mnistcnn").removeprefix(".")
            found |= {inner} if inner else {alias.name for alias in node.names}
    return found


def test_imports_run_one_way():
    modules = {path.stem: own_imports(path) for path in (ROOT / "src/mnistcnn").glob("*.py")}
    assert set(modules) >= GROUND | READING | RESULTS | COMMAND
    training = set(modules) - GROUND - READING - RESULTS - COMMAND
    for name in GROUND:
        assert modules[name] <= GROUND, name
    for name in READING:
        assert modules[name] <= GROUND | READING, name
    for name in RESULTS:
        assert modules[name] <= GROUND | READING | RESULTS, name
    for name in training:
        assert modules[name] <= GROUND | RESULTS | training, name


def test_only_the_download_knows_the_network():
    for path in (ROOT / "src/mnistcnn").glob("*.py"):
        text = path.read_text()
        if path.stem != "_download":
            assert "pooch" not in text or path.stem == "_data", path
            assert "requests" not in text, path
            assert "https://" not in text, path
