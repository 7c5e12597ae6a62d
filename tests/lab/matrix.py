"""What was caused against what was said."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

HEALTHY_VERDICTS = ("local_close", "remote_close", "clean")
HEALTHY_CONFIDENCE = 0.8
WRONG_ALLOWED = 1  # of a class
MISSING = "no event"
NONE = "none"


def at_path(value, path):
    """`closed_by.exit_signal` of nested objects; None where one is missing."""
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


@dataclass
class Judged:
    """One connection: what was to be said and what was."""

    expected: dict
    event: dict | None
    races: list[str]

    @property
    def verdict(self):
        return MISSING if self.event is None else self.event.get("verdict") or NONE

    @property
    def race(self):
        return MISSING if self.event is None else "+".join(self.races) or NONE

    @property
    def expected_race(self):
        return self.expected["race"] or NONE

    @property
    def healthy(self):
        return self.expected.get("healthy", False)

    def differences(self):
        """Of all but verdict and race: texts such as `mechanism rst, not fin`."""
        if self.event is None:
            return []
        found = []
        for name in ("initiator", "mechanism"):
            wanted, said = self.expected.get(name), self.event.get(name)
            if wanted is not None and wanted != said:
                found.append(f"{name} {said}, not {wanted}")
        for name, wanted in self.expected.get("evidence", {}).items():
            if (said := at_path(self.event.get("evidence"), name)) != wanted:
                found.append(f"{name} {said}, not {wanted}")
        if self.healthy and (self.event.get("confidence") or 0) < HEALTHY_CONFIDENCE:
            found.append(f"confidence {self.event.get('confidence')}")
        return found


def judge(expected, closed, races_of):
    """Pairs each expectation with its event. Ports come back: those of one key in the order of
    their ends, which is not that of the log, where a verdict may wait for a second."""
    events = {key: sorted(of_key, key=lambda event: event["time"])
              for key, of_key in closed.items()}
    judged = []
    for each in expected:
        of_key = events.get(each["key"], [])
        event = of_key.pop(0) if of_key else None
        judged.append(Judged(each, event, races_of(event) if event else []))
    namespaces = {each["key"][0] for each in expected}
    spare = [event for key, of_key in events.items() if key[0] in namespaces for event in of_key]
    return judged, spare


@dataclass
class Class:
    """One row of a matrix."""

    expected: str
    said: Counter = field(default_factory=Counter)

    @property
    def count(self):
        return self.said.total()

    @property
    def wrong(self):
        return self.count - self.said[self.expected]

    def otherwise(self):
        return {name: n for name, n in self.said.most_common() if name != self.expected}


def classes(couples):
    """Rows of a confusion matrix out of couples (expected, said)."""
    rows = {}
    for expected, said in couples:
        rows.setdefault(expected, Class(expected)).said[said] += 1
    return [rows[name] for name in sorted(rows)]


@dataclass
class Result:
    judged: list[Judged]
    spare: list[dict]  # closed events of connections that nobody made
    problems: list[dict]  # where the kernel did not do what a scenario wanted
    losses: dict[str, int]  # that the daemon owns to

    def verdicts(self):
        return classes((each.expected["verdict"], each.verdict) for each in self.judged)

    def races(self):
        return classes((each.expected_race, each.race) for each in self.judged)

    def by_scenario(self):
        rows = defaultdict(list)
        for each in self.judged:
            rows[each.expected["scenario"]].append(each)
        return rows

    def healthy(self):
        return [each for each in self.judged if each.healthy]

    def called_unhealthy(self):
        return [each for each in self.healthy()
                if each.verdict not in HEALTHY_VERDICTS or each.races or each.differences()]

    def failures(self):
        """Why the lab fails, a line each; none if it does not."""
        lines = [f"{row.wrong} of {row.count} {what} {row.expected} called otherwise"
                 for what, rows in (("verdicts", self.verdicts()), ("races", self.races()))
                 for row in rows if row.wrong > WRONG_ALLOWED]
        for name, rows in self.by_scenario().items():
            different = sum(bool(each.differences()) for each in rows)
            if different > WRONG_ALLOWED:
                lines.append(f"{different} of {len(rows)} of {name} with other particulars")
        if unhealthy := self.called_unhealthy():
            lines.append(f"{len(unhealthy)} healthy connections called unhealthy")
        if self.spare:
            lines.append(f"{len(self.spare)} closed events of connections that nobody made")
        lines += [f"{each['scenario']} could not be played" for each in self.problems]
        return lines
