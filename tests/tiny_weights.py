"""A folder of assets with small random weights for every front end that needs a file."""

from pathlib import Path

import torch

import frozen
import hub
from instag.assets import store
from instag.speech.ave import AudioVisualEncoder


def write_tiny_weights(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    frozen.write_graph(folder / store.named("deepspeech").file, frozen.weights())
    torch.save(hub.state("wav2vec2", large=True), folder / store.named("esperanto").file)
    torch.save(hub.state("hubert", large=True), folder / store.named("hubert").file)
    torch.save(AudioVisualEncoder().state_dict(), folder / store.named("ave").file)
