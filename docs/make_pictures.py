#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws the pictures of the pages in docs/: docs/images/<group>_<kind>.png, one for each choice of a configuration.

    python -m venv venv && venv/bin/pip install numpy matplotlib pillow
    VAEKIT_BIN=build/release/bin venv/bin/python docs/make_pictures.py [--work FOLDER] [NAME ...]

For the pages alone: nothing else in the project needs these packages. Densities and schedules are drawn from their
formulas; whatever shows a model comes from runs of vaekit (train, encode, decode, sample, evaluate), which are kept in
--work and trained with one thread. Fashion-MNIST is read from --fashion.
"""
import argparse
import gzip
import json
import math
import os
import pathlib
import struct
import subprocess
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parent.parent
COLORS = ["#3366aa", "#dd7722", "#449955", "#bb4466", "#7755aa", "#998833", "#33a0a0", "#666666"]
plt.rcParams.update({
    "figure.dpi": 100, "font.size": 8, "axes.titlesize": 8.5, "axes.spines.top": False, "axes.spines.right": False,
    "axes.linewidth": 0.7, "lines.linewidth": 1.5, "legend.frameon": False, "legend.fontsize": 7.5,
    "axes.prop_cycle": plt.cycler(color=COLORS), "xtick.labelsize": 7, "ytick.labelsize": 7,
})
PICTURES = {}


def picture(function):
    PICTURES[function.__name__] = function
    return function


def panels(count=2, width=6.4, height=2.9, **options):
    figure, axes = plt.subplots(1, count, figsize=(width, height), squeeze=False, **options)
    return figure, list(axes[0])


def plane(axis, limit=None, ticks=True):
    axis.set_aspect("equal")
    if limit is not None:
        axis.set_xlim(-limit, limit)
        axis.set_ylim(-limit, limit)
    if not ticks:
        axis.set_xticks([])
        axis.set_yticks([])


def dots(axis, points, color=COLORS[0], size=2, **options):
    axis.scatter(points[:, 0], points[:, 1], s=size, c=color, linewidths=0, **options)


def grid(limit, count=160):
    line = np.linspace(-limit, limit, count)
    x, y = np.meshgrid(line, line)
    return x, y, np.stack([x.ravel(), y.ravel()], 1)


def density(axis, x, y, log_density, levels=10, cmap="Blues"):
    values = np.exp(log_density - log_density.max()).reshape(x.shape)
    axis.contourf(x, y, values, levels=np.linspace(0.02, 1, levels), cmap=cmap)


def ellipse(axis, mean, covariance, scale=2.0, **options):
    angle = np.linspace(0, 2 * np.pi, 100)
    circle = np.stack([np.cos(angle), np.sin(angle)], 1) * scale
    points = circle @ np.linalg.cholesky(covariance).T + mean
    axis.plot(points[:, 0], points[:, 1], **options)


def log_normal(z, mean, covariance):
    error = z - mean
    return (-0.5 * np.einsum("ni,ij,nj->n", error, np.linalg.inv(covariance), error)
            - 0.5 * np.linalg.slogdet(2 * np.pi * covariance)[1])


def image_grid(images, columns, border=1):
    size = round(math.sqrt(images.shape[1]))
    rows = -(-len(images) // columns)
    sheet = np.ones((rows * (size + border) - border, columns * (size + border) - border))
    for i, image in enumerate(images):
        top, left = (i // columns) * (size + border), (i % columns) * (size + border)
        sheet[top:top + size, left:left + size] = image.reshape(size, size)
    return sheet


def show_images(axis, images, columns):
    axis.imshow(image_grid(images, columns), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axis.axis("off")


# ------------------------------------------------------------------------------------------------- latents, formulas


@picture
def latent_full_gaussian(_):
    true = np.array([[1.0, 0.85], [0.85, 1.0]])
    diagonal = np.diag(1 / np.diag(np.linalg.inv(true)))
    figure, axes = panels()
    x, y, points = grid(3.2)
    gap = 0.5 * (np.log(np.diag(np.linalg.inv(true))).sum() + np.linalg.slogdet(true)[1])
    for axis, covariance, name in zip(axes, [diagonal, true], ["gaussian", "full_gaussian"]):
        density(axis, x, y, log_normal(points, np.zeros(2), true))
        ellipse(axis, np.zeros(2), covariance, color=COLORS[1])
        plane(axis, 3.2)
        missing = gap if name == "gaussian" else 0
        axis.set_title(f"{name}: KL to the true posterior {missing:.2f} nats")
    return figure


@picture
def latent_flow(_):
    random = np.random.default_rng(3)
    z = random.standard_normal((400_000, 2))

    def planar(z):
        for w, u, b in [((2.5, 0.3), (1.6, 0.8), 0.3), ((-0.8, 2.2), (-0.2, 1.7), -0.4)]:
            w, u = np.array(w), np.array(u)
            u = u + (-1 + np.log1p(np.exp(w @ u)) - w @ u) * w / (w @ w)
            z = z + np.tanh(z @ w + b)[:, None] * u
        return z

    def radial(z):
        for center, alpha, gamma in [((0.6, 0.3), 0.3, 2.2), ((-0.8, -0.5), 0.4, 1.8)]:
            shift = z - np.array(center)
            z = z + (gamma - alpha) / (alpha + np.linalg.norm(shift, axis=1, keepdims=True)) * shift
        return z

    def householder(z):
        z = z * [1.6, 0.45]
        v = np.array([0.4, 1.0])
        return z - 2 * np.outer(z @ v, v) / (v @ v)

    def sylvester(z):
        angle = 0.6
        q = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        r = np.array([[0.95, 1.8], [0, 0.9]])
        s = np.array([[0.95, -1.2], [0, 0.95]])
        for turn in (q, q.T):
            z = z + np.tanh(z @ turn @ (2.0 * s.T) + [0.2, -0.6]) @ r.T @ turn.T
        return z

    def autoregressive(z):
        gate = 1 / (1 + np.exp(-(1 + 1.2 * np.tanh(1.5 * z[:, 0]))))
        return np.stack([z[:, 0], gate * z[:, 1] + (1 - gate) * 4 * np.tanh(1.3 * z[:, 0]) ** 2], 1)

    def coupling(z):
        z = np.stack([z[:, 0], z[:, 1] * np.exp(0.7 * np.tanh(z[:, 0])) + 1.3 * np.sin(2 * z[:, 0])], 1)
        return np.stack([z[:, 0] * np.exp(0.6 * np.tanh(z[:, 1])), z[:, 1]], 1)

    figure, axes = plt.subplots(2, 3, figsize=(6.2, 4.2))
    for axis, f in zip(axes.ravel(), [planar, radial, householder, sylvester, autoregressive, coupling]):
        counts, _, _ = np.histogram2d(*f(z).T[::-1], bins=100, range=[[-5, 5]] * 2)
        for _ in range(4):
            counts = sum(np.roll(np.roll(counts, i, 0), j, 1) * w * v for i, w in [(-1, 1), (0, 2), (1, 1)]
                         for j, v in [(-1, 1), (0, 2), (1, 1)]) / 16
        line = np.linspace(-4.95, 4.95, 100)
        axis.contourf(line, line, np.sqrt(counts / counts.max()), levels=np.linspace(0.08, 1, 9), cmap="Blues")
        axis.set_title(f.__name__)
        plane(axis, 5, ticks=False)
    return figure


@picture
def latent_concrete(_):
    random = np.random.default_rng(1)
    logits = np.log([0.5, 0.3, 0.2])
    corners = np.array([[0, 0], [1, 0], [0.5, math.sqrt(3) / 2]])
    noise = random.gumbel(size=(1500, 3))
    figure, axes = panels(4, height=1.9)
    for axis, temperature in zip(axes, [2.0, 1.0, 0.5, 0.1]):
        scores = (logits + noise) / temperature
        z = np.exp(scores - scores.max(1, keepdims=True))
        z /= z.sum(1, keepdims=True)
        axis.fill(*corners.T, facecolor="#f2f2f2", edgecolor="#999999", linewidth=0.8)
        dots(axis, z @ corners, size=3, alpha=0.5, clip_on=False)
        for corner, p, shift in zip(corners, ["0.5", "0.3", "0.2"], [(-0.02, -0.14), (0.02, -0.14), (0, 0.06)]):
            axis.text(*(corner + shift), p, ha="center", fontsize=7)
        axis.set_title(f"τ = {temperature:g}", y=1.06)
        axis.set_aspect("equal")
        axis.axis("off")
    return figure


def sphere_axes(figure, count):
    axes = [figure.add_subplot(1, count, i + 1, projection="3d") for i in range(count)]
    u, v = np.mgrid[0:2 * np.pi:40j, 0:np.pi:20j]
    for axis in axes:
        axis.plot_wireframe(np.cos(u) * np.sin(v), np.sin(u) * np.sin(v), np.cos(v), color="#cccccc", linewidth=0.3,
                            rstride=4, cstride=4)
        axis.set_box_aspect((1, 1, 1), zoom=1.45)
        axis.set_axis_off()
        axis.view_init(25, 35)
    return axes


def front(points, elevation=25, azimuth=35):
    """Whether points of the sphere are on the side that is seen."""
    e, a = np.radians([elevation, azimuth])
    return points @ np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)]) > 0


def sphere_dots(axis, points, color, size=4):
    color = np.broadcast_to(np.array(color), len(points))
    seen = front(points)
    for visible, alpha in [(~seen, 0.12), (seen, 0.8)]:
        axis.scatter(*points[visible].T, s=size, c=list(color[visible]), alpha=alpha, linewidths=0, depthshade=False)


@picture
def latent_von_mises_fisher(_):
    random = np.random.default_rng(2)
    figure = plt.figure(figsize=(6.4, 1.9))
    means = np.array([[1.0, 0.1, 0.3], [0.1, 0.9, 0.6], [0.5, 0.5, -0.6]])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    for axis, kappa in zip(sphere_axes(figure, 4), [1, 10, 100, 1000]):
        for mean, color in zip(means, COLORS):
            u, angle = random.random(250), 2 * np.pi * random.random(250)
            w = 1 + np.log(u + (1 - u) * np.exp(-2.0 * kappa)) / kappa
            a = np.cross(mean, [0, 0, 1.0])
            a /= np.linalg.norm(a)
            b = np.cross(mean, a)
            ring = np.cos(angle)[:, None] * a + np.sin(angle)[:, None] * b
            sphere_dots(axis, w[:, None] * mean + np.sqrt(np.maximum(0, 1 - w * w))[:, None] * ring, color)
        axis.set_title(f"κ = {kappa}", y=1.0)
    figure.subplots_adjust(0, 0, 1, 0.9, 0, 0)
    return figure


def mobius_add(x, y):
    xy, xx, yy = (x * y).sum(-1, keepdims=True), (x * x).sum(-1, keepdims=True), (y * y).sum(-1, keepdims=True)
    return ((1 + 2 * xy + yy) * x + (1 - xx) * y) / (1 + 2 * xy + xx * yy)


def exponential(v):
    length = np.linalg.norm(v, axis=-1, keepdims=True)
    return np.tanh(length / 2) * v / np.maximum(length, 1e-12)


def disc(axis):
    angle = np.linspace(0, 2 * np.pi, 200)
    axis.fill(np.cos(angle), np.sin(angle), facecolor="#f7f7f7", edgecolor="#888888", linewidth=0.8)
    axis.set_aspect("equal")
    axis.axis("off")


@picture
def latent_poincare(_):
    random = np.random.default_rng(4)
    angle = np.linspace(0, 2 * np.pi, 200)
    figure, axes = panels()
    for axis, deviation in zip(axes, [0.3, 0.7]):
        disc(axis)
        for mean, color in zip([(0, 0), (0.6, 0.15), (-0.3, 0.78), (-0.55, -0.72)], COLORS):
            mean = np.array(mean)
            dots(axis, mobius_add(mean, exponential(deviation * random.standard_normal((400, 2)))), color, 3, alpha=0.6)
            circle = mobius_add(mean, exponential(2 * deviation * np.stack([np.cos(angle), np.sin(angle)], 1)))
            axis.plot(*circle.T, color=color, linewidth=1)
        axis.set_title(f"σ = {deviation}: points, and the circle at distance 2σ")
    return figure


# ------------------------------------------------------------------------------------------------- priors, formulas


@picture
def prior_wrapped_normal(_):
    random = np.random.default_rng(5)
    figure, axes = panels(3, height=2.3)
    for axis, deviation in zip(axes, [0.5, 1, 2]):
        disc(axis)
        dots(axis, exponential(deviation * random.standard_normal((1200, 2))), size=3, alpha=0.5)
        axis.set_title(f"deviation {deviation:g}")
    return figure


# ------------------------------------------------------------------------------------------------- likelihoods, formulas


def lines(axis, x, values, labels, **options):
    for value, label in zip(values, labels):
        axis.plot(x, value, label=label, **options)
    axis.legend()


def bars(axis, values, labels):
    """Probabilities of 0, 1, 2, ... for several parameters, side by side."""
    width = 0.8 / len(values)
    for i, (value, label) in enumerate(zip(values, labels)):
        axis.bar(np.arange(len(value)) + (i - (len(values) - 1) / 2) * width, value, width, label=label)
    axis.legend()


lgamma = np.vectorize(math.lgamma)


@picture
def likelihood_bernoulli(_):
    figure, axes = panels()
    l = np.linspace(-6, 6, 200)
    lines(axes[0], l, [x * l - np.log1p(np.exp(l)) for x in (0, 0.25, 1)], ["x = 0", "x = 0.25", "x = 1"])
    axes[0].set(xlabel="logit l", title="log p(x | l)")
    bars(axes[1], [[1 - p, p] for p in (0.1, 0.5, 0.9)], ["sigmoid(l) = 0.1", "0.5", "0.9"])
    axes[1].set(xticks=[0, 1], xlabel="x", title="p(x)", ylim=(0, 1.25))
    return figure


@picture
def likelihood_gaussian(_):
    figure, axes = panels()
    x = np.linspace(-4, 4, 400)
    lines(axes[0], x, [np.exp(-0.5 * (x / s) ** 2) / (s * math.sqrt(2 * math.pi)) for s in (0.3, 1, 2)],
          ["σ = 0.3", "σ = 1", "σ = 2"])
    axes[0].set(xlabel="x − μ", title="density")
    s = np.linspace(0.05, 1, 300)
    lines(axes[1], s, [-np.log(s) - 0.5 * (e / s) ** 2 - 0.5 * math.log(2 * math.pi) for e in (0.1, 0.2, 0.4)],
          ["error 0.1", "error 0.2", "error 0.4"])
    for e, color in zip((0.1, 0.2, 0.4), COLORS):
        axes[1].plot(e, -math.log(e) - 0.5 - 0.5 * math.log(2 * math.pi), "o", color=color, markersize=4)
    axes[1].set(xlabel="σ", ylim=(-4, 2), title="mean log p for a root mean squared error")
    return figure


@picture
def likelihood_continuous_bernoulli(_):
    figure, axes = panels()
    x = np.linspace(0, 1, 300)

    def log_c(l):
        return math.log(2) if l == 0 else math.log(l / math.tanh(l / 2))

    logits = (-4, 0, 2, 10)
    # log p = x l − softplus(l) + log C(l)
    lines(axes[0], x, [np.exp(x * l - np.log1p(np.exp(l)) + log_c(l)) for l in logits], [f"l = {l}" for l in logits])
    axes[0].set(xlabel="x", title="density", ylim=(0, 10.5))
    l = np.linspace(-20, 20, 400)
    axes[1].plot(l, 1 / (1 - np.exp(-l)) - 1 / l, label="mean")
    axes[1].plot(l, 1 / (1 + np.exp(-l)), "--", label="sigmoid(l)")
    axes[1].set(xlabel="logit l", title="mean")
    axes[1].legend()
    return figure


@picture
def likelihood_laplace(_):
    figure, axes = panels()
    x = np.linspace(-4, 4, 401)
    lines(axes[0], x, [np.exp(-abs(x) / b) / (2 * b) for b in (0.5, 1, 2)], ["b = 0.5", "b = 1", "b = 2"])
    axes[0].set(xlabel="x − μ", title="density")
    axes[1].plot(x, np.sign(x) * math.sqrt(2), label="laplace")
    axes[1].plot(x, x, "--", label="gaussian")
    axes[1].set(xlabel="x − μ", title="pull on μ, both with deviation 1")
    axes[1].legend()
    return figure


@picture
def likelihood_student_t(_):
    figure, axes = panels()
    x = np.linspace(-6, 6, 400)

    def log_t(x, v):
        return math.lgamma((v + 1) / 2) - math.lgamma(v / 2) - 0.5 * math.log(v * math.pi) - (v + 1) / 2 * np.log1p(x * x / v)

    lines(axes[0], x, [log_t(x, v) for v in (1, 3, 10)], ["ν = 1", "ν = 3", "ν = 10"])
    axes[0].plot(x, -0.5 * x * x - 0.5 * math.log(2 * math.pi), "--", color="#666666", label="gaussian")
    axes[0].set(xlabel="(x − μ) / b", title="log density", ylim=(-12, 0))
    axes[0].legend()
    lines(axes[1], x, [(v + 1) * x / (v + x * x) for v in (1, 3, 10)], ["ν = 1", "ν = 3", "ν = 10"])
    axes[1].plot(x, x, "--", color="#666666", label="gaussian")
    axes[1].set(xlabel="(x − μ) / b", ylim=(-3, 3), title="pull on μ")
    return figure


def logistic_levels(mu, s):
    sigmoid = lambda v: 0.5 * (1 + np.tanh(v / 2))
    level = np.arange(256) / 255
    upper, lower = sigmoid((level + 1 / 510 - mu) / s), sigmoid((level - 1 / 510 - mu) / s)
    upper[-1], lower[0] = 1, 0
    return upper - lower


@picture
def likelihood_discretized_logistic(_):
    figure, axes = panels()
    for mu, s in [(0.2, 0.03), (0.5, 0.06), (1.0, 0.03)]:
        axes[0].step(np.arange(256), logistic_levels(mu, s), where="mid", label=f"μ = {mu:g}, s = {s:g}", linewidth=1.2)
    axes[0].set(xlabel="level 0 ... 255", title="P(level); the ends take what lies beyond", ylim=(0, 0.05))
    axes[0].legend(loc="upper center")
    axes[0].annotate("0.52", (255, 0.0495), (214, 0.046), fontsize=7, color=COLORS[2])
    for s in (0.003, 0.01, 0.03):
        axes[1].step(np.arange(108, 149), logistic_levels(128 / 255, s)[108:149], where="mid", label=f"s = {s:g}")
    axes[1].set(xlabel="level", title="P(level), μ at level 128")
    axes[1].legend()
    return figure


@picture
def likelihood_discretized_logistic_mixture(_):
    figure, axes = panels()
    parts = [(0.35, 0.0, 0.004), (0.4, 0.45, 0.08), (0.25, 0.85, 0.02)]
    total = sum(w * logistic_levels(mu, s) for w, mu, s in parts)
    for w, mu, s in parts:
        axes[0].plot(np.arange(256), w * logistic_levels(mu, s), label=f"{w:g} × (μ = {mu:g}, s = {s:g})", linewidth=1.2)
    axes[0].set(xlabel="level 0 ... 255", ylim=(0, 0.02), title="three components")
    axes[0].legend()
    axes[1].fill_between(np.arange(256), total, step="mid", color=COLORS[0], alpha=0.8)
    axes[1].set(xlabel="level 0 ... 255", ylim=(0, 0.02), title=f"their sum; P(0) = {total[0]:.2f}")
    return figure


@picture
def likelihood_poisson(_):
    figure, axes = panels()
    k = np.arange(16)
    bars(axes[0], [np.exp(k * math.log(r) - r - lgamma(k + 1)) for r in (0.7, 3, 8)], ["r = 0.7", "r = 3", "r = 8"])
    axes[0].set(xlabel="x", title="p(x)")
    rates = np.array([0.05, 0.15, 0.5, 0.3])
    for total, color in zip((20, 100), COLORS):
        axes[1].plot(range(1, 5), rates * total, "o-", color=color, label=f"Σ x = {total}")
    axes[1].set(xlabel="feature", xticks=range(1, 5), title="rates with library_size observed, same h")
    axes[1].legend()
    return figure


@picture
def likelihood_negative_binomial(_):
    figure, axes = panels()
    k = np.arange(21)

    def pmf(mu, r):
        return np.exp(lgamma(k + r) - math.lgamma(r) - lgamma(k + 1) + r * math.log(r / (r + mu)) + k * math.log(mu / (r + mu)))

    values = [pmf(5, r) for r in (1, 5, 1000)]
    bars(axes[0], values, ["r = 1", "r = 5", "r = 1000"])
    axes[0].set(xlabel="x", title="p(x), mean μ = 5")
    inflated = 0.4 * (k == 0) + 0.6 * pmf(5, 5)
    bars(axes[1], [values[1], inflated], ["r = 5", "the same with π = 0.4"])
    axes[1].set(xlabel="x", title="zero_inflation")
    return figure


@picture
def likelihood_categorical(_):
    figure, axes = panels()
    logits = np.array([0.5, 2.0, -1.0, 1.2, 0.0])
    softmax = np.exp(logits) / np.exp(logits).sum()
    axes[0].bar(range(5), logits, 0.6, color=COLORS[1])
    axes[0].axhline(0, color="#666666", linewidth=0.7)
    axes[0].set(xlabel="class", title="logits l")
    axes[1].bar(range(5), softmax, 0.6)
    axes[1].set(xlabel="class", title="p(class) = softmax(l)", ylim=(0, 0.65))
    for i, p in enumerate(softmax):
        axes[1].text(i, p + 0.015, f"{p:.2f}", ha="center", fontsize=7)
    return figure


@picture
def likelihood_columns(_):
    figure, axes = panels(4, height=1.9)
    x = np.linspace(-3, 3, 200)
    for mu, s in [(-1, 0.5), (0.5, 0.8), (1, 0.3)]:
        axes[0].plot(x, np.exp(-0.5 * ((x - mu) / s) ** 2) / (s * math.sqrt(2 * math.pi)))
    axes[0].set_title("3 × gaussian")
    axes[1].bar([0, 1], [0.3, 0.7], 0.6)
    axes[1].set(xticks=[0, 1], title="1 × bernoulli")
    for shift, p in [(-0.2, [0.1, 0.5, 0.2, 0.1, 0.1]), (0.2, [0.05, 0.1, 0.15, 0.3, 0.4])]:
        axes[2].bar(np.arange(5) + shift, p, 0.4)
    axes[2].set(xticks=range(5), title="2 × categorical")
    k = np.arange(12)
    for r in (0.8, 2, 4, 6):
        axes[3].plot(k, np.exp(k * math.log(r) - r - lgamma(k + 1)), ".-", linewidth=1)
    axes[3].set_title("4 × poisson")
    for axis in axes:
        axis.set_yticks([])
    return figure


# ------------------------------------------------------------------------------------------------- objectives, formulas


@picture
def objective_renyi(_):
    random = np.random.default_rng(6)
    deviation = 1.5
    # log w is normal with this deviation, and E w = 1: the log-likelihood is 0
    log_w = deviation * random.standard_normal((4000, 64)) - 0.5 * deviation ** 2
    alpha = np.linspace(-0.5, 1, 31)
    figure, axes = panels(1, width=4.6)
    for samples, color in zip((4, 16, 64), COLORS):
        bound = []
        for a in alpha:
            if abs(a - 1) < 1e-9:
                bound.append(log_w[:, :samples].mean())
                continue
            scaled = (1 - a) * log_w[:, :samples]
            top = scaled.max(1, keepdims=True)
            bound.append(((top[:, 0] + np.log(np.exp(scaled - top).mean(1))) / (1 - a)).mean())
        axes[0].plot(alpha, bound, color=color, label=f"K = {samples}")
    axes[0].plot(alpha, -0.5 * deviation ** 2 * alpha, "--", color="#666666", label="K → ∞")
    axes[0].axhline(0, color="#666666", linewidth=0.7)
    axes[0].text(0.8, 0.04, "log p(x)", fontsize=7)
    axes[0].plot([1], [-0.5 * deviation ** 2], "o", color="#333333", markersize=4)
    axes[0].text(0.93, -0.5 * deviation ** 2 + 0.1, "ELBO", fontsize=7)
    axes[0].set(xlabel="α", title="Rényi bound for log w ~ N(−σ²/2, σ²), σ = 1.5")
    axes[0].legend()
    return figure


# ------------------------------------------------------------------------------------------------- models


def moons(count, seed):
    """Two interleaved half circles, as in the data source of this name; labels."""
    random = np.random.default_rng(seed)
    label = random.integers(0, 2, count)
    angle = np.pi * random.random(count)
    x = np.stack([np.cos(angle), np.sin(angle)], 1)
    x[label == 1] = [1, 0.5] - x[label == 1]
    return x - [0.5, 0.25] + 0.08 * random.standard_normal((count, 2)), label


def ring(count, seed, shares=None, components=8):
    """Gaussians around points of a circle; labels."""
    random = np.random.default_rng(seed)
    label = random.choice(components, count, p=shares)
    angle = 2 * np.pi * label / components
    x = np.stack([np.cos(angle), np.sin(angle)], 1)
    return 1.5 * x + 0.12 * random.standard_normal((count, 2)), label


def read_idx(path):
    with gzip.open(path) as file:
        data = file.read()
    count = data[3]
    shape = struct.unpack(f">{count}I", data[4:4 + 4 * count])
    return np.frombuffer(data, np.uint8, offset=4 + 4 * count).reshape(shape)


class Models:
    """Runs of vaekit, each trained once: as long as its configuration stays the same."""

    def __init__(self, work, vaekit, fashion):
        self.work, self.vaekit, self.fashion_folder = work, vaekit, fashion
        self.work.mkdir(parents=True, exist_ok=True)
        self.arrays = 0

    def call(self, *arguments):
        result = subprocess.run([self.vaekit, *map(str, arguments), "--threads", "1"], capture_output=True, text=True)
        if result.returncode != 0:
            sys.exit(f"vaekit {' '.join(map(str, arguments))}: {result.stderr[-500:]}")
        return result.stdout

    def save(self, array):
        self.arrays += 1
        path = self.work / f"in-{os.getpid()}-{self.arrays}.npy"
        np.save(path, np.ascontiguousarray(array, np.float32))
        return path

    def points(self, name, make, **options):
        """A data set in the plane, in the work folder: its part of a configuration."""
        for part, seed in [("train", 1), ("test", 2)]:
            x, label = make(8000 if part == "train" else 2000, seed, **options)
            np.save(self.work / f"{name}-{part}.npy", x.astype(np.float32))
            np.save(self.work / f"{name}-{part}-labels.npy", label.astype(np.int32))
        return {"scale": "none", **{part: {"format": "npy", "path": str(self.work / f"{name}-{part}.npy"),
                                          "labels": str(self.work / f"{name}-{part}-labels.npy")}
                                   for part in ("train", "test")}}

    def fashion(self, part="t10k", count=None):
        images = read_idx(self.fashion_folder / f"{part}-images-idx3-ubyte.gz")[:count].reshape(-1, 784) / 255
        return images, read_idx(self.fashion_folder / f"{part}-labels-idx1-ubyte.gz")[:count]

    def train(self, name, data, latent, epochs, objective=None, prior=None, likelihood=None, units=64, layers=2,
              activation="silu", rate=0.003, **more):
        hidden = [{"type": "dense", "units": units, "activation": activation}] * layers
        model = {"encoder": hidden, "decoder": hidden, "latent": latent,
                 "likelihood": likelihood or {"type": "gaussian", "variance": "learned", "deviation": 0.2}}
        if prior:
            model["prior"] = prior
        model.update(more.get("model", {}))
        config = {"name": name, "data": data, "model": model, "objective": objective or {"type": "elbo"},
                  "optimizer": {"type": "adam",
                                "learning_rate": {"schedule": "cosine", "from": rate, "to": 0, "epochs": epochs}},
                  "training": {"epochs": epochs, "batch_size": 128, "checkpoint_every": 0, "images_every": 0}}
        text = json.dumps(config, indent=1)
        file, run = self.work / f"{name}.json", self.work / name
        if not (file.exists() and file.read_text() == text and (run / "checkpoints/last.safetensors").exists()):
            file.write_text(text)
            self.call("train", file, "--out", run, "--overwrite", "--quiet")
        return run

    def fashion_run(self, name, latent, epochs, **options):
        folder = self.fashion_folder
        data = {part: {"format": "idx", "path": str(folder / f"{file}-images-idx3-ubyte.gz"),
                       "labels": str(folder / f"{file}-labels-idx1-ubyte.gz")}
                for part, file in [("train", "train"), ("test", "t10k")]}
        data.update(options.pop("data", {}))
        return self.train(name, data, latent, epochs, likelihood={"type": "bernoulli"}, units=400, layers=1,
                          activation="relu", rate=0.001, **options)

    def bars_run(self, name, latent, epochs, **options):
        data = {part: {"format": "synthetic", "source": "bars", "count": count, "size": 8, "seed": seed}
                for part, count, seed in [("train", 10000, 1), ("test", 2000, 2)]}
        return self.train(name, data, latent, epochs, likelihood={"type": "bernoulli"}, units=128, layers=1,
                          activation="relu", rate=0.002, **options)

    def array(self, command, run, *arguments):
        out = self.work / f"out-{os.getpid()}.npy"
        self.call(command, run, "--out", out, *arguments)
        result = np.load(out)
        return result.reshape(len(result), -1)

    def encode(self, run, x, *arguments):
        return self.array("encode", run, "--in", self.save(x), *arguments)

    def decode(self, run, z, *arguments):
        return self.array("decode", run, "--in", self.save(z), *arguments)

    def sample(self, run, count, *arguments):
        return self.array("sample", run, "--count", count, *arguments)

    def evaluate(self, run, *arguments):
        return json.loads(self.call("evaluate", run, "--json", *arguments))

    def parameters(self, run):
        data = (run / "checkpoints/last.safetensors").read_bytes()
        size = struct.unpack("<Q", data[:8])[0]
        return {name: np.frombuffer(data, "<f4", math.prod(entry["shape"]), 8 + size + entry["data_offsets"][0])
                .reshape(entry["shape"]) for name, entry in json.loads(data[8:8 + size]).items()
                if name != "__metadata__" and entry["dtype"] == "F32"}

    def metrics(self, run):
        return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


PLANE = {"type": "gaussian", "dim": 2}
SHARP = {"type": "gaussian", "variance": "fixed", "deviation": 0.1}


def tinted(labels):
    return np.array(COLORS)[labels % len(COLORS)]


@picture
def latent_gaussian(m):
    run = m.train("moons-gaussian", m.points("moons", moons), PLANE, 40, likelihood=SHARP)
    x, label = moons(1500, 3)
    q = m.encode(run, x, "--logvar")
    figure, axes = panels()
    dots(axes[0], x, tinted(label))
    plane(axes[0])
    axes[0].set_title("data x")
    dots(axes[1], q[:, :2], tinted(label))
    for i in range(0, 25):
        ellipse(axes[1], q[i, :2], np.diag(np.exp(q[i, 2:])), 2, color="#333333", linewidth=0.8)
    plane(axes[1])
    axes[1].set_title("means of q(z|x), and 2 deviations of 25")
    return figure


def top_down(parameters, name, above, activation=lambda v: np.maximum(v, 0)):
    hidden = activation(above @ parameters[name + ".hidden.weight"].T + parameters[name + ".hidden.bias"])
    return np.split(hidden @ parameters[name + ".output.weight"].T + parameters[name + ".output.bias"], 2, axis=1)


@picture
def latent_ladder(m):
    run = m.fashion_run("fashion-ladder", {"type": "ladder", "dims": [16, 4], "hidden": 64}, 8,
                        prior={"type": "ladder", "dims": [16, 4], "hidden": 64},
                        objective={"type": "elbo", "beta": {"schedule": "linear", "from": 0, "to": 1, "epochs": 4},
                                   "free_bits": 0.2})
    x, label = m.fashion()
    picked = [int(np.flatnonzero(label == c)[3]) for c in (0, 1, 3, 7, 8, 9)]
    z = m.encode(run, x[picked])
    kl = m.evaluate(run)["kl_per_dimension"]
    mixed = np.array([np.concatenate([low[:16], high[16:]]) for high in z for low in z])
    figure, axes = panels(gridspec_kw={"width_ratios": [1, 1.3]}, height=3.1)
    show_images(axes[0], m.decode(run, mixed), 6)
    axes[0].set_title("rows: z₂ of one image, columns: z₁")
    axes[1].bar(range(1, 17), kl[:16], label="z₁, nearest to the data")
    axes[1].bar(range(17, 21), kl[16:], label="z₂, the top")
    axes[1].set(xlabel="latent variable", title="KL, nats")
    axes[1].legend()
    return figure


@picture
def latent_vector_quantized(m):
    run = m.train("moons-vq", m.points("moons", moons),
                  {"type": "vector_quantized", "positions": 1, "width": 2, "codes": 24}, 40, prior={"type": "codes"})
    x, _ = moons(4000, 3)
    codes, index, uses = np.unique(np.round(m.encode(run, x), 4), axis=0, return_inverse=True, return_counts=True)
    index = index.ravel()
    figure, axes = panels()
    palette = plt.get_cmap("tab20")(np.random.default_rng(3).permutation(len(codes)) % 20)
    dots(axes[0], x, palette[index], 3, alpha=0.6)
    dots(axes[0], m.decode(run, codes), "black", 14)
    plane(axes[0])
    axes[0].set_title("data by code, and what each code decodes to")
    share = np.sort(uses / uses.sum())[::-1]
    perplexity = np.exp(-(share * np.log(share)).sum())
    axes[1].bar(range(1, len(share) + 1), share)
    axes[1].axhline(1 / 24, color="#666666", linewidth=0.8, linestyle="--")
    axes[1].set(xlabel="code, by use", title=f"{len(codes)} of 24 codes in use, perplexity {perplexity:.1f}")
    return figure


def joint_run(m):
    latent = {"type": "joint", "gaussian": {"dim": 1}, "concrete": {"variables": 1, "classes": 2, "temperature": 0.67}}
    return m.train("moons-joint", m.points("moons", moons), latent, 60, likelihood=SHARP,
                   prior={"type": "joint", "dim": 1, "classes": 2})


@picture
def latent_joint(m):
    run = joint_run(m)
    x, _ = moons(1500, 3)
    z = m.encode(run, x)
    figure, axes = panels()
    dots(axes[0], x, tinted(z[:, 1:].argmax(1)), 3)
    plane(axes[0])
    axes[0].set_title("data by the more probable class of c")
    for c in range(2):
        axes[1].hist(z[z[:, 1:].argmax(1) == c, 0], bins=np.linspace(-3.5, 3.5, 50), alpha=0.7, label=f"class {c}")
    axes[1].set(xlabel="mean of z", title="number of samples by z, for each class")
    axes[1].legend()
    return figure


@picture
def prior_joint(m):
    run = joint_run(m)
    z = np.random.default_rng(7).standard_normal(800)
    figure, axes = panels()
    dots(axes[0], moons(1500, 3)[0], "#cccccc", 3)
    line = np.linspace(-2.5, 2.5, 60)
    for axis, values, size in [(axes[0], line, 8), (axes[1], z, 3)]:
        for c in range(2):
            points = np.concatenate([values[:, None], np.tile(np.eye(2)[c], (len(values), 1))], 1)
            dots(axis, m.decode(run, points), COLORS[c], size)
        plane(axis)
    axes[0].set_title("z from −2.5 to 2.5, for each class of c")
    axes[1].set_title("z from N(0, 1), for each class of c")
    return figure


def prior_panels(m, run, data, labels, limit=3.6, log_prior=None, samples=None, title="log p(z) and means of q(z|x)"):
    figure, axes = panels()
    z = m.encode(run, data)
    x, y, points = grid(limit)
    density(axes[0], x, y, (log_prior or (lambda p: log_normal(p, np.zeros(2), np.eye(2))))(points), cmap="Greys")
    dots(axes[0], z, tinted(labels), alpha=0.7)
    plane(axes[0], limit)
    axes[0].set_title(title)
    dots(axes[1], data[:1500], "#cccccc", 3)
    dots(axes[1], m.sample(run, 1500) if samples is None else samples, COLORS[0], 2)
    plane(axes[1])
    axes[1].set_title("grey: data, blue: samples of the model")
    return figure


@picture
def prior_standard_normal(m):
    run = m.train("ring-normal", m.points("ring", ring), PLANE, 60)
    return prior_panels(m, run, *ring(2000, 3), title="p(z), grey, and means of q(z|x)")


@picture
def prior_gaussian_mixture(m):
    run = m.train("ring-mixture", m.points("ring", ring), PLANE, 60,
                  prior={"type": "gaussian_mixture", "components": 16})
    p = m.parameters(run)
    logits, mu, logvar = p["prior.logits"].ravel(), p["prior.mu"], p["prior.logvar"]

    def log_prior(z):
        parts = [w - 0.5 * (((z - a) ** 2) / np.exp(v) + v).sum(1) for w, a, v in zip(logits, mu, logvar)]
        return np.logaddexp.reduce(parts)

    data, labels = ring(2000, 3)
    limit = 1.1 * np.abs(m.encode(run, data)).max()
    return prior_panels(m, run, data, labels, limit, log_prior, title="p(z), grey, and means of q(z|x)")


@picture
def prior_flow(m):
    run = m.train("ring-flow", m.points("ring", ring), PLANE, 60,
                  prior={"type": "flow", "length": 6, "flow": {"type": "coupling", "hidden": 64}})
    p = m.parameters(run)
    steps = sorted({int(name.split(".")[-3]) for name in p if name.startswith("prior.") and name.endswith("hidden.weight")})
    prefix = next(name for name in p if name.startswith("prior.") and name.endswith("hidden.weight"))
    prefix = prefix.rsplit(".", 3)[0]

    def log_prior(z):
        z, total = z.copy(), 0
        for step in steps:
            a, b = (0, 1) if step % 2 == 0 else (1, 0)
            w = lambda part: p[f"{prefix}.{step}.{part}"]
            hidden = np.tanh(z[:, [a]] @ w("hidden.weight").T + w("hidden.bias"))
            out = hidden @ w("output.weight").T + w("output.bias")
            s = 2 * np.tanh(out[:, 0] / 2)
            z[:, b] = z[:, b] * np.exp(s) + out[:, 1]
            total = total + s
        return log_normal(z, np.zeros(2), np.eye(2)) + total

    data, labels = ring(2000, 3)
    limit = 1.1 * np.abs(m.encode(run, data)).max()
    return prior_panels(m, run, data, labels, limit, log_prior, title="p(z), grey, and means of q(z|x)")


@picture
def prior_vamp(m):
    run = m.fashion_run("fashion-vamp", {"type": "gaussian", "dim": 20}, 6, prior={"type": "vamp", "components": 64})
    pseudo = 1 / (1 + np.exp(-m.parameters(run)["prior.pseudo_logits"]))
    figure, axes = panels(height=2.6)
    show_images(axes[0], pseudo[:28], 7)
    axes[0].set_title("28 of 64 pseudo-inputs")
    show_images(axes[1], m.sample(run, 28), 7)
    axes[1].set_title("samples")
    return figure


@picture
def prior_conditional_gaussian(m):
    data = m.points("moons", moons)
    data["condition"] = {"type": "labels", "classes": 2}
    run = m.train("moons-conditional", data, PLANE, 40, prior={"type": "conditional_gaussian"}, likelihood=SHARP)
    p = m.parameters(run)
    x, label = moons(1500, 3)
    np.save(m.work / "condition.npy", label.astype(np.int32))
    q = m.encode(run, x, "--condition", m.work / "condition.npy")
    figure, axes = panels()
    dots(axes[0], q, tinted(label), alpha=0.5)
    for c in range(2):
        mu, logvar = np.split(p["prior.head.weight"][:, c] + p["prior.head.bias"], 2)
        ellipse(axes[0], mu, np.diag(np.exp(logvar)), 2, color=COLORS[c], linewidth=1.2)
    axes[0].set_title("2 deviations of p(z|c), and means of q(z|x, c)")
    dots(axes[1], x, "#cccccc", 3)
    for c in range(2):
        dots(axes[1], m.sample(run, 600, "--condition", c), COLORS[c], 3)
    plane(axes[1])
    axes[1].set_title("samples for each class")
    return figure


@picture
def prior_ladder(m):
    ladder = {"type": "ladder", "dims": [1, 1], "hidden": 64}
    run = m.train("moons-ladder", m.points("moons", moons), ladder, 60, prior=ladder,
                  objective={"type": "elbo", "beta": {"schedule": "linear", "from": 0, "to": 1, "epochs": 20}})
    p = m.parameters(run)
    random = np.random.default_rng(3)
    top = random.standard_normal((4000, 1))
    mu, logvar = top_down(p, "prior.networks.0", top)
    low = mu + np.exp(0.5 * logvar) * random.standard_normal(mu.shape)
    figure, axes = panels()
    dots(axes[0], np.concatenate([top, low], 1), "#888888", 3, alpha=0.6)
    line = np.linspace(-3, 3, 200)[:, None]
    mu, logvar = top_down(p, "prior.networks.0", line)
    axes[0].plot(line, mu, color=COLORS[1], label="mean of p(z₁|z₂)")
    axes[0].set(xlabel="z₂", ylabel="z₁", title="samples of the prior")
    axes[0].legend()
    dots(axes[1], moons(1500, 3)[0], "#cccccc", 3)
    dots(axes[1], m.sample(run, 1500), COLORS[0], 2)
    plane(axes[1])
    axes[1].set_title("grey: data, blue: samples of the model")
    return figure


@picture
def prior_categorical(m):
    shares = [0.5, 0.25, 0.15, 0.1]
    data = m.points("uneven", ring, components=4, shares=shares)
    runs = {learned: m.train(f"uneven-{learned}", data, {"type": "concrete", "variables": 1, "classes": 4}, 40,
                             prior={"type": "categorical", "classes": 4, "learned": learned})
            for learned in (False, True)}
    x, label = ring(4000, 3, components=4, shares=shares)
    figure, axes = panels()
    logits = m.parameters(runs[True])["prior.logits"].ravel()
    pi = np.exp(logits) / np.exp(logits).sum()
    used = np.sort(m.encode(runs[True], x).mean(0))[::-1]
    axes[0].bar(np.arange(4) - 0.27, np.sort(np.bincount(label) / len(label))[::-1], 0.25, color="#bbbbbb", label="data")
    axes[0].bar(np.arange(4), used, 0.25, label="q(c|x), mean")
    axes[0].bar(np.arange(4) + 0.27, np.sort(pi)[::-1], 0.25, label="π, learned")
    axes[0].axhline(0.25, color="#666666", linewidth=0.8, linestyle="--")
    axes[0].set(xticks=range(4), xlabel="class, by frequency", title="frequencies; dashed: uniform π")
    axes[0].legend()
    dots(axes[1], x, "#cccccc", 3)
    for c in range(4):
        one = m.decode(runs[True], np.eye(4)[[c]])[0]
        axes[1].plot(*one, "o", color=COLORS[c], markersize=4)
        axes[1].annotate(f"π = {pi[c]:.2f}", one, (7, 4), textcoords="offset points", fontsize=8)
    plane(axes[1], 2.3)
    axes[1].set_title("what each class decodes to")
    return figure


@picture
def prior_codes(m):
    run = m.fashion_run("fashion-vq", {"type": "vector_quantized", "positions": 16, "width": 4, "codes": 32}, 8,
                        prior={"type": "codes"})
    x, _ = m.fashion(count=24)
    figure, axes = panels(3, height=2.0)
    show_images(axes[0], m.array("decode", run, "--in", m.save(m.encode(run, x))), 6)
    axes[0].set_title("reconstructions")
    show_images(axes[1], m.sample(run, 24), 6)
    axes[1].set_title("uniform codes")
    show_images(axes[2], m.sample(run, 24, "--sampler", "mixture"), 6)
    axes[2].set_title("codes near a fitted mixture")
    return figure


@picture
def prior_sphere(m):
    run = m.train("ring-sphere", m.points("ring", ring), {"type": "von_mises_fisher", "dim": 3}, 60,
                  prior={"type": "sphere"})
    x, label = ring(1500, 3)
    z = m.encode(run, x)
    noise = np.random.default_rng(1).standard_normal((1500, 3))
    figure = plt.figure(figsize=(6.4, 2.9))
    axes = sphere_axes(figure, 2)
    sphere_dots(axes[0], noise / np.linalg.norm(noise, axis=1, keepdims=True), COLORS[0])
    axes[0].set_title("samples of the prior", y=0.96)
    sphere_dots(axes[1], z, tinted(label))
    axes[1].set_title("means of q(z|x), eight clusters", y=0.96)
    figure.subplots_adjust(0, 0, 1, 0.95, 0, 0)
    return figure


def trade_off(m, axis, runs, label, color, offsets=(4, 3)):
    values = [m.evaluate(run) for _, run in runs]
    kl, error = [v["kl"] for v in values], [-v["reconstruction"] for v in values]
    axis.plot(kl, error, "o-", color=color, markersize=4, label=label)
    for (name, _), a, b in zip(runs, kl, error):
        axis.annotate(name, (a, b), offsets, textcoords="offset points", fontsize=7, color=color)


def bars_beta(m, beta, latent=None):
    return m.bars_run(f"bars-beta{beta:g}", latent or {"type": "gaussian", "dim": 16}, 15,
                      objective={"type": "elbo", "beta": beta})


@picture
def objective_elbo(m):
    figure, axes = panels()
    runs = [(f"β = {beta:g}", bars_beta(m, beta)) for beta in (0.25, 0.5, 1, 2, 4)]
    trade_off(m, axes[0], runs, None, COLORS[0])
    axes[0].set(xlabel="KL, nats", ylabel="−log p(x|z), nats", title="what β trades")
    width = 0.28
    for i, bits in enumerate((0, 0.5, 1.0)):
        run = m.bars_run(f"bars-bits{bits:g}", {"type": "gaussian", "dim": 24}, 15,
                         objective={"type": "elbo", "free_bits": bits})
        kl = np.sort(m.evaluate(run)["kl_per_dimension"])[::-1]
        axes[1].bar(np.arange(24) + (i - 1) * width, kl, width, label=f"free_bits {bits:g}")
    axes[1].set(xlabel="latent variable, by KL", title="KL of each of 24 variables, nats", ylim=(0, 1.35))
    axes[1].legend()
    return figure


@picture
def objective_capacity(m):
    figure, axes = panels()
    for gamma, color in [(1, COLORS[1]), (10, COLORS[2]), (100, COLORS[0])]:
        run = m.bars_run(f"bars-capacity{gamma}", {"type": "gaussian", "dim": 16}, 25,
                         objective={"type": "capacity", "gamma": gamma,
                                    "capacity": {"schedule": "linear", "from": 0, "to": 10, "epochs": 20}})
        log = [line for line in m.metrics(run) if line["split"] == "train"]
        epoch = [line["epoch"] for line in log]
        axes[0].plot(epoch, [line["kl"] for line in log], color=color, label=f"γ = {gamma}")
        axes[1].plot(epoch, [-line["reconstruction"] for line in log], color=color, label=f"γ = {gamma}")
    axes[0].plot([0, 20, 25], [0, 10, 10], "--", color="#333333", linewidth=1, label="C(t)")
    axes[0].set(xlabel="epoch", title="KL, nats")
    axes[1].set(xlabel="epoch", title="−log p(x|z), nats")
    axes[0].legend()
    axes[1].legend()
    return figure


def importance_bounds(m, run, counts):
    return [m.evaluate(run, "--importance-samples", k)["log_likelihood"] for k in counts]


@picture
def objective_iwae(m):
    counts = (1, 2, 5, 10, 20, 50, 100, 200)
    figure, axes = panels(1, width=4.6)
    for samples, color in zip((1, 5, 20), COLORS):
        objective = {"type": "iwae", "samples": samples}
        run = m.bars_run(f"bars-iwae{samples}", {"type": "gaussian", "dim": 8}, 20, objective=objective)
        axes[0].plot(counts, importance_bounds(m, run, counts), "o-", color=color, markersize=3,
                     label="trained with K = 1 (ELBO)" if samples == 1 else f"trained with K = {samples}")
    axes[0].set(xscale="log", xlabel="K of the evaluation", ylabel="nats", title="bound of the test set by K")
    axes[0].legend()
    return figure


def bound_pair(m, axis, names, runs):
    elbo = [m.evaluate(run)["elbo"] for run in runs]
    tight = importance_bounds_at(m, runs, 200)
    axis.plot(names, tight, "o-", markersize=4, label="log-likelihood, 200 samples")
    axis.plot(names, elbo, "s-", markersize=4, label="ELBO: how good the encoder is")
    axis.set_ylabel("nats, test set")
    axis.legend()


def importance_bounds_at(m, runs, count):
    return [importance_bounds(m, run, [count])[0] for run in runs]


@picture
def objective_miwae(m):
    figure, axes = panels(1, width=4.6)
    groups = (8, 4, 2, 1)
    runs = [m.bars_run(f"bars-miwae{g}", {"type": "gaussian", "dim": 8}, 20,
                       objective={"type": "miwae", "samples": 8, "groups": g}) for g in groups]
    bound_pair(m, axes[0], [f"M = {g}, K = {8 // g}" for g in groups], runs)
    axes[0].set_title("eight samples, from the ELBO (left) to IWAE (right)")
    return figure


@picture
def objective_ciwae(m):
    figure, axes = panels(1, width=4.6)
    betas = (1, 0.75, 0.5, 0.25, 0)
    runs = [m.bars_run(f"bars-ciwae{b:g}", {"type": "gaussian", "dim": 8}, 20,
                       objective={"type": "ciwae", "samples": 8, "beta": b}) for b in betas]
    bound_pair(m, axes[0], [f"{b:g}" for b in betas], runs)
    axes[0].set(title="eight samples, from the ELBO (left) to IWAE (right)", xlabel="β")
    return figure


def rectangles(count, seed):
    """Images [16 × 16] of one white rectangle with random place, width and height: four independent factors."""
    random = np.random.default_rng(seed)
    half = random.uniform(1.5, 4.5, (count, 2))
    center = random.uniform(5, 11, (count, 2))
    line = np.arange(16) + 0.5
    inside = np.clip(half[:, :, None] + 0.5 - np.abs(line - center[:, :, None]), 0, 1)
    return (inside[:, 1, :, None] * inside[:, 0, None, :]).reshape(count, -1), np.zeros(count, int)


def rectangles_run(m, name, objective):
    return m.train(name, m.points("rectangles", rectangles), {"type": "gaussian", "dim": 6}, 20, objective=objective,
                   likelihood={"type": "bernoulli"}, units=256, layers=2, activation="relu", rate=0.001)


def total_correlation(q):
    """Of the aggregated posterior, as if it were Gaussian: ½ (Σ log C_ii − log det C)."""
    dim = q.shape[1] // 2
    c = np.cov(q[:, :dim].T) + np.diag(np.exp(q[:, dim:]).mean(0))
    return 0.5 * (np.log(np.diag(c)).sum() - np.linalg.slogdet(c)[1])


def correlation_curve(m, axis, name, objectives, color):
    x = rectangles(2000, 3)[0]
    tc, error = [], []
    for label, key, objective in objectives:
        run = rectangles_run(m, key, objective)
        tc.append(total_correlation(m.encode(run, x, "--logvar")))
        error.append(-m.evaluate(run)["reconstruction"])
    axis.plot(error, tc, "o-", color=color, markersize=4, label=name)
    for (label, _, _), a, b in zip(objectives, error, tc):
        axis.annotate(label, (a, b), (4, 3), textcoords="offset points", fontsize=7, color=color)


BETAS = [(f"{b:g}", f"rectangles-beta{b:g}", {"type": "elbo", "beta": b}) for b in (1, 2, 4, 8)]


@picture
def objective_beta_tcvae(m):
    figure, axes = panels(1, width=4.6)
    correlation_curve(m, axes[0], "elbo, by β", BETAS, COLORS[1])
    correlation_curve(m, axes[0], "beta_tcvae, by β", [
        (f"{b:g}", f"rectangles-tc{b:g}", {"type": "beta_tcvae", "beta": b}) for b in (1, 2, 4, 8)], COLORS[0])
    axes[0].set(xlabel="−log p(x|z), nats", ylabel="nats", title="total correlation of q(z), Gaussian estimate")
    axes[0].legend()
    return figure


@picture
def objective_factor_vae(m):
    figure, axes = panels(1, width=4.6)
    correlation_curve(m, axes[0], "elbo, by β", BETAS, COLORS[1])
    correlation_curve(m, axes[0], "factor_vae, by γ", [
        (f"{g:g}", f"rectangles-factor{g:g}", {"type": "factor_vae", "gamma": g, "layers": 2, "units": 128,
                                           "learning_rate": 0.001})
        for g in (0, 1, 3, 10)], COLORS[0])
    axes[0].set(xlabel="−log p(x|z), nats", ylabel="nats", title="total correlation of q(z), Gaussian estimate")
    axes[0].legend()
    return figure


@picture
def objective_dip_vae(m):
    x = rectangles(2000, 3)[0]
    figure, axes = panels(3, height=2.2)
    for axis, (title, key, objective) in zip(axes, [
            ("elbo", "rectangles-beta1", {"type": "elbo"}),
            ("dip_vae I", "rectangles-dip1", {"type": "dip_vae", "variant": "I", "lambda_offdiagonal": 50, "lambda_diagonal": 50}),
            ("dip_vae II", "rectangles-dip2", {"type": "dip_vae", "variant": "II", "lambda_offdiagonal": 50,
                                           "lambda_diagonal": 50})]):
        q = m.encode(rectangles_run(m, key, objective), x, "--logvar")
        c = np.cov(q[:, :6].T) + (np.diag(np.exp(q[:, 6:]).mean(0)) if title != "dip_vae I" else 0)
        axis.imshow(c, cmap="RdBu", vmin=-1.3, vmax=1.3)
        for i in range(6):
            for j in range(6):
                if abs(c[i, j]) >= 0.005:
                    axis.text(j, i, f"{c[i, j]:.2f}", ha="center", va="center", fontsize=5.5,
                              color="white" if abs(c[i, j]) > 0.8 else "black")
        off = np.abs(c - np.diag(np.diag(c))).max()
        axis.set(xticks=[], yticks=[], title=f"{title}\nlargest off the diagonal {off:.2f}")
    return figure


def latent_clouds(m, cases):
    x, label = moons(1500, 3)
    figure, axes = panels(len(cases), height=2.5)
    for axis, (title, run) in zip(axes, cases):
        q = m.encode(run, x, "--logvar")
        z = q[:, :2] + np.exp(0.5 * q[:, 2:]) * np.random.default_rng(1).standard_normal((len(x), 2))
        for radius in (1, 2, 3):
            angle = np.linspace(0, 2 * np.pi, 100)
            axis.plot(radius * np.cos(angle), radius * np.sin(angle), color="#bbbbbb", linewidth=0.7)
        dots(axis, z, tinted(label), alpha=0.7)
        plane(axis, 4.2)
        numbers = m.evaluate(run)
        error = 0.1 * math.sqrt(max(0, -numbers["reconstruction"] / 0.5 / 2 - math.log(2 * math.pi) - 2 * math.log(0.1)))
        axis.set_title(f"{title}\nKL {numbers['kl']:.1f} nats, error of x {error:.2f}")
    return figure


@picture
def objective_wae_mmd(m):
    data = m.points("moons", moons)
    return latent_clouds(m, [(f"λ = {value:g}", m.train(f"moons-wae{value:g}", data, PLANE, 30, likelihood=SHARP,
                                                        objective={"type": "wae_mmd", "lambda": value}))
                             for value in (0.1, 10, 1000)])


@picture
def objective_info_vae(m):
    data = m.points("moons", moons)
    return latent_clouds(m, [("elbo, β = 30", m.train("moons-b30", data, PLANE, 30, likelihood=SHARP,
                                                      objective={"type": "elbo", "beta": 30})),
                             ("info_vae, α = 0, λ = 1000", m.train("moons-info0", data, PLANE, 30, likelihood=SHARP,
                                                                 objective={"type": "info_vae"})),
                             ("info_vae, α = 1, λ = 1000", m.train("moons-info1", data, PLANE, 30, likelihood=SHARP,
                                                                 objective={"type": "info_vae", "alpha": 1}))])


def rae_run(m):
    return m.train("moons-rae", m.points("moons", moons), PLANE, 40, likelihood=SHARP,
                   objective={"type": "rae_l2", "beta": 0.01, "decoder_decay": 1e-5})


@picture
def objective_rae_l2(m):
    run = rae_run(m)
    x, label = moons(1500, 3)
    figure, axes = panels()
    dots(axes[0], m.encode(run, x), tinted(label))
    plane(axes[0])
    axes[0].set_title("z of the data: no prior shapes them")
    dots(axes[1], x, "#cccccc", 3)
    dots(axes[1], m.sample(run, 1500, "--sampler", "mixture"), COLORS[0], 2)
    plane(axes[1])
    axes[1].set_title("grey: data, blue: samples, --sampler mixture")
    return figure


@picture
def sampling(m):
    run = m.train("ring-wae", m.points("ring", ring), PLANE, 40, likelihood=SHARP,
                  objective={"type": "elbo", "beta": 0.2})
    x, _ = ring(1500, 3)
    figure, axes = panels(3, height=2.5)
    for axis, arguments in zip(axes, [("prior",), ("mixture", "--components", 16), ("flow",)]):
        dots(axis, x, "#cccccc", 3)
        dots(axis, m.sample(run, 1500, "--sampler", *arguments), COLORS[0], 2)
        plane(axis, 2.2)
        axis.set_title("--sampler " + " ".join(map(str, arguments)))
    return figure


@picture
def conditioning(m):
    run = m.fashion_run("fashion-cvae", {"type": "gaussian", "dim": 10}, 6, prior={"type": "conditional_gaussian"},
                        data={"condition": {"type": "labels", "classes": 10}})
    figure, axes = panels(1, width=3.4, height=3.0)
    show_images(axes[0], m.sample(run, 80), 10)
    axes[0].set_title("samples, a column for each class")
    return figure


def write(figure, path):
    if not any(axis.name == "3d" for axis in figure.axes):
        figure.tight_layout(pad=0.6)
    figure.savefig(path, bbox_inches="tight", pad_inches=0.06)
    plt.close(figure)
    Image.open(path).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="pictures to draw; all when empty")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build/pictures", help="folder of the runs")
    parser.add_argument("--fashion", type=pathlib.Path, default=pathlib.Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "docs/images")
    arguments = parser.parse_args()
    vaekit = pathlib.Path(os.environ.get("VAEKIT_BIN", ROOT / "build/release/bin")) / "vaekit"
    models = Models(arguments.work.resolve(), vaekit, arguments.fashion)
    for name in arguments.names or PICTURES:
        path = arguments.out / f"{name}.png"
        write(PICTURES[name](models), path)
        print(f"{path.name}: {path.stat().st_size // 1024} KB", flush=True)


if __name__ == "__main__":
    main()
