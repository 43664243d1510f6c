#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes discrete.safetensors beside itself: categorical latents and vector quantization.

Needs torch (2.13.0 made the file in the repository) and safetensors.
"""

import torch
from make_vae import randn, save
from torch.distributions import Categorical, OneHotCategorical, kl_divergence

inputs, expected = {}, {}


def concrete():
    """3 inputs with 2 samples each, 3 variables of 4 classes, temperature 0.7."""
    g = torch.Generator().manual_seed(21)
    logits = randn(g, 3, 12, scale=2).requires_grad_()
    prior_logits = randn(g, 3, 4).requires_grad_()
    gumbel = (-torch.log(-torch.log(torch.rand(6, 12, generator=g)))).float().double()
    dz, dkl = randn(g, 6, 12), randn(g, 3, 3)
    perturbed = (logits.repeat_interleave(2, 0) + gumbel).reshape(6, 3, 4)
    z = torch.softmax(perturbed / 0.7, -1).reshape(6, 12)
    kl = kl_divergence(Categorical(logits=logits.reshape(3, 3, 4)), Categorical(logits=prior_logits))
    ((z * dz).sum() + (kl * dkl).sum()).backward()
    prior = OneHotCategorical(logits=prior_logits, validate_args=False)
    inputs.update({
        "concrete.logits": logits, "concrete.prior_logits": prior_logits, "concrete.gumbel": gumbel,
        "concrete.dz": dz, "concrete.dkl": dkl,
    })
    expected.update({
        "concrete.z": z, "concrete.kl": kl, "concrete.logits_gradient": logits.grad,
        "concrete.prior_logits_gradient": prior_logits.grad,
        "concrete.log_p": (z.reshape(6, 3, 4) * prior.logits).sum((1, 2)),
    })


def nearest(x, codebook):
    return ((x[:, None] - codebook[None]) ** 2).sum(2).argmin(1)


def quantizer():
    """6 inputs, 4 positions of width 3, 5 codes, commitment 0.25; the codebook learns by its gradient."""
    g = torch.Generator().manual_seed(22)
    x = randn(g, 6, 12).requires_grad_()
    codebook = randn(g, 5, 3).requires_grad_()
    dz = randn(g, 6, 12)
    codes = nearest(x.detach().reshape(24, 3), codebook.detach())
    e = codebook[codes].reshape(6, 12)
    z = x + (e - x).detach()
    loss = (((x.detach() - e) ** 2).sum(1) + 0.25 * ((x - e.detach()) ** 2).sum(1)).mean()
    ((z * dz).sum() + loss).backward()
    inputs.update({"vq.x": x, "vq.codebook": codebook, "vq.dz": dz})
    expected.update({
        "vq.codes": codes, "vq.z": e, "vq.loss": loss.reshape(1), "vq.x_gradient": x.grad,
        "vq.codebook_gradient": codebook.grad,
    })


def averages():
    """3 steps of the moving averages, decay 0.9; counts start at 1 and sums at the codebook."""
    g = torch.Generator().manual_seed(23)
    codebook = randn(g, 5, 3)
    inputs["ema.codebook"] = codebook
    counts, sums = torch.ones(5, dtype=torch.float64), codebook.clone()
    for step in range(3):
        x = randn(g, 6, 12)
        inputs[f"ema.x.{step}"] = x
        places = x.reshape(24, 3)
        one_hot = torch.nn.functional.one_hot(nearest(places, codebook), 5).double()
        counts = 0.9 * counts + 0.1 * one_hot.sum(0)
        sums = 0.9 * sums + 0.1 * one_hot.T @ places
        total = counts.sum()
        codebook = sums / ((counts + 1e-5) / (total + 5e-5) * total)[:, None]
        expected.update({f"ema.codebook.{step}": codebook, f"ema.counts.{step}": counts})


def main():
    concrete()
    quantizer()
    averages()
    save("discrete", inputs, expected)


if __name__ == "__main__":
    main()
