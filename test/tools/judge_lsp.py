#!/usr/bin/env python3
"""`polymeter lsp` in front of clangd, by recorded sessions and hostile ones.

    judge_lsp.py POLYMETER TRANSCRIPTS [--sanitized | --latency]

Both ends are recorded, here and beside the server: what the client wrote is byte for byte what the
server read, and back; the exit codes are those without the proxy; requests, notifications and ends are
counted from the recordings, apart from polymeter, and compared with the metrics. --latency prints the
time of a message through the proxy and through a plain relay instead; --sanitized looks at no memory,
which a sanitizer keeps.
"""

import collections
import contextlib
import hashlib
import json
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = pathlib.Path(__file__).resolve()
CLANGD = shutil.which("clangd-14") or shutil.which("clangd")
# Those in the transcripts that LSP 3.17 or clangd has.
METHODS = {
    "initialize", "initialized", "shutdown", "exit", "$/cancelRequest", "$/progress",
    "$/memoryUsage",  # clangd's
    "window/workDoneProgress/create", "textDocument/didOpen", "textDocument/didChange",
    "textDocument/didClose", "textDocument/publishDiagnostics", "textDocument/hover",
    "textDocument/completion", "textDocument/definition", "textDocument/references",
    "textDocument/documentSymbol", "textDocument/semanticTokens/full", "workspace/symbol",
}
polymeter = None
transcripts = None
sanitized = "--sanitized" in sys.argv


# --- beside the server ----------------------------------------------------------------------------


def pump(source, sink, copy):
    """Until the source ends; what is on the way is in the copy first."""
    with open(copy, "wb", buffering=0) as out, contextlib.suppress(BrokenPipeError):
        while data := os.read(source, 1 << 16):
            out.write(data)
            view = memoryview(data)
            while view:
                view = view[os.write(sink, view):]
    with contextlib.suppress(OSError):
        os.close(sink)


def record(folder, command):
    """Runs the server, keeps what it hears and says, and ends as it does."""
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    (folder / "pid").write_text(str(server.pid))
    hears = threading.Thread(target=pump, daemon=True,
                             args=(0, server.stdin.fileno(), folder / "heard"))
    says = threading.Thread(target=pump, args=(server.stdout.fileno(), 1, folder / "said"))
    hears.start()
    says.start()
    code = server.wait()
    says.join()
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code != signal.SIGKILL else None
        os.kill(os.getpid(), -code)
    os._exit(code)


def answer():
    """A server that answers each request at once and has diagnostics for each edit."""
    def send(message):
        body = json.dumps(message).encode()
        out.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        out.flush()
    out, lines = sys.stdout.buffer, sys.stdin.buffer
    while line := lines.readline():
        if not line.startswith(b"Content-Length: "):
            continue
        lines.readline()
        message = json.loads(lines.read(int(line[16:])))
        method = message.get("method")
        if "id" in message:
            send({"jsonrpc": "2.0", "id": message["id"], "result": None})
        elif method == "textDocument/didChange":
            document = message["params"]["textDocument"]
            send({"jsonrpc": "2.0", "method": "textDocument/publishDiagnostics",
                  "params": {"uri": document["uri"], "version": document["version"],
                             "diagnostics": [{"severity": 2, "message": "m", "range": {}}]}})
        elif method == "exit":
            return


# --- the client -----------------------------------------------------------------------------------


