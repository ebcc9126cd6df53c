"""A reader of the subset of HDF5 that Keras writes, in pure Python.

The HDF5 library trusts its input: a few changed bytes can make it loop forever, exhaust the
memory or crash, and a file can make it load plug-ins. This module implements only the structures
in Keras' files, after the "HDF5 File Format Specification Version 3.0": superblock version 0 or
1, object headers of version 1, groups as symbol tables or compact links, and contiguous or
compact datasets. The number of structures visited is limited, so reading always terminates.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnistcnn.errors import CorruptFileError
from mnistcnn.utils.text import quote

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
# Header message types.
_DATASPACE, _LINK_INFO, _DATATYPE, _LINK, _EXTERNAL_FILES = 0x01, 0x02, 0x03, 0x06, 0x07
_LAYOUT, _CONTINUATION, _SYMBOL_TABLE = 0x08, 0x10, 0x11
_UNDEFINED_ADDRESS = 2**64 - 1
_SHARED_FLAG = 2
_SOFT_LINK_CACHE = 2
_COMPACT, _CONTIGUOUS = 0, 1  # layout classes
# A model with its optimizer has a few hundred structures, one of a thousand layers 40,000.
MAX_STRUCTURES = 60_000
_MAX_NAME_BYTES = 1024
_MAX_SHOWN_CHARS = 40
# IEEE floats by bit offset, precision, exponent location and size, mantissa location and size,
# and exponent bias.
_FLOATS = {
    (0, 16, 10, 5, 0, 10, 15): "f2",
    (0, 32, 23, 8, 0, 23, 127): "f4",
    (0, 64, 52, 11, 0, 52, 1023): "f8",
}
_INTEGER_CLASS, _FLOAT_CLASS = 0, 1
_INTEGER_SIZES = (1, 2, 4, 8)


class _Message(NamedTuple):
    type: int
    flags: int
    content: bytes


class Hdf5Reader:
    """A reader of one HDF5 file in memory. Objects are identified by their addresses.

    Every method raises `CorruptFileError` for a structure that Keras does not write, and may
    raise almost any exception if the file is damaged.

    Parameters
    ----------
    content : bytes
        The file.
    max_structures : int, optional
        Number of structures to visit before the file is rejected.
    """

    def __init__(self, content: bytes, *, max_structures: int = MAX_STRUCTURES) -> None:
        if not content.startswith(_SIGNATURE):
            raise ValueError("it must start with the HDF5 signature")
        self._content = content
        self._visited, self._max_structures = 0, max_structures
        version, sizes = content[8], content[13:15]
        if version > 1 or sizes != b"\x08\x08":
            raise CorruptFileError(
                "the HDF5 superblock must have version 0 or 1 and 8-byte offsets, as Keras writes "
                f"it; received version {version}. Load the file with Keras and save it again"
            )
        offset = 24 + 4 * version
        base, _, end = self._unpack(offset, "QQQ")
        if base != 0 or end > len(content):
            raise ValueError(f"it must be {end:,} bytes long; received {len(content):,}")
        (self.root,) = self._unpack(offset + 40, "Q")

    def is_group(self, address: int) -> bool:
        """Return whether the object at `address` is a group."""
        types = {message.type for message in self._messages(address)}
        return not types.isdisjoint((_SYMBOL_TABLE, _LINK_INFO, _LINK))

    def members(self, group: int) -> Iterator[tuple[str, int | None]]:
        """Yield name and address of each member of a group; the address of a link is ``None``."""
        for message in self._messages(group):
            if message.type == _SYMBOL_TABLE:
                tree, heap = struct.unpack_from("<QQ", message.content)
                (names,) = self._unpack(self._expect(heap, b"HEAP") + 24, "Q")
                yield from self._symbol_table(tree, names)
            elif message.type == _LINK:
                yield _parse_link(message.content)
            elif message.type == _LINK_INFO:
                has_creation_order = message.content[1] & 1
                (heap,) = struct.unpack_from("<Q", message.content, 2 + 8 * has_creation_order)
                if heap != _UNDEFINED_ADDRESS:
                    raise CorruptFileError("groups must not store their links in a fractal heap")

    def array(self, address: int, name: str) -> NDArray[Any]:
        """Return the array of numbers in the dataset at `address`; errors call it `name`."""
        shown = quote(name, limit=_MAX_SHOWN_CHARS)
        types = (_DATASPACE, _DATATYPE, _LAYOUT, _EXTERNAL_FILES)
        messages = {m.type: m for m in self._messages(address) if m.type in types}
        if _EXTERNAL_FILES in messages:
            raise CorruptFileError(f"arrays must be stored in the file; {shown} is external")
        required = [messages.get(type_) for type_ in types[:3]]
        if None in required or any(m.flags & _SHARED_FLAG for m in required if m):
            raise CorruptFileError(f"{shown} must be a dataset; received another object")
        dataspace, datatype, layout = (message.content for message in required if message)
        shape, dtype = _parse_dataspace(dataspace), _parse_datatype(datatype)
        if dtype is None:
            raise CorruptFileError(f"{shown} must be integers or floats")
        version, layout_class = layout[:2]
        size = math.prod(shape) * dtype.itemsize
        if version == 3 and layout_class == _CONTIGUOUS:
            offset, stored = struct.unpack_from("<QQ", layout, 2)
            # A dataset without data has no address.
            content, offset = (self._content, offset) if offset != _UNDEFINED_ADDRESS else (b"", 0)
        elif version == 3 and layout_class == _COMPACT:
            (stored,) = struct.unpack_from("<H", layout, 2)
            content, offset = layout, 4
        else:
            raise CorruptFileError(
                f"datasets must be contiguous or compact, as Keras writes them; {shown} is chunked "
                "or virtual. Load the file with Keras and save it again"
            )
        if stored != size or offset + size > len(content):
            raise ValueError(f"{shown} must take {size:,} bytes; received {stored:,}")
        return np.frombuffer(content, dtype, math.prod(shape), offset).reshape(shape)

    def _unpack(self, offset: int, format_: str) -> tuple[int, ...]:
        return struct.unpack_from(f"<{format_}", self._content, offset)

    def _count_structure(self) -> None:
        self._visited += 1
        if self._visited > self._max_structures:
            raise CorruptFileError(
                f"the file must have at most {self._max_structures:,} structures"
            )

    def _expect(self, offset: int, signature: bytes) -> int:
        self._count_structure()
        received = self._content[offset : offset + len(signature)]
        if received != signature:
            raise ValueError(f"byte {offset:,} must start {signature!r}; received {received!r}")
        return offset

    def _messages(self, address: int) -> Iterator[_Message]:
        """Yield the messages of an object header and of its continuation blocks."""
        version, _, _, _, size = self._unpack(address, "BBHII")
        if version != 1:
            raise ValueError(f"the object header at {address:,} must have version 1")
        blocks = [(address + 16, size)]
        while blocks:
            offset, size = blocks.pop(0)
            end = offset + size
            while offset + 8 <= end:
                self._count_structure()
                type_, length, flags = self._unpack(offset, "HHB")
                content = self._content[offset + 8 : offset + 8 + length]
                if len(content) != length:
                    raise ValueError(f"the message at {offset:,} must have {length:,} bytes")
                if type_ == _CONTINUATION:
                    blocks.append(struct.unpack_from("<QQ", content))
                else:
                    yield _Message(type_, flags, content)
                offset += 8 + length

    def _symbol_table(self, tree: int, names: int) -> Iterator[tuple[str, int | None]]:
        """Yield the entries of a symbol table, a B-tree with them in its leaves."""
        stack = [tree]
        while stack:
            node = stack.pop()
            if self._content[node : node + 4] == b"SNOD":
                self._count_structure()
                yield from self._entries(node, names)
                continue
            node_type, _, count = self._unpack(self._expect(node, b"TREE") + 4, "BBH")
            if node_type != 0:
                raise ValueError(f"the B-tree node at {node:,} must be of a group")
            children = [self._unpack(node + 32 + 16 * i, "Q")[0] for i in range(count)]
            stack += reversed(children)
            if len(stack) > self._max_structures:
                raise ValueError(f"the B-tree at {tree:,} must have fewer nodes")

    def _entries(self, leaf: int, names: int) -> Iterator[tuple[str, int | None]]:
        (count,) = self._unpack(leaf + 6, "H")
        for i in range(count):
            self._count_structure()
            name_offset, address, cache_type = self._unpack(leaf + 8 + 40 * i, "QQI")
            start = names + name_offset
            end = self._content.index(b"\0", start, start + _MAX_NAME_BYTES)
            name = self._content[start:end].decode(errors="replace")
            yield name, None if cache_type == _SOFT_LINK_CACHE else address


def _parse_link(content: bytes) -> tuple[str, int | None]:
    """Return name and address of a link message; only a hard link has an address."""
    version, flags = content[:2]
    if version != 1:
        raise ValueError(f"a link message must have version 1; received {version}")
    offset, link_type = 2, 0
    if flags & 8:
        offset, link_type = 3, content[2]
    offset += 8 * bool(flags & 4) + bool(flags & 16)
    width = 1 << (flags & 3)
    length = int.from_bytes(content[offset : offset + width], "little")
    offset += width
    name = content[offset : offset + length].decode(errors="replace")
    if link_type != 0:
        return name, None
    (address,) = struct.unpack_from("<Q", content, offset + length)
    return name, address


def _parse_dataspace(content: bytes) -> tuple[int, ...]:
    version, ndim = content[:2]
    if version not in (1, 2) or ndim > 32:
        raise ValueError(f"a dataspace must have version 1 or 2; received {version}")
    return struct.unpack_from(f"<{ndim}Q", content, 8 if version == 1 else 4)


def _parse_datatype(content: bytes) -> np.dtype[Any] | None:
    """Return the dtype of integers and IEEE floats, and ``None`` for any other datatype."""
    datatype_class, flags = content[0] & 15, content[1]
    (size,) = struct.unpack_from("<I", content, 4)
    code: str | None = None
    if datatype_class == _FLOAT_CLASS and not flags & 0x40:
        code = _FLOATS.get(struct.unpack_from("<HHBBBBI", content, 8))
        if code is None or int(code[1]) != size:
            return None
    elif datatype_class == _INTEGER_CLASS and size in _INTEGER_SIZES:
        if struct.unpack_from("<HH", content, 8) != (0, 8 * size):  # offset and number of bits
            return None
        code = f"{'i' if flags & 8 else 'u'}{size}"
    return None if code is None else np.dtype(f"{'>' if flags & 1 else '<'}{code}")
