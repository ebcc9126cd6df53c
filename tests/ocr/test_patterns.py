"""Automata accept what Python's regular expressions match, and stay small."""

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mnistcnn.ocr.patterns import (
    ALPHABET,
    MAX_CHARACTERS,
    compile_expression,
    fixed_length,
    members,
)
from tests.helpers.expressions import expressions, texts


def matches(automaton, text):
    states = 1
    for character in text:
        symbol = 1 << ALPHABET.index(character)
        following = {
            each for state in members(states) for each in members(automaton.successors[state])
        }
        states = sum(1 << state for state in following if automaton.symbols[state] & symbol)
    return bool(states & automaton.accepting)


@given(expressions(), st.lists(texts, max_size=20))
@example(r"[0-3]\d\.[01]\d\.\d{4}", ["17.06.2024", "17.26.2024", "17062024", "41.06.2024"])
@example(r"^-?\d+([.,]\d\d)?$", ["-5", "5,00", "5.0", "12-", ""])
@example(r"[-\d]{2}|[,\-.]+", ["-3", "3-", ",-.", "-", "4"])
@example("((1|2){2}){2,3}", ["1212", "121212", "12121", "11111111"])
@example("", ["", "1"])
def test_the_automaton_accepts_what_the_expression_matches(expression, candidates):
    automaton = compile_expression(expression)
    # In Python, a negated class matches punctuation, too.
    own = "0123456789" if "[^" in expression else ALPHABET
    for text in candidates:
        if set(text) <= set(own):
            assert matches(automaton, text) == bool(re.fullmatch(expression, text)), text


@pytest.mark.parametrize("length", [1, 2, MAX_CHARACTERS])
def test_a_length_accepts_that_many_digits(length):
    automaton = fixed_length(length)
    assert matches(automaton, "7" * length)
    assert not matches(automaton, "7" * (length - 1))
    assert not matches(automaton, "7" * (length + 1))
    assert not matches(automaton, "7" * (length - 1) + ".")


SYNTAX = r"consist of digits, \d, '\.', ',', '-', [...], (...), |, ?, *, + and {m,n}"
INVALID = {
    "a": rf"{SYNTAX}; received 'a' in 'a'",
    "1 2": rf"{SYNTAX}; received ' ' in '1 2'",
    "1^": rf"{SYNTAX}; received '^' in '1^'",
    "$1": rf"{SYNTAX}; received '$' in '$1'",
    "1+*": "not repeat a repetition; received '1+*'",
    "1{2}?": "not repeat a repetition; received '1{2}?'",
    "+": rf"{SYNTAX}; received '+' in '+'",
    r"\w": rf"{SYNTAX}; received '\\w' in '\\w'",
    "\\": rf"{SYNTAX}; received '\\' in '\\'",
    r"\$": rf"{SYNTAX}; received '\\$' in '\\$'",
    "1.5": r"contain a point as '\.'; received '1.5'",
    "(1": "close each group; received '(1'",
    "1)": "open each group that it closes; received '1)'",
    "(?=1)": "have groups of the forms (...) and (?:...); received '(?=1)'",
    "(?": "have groups of the forms (...) and (?:...); received '(?'",
    "[12": "close each class; received '[12'",
    "[": "close each class; received '['",
    "[]1]": r"have digits, \d, '.', ',' and '-' in a class; received ']' in '[]1]'",
    "[a]": r"have digits, \d, '.', ',' and '-' in a class; received 'a' in '[a]'",
    "[0-3-9]": "have '-' first or last in a class, or between two digits; received '[0-3-9]'",
    "[,-.]": "have '-' first or last in a class, or between two digits; received '[,-.]'",
    "[5-1]": "have ranges in ascending order; received '5-1' in '[5-1]'",
    r"[^\d]": r"allow a digit or punctuation in each class; received '[^\\d]'",
    "1{}": "have repetitions of the forms {m}, {m,}, {,n} and {m,n}; received '1{}'",
    "1{,}": "have repetitions of the forms {m}, {m,}, {,n} and {m,n}; received '1{,}'",
    "1{-1}": "have repetitions of the forms {m}, {m,}, {,n} and {m,n}; received '1{-1}'",
    "1{1,2,3}": "have repetitions of the forms {m}, {m,}, {,n} and {m,n}; received '1{1,2,3}'",
    "1{9999999}": "have repetitions of the forms {m}, {m,}, {,n} and {m,n}; received '1{9999999}'",
    "1{²}": "have repetitions of the forms {m}, {m,}, {,n} and {m,n}; received '1{²}'",
    "1{2": "close each '{'; received '1{2'",
    "1{3,2}": "have repetitions {m,n} with m at most n; received '{3,2}' in '1{3,2}'",
    "1{257}": "repeat at most 256 times; received '1{257}'",
    "1{257,}": "repeat at most 256 times; received '1{257,}'",
    "(12){129}": "have at most 256 characters when each repetition is written out; received '(12){129}'",
    "(1{256}){256}": "have at most 256 characters when each repetition is written out; received '(1{256}){256}'",
    "1" * 257: f"have at most 256 characters when each repetition is written out; received '{'1' * 97}",
    "(" * 21 + "1" + ")" * 21: f"nest at most 20 groups; received '{'(' * 21}1{')' * 21}'",
    "1" * 1001: "be at most 1000 characters long; received 1,001",
}  # fmt: skip


@pytest.mark.parametrize("expression", INVALID)
def test_other_syntax_is_rejected(expression):
    with pytest.raises(ValueError, match="^" + re.escape(f"pattern must {INVALID[expression]}")):
        compile_expression(expression)


@given(st.text(r"\d[]^-.,()|?*+{}0123:$", max_size=30))
@example("((((((((((){256}){256}){256}){256}){256}){256}){256}){256}){256})")
@example("(((((1{0}){256}){256}){256}){256}){256}")
@example("(" + "|" * 900 + "){256}")
@example("((1?){16}){16}")
@example("(" + "1*|" * 240 + ")*" + "|()" * 90)
def test_any_text_is_compiled_or_rejected_within_a_second(text):
    started = time.process_time()
    try:
        automaton = compile_expression(text)
    except ValueError:
        pass
    else:
        assert len(automaton.symbols) == len(automaton.successors) <= MAX_CHARACTERS + 1
    assert time.process_time() - started < 1
