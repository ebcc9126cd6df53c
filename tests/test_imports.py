"""Imports between subpackages run one way; CONTRIBUTING.md shows the order."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mnistcnn

PACKAGE = Path(mnistcnn.__file__).parent

# What each subpackage or root module may import at the top of a module.
MAY_IMPORT = {
    "public": set(),
    "types": set(),
    "errors": set(),
    "utils": {"types", "errors"},
    "backend": {"utils"},
    "recipes": {"utils"},
    "images": {"types", "errors", "utils"},
    "data": {"types", "errors", "utils", "images"},
    "sheets": {"types", "errors", "utils", "images", "data"},
    "weights": {"types", "errors", "utils", "recipes", "data"},
    "models": {"types", "errors", "utils", "recipes", "data", "weights", "backend"},
    "ocr": {"types", "errors", "utils", "images", "data", "weights"},
    "evaluation": {"types", "errors", "utils", "data"},
    "training": {"types", "errors", "utils", "recipes", "data", "weights", "models", "backend"},
    "export": {"types", "errors", "utils", "data", "weights", "models", "backend"},
    "plotting": {"types", "errors", "utils", "images", "data", "evaluation", "ocr"},
}
MAY_IMPORT["estimators"] = MAY_IMPORT["training"] | {"training", "evaluation"}
MAY_IMPORT["report"] = MAY_IMPORT["plotting"] | {"plotting", "weights", "recipes"}
MAY_IMPORT["sweeps"] = MAY_IMPORT["evaluation"] | {"evaluation", "recipes"}
MAY_IMPORT["serve"] = MAY_IMPORT["ocr"] | {"ocr"}
MAY_IMPORT["cli"] = set(MAY_IMPORT)
MAY_IMPORT["__main__"] = {"cli"}
for _below in MAY_IMPORT.values():
    _below.update({"public", "notebook"})
MAY_IMPORT["public"] = MAY_IMPORT["notebook"] = set()
# Imported inside functions only, so that results and plots load without Keras.
INSIDE_FUNCTIONS = {
    "evaluation": {"models", "backend", "ocr"},  # a Recognizer needs no Keras
    "plotting": {"models", "backend"},
    "report": {"models", "backend"},
    "sweeps": {"models", "training", "backend"},
}
WITHOUT_KERAS = (
    "types",
    "errors",
    "utils",
    "recipes",
    "images",
    "data",
    "sheets",
    "weights",
    "ocr",
    "serve",
)
ROOMS = sorted(
    path.stem
    for path in PACKAGE.iterdir()
    if (path.is_dir() and (path / "__init__.py").is_file())
    or (path.suffix == ".py" and path.stem != "__init__")
)


def modules_of(room):
    path = PACKAGE / room
    return sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]


def public_rooms():
    """Map each public name to the subpackage that defines it, for ``from mnistcnn import name``."""
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text())
    return {
        alias.name: (node.module or alias.name).split(".")[0]
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def imported_rooms(node):
    """Return the subpackages that an import statement names."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names if alias.name.startswith("mnistcnn.")]
        return {name.split(".")[1] for name in names}
    if not isinstance(node, ast.ImportFrom) or (node.module or "").split(".")[0] != "mnistcnn":
        return set()
    if node.module != "mnistcnn":
        return {node.module.split(".")[1]}
    public = public_rooms()
    return {public.get(alias.name, alias.name) for alias in node.names}


def imports_of(path):
    """Return the subpackages that a module imports at its top, and inside functions."""
    tree = ast.parse(path.read_text())
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
    }
    top, lazy = set(), set()
    for node in ast.walk(tree):
        (lazy if id(node) in inside else top).update(imported_rooms(node))
    return top, lazy


def test_every_subpackage_has_a_place_in_the_order():
    assert set(ROOMS) == set(MAY_IMPORT)


@pytest.mark.parametrize("room", ROOMS)
def test_a_subpackage_imports_only_what_lies_below_it(room):
    allowed = MAY_IMPORT[room] | {room}
    for path in modules_of(room):
        top, lazy = imports_of(path)
        assert top <= allowed, path
        assert lazy <= allowed | INSIDE_FUNCTIONS.get(room, set()), path


def test_the_order_has_no_cycle():
    placed = set()
    while len(placed) < len(MAY_IMPORT):
        free = {room for room, below in MAY_IMPORT.items() if below - {room} <= placed} - placed
        assert free
        placed |= free


@pytest.mark.parametrize("room", WITHOUT_KERAS)
def test_no_module_imports_keras_or_tensorflow(room):
    for path in modules_of(room):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            roots = {name.split(".")[0] for name in names}
            assert not roots & {"keras", "tensorflow", "tf_keras"}, path


def test_only_http_client_opens_a_connection():
    for path in PACKAGE.rglob("*.py"):
        if path.relative_to(PACKAGE) != Path("data/http_client.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                else:
                    names = [getattr(node, "module", None) or ""]
                roots = {name.split(".")[0] for name in names}
                assert not roots & {"requests", "urllib", "urllib3", "http", "pooch"}, path


def test_a_subpackage_init_holds_a_docstring_only():
    for path in PACKAGE.rglob("__init__.py"):
        if path.parent != PACKAGE:
            (statement,) = ast.parse(path.read_text()).body
            assert isinstance(statement, ast.Expr)


def test_no_module_imports_a_private_name_of_another():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mnistcnn"):
                private = [alias.name for alias in node.names if alias.name.startswith("_")]
                assert not private, path


def test_no_function_has_more_than_60_lines_of_code():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                docstring = ast.get_docstring(node) is not None
                first = node.body[1] if docstring and len(node.body) > 1 else node.body[0]
                assert node.end_lineno - first.lineno + 1 <= 60, f"{path}: {node.name}"


HEAVY = ["tensorflow", "keras", "matplotlib", "sklearn", "scipy", "requests", "h5py", "PIL"]


def loaded_by(statements):
    """Return the modules that a new process has loaded after some statements."""
    code = f"import sys; {statements}; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stderr == ""
    return set(result.stdout.split())


def test_importing_the_package_loads_nothing_heavy():
    assert not loaded_by("import mnistcnn").intersection(HEAVY)


def test_data_results_and_the_recognizer_load_neither_keras_nor_tensorflow():
    loaded = loaded_by(
        "import mnistcnn; mnistcnn.load_data('digits'); mnistcnn.preprocess([[[0] * 28] * 28]);"
        "mnistcnn.recipes.BASELINE; mnistcnn.Evaluation; mnistcnn.compare; mnistcnn.plot_history;"
        "mnistcnn.plot_digits; mnistcnn.plot_calibration; mnistcnn.plot_filters;"
        "mnistcnn.Reading; mnistcnn.plot_reading; mnistcnn.CorruptFileError;"
        "mnistcnn.Recognizer().predict([[[0] * 28] * 28])"
    )
    assert not loaded.intersection(["tensorflow", "keras", "requests", "h5py"])
