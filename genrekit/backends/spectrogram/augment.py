"""Random changes of training batches of log-mel windows; all random numbers come from the ``generator`` argument.

Windows are float32 (n, n_mels, n_frames) in dB within [-top_db, 0]. Every function returns a new tensor of the
same shape, does not modify its input, and returns it unchanged if its strength is 0.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Generator, Tensor

LEAST_VARIANCE_DB = 0.01  # lower bound, for silent bands


def mask_bands(windows: Tensor, width: int, count: int, generator: Generator) -> Tensor:
    """Set runs of mel bands of every window to the mean of that window (SpecAugment).

    D. S. Park et al., "SpecAugment: A Simple Data Augmentation Method for Automatic Speech Recognition",
    Interspeech 2019.

    Parameters
    ----------
    windows : Tensor of shape (n, n_mels, n_frames)
        Levels in dB.
    width : int
        Maximum length of a run, in bands; lengths are drawn from 0..width (at most all bands).
    count : int
        Number of runs per window.
    generator : Generator
        Source of random numbers.
    """
    return _mask(windows, 1, width, count, generator)


def mask_frames(windows: Tensor, width: int, count: int, generator: Generator) -> Tensor:
    """Set runs of frames of every window to the mean of that window; like `mask_bands`, along time.

    Parameters
    ----------
    windows : Tensor [shape=(n_windows, n_mels, n_frames)]
        Log-mel spectrograms.
    width : int >= 0
        Largest number of consecutive frames in a run.
    count : int >= 0
        Runs per window.
    generator : torch.Generator
        Source of the random numbers.

    Returns
    -------
    Tensor [shape=(n_windows, n_mels, n_frames)]
    """
    return _mask(windows, 2, width, count, generator)


def _mask(windows: Tensor, dim: int, width: int, count: int, generator: Generator) -> Tensor:
    if width == 0 or count == 0:
        return windows
    n, size = windows.shape[0], windows.shape[dim]
    lengths = torch.randint(0, min(width, size) + 1, (n, count, 1), generator=generator)
    starts = (torch.rand((n, count, 1), generator=generator) * (size - lengths + 1)).long()
    at = torch.arange(size)
    hidden = ((at >= starts) & (at < starts + lengths)).any(dim=1).to(windows.device)
    mean = windows.mean(dim=(1, 2), keepdim=True)
    return torch.where(hidden.unsqueeze(2 if dim == 1 else 1), mean, windows)


def shift_level(windows: Tensor, strength_db: float, top_db: float, generator: Generator) -> Tensor:
    """Make every window louder or softer, and clip to [-top_db, 0].

    Parameters
    ----------
    windows : Tensor of shape (n, n_mels, n_frames)
        Levels in dB.
    strength_db : float
        The gain of a window is drawn from -strength_db..strength_db.
    top_db : float
        Range of the levels, in dB.
    generator : Generator
        Source of random numbers.
    """
    if strength_db == 0:
        return windows
    gain_db = strength_db * _symmetric((windows.shape[0], 1, 1), generator).to(windows)
    return (windows + gain_db).clamp(-top_db, 0.0)


def filter_bands(
    windows: Tensor, strength_db: float, top_db: float, generator: Generator, points: int = 5
) -> Tensor:
    """Change the frequency response of every window, and clip to [-top_db, 0].

    The linear variant of FilterAugment: H. Nam, S.-H. Kim, Y.-H. Park, "FilterAugment: An Acoustic
    Environmental Data Augmentation Method", ICASSP 2022.

    Parameters
    ----------
    windows : Tensor of shape (n, n_mels, n_frames)
        Levels in dB.
    strength_db : float
        The gain at each point is drawn from -strength_db..strength_db; between points it is interpolated.
    top_db : float
        Range of the levels, in dB.
    generator : Generator
        Source of random numbers.
    points : int
        Number of evenly spaced points along the bands, at least 2.
    """
    if strength_db == 0:
        return windows
    at_points = strength_db * _symmetric((windows.shape[0], 1, points), generator)
    gain_db = torch.nn.functional.interpolate(
        at_points, size=windows.shape[1], mode="linear", align_corners=True
    )
    return (windows + gain_db.transpose(1, 2).to(windows)).clamp(-top_db, 0.0)


def roll_frames(windows: Tensor, share: float, generator: Generator) -> Tensor:
    """Rotate every window along time.

    Parameters
    ----------
    windows : Tensor of shape (n, n_mels, n_frames)
        Levels in dB.
    share : float
        The shift is drawn from 0..share of the window's length, 0..1.
    generator : Generator
        Source of random numbers.
    """
    if share == 0:
        return windows
    n, n_mels, n_frames = windows.shape
    shifts = (torch.rand((n, 1), generator=generator) * share * n_frames).round().long()
    at = (torch.arange(n_frames) - shifts) % n_frames
    return windows.gather(2, at[:, None, :].expand(n, n_mels, n_frames).to(windows.device))


def mix_style(windows: Tensor, probability: float, alpha: float, generator: Generator) -> Tensor:
    """Set mean and deviation of each band to a blend with those of another window; targets are unchanged.

    Traces of recording and mastering in the bands identify the artist more than the genre. MixStyle:
    K. Zhou, Y. Yang, Y. Qiao, T. Xiang, "Domain Generalization with MixStyle", ICLR 2021; along frequency:
    F. Schmid et al., "CP-JKU Submission to DCASE22: Distilling Knowledge for Low-Complexity Convolutional
    Neural Networks from a Patchout Audio Transformer", DCASE 2022.

    Parameters
    ----------
    windows : Tensor of shape (n, n_mels, n_frames)
        Levels in dB.
    probability : float
        Share of the windows that are changed, 0..1.
    alpha : float
        The weight of the original statistics is drawn from the Beta(alpha, alpha) distribution, above 0.
    generator : Generator
        Source of random numbers.

    Returns
    -------
    Tensor
        Levels, which may slightly exceed the range of the input.
    """
    if probability == 0:
        return windows
    n = windows.shape[0]
    other = torch.randperm(n, generator=generator)
    own = _beta(n, alpha, generator).to(windows.device)[:, None, None]
    changed = (torch.rand((n, 1, 1), generator=generator) < probability).to(windows.device)
    mean = windows.mean(dim=2, keepdim=True)
    deviation = (windows.var(dim=2, correction=0, keepdim=True) + LEAST_VARIANCE_DB).sqrt()
    new_mean = own * mean + (1 - own) * mean[other]
    new_deviation = own * deviation + (1 - own) * deviation[other]
    return torch.where(changed, (windows - mean) / deviation * new_deviation + new_mean, windows)


def mixup(windows: Tensor, targets: Tensor, alpha: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """Blend every window, and its targets, with another one of the batch.

    H. Zhang, M. Cisse, Y. N. Dauphin, D. Lopez-Paz, "mixup: Beyond Empirical Risk Minimization", ICLR 2018.

    Parameters
    ----------
    windows : Tensor of shape (n, n_mels, n_frames)
        Levels in dB.
    targets : Tensor of shape (n, n_labels)
        Soft targets in [0, 1].
    alpha : float
        The weight of each window is drawn from the Beta(alpha, alpha) distribution: small values leave nearly all
        windows unchanged, 1 is uniform.
    generator : Generator
        Source of random numbers.

    Returns
    -------
    tuple of Tensor
        Windows and targets, blended with the same weights.
    """
    if alpha == 0:
        return windows, targets
    n = windows.shape[0]
    other = torch.randperm(n, generator=generator)
    share = _beta(n, alpha, generator)
    share = torch.maximum(share, 1 - share).to(windows.device)
    by_window, by_target = share[:, None, None], share[:, None]
    return (
        windows * by_window + windows[other] * (1 - by_window),
        targets * by_target + targets[other] * (1 - by_target),
    )


def _beta(n: int, alpha: float, generator: Generator) -> Tensor:
    """Draw n numbers from Beta(alpha, alpha); torch has no public function for this with a generator argument."""
    numbers = np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))
    return torch.from_numpy(numbers.beta(alpha, alpha, n)).to(torch.float32)


def _symmetric(shape: tuple[int, ...], generator: Generator) -> Tensor:
    """Draw uniformly from -1..1."""
    return torch.rand(shape, generator=generator) * 2 - 1
