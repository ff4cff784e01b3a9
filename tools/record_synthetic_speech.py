"""Make the two bundled recordings and their phoneme timings with the system's espeak-ng (Debian:
libespeak-ng1, espeak-ng-data).

    python tools/record_synthetic_speech.py src/instag/bundled speech_one
    python tools/record_synthetic_speech.py src/instag/bundled speech_two

writes speech_one.ogg (16 kHz mono Opus) and speech_one.json beside it (one a run: the library
starts only once in a process): text, seconds, and phonemes as [name, start, end] in seconds, "_"
for silence. The voice is espeak-ng's own synthesis; nobody's voice is in it.
"""

import ctypes
import json
import re
import sys
from pathlib import Path

import av
import numpy as np

RATE = 16_000
BITRATE = 48_000
EDGE_SECONDS = 0.3
SENTENCES = {
    "speech_one": (
        "Maybe a warm summer morning makes people bake big apple pies. <break time='500ms'/> "
        "My father often saw five brown foxes jump above a pool by the harbour."
    ),
    "speech_two": (
        "Hello! I am not a real person: my lips, my voice and my name were all made up by a "
        "program. <break time='500ms'/> "
        "But what you see now was learned from only a few moments of video."
    ),
}
VOICE, WORDS_PER_MINUTE = "en-us", 185


class _Id(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    ]


def synthesize(text: str) -> tuple[np.ndarray, int, list[tuple[str, float]]]:
    """The waveform (int16), its rate, and (phoneme, start in seconds) in order."""
    synchronous, phoneme_events, ssml_utf8, phoneme_event, end_of_list = 2, 1, 0x10 | 1, 7, 0
    library = ctypes.CDLL("libespeak-ng.so.1")
    rate = library.espeak_Initialize(synchronous, 0, None, phoneme_events)
    blocks, starts = [], []

    def receive(samples, count, events):
        if count > 0:
            blocks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        index = 0
        while events[index].type != end_of_list:
            if events[index].type == phoneme_event:
                starts.append(
                    (events[index].id.string.decode(), events[index].audio_position / 1000)
                )
            index += 1
        return 0

    callback = ctypes.CFUNCTYPE(
        ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
    )(receive)
    library.espeak_SetSynthCallback(callback)
    library.espeak_SetVoiceByName(VOICE.encode())
    library.espeak_SetParameter(1, WORDS_PER_MINUTE, 0)
    encoded = text.encode()
    library.espeak_Synth(encoded, len(encoded) + 1, 0, 0, 0, ssml_utf8, None, None)
    library.espeak_Synchronize()
    library.espeak_Terminate()
    return np.concatenate(blocks), rate, starts


def write_opus(path: Path, waveform: np.ndarray, rate: int) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libopus", rate=RATE, layout="mono")
        stream.bit_rate = BITRATE
        resampler = av.AudioResampler("flt" if stream.format.name == "flt" else "s16", "mono", RATE)
        frame = av.AudioFrame.from_ndarray(waveform[None], "s16", "mono")
        frame.sample_rate = rate
        for block in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(block))
        container.mux(stream.encode(None))


def main(folder: Path, name: str) -> None:
    waveform, rate, starts = synthesize(SENTENCES[name])
    silence = np.zeros(int(EDGE_SECONDS * rate), np.int16)
    waveform = np.concatenate([silence, waveform, silence])
    seconds = round(len(waveform) / rate, 3)
    edges = [0.0, *(round(start + EDGE_SECONDS, 3) for _, start in starts), seconds]
    names = [
        "_",
        *("_" if not phoneme or phoneme.startswith("_") else phoneme for phoneme, _ in starts),
    ]
    phonemes = [
        [phoneme, start, end]
        for phoneme, start, end in zip(names, edges, edges[1:], strict=False)
        if end > start
    ]
    write_opus(folder / f"{name}.ogg", waveform, rate)
    text = " ".join(re.sub(r"<[^>]*>", "", SENTENCES[name]).split())
    (folder / f"{name}.json").write_text(
        json.dumps({"text": text, "seconds": seconds, "phonemes": phonemes}) + "\n"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
