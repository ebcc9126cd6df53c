"""The most probable reading that fits a pattern: a length, a regular expression or a function."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mnistcnn.ocr.patterns import (
    ALPHABET,
    MAX_CHARACTERS,
    PUNCTUATION,
    PUNCTUATION_MARKS,
    Automaton,
    compile_expression,
    fixed_length,
    members,
)
from mnistcnn.types import Float64Array
from mnistcnn.utils.text import quote
from mnistcnn.utils.validation import check_int

# A length, a regular expression, or a function that accepts some texts.
Pattern: TypeAlias = int | str | Callable[[str], object]

# A label with a lower probability is never chosen, so that a pattern can't turn a number into
# another one; and the least probability with which a doubtful digit is omitted.
MIN_PROBABILITY = 1e-3
# Texts that a function is called with, the most probable ones.
MAX_CANDIDATES = 10_000


@dataclass(frozen=True)
class FoundSign:
    """A point, comma or minus sign in a picture.

    Parameters
    ----------
    position : int
        Number of digits before it.
    label : str
        Which sign.
    confidence : float
        Of several signs, the least confident ones are omitted first.
    """

    position: int
    label: str
    confidence: float


@dataclass(frozen=True)
class Fit:
    """The most probable reading of some digits that fits a pattern.

    Parameters
    ----------
    labels : tuple of int or None
        The label of each digit; None for one that is omitted.
    text : str
        The labels, with the punctuation of the pattern.
    signs : tuple of str or None
        What each sign that was found is in the text; None for one that is omitted.
    """

    labels: tuple[int | None, ...]
    text: str
    signs: tuple[str | None, ...] = ()


@dataclass(frozen=True)
class CompiledPattern:
    """A pattern that was checked.

    Parameters
    ----------
    description : str
        Completes the sentence "picture must show ...".
    accepts : Automaton or callable
        What a text must fit.
    is_length : bool, default False
        Whether only the number of digits is restricted, and signs may stand anywhere.
    """

    description: str
    accepts: Automaton | Callable[[str], object]
    is_length: bool = False

    def best_fit(
        self,
        probabilities: Sequence[NDArray[np.floating]],
        omissible: Sequence[bool],
        signs: Sequence[FoundSign] | None = None,
    ) -> Fit | None:
        """Return the most probable reading that fits; None if there is none.

        Parameters
        ----------
        probabilities : sequence of numpy.ndarray
            For each digit, ``(10,)``: the probabilities of its labels. One minus their sum is the
            probability that it is no digit.
        omissible : sequence of bool
            For each digit, whether a reading may omit it.
        signs : sequence of FoundSign, optional
            The signs in the picture, in reading order. The text has them where the pattern allows
            it. Default: signs were not looked for.

        Raises
        ------
        ValueError
            If the pattern leaves open where its punctuation stands in the reading.
        """
        digits = np.reshape(np.asarray(probabilities, np.float64), (-1, 10))
        no_digit = np.clip(1 - digits.sum(axis=1), MIN_PROBABILITY, 1)
        no_digit[~np.asarray(omissible, bool)] = 0
        with np.errstate(divide="ignore"):
            log_labels = np.log(np.where(digits < MIN_PROBABILITY, 0, digits))
            log_omission = np.log(no_digit)
        if not isinstance(self.accepts, Automaton):
            return _first_accepted(self.accepts, log_labels, log_omission, signs or ())
        labels = _best_path(self.accepts, log_labels, log_omission)
        if labels is None:
            return None
        text = None if signs is None else self._text_with_signs(labels, signs)
        if text is None:
            text = _insert_punctuation(self.accepts, _join(labels))
        return Fit(labels, text, _signs_in(text, labels, signs or ()))

    def _text_with_signs(
        self, labels: Sequence[int | None], signs: Sequence[FoundSign]
    ) -> str | None:
        """Return the text with the signs, the least confident left out until it fits.

        None if it does not even fit without any.
        """
        if self.is_length or not isinstance(self.accepts, Automaton):
            return _join(labels, signs)
        kept = list(signs)
        while not _matches(self.accepts, text := _join(labels, kept)):
            if not kept:
                return None
            kept.remove(min(kept, key=lambda sign: sign.confidence))
        return text


def compile_pattern(pattern: Pattern) -> CompiledPattern:
    """Check a pattern and prepare it for matching.

    Raises
    ------
    TypeError, ValueError
        If `pattern` is not a length in 1...256, a regular expression that `compile_expression`
        takes, or a function.
    """
    if isinstance(pattern, str):
        automaton = compile_expression(pattern)
        return CompiledPattern(f"a number that fits the pattern {quote(pattern)}", automaton)
    if callable(pattern):
        name = getattr(pattern, "__name__", type(pattern).__name__)
        return CompiledPattern(f"a number that {quote(name)[1:-1]} accepts", pattern)
    if isinstance(pattern, bool | np.bool_) or not isinstance(pattern, int | np.integer):
        raise TypeError(
            "pattern must be a length, a regular expression or a function; "
            f"received {quote(pattern)}"
        )
    length = check_int("pattern", pattern, minimum=1)
    if length > MAX_CHARACTERS:
        raise ValueError(f"pattern must be at most {MAX_CHARACTERS}; received {quote(length)}")
    return CompiledPattern(
        f"a number of {length} digit{'s' if length > 1 else ''}",
        fixed_length(length),
        is_length=True,
    )


def _join(labels: Sequence[int | None], signs: Sequence[FoundSign] = ()) -> str:
    """Return the digits of a reading as text, with these signs."""
    before: dict[int, str] = {}
    for sign in signs:
        before[sign.position] = before.get(sign.position, "") + sign.label
    return "".join(
        before.get(position, "") + ("" if label is None else str(label))
        for position, label in enumerate([*labels, None])
    )


def _matches(automaton: Automaton, text: str) -> bool:
    """Return whether the automaton accepts a text."""
    entered_by = _states_by_symbol(automaton)
    states = 1
    for symbol in text:
        following = 0
        for state in members(states):
            following |= automaton.successors[state]
        states = following & entered_by[symbol]
    return bool(states & automaton.accepting)


def _signs_in(
    text: str, labels: Sequence[int | None], signs: Sequence[FoundSign]
) -> tuple[str | None, ...]:
    """Return the label of each sign in a text of these labels; None for a sign that it omits."""
    gaps = [""]
    for character in text:
        if character in PUNCTUATION_MARKS:
            gaps[-1] += character
        else:
            gaps.append("")
    result: list[str | None] = []
    for sign in signs:
        gap = sum(label is not None for label in labels[: sign.position])
        mark = sign.label if sign.label in gaps[gap] else gaps[gap][:1]
        gaps[gap] = gaps[gap].replace(mark, "", 1)
        result.append(mark or None)
    return tuple(result)


def _best_path(
    automaton: Automaton, log_labels: Float64Array, log_omission: Float64Array
) -> tuple[int | None, ...] | None:
    """Return the labels of the most probable accepting path (Viterbi's algorithm).

    The reader finds digits only, so the punctuation of the pattern is passed over.
    """
    count = len(automaton.symbols)
    closures = [_pass_punctuation(automaton, state) for state in range(count)]
    penalties = np.full((count, count), -np.inf)
    for state, closure in enumerate(closures):
        for passed in members(closure):
            penalties[state, list(members(automaton.successors[passed]))] = 0
    allowed = np.array([[symbols >> i & 1 for i in range(10)] for symbols in automaton.symbols])
    scores = np.full(count, -np.inf)
    scores[0] = 0
    steps = []
    for log_label, log_omitted in zip(log_labels, log_omission, strict=True):
        emissions = np.where(allowed, log_label, -np.inf)
        labels = emissions.argmax(axis=1)
        paths = scores[:, np.newaxis] + penalties
        sources = paths.argmax(axis=0)
        states = np.arange(count)
        read = paths[sources, states] + emissions[states, labels]
        omitted = scores + log_omitted
        is_omitted = omitted > read
        scores = np.where(is_omitted, omitted, read)
        steps.append((np.where(is_omitted, states, sources), np.where(is_omitted, -1, labels)))
    for state, closure in enumerate(closures):
        if not closure & automaton.accepting:
            scores[state] = -np.inf
    state = int(scores.argmax())
    if scores[state] == -np.inf:
        return None
    path: list[int | None] = []
    for previous, labels in reversed(steps):
        path.append(None if labels[state] < 0 else int(labels[state]))
        state = int(previous[state])
    return tuple(reversed(path))


def _pass_punctuation(automaton: Automaton, state: int) -> int:
    """Return the states that punctuation alone leads to, with the state itself."""
    found = added = 1 << state
    while added:
        following = 0
        for each in members(added):
            following |= automaton.successors[each]
        entered = sum(
            1 << each for each in members(following) if automaton.symbols[each] & PUNCTUATION
        )
        added = entered & ~found
        found |= added
    return found


def _insert_punctuation(automaton: Automaton, digits: str) -> str:
    """Return the only text of the automaton that has these digits.

    Raises
    ------
    ValueError
        If there are several.
    """
    if not any(symbols & PUNCTUATION for symbols in automaton.symbols):
        return digits
    entered_by = _states_by_symbol(automaton)
    viable = _viable_states(automaton, digits)
    text, position, states = "", 0, 1
    while True:
        following = 0
        for state in members(states):
            following |= automaton.successors[state]
        options = {
            mark: following & entered_by[mark] & viable[position] for mark in PUNCTUATION_MARKS
        }
        if position < len(digits):
            digit = digits[position]
            options[digit] = following & entered_by[digit] & viable[position + 1]
        elif states & automaton.accepting:
            options["the end"] = 1
        possible = [symbol for symbol, entered in options.items() if entered]
        if len(possible) > 1:
            raise ValueError(
                "pattern must determine the punctuation, because only digits are read; "
                f"after {quote(text)}, both {possible[0]!r} and {possible[-1]!r} fit"
            )
        if possible == ["the end"]:
            return text
        text += possible[0]
        states = options[possible[0]]
        position += possible[0] not in PUNCTUATION_MARKS


def _states_by_symbol(automaton: Automaton) -> dict[str, int]:
    """Return the states that each symbol enters."""
    return {
        symbol: sum(
            1 << state for state, symbols in enumerate(automaton.symbols) if symbols >> index & 1
        )
        for index, symbol in enumerate(ALPHABET)
    }


def _viable_states(automaton: Automaton, digits: str) -> list[int]:
    """Return, for each position, the states from which the remaining digits can be accepted."""
    entered_by = _states_by_symbol(automaton)
    predecessors = [0] * len(automaton.symbols)
    for state, successors in enumerate(automaton.successors):
        for successor in members(successors):
            predecessors[successor] |= 1 << state
    closures = [_pass_punctuation(automaton, state) for state in range(len(automaton.symbols))]

    def before_punctuation(targets: int) -> int:
        return sum(1 << state for state, closure in enumerate(closures) if closure & targets)

    viable = [before_punctuation(automaton.accepting)]
    for digit in reversed(digits):
        before = 0
        for state in members(viable[-1] & entered_by[digit]):
            before |= predecessors[state]
        viable.append(before_punctuation(before))
    return viable[::-1]


def _first_accepted(
    accepts: Callable[[str], object],
    log_labels: Float64Array,
    log_omission: Float64Array,
    signs: Sequence[FoundSign],
) -> Fit | None:
    """Return the first candidate that a function accepts, the most probable ones first."""
    options: list[list[tuple[float, int | None]]] = []
    for log_label, log_omitted in zip(log_labels.tolist(), log_omission.tolist(), strict=True):
        choices: list[tuple[float, int | None]] = list(zip(log_label, range(10), strict=True))
        choices.append((log_omitted, None))
        choices = [choice for choice in choices if choice[0] > -math.inf]
        if not choices:
            return None
        options.append(sorted(choices, key=lambda choice: -choice[0]))
    losses = [[choices[0][0] - score for score, _ in choices] for choices in options]
    first = [choices[0][1] for choices in options]
    for ranks in itertools.islice(_combinations(losses), MAX_CANDIDATES):
        labels = first.copy()
        for i, rank in ranks.items():
            labels[i] = options[i][rank][1]
        text = _join(labels, signs)
        if accepts(text):
            return Fit(tuple(labels), text, tuple(sign.label for sign in signs))
    return None


class _Combination(NamedTuple):
    """A choice of options, in a heap."""

    loss: float
    number: int  # unique, so that the remaining fields are never compared
    # Of the lists in their order, the last one whose first option is not chosen; and its option.
    place: int
    rank: int
    before: dict[int, int]


def _combinations(losses: Sequence[Sequence[float]]) -> Iterator[dict[int, int]]:
    """Yield each choice of one option per list, in the order of the sum of their losses.

    Parameters
    ----------
    losses : sequence of sequence of float
        Ascending, the first ones 0.

    Yields
    ------
    dict
        Index of the option by the index of its list; lists whose first option is chosen are
        absent. The time and memory of a step do not depend on the number of combinations.
    """
    order = [i for i, each in enumerate(losses) if len(each) > 1]
    order.sort(key=lambda i: losses[i][1])
    numbers = itertools.count()
    yield {}
    heap = [_Combination(losses[i][1], next(numbers), 0, 1, {}) for i in order[:1]]
    while heap:
        loss, _, place, rank, before = heapq.heappop(heap)
        own = losses[order[place]]
        chosen = {**before, order[place]: rank}
        yield chosen
        # Each combination follows exactly one other, of no greater loss.
        following = []
        if rank + 1 < len(own):
            following.append((loss - own[rank] + own[rank + 1], place, rank + 1, before))
        if place + 1 < len(order):
            step = losses[order[place + 1]][1]
            following.append((loss + step, place + 1, 1, chosen))
            if rank == 1:
                following.append((loss - own[1] + step, place + 1, 1, before))
        for new_loss, new_place, new_rank, new_before in following:
            node = _Combination(new_loss, next(numbers), new_place, new_rank, new_before)
            heapq.heappush(heap, node)
