"""TabNet, through the library pytorch-tabnet: attention that picks a few columns in each of three steps.

Enters: a view. Leaves: scores. Never here: the network itself.

Arik and Pfister, TabNet: Attentive Interpretable Tabular Learning, AAAI 2021. The library's own sizes; the latest
tenth of the labelled items says which epoch to keep.
"""

from __future__ import annotations

import contextlib
import io

import numpy as np

from basira.laboratory.deep.columns import known_matrices
from basira.laboratory.deep.extra import TABNET, check_installed, load, seed_torch
from basira.laboratory.strategies.scored import Floats, Scorer
from basira.laboratory.worlds.view import View

_EPOCHS, _PATIENCE = 15, 4
_BATCH, _VIRTUAL_BATCH = 1024, 128
_HELD_OUT = 0.1


def learn_tabnet(view: View) -> Scorer:
    """Rank by its probability."""
    check_installed("tabnet", TABNET)
    known = known_matrices(view)
    tabnet = load("pytorch_tabnet.tab_model", needs=TABNET)
    y = known.is_irregular.astype(np.int64)
    older = len(y) - int(len(y) * _HELD_OUT)
    # Kept aside only where both kinds are on both sides: an area under the curve needs them.
    is_judged = 0 < y[older:].sum() < len(y) - older and 0 < y[:older].sum() < older
    last = older if is_judged else len(y)
    with seed_torch(int(view.rng(4).integers(2**31))), contextlib.redirect_stdout(io.StringIO()):
        model = tabnet.TabNetClassifier(seed=int(view.rng(5).integers(2**31)), verbose=0, device_name="cpu")
        model.fit(
            known.x[:last],
            y[:last],
            eval_set=[(known.x[older:], y[older:])] if is_judged else None,
            eval_metric=["auc"] if is_judged else None,
            max_epochs=_EPOCHS,
            patience=_PATIENCE,
            batch_size=min(_BATCH, last),
            virtual_batch_size=min(_VIRTUAL_BATCH, last),
            drop_last=False,
        )

    def score(v: View) -> Floats:
        return np.asarray(model.predict_proba(known.columns.matrix(v.items))[:, 1], dtype=np.float64)

    return score
