"""Runs the sample, gives it files, and compares its page with what it was given.

run_test.py <program>
"""
import os
import subprocess
import sys
import tempfile
import urllib.request

SIZES = [0, 1, 1000, 100_000, 200_001]


def fnv1a(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def environment(**more):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("METRICS_", "OTEL_"))}
    return {**clean, **more}


def make_files(folder):
    files = []
    for size in SIZES:
        path = os.path.join(folder, f"file-{size}")
        data = bytes(i * 7 % 251 for i in range(size))
        with open(path, "wb") as file:
            file.write(data)
        files.append((path, data))
    return files


def read_page(url):
    """The samples of a page whose labels are plain words."""
    with urllib.request.urlopen(url, timeout=10) as response:
        assert response.headers["Content-Type"].startswith("text/plain"), response.headers
        lines = response.read().decode("utf-8").splitlines()
    samples = {}
    for line in lines:
        if line and not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            assert name not in samples, line
            samples[name] = float(value)
    return samples


def check_answers(program, files):
    for path, data in files:
        program.stdin.write(path + "\n")
        program.stdin.flush()
        answer = program.stdout.readline()
        assert answer == f"{fnv1a(data):016x}  {path}\n", answer


def check_with_prometheus(path_of_program, files, folder):
    program = subprocess.Popen(
        [path_of_program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=environment(METRICS_BACKEND="prometheus", METRICS_PROMETHEUS_PORT="0"))
    try:
        said = program.stderr.readline()
        assert said.startswith("metrics: http://127.0.0.1:"), said
        url = said.split()[1]

        check_answers(program, files)
        program.stdin.write(os.path.join(folder, "missing") + "\n")
        program.stdin.flush()
        assert program.stdout.readline().startswith("unreadable")

        page = read_page(url)
        n = len(SIZES)
        expected = {
            'checksum_files_total{result="good"}': n,
            'checksum_files_total{result="unreadable"}': 1,
            "checksum_largest_file_bytes": max(SIZES),
            "checksum_file_size_bytes_count": n,
            "checksum_file_size_bytes_sum": sum(SIZES),
            "checksum_duration_seconds_count": n,
            'checksum_duration_seconds_bucket{le="+Inf"}': n,
        }
        for name, value in expected.items():
            assert page.get(name) == value, (name, page.get(name), value)
        # prometheus-cpp estimates quantiles, but by a size that it has seen.
        assert page['checksum_file_size_bytes{quantile="0.5"}'] in SIZES, page

        # It goes on counting.
        check_answers(program, files[:1])
        assert read_page(url)['checksum_files_total{result="good"}'] == n + 1

        program.stdin.close()
        assert program.wait(timeout=30) == 0, program.returncode
        rest = program.stderr.read()
        assert rest == "", rest
    finally:
        program.kill()
        program.wait()


def check_without_backend(path_of_program, files):
    names = "".join(path + "\n" for path, _ in files)
    done = subprocess.run([path_of_program], input=names, capture_output=True, text=True,
                          timeout=30, env=environment(), check=False)
    assert done.returncode == 0, done
    assert done.stderr == "", done.stderr
    assert len(done.stdout.splitlines()) == len(files), done.stdout


def main():
    path_of_program = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        files = make_files(folder)
        check_with_prometheus(path_of_program, files, folder)
        check_without_backend(path_of_program, files)
    print("prometheus_cpp_bridge: the page holds what the program counted")


if __name__ == "__main__":
    main()
