"""Mutations of the bytes of a file, for fuzzing; a random generator makes every choice."""

from __future__ import annotations

import functools
import random
import re

# Boundary values of integer fields of any width.
_INTEGERS = (0, 1, 2**7, 2**8 - 1, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1)
_TEXTS = (
    b"NaN", b"-1", b"1e999", b"9" * 30, b"9" * 400, b"null", b"true", b'""', b"[]", b"{}",
    b"[" * 2000, b'{"a":' * 500, b"../../canary", b"/canary", b"%s%n", b"\xff\xfe", b"\0" * 64,
    b"A" * 5000,
)  # fmt: skip


def mutate(content: bytes, rng: random.Random) -> bytes:
    """Return a copy of the content with one to six edits, of which at most one is a flood."""
    data = bytearray(content)
    mutators = _MUTATORS
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        mutator = rng.choice(mutators)
        mutator(data, rng, content)
        if mutator is _flood:
            mutators = _SMALL_MUTATORS  # so that the file stays small
    return bytes(data)


def _flip_bit(data: bytearray, rng: random.Random, original: bytes) -> None:
    if data:
        data[_position(data, rng, original)] ^= 1 << rng.randrange(8)


def _set_byte(data: bytearray, rng: random.Random, original: bytes) -> None:
    if data:
        data[_position(data, rng, original)] = rng.choice((0, 0x7F, 0x80, 0xFF, 0x2F, 0x5B))


def _integer(data: bytearray, rng: random.Random, original: bytes) -> None:
    at, width = _position(data, rng, original), rng.choice((2, 4, 8))
    value = rng.choice(_INTEGERS) % 256**width
    data[at : at + width] = value.to_bytes(width, rng.choice(("little", "big")))


def _insert_bytes(data: bytearray, rng: random.Random, original: bytes) -> None:
    at = _position(data, rng, original)
    data[at:at] = bytes(rng.randrange(256) for _ in range(rng.choice((1, 2, 4, 16))))


def _insert_text(data: bytearray, rng: random.Random, original: bytes) -> None:
    """Insert a text, or replace a match or number by it."""
    at = _position(data, rng, original)
    match = re.compile(rb"[\w.+-]+").search(data, at, at + 60)
    first, last = match.span() if match and rng.random() < 0.7 else (at, at)
    data[first:last] = rng.choice(_TEXTS)


def _repeat_slice(data: bytearray, rng: random.Random, original: bytes) -> None:
    at, other = _position(data, rng, original), _position(data, rng, original)
    data[at:at] = data[other : other + rng.choice((1, 8, 100, 4000))]


def _flood(data: bytearray, rng: random.Random, original: bytes) -> None:
    """Repeat a few bytes, such as a chunk, a comment or a table entry, up to 100,000 times."""
    at, other = _position(data, rng, original), _position(data, rng, original)
    count = rng.choice((10, 1000, 30_000, 100_000))
    data[at:at] = data[other : other + rng.choice((1, 2, 4, 12, 20))] * count


def _delete_slice(data: bytearray, rng: random.Random, original: bytes) -> None:
    at = _position(data, rng, original)
    del data[at : at + rng.choice((1, 2, 8, 64, 4096))]


def _truncate(data: bytearray, rng: random.Random, _: bytes) -> None:
    """Truncate to nothing, near a power of two, near the end, or anywhere."""
    length = len(data)
    power = 1 << rng.randrange(max(length.bit_length(), 1))
    lengths = (0, power - 1, power, power + 1, length - 1, length - 2, length - 16, length // 2)
    del data[min(max(rng.choice((*lengths, rng.randint(0, length))), 0), length) :]


_SMALL_MUTATORS = (
    _flip_bit,
    _set_byte,
    _integer,
    _integer,
    _insert_bytes,
    _insert_text,
    _repeat_slice,
    _delete_slice,
    _truncate,
)
_MUTATORS = (*_SMALL_MUTATORS, _flood)


def _position(data: bytearray, rng: random.Random, original: bytes) -> int:
    """Return a position near either end, near a name, where structure is likely, or anywhere."""
    length = len(data)
    if not length:
        return 0
    names = _name_positions(original)
    kind = rng.randrange(4 if names else 3)
    if kind == 0:
        at = rng.randrange(min(64, length))
    elif kind == 1:
        at = length - 1 - rng.randrange(min(64, length))
    elif kind == 2:
        at = rng.randrange(length)
    else:
        at = rng.choice(names) + rng.randint(-16, 24)
    return min(max(at, 0), length - 1)


@functools.lru_cache(maxsize=128)
def _name_positions(original: bytes) -> tuple[int, ...]:
    return tuple(match.start() for match in re.finditer(rb"[\w./:\" -]{4,}", original))
