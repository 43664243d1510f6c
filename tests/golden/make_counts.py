#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes counts.safetensors beside itself: likelihoods of counts, of classes and of mixed columns.

Needs torch (2.13.0 made the file in the repository) and safetensors. Inputs are stored in float32, so that a test in
float and one in double start from the same numbers; expected results are computed and stored in float64.
"""

import pathlib

import torch
from safetensors.torch import save_file
from torch.distributions import Bernoulli, Categorical, NegativeBinomial, Normal, Poisson

SAMPLES = 2


def randn(generator, *shape, scale=1.0, shift=0.0):
    """Normal values that float32 holds exactly, in float64."""
    return (shift + scale * torch.randn(*shape, generator=generator)).float().double().requires_grad_()


def each_sample(x):
    return x.repeat_interleave(SAMPLES, dim=0)


def negative_binomial(x, log_mean, log_dispersion):
    r = torch.exp(log_dispersion).expand_as(log_mean)
    return NegativeBinomial(total_count=r, logits=log_mean - log_dispersion).log_prob(x)


def zero_inflated(x, log_prob, logits):
    pi = torch.sigmoid(logits)
    return torch.where(x == 0, torch.log(pi + (1 - pi) * torch.exp(log_prob)), torch.log(1 - pi) + log_prob)


class Writer:
    def __init__(self, dout):
        self.dout = dout
        self.inputs, self.expected = {"dout": dout}, {}

    def add(self, name, log_prob, **inputs):
        """log_prob [rows × features]: its sums, and the gradients of the inputs that have one."""
        total = log_prob.sum(1)
        gradients = torch.autograd.grad(total @ self.dout, [v for v in inputs.values() if v.requires_grad])
        self.expected[name] = total
        for (key, _), gradient in zip([i for i in inputs.items() if i[1].requires_grad], gradients):
            self.expected[f"{name}.{key}.gradient"] = gradient
        self.inputs |= {f"{name}.{key}": value for key, value in inputs.items()}

    def save(self, path):
        assert all(torch.equal(value, value.float().double()) for value in self.inputs.values())
        tensors = {key: value.detach().float().contiguous() for key, value in self.inputs.items()}
        tensors |= {key: value.detach().double().contiguous() for key, value in self.expected.items()}
        save_file(tensors, path)


def counts(writer, g):
    features, rows = 7, 3 * SAMPLES
    x = torch.floor(torch.exp(1 + 2 * torch.randn(3, features, generator=g)))
    x[0, :3] = 0
    x[1, 4] = 40000
    writer.inputs["counts"] = x
    x = each_sample(x)
    size = x.sum(1, keepdim=True)

    log_rate = randn(g, rows, features, scale=2, shift=1)
    writer.add("poisson", Poisson(torch.exp(log_rate)).log_prob(x), params=log_rate)
    writer.expected["poisson.mean"] = torch.exp(log_rate)

    logits = randn(g, rows, features, scale=1.5)
    shares = torch.log_softmax(logits, 1)
    writer.add("poisson_library", Poisson(torch.exp(shares) * size).log_prob(x), params=logits)
    writer.expected["poisson_library.mean"] = 10000 * torch.exp(shares)

    log_mean, log_dispersion = randn(g, rows, features, scale=2, shift=1), randn(g, features, scale=2)
    writer.add("negative_binomial", negative_binomial(x, log_mean, log_dispersion), params=log_mean,
               log_dispersion=log_dispersion)  # fmt: skip

    params = randn(g, rows, 3 * features, scale=1.5)
    logits, log_dispersion, inflation = params.split(features, 1)
    shares = torch.log_softmax(logits, 1)
    log_prob = negative_binomial(x, shares + torch.log(size), log_dispersion)
    writer.add("zero_inflated", zero_inflated(x, log_prob, inflation), params=params)
    writer.expected["zero_inflated.mean"] = 5000 * torch.exp(shares) * (1 - torch.sigmoid(inflation))


def classes(writer, g):
    positions, count, rows = 4, 5, 3 * SAMPLES
    params = randn(g, rows, positions * count, scale=2)
    x = torch.randint(0, count, (3, positions), generator=g).double()
    logits = params.reshape(rows, positions, count)
    writer.add("categorical", Categorical(logits=logits).log_prob(each_sample(x)), params=params, x=x)
    writer.inputs["categorical.one_hot"] = torch.nn.functional.one_hot(x.long(), count).double().reshape(3, -1)
    writer.expected["categorical.probabilities"] = torch.softmax(logits, 2).reshape(rows, -1)


def columns(writer, g):
    """2 Gaussian, 1 binary, 2 categorical (of 3 classes) and 2 Poisson columns."""
    rows = 3 * SAMPLES
    params = randn(g, rows, 2 + 1 + 6 + 2)
    logvar = randn(g, 2)
    x = torch.cat([randn(g, 3, 2).detach(), torch.randint(0, 2, (3, 1), generator=g).double(),
                   torch.randint(0, 3, (3, 2), generator=g).double(),
                   torch.randint(0, 9, (3, 2), generator=g).double()], 1)  # fmt: skip
    mu, logit, logits, log_rate = params.split([2, 1, 6, 2], 1)
    wide = each_sample(x)
    log_prob = torch.cat([Normal(mu, torch.exp(logvar / 2).expand_as(mu)).log_prob(wide[:, :2]),
                          Bernoulli(logits=logit).log_prob(wide[:, 2:3]),
                          Categorical(logits=logits.reshape(rows, 2, 3)).log_prob(wide[:, 3:5]),
                          Poisson(torch.exp(log_rate)).log_prob(wide[:, 5:])], 1)  # fmt: skip
    writer.add("columns", log_prob, params=params, logvar=logvar, x=x)


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    generator = torch.Generator().manual_seed(1)
    writer = Writer(randn(generator, 3 * SAMPLES).detach())
    counts(writer, generator)
    classes(writer, generator)
    columns(writer, generator)
    writer.save(pathlib.Path(__file__).parent / "counts.safetensors")
