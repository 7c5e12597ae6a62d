"""What a page of a long list takes the daemon."""

import json
import subprocess

from report import verdict

PAGE_LIMIT = 50  # ms of CPU time, at most


def pages(options):
    out = subprocess.run(
        [options.programs / "pages", "--connections", str(options.connections),
         "--rounds", str(options.rounds)],
        stdout=subprocess.PIPE, check=True, text=True).stdout
    results = []
    for line in out.splitlines():
        page = json.loads(line)
        name = f"{page['filter'] or 'no filter'}, from row {page['offset']}, by {page['slowest_sort']}"
        took = page["milliseconds"]
        results.append({"name": name, "value": took, "unit": "ms", "limit": PAGE_LIMIT,
                        "ok": took <= PAGE_LIMIT})
    report = {"benchmark": "pages", "connections": options.connections, "rounds": options.rounds,
              "results": results}
    rows = [("page of 50 rows, in the slowest order", "CPU", "limit", "")]
    rows += [(r["name"], f"{r['value']} ms", f"{r['limit']:g}", verdict(r["ok"])) for r in results]
    return report, [rows]
