"""The compiled loops as their callers know them: names, types of arguments, and the sizes they work in.

It knows nothing of how loops are compiled, and so importing it costs nothing.
"""

from typing import Final

TILE: Final = 1024  # bank rows in work at once: four features of them and their products fit a core's first cache
QUERIES: Final = 16  # queries that use a tile before the next one is fetched

# Of each argument the element's type and the number of dimensions; 0 is a number, all else an array in C order.
ArgumentType = tuple[str, int]
F1, F2, F3 = (("float32", n) for n in (1, 2, 3))
I1, I2 = (("int64", n) for n in (1, 2))
B1, B2 = (("bool", n) for n in (1, 2))
NUMBER: Final = ("int64", 0)
ENTRIES: Final[dict[str, tuple[ArgumentType, ...]]] = {
    # queries, bank, ends, is_split, labels, log_weights, factors, mask, query_spans, bank_spans, weights, told,
    # product, exponent, sums, unkept, first, last
    "vote_rows": (
        F2, F2, I1, B1, F1, F1, F1, B2, I2, I2, F2, F2, F1, ("int32", 1), F3, F1, NUMBER, NUMBER,
    ),
    # queries, bank, ends, is_split, shares, mask, query_spans, bank_spans, heaps, product, exponent, sums,
    # by_product, first, last
    "nearest_rows": (
        F2, F2, I1, B1, F1, B2, I2, I2, I2, F1, ("int32", 1), F2, NUMBER, NUMBER, NUMBER,
    ),
    # queries, bank, labels, weights, slope, level, scale_sums, query_sums, bank_sums, pulls, rows_from, first, last
    "gradient_columns": (
        F2, F2, F1, F2, F1, F1, ("float64", 1), F2, F2, F2, NUMBER, NUMBER, NUMBER,
    ),
}  # fmt: skip
