"""How sure a result is, and how it is shown."""

import math
import statistics


def median_error(values):
    """The standard error of the median, were the values normally distributed."""
    if len(values) < 2:
        return 0.0
    return math.sqrt(math.pi / 2) * statistics.stdev(values) / math.sqrt(len(values))


def verdict(ok, failed="over"):
    return "" if ok is None else "ok" if ok else failed


def print_tables(tables):
    for i, rows in enumerate(tables):
        if i:
            print()
        print_table(rows)


def print_table(rows):
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        first, *others = (
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths))
        )
        print("  ".join([first, *others]).rstrip())
