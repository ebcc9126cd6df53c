"""Hypothesis strategies for regular expressions over digits and punctuation, and texts for them."""

from hypothesis import strategies as st

from mnistcnn.ocr.patterns import ALPHABET

texts = st.text(ALPHABET, max_size=6)

_CHARACTERS = [*"0123456789", r"\d", "[0-3]", "[^5]", "[^0-7]", "[27]"]
_PUNCTUATION = [r"\.", ",", "-", r"\-", "[.,]", r"[\d.]", "[0-4-]", "[-5]"]


def expressions(*, punctuation=True):
    """Expressions of a few characters, with every operator."""
    characters = st.sampled_from([*_CHARACTERS, *(_PUNCTUATION if punctuation else [])])
    return st.recursive(characters, _combine, max_leaves=8)


def _combine(inner):
    groups = inner.map("({})".format) | inner.map("(?:{})".format)
    bounds = st.tuples(st.integers(0, 3), st.integers(0, 2))
    quantifiers = st.one_of(
        st.sampled_from(["?", "*", "+", "{2}", "{1,}", "{,2}", "{0}"]),
        bounds.map(lambda pair: f"{{{pair[0]},{sum(pair)}}}"),
    )
    return st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map("|".join),
        st.tuples(groups, quantifiers).map("".join),
        groups,
        st.just("()"),
    )
