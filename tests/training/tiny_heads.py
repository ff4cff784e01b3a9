"""A recipe so small that a head is learned in seconds, and what such a head is learned from."""

from dataclasses import replace

import torch

from instag.data.clip import Clip
from instag.data.splits import split
from instag.training import recipes
from instag.training.adapt_inputs import AdaptInputs, load_inputs
from instag.training.adapt_recipe import AdaptRecipe
from instag.training.schedules import shortened

TINY = replace(
    shortened(recipes.few(), 0.004), cpu_batch=1, size=64, face_splats=150, mouth_splats=60
)


def inputs_of(clip: Clip, recipe: AdaptRecipe, front_end: str = "mel") -> AdaptInputs:
    frames = split(len(clip), n_views=50)
    return load_inputs(clip, recipe, frames, front_end=front_end, device=torch.device("cpu"))
