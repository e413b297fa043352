"""Whether a file is a trace in Chrome's format whose lanes hold one step at a time."""
import collections
import json
import sys

with open(sys.argv[1], encoding="utf-8", errors="strict") as file:
    trace = json.load(file)

lanes = collections.defaultdict(list)
named = set()
for event in trace["traceEvents"]:
    assert isinstance(event["pid"], int) and isinstance(event["tid"], int), event
    assert isinstance(event["name"], str), event
    if event["ph"] == "X":
        assert isinstance(event["ts"], int) and isinstance(event["dur"], int), event
        assert event["ts"] >= 0 and event["dur"] >= 0, event
        assert event["cat"], event
        lanes[event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
    elif event["ph"] == "i":
        assert event["s"] in ("g", "p", "t") and event["ts"] >= 0, event
    elif event["ph"] == "M":
        assert event["name"] in ("process_name", "thread_name"), event
        assert isinstance(event["args"]["name"], str), event
        if event["name"] == "thread_name":
            named.add(event["tid"])
    else:
        raise AssertionError(event)
assert named == set(lanes), (named, set(lanes))
for lane in lanes.values():
    lane.sort()
    for (_, end), (begin, _) in zip(lane, lane[1:]):
        assert begin >= end, lane
# Not more lanes than steps that ever ran at the same time.
changes = sorted(
    (time, change)
    for lane in lanes.values()
    for begin, end in lane
    if end > begin
    for time, change in ((begin, 1), (end, -1))
)
most = running = 0
for _, change in changes:
    running += change
    most = max(most, running)
empty = sum(begin == end for lane in lanes.values() for begin, end in lane)
assert len(lanes) <= most + min(empty, 1), (len(lanes), most)
