"""DATE's network: leaves of boosted trees attend to one another, importer and code say which of them count, two heads.

Enters: leaf numbers, importer and code numbers, labels. Leaves: a trained network, its outputs. Never here:
trees, columns, how one chooses.

    leaf vectors   e_1 ... e_T        an embedding of the leaf that each tree puts the item in
    interaction    x_t = norm(e_t + W multihead(e)_t)              self-attention among the T leaves
    pooling        a = softmax(w · relu(A x_t + B [importer, code])),  p = sum a_t x_t
    item           h = mish(H mish(F [p, importer, code]))         16 numbers: the item's embedding
    heads          probability = sigmoid(c · h);  revenue = softplus(r · h), in shares of the largest log revenue
    loss           cross-entropy + ALPHA × squared error of the revenue, over all items (regular ones have 0)

Kim and others, DATE: Dual Attentive Tree-aware Embedding for Customs Fraud Detection, KDD 2020. Written anew from the
paper; where this differs, for cost: docs/explanation/laboratory.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from basira.laboratory.deep.extra import TORCH, load

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

DIMENSION = 16
_HEADS = 2
_ALPHA = 10.0
_BATCH = 256
_STEP = 0.005
_DECAY = 0.01
# Epochs at most, and how many in turn may fail to improve. Few items make short epochs: then as many epochs as give
# these steps.
_EPOCHS = 4
_PATIENCE = 2
_LEAST_STEPS = 150
_PREDICTED_AT_ONCE = 1024


@dataclass(frozen=True)
class Inputs:
    """Numbers of leaves (rows, trees), of importers and codes (rows); 0 for an importer or code never seen."""

    leaves: Whole
    importers: Whole
    codes: Whole

    def rows(self, which: slice) -> Inputs:
        return Inputs(self.leaves[which], self.importers[which], self.codes[which])


@dataclass(frozen=True)
class Outputs:
    """Per item: probability, revenue in shares of the largest log revenue, embedding (rows, 16)."""

    probability: Floats
    revenue: Floats
    embedding: Floats


def new_network(*, leaves: int, importers: int, codes: int, mean_revenue: float) -> Any:
    """An untrained network, from PyTorch's generator. ``mean_revenue``: what the revenue head says to begin with."""
    torch = load("torch", needs=TORCH)
    nn, d = torch.nn, DIMENSION
    network = nn.ModuleDict(
        {
            "leaf": nn.Embedding(leaves, d),
            "importer": nn.Embedding(importers, d, padding_idx=0),
            "code": nn.Embedding(codes, d, padding_idx=0),
            "attend": nn.Linear(d, 3 * d),
            "attended": nn.Linear(d, d),
            "norm": nn.LayerNorm(d),
            "pool_leaf": nn.Linear(d, d),
            "pool_who": nn.Linear(2 * d, d),
            "pool": nn.Linear(d, 1, bias=False),
            "fuse": nn.Linear(3 * d, d),
            "item": nn.Linear(d, d),
            "probability": nn.Linear(d, 1),
            "revenue": nn.Linear(d, 1),
        }
    )
    with torch.no_grad():
        for weight in network.parameters():
            if weight.dim() > 1:
                nn.init.xavier_uniform_(weight)
        # Never seen is no knowledge: zero.
        network["importer"].weight[0] = 0
        network["code"].weight[0] = 0
        network["revenue"].bias.fill_(float(np.log(np.expm1(max(mean_revenue, 1e-4)))))
    return network


def train(
    network: Any,
    inputs: Inputs,
    is_irregular: Floats,
    revenue: Floats,
    *,
    held_out: int,
    judge: Callable[[Outputs], float],
) -> float:
    """Train in place on all rows but the last ``held_out``, and keep the epoch that ``judge`` likes best on those.

    Returns what the judge said of that epoch. Shuffling draws from PyTorch's generator.
    """
    torch = load("torch", needs=TORCH)
    of = torch.nn.functional
    fitted = len(is_irregular) - held_out
    leaves, importers, codes = _tensors(inputs)
    y, r = (torch.as_tensor(v, dtype=torch.float32) for v in (is_irregular, revenue))
    optimizer = torch.optim.AdamW(network.parameters(), lr=_STEP, weight_decay=_DECAY)
    steps = -(-fitted // _BATCH)
    epochs = max(_EPOCHS, -(-_LEAST_STEPS // steps))
    best, kept, worse = -np.inf, None, 0
    for _ in range(epochs):
        for rows in torch.randperm(fitted).split(_BATCH):
            logit, amount, _item = _forward(network, leaves[rows], importers[rows], codes[rows])
            loss = of.binary_cross_entropy_with_logits(logit, y[rows]) + _ALPHA * of.mse_loss(amount, r[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        liked = judge(predict(network, inputs.rows(slice(fitted, None)))) if held_out else 0.0
        if liked > best or not held_out:
            best, worse = liked, 0
            kept = {name: value.clone() for name, value in network.state_dict().items()}
        else:
            worse += 1
        if worse >= max(_PATIENCE, epochs // 4):
            break
    network.load_state_dict(kept)
    return float(best)


def predict(network: Any, inputs: Inputs) -> Outputs:
    """Outputs of all rows, in order."""
    torch = load("torch", needs=TORCH)
    parts = []
    with torch.no_grad():
        for columns in zip(*(t.split(_PREDICTED_AT_ONCE) for t in _tensors(inputs)), strict=True):
            logit, amount, item = _forward(network, *columns)
            parts.append((torch.sigmoid(logit), amount, item))
    found: Sequence[Floats] = [torch.cat(column).numpy().astype(np.float64) for column in zip(*parts, strict=True)]
    return Outputs(*found)


def _tensors(inputs: Inputs) -> tuple[Any, Any, Any]:
    torch = load("torch", needs=TORCH)
    return torch.as_tensor(inputs.leaves), torch.as_tensor(inputs.importers), torch.as_tensor(inputs.codes)


def _forward(network: Any, leaves: Any, importers: Any, codes: Any) -> tuple[Any, Any, Any]:
    """Log-odds (rows), revenue (rows), embedding (rows, 16)."""
    torch = load("torch", needs=TORCH)
    of = torch.nn.functional
    rows, trees = leaves.shape
    e = network["leaf"](leaves)
    who = torch.cat([network["importer"](importers), network["code"](codes)], 1)
    # Queries, keys and values of every leaf there is, then looked up: some hundred leaves, many items.
    table = network["attend"](network["leaf"].weight)
    q, k, v = of.embedding(leaves, table).view(rows, trees, 3, _HEADS, DIMENSION // _HEADS).permute(2, 0, 3, 1, 4)
    z = of.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(rows, trees, DIMENSION)
    x = network["norm"](e + network["attended"](z))
    a = torch.softmax(network["pool"](torch.relu(network["pool_leaf"](x) + network["pool_who"](who)[:, None])), 1)
    pooled = (a * x).sum(1)
    h = of.mish(network["item"](of.mish(network["fuse"](torch.cat([pooled, who], 1)))))
    return network["probability"](h).squeeze(1), of.softplus(network["revenue"](h)).squeeze(1), h
