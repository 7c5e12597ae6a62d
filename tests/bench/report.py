"""How a result is shown."""


def verdict(ok):
    return "" if ok is None else "ok" if ok else "over"


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
