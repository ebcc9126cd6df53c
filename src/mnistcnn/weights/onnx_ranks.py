"""Bounds of the number of dimensions of the tensors in an ONNX graph, before shapes are inferred.

Shape inference allocates memory for each dimension of each tensor. With `Reshape`, `Gather` and
`Concat`, a small file could let their number double with each operator.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from onnx import GraphProto, NodeProto

from mnistcnn.utils.text import quote

_MAX_RANK = 32
# Of tensors that are joined, if their sizes do not depend on the images.
_MAX_JOINED_ELEMENTS = 1 << 20
_MANY = 1 << 62  # larger products may be too large for a float
_KEEP_ELEMENTS = frozenset(
    "Cast Flatten Identity Reshape Slice Split Squeeze Transpose Unsqueeze".split()  # noqa: SIM905
)


def check_ranks(graph: GraphProto) -> None:
    """Raise ``ValueError`` if a tensor of a graph may have more than 32 dimensions.

    The operators must be those that `check_network` accepts.
    """
    bounds = _Bounds()
    for tensor in graph.initializer:
        bounds.add(tensor.name, len(tensor.dims), _product(tensor.dims))
    for value in (*graph.input, *graph.output, *graph.value_info):
        rank = len(value.type.tensor_type.shape.dim)
        # An input may have an initializer as its default.
        bounds.add(value.name, rank, bounds.num_elements.get(value.name, math.inf))
    for node in graph.node:
        bounds.add_outputs(node)


class _Bounds:
    """Upper bounds of the number of dimensions and of elements of each tensor by name."""

    def __init__(self) -> None:
        self.ranks: dict[str, float] = {}
        self.num_elements: dict[str, float] = {}
        self._num_joined: float = 0

    def add(self, name: str, rank: float, num_elements: float) -> None:
        if rank > _MAX_RANK:
            shown = quote(name if isinstance(name, str) else repr(name), limit=40)
            raise ValueError(
                f"a tensor of the network must have at most {_MAX_RANK} dimensions; {shown} may "
                f"have {'more' if math.isinf(rank) else int(rank)}"
            )
        self.ranks[name], self.num_elements[name] = rank, num_elements

    def add_outputs(self, node: NodeProto) -> None:
        """Add the outputs of a node, whose inputs must be known."""
        names = [name for name in node.input if name]
        for name in names:
            if name not in self.ranks:
                raise ValueError(
                    "the operators of the network must follow those that produce their inputs; "
                    f"{quote(name, limit=40)} is not known before"
                )
        ranks = [self.ranks[name] for name in names] or [0]
        counts = [self.num_elements[name] for name in names] or [math.inf]
        rank, count = self._rank(node, ranks, counts), self._count(node, ranks, counts)
        if node.op_type == "Constant":
            rank, count = _constant(node)
        for name in node.output:
            self.add(name, rank, count)

    def _rank(self, node: NodeProto, ranks: list[float], counts: list[float]) -> float:
        attributes = {attribute.name: attribute for attribute in node.attribute}
        kind = node.op_type
        if kind in ("Shape", "Size"):
            return 1
        if kind == "Gather":
            return max(ranks[0] + ranks[-1] - 1, 0)
        if kind == "GatherND":
            return ranks[0] + ranks[-1]
        if kind == "Einsum":
            return len(attributes["equation"].s) if "equation" in attributes else math.inf
        for changing, attribute, base in (("Reshape", "shape", 0), ("Unsqueeze", "axes", ranks[0])):
            if kind == changing:  # by an input, or in earlier versions of ONNX by an attribute
                by_input = counts[1] if len(counts) > 1 else 0
                by_attribute = len(attributes[attribute].ints) if attribute in attributes else 0
                return base + max(by_input, by_attribute)
        return max(ranks)

    def _count(self, node: NodeProto, ranks: list[float], counts: list[float]) -> float:
        kind = node.op_type
        if kind in ("Shape", "Size"):
            return ranks[0] if kind == "Shape" else 1
        if kind in _KEEP_ELEMENTS:
            return counts[0]
        if kind == "Gather" and ranks[0] <= 1:
            return counts[-1]
        if kind == "Concat":
            return self._joined(counts)
        if kind == "Pad":
            return math.inf
        return max(counts) if max(ranks) <= 1 else _product(counts)

    def _joined(self, counts: list[float]) -> float:
        total = sum(counts)
        self._num_joined += 0 if math.isinf(total) else total
        if self._num_joined > _MAX_JOINED_ELEMENTS:
            raise ValueError(
                f"the network must join tensors of at most {_MAX_JOINED_ELEMENTS:,} elements "
                "that do not depend on the images; it joins more"
            )
        return total


def _constant(node: NodeProto) -> tuple[float, float]:
    """Return the number of dimensions and of elements of the output of ``Constant``."""
    rank: float = 0
    count: float = 0
    for attribute in node.attribute:
        dims = attribute.t.dims if attribute.HasField("t") else attribute.sparse_tensor.dims
        values = max(len(attribute.ints), len(attribute.floats), len(attribute.strings))
        rank = max(rank, len(dims), bool(values))
        count = max(count, _product(dims), values)
    return rank, count


def _product(sizes: Iterable[float]) -> float:
    product: float = 1
    for size in sizes:
        product *= size
        if abs(product) > _MANY:
            return math.inf
    return max(product, 0)
