"""Spoken words as WAV files: espeak-ng speaks, and its 22.05 kHz become the 16 kHz of the model."""

import array
import functools
import io
import math
import shutil
import subprocess
import sys
import wave

RATE = 16000
# A voice that the model understands; tried with digits, where most others are misheard.
VOICE = ["-v", "en-us+f5", "-s", "170", "-p", "35"]
HALF_WIDTH = 16  # of the resampling filter, in samples


class Missing(Exception):
    pass


def synthesiser():
    program = shutil.which("espeak-ng")
    if program is None:
        raise Missing("espeak-ng is not there (Debian: espeak-ng)")
    return program


@functools.lru_cache(maxsize=None)
def say(text):
    """A WAV file, 16 kHz, mono, 16 bits. The same text gives the same bytes."""
    spoken = subprocess.run([synthesiser(), *VOICE, "--stdout", text], capture_output=True,
                            check=True, timeout=60).stdout
    # What goes to a pipe has no true length in its header, so only the samples are of use.
    header = spoken.index(b"data") + 8
    samples = array.array("h", spoken[header:len(spoken) - (len(spoken) - header) % 2])
    if sys.byteorder == "big":
        samples.byteswap()
    rate = int.from_bytes(spoken[24:28], "little")
    return wav_file(resample(samples, rate))


def wav_file(samples, rate=RATE, channels=1, width=2):
    """`samples` (an array, or bytes) with a header."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((channels, width, rate, 0, "NONE", ""))
        out.writeframes(bytes(samples))
    return file.getvalue()


def seconds_of(wav):
    with wave.open(io.BytesIO(wav)) as file:
        return file.getnframes() / file.getframerate()


@functools.lru_cache(maxsize=None)
def _filters(up, down):
    """A windowed sinc for each position between two samples; cuts off what 16 kHz cannot hold,
    which would come back as noise and turn a six into an eight."""
    cutoff = 0.92 * min(1, up / down)
    filters = []
    for phase in range(up):
        row = []
        for tap in range(1 - HALF_WIDTH, HALF_WIDTH + 1):
            x = tap - phase / up
            sinc = cutoff if x == 0 else math.sin(math.pi * cutoff * x) / (math.pi * x)
            row.append(sinc * (0.5 + 0.5 * math.cos(math.pi * x / (HALF_WIDTH + 1))))
        filters.append([value / sum(row) for value in row])
    return filters


def resample(samples, rate):
    divisor = math.gcd(rate, RATE)
    up, down = RATE // divisor, rate // divisor
    filters = _filters(up, down)
    padded = [0.0] * (HALF_WIDTH - 1) + [float(s) for s in samples] + [0.0] * (HALF_WIDTH + 1)
    out = array.array("h")
    for n in range(len(samples) * up // down):
        position, phase = divmod(n * down, up)
        taps = zip(padded[position:position + 2 * HALF_WIDTH], filters[phase])
        value = round(sum(sample * weight for sample, weight in taps))
        out.append(max(-32768, min(32767, value)))
    if sys.byteorder == "big":
        out.byteswap()
    return out
