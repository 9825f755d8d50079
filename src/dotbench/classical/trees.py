"""Extremely randomised regression trees with several outputs (Geurts 2006), all nodes of a depth at once.

A forest is a few arrays over all nodes of all trees. A node sends a sample to its child, or to the one after it if
the node's feature reaches its cut; a leaf is its own child.
"""

from __future__ import annotations

import numpy as np

from dotbench.classical import Model

# Samples that walk down the trees at once.
CHUNK = 2**16


def grow_forest(
    features: np.ndarray, labels: np.ndarray, trees: int, leaf: int, tries: int, rng: np.random.Generator
) -> Model:
    """From features (samples, f) and labels (samples, outputs); each tree learns from a bootstrap of the samples.

    A node takes the best of `tries` random cuts of random features, by the squared distance of the labels to the means
    of both sides; neither has fewer samples than `leaf`.
    """
    grown: list[Model] = []
    first = 0
    roots = []
    for _ in range(trees):
        some = rng.integers(len(features), size=len(features))
        tree = _grow(features[some], labels[some], leaf, tries, rng)
        roots.append(first)
        grown.append({**tree, "child": (tree["child"] + first).astype(np.int32)})
        first += len(tree["cut"])
    forest = {name: np.concatenate([tree[name] for tree in grown]) for name in grown[0]}
    return {**forest, "roots": np.array(roots)}


def ask_forest(forest: Model, features: np.ndarray) -> np.ndarray:
    """The mean over all trees of the outputs for each sample, (samples, outputs)."""
    answers = np.empty((len(features), forest["value"].shape[1]), np.float32)
    for start in range(0, len(features), CHUNK):
        part = features[start : start + CHUNK]
        row = np.arange(len(part)) * part.shape[1]
        answer = np.zeros((len(part), answers.shape[1]), np.float32)
        for root in forest["roots"]:
            node = np.full(len(part), root)
            while True:
                value = part.ravel().take(row + forest["feature"][node])
                below = forest["child"][node] + (value >= forest["cut"][node])
                if np.array_equal(below, node):
                    break
                node = below
            answer += forest["value"][node]
        answers[start : start + CHUNK] = answer / len(forest["roots"])
    return answers


def _grow(features: np.ndarray, labels: np.ndarray, leaf: int, tries: int, rng: np.random.Generator) -> Model:
    """One tree, depth by depth. `order` are the samples of the nodes of this depth, one node after the other."""
    order, start = np.arange(len(features)), np.array([0])
    nodes, values, count = [], [], 1
    while len(start):
        size = np.diff(np.append(start, len(order)))
        total = np.add.reduceat(labels[order], start, axis=0)
        owner = np.repeat(np.arange(len(start)), size)
        gain = np.full(len(start), -np.inf)
        feature, cut = np.zeros(len(start), np.int32), np.full(len(start), np.inf, np.float32)
        for _ in range(tries):
            tried = rng.integers(features.shape[1], size=len(start)).astype(np.int32)
            seen = features[order, tried[owner]]
            low, high = np.minimum.reduceat(seen, start), np.maximum.reduceat(seen, start)
            at = low + (high - low) * rng.random(len(start), np.float32)
            below = seen < at[owner]
            number = np.add.reduceat(below, start, dtype=np.intp)
            left = np.add.reduceat(np.where(below[:, None], labels[order], 0), start, axis=0)
            allowed = np.minimum(number, size - number) >= leaf
            # What the sum of squared distances loses by this cut, up to a constant of the node.
            won = np.divide((left**2).sum(axis=1), number, out=np.full(len(start), -np.inf), where=allowed)
            rest = ((total - left) ** 2).sum(axis=1)
            won += np.divide(rest, size - number, out=np.zeros(len(start)), where=allowed)
            better = won > gain
            gain[better], feature[better], cut[better] = won[better], tried[better], at[better]
        split = np.isfinite(cut)
        child = np.arange(len(start)) + count - len(start)
        child[split] = count + 2 * np.arange(split.sum())
        nodes.append((feature, cut, child))
        values.append(total / size[:, None])
        count += 2 * int(split.sum())
        # The samples of nodes that split, sorted by child.
        kept = split[owner]
        order, owner = order[kept], owner[kept]
        side = child[owner] + (features[order, feature[owner]] >= cut[owner])
        sorting = np.argsort(side, kind="stable")
        order, side = order[sorting], side[sorting]
        start = np.flatnonzero(np.diff(side, prepend=-1))
    feature, cut, child = (np.concatenate(part) for part in zip(*nodes, strict=True))
    return {"feature": feature, "cut": cut, "child": child, "value": np.concatenate(values)}
