"""Raw scores of a few rows: the trees' own C interface, without what it prepares for a table.

Enters: boosters, a matrix of few rows. Leaves: to the last bit what `trees.predict_raw` gives (a test compares). Never
here: another way through the trees: it is LightGBM that walks them, one row at a time.

`Booster.predict` reads its parameters and makes a predictor anew at every call: 37 µs for three rows, of which the
trees take 10. A message is three rows and eight boosters.
"""

from __future__ import annotations

import ctypes
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from basira.models.risk.trees import Floats, Matrix, predict_raw

# Beyond, one call for all is quicker than a call a row.
FEW = 16

# Of LightGBM's c_api.h.
_FLOAT32, _RAW_SCORE, _ALL_ROUNDS = 0, 1, -1
_PARAMETERS = b"num_threads=1"

_Walk = Callable[[Matrix, Floats], None]
_WALKS: weakref.WeakKeyDictionary[lgb.Booster, _Walk] = weakref.WeakKeyDictionary()
_MAKING = threading.Lock()


def predict_few(boosters: Sequence[lgb.Booster], x: Matrix) -> NDArray[np.float64]:
    """Mean raw score of the boosters, one per row; for more rows than `FEW`, `predict_raw` itself."""
    if len(x) > FEW:
        return predict_raw(boosters, x)
    x = np.ascontiguousarray(x, dtype=np.float32)
    total, found = np.zeros(len(x)), np.empty(len(x))
    for booster in boosters:
        _walk_of(booster, x.shape[1])(x, found)
        total += found
    return total / len(boosters)


def _walk_of(booster: lgb.Booster, columns: int) -> _Walk:
    walk = _WALKS.get(booster)
    if walk is None:
        with _MAKING:
            walk = _WALKS[booster] = _prepare(booster, columns)
    return walk


def _prepare(booster: lgb.Booster, columns: int) -> _Walk:
    # The package names neither in public, and has had both under these names since its version 2.
    library: Any = vars(lgb.basic)["_LIB"]
    handle: Any = vars(booster)["_handle"]
    fast = ctypes.c_void_p()
    _check(
        library.LGBM_BoosterPredictForMatSingleRowFastInit(
            handle,
            ctypes.c_int(_RAW_SCORE),
            ctypes.c_int(0),
            ctypes.c_int(_ALL_ROUNDS),
            ctypes.c_int(_FLOAT32),
            ctypes.c_int32(columns),
            ctypes.c_char_p(_PARAMETERS),
            ctypes.byref(fast),
        ),
        library,
    )
    weakref.finalize(booster, library.LGBM_FastConfigFree, fast)
    predict = library.LGBM_BoosterPredictForMatSingleRowFast

    def walk(x: Matrix, found: Floats) -> None:
        length = ctypes.c_int64()
        row, into = x.ctypes.data, found.ctypes.data
        for i in range(len(x)):
            status = predict(
                fast, ctypes.c_void_p(row + i * x.strides[0]), ctypes.byref(length), ctypes.c_void_p(into + i * 8)
            )
            if status:
                _check(status, library)

    return walk


def _check(status: int, library: Any) -> None:
    if status:
        library.LGBM_GetLastError.restype = ctypes.c_char_p
        raise lgb.basic.LightGBMError(library.LGBM_GetLastError().decode("utf-8", "replace"))
