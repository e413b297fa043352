"""Talks to a transcriber and keeps a tally of what its metrics must show."""

import collections
import json
import pathlib
import re
import sys
import threading
import time

import speech

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "common"))

from service_process import Service, value_of  # noqa: E402

DIGITS = HERE / "digits.gram"
WITH_GRAMMAR = ("--grammar", str(DIGITS))
ONE_WORKER = ("--workers", "1", *WITH_GRAMMAR)
FREE, GRAMMAR = "en-us", "en-us-digits"  # the label model
ENDED = ("completed", "failed", "cancelled", "dead_lettered", "lost")
LIVE = ("whisper_queue_size", "whisper_jobs_scheduled", "whisper_jobs_processing")
LANGUAGE = "en"


def start(binary, backend, options=WITH_GRAMMAR, **more):
    return Service(binary, backend, options, **more)


class Client:
    """Thread-safe."""

    def __init__(self, service):
        self._service = service
        self._lock = threading.Lock()
        self.requests = collections.Counter()  # (method, path, status)
        self.submitted = collections.Counter()  # model
        self.ended = collections.Counter()  # (state, model)
        self.audio = collections.Counter()  # seconds of completed jobs by model
        self._recordings = {}  # id: (model, recording)

    def send(self, method, path, route, body=None):
        """(status, the answer's JSON)"""
        status, headers, answer = self._service.request(method, path, body)
        with self._lock:
            self.requests[method, route, status] += 1
        return status, headers, json.loads(answer)

    def submit(self, recording, grammar=False):
        """The job's id; None when it was refused."""
        status, _, answer = self.send("POST", "/jobs?grammar=1" if grammar else "/jobs", "/jobs",
                                      recording)
        if status != 202:
            return None
        model = GRAMMAR if grammar else FREE
        with self._lock:
            self.submitted[model] += 1
            self._recordings[answer["id"]] = model, recording
        return answer["id"]

    def cancel(self, job):
        """Whether it could still be cancelled."""
        status, _, _ = self.send("DELETE", f"/jobs/{job}", "/jobs/{id}")
        if status == 200:
            self._take_end(job, "cancelled")
        return status == 200

    def wait(self, job, timeout=120):
        """The job as soon as it has ended."""
        end = time.monotonic() + timeout
        while True:
            status, _, answer = self.send("GET", f"/jobs/{job}", "/jobs/{id}")
            if status != 200:
                raise RuntimeError(f"GET /jobs/{job} answered {status}")
            if answer["state"] not in ("queued", "running"):
                self._take_end(job, answer["state"])
                return answer
            if time.monotonic() > end:
                raise TimeoutError(f"job {job} is still {answer['state']}")
            time.sleep(0.05)

    def _take_end(self, job, state):
        with self._lock:
            if job not in self._recordings:
                return  # has been counted
            model, recording = self._recordings.pop(job)
            self.ended[state, model] += 1
            if state == "completed":
                self.audio[model] += speech.seconds_of(recording)

    def expectations(self):
        """(what, number on this side, metric, labels) when every job has ended."""
        with self._lock:
            for (method, path, status), count in sorted(self.requests.items()):
                yield "requests", count, "http_requests_total", {
                    "method": method, "path": path, "status": status}
            for model, count in sorted(self.submitted.items()):
                own = {"model": model, "language": LANGUAGE}
                yield "submitted", count, "whisper_jobs_submitted_total", own
                completed = self.ended["completed", model]
                yield "completed", completed, "whisper_jobs_completed_total", own
                yield ("cancelled", self.ended["cancelled", model],
                       "whisper_jobs_cancelled_total", own)
                yield ("failed", self.ended["failed", model], "whisper_jobs_failed_total",
                       {**own, "reason": "bad_audio"})
                yield "timed", completed, "whisper_job_duration_seconds_count", {
                    **own, "outcome": "completed"}
                model = {"model": model}
                yield "factors", completed, "whisper_realtime_factor_count", model
                yield "nothing waits", 0, "whisper_queue_size", model
                yield "nothing runs", 0, "whisper_jobs_processing", model
            for model, seconds in sorted(self.audio.items()):
                yield "seconds", seconds, "whisper_audio_seconds_total", {"model": model}


def same(a, b):
    """Sums of fractions depend on their order."""
    return abs(a - b) <= 1e-9 * max(abs(a), abs(b))


def total(values, metric, **labels):
    """The sum of a metric's series that have these labels."""
    wanted = frozenset(labels.items())
    return sum(number for (name, own), number in values.items()
               if name == metric and wanted <= own)


def balance(values):
    """(accepted, ended, live) jobs of a page."""
    accepted = sum(total(values, f"whisper_jobs_{name}_total")
                   for name in ("submitted", "restored"))
    ended = sum(total(values, f"whisper_jobs_{state}_total") for state in ENDED)
    return accepted, ended, sum(total(values, name) for name in LIVE)


def compare(values_of, client, seconds=5, show=lambda line: None):
    """Whether the two tallies are equal within `seconds`: the service counts a request after its
    last byte and pushes once a second, so a receiver may be a moment behind."""
    end = time.monotonic() + seconds
    while True:
        values = values_of()
        rows = [(what, count, metric, labels, value_of(values, metric, **labels))
                for what, count, metric, labels in client.expectations()]
        differing = [row for row in rows if not same(row[1], row[4])]
        if not differing or time.monotonic() > end:
            break
        time.sleep(0.1)
    for row in rows:
        what, count, metric, labels, shown = row
        series = metric + "{" + ",".join(f"{k}={v}" for k, v in labels.items()) + "}"
        show(f"  {what:<14}{count:>9.6g} here {shown:>9.6g} there  {series}"
             + ("   <-- differs" if row in differing else ""))
    accepted, ended, live = balance(values)
    if accepted != ended + live:
        show(f"  {accepted:g} jobs accepted, but {ended:g} ended and {live:g} live   <-- differs")
        return False
    show(f"  {len(rows) - len(differing)} of {len(rows)} numbers are equal; "
         f"{accepted:g} jobs accepted = {ended:g} ended + {live:g} live")
    return not differing


def excerpt(page):
    """The lines of the service's own families; of the histograms only sum and count."""
    for line in page.splitlines():
        name = line.split(" ")[2] if line.startswith("#") else re.split("[{ ]", line)[0]
        own = name.startswith(("whisper_", "http_requests_total", "section_", "process_cpu_",
                               "process_resident_"))
        if own and not name.endswith("_bucket") and not line.startswith("# HELP"):
            yield line
