#!/usr/bin/env python3
"""Starts the transcriber and the receivers of its backends, speaks to it and checks what arrived.

Posts spoken digits and a sentence, two broken uploads and a job that it cancels; shows the texts
and the service's families, and compares them with a tally of its own: on /metrics, and at the
OpenTelemetry Collector (otlp), statsd_exporter (statsd) and the file (jsonl). Then it goes on with
a light load until Ctrl-C, or until --for is over. Exit code: 0 when every text and every number
was right and the service ended well; else 1.
"""

import argparse
import contextlib
import random
import re
import signal
import sys
import threading
import time

import client as transcriber
import receivers  # in ../common, where client looks
import speech

SPOKEN = ["one two three", "four five six", "seven eight nine zero", "nine one one",
          "three zero eight two five", "two four six eight"]
SENTENCE = "this is a test of the service"

interrupted = threading.Event()


def first_round(client):
    """Whether every text was right."""
    well = True
    digits = [(text, client.submit(speech.say(text), grammar=True)) for text in SPOKEN]
    sentence = client.submit(speech.say(SENTENCE))
    broken = [client.submit(b"not a recording"), client.submit(speech.say(SPOKEN[0])[:-1000])]
    unwanted = client.submit(speech.say(SENTENCE))
    cancelled = client.cancel(unwanted)
    for text, job in digits:
        heard = client.wait(job).get("text")
        well = well and heard == text
        print(f"  said {text!r}, heard {heard!r}" + ("" if heard == text else "   <-- differs"))
    print(f"  said {SENTENCE!r}, heard {client.wait(sentence).get('text')!r} "
          "(free speech by a robot is hard)")
    for job in broken:
        answer = client.wait(job)
        well = well and answer["state"] == "failed"
        print(f"  a broken upload {answer['state']}: {answer.get('message')}")
    print(f"  one job was {'cancelled' if cancelled else 'done before it could be cancelled'}")
    client.wait(unwanted)
    return well


def light_load(client, end):
    choice = random.Random(1)
    while not interrupted.is_set() and (end is None or time.monotonic() < end):
        client.wait(client.submit(speech.say(choice.choice(SPOKEN)), grammar=True))
        interrupted.wait(0.2 if end is None else max(0, min(0.2, end - time.monotonic())))


def run(options):
    begin = time.monotonic()
    end = None if options.run_for is None else begin + options.run_for
    backends = [name.strip().lower() for name in options.backend.split(",")]
    with contextlib.ExitStack() as stack:
        places = []  # (name, values)
        environment = {}
        for name in backends:
            if name in receivers.RECEIVERS:
                receiver = stack.enter_context(receivers.RECEIVERS[name]())
                places.append((receiver.name, receiver.values))
                environment.update(receiver.environment)
        service = stack.enter_context(transcriber.start(
            options.binary, options.backend, environment=environment, echo=True))
        print(f"transcriber runs at http://{service.address} "
              f"with METRICS_BACKEND={options.backend}")
        client = transcriber.Client(service)
        well = first_round(client)
        if service.metrics_address is not None:
            url = f"http://{service.metrics_address}/metrics"
            places.insert(0, (url, service.values))
            print(f"\nFrom {url}:")
            for line in transcriber.excerpt(service.page()):
                print(" ", line)
        elif "prometheus" in backends:
            well = False
            print("\nThe page at /metrics did not come up.")
        if not places:
            print("\nThis backend has no page to compare with.")
        for name, values in places:
            print(f"\nThis client's tally and what is at {name}:")
            well = transcriber.compare(values, client, show=print) and well
        print(f"\nNow speak yourself:  espeak-ng, or any 16 kHz mono WAV:\n"
              f"    curl --data-binary @digits.wav 'http://{service.address}/jobs?grammar=1'")
        print("A light load goes on " + ("until Ctrl-C." if end is None
                                         else f"until {options.run_for:g} s are over."),
              flush=True)
        light_load(client, end)
        for name, values in places:
            print(f"At the end, at {name}:")
            lines = []
            well = transcriber.compare(values, client, show=lines.append) and well
            print("\n".join(line for line in lines if "differs" in line or "are equal" in line))
        code, took = service.stop(timeout=100)
        print(f"The service ended with exit code {code} {took:.1f} s after SIGTERM.")
        return well and code == 0


def seconds(text):
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m)?", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 5s or 2m")
    return float(match[1]) * (60 if match[2] == "m" else 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", required=True, help="the built transcriber")
    parser.add_argument("--for", dest="run_for", type=seconds, metavar="TIME",
                        help="end after so long (5s, 2m) instead of at Ctrl-C")
    parser.add_argument("--backend", default="prometheus", metavar="NAMES",
                        help="METRICS_BACKEND of the service (default: prometheus)")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: interrupted.set())
    try:
        return 0 if run(options) else 1
    except (receivers.Missing, speech.Missing) as missing:
        print(missing, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
