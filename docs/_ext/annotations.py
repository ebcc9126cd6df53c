"""Show annotations as the source writes them.

At run time an alias such as ``ArrayLike`` is the long union it stands for, and
``keras.Model`` is known by the private module it lives in. Handing Sphinx the text of
the annotations, and `autodoc_type_aliases` to read it by, keeps signatures short.
"""

import ast
import inspect
import sys
from functools import cached_property
from types import FunctionType
from typing import Any

import mnistcnn


class _Simplified(ast.NodeTransformer):
    """Take quotes away, and the element type from ``NDArray[...]``."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:  # noqa: N802  # ast's name
        return ast.parse(node.value, mode="eval").body if isinstance(node.value, str) else node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:  # noqa: N802
        name = node.value.id if isinstance(node.value, ast.Name) else ""
        if name == "NDArray":
            return node.value
        # The strings of a Literal are values, not types.
        return node if name == "Literal" else self.generic_visit(node)


def _text(annotation: ast.expr) -> str:
    return ast.unparse(_Simplified().visit(annotation))


def _definitions(module: str) -> dict[str, ast.FunctionDef | ast.ClassDef]:
    """Return the module's functions, classes and methods; the last of a name counts."""
    found: dict[str, ast.FunctionDef | ast.ClassDef] = {}
    for node in ast.parse(inspect.getsource(sys.modules[module])).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        if isinstance(node, ast.ClassDef):
            for member in node.body:
                if isinstance(member, ast.FunctionDef):
                    found[f"{node.name}.{member.name}"] = member
    return found


def _of_function(node: ast.FunctionDef) -> dict[str, str]:
    arguments = [*node.args.args, *node.args.kwonlyargs]
    pairs = [(argument.arg, argument.annotation) for argument in arguments]
    return {
        name: _text(annotation)
        for name, annotation in [*pairs, ("return", node.returns)]
        if annotation is not None
    }


def _of_fields(node: ast.ClassDef) -> dict[str, str]:
    return {
        member.target.id: _text(member.annotation)
        for member in node.body
        if isinstance(member, ast.AnnAssign) and isinstance(member.target, ast.Name)
    }


def _members(cls: type) -> list[FunctionType]:
    found = []
    for member in vars(cls).values():
        inner = member.func if isinstance(member, cached_property) else member
        inner = getattr(inner, "fget", None) or getattr(inner, "__func__", None) or inner
        if isinstance(inner, FunctionType):
            found.append(inner)
    return found


def _prepare(app: Any) -> None:  # noqa: ARG001  # Sphinx's signature
    public = [getattr(mnistcnn, name) for name in mnistcnn.__all__]
    public += [mnistcnn.recipes.Recipe, mnistcnn.recipes.find]
    for value in public:
        if not isinstance(value, FunctionType | type):
            continue
        definitions = _definitions(value.__module__)
        if isinstance(value, FunctionType):
            value.__annotations__ = _of_function(definitions[value.__name__])  # type: ignore[arg-type]
            continue
        fields = _of_fields(definitions[value.__name__])  # type: ignore[arg-type]
        for member in _members(value):
            node = definitions.get(f"{value.__name__}.{member.__name__}")
            if isinstance(node, ast.FunctionDef):
                member.__annotations__ = _of_function(node)
            elif member.__name__ in ("__init__", "__new__"):  # made from the fields
                member.__annotations__ = dict(fields)


def setup(app: Any) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("builder-inited", _prepare)
    return {"parallel_read_safe": True}
