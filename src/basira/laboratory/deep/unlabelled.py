"""Semi-supervised networks: they learn from items without a result too.

Enters: a view. Leaves: scores. Never here: columns (see `deep.columns`).

    autoencoder   code z = encoder(x); loss = |x - decoder(z)|² over all items
                  + cross-entropy of a linear classifier on z over the labelled ones; rank by its probability
                  (the SSL autoencoder of Kim and others' public simulator)
    deep_sad      an encoder without constant terms, first trained as half of an autoencoder; c = mean code;
                  d² = |encoder(x) - c|²; loss = mean over all of d² for unlabelled and regular items and of 1/d² for
                  irregular ones: known irregular items are pushed away from where the others lie; rank by d²
                  (Ruff and others, Deep Semi-Supervised Anomaly Detection, ICLR 2020, with η = 1)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from basira.laboratory.deep.columns import KnownMatrices, known_matrices
from basira.laboratory.deep.extra import TORCH, check_installed, load, seed_torch
from basira.laboratory.strategies.scored import Floats, Scorer
from basira.laboratory.worlds.view import View

_HIDDEN, _CODE = 32, 16
_BATCH = 256
_STEP, _DECAY = 0.003, 1e-4
_EPOCHS, _EPOCHS_BEFORE = 12, 6
_LEAST_STEPS = 300
# Deep SAD's own guard against dividing by a distance of 0; and no code may drift into a constant: c keeps off 0.
_SMALL, _OFF_ZERO = 1e-6, 0.1


def learn_autoencoder(view: View) -> Scorer:
    """Rank by the probability that the code gives."""
    check_installed("autoencoder", TORCH)
    known = known_matrices(view)
    with seed_torch(int(view.rng(4).integers(2**31))) as torch:
        of = torch.nn.functional
        encoder, decoder = _coder(known.x.shape[1], has_constants=True)
        classifier = torch.nn.Linear(_CODE, 1)
        x, sign = _all_items(known)
        parameters = [p for part in (encoder, decoder, classifier) for p in part.parameters()]

        def loss(rows: Any) -> Any:
            z = encoder(x[rows])
            rebuilt = of.mse_loss(decoder(z), x[rows])
            labelled = sign[rows] != 0
            if not bool(labelled.any()):
                return rebuilt
            target = (sign[rows][labelled] < 0).float()
            return rebuilt + of.binary_cross_entropy_with_logits(classifier(z[labelled]).squeeze(1), target)

        _minimise(loss, parameters, len(x), _EPOCHS)

    def score(v: View) -> Floats:
        with torch.no_grad():
            found = torch.sigmoid(classifier(encoder(torch.as_tensor(known.columns.matrix(v.items))))).squeeze(1)
        return np.asarray(found.numpy(), dtype=np.float64)

    return score


def learn_deep_sad(view: View) -> Scorer:
    """Rank by the squared distance from the centre."""
    check_installed("deep_sad", TORCH)
    known = known_matrices(view)
    with seed_torch(int(view.rng(4).integers(2**31))) as torch:
        encoder, decoder = _coder(known.x.shape[1], has_constants=False)
        x, sign = _all_items(known)

        def rebuild(rows: Any) -> Any:
            return torch.nn.functional.mse_loss(decoder(encoder(x[rows])), x[rows])

        _minimise(rebuild, [*encoder.parameters(), *decoder.parameters()], len(x), _EPOCHS_BEFORE)
        with torch.no_grad():
            centre = encoder(x[sign >= 0]).mean(0)
            near = centre.abs() < _OFF_ZERO
            centre[near] = torch.where(centre[near] < 0, -_OFF_ZERO, _OFF_ZERO)

        def distances(rows: Any) -> Any:
            squared = ((encoder(x[rows]) - centre) ** 2).sum(1)
            return torch.where(sign[rows] < 0, 1 / (squared + _SMALL), squared).mean()

        _minimise(distances, list(encoder.parameters()), len(x), _EPOCHS)

    def score(v: View) -> Floats:
        with torch.no_grad():
            found = ((encoder(torch.as_tensor(known.columns.matrix(v.items))) - centre) ** 2).sum(1)
        return np.asarray(found.numpy(), dtype=np.float64)

    return score


def _coder(columns: int, *, has_constants: bool) -> tuple[Any, Any]:
    """Encoder and decoder, a hidden layer each."""
    nn = load("torch", needs=TORCH).nn
    encoder = nn.Sequential(
        nn.Linear(columns, _HIDDEN, bias=has_constants), nn.LeakyReLU(), nn.Linear(_HIDDEN, _CODE, bias=has_constants)
    )
    decoder = nn.Sequential(nn.Linear(_CODE, _HIDDEN), nn.LeakyReLU(), nn.Linear(_HIDDEN, columns))
    return encoder, decoder


def _all_items(known: KnownMatrices) -> tuple[Any, Any]:
    """Rows of both matrices, and per row -1: irregular, 1: regular, 0: no result."""
    torch = load("torch", needs=TORCH)
    sign = np.concatenate([1 - 2 * known.is_irregular, np.zeros(len(known.unlabelled), dtype=np.float32)])
    return torch.as_tensor(np.vstack([known.x, known.unlabelled])), torch.as_tensor(sign)


def _minimise(loss: Callable[[Any], Any], parameters: list[Any], rows: int, epochs: int) -> None:
    torch = load("torch", needs=TORCH)
    optimizer = torch.optim.AdamW(parameters, lr=_STEP, weight_decay=_DECAY)
    steps = -(-rows // _BATCH)
    for _ in range(max(epochs, -(-_LEAST_STEPS // steps))):
        for batch in torch.randperm(rows).split(_BATCH):
            optimizer.zero_grad()
            loss(batch).backward()
            optimizer.step()
