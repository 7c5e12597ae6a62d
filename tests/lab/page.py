"""How the result is shown: text, JSON, and the table in docs/verdicts.md."""

import platform
import time
from collections import Counter

from host import HostError

BEGIN, END = "<!-- lab:begin -->", "<!-- lab:end -->"


def otherwise(row):
    return ", ".join(f"{name} {n}" for name, n in row.otherwise().items())


def losses(result):
    return ", ".join(f"{count} {name}" for name, count in result.losses.items()) or "none"


def matrix_rows(title, rows):
    return [(title, "caused", "right", "called otherwise")] + [
        (row.expected, str(row.count), str(row.count - row.wrong), otherwise(row)) for row in rows
    ]


def scenario_rows(result):
    yield ("scenario", "caused", "verdict and race right", "said instead, and other particulars")
    for name, rows in sorted(result.by_scenario().items()):
        said = Counter()
        right = 0
        for each in rows:
            here = []
            if each.verdict != each.expected["verdict"]:
                here.append(f"{each.verdict}, not {each.expected['verdict']}")
            if each.race != each.expected_race:
                here.append(f"race {each.race}, not {each.expected_race}")
            right += not here
            said.update(here + each.differences())
        yield name, str(len(rows)), str(right), "; ".join(f"{n} {text}" for text, n in said.items())


def print_columns(rows):
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows)]
    for first, *counts, last in rows:
        cells = [first.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(counts, widths[1:])]
        print("  ".join([*cells, last]).rstrip())
    print()


def print_result(result):
    print_columns(scenario_rows(result))
    print_columns(matrix_rows("verdict", result.verdicts()))
    print_columns(matrix_rows("race", result.races()))
    print(f"healthy connections: {len(result.healthy())}, called unhealthy:"
          f" {len(result.called_unhealthy())}; events lost or put right: {losses(result)}")
    for problem in result.problems:
        print(f"{problem['scenario']} could not be played: {problem['text']}")


def as_json(result):
    def rows_of(rows):
        return [{"expected": r.expected, "said": dict(r.said), "wrong": r.wrong} for r in rows]

    wrong = [each for each in result.judged
             if each.verdict != each.expected["verdict"] or each.race != each.expected_race
             or each.differences()]
    return {
        "verdicts": rows_of(result.verdicts()),
        "races": rows_of(result.races()),
        "healthy": len(result.healthy()),
        "healthy_called_unhealthy": len(result.called_unhealthy()),
        "losses": result.losses,
        "problems": result.problems,
        "spare": result.spare,
        "failures": result.failures(),
        "wrong": [{"expected": w.expected, "event": w.event, "races": w.races,
                   "differences": w.differences()} for w in wrong],
    }


def markdown_table(rows):
    first, *others = rows
    lines = ["| " + " | ".join(first) + " |", "|---|---:|---:|---|"]
    return lines + [f"| `{name}` | " + " | ".join(cells) + " |" for name, *cells in others]


def measured(result):
    """What stands between the markers."""
    return "\n".join([
        f"{time.strftime('%Y-%m-%d', time.gmtime())}, Linux {platform.release()}:"
        f" {len(result.judged)} connections, of which {len(result.healthy())} healthy beside the"
        f" others; healthy called unhealthy: {len(result.called_unhealthy())}; events lost or put"
        f" right: {losses(result)}.",
        "",
        *markdown_table(matrix_rows("verdict caused", result.verdicts())),
        "",
        *markdown_table(matrix_rows("race caused", result.races())),
    ])


def around_markers(path):
    """What is before and after the generated part."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise HostError(f"{path}: {error.strerror}") from error
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise HostError(f"{path}: {BEGIN} and {END} are missing")
    return before, after


def write_into(path, result):
    """Replaces what is between the markers."""
    before, after = around_markers(path)
    path.write_text(f"{before}{BEGIN}\n\n{measured(result)}\n\n{END}{after}", encoding="utf-8")
