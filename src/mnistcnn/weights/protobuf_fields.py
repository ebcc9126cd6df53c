"""Counting the fields of a protobuf message before it is parsed.

A field of two bytes, such as an empty node of an ONNX graph, takes about 200 bytes of memory in a
parsed message, and a byte of a list of integers takes eight, so that a file of 16 MB could take
more than a gigabyte.
"""

from __future__ import annotations

from typing import Any

# A network of a thousand operators has about 20,000.
MAX_FIELDS = 100_000
# Shapes and indices; weights are stored as bytes or floats.
MAX_INTEGER_BYTES = 4 << 20
_MAX_VARINT_BYTES = 10
_VARINT, _FIXED_64, _LENGTH, _FIXED_32 = 0, 1, 2, 5  # wire types


def check_num_fields(content: bytes, descriptor: Any) -> None:
    """Check that a message and those in it have few fields, whatever else is wrong with them.

    Parameters
    ----------
    content : bytes
        The serialized message.
    descriptor : google.protobuf.descriptor.Descriptor
        Its type.

    Raises
    ------
    ValueError
        If there are more than `MAX_FIELDS` fields, lists of integers take more than
        `MAX_INTEGER_BYTES`, or the end of a field can't be found.
    """
    num_fields = num_integer_bytes = 0
    messages = [(0, len(content), descriptor)]
    while messages:
        position, end, message = messages.pop()
        fields = message.fields_by_number
        while position < end:
            num_fields += 1
            if num_fields > MAX_FIELDS:
                raise ValueError(f"it must have at most {MAX_FIELDS:,} fields; it has more")
            tag, position = _varint(content, position)
            start, position = _value(content, position, tag & 7)
            if position > end:
                raise ValueError(f"the field at byte {start:,} must end in its message")
            field = fields.get(tag >> 3)
            if tag & 7 != _LENGTH or field is None:
                continue
            if field.message_type is not None:
                messages.append((start, position, field.message_type))
            elif field.type not in (field.TYPE_BYTES, field.TYPE_STRING, field.TYPE_FLOAT):
                num_integer_bytes += position - start
                if num_integer_bytes > MAX_INTEGER_BYTES:
                    raise ValueError(
                        f"its lists of integers must take at most {MAX_INTEGER_BYTES:,} bytes; "
                        "they take more"
                    )


def _value(content: bytes, position: int, wire_type: int) -> tuple[int, int]:
    """Return where the value of a field begins and ends."""
    if wire_type == _LENGTH:
        length, start = _varint(content, position)
        return start, start + length
    if wire_type == _VARINT:
        return position, _varint(content, position)[1]
    if wire_type in (_FIXED_32, _FIXED_64):
        return position, position + (4 if wire_type == _FIXED_32 else 8)
    raise ValueError(f"the field at byte {position:,} must have a known type")


def _varint(content: bytes, position: int) -> tuple[int, int]:
    """Return an integer of variable length, and where it ends."""
    value = 0
    for i in range(_MAX_VARINT_BYTES):
        if position >= len(content):
            raise ValueError("it must be complete; it ends in a field")
        byte = content[position]
        position += 1
        value |= (byte & 127) << 7 * i
        if byte < 128:
            return value, position
    raise ValueError(f"the integer before byte {position:,} must end")
