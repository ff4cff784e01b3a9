"""The table of model files that others publish and instag can use: purpose, source, size,
licence."""

from collections.abc import Mapping
from dataclasses import dataclass

from instag.assets.file_formats import FileFormat

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, kw_only=True)
class Source:
    """One published file. sha256: its digest in hexadecimal; empty where none is published.
    tensors: names and shapes that identify it."""

    address: str
    sha256: str
    mib: float
    licence: str
    tensors: Shapes
    format: FileFormat = FileFormat.TENSORS

    @property
    def file(self) -> str:
        """The last part of the address."""
        return self.address.rsplit("/", 1)[-1]


@dataclass(frozen=True, kw_only=True)
class Asset:
    """A model file. From one source it is that file (or what is in it, of a zip archive); from
    several, an npz of the tensors that identify them.

    by_hand: what to do where it cannot be downloaded, empty where it can."""

    name: str
    file: str
    purpose: str
    sources: tuple[Source, ...]
    by_hand: str = ""

    @property
    def tensors(self) -> Shapes:
        """Names and shapes of what must be in the file."""
        return {name: shape for source in self.sources for name, shape in source.tensors.items()}

    @property
    def way(self) -> str:
        """The command, or what to do by hand."""
        return self.by_hand or f"instag assets get {self.name}"


LPIPS = Asset(
    name="lpips",
    file="alex_v0.1.npz",
    purpose="LPIPS, how different two pictures look: a number in reports",
    sources=(
        Source(
            address="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
            sha256="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
            mib=233,
            licence="BSD-3-Clause (torchvision; trained on ImageNet)",
            tensors={
                "features.0.weight": (64, 3, 11, 11),
                "features.0.bias": (64,),
                "features.3.weight": (192, 64, 5, 5),
                "features.3.bias": (192,),
                "features.6.weight": (384, 192, 3, 3),
                "features.6.bias": (384,),
                "features.8.weight": (256, 384, 3, 3),
                "features.8.bias": (256,),
                "features.10.weight": (256, 256, 3, 3),
                "features.10.bias": (256,),
            },
        ),
        Source(
            address="https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/lpips/weights/v0.1/alex.pth",
            sha256="df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
            mib=0.006,
            licence="BSD-2-Clause (Zhang et al.)",
            tensors={
                f"lin{number}.model.1.weight": (1, width, 1, 1)
                for number, width in enumerate((64, 192, 384, 256, 256))
            },
        ),
    ),
)

SYNCNET = Asset(
    name="syncnet",
    file="syncnet_v2.model",
    purpose="SyncNet, how well lips and speech fit: Sync-C and Sync-D in reports",
    sources=(
        Source(
            address="https://www.robots.ox.ac.uk/~vgg/software/lipsync/data/syncnet_v2.model",
            sha256="961e8696f888fce4f3f3a6c3d5b3267cf5b343100b238e79b2659bff2c605442",
            mib=52,
            licence="CC BY, for research (Visual Geometry Group, Oxford)",
            tensors={
                "netcnnlip.0.weight": (96, 3, 5, 7, 7),
                "netcnnaud.0.weight": (64, 1, 3, 3),
                "netfclip.3.weight": (1024, 512),
                "netfcaud.3.weight": (1024, 512),
            },
        ),
    ),
)

DEEPSPEECH = Asset(
    name="deepspeech",
    file="output_graph.pb",
    purpose="DeepSpeech 0.1.0, the speech front end of the paper's numbers",
    sources=(
        Source(
            address="https://github.com/osmr/deepspeech_features/releases/download/v0.0.1/deepspeech-0_1_0-b90017e8.pb.zip",
            sha256="",
            mib=434,
            licence="MPL-2.0 (Mozilla)",
            tensors={
                "h1": (494, 2048),
                "h3": (2048, 4096),
                "bidirectional_rnn/fw/basic_lstm_cell/kernel": (6144, 8192),
                "bidirectional_rnn/bw/basic_lstm_cell/kernel": (6144, 8192),
                "h6": (2048, 29),
            },
        ),
    ),
)

ESPERANTO = Asset(
    name="esperanto",
    file="wav2vec2-large-xlsr-53-esperanto.bin",
    purpose=(
        "Wav2Vec 2.0 for Esperanto: letters of a language that is written as it is spoken; "
        "good for many languages"
    ),
    sources=(
        Source(
            address="https://huggingface.co/cpierse/wav2vec2-large-xlsr-53-esperanto/resolve/main/pytorch_model.bin",
            sha256="",
            mib=1204,
            licence="Apache-2.0 (cpierse)",
            tensors={
                "wav2vec2.feature_extractor.conv_layers.0.conv.weight": (512, 1, 10),
                "wav2vec2.encoder.layers.23.attention.q_proj.weight": (1024, 1024),
                "lm_head.weight": (44, 1024),
            },
        ),
    ),
)

