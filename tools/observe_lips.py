"""Observe lips and voices, and keep no picture: python tools/observe_lips.py VIDEO... -o FOLDER
[--table FILE] [--side 512].

Of each video FOLDER gets a clip with sound and poses, which is all that tools/train_lip_networks.py
reads. Clips that are there stay as they are. Videos show one face without a cut. The table: see
`people_table.py`.
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np
from people_table import read_people

from instag.capture.extract_frames import extract_audio
from instag.capture.tracking.fit_head import fit_head
from instag.data.clip import Clip
from instag.data.clip_info import ClipInfo
from instag.errors import InstagError
from instag.media.reader import Square, probe, read_frames
from instag.perception.face_mesh import FaceMesh, Landmarks, fill_gaps, longest_tracked_part
from instag.perception.skin_flow import SkinFlow


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--output", "-o", type=Path, required=True)
    parser.add_argument("--table", type=Path, help="of people and delays")
    parser.add_argument("--side", type=int, default=512, help="of the observed pictures, pixels")
    chosen = parser.parse_args()
    table = read_people(chosen.table)
    for video in chosen.videos:
        folder = chosen.output / f"{video.stem}.clip"
        if (folder / "clip.json").is_file():
            continue
        try:
            clip = observe(video, folder, round(table.delay_ms(video.stem)), chosen.side)
            print(f"{video.stem}: {len(clip)} frames", flush=True)
        except InstagError as error:
            print(f"{video.stem}: left out. {error}", flush=True)


def observe(video: Path, folder: Path, delay_ms: int, side: int) -> Clip:
    """Write a clip with sound and poses. Raises MediaError, CaptureError."""
    media = probe(video)
    crop = 2 * (min(media.width, media.height) // 2)
    x, y = (2 * ((length - crop) // 4) for length in (media.width, media.height))
    first, landmarks = observed_landmarks(video, Square(x=x, y=y, side=crop, size=side))
    track = fit_head(landmarks, side, side)
    info = ClipInfo(
        source=video.name,
        source_sha256=hashlib.sha256(video.read_bytes()).hexdigest(),
        width=side,
        height=side,
        frame_count=len(landmarks.points),
        focal=track.focal,
        crop=(x, y, crop),
        first_frame=first,
        delay_ms=delay_ms,
    )
    folder.mkdir(parents=True, exist_ok=True)
    clip = Clip(folder=folder, info=info)
    clip.save_track(track)
    extract_audio(clip, video, delay_ms)
    return clip.save_info(info)


def observed_landmarks(video: Path, square: Square) -> tuple[int, Landmarks]:
    """The first frame, and the landmarks, of the longest part in which a face is found."""
    flow, points, motion = SkinFlow(), [], []
    mesh = FaceMesh()
    for image in read_frames(video, square=square):
        points.append(mesh.find(image))
        motion.append(flow.step(image, points[-1]))
    first, end = longest_tracked_part(np.array([each is not None for each in points]))
    return first, fill_gaps(points[first:end], np.stack(motion[first:end]), str(video))


if __name__ == "__main__":
    main()
