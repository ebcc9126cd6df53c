"""Comparison of a text that was read with the text that it should be."""


def edit_distance(text: str, expected: str) -> int:
    """Return the Levenshtein distance: insertions, deletions and substitutions."""
    before = list(range(len(expected) + 1))
    for row, one in enumerate(text, 1):
        after = [row]
        for column, other in enumerate(expected, 1):
            cost = min(before[column] + 1, after[-1] + 1, before[column - 1] + (one != other))
            after.append(cost)
        before = after
    return before[-1]


def matched_characters(text: str, expected: str) -> list[bool]:
    """Return which characters of `text` are right, aligned to `expected`.

    The alignment has the fewest edits and, among those, the most characters that are equal, so
    the characters that are not matched are what `edit_distance` would delete or substitute.
    """
    # A cost is a number of edits and, as its fraction, minus the number of equal characters.
    unit = min(len(text), len(expected)) + 1
    costs = [[unit * column for column in range(len(expected) + 1)]]
    for row, one in enumerate(text, 1):
        before, after = costs[-1], [unit * row]
        for column, other in enumerate(expected, 1):
            diagonal = before[column - 1] + (-1 if one == other else unit)
            after.append(min(diagonal, before[column] + unit, after[-1] + unit))
        costs.append(after)
    matched = [False] * len(text)
    row, column = len(text), len(expected)
    while row and column:
        equal = text[row - 1] == expected[column - 1]
        cost = costs[row][column]
        if cost == costs[row - 1][column - 1] + (-1 if equal else unit):
            row, column = row - 1, column - 1
            matched[row] = equal
        elif cost == costs[row - 1][column] + unit:
            row -= 1
        else:
            column -= 1
    return matched
