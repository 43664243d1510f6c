#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes ladder.safetensors beside itself: a ladder posterior and prior of three levels by the formulas of
Sønderby et al. 2016 (arXiv:1602.02282), written plainly, and their gradients.

Needs torch (2.13.0 made the file in the repository) and safetensors.
"""

import torch
from make_vae import randn, save
from torch.distributions import Normal, kl_divergence
from torch.nn.functional import linear, silu

INPUTS, SAMPLES, DIMS, HIDDEN = 3, 2, (3, 2, 2), 4
DIM, LEVELS = sum(DIMS), len(DIMS)


def networks(g, name):
    """Weights of the networks from each level to the one below, number l from level l + 1 to level l."""
    weights = {}
    for level in range(LEVELS - 1):
        prefix = f"{name}.networks.{level}."
        weights[prefix + "hidden.weight"] = randn(g, HIDDEN, DIMS[level + 1])
        weights[prefix + "hidden.bias"] = randn(g, HIDDEN, scale=0.5)
        weights[prefix + "output.weight"] = randn(g, 2 * DIMS[level], HIDDEN, scale=0.5)
        weights[prefix + "output.bias"] = randn(g, 2 * DIMS[level], scale=0.5)
    return {key: value.requires_grad_() for key, value in weights.items()}


def below(weights, name, level, above):
    """N(mu, v) of a level given the samples of the one above."""
    prefix = f"{name}.networks.{level}."
    h = silu(linear(above, weights[prefix + "hidden.weight"], weights[prefix + "hidden.bias"]))
    mu, logvar = linear(h, weights[prefix + "output.weight"], weights[prefix + "output.bias"]).chunk(2, dim=1)
    return mu, logvar.clamp(-30, 20)


def standard_normal(like):
    return Normal(torch.zeros_like(like), torch.ones_like(like))


def infer(params, epsilon, weights):
    """z, log q(z|x) and the distributions of each level, of every sample."""
    evidence = params.repeat_interleave(SAMPLES, 0).split([2 * dim for dim in DIMS], dim=1)
    noise = epsilon.split(DIMS, dim=1)
    z, q = [None] * LEVELS, [None] * LEVELS
    for level in reversed(range(LEVELS)):
        mu, logvar = evidence[level].chunk(2, dim=1)
        variance = torch.exp(logvar.clamp(-30, 20))
        if level < LEVELS - 1:
            mu_t, logvar_t = below(weights, "latent", level, z[level + 1])
            precision, precision_t = 1 / variance, 1 / torch.exp(logvar_t)
            mu = (mu * precision + mu_t * precision_t) / (precision + precision_t)
            variance = 1 / (precision + precision_t)
        z[level] = mu + torch.sqrt(variance) * noise[level]
        q[level] = Normal(mu, torch.sqrt(variance))
    log_q = sum(q[level].log_prob(z[level]).sum(1) for level in range(LEVELS))
    return z, q, log_q


def prior_levels(z, weights):
    levels = []
    for level in range(LEVELS - 1):
        mu, logvar = below(weights, "prior", level, z[level + 1])
        levels.append(Normal(mu, torch.exp(logvar / 2)))
    return levels + [standard_normal(z[-1])]


def gradients(loss, leaves):
    names = list(leaves)
    return dict(zip(names, torch.autograd.grad(loss, [leaves[name] for name in names]), strict=True))


def main():
    g = torch.Generator().manual_seed(31)
    latent, prior = networks(g, "latent"), networks(g, "prior")
    params = randn(g, INPUTS, 2 * DIM).requires_grad_()
    points = randn(g, INPUTS * SAMPLES, DIM).requires_grad_()
    inputs = {"epsilon": randn(g, INPUTS * SAMPLES, DIM), "dz": randn(g, INPUTS * SAMPLES, DIM),
              "dlog_q": randn(g, INPUTS, SAMPLES), "dkl": randn(g, INPUTS, DIM),
              "dlog_p": randn(g, INPUTS * SAMPLES)}  # fmt: skip

    z, q, log_q = infer(params, inputs["epsilon"], latent)
    kl = torch.cat([kl_divergence(a, b) for a, b in zip(q, prior_levels(z, prior), strict=True)], dim=1)
    kl = kl.reshape(INPUTS, SAMPLES, DIM).mean(1)
    samples = torch.cat(z, dim=1)
    expected = {"z": samples, "log_q": log_q.reshape(INPUTS, SAMPLES), "kl": kl}
    loss = (samples * inputs["dz"]).sum() + log_q @ inputs["dlog_q"].flatten() + (kl * inputs["dkl"]).sum()
    leaves = {"params": params} | latent | prior
    expected |= {f"loss.{name}": value for name, value in gradients(loss, leaves).items()}

    split = points.split(DIMS, dim=1)
    log_p = sum(p.log_prob(v).sum(1) for p, v in zip(prior_levels(split, prior), split, strict=True))
    expected["log_p"] = log_p
    leaves = {"points": points} | prior
    expected |= {f"log_p.{name}": value for name, value in gradients(log_p @ inputs["dlog_p"], leaves).items()}
    save("ladder", inputs | {"params": params, "points": points} | latent | prior, expected)


if __name__ == "__main__":
    main()
