"""The built-in encoder ``musicnn``: 0.8 million parameters that heard 200,000 songs with their tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from genrekit.backends.encoder.facts import EncoderFacts, Hearing, Layer
from genrekit.errors import BackendError
from genrekit.hashing import hash_bytes

if TYPE_CHECKING:
    from torch import nn

WEIGHTS = Path(__file__).parent / "weights" / "musicnn.safetensors"

TAGS = (
    "rock",
    "pop",
    "alternative",
    "indie",
    "electronic",
    "female vocalists",
    "dance",
    "00s",
    "alternative rock",
    "jazz",
    "beautiful",
    "metal",
    "chillout",
    "male vocalists",
    "classic rock",
    "soul",
    "indie rock",
    "Mellow",
    "electronica",
    "80s",
    "folk",
    "90s",
    "chill",
    "instrumental",
    "punk",
    "oldies",
    "blues",
    "hard rock",
    "ambient",
    "acoustic",
    "experimental",
    "female vocalist",
    "guitar",
    "Hip-Hop",
    "70s",
    "party",
    "country",
    "easy listening",
    "sexy",
    "catchy",
    "funk",
    "electro",
    "heavy metal",
    "Progressive rock",
    "60s",
    "rnb",
    "indie pop",
    "sad",
    "House",
    "happy",
)


class MusicnnEncoder:
    """MSD_musicnn (Pons and Serra, 2019)."""

    facts: ClassVar = EncoderFacts(
        name="musicnn",
        summary="A convolutional network that heard 200,000 songs and their 50 most frequent Last.fm tags.",
        hears=Hearing(
            sr=16000,
            patch=187,
            level_dbfs=-16.7,  # the median of GTZAN's training split, which its heads were learnt from
            n_fft=512,
            hop_length=256,
            n_mels=96,
            log="log10",
            gain=10_000.0,
            offset=1.0,
        ),
        layers={
            "penultimate": Layer(output="penultimate", size=200),
            "tags": Layer(output="tags", size=50, names=TAGS),
        },
        embedding="penultimate",
        licence="ISC, copyright Music Technology Group, Universitat Pompeu Fabra 2019, code developed by Jordi Pons; "
        "the notice is beside the weights (musicnn.LICENSE.txt)",
        citation="J. Pons and X. Serra, musicnn: Pre-trained convolutional neural networks for music audio tagging, "
        "2019, https://arxiv.org/abs/1909.06654",
        trained_on="30 s previews of some 200,000 songs of the Million Song Dataset, with tags from Last.fm",
        sha256="813d85ee7a2af2ff61ff06a3a8d2466adab3320d076f33611b5ed0b69bae71a4",
    )

    def graph(self) -> bytes:
        """Write the network as an ONNX model.

        Raises
        ------
        BackendError
            If the weights in the package are damaged.
        """
        from genrekit.backends.encoder.musicnn_weights import fold, to_onnx

        return to_onnx(fold(self.weights()))

    @property
    def parts(self) -> Mapping[str, Sequence[Sequence[str]]]:
        """Prefixes of the parameters before each layer, the last first, for further training."""
        before = (("dense.", "dense_norm."), ("mid.2.",), ("mid.1.",), ("mid.0.",), ("timbral.", "temporal."))
        return {"penultimate": before, "tags": (("output.",), *before)}

    def network(self) -> nn.Module:
        """Return the network in PyTorch, with its weights."""
        from genrekit.backends.encoder.musicnn_network import load

        return load(self.weights())

    def export(self, network: nn.Module) -> bytes:
        """Write a network that was trained further as an ONNX model."""
        from genrekit.backends.encoder.musicnn_weights import to_onnx

        return to_onnx({name: tensor.detach().cpu().numpy() for name, tensor in network.state_dict().items()})

    def weights(self) -> bytes:
        """Return the file of the weights.

        Raises
        ------
        BackendError
            If it is missing or damaged.
        """
        try:
            content = WEIGHTS.read_bytes()
        except OSError:
            content = b""
        if hash_bytes(content) != self.facts.sha256:
            raise BackendError(
                "The weights of the encoder 'musicnn' in the package are missing or damaged.",
                "Type: pip install --force-reinstall genrekit",
            )
        return content