def frame(message):
    body = json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def wait_until(condition, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


class Session:
    """A server, with or without the proxy, both ends recorded."""

    def __init__(self, folder, proxied, server):
        self.folder = folder
        self.page = folder / "metrics.json"
        command = [sys.executable, str(HERE), "--record", str(folder), *server]
        if proxied:
            command = [polymeter, "lsp", "--server", "clangd", "--", *command]
        env = {**os.environ, "METRICS_BACKEND": "json", "METRICS_JSON_PATH": str(self.page)}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, bufsize=0, env=env)
        self.wrote = b""
        self.read = bytearray()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        while data := self.process.stdout.read(1 << 16):
            self.read += data

    def write(self, data):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(data)
            self.wrote += data

    def wait_for(self, pattern):
        return wait_until(lambda: re.search(pattern, bytes(self.read)))

    def kill_server(self):
        os.kill(int((self.folder / "pid").read_text()), signal.SIGKILL)

    def end(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        code = self.process.wait(60)
        self._reader.join(60)
        self.process.stdout.close()
        return code

    def heard(self):
        return (self.folder / "heard").read_bytes()

    def said(self):
        return (self.folder / "said").read_bytes()


def frames(data):
    """Messages of a stream that keeps the rules, for an independent count."""
    at = 0
    while (end := data.find(b"\r\n\r\n", at)) >= 0:
        length = int(re.search(rb"Content-Length: (\d+)", data[at:end])[1])
        with contextlib.suppress(ValueError):
            yield json.loads(data[end + 4:end + 4 + length])
        at = end + 4 + length


def counted(heard, said):
    """(requests by method, direction and outcome; notifications by method and direction)."""
    requests, notifications = collections.Counter(), collections.Counter()
    streams = {"client_to_server": list(frames(heard)), "server_to_client": list(frames(said))}
    back = {"client_to_server": "server_to_client", "server_to_client": "client_to_server"}
    for direction, messages in streams.items():
        replies = collections.defaultdict(list)
        for message in streams[back[direction]]:
            if isinstance(message, dict) and "id" in message and "method" not in message:
                replies[json.dumps(message["id"])].append(message)
        for message in messages:
            if not isinstance(message, dict) or "method" not in message:
                continue
            if "id" not in message:
                notifications[message["method"], direction] += 1
                continue
            pending = replies[json.dumps(message["id"])]
            outcome = "unanswered"
            if pending:
                code = pending.pop(0).get("error", {}).get("code")
                outcome = {None: "ok", -32800: "cancelled", -32802: "cancelled",
                           -32801: "content_modified"}.get(code, "error")
            requests[message["method"], direction, outcome] += 1
    return requests, notifications


def families(page):
    return {f["name"]: f["series"] for f in json.loads(page.read_text())["families"]}


def memory(pid, what):
    """KiB"""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(what + r":\s+(\d+)", status)[1])


def told(series, *labels):
    found = collections.Counter()
    for point in series:
        if float(point["value"]) != 0:
            found[tuple(point["labels"][label] for label in labels)] += int(float(point["value"]))
    return found


