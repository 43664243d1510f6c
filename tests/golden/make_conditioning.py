#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes conditional_gaussian.safetensors and semi_supervised.safetensors beside itself.

Needs torch (2.13.0 made the files in the repository) and safetensors.
"""

import torch
from make_vae import Parameters, randn, save
from torch.distributions import Normal, kl_divergence
from torch.nn import functional


def conditional_gaussian():
    """log p(z|c) of two z for each c, and KL(q(z|x) || p(z|c)), with their gradients."""
    dim, n, columns = 3, 4, 2
    g = torch.Generator().manual_seed(1)
    leaves = {"weight": randn(g, 2 * dim, columns), "bias": randn(g, 2 * dim), "z": randn(g, 2 * n, dim),
              "params": randn(g, n, 2 * dim)}  # fmt: skip
    inputs = {"c": randn(g, n, columns), "dlog_p": randn(g, 2 * n), "dkl": randn(g, n, dim)}
    for leaf in leaves.values():
        leaf.requires_grad_()

    def normal(head):
        return Normal(head[:, :dim], torch.exp(head[:, dim:] / 2))

    head = functional.linear(inputs["c"], leaves["weight"], leaves["bias"])
    log_p = normal(head.repeat_interleave(2, 0)).log_prob(leaves["z"]).sum(1)
    kl = kl_divergence(normal(leaves["params"]), normal(head))
    expected = {"log_p": log_p, "kl": kl}
    for name, value, upstream, used in (("log_p", log_p, "dlog_p", "z"), ("kl", kl, "dkl", "params")):
        of = {"weight": leaves["weight"], "bias": leaves["bias"], used: leaves[used]}
        found = torch.autograd.grad(value, list(of.values()), inputs[upstream], retain_graph=True)
        expected |= {f"{name}.d{leaf}": gradient for leaf, gradient in zip(of, found, strict=True)}
    save("conditional_gaussian", leaves | inputs, expected)


FEATURES, CLASSES, DIM, HIDDEN, WEIGHT = 4, 3, 2, 3, 0.7


def bound(w, x, y, epsilon):
    """The ELBO of each row under its label, one-hot."""
    hidden = torch.tanh(functional.linear(torch.cat([x, y], 1), w["encoder.0.weight"], w["encoder.0.bias"]))
    head = functional.linear(hidden, w["posterior_head.weight"], w["posterior_head.bias"])
    mu, logvar = head[:, :DIM], head[:, DIM:]
    z = mu + torch.exp(logvar / 2) * epsilon
    hidden = torch.tanh(functional.linear(torch.cat([z, y], 1), w["decoder.0.weight"], w["decoder.0.bias"]))
    logits = functional.linear(hidden, w["likelihood_head.weight"], w["likelihood_head.bias"])
    log_likelihood = -functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
    return log_likelihood - 0.5 * (mu**2 + torch.exp(logvar) - 1 - logvar).sum(1)


def semi_supervised():
    """L(x, y), U(x) and the classification loss of M2, for labelled rows, rows without a label, and both."""
    g = torch.Generator().manual_seed(2)
    w = Parameters()
    w.dense(g, "encoder.0", FEATURES + CLASSES, HIDDEN)
    w.dense(g, "posterior_head", HIDDEN, 2 * DIM)
    w.dense(g, "decoder.0", DIM + CLASSES, HIDDEN)
    w.dense(g, "likelihood_head", HIDDEN, FEATURES)
    w.dense(g, "classifier.network.0", FEATURES, HIDDEN)
    w.dense(g, "classifier.head", HIDDEN, CLASSES)
    for tensor in w.values():
        tensor.requires_grad_()
    inputs = {f"weights.{name}": tensor for name, tensor in w.items()}
    expected = {}
    log_p_y = -torch.log(torch.tensor(float(CLASSES), dtype=torch.float64))
    for name, labels in {"labelled": [0, 2, 1], "unlabelled": [None, None], "both": [1, None, 0, None, 2]}.items():
        n = len(labels)
        x = torch.sigmoid(randn(g, n, FEATURES)).float().double()
        given = torch.stack([functional.one_hot(torch.tensor(y), CLASSES).double() if y is not None
                             else torch.zeros(CLASSES, dtype=torch.float64) for y in labels])  # fmt: skip
        epsilon = [randn(g, 1 if y is not None else CLASSES, DIM) for y in labels]
        hidden = torch.tanh(functional.linear(x, w["classifier.network.0.weight"], w["classifier.network.0.bias"]))
        log_q = functional.log_softmax(functional.linear(hidden, w["classifier.head.weight"], w["classifier.head.bias"]), 1)
        total, classification = 0, []
        for i, label in enumerate(labels):
            if label is not None:
                total = total - (bound(w, x[i : i + 1], given[i : i + 1], epsilon[i]) + log_p_y)[0]
                classification.append(-log_q[i, label])
            else:
                every = bound(w, x[i].expand(CLASSES, -1), torch.eye(CLASSES, dtype=torch.float64), epsilon[i])
                total = total - (log_q[i].exp() * (every + log_p_y - log_q[i])).sum()
        loss = total / n
        expected[f"{name}.elbo"] = -loss.detach().reshape(1)
        if classification:
            loss = loss + WEIGHT * torch.stack(classification).mean()
        for tensor in w.values():
            tensor.grad = None
        loss.backward()
        inputs |= {f"{name}.x": torch.cat([x, given], 1), f"{name}.epsilon": torch.cat(epsilon)}
        expected[f"{name}.loss"] = loss.reshape(1)
        for parameter, tensor in w.items():
            gradient = torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
            expected[f"{name}.grad.{parameter}"] = gradient.clone()
    save("semi_supervised", inputs, expected)


if __name__ == "__main__":
    conditional_gaussian()
    semi_supervised()
