"""Whether a build.json says what docs/adapters/build.md promises, by another parser."""
import json
import math
import sys


def close(a, b):
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)


def refuse(constant):
    raise ValueError(f"{constant} is no JSON")


with open(sys.argv[1], encoding="utf-8", errors="strict") as file:
    report = json.load(file, parse_constant=refuse)

assert report["schema"] == "polymeter-build" and report["version"] == 1, report["schema"]
steps = report["steps"]
totals = report["totals"]
seconds = sum(step.get("seconds", 0) for step in steps)
assert totals["steps"] == len(steps)
assert totals["failed"] == sum(step["result"] == "failed" for step in steps)
assert report["failed"] == [step["name"] for step in steps if step["result"] == "failed"]
assert close(totals["step_seconds"], seconds), (totals, seconds)
if report["wall_seconds"] > 0:
    assert close(totals["parallelism"], seconds / report["wall_seconds"])
for kind, row in totals["kinds"].items():
    same = [step for step in steps if step["kind"] == kind]
    assert row["steps"] == len(same) > 0
    assert row["failed"] == sum(step["result"] == "failed" for step in same)
    assert row["cached"] == sum(step["result"] == "cached" for step in same)
    assert close(row["seconds"], sum(step.get("seconds", 0) for step in same))
timed = sorted((step for step in steps if "seconds" in step), key=lambda step: -step["seconds"])
assert [s["seconds"] for s in report["slowest"]] == [s["seconds"] for s in timed[:10]]
assert all(isinstance(word, str) for word in report["command"])
names = {step["name"] for step in steps}
if "critical_path" in report:
    assert set(report["critical_path"]["steps"]) <= names