HUBERT = Asset(
    name="hubert",
    file="hubert-large-ls960-ft.bin",
    purpose="HuBERT, a speech front end for any language; wants 10 s of video or more",
    sources=(
        Source(
            address="https://huggingface.co/facebook/hubert-large-ls960-ft/resolve/d36ebff88ef5621ae52104542a466133a9191a07/pytorch_model.bin",
            sha256="542c1c366be990ef61bedc0ceaedf361d3610ff9bbc208892337b2d5d1db3acf",
            mib=1204,
            licence="Apache-2.0 (Meta)",
            tensors={
                "hubert.feature_extractor.conv_layers.0.conv.weight": (512, 1, 10),
                "hubert.encoder.layers.23.attention.q_proj.weight": (1024, 1024),
            },
        ),
    ),
)

AVE = Asset(
    name="ave",
    file="audio_visual_encoder.pth",
    purpose=(
        "SyncTalk's audio-visual encoder, a speech front end that is good at lips, best in "
        "English; may jitter"
    ),
    sources=(
        Source(
            address="https://raw.githubusercontent.com/ZiqiaoPeng/SyncTalk/main/nerf_triplane/checkpoints/audio_visual_encoder.pth",
            sha256="",
            mib=10.8,
            licence="CC BY-NC 4.0 (Peng et al.)",
            tensors={
                "0.conv_block.0.weight": (32, 1, 3, 3),
                "9.conv_block.0.weight": (256, 128, 3, 3),
                "12.conv_block.0.weight": (512, 512, 1, 1),
            },
        ),
    ),
)

BISENET = Asset(
    name="bisenet",
    file="79999_iter.pth",
    purpose="BiSeNet, face parsing as in AD-NeRF: instag prepare --parsing bisenet",
    sources=(
        Source(
            address="https://huggingface.co/ManyOtherFunctions/face-parse-bisent/resolve/main/79999_iter.pth",
            sha256="468e13ca13a9b43cc0881a9f99083a430e9c0a38abd935431d1c28ee94b26567",
            mib=50.8,
            licence="MIT (zllrunning; trained on CelebAMask-HQ, which is non-commercial)",
            tensors={
                "cp.resnet.conv1.weight": (64, 3, 7, 7),
                "cp.arm32.conv.conv.weight": (128, 512, 3, 3),
                "ffm.convblk.conv.weight": (256, 256, 1, 1),
                "conv_out.conv_out.weight": (19, 256, 1, 1),
            },
        ),
    ),
)

EASYPORTRAIT = Asset(
    name="easyportrait",
    file="fpn-fp-512.pth",
    purpose="EasyPortrait, the teeth: instag prepare --teeth easyportrait",
    sources=(
        Source(
            address="https://rndml-team-cv.obs.ru-moscow-1.hc.sbercloud.ru/datasets/easyportrait/experiments/models/fpn-fp-512.pth",
            sha256="",
            mib=109,
            licence="a variant of CC BY-SA 4.0 (EasyPortrait)",
            tensors={
                "backbone.stem.0.weight": (32, 3, 3, 3),
                "backbone.layer4.2.conv3.weight": (2048, 512, 1, 1),
                "neck.lateral_convs.3.conv.weight": (256, 2048, 1, 1),
                "decode_head.conv_seg.weight": (8, 128, 1, 1),
            },
        ),
    ),
)

FAN = Asset(
    name="fan",
    file="2DFAN4-cd938726ad.zip",
    purpose="FAN, the 68 landmarks as in AD-NeRF: instag prepare --points fan",
    sources=(
        Source(
            address="https://www.adrianbulat.com/downloads/python-fan/2DFAN4-cd938726ad.zip",
            sha256="cd938726adb1f15f361263cce2db9cb820c42585fa8796ec72ce19107f369a46",
            mib=92,
            licence="BSD-3-Clause (face-alignment)",
            tensors={},
            format=FileFormat.TORCHSCRIPT,
        ),
    ),
)

