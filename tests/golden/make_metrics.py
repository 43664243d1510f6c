#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes metrics.safetensors beside itself: disentanglement metrics, probes, image quality and feature distances.

Needs numpy, scipy (2.4.6 and 1.17.1 made the file in the repository) and safetensors. Each formula is written out
plainly, from its paper; inputs are stored in float32 and expected results in float64.
"""

import pathlib

import numpy as np
from safetensors.numpy import save_file
from scipy import linalg, ndimage, optimize

BINS = 20
SIZES = [3, 6, 8]  # the first has no order
inputs, expected = {}, {}


def float32(values):
    """Values that float32 holds exactly, in float64."""
    return np.asarray(values).astype(np.float32).astype(np.float64)


def entropy(*columns):
    _, counts = np.unique(np.stack(columns), axis=1, return_counts=True)
    p = counts / counts.sum()
    return -(p * np.log(p)).sum()


def discretize(codes):
    low, high = codes.min(0), codes.max(0)
    return np.minimum(np.floor((codes - low) / (high - low) * BINS), BINS - 1).astype(int)


def gaps(scores):
    ordered = np.sort(scores, axis=0)
    return ordered[-1] - ordered[-2]


def information_metrics(codes, factors):
    states = discretize(codes)
    information = np.array(
        [[entropy(z) + entropy(v) - entropy(z, v) for v in factors.T] for z in states.T]
    )
    entropies = np.array([entropy(v) for v in factors.T])
    squares = information**2
    best = squares.max(1)
    deviation = (squares.sum(1) - best) / (best * (factors.shape[1] - 1))
    expected.update({
        "information": information, "entropies": entropies, "mig": np.array([(gaps(information) / entropies).mean()]),
        "modularity": np.array([(1 - deviation).mean()]),
    })  # fmt: skip
    scores = np.corrcoef(codes.T, factors.T)[: codes.shape[1], codes.shape[1] :] ** 2
    for d, z in enumerate(states.T):
        classes = np.unique(factors[:, 0])
        rates = np.array([[(z[factors[:, 0] == c] == s).mean() for c in classes] for s in range(BINS)])
        scores[d, 0] = rates.max(1).sum() / len(classes)
    expected.update({"sap_scores": scores, "sap": np.array([gaps(scores).mean()])})


def lasso(x, y, penalty):
    """Weights split into positive and negative parts: a smooth problem with bounds."""
    d = x.shape[1]

    def loss(parts):
        residual = y - x @ (parts[:d] - parts[d:])
        slope = -(x.T @ residual) / len(x)
        return (residual**2).sum() / (2 * len(x)) + penalty * parts.sum(), np.r_[slope, -slope] + penalty

    options = {"ftol": 1e-16, "gtol": 1e-13, "maxiter": 10000, "maxfun": 100000}
    best = optimize.minimize(loss, np.zeros(2 * d), jac=True, method="L-BFGS-B", bounds=[(0, None)] * 2 * d, options=options)
    # The parts of the right signs solve the rest exactly.
    weights = best.x[:d] - best.x[d:]
    active = np.abs(weights) > 1e-7
    sign = np.sign(weights[active])
    gram = x[:, active].T @ x[:, active] / len(x)
    weights[:] = 0
    weights[active] = np.linalg.solve(gram, x[:, active].T @ y / len(x) - penalty * sign)
    return weights


def dci(codes, factors, penalty=0.01):
    train, test = codes[0::2], codes[1::2]
    mean, deviation = train.mean(0), train.std(0)
    x, x_test = (train - mean) / deviation, (test - mean) / deviation
    importance, informativeness = np.zeros((codes.shape[1], len(SIZES))), []
    for k, size in enumerate(SIZES):
        targets = np.eye(size)[factors[:, k]] if k == 0 else factors[:, k : k + 1].astype(float)
        mean, deviation = targets[0::2].mean(0), targets[0::2].std(0)
        y, y_test = (targets[0::2] - mean) / deviation, (targets[1::2] - mean) / deviation
        weights = np.stack([lasso(x, column, penalty) for column in y.T], axis=1)
        importance[:, k] = np.abs(weights).sum(1)
        informativeness.append(1 - ((x_test @ weights - y_test) ** 2).sum() / (y_test**2).sum())

    def concentration(p, base):
        p = p / p.sum()
        p = p[p > 0]
        return 1 + (p * np.log(p)).sum() / np.log(base)

    shares = importance.sum(1) / importance.sum()
    expected.update({
        "importance": importance,
        "disentanglement": np.array([sum(s * concentration(row, len(SIZES)) for s, row in zip(shares, importance) if s > 0)]),
        "completeness": np.array([np.mean([concentration(column, codes.shape[1]) for column in importance.T])]),
        "informativeness": np.array([np.mean(informativeness)]),
    })  # fmt: skip


def probe(x, labels, x_test, l2=1e-4):
    mean, deviation = x.mean(0), x.std(0)
    x, x_test = (x - mean) / deviation, (x_test - mean) / deviation
    classes, d = labels.max() + 1, x.shape[1]

    def loss(theta):
        w, b = theta[: classes * d].reshape(classes, d), theta[classes * d :]
        logits = x @ w.T + b
        log_p = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
        p = (np.exp(log_p) - np.eye(classes)[labels]) / len(x)
        value = -log_p[np.arange(len(x)), labels].mean() + l2 / 2 * (w**2).sum()
        return value, np.r_[(p.T @ x + l2 * w).ravel(), p.sum(0)]

    options = {"ftol": 1e-16, "gtol": 1e-9, "maxiter": 10000}
    best = optimize.minimize(loss, np.zeros(classes * (d + 1)), jac=True, method="L-BFGS-B", options=options)
    w, b = best.x[: classes * d].reshape(classes, d), best.x[classes * d :]
    logits = x_test @ w.T + b
    assert gaps(logits.T).min() > 1e-4, "a class that hangs on rounding"
    return best.fun, logits.argmax(1)


def draw_codes(g, factors):
    """Noisy codes of factors: the fourth hardly varies, the last tells less of what the second tells."""
    middle = (np.array(SIZES) - 1) / 2
    scaled = (factors - middle) / np.sqrt((np.array(SIZES) ** 2 - 1) / 12)
    mixing = np.array([[1.0, 0.0, 0.0, 0.03, 0.0], [0.0, 0.8, 0.0, 0.0, 0.6], [0.0, 0.0, 1.2, 0.0, 0.0]])
    noise = np.array([0.4, 0.5, 0.6, 0.005, 0.5])
    return scaled @ mixing + noise * g.normal(size=(len(factors), 5))


def factor_vae(g, groups=180, votes=100, size=5):
    whole = float32(draw_codes(g, np.stack([g.integers(0, n, 300) for n in SIZES], axis=1)))
    held = g.integers(0, len(SIZES), groups)
    factors = np.stack([g.integers(0, n, (groups, size)) for n in SIZES], axis=2)
    for group, k in zip(factors, held):
        group[:, k] = group[0, k]
    codes = float32(draw_codes(g, factors.reshape(-1, len(SIZES))))
    live = np.flatnonzero(whole.std(0) >= 0.05)
    normalized = codes[:, live] / whole[:, live].std(0)
    steadiest = live[normalized.reshape(groups, size, -1).var(1).argmin(1)]
    majority = {d: np.bincount(held[:votes][steadiest[:votes] == d], minlength=len(SIZES)) for d in live}
    assert all(gaps(counts[:, None])[0] > 0 for counts in majority.values()), "a tie"
    right = [majority[d].argmax() == k for d, k in zip(steadiest[votes:], held[votes:])]
    inputs.update({"factor_vae_whole": whole, "factor_vae_codes": codes, "factor_vae_held": held})
    expected["factor_vae_steadiest"] = steadiest.astype(np.float64)
    expected["factor_vae_score"] = np.array([np.mean(right)])


def beta_vae(g, points=150, train=90, pairs=4):
    held = g.integers(0, len(SIZES), points)
    factors = np.stack([g.integers(0, n, (points, pairs, 2)) for n in SIZES], axis=3)
    for point, k in zip(factors, held):
        point[:, 1, k] = point[:, 0, k]
    codes = float32(draw_codes(g, factors.reshape(-1, len(SIZES))))
    differences = np.abs(np.diff(codes.reshape(points, pairs, 2, -1), axis=2)).mean((1, 2))
    loss, classes = probe(differences[:train], held[:train], differences[train:])
    inputs.update({"beta_vae_codes": codes, "beta_vae_held": held})
    expected["beta_vae_points"] = differences
    expected["beta_vae_loss"] = np.array([loss])
    expected["beta_vae_score"] = np.array([(classes == held[train:]).mean()])


def distances(a, b):
    return ((a[:, None] - b[None]) ** 2).sum(2)


def neighbours(x, labels, x_test, k=5):
    order = np.argsort(distances(x_test, x), axis=1, kind="stable")[:, :k]
    expected["neighbours"] = order.astype(np.float64)
    guesses = []
    for row in labels[order]:
        counts = np.bincount(row)
        guesses.append(next(label for label in row if counts[label] == counts.max()))
    expected["neighbour_classes"] = np.array(guesses, dtype=np.float64)


def outliers(scores, outlier):
    higher = scores[outlier][:, None] > scores[~outlier][None]
    equal = scores[outlier][:, None] == scores[~outlier][None]
    expected["auroc"] = np.array([(higher + 0.5 * equal).mean()])
    area, recall = 0.0, 0.0
    for threshold in np.unique(scores)[::-1]:
        chosen = scores >= threshold
        area += (outlier[chosen].sum() / outlier.sum() - recall) * outlier[chosen].mean()
        recall = outlier[chosen].sum() / outlier.sum()
    expected["average_precision"] = np.array([area])


def ssim(x, y):
    offsets = np.arange(-5, 6)
    window = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.5**2))
    window /= window.sum()

    def mean(image):
        return ndimage.correlate(image, window)[5:-5, 5:-5]

    mx, my = mean(x), mean(y)
    vx, vy, cov = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    return ((2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))).mean()


def feature_distances(x, y):
    cx, cy = np.cov(x.T), np.cov(y.T)
    root = np.real(linalg.sqrtm(cx @ cy))
    expected["frechet"] = np.array([((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(cx + cy - 2 * root)])

    def coverage(samples, references):
        radius = np.sort(distances(references, references), axis=1)[:, 3]  # the first is itself
        return (distances(samples, references) <= radius[None]).any(1).mean()

    expected["precision_recall"] = np.array([coverage(y, x), coverage(x, y)])

    def kernel(a, b):
        return (a @ b.T / a.shape[1] + 1) ** 3

    kx, ky, n, m = kernel(x, x), kernel(y, y), len(x), len(y)
    expected["kernel_distance"] = np.array([
        (kx.sum() - np.trace(kx)) / (n * (n - 1)) + (ky.sum() - np.trace(ky)) / (m * (m - 1)) - 2 * kernel(x, y).mean()
    ])  # fmt: skip


def main():
    g = np.random.default_rng(7)
    factors = np.stack([g.integers(0, size, 500) for size in SIZES], axis=1)
    scaled = (factors - factors.mean(0)) / factors.std(0)
    mixing = np.array([[1.0, 0.1, 0.0, 0.4], [0.0, 1.2, 0.5, 0.0], [0.2, 0.0, 0.9, 0.0]])
    codes = float32(np.c_[scaled @ mixing, np.zeros(500)] + 0.2 * g.normal(size=(500, 5)))
    information_metrics(codes, factors)
    dci(codes, factors)
    loss, classes = probe(codes[:400], factors[:400, 0], codes[400:])
    expected.update({"probe_loss": np.array([loss]), "probe_classes": classes.astype(np.float64)})
    neighbours(codes[:400], factors[:400, 1], codes[400:])
    scores = float32(np.round(g.normal(size=200) + np.repeat([0.0, 1.0], [150, 50]), 1))
    outliers(scores, np.repeat([False, True], [150, 50]))
    images = float32(ndimage.gaussian_filter(g.uniform(size=(2, 14, 17)), (0, 1, 1)))
    noisy = float32(np.clip(images + 0.1 * g.normal(size=images.shape), 0, 1))
    expected["ssim"] = np.array([ssim(x, y) for x, y in zip(images, noisy)])
    expected["psnr"] = 10 * np.log10(1 / ((images - noisy) ** 2).mean((1, 2)))
    x = float32(g.normal(size=(60, 4)) @ g.normal(size=(4, 4)))
    y = float32(0.5 + 0.8 * g.normal(size=(50, 4)) @ g.normal(size=(4, 4)))
    feature_distances(x, y)
    factor_vae(g)
    beta_vae(g)
    inputs.update({
        "codes": codes, "factors": factors, "scores": scores, "images": images.reshape(2, -1),
        "noisy": noisy.reshape(2, -1), "x": x, "y": y,
    })  # fmt: skip
    tensors = {key: np.ascontiguousarray(value, dtype=np.float32) for key, value in inputs.items()}
    tensors |= {key: np.ascontiguousarray(value, dtype=np.float64) for key, value in expected.items()}
    save_file(tensors, pathlib.Path(__file__).parent / "metrics.safetensors")


if __name__ == "__main__":
    main()
