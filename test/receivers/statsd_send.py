"""Running statsd_send and receivers of StatsD."""

import contextlib
import subprocess


def send(program, what, directory, settings):
    """Gives the packets and lines that went out."""
    command = [program, what, directory]
    command += ['METRICS_STATSD_%s=%s' % (name.upper(), value) for name, value in settings.items()]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    words = done.stdout.decode().split()
    if done.returncode != 0 or words[:1] != ['sent']:
        raise RuntimeError('%s ended with %d: %s' % (
            ' '.join(command), done.returncode, done.stderr[-500:].decode()))
    return int(words[1]), int(words[2])


@contextlib.contextmanager
def running(command, output=subprocess.DEVNULL):
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output,
                               stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.terminate()  # on which statsd_exporter removes its socket
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(30)
