"""An HTTP server that records what a Gateway sends; a job named answerNNN is answered NNN."""

import collections
import contextlib
import http.server
import re
import threading


class Recorder(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        asked = re.search("/answer([0-9]+)", self.path)
        said = "%s %s %s" % (self.headers.get("Content-Type", "-") if body else "-",
                             self.headers.get("Authorization", "-"),
                             body.replace("\\", "\\\\").replace("\n", "\\n"))
        with self.server.lock:
            self.server.requests["%s %s" % (self.command, self.path)][said] += 1
        self.send_response(int(asked[1]) if asked else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_PUT = do_DELETE = do_GET = answer

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def recorder():
    """Gives the server: server_port, requests (what -> how -> how often)."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    server.lock = threading.Lock()
    server.requests = collections.defaultdict(collections.Counter)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def facts(server):
    """What was recorded, as lines of a transcript. In no order: several requests run at once."""
    for what, ways in sorted(server.requests.items()):
        yield "gateway/sent %s" % what, "; ".join(
            "%d x %s" % (count, how) for how, count in sorted(ways.items()))
