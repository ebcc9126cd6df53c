"""Regular expressions over digits and punctuation, as automata of bounded size.

Python's `re` tells whether a text matches, not which of many uncertain texts is the most probable
one that does, and its parser is private. Libraries that convert regular expressions to automata
determinize them, which takes exponential time and memory for some expressions. Glushkov's
automaton has one state for each character of the expression, and needs no determinization.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NoReturn

from mnistcnn.utils.text import quote

# The symbols of a number; a set of symbols is an integer whose bit i stands for symbol i.
ALPHABET = "0123456789.,-"
DIGITS = (1 << 10) - 1
PUNCTUATION = (1 << len(ALPHABET)) - 1 - DIGITS
PUNCTUATION_MARKS = ALPHABET[10:]

# Of the expression with each repetition written out, so that matching takes bounded time.
MAX_CHARACTERS = 256
_MAX_EXPRESSION_CHARS = 1000
_MAX_DEPTH = 20
_SYNTAX = r"digits, \d, '\.', ',', '-', [...], (...), |, ?, *, + and {m,n}"
_QUANTIFIERS = ("?", "*", "+", "{")


@dataclass(frozen=True)
class Automaton:
    """A nondeterministic finite automaton.

    State 0 is the start. Each other state stands for one character of the expression, and is
    entered by a symbol that this character matches. A set of states is an integer whose bit i
    stands for state i.

    Parameters
    ----------
    symbols : tuple of int
        For each state, the symbols that enter it.
    successors : tuple of int
        For each state, the states that may follow.
    accepting : int
        The states in which a text may end.
    """

    symbols: tuple[int, ...]
    successors: tuple[int, ...]
    accepting: int


def compile_expression(expression: str) -> Automaton:
    r"""Return the automaton of the texts that match a regular expression as a whole.

    Parameters
    ----------
    expression : str
        In Python's syntax, with digits, ``\d``, ``\.``, ``,``, ``-``, classes such as ``[0-3]``,
        groups, ``|``, ``?``, ``*``, ``+`` and ``{m,n}``. ``^`` at the beginning and ``$`` at the
        end have no effect. A negated class such as ``[^0]`` matches digits only.

    Raises
    ------
    ValueError
        If `expression` has other syntax, or more than 256 characters when each repetition is
        written out.

    Notes
    -----
    The construction is Glushkov's (V. M. Glushkov, "The abstract theory of automata", Russian
    Mathematical Surveys 16, 1961).
    """
    return _Parser(expression).parse()


def fixed_length(length: int) -> Automaton:
    """Return the automaton of the texts of `length` digits."""
    return Automaton(
        symbols=(0, *[DIGITS] * length),
        successors=(*[2 << state for state in range(length)], 0),
        accepting=1 << length,
    )


def members(values: int) -> Iterator[int]:
    """Yield the elements of a set, given as an integer."""
    while values:
        lowest = values & -values
        yield lowest.bit_length() - 1
        values ^= lowest


@dataclass(frozen=True)
class _Fragment:
    """Part of an expression; its characters have the numbers in ``range(start, end)``."""

    start: int
    end: int
    # Characters with which a match may begin and end, and whether an empty text matches.
    first: int = 0
    last: int = 0
    nullable: bool = True


class _Parser:
    """A recursive descent parser that builds the automaton of each part as it reads it."""

    def __init__(self, expression: str) -> None:
        self._expression = expression
        if len(expression) > _MAX_EXPRESSION_CHARS:
            raise ValueError(
                f"pattern must be at most {_MAX_EXPRESSION_CHARS} characters long; "
                f"received {len(expression):,}"
            )
        self._end = len(expression)
        self._position = 0
        self._depth = 0
        # For each character of the expression, its symbols and the characters that may follow.
        self._symbols: list[int] = []
        self._followers: list[int] = []

    def parse(self) -> Automaton:
        if self._peek() == "^":
            self._position += 1
        if self._expression.endswith("$") and not self._expression.endswith(r"\$"):
            self._end -= 1
        fragment = self._alternatives()
        if self._position < self._end:
            self._fail("open each group that it closes")  # only ")" ends the alternatives
        return Automaton(
            symbols=(0, *self._symbols),
            successors=(fragment.first << 1, *[characters << 1 for characters in self._followers]),
            accepting=(fragment.last << 1) | fragment.nullable,
        )

    def _alternatives(self) -> _Fragment:
        result = self._sequence()
        while self._peek() == "|":
            self._position += 1
            other = self._sequence()
            result = _Fragment(
                result.start,
                other.end,
                result.first | other.first,
                result.last | other.last,
                result.nullable or other.nullable,
            )
        return result

    def _sequence(self) -> _Fragment:
        result = self._empty()
        while self._peek() not in ("", "|", ")"):
            result = self._concatenate(result, self._repeated())
        return result

    def _repeated(self) -> _Fragment:
        fragment = self._atom()
        if self._peek() not in _QUANTIFIERS:
            return fragment
        low, high = self._quantifier()
        if self._peek() in _QUANTIFIERS:
            self._fail("not repeat a repetition")
        return self._repeat(fragment, low, high)

    def _atom(self) -> _Fragment:
        character = self._next()
        if character == "(":
            return self._group()
        if character == "[":
            return self._character(self._class())
        if character == ".":
            self._fail(r"contain a point as '\.'")
        if character == "\\":
            return self._character(self._escape())
        if character not in ALPHABET:
            self._fail(f"consist of {_SYNTAX}", character)
        return self._character(1 << ALPHABET.index(character))

    def _group(self) -> _Fragment:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            self._fail(f"nest at most {_MAX_DEPTH} groups")
        if self._peek() == "?":
            self._position += 1
            if self._next() != ":":
                self._fail("have groups of the forms (...) and (?:...)")
        fragment = self._alternatives()
        if self._next() != ")":
            self._fail("close each group")
        self._depth -= 1
        return fragment

    def _escape(self) -> int:
        character = self._next()
        if character == "d":
            return DIGITS
        if not character or character not in ".,-":
            self._fail(f"consist of {_SYNTAX}", f"\\{character}")
        return 1 << ALPHABET.index(character)

    def _class(self) -> int:
        negated = self._peek() == "^"
        self._position += negated
        result = 0
        is_first = True
        while (character := self._next()) != "]" or is_first:
            if character == "\\":
                result |= self._escape()
            elif character == "-" and not is_first and self._peek() != "]":
                self._fail("have '-' first or last in a class, or between two digits")
            elif character and character in ALPHABET:
                result |= self._range(ALPHABET.index(character))
            elif character:
                self._fail(r"have digits, \d, '.', ',' and '-' in a class", character)
            else:
                self._fail("close each class")
            is_first = False
        result = DIGITS & ~result if negated else result
        if not result:
            self._fail("allow a digit or punctuation in each class")
        return result

    def _range(self, first: int) -> int:
        """Return a symbol of a class, or the range that begins with it."""
        following = self._expression[self._position + 1 : self._position + 2]
        if first >= 10 or self._peek() != "-" or following not in ALPHABET[:10] or not following:
            return 1 << first
        self._position += 2
        last = int(following)
        if last < first:
            self._fail("have ranges in ascending order", f"{first}-{last}")
        return (1 << (last + 1)) - (1 << first)

    def _quantifier(self) -> tuple[int, int | None]:
        """Return how often to repeat, at least and at most."""
        character = self._next()
        if character != "{":
            return {"?": (0, 1), "*": (0, None), "+": (1, None)}[character]
        low, comma, high = self._until_brace().partition(",")
        bounds = [_to_count(text) for text in (low, high if comma else low)]
        if not (low or high) or any(bound is None for bound in bounds):
            self._fail("have repetitions of the forms {m}, {m,}, {,n} and {m,n}")
        minimum, maximum = int(low or 0), int(high) if high else None
        if not comma:
            maximum = minimum
        if maximum is not None and maximum < minimum:
            self._fail("have repetitions {m,n} with m at most n", f"{{{low},{high}}}")
        if max(minimum, maximum or 0) > MAX_CHARACTERS:
            self._fail(f"repeat at most {MAX_CHARACTERS} times")
        return minimum, maximum

    def _until_brace(self) -> str:
        end = self._expression.find("}", self._position, self._end)
        if end < 0:
            self._fail("close each '{'")
        text = self._expression[self._position : end]
        self._position = end + 1
        return text

    def _empty(self) -> _Fragment:
        return _Fragment(len(self._symbols), len(self._symbols))

    def _character(self, symbols: int) -> _Fragment:
        number = len(self._symbols)
        self._check_size(1)
        self._symbols.append(symbols)
        self._followers.append(0)
        return _Fragment(number, number + 1, 1 << number, 1 << number, nullable=False)

    def _concatenate(self, left: _Fragment, right: _Fragment) -> _Fragment:
        self._connect(left.last, right.first)
        return _Fragment(
            left.start,
            right.end,
            left.first | (right.first if left.nullable else 0),
            right.last | (left.last if right.nullable else 0),
            left.nullable and right.nullable,
        )

    def _repeat(self, fragment: _Fragment, low: int, high: int | None) -> _Fragment:
        if not fragment.first:  # it matches the empty text only
            return fragment
        count = max(low, 1) if high is None else high
        self._check_size((count - 1) * (fragment.end - fragment.start))
        copies = [fragment, *[self._copy(fragment) for _ in range(count - 1)]][:count]
        if high is None:
            self._connect(copies[-1].last, copies[-1].first)
        result = _Fragment(fragment.start, fragment.end)
        for index, each in enumerate(copies):
            optional = replace(each, nullable=each.nullable or index >= low)
            result = self._concatenate(result, optional)
        return result

    def _copy(self, fragment: _Fragment) -> _Fragment:
        """Append a copy of a fragment that is not connected to any other yet."""
        shift = len(self._symbols) - fragment.start
        own = slice(fragment.start, fragment.end)
        self._symbols += self._symbols[own]
        self._followers += [characters << shift for characters in self._followers[own]]
        return _Fragment(
            fragment.start + shift,
            fragment.end + shift,
            fragment.first << shift,
            fragment.last << shift,
            fragment.nullable,
        )

    def _connect(self, sources: int, targets: int) -> None:
        for source in members(sources):
            self._followers[source] |= targets

    def _check_size(self, added: int) -> None:
        if len(self._symbols) + added > MAX_CHARACTERS:
            self._fail(
                f"have at most {MAX_CHARACTERS} characters when each repetition is written out"
            )

    def _peek(self) -> str:
        """Return the next character; empty at the end."""
        return self._expression[self._position : self._end][:1]

    def _next(self) -> str:
        character = self._peek()
        self._position += 1
        return character

    def _fail(self, rule: str, part: str = "") -> NoReturn:
        received = (
            f"{quote(part)} in {quote(self._expression)}" if part else quote(self._expression)
        )
        raise ValueError(f"pattern must {rule}; received {received}")


def _to_count(text: str) -> int | None:
    """Return a bound of a repetition, 0 if it is left out, and None if it is not a number."""
    if len(text) > 6 or not (text.isascii() and text.isdecimal()):
        return None if text else 0
    return int(text)
