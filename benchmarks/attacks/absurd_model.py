"""What absurd trees do to LightGBM, and what Basira does before LightGBM reads them.

Fits one small booster and forges its text in several ways. Gives each text to LightGBM alone, in a child process that
is ended after SECONDS and may take 4 GB of address space; and to `require_sound`, timed. Prints both beside each other.
`--trees` sets the size of the sound booster whose check is timed.

    .venv/bin/python benchmarks/attacks/absurd_model.py --seconds 5
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import lightgbm as lgb
import numpy as np

from basira.models.risk.booster_text import require_sound
from basira.schema.errors import ModelError

FEATURES = ("a", "b", "c", "category_d")
CHILD = """
import sys, lightgbm as lgb, numpy as np
booster = lgb.Booster(model_str=sys.stdin.read())
x = np.random.default_rng(1).normal(size=(20, 4))
booster.predict(x, num_threads=1)
found = booster.predict(x, pred_contrib=True, num_threads=1)
print("answered", "" if np.isfinite(found).all() else "what is not finite")
"""


def fit(trees: int) -> str:
    draw = np.random.default_rng(1)
    x = draw.normal(size=(20_000, 4))
    x[:, 3] = draw.integers(0, 30, len(x))
    y = (x[:, 0] + x[:, 1] * (x[:, 3] % 3) + draw.normal(size=len(x)) > 0).astype(float)
    parameters = {"objective": "binary", "num_leaves": 31, "max_depth": 6, "verbose": -1, "num_threads": 1, "seed": 1}
    data = lgb.Dataset(x, y, feature_name=list(FEATURES), categorical_feature=[3])
    return str(lgb.train(parameters, data, trees).model_to_string())


def line(name: str, value: Callable[[str], str]) -> Callable[[str], str]:
    """The first line of that name changed, and the sizes of the trees put right."""

    def change(text: str) -> str:
        text = re.sub(rf"^{name}=(.*)$", lambda m: f"{name}={value(m[1])}", text, count=1, flags=re.M)
        blocks = re.findall(r"Tree=\d+\n.*?\n\n\n", text, flags=re.DOTALL)
        return re.sub(r"tree_sizes=[\d ]+", "tree_sizes=" + " ".join(str(len(b)) for b in blocks), text)

    return change


def first(value: str) -> Callable[[str], str]:
    return lambda old: " ".join([value, *old.split(" ")[1:]])


ATTACKS: dict[str, Callable[[str], str]] = {
    "none": lambda text: text,
    "a cycle": line("left_child", first("0")),
    "a child out of range": line("left_child", first("99999999")),
    "a feature out of range": line("split_feature", first("1000000")),
    "a set of categories out of range": line("decision_type", first("1")),
    "nine million leaves": line("num_leaves", lambda _old: "9000000"),
    "a thousand million classes": line("num_class", lambda _old: "1000000000"),
    "two thousand million features": line("max_feature_idx", lambda _old: "2000000000"),
    "a size beyond the end": lambda text: re.sub(r"tree_sizes=\d+", "tree_sizes=99999999", text),
    "a leaf that is no number": line("leaf_value", first("nan")),
    "64 MB of nothing": lambda text: text + "\n" * 2**26,
}


def given_to_lightgbm(text: str, seconds: float) -> str:
    limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))  # noqa: E731
    try:
        done = subprocess.run(
            [sys.executable, "-c", CHILD],
            input=text,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            preexec_fn=limit,
        )
    except subprocess.TimeoutExpired:
        return f"no answer in {seconds:g} s"
    if done.returncode < 0:
        return f"the process ended by signal {-done.returncode}"
    return done.stdout.strip() or (done.stderr.strip().split("\n") or [""])[-1][:100]


def checked(text: str) -> str:
    began = time.perf_counter()
    try:
        require_sound(text.encode(), features=FEATURES, name="probability-0.txt")
        said = "sound"
    except ModelError as error:
        said = error.message.partition("found that ")[2]
    return f"{said} ({(time.perf_counter() - began) * 1e3:.1f} ms)"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=5.0)
    options.add_argument("--trees", type=int, default=300)
    arguments = options.parse_args()
    small = fit(20)
    result = {}
    for what, attack in ATTACKS.items():
        text = attack(small)
        result[what] = {"lightgbm": given_to_lightgbm(text, arguments.seconds), "basira": checked(text)}
    large = fit(arguments.trees)
    result["sound"] = {"trees": arguments.trees, "bytes": len(large), "basira": checked(large)}  # type: ignore[dict-item]
    json.dump(result, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
