"""The little of HDF5 that Keras writes, read in Python.

HDF5's own library is some hundred thousand lines of C that trust a file: a few changed bytes
make it loop, fill the memory or worse, and it can load code for what a file asks for. The arrays
of a network need none of that. Here are the structures that Keras' files consist of, as the "HDF5
File Format Specification Version 3.0" describes them: a superblock of version 0 or 1, object
headers of version 1, groups as symbol tables or lists of links, and arrays that lie in one piece.
Every structure that is visited counts against a limit, so no file is walked without end.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnistcnn.errors import CorruptFileError

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_DATASPACE, _LINK_INFO, _DATATYPE, _LINK, _ELSEWHERE = 0x01, 0x02, 0x03, 0x06, 0x07
_LAYOUT, _CONTINUATION, _SYMBOL_TABLE = 0x08, 0x10, 0x11
_UNDEFINED_ADDRESS = 2**64 - 1
_SHARED = 2
_SOFT = 2
_COMPACT, _CONTIGUOUS = 0, 1
# A network with its optimizer has a few hundred structures.
_MAX_STRUCTURES = 20_000
_MAX_NAME = 1024
_MAX_ERROR_CHARS = 80
# How IEEE's numbers are described: bit offset, precision, exponent, mantissa, bias.
_FLOATS = {
    (0, 16, 10, 5, 0, 10, 15): "f2",
    (0, 32, 23, 8, 0, 23, 127): "f4",
    (0, 64, 52, 11, 0, 52, 1023): "f8",
}
_FLOAT_CLASS = 1


class _Message(NamedTuple):
    kind: int
    flags: int
    content: bytes


class Hdf5Reader:
    """A file in memory; an object in it is known by its address.

    Raises
    ------
    CorruptFileError
        If what is asked for is elsewhere, or stored as Keras does not store it.
    Exception
        Almost any, if the file is damaged.
    """

    def __init__(self, content: bytes) -> None:
        if not content.startswith(_SIGNATURE):
            raise ValueError("it must begin as an HDF5 file does")
        self._content = content
        self._visited = 0
        version, sizes = content[8], content[13:15]
        if version > 1 or sizes != b"\x08\x08":
            raise CorruptFileError(
                "the file must be in the layout that Keras writes, with a superblock of version "
                f"0; it has version {version}. Load it with Keras and save it again"
            )
        at = 24 + 4 * version
        base, _, end = self._numbers(at, "QQQ")
        if base != 0 or end > len(content):
            raise ValueError(f"it must hold {end:,} bytes; it holds {len(content):,}")
        (self.root,) = self._numbers(at + 40, "Q")

    def is_group(self, address: int) -> bool:
        """Tell whether the object there is a group."""
        kinds = {message.kind for message in self._messages(address)}
        return not kinds.isdisjoint((_SYMBOL_TABLE, _LINK_INFO, _LINK))

    def members(self, group: int) -> Iterator[tuple[str, int | None]]:
        """Give name and address of each member of a group; ``None`` for one that is a link."""
        for message in self._messages(group):
            if message.kind == _SYMBOL_TABLE:
                tree, heap = struct.unpack_from("<QQ", message.content)
                (names,) = self._numbers(self._expect(heap, b"HEAP") + 24, "Q")
                yield from self._symbols(tree, names)
            elif message.kind == _LINK:
                yield _link(message.content)
            elif message.kind == _LINK_INFO:
                counted = message.content[1] & 1
                (heap,) = struct.unpack_from("<Q", message.content, 2 + 8 * counted)
                if heap != _UNDEFINED_ADDRESS:
                    raise CorruptFileError("the file must list the members of its groups plainly")

    def array(self, address: int, name: str) -> NDArray[Any]:
        """Return the array of floats there; its bytes must lie in one piece."""
        wanted = (_DATASPACE, _DATATYPE, _LAYOUT, _ELSEWHERE)
        messages = {one.kind: one for one in self._messages(address) if one.kind in wanted}
        shown = repr(name[:_MAX_ERROR_CHARS])
        if _ELSEWHERE in messages:
            raise CorruptFileError(f"the file must hold its arrays itself; {shown} is elsewhere")
        parts = [messages.get(kind) for kind in wanted[:3]]
        if None in parts or any(part.flags & _SHARED for part in parts if part):
            raise CorruptFileError(f"{shown} must be an array; it is something else")
        space, kind, layout = (part.content for part in parts if part)
        shape, dtype = _shape(space), _dtype(kind)
        if dtype is None:
            raise CorruptFileError(f"{shown} must be floats of 16, 32 or 64 bits")
        version, how = layout[:2]
        size = math.prod(shape) * dtype.itemsize
        if version == 3 and how == _CONTIGUOUS:
            at, stored = struct.unpack_from("<QQ", layout, 2)
            content, at = (self._content, at) if at != _UNDEFINED_ADDRESS else (b"", 0)
        elif version == 3 and how == _COMPACT:
            (stored,) = struct.unpack_from("<H", layout, 2)
            content, at = layout, 4
        else:
            raise CorruptFileError(
                f"the file must keep its arrays in one piece, as Keras does; {shown} is in chunks "
                "or elsewhere. Load it with Keras and save it again"
            )
        if stored != size or at + size > len(content):
            raise ValueError(f"{shown} must take {size:,} bytes; it takes {stored:,}")
        return np.frombuffer(content, dtype, math.prod(shape), at).reshape(shape)

    def _numbers(self, at: int, kinds: str) -> tuple[int, ...]:
        return struct.unpack_from(f"<{kinds}", self._content, at)

    def _visit(self) -> None:
        self._visited += 1
        if self._visited > _MAX_STRUCTURES:
            raise CorruptFileError(f"the file must hold at most {_MAX_STRUCTURES:,} structures")

    def _expect(self, at: int, signature: bytes) -> int:
        self._visit()
        found = self._content[at : at + len(signature)]
        if found != signature:
            raise ValueError(f"at {at:,} it must hold {signature!r}; it holds {found!r}")
        return at

    def _messages(self, address: int) -> Iterator[_Message]:
        """Give the messages of an object header, and of the blocks that go on with it."""
        version, _, _, _, size = self._numbers(address, "BBHII")
        if version != 1:
            raise ValueError(f"at {address:,} it must hold an object header of version 1")
        blocks = [(address + 16, size)]
        while blocks:
            at, size = blocks.pop(0)
            end = at + size
            while at + 8 <= end:
                self._visit()
                kind, length, flags = self._numbers(at, "HHB")
                content = self._content[at + 8 : at + 8 + length]
                if len(content) != length:
                    raise ValueError(f"at {at:,} it must hold {length:,} more bytes")
                if kind == _CONTINUATION:
                    blocks.append(struct.unpack_from("<QQ", content))
                else:
                    yield _Message(kind, flags, content)
                at += 8 + length

    def _symbols(self, tree: int, names: int) -> Iterator[tuple[str, int | None]]:
        """Give the entries of a symbol table: a tree whose leaves list them."""
        waiting = [tree]
        while waiting:
            node = waiting.pop()
            if self._content[node : node + 4] == b"SNOD":
                self._visit()
                yield from self._entries(node, names)
                continue
            kind, _, used = self._numbers(self._expect(node, b"TREE") + 4, "BBH")
            if kind != 0:
                raise ValueError(f"at {node:,} it must hold the tree of a group")
            children = [self._numbers(node + 32 + 16 * i, "Q")[0] for i in range(used)]
            waiting += reversed(children)
            if len(waiting) > _MAX_STRUCTURES:
                raise ValueError(f"at {node:,} it must hold a tree of fewer branches")

    def _entries(self, leaf: int, names: int) -> Iterator[tuple[str, int | None]]:
        (count,) = self._numbers(leaf + 6, "H")
        for i in range(count):
            self._visit()
            offset, address, cached = self._numbers(leaf + 8 + 40 * i, "QQI")
            first = names + offset
            last = self._content.index(b"\0", first, first + _MAX_NAME)
            name = self._content[first:last].decode(errors="replace")
            yield name, None if cached == _SOFT else address


def _link(content: bytes) -> tuple[str, int | None]:
    """Return name and address of a link message; only a hard link has an address."""
    version, flags = content[:2]
    if version != 1:
        raise ValueError(f"a link must be of version 1; it is of version {version}")
    at, kind = 2, 0
    if flags & 8:
        at, kind = 3, content[2]
    at += 8 * bool(flags & 4) + bool(flags & 16)
    width = 1 << (flags & 3)
    length = int.from_bytes(content[at : at + width], "little")
    at += width
    name = content[at : at + length].decode(errors="replace")
    if kind != 0:
        return name, None
    (address,) = struct.unpack_from("<Q", content, at + length)
    return name, address


def _shape(content: bytes) -> tuple[int, ...]:
    version, ndim = content[:2]
    if version not in (1, 2) or ndim > 32:
        raise ValueError(f"a dataspace must be of version 1 or 2; received {version}")
    return struct.unpack_from(f"<{ndim}Q", content, 8 if version == 1 else 4)


def _dtype(content: bytes) -> np.dtype[Any] | None:
    """Return the dtype of floats as IEEE has them, and ``None`` for all else."""
    kind, order = content[0] & 15, content[1]
    if kind != _FLOAT_CLASS or order & 0x40:
        return None
    (size,) = struct.unpack_from("<I", content, 4)
    known = _FLOATS.get(struct.unpack_from("<HHBBBBI", content, 8))
    if known is None or int(known[1]) != size:
        return None
    return np.dtype(f"{'>' if order & 1 else '<'}{known}")
