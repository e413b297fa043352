"""Receivers that fail, each in one way. They record nothing but how often they were asked."""

import contextlib
import os
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n"


def answer(status, headers="", body=b""):
    head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return head.encode() + body


# ExportMetricsServiceResponse{partial_success{rejected_data_points: 3, error_message: "bad"}}
PARTIAL = bytes([0x0A, 0x07, 0x08, 0x03, 0x12, 0x03]) + b"bad"


class HttpServer:
    """Reads each request to its end and calls `behave(connection, number, head)`."""

    def __init__(self, behave, port=0, tls=None):
        self._behave = behave
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        self.asked = 0
        self._connections = set()
        self._closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while not self._closed:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        self._connections.add(connection)
        with contextlib.suppress(OSError, ValueError):
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            while True:
                head = self._read_request(connection)
                self.asked += 1
                if self._behave(connection, self.asked, head) is False:
                    break
        with contextlib.suppress(OSError):
            connection.close()

    @staticmethod
    def _read_request(connection):
        data = b""
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            if not piece:
                raise OSError("closed")
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
            if line.lower().startswith(b"expect: 100-continue"):
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(body) < length:
            piece = connection.recv(65536)
            if not piece:
                raise OSError("closed")
            body += piece
        return head

    def close(self):
        self._closed = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def says(data):
    def behave(connection, *_):
        connection.sendall(data)
    return behave


def first_then_ok(data, times=1):
    def behave(connection, number, _):
        connection.sendall(data if number <= times else OK)
    return behave


def never_answers(connection, *_):
    time.sleep(30)
    return False


def refuses_method(method, data):
    """Answers requests of that method with `data`, or, for None, never; others well."""
    def behave(connection, _, head):
        if not head.startswith(method + b" "):
            connection.sendall(OK)
        elif data is None:
            time.sleep(30)
            return False
        else:
            connection.sendall(data)
        return True
    return behave


def answers_slowly(connection, *_):
    time.sleep(0.4)
    connection.sendall(OK)


def resets(connection, *_):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    return False


def self_signed():
    """An SSL context with a certificate that nobody trusts."""
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = os.path.join(folder, "k.pem"), os.path.join(folder, "c.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-keyout", key, "-out", certificate],
                       check=True, capture_output=True, timeout=60)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
