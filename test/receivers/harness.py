"""Starting what the judges need: the program with the corpus, servers, and how to skip."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

SKIP = 77


def missing(what):
    """A receiver that is not there: a failure in CI, elsewhere a skip that is said."""
    print('SKIPPED: %s is missing' % what)
    sys.exit(1 if os.environ.get('CI') == 'true' else SKIP)


def need_tool(name):
    path = shutil.which(name)
    if path is None:
        missing(name)
    return path


@contextlib.contextmanager
def directory():
    path = tempfile.mkdtemp(prefix='polymeter-receivers-')
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def corpus(program, path):
    """The program with its pages in `path`; gives the endpoint that it serves."""
    with served(program, path) as (endpoint, _):
        yield endpoint


@contextlib.contextmanager
def served(program, path):
    """The same; gives the process, too."""
    process = subprocess.Popen([program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL)
    try:
        line = process.stdout.readline().decode()
        if not line.startswith('ready '):
            raise RuntimeError('%s ended with %s' % (program, process.wait(30)))
        yield line.split()[1], process
    finally:
        process.stdin.close()
        try:
            code = process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        process.stdout.close()
    if code != 0:
        raise RuntimeError('%s ended with %d' % (program, code))


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def read(path):
    with open(path, 'rb') as file:
        return file.read()


def get(url, headers=None, timeout=30):
    request = urllib.request.Request(url, headers=headers or {})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return opener.open(request, timeout=timeout)


def wait_for(condition, what, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.2)
    raise RuntimeError('not within %d s: %s' % (seconds, what))
