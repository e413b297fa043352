#!/usr/bin/env python3
"""The transcriber as its users meet it: texts, twenty jobs, refusals, shutdown."""

import argparse
import array
import http.client
import os
import pathlib
import re
import struct
import subprocess
import sys
import time
import unittest

import client as transcriber
import receivers  # in ../common, where client looks
import speech
from client import FREE, GRAMMAR, ONE_WORKER, Client, total, value_of

HERE = pathlib.Path(__file__).resolve().parent
SENTENCE = "hello world"
# Every digit, alone and beside others.
SPOKEN = ["one two three", "four five six", "seven eight nine zero", "nine one one",
          "three zero eight two five", "six", "two four six eight", "five five five",
          "eight six seven", "four two", "seven"]
binary = None


def need(look, missing):
    """Skips where a program is not there, which in CI is a failure."""
    try:
        look()
    except missing as what:
        if os.environ.get("CI") == "true":
            raise
        raise unittest.SkipTest(str(what)) from None


def setUpModule():
    need(speech.synthesiser, speech.Missing)


def check_tally(service, client):
    lines = []
    if not transcriber.compare(service.values, client, show=lines.append):
        raise AssertionError("\n".join(lines))


def fine_format(rate=speech.RATE, channels=1, bits=16, kind=1):
    return struct.pack("<HHIIHH", kind, channels, rate, rate * channels * bits // 8,
                       channels * bits // 8, bits)


def chunk(name, data, size=None):
    return name + struct.pack("<I", len(data) if size is None else size) + data


def riff(*chunks):
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


class Texts(unittest.TestCase):
    def test_spoken_digits_come_out_exactly_whatever_was_said_before(self):
        with transcriber.start(binary, None, ONE_WORKER) as service:
            client = Client(service)
            for round_ in (SPOKEN, SPOKEN[::-1]):
                jobs = [(text, client.submit(speech.say(text), grammar=True)) for text in round_]
                for text, job in jobs:
                    self.assertEqual(client.wait(job),
                                     {"id": job, "state": "completed", "text": text})

    def test_free_speech_is_some_text_and_always_the_same(self):
        with transcriber.start(binary, None, ("--workers", "1")) as service:
            client = Client(service)
            heard = []
            for _ in range(2):
                heard.append(client.wait(client.submit(speech.say(SENTENCE)))["text"])
                client.wait(client.submit(speech.say("seven eight nine zero")))
            self.assertRegex(heard[0], r"^[a-z]+( [a-z']+)+$")
            self.assertEqual(heard[0], heard[1])

    def test_silence_has_no_words(self):
        with transcriber.start(binary, None, ONE_WORKER) as service:
            client = Client(service)
            recording = speech.wav_file(bytes(2 * speech.RATE))
            self.assertEqual(client.wait(client.submit(recording))["text"], "")

    def test_other_chunks_and_odd_lengths_are_passed_over(self):
        recording = speech.say("one two three")
        samples = recording[44:]
        file = riff(chunk(b"LIST", b"abc") + b"\0", chunk(b"fmt ", fine_format() + b"\0\0"),
                    chunk(b"fact", b"1234"), chunk(b"data", samples), chunk(b"tail", b"x"))
        with transcriber.start(binary, None, ONE_WORKER) as service:
            client = Client(service)
            answer = client.wait(client.submit(file, grammar=True))
            self.assertEqual(answer.get("text"), "one two three", answer)


class BrokenUploads(unittest.TestCase):
    def test_are_jobs_that_fail_as_bad_audio(self):
        good = speech.say("six")
        samples = chunk(b"data", good[44:])
        broken = {
            "no WAV": os.urandom(5000),
            "no WAV at all": b"R",
            "cut off": good[:-1000],
            "cut off at once": good[:40],
            "no data": riff(chunk(b"fmt ", fine_format())),
            "no samples": riff(chunk(b"fmt ", fine_format()), chunk(b"data", b"")),
            "within a sample": riff(chunk(b"fmt ", fine_format()), chunk(b"data", b"abc")),
            "format is missing": riff(samples, chunk(b"fmt ", fine_format())),
            "format is cut off": riff(chunk(b"fmt ", fine_format()[:14]), samples),
            "not PCM": riff(chunk(b"fmt ", fine_format(kind=3)), samples),
            "one channel": riff(chunk(b"fmt ", fine_format(channels=2)), samples),
            "16 kHz": riff(chunk(b"fmt ", fine_format(rate=44100)), samples),
            "16 bits": riff(chunk(b"fmt ", fine_format(bits=8)), samples),
            "is cut off": riff(chunk(b"LIST", b"abc", size=2**32 - 1), samples),
        }
        with transcriber.start(binary, "prometheus", ONE_WORKER) as service:
            client = Client(service)
            for name, recording in broken.items():
                with self.subTest(name):
                    answer = client.wait(client.submit(recording, grammar=True))
                    self.assertEqual((answer["state"], answer["reason"]), ("failed", "bad_audio"))
            self.assertEqual(client.ended["failed", GRAMMAR], len(broken))
            check_tally(service, client)


class TwentyJobs(unittest.TestCase):
    def setUp(self):
        need(lambda: receivers.tool("otelcol"), receivers.Missing)

    def test_are_shown_alike_by_the_page_and_the_collector(self):
        with receivers.Collector() as collector, transcriber.start(
                binary, "prometheus,otlp", environment=collector.environment) as service:
            client = Client(service)
            begin = time.monotonic()
            jobs = [client.submit(speech.say(SENTENCE)) for _ in range(4)]
            texts = {client.submit(speech.say(text), grammar=True): text for text in SPOKEN}
            texts[client.submit(speech.say("six"), grammar=True)] = "six"
            texts[client.submit(speech.say("seven"), grammar=True)] = "seven"
            broken = [client.submit(os.urandom(20_000), grammar=True),
                      client.submit(speech.say("six")[:-100])]
            unwanted = client.submit(speech.say(SENTENCE))  # behind the others
            self.assertTrue(client.cancel(unwanted))
            self.assertFalse(client.cancel(unwanted))
            jobs += [*texts, *broken, unwanted]
            self.assertEqual(len(jobs), 20)

            while sum(client.ended.values()) < len(jobs):
                accepted, ended, live = transcriber.balance(service.values())
                self.assertEqual(accepted, 20)
                # A page that is read while a job ends may miss the one, never have it twice.
                self.assertIn(ended + live, range(20 - 2, 20 + 1))
                for job in jobs:
                    state = client.send("GET", f"/jobs/{job}", "/jobs/{id}")[2]["state"]
                    if state not in ("queued", "running"):
                        client.wait(job)
                time.sleep(0.2)
            elapsed = time.monotonic() - begin
            for job, text in texts.items():
                self.assertEqual(client.wait(job)["text"], text)

            self.assertEqual([sum(client.ended[state, model] for model in (FREE, GRAMMAR))
                              for state in ("completed", "failed", "cancelled")], [17, 2, 1])
            check_tally(service, client)
            page = service.values()
            self.assertEqual(transcriber.balance(page), (20, 20, 0))
            self.check_sense(page, elapsed)
            self.check_same(page, collector)
            self.assertEqual(service.stop()[0], 0)
            self.assertEqual(service.errors, [])

    def check_sense(self, page, elapsed):
        workers = value_of(page, "whisper_workers")
        self.assertEqual(workers, 2)
        self.assertEqual(value_of(page, "whisper_workers_busy"), 0)
        self.assertEqual(value_of(page, "whisper_oldest_job_age_seconds", queue="default"), 0)
        self.assertEqual(total(page, "whisper_job_invalid_transitions_total"), 0)
        self.assertEqual(total(page, "whisper_job_labels_folded_total"), 0)
        self.assertEqual(total(page, "whisper_job_inputs_clamped_total"), 0)
        # All but the cancelled one were started. They waited, none longer than all this took.
        waits = total(page, "whisper_job_wait_seconds_count")
        waited = total(page, "whisper_job_wait_seconds_sum")
        self.assertEqual(waits, 19)
        self.assertTrue(0 < waited < waits * elapsed, waited)
        # The last one waited for what two workers did before it: the queue was real.
        busy = total(page, "whisper_job_duration_seconds_sum")
        self.assertTrue(0 < busy < workers * elapsed, busy)
        self.assertGreater(waited, busy / workers)
        lengths = {FREE: [speech.seconds_of(speech.say(SENTENCE))],
                   GRAMMAR: [speech.seconds_of(speech.say(text)) for text in SPOKEN]}
        for model in (FREE, GRAMMAR):
            ran = total(page, "whisper_job_duration_seconds_sum", model=model,
                        outcome="completed")
            factors = total(page, "whisper_realtime_factor_sum", model=model)
            # Each duration is its factor times its length.
            self.assertGreaterEqual(ran, factors * min(lengths[model]) * (1 - 1e-6), model)
            self.assertLessEqual(ran, factors * max(lengths[model]) * (1 + 1e-6), model)
            self.assertGreater(factors, 0)
        # The recognition is what the CPU was used for.
        used = total(page, "section_cpu_seconds_total", section="recognition")
        self.assertTrue(0 < used <= busy * 1.05 + 0.1, (used, busy))
        self.assertGreaterEqual(total(page, "process_cpu_seconds_total"), used)

    def check_same(self, page, collector):
        """Every series of the adapters that rests is the same at both ends, no more and no less."""
        def resting(values):
            return {(name, frozenset((label, f"{float(value):g}" if label == "le" else value)
                                     for label, value in labels)): number
                    for (name, labels), number in values.items()
                    if name.startswith(("whisper_", "section_", "http_request"))}
        end = time.monotonic() + 20
        while True:
            there = resting(collector.values())
            here = resting(page)
            differing = {key for key in here.keys() | there.keys()
                         if not transcriber.same(here.get(key, -1), there.get(key, -1))}
            if not differing or time.monotonic() > end:
                break
            time.sleep(0.2)
        self.assertGreater(len(here), 100)
        self.assertEqual([(name, sorted(labels), here.get((name, labels)),
                           there.get((name, labels)))
                          for name, labels in sorted(differing, key=str)], [])


class Requests(unittest.TestCase):
    def test_that_cannot_be_jobs_are_refused(self):
        recording = speech.say("six")
        long = speech.wav_file(bytes(speech.RATE * 2 * 65))
        with transcriber.start(binary, "prometheus", ONE_WORKER) as service:
            client = Client(service)
            for path, body, status in (("/jobs", b"", 400), ("/jobs?grammar=2", recording, 400),
                                       ("/jobs?model=x", recording, 400),
                                       ("/jobs?grammar=1&grammar=0", recording, 400),
                                       ("/jobs", long, 413)):
                answered, _, answer = client.send("POST", path, "/jobs", body)
                self.assertEqual(answered, status, path)
                self.assertIn("error", answer)
            for method, path, route in (("GET", "/jobs/999", "/jobs/{id}"),
                                        ("DELETE", "/jobs/999", "/jobs/{id}"),
                                        ("GET", "/jobs/99999999999999999999", "/jobs/{id}"),
                                        ("GET", "/jobs/" + "9" * 4000, "_unmatched"),
                                        ("GET", "/jobs/x", "_unmatched"),
                                        ("GET", "/../etc/passwd", "_unmatched"),
                                        ("PUT", "/jobs", "_unmatched")):
                self.assertEqual(client.send(method, path, route)[0], 404, path)
            self.assertEqual(client.send("GET", "/healthz", "/healthz")[0], 200)
            done = client.submit(recording, grammar=True)
            client.wait(done)
            status, _, answer = client.send("DELETE", f"/jobs/{done}", "/jobs/{id}")
            self.assertEqual((status, answer["text"]), (409, "six"))
            check_tally(service, client)

    def test_a_grammar_is_refused_where_there_is_none(self):
        with transcriber.start(binary, None, ("--workers", "1")) as service:
            client = Client(service)
            self.assertIsNone(client.submit(speech.say("six"), grammar=True))
            self.assertEqual(client.requests["POST", "/jobs", 400], 1)

    def test_a_form_is_refused_and_curls_content_type_is_not(self):
        with transcriber.start(binary, None, ONE_WORKER) as service:
            for kind, expected in (("multipart/form-data; boundary=x", 415),
                                   ("application/x-www-form-urlencoded", 202)):
                connection = http.client.HTTPConnection(service.address, timeout=30)
                connection.request("POST", "/jobs?grammar=1", speech.say("six"),
                                   {"Content-Type": kind})
                self.assertEqual(connection.getresponse().status, expected)
                connection.close()

    def test_the_trace_of_a_request_stays_with_its_job(self):
        trace = "0af7651916cd43dd8448eb211c80319c"
        with transcriber.start(binary, "prometheus", ONE_WORKER) as service:
            client = Client(service)
            for header in (f"00-{trace}-b7ad6b7169203331-01", f"00-{trace}-zz-01"):
                connection = http.client.HTTPConnection(service.address, timeout=30)
                connection.request("POST", "/jobs?grammar=1", speech.say("six"),
                                   {"traceparent": header})
                job = re.search(rb'"id": "(\d+)"', connection.getresponse().read())[1].decode()
                connection.close()
                answer = client.wait(job)
                self.assertEqual(answer.get("trace_id"), trace if "zz" not in header else None)
            for result in ("valid", "invalid"):
                self.assertEqual(total(service.values(), "traceparent_headers_total",
                                       result=result), 1)


class Limits(unittest.TestCase):
    def test_a_full_queue_answers_429_and_healthz_still_works(self):
        with transcriber.start(binary, "prometheus",
                               ("--workers", "1", "--queue", "2")) as service:
            client = Client(service)
            jobs = [client.submit(speech.say(SENTENCE)) for _ in range(8)]
            status, headers, _ = client.send("POST", "/jobs", "/jobs", speech.say(SENTENCE))
            self.assertEqual((status, headers["Retry-After"]), (429, "1"))
            self.assertEqual(client.send("GET", "/healthz", "/healthz")[0], 200)
            taken = [job for job in jobs if job is not None]
            self.assertIn(len(taken), range(2, 8))
            for job in taken:
                self.assertEqual(client.wait(job)["state"], "completed")
            check_tally(service, client)

    def test_a_running_job_is_cancelled_at_once_and_its_result_dropped(self):
        with transcriber.start(binary, "prometheus", ("--workers", "1")) as service:
            client = Client(service)
            samples = speech.say(SENTENCE)[44:] * 4
            job = client.submit(speech.wav_file(samples))
            while client.send("GET", f"/jobs/{job}", "/jobs/{id}")[2]["state"] == "queued":
                time.sleep(0.01)
            self.assertTrue(client.cancel(job))
            # The next one comes after the first one's recording, so its worker is done with that.
            self.assertEqual(client.wait(client.submit(b"broken"))["state"], "failed")
            self.assertEqual(client.wait(job), {"id": job, "state": "cancelled"})
            check_tally(service, client)
            self.assertEqual(total(service.values(), "whisper_job_invalid_transitions_total"), 0)

    def test_the_oldest_ended_jobs_are_forgotten(self):
        with transcriber.start(binary, "prometheus", ("--workers", "1", "--keep", "2")) as service:
            client = Client(service)
            jobs = []
            for _ in range(5):
                jobs.append(client.submit(b"broken"))
                client.wait(jobs[-1])
            statuses = [client.send("GET", f"/jobs/{job}", "/jobs/{id}")[0] for job in jobs]
            self.assertEqual(statuses, [404, 404, 404, 200, 200])
            check_tally(service, client)


class Shutdown(unittest.TestCase):
    def test_finishes_what_it_took_and_pushes_its_last_numbers(self):
        need(lambda: receivers.tool("otelcol"), receivers.Missing)
        with receivers.Collector() as collector:
            environment = {**collector.environment, "METRICS_OTLP_INTERVAL": "10m"}
            with transcriber.start(binary, "otlp", environment=environment) as service:
                client = Client(service)
                for text in SPOKEN:
                    client.submit(speech.say(text), grammar=True)
                code, _ = service.stop(timeout=60)
                self.assertEqual((code, service.errors), (0, []))
            end = time.monotonic() + 10
            while transcriber.balance(collector.values())[0] == 0 and time.monotonic() < end:
                time.sleep(0.1)
            values = collector.values()
            self.assertEqual(transcriber.balance(values), (len(SPOKEN), len(SPOKEN), 0))
            self.assertEqual(total(values, "whisper_jobs_completed_total"), len(SPOKEN))

    def test_loses_what_still_waits_when_the_time_to_drain_is_over(self):
        need(lambda: receivers.tool("otelcol"), receivers.Missing)
        options = ("--workers", "1", "--drain", "0")
        with receivers.Collector() as collector:
            with transcriber.start(binary, "otlp", options,
                                   environment=collector.environment) as service:
                client = Client(service)
                for _ in range(10):
                    client.submit(speech.say(SENTENCE))
                code, _ = service.stop(timeout=60)
                self.assertEqual(code, 0)
                self.assertEqual(service.errors,
                                 ["transcriber: work was left when the time to drain ran out"])
            end = time.monotonic() + 10
            while (transcriber.balance(collector.values())[:2] != (10, 10)
                   and time.monotonic() < end):
                time.sleep(0.1)
            values = collector.values()
            self.assertEqual(transcriber.balance(values), (10, 10, 0))
            self.assertGreater(total(values, "whisper_jobs_lost_total"), 5)


class Start(unittest.TestCase):
    def run_it(self, *options):
        return subprocess.run([binary, *options], capture_output=True, text=True, timeout=60)

    def test_without_a_model_or_with_a_bad_grammar_ends_with_a_message(self):
        bad = HERE / "packages.txt"  # no JSGF
        for options in (["--model", "/nowhere"], ["--grammar", "/nowhere"],
                        ["--grammar", str(bad)]):
            done = self.run_it("--listen", "127.0.0.1:0", *options)
            self.assertEqual(done.returncode, 1, options)
            self.assertIn("transcriber: cannot use the model", done.stderr)

    def test_does_not_understand_every_command_line(self):
        for options in (["--workers", "0"], ["--queue", "x"], ["--listen", "here"], ["--grammar"],
                        ["--listen", "127.0.0.1:99999"], ["--what", "1"]):
            done = self.run_it(*options)
            self.assertEqual(done.returncode, 1, options)
            self.assertIn("usage:", done.stderr)
        self.assertIn("usage:", self.run_it("--help").stdout)


class Demonstration(unittest.TestCase):
    def run_demo(self, *options):
        return subprocess.run([sys.executable, HERE / "demo.py", "--binary", binary, *options],
                              capture_output=True, text=True, timeout=120)

    def test_ends_by_itself_with_equal_tallies(self):
        done = self.run_demo("--for", "2s")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn("differs", done.stdout)
        self.assertIn("heard 'seven eight nine zero'", done.stdout)
        self.assertEqual(len(re.findall(r"(\d+) of \1 numbers are equal", done.stdout)), 2)

    def test_agrees_with_every_receiver(self):
        for name in ("otelcol", "statsd_exporter"):
            need(lambda name=name: receivers.tool(name), receivers.Missing)
        done = self.run_demo("--for", "1s", "--backend", "prometheus,otlp,statsd,jsonl")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(len(re.findall(r"(\d+) of \1 numbers are equal", done.stdout)), 8)

    def test_notices_a_service_that_counts_wrong(self):
        with transcriber.start(binary, "prometheus", ONE_WORKER) as service:
            client = Client(service)
            client.wait(client.submit(b"counted on both sides"))
            service.request("POST", "/jobs", b"seen by the service only")
            lines = []
            self.assertFalse(transcriber.compare(service.values, client, 1, lines.append))
            self.assertIn("<-- differs", "\n".join(lines))


class Speech(unittest.TestCase):
    def test_resampling_keeps_a_tone_and_drops_what_cannot_be_held(self):
        import math
        for frequency, low, high in ((1000, 0.95, 1.05), (10000, 0, 0.02)):
            tone = array.array("h", [round(10000 * math.sin(2 * math.pi * frequency * n / 22050))
                                     for n in range(4410)])
            out = speech.resample(tone, 22050)[100:-100]
            power = math.sqrt(sum(s * s for s in out) / len(out)) * math.sqrt(2) / 10000
            self.assertTrue(low <= power <= high, (frequency, power))
            self.assertAlmostEqual(len(out) + 200, 3200, delta=2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    known, rest = parser.parse_known_args()
    binary = known.binary
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
