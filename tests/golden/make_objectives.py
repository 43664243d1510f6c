#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes objectives.safetensors and factor_vae.safetensors beside itself: losses of the papers' formulas, written
plainly, and their gradients.

Needs torch (2.13.0 made the file in the repository) and safetensors.
"""

import math
import pathlib

import torch
from make_vae import randn, save
from torch.nn import functional

INPUTS, SAMPLES, DIM, DATASET = 6, 4, 3, 100
results = {}


def leaves(g, samples):
    """Terms of a batch; the densities are numbers of their own."""
    shapes = {
        "log_likelihood": (INPUTS, samples), "kl": (INPUTS, DIM), "log_q": (INPUTS, samples), "log_p": (INPUTS, samples),
        "z": (INPUTS * samples, DIM), "mu": (INPUTS, DIM), "logvar": (INPUTS, DIM), "prior_z": (INPUTS * samples, DIM),
    }
    return {name: randn(g, *shape).requires_grad_(name != "prior_z") for name, shape in shapes.items()}


def store(name, terms, loss):
    for value in terms.values():
        value.grad = None
    loss.backward()
    results[f"{name}.loss"] = loss.reshape(1)
    for term, value in terms.items():
        if value.grad is not None:
            results[f"{name}.{term}"] = value.grad.clone()


def importance_weighted(t):
    log_w = t["log_likelihood"] + t["log_p"] - t["log_q"]
    bound = torch.logsumexp(log_w, 1) - math.log(SAMPLES)
    store("iwae", t, -bound.mean())
    groups = log_w.reshape(INPUTS, 2, SAMPLES // 2)
    store("miwae", t, -(torch.logsumexp(groups, 2) - math.log(SAMPLES // 2)).mean())
    log_w = t["log_likelihood"] + t["log_p"] - t["log_q"]
    bound = torch.logsumexp(log_w, 1) - math.log(SAMPLES)
    store("ciwae", t, -(0.3 * log_w.mean(1) + 0.7 * bound).mean())
    log_w = t["log_likelihood"] + t["log_p"] - t["log_q"]
    store("renyi", t, -((torch.logsumexp(0.4 * log_w, 1) - math.log(SAMPLES)) / 0.4).mean())


def capacity(t):
    store("capacity", t, 20 * (t["kl"].sum(1).mean() - 3).abs() - t["log_likelihood"].mean())


def beta_tcvae(name, t, log_weights):
    log_density = torch.distributions.Normal(t["mu"][None], torch.exp(t["logvar"] / 2)[None]).log_prob(t["z"][:, None])
    joint = torch.logsumexp(log_weights + log_density.sum(2), 1)
    marginals = torch.logsumexp(log_weights[:, :, None] + log_density, 1).sum(1)
    information = t["log_q"][:, 0] - joint
    store(name, t, (-t["log_likelihood"][:, 0] + 0.5 * information + 4 * (joint - marginals)
                    + 2 * (marginals - t["log_p"][:, 0])).mean())


def stratified():
    m = INPUTS - 1
    weights = torch.full((INPUTS, INPUTS), 1 / m, dtype=torch.float64)
    for i in range(INPUTS):
        weights[i, i] = 1 / DATASET
        weights[i, (i + 1) % INPUTS] = (DATASET - m) / (DATASET * m)
    return weights.log()


def dip_vae(name, t, second):
    covariance = torch.cov(t["mu"].T, correction=0)
    if second:
        covariance = covariance + torch.diag(torch.exp(t["logvar"]).mean(0))
    diagonal = torch.diagonal(covariance)
    off = (covariance**2).sum() - (diagonal**2).sum()
    store(name, t, -t["log_likelihood"].mean() + 0.5 * t["kl"].sum(1).mean() + 7 * off + 3 * ((diagonal - 1) ** 2).sum())


def discrepancy(kernel, z, p):
    def of(a, b):
        squared = ((a[:, None] - b[None]) ** 2).sum(2)
        width = 2 * 1.5 * DIM
        if kernel == "rbf":
            return torch.exp(-squared / width)
        return sum(c * width / (c * width + squared) for c in (0.1, 0.2, 0.5, 1, 2, 5, 10))

    n = len(z)
    outside = 1 - torch.eye(n, dtype=torch.float64)
    return ((of(z, z) + of(p, p)) * outside).sum() / (n * (n - 1)) - 2 * of(z, p).mean()


def factor_vae():
    """The loss that the model sees, and a step of the discriminator with both logits of the paper's softmax."""
    n, units, gamma = 5, 6, 3
    g = torch.Generator().manual_seed(12)
    sizes = [DIM, units, units, 1]
    layers = {}
    for i in range(3):
        layers[f"{i}.weight"] = randn(g, sizes[i + 1], sizes[i], scale=0.5).requires_grad_()
        layers[f"{i}.bias"] = randn(g, sizes[i + 1], scale=0.3).requires_grad_()
    terms = {name: randn(g, n, width).requires_grad_() for name, width in
             {"log_likelihood": 1, "kl": DIM, "z": DIM}.items()}  # fmt: skip

    def log_ratio(h):
        for i in range(3):
            h = functional.linear(h, layers[f"{i}.weight"], layers[f"{i}.bias"])
            h = functional.leaky_relu(h) if i < 2 else h
        return h[:, 0]

    ratio = log_ratio(terms["z"])
    loss = -terms["log_likelihood"].mean() + terms["kl"].sum(1).mean() + gamma * ratio.mean()
    expected = {"loss": loss.reshape(1)}
    for name, gradient in zip(terms, torch.autograd.grad(loss, list(terms.values())), strict=True):
        expected[f"d{name}"] = gradient

    # How the library shuffles each of 3 columns of 5 rows at step 0 of seed 9.
    order = torch.tensor([[0, 4, 1, 2, 3], [2, 1, 4, 0, 3], [0, 4, 3, 1, 2]])
    z = terms["z"].detach()
    shuffled = torch.gather(z, 0, order.T)
    # Softmax over the classes "from q(z)" and "from the product", whose logits are D and 0.
    logits = torch.cat([log_ratio(z), log_ratio(shuffled)])
    logits = torch.stack([logits, torch.zeros_like(logits)], 1)
    classes = torch.tensor([0] * n + [1] * n)
    adam = torch.optim.Adam(layers.values(), lr=0.01, betas=(0.0, 0.9))
    discrimination = functional.cross_entropy(logits, classes)
    before = {name: layer.detach().clone() for name, layer in layers.items()}
    discrimination.backward()
    adam.step()
    expected |= {"shuffled": shuffled, "discriminator.loss": discrimination.reshape(1)}
    for name, layer in layers.items():
        expected |= {f"discriminator.d{name}": layer.grad, f"discriminator.after.{name}": layer}
    save("factor_vae", terms | {f"discriminator.{name}": layer for name, layer in before.items()}, expected)


def main():
    g = torch.Generator().manual_seed(11)
    many, one = leaves(g, SAMPLES), leaves(g, 1)
    importance_weighted(many)
    capacity(one)
    weighted = torch.full((INPUTS, INPUTS), -math.log(DATASET * INPUTS), dtype=torch.float64)
    beta_tcvae("weighted", one, weighted)
    beta_tcvae("stratified", one, stratified())
    dip_vae("dip_one", one, False)
    dip_vae("dip_two", one, True)
    rbf = discrepancy("rbf", one["z"], one["prior_z"])
    store("info_vae", one, -one["log_likelihood"].mean() + 0.7 * one["kl"].sum(1).mean() + (0.3 + 9 - 1) * rbf)
    store("wae_mmd", one, -one["log_likelihood"].mean() + 9 * discrepancy("imq", one["z"], one["prior_z"]))
    store("rae_l2", one, -one["log_likelihood"].mean() + 0.3 * 0.5 * (one["z"] ** 2).sum(1).mean())
    inputs = {f"many.{k}": v for k, v in many.items()} | {f"one.{k}": v for k, v in one.items()}
    save("objectives", inputs, results)
    factor_vae()


if __name__ == "__main__":
    main()