HAIR = Asset(
    name="hair",
    file="hair_segmentation.tflite",
    purpose="MediaPipe's hair segmentation: instag prepare --hair mediapipe",
    sources=(
        Source(
            address="https://storage.googleapis.com/mediapipe-assets/hair_segmentation.tflite",
            sha256="d2c940c4fd80edeaf38f5d7387d1b4235ee320ed120080df67c663e749e77633",
            mib=0.74,
            licence="Apache-2.0 (Google)",
            tensors={},
            format=FileFormat.TFLITE,
        ),
    ),
)

BODYPIX = Asset(
    name="bodypix",
    file="bodypix_x050_stride16.onnx",
    purpose="BodyPix, arms and hands: instag prepare --arms bodypix",
    sources=(
        Source(
            address="https://raw.githubusercontent.com/keijiro/BodyPixSentis/b712dd916b2819e2210fa0367b76073634d2fddf/"
            "Packages/jp.keijiro.bodypix/ONNX/MobileNetV1-x050-stride16.onnx",
            sha256="f2e51d18eec8e3c9ef3f196ea0245db1d86529161d19e14466ad4ebc5e6ee242",
            mib=2.3,
            licence="Apache-2.0 (TensorFlow)",
            tensors={},
            format=FileFormat.ONNX,
        ),
    ),
)

BFM_VERTICES = 34_650
BFM = Asset(
    name="bfm",
    file="bfm.npz",
    purpose=("the Basel face model of 2009, tracking as in AD-NeRF: instag prepare --tracker bfm"),
    sources=(
        Source(
            address="https://faces.dmi.unibas.ch/bfm/main.php?nav=1-2&id=downloads",
            sha256="",
            mib=230,
            licence="for research alone, given to those who register (University of Basel)",
            tensors={
                "b_shape": (100, 3 * BFM_VERTICES),
                "b_exp": (79, 3 * BFM_VERTICES),
                "b_tex": (100, 3 * BFM_VERTICES),
                "keyinds": (68,),
                "sub_inds": (BFM_VERTICES,),
            },
        ),
    ),
    by_hand=(
        "register at https://faces.dmi.unibas.ch/bfm/ and download 01_MorphableModel.mat, "
        "then: instag assets convert-bfm 01_MorphableModel.mat"
    ),
)
"""`instag assets convert-bfm` makes its file of 01_MorphableModel.mat and the tables below."""
BFM_TABLES = tuple(
    Source(
        address=f"https://raw.githubusercontent.com/YudongGuo/AD-NeRF/master/data_util/face_tracking/3DMM/{name}",
        sha256="",
        mib=mib,
        licence="MIT (AD-NeRF); the expressions are FaceWarehouse's, for research",
        tensors={},
    )
    for name, mib in (
        ("exp_info.npy", 63),
        ("keys_info.npy", 0.01),
        ("topology_info.npy", 6),
    )  # sizes estimated from their content
)


def _sapiens(kind: str, size: str, epoch: int, mib: float) -> Asset:
    """One of Meta's TorchScript files; `mib` is an estimate from its weights."""
    task = {"depth": "render_people", "normal": "normal_render_people"}[kind]
    file = f"sapiens_{size}_{task}_epoch_{epoch}_torchscript.pt2"
    return Asset(
        name=f"sapiens-{kind}-{size}",
        file=file,
        purpose=(
            f"Sapiens {size}, {kind} of people: instag prepare --surface sapiens-{size} "
            "needs it and its other half"
        ),
        sources=(
            Source(
                address=f"https://huggingface.co/facebook/sapiens-{kind}-{size}-torchscript/resolve/main/{file}",
                sha256="",
                mib=mib,
                licence="CC BY-NC 4.0 (Meta)",
                tensors={},
                format=FileFormat.TORCHSCRIPT,
            ),
        ),
    )


SAPIENS_EPOCHS = {
    "0.3b": (100, 66, 1300),
    "0.6b": (70, 200, 2600),
    "1b": (88, 115, 4500),
    "2b": (25, 70, 8300),
}
"""For each size the published epochs of depth and normal, and about how many MiB."""
SAPIENS = tuple(
    _sapiens(kind, size, epoch, mib)
    for size, (depth, normal, mib) in SAPIENS_EPOCHS.items()
    for kind, epoch in (("depth", depth), ("normal", normal))
)

ASSETS = (
    LPIPS,
    SYNCNET,
    DEEPSPEECH,
    ESPERANTO,
    HUBERT,
    AVE,
    BISENET,
    EASYPORTRAIT,
    FAN,
    HAIR,
    BODYPIX,
    BFM,
    *SAPIENS,
)
