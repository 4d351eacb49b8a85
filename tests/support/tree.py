"""Where the tests find what stands in the tree and beside it."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The public KCS data, where the machine has them; their tests are skipped elsewhere.
KCS = ROOT / "../shared/datasets/kcs"