class Lsp(unittest.TestCase):
    def folder(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="polymeter-lsp-"))
        self.addCleanup(shutil.rmtree, folder)
        return folder

    def replay(self, name, proxied):
        """(session, exit code)"""
        folder = self.folder()
        session = Session(folder, proxied, [CLANGD, "--log=error"])
        self.addCleanup(session.process.kill)
        entries = [json.loads(line) for line in
                   (transcripts / f"clangd14_{name}.jsonl").read_text().splitlines()]
        last = 0.0
        initialized = False
        for entry in entries:
            if entry.get("dir") != "c2s":
                continue
            time.sleep(min(max(entry["t_s"] - last, 0), 0.5))
            last = entry["t_s"]
            session.write(entry["frame"].encode())
            if not initialized:
                initialized = session.wait_for(rb'"capabilities"')
                self.assertTrue(initialized)
        if name == "kill":
            # Else the proxy has counted what the server never heard.
            self.assertTrue(wait_until(lambda: session.heard() == session.wrote))
            session.kill_server()
        if name not in ("eof", "lowercase"):
            # The server ends unasked: the end of its input must not be why.
            self.assertTrue(wait_until(lambda: session.process.poll() is not None))
        code = session.end()
        return session, code

    def check_bytes(self, session):
        self.assertEqual(session.heard(), session.wrote[:len(session.heard())])
        self.assertEqual(session.said(), bytes(session.read))

    def test_recorded_and_hostile_sessions_pass_through_untouched(self):
        for name in ("main", "batch", "lowercase", "lfonly", "dupid", "garbage", "badlen", "eof",
                     "exit_noshutdown", "kill"):
            with self.subTest(name):
                _, alone_code = self.replay(name, proxied=False)
                session, code = self.replay(name, proxied=True)
                self.assertEqual(code, alone_code)
                self.check_bytes(session)
                if name in ("main", "eof", "lowercase", "lfonly", "garbage", "badlen", "dupid"):
                    self.assertEqual(session.heard(), session.wrote)  # nothing was left over
                self.assertGreater(len(session.said()), 1000)
                page = families(session.page)
                ends = told(page["lsp_sessions_total"], "end")
                want = {"main": "clean", "kill": "signal", "eof": "eof", "batch": "crash",
                        "exit_noshutdown": "no_shutdown"}.get(name)
                if want is not None:
                    self.assertEqual(ends, {(want,): 1})
                if name not in ("main", "dupid", "eof", "exit_noshutdown", "kill"):
                    continue
                requests, notifications = counted(session.heard(), session.said())
                self.assertEqual(
                    sorted(self.folded(requests).items()),
                    sorted(told(page["lsp_requests_total"], "method", "direction",
                                "outcome").items()))
                self.assertEqual(
                    sorted(self.folded(notifications).items()),
                    sorted(told(page["lsp_notifications_total"], "method", "direction").items()))

    @staticmethod
    def folded(counts):
        """A method that the protocol does not have is `other`."""
        result = collections.Counter()
        for (method, *rest), count in counts.items():
            result[method if method in METHODS else "other", *rest] += count
        return result

    def test_a_hundred_megabytes_pass_in_bounded_memory(self):
        body = b'{"jsonrpc":"2.0","method":"x/y","params":"' + b"a" * (100 << 20) + b'"}'
        data = b"Content-Length: %d\r\n\r\n" % len(body) + body
        process = subprocess.Popen([polymeter, "lsp", "--", "cat"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, bufsize=0,
                                   env={**os.environ, "METRICS_BACKEND": "json",
                                        "METRICS_JSON_PATH": str(self.folder() / "page")})
        self.addCleanup(process.kill)
        digest = hashlib.sha256()
        got = 0

        def read():
            nonlocal got
            while piece := process.stdout.read(1 << 20):
                digest.update(piece)
                got += len(piece)

        reader = threading.Thread(target=read)
        reader.start()
        view = memoryview(data)
        while view:
            view = view[process.stdin.write(view[:1 << 20]):]
        while got < len(data) and reader.is_alive():
            time.sleep(0.01)
        peak = memory(process.pid, "VmHWM")
        process.stdin.close()
        reader.join(120)
        self.assertEqual(process.wait(60), 0)
        self.assertEqual((got, digest.hexdigest()), (len(data), hashlib.sha256(data).hexdigest()))
        print(f"at most {peak / 1024:.1f} MiB", file=sys.stderr)
        self.assertLess(peak, (500 if sanitized else 32) << 10)

    def test_an_hour_of_editing_leaks_nothing(self):
        process = subprocess.Popen(
            [polymeter, "lsp", "--server", "mine", "--", sys.executable, str(HERE), "--answer"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
            env={**os.environ, "METRICS_BACKEND": "json",
                 "METRICS_JSON_PATH": str(self.folder() / "page")})
        self.addCleanup(process.kill)
        said = b""  # the end of it

        def read():
            nonlocal said
            while data := process.stdout.read(1 << 16):
                said = (said + data)[-8192:]

        def resident():
            """KiB, once the server has answered everything."""
            reply = b'"id": %s, "result"' % json.dumps(last).encode()
            self.assertTrue(wait_until(lambda: reply in said, 100))
            time.sleep(0.5)
            return memory(process.pid, "VmRSS")

        threading.Thread(target=read, daemon=True).start()

        # Two edits and a completion a second, a hover now and then, files opened and closed.
        seconds = 3600
        early = None
        last = None
        for second in range(seconds):
            uri = f"file:///tmp/file{second // 60}.cpp"
            messages = []
            if second % 60 == 0:
                messages.append({"method": "textDocument/didOpen", "params": {"textDocument": {
                    "uri": uri, "languageId": "cpp", "version": 1, "text": "int x;\n" * 200}}})
            for edit in range(2):
                messages.append({"method": "textDocument/didChange", "params": {
                    "textDocument": {"uri": uri, "version": 2 * second + edit + 2},
                    "contentChanges": [{"text": "int y;"}]}})
            last = second
            messages.append({"id": last, "method": "textDocument/completion", "params": {}})
            if second % 5 == 0:
                last = f"h{second}"
                messages.append({"id": last, "method": "textDocument/hover", "params": {}})
                messages.append({"method": "$/cancelRequest", "params": {"id": last}})
            if second % 60 == 59:
                messages.append({"method": "textDocument/didClose",
                                 "params": {"textDocument": {"uri": uri}}})
            process.stdin.write(b"".join(frame({"jsonrpc": "2.0", **m}) for m in messages))
            if second == seconds // 6:
                early = resident()
        late = resident()
        process.stdin.close()
        self.assertEqual(process.wait(60), 0)
        print(f"{early} KiB after ten minutes, {late} KiB after an hour", file=sys.stderr)
        if not sanitized:
            self.assertLess(late, early + 1024)


# --- latency --------------------------------------------------------------------------------------


def round_trips(command, count=4000):
    """Seconds from a message's writing to its echo, sorted."""
    message = frame({"jsonrpc": "2.0", "id": 1, "method": "textDocument/hover",
                     "params": {"textDocument": {"uri": "file:///a.cpp"}, "position": {"line": 1}}})
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
                               stderr=subprocess.DEVNULL)
    times = []
    for _ in range(count):
        begin = time.perf_counter()
        process.stdin.write(message)
        left = len(message)
        while left:
            left -= len(process.stdout.read(left))
        times.append(time.perf_counter() - begin)
        time.sleep(0.0002)
    process.stdin.close()
    process.wait(30)
    return sorted(times[count // 10:])


def latency():
    """An echoing server behind nothing, a plain relay each way, and the proxy."""
    os.environ.update(METRICS_BACKEND="prometheus", METRICS_PROMETHEUS_PORT="0")
    rows = {"none": ["cat"], "plain relay": ["sh", "-c", "cat | cat | cat"],
            "polymeter lsp": [polymeter, "lsp", "--", "cat"]}
    results = {name: [] for name in rows}
    for _ in range(3):  # in turn, and each row's best: the machine has other things to do
        for name, command in rows.items():
            times = round_trips(command)
            results[name].append((times[len(times) // 2], times[len(times) * 99 // 100]))
    best = {name: (min(r[0] for r in rs), min(r[1] for r in rs)) for name, rs in results.items()}
    for name, (median, p99) in best.items():
        print(f"{name:15} median {median * 1e6:7.1f} us   p99 {p99 * 1e6:7.1f} us")
    base = best["none"]
    added = {name: (max(m - base[0], 0), max(p - base[1], 0)) for name, (m, p) in best.items()}
    ratio = added["polymeter lsp"][1] / max(added["plain relay"][1], 1e-9)
    print(f"added at p99: {ratio:.2f}x a plain relay")
    return 0 if ratio <= 3 else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--record"]:
        record(pathlib.Path(sys.argv[2]), sys.argv[3:])
    if sys.argv[1:2] == ["--answer"]:
        answer()
        sys.exit(0)
    polymeter = str(pathlib.Path(sys.argv.pop(1)).resolve())
    transcripts = pathlib.Path(sys.argv.pop(1))
    if sanitized:
        sys.argv.remove("--sanitized")
    if "--latency" in sys.argv:
        sys.exit(latency())
    if CLANGD is None:
        print("skipped: no clangd (Debian: clangd-14)")
        sys.exit(1 if os.environ.get("CI") == "true" else 77)
    unittest.main(verbosity=2)
