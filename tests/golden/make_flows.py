#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes flows.safetensors beside itself: steps of flows by the papers' formulas, written plainly, and their gradients.

Needs torch (2.13.0 made the file in the repository) and safetensors.
"""

import torch
from make_vae import randn, save
from torch.nn.functional import linear, softplus

INPUTS, SAMPLES, DIM = 4, 2, 5
ROWS = INPUTS * SAMPLES
torch.set_default_dtype(torch.float64)
inputs, expected = {}, {}


def planar(z, p):
    u, w, b = p[:, :DIM], p[:, DIM : 2 * DIM], p[:, 2 * DIM :]
    wu = (w * u).sum(1, keepdim=True)
    u_hat = u + (softplus(wu) - 1 - wu) * w / (w**2).sum(1, keepdim=True)
    t = torch.tanh((w * z).sum(1, keepdim=True) + b)
    return z + u_hat * t, torch.log(torch.abs(1 + ((1 - t**2) * w * u_hat).sum(1)))


def radial(z, p):
    z0, alpha, c = p[:, :DIM], softplus(p[:, DIM]) + 1e-12, p[:, DIM + 1]
    beta = -alpha + softplus(c) + 1e-12
    r = torch.linalg.vector_norm(z - z0, dim=1)
    h, slope = 1 / (alpha + r), -1 / (alpha + r) ** 2
    log_det = (DIM - 1) * torch.log(1 + beta * h) + torch.log(1 + beta * h + beta * slope * r)
    return z + (beta * h)[:, None] * (z - z0), log_det


def reflect(z, v):
    return z - 2 * v * (v * z).sum(-1, keepdim=True) / (v**2).sum(-1, keepdim=True)


def householder(z, p):
    return reflect(z, p), torch.zeros(len(z))


def triangular(diagonal, above):
    m = torch.diag_embed(torch.tanh(diagonal))
    row, col = torch.triu_indices(DIM, DIM, offset=1)
    m[:, row, col] = above
    return m


def sylvester(z, p, reflections=3):
    off = DIM * (DIM - 1) // 2
    d1, d2, b, a1, a2, v = p.split([DIM, DIM, DIM, off, off, reflections * DIM], dim=1)
    r1, r2 = triangular(d1, a1), triangular(d2, a2)
    q = torch.eye(DIM).expand(len(z), DIM, DIM)
    for k in range(reflections):  # Q = H_1 H_2 ...
        vk = v[:, k * DIM : (k + 1) * DIM]
        h = torch.eye(DIM) - 2 * vk[:, :, None] * vk[:, None, :] / (vk**2).sum(1)[:, None, None]
        q = q @ h
    t = torch.tanh((r2 @ q.transpose(1, 2) @ z[:, :, None])[:, :, 0] + b)
    out = z + (q @ r1 @ t[:, :, None])[:, :, 0]
    inner = torch.eye(DIM) + torch.diag_embed(1 - t**2) @ r2 @ r1
    return out, torch.linalg.slogdet(inner).logabsdet


def autoregressive(weights, context_size, is_reversed):
    hidden = weights["hidden.bias"].numel()
    degree = torch.arange(DIM, 0, -1) if is_reversed else torch.arange(1, DIM + 1)
    least = 0 if context_size else 1
    unit = least + torch.arange(hidden) % (DIM - least)
    mask1 = (degree[None] <= unit[:, None]).double()
    mask2 = (unit[None] < degree[:, None]).double().repeat(2, 1)

    def step(z, p):
        a = linear(z, weights["hidden.weight"] * mask1, weights["hidden.bias"])
        if context_size:
            a = a + linear(p, weights["context.weight"])
        out = linear(torch.tanh(a), weights["output.weight"] * mask2, weights["output.bias"])
        m, gate = out[:, :DIM], torch.sigmoid(out[:, DIM:])
        return gate * z + (1 - gate) * m, torch.log(gate).sum(1)

    return step


def coupling(weights, position, bound):
    half = DIM // 2
    low, high = slice(0, half), slice(half, DIM)
    kept, changed = (low, high) if position % 2 == 0 else (high, low)

    def step(z, _):
        h = torch.tanh(linear(z[:, kept], weights["hidden.weight"], weights["hidden.bias"]))
        raw, shift = linear(h, weights["output.weight"], weights["output.bias"]).chunk(2, dim=1)
        log_scale = bound * torch.tanh(raw / bound)
        out = z.clone()
        out[:, changed] = z[:, changed] * torch.exp(log_scale) + shift
        return out, log_scale.sum(1)

    return step


def store(name, step, z, dout, dlog_det, params=None, weights=None):
    leaves = [z.clone().requires_grad_()]
    weights = weights or {}
    for value in weights.values():
        value.requires_grad_()
    if params is not None:
        leaves.append(params.clone().requires_grad_())
        inputs[f"{name}.params"] = params
    out, log_det = step(leaves[0], leaves[1].repeat_interleave(SAMPLES, 0) if params is not None else None)
    ((out * dout).sum() + (log_det * dlog_det).sum()).backward()
    inputs.update({f"{name}.weights.{key}": value for key, value in weights.items()})
    expected.update({f"{name}.grad.{key}": value.grad for key, value in weights.items()})
    expected.update({f"{name}.out": out, f"{name}.log_det": log_det, f"{name}.din": leaves[0].grad})
    if params is not None:
        expected[f"{name}.dparams"] = leaves[1].grad


def latent(g, dz, dlog_q):
    """Two planar steps after a diagonal Gaussian, whose second log-variance is clamped."""
    step = 2 * DIM + 1
    params = randn(g, INPUTS, 2 * DIM + 2 * step)
    params[0, DIM + 1] = -40
    epsilon = randn(g, ROWS, DIM)
    inputs.update({"latent.params": params.clone(), "latent.epsilon": epsilon})
    p = params.requires_grad_().repeat_interleave(SAMPLES, 0)
    logvar = torch.clamp(p[:, DIM : 2 * DIM], -30, 20)
    base = torch.distributions.Normal(p[:, :DIM], torch.exp(logvar / 2))
    z0 = p[:, :DIM] + torch.exp(logvar / 2) * epsilon
    z1, first = planar(z0, p[:, 2 * DIM : 2 * DIM + step])
    z2, second = planar(z1, p[:, 2 * DIM + step :])
    log_q = base.log_prob(z0).sum(1) - first - second
    ((z2 * dz).sum() + (log_q * dlog_q).sum()).backward()
    expected.update({"latent.z": z2, "latent.log_q": log_q, "latent.dparams": params.grad})


def prior(g, name, make, dlog_p):
    """Steps that take z to N(0, I)."""
    z = randn(g, ROWS, DIM)
    inputs[f"{name}.z"] = z.clone()
    value, log_det = z.requires_grad_(), 0
    every = {}
    for i in range(2):
        weights, step = make(i)
        every |= {f"{i}.{key}": w.requires_grad_() for key, w in weights.items()}
        value, change = step(value, None)
        log_det = log_det + change
    log_p = torch.distributions.Normal(0.0, 1.0).log_prob(value).sum(1) + log_det
    (log_p * dlog_p).sum().backward()
    inputs.update({f"{name}.weights.{key}": w for key, w in every.items()})
    expected.update({f"{name}.grad.{key}": w.grad for key, w in every.items()})
    expected.update({f"{name}.log_p": log_p, f"{name}.dz": z.grad})


def net(g, into, hidden, out, context=0):
    weights = {
        "hidden.weight": randn(g, hidden, into), "hidden.bias": randn(g, hidden),
        "output.weight": randn(g, out, hidden, scale=0.5), "output.bias": randn(g, out),
    }  # fmt: skip
    return weights | ({"context.weight": randn(g, hidden, context)} if context else {})


def main():
    g = torch.Generator().manual_seed(29)
    z, dout, dlog_det = randn(g, ROWS, DIM), randn(g, ROWS, DIM), randn(g, ROWS)
    inputs.update({"in": z, "dout": dout, "dlog_det": dlog_det})
    store("planar", planar, z, dout, dlog_det, randn(g, INPUTS, 2 * DIM + 1))
    store("radial", radial, z, dout, dlog_det, randn(g, INPUTS, DIM + 2))
    store("householder", householder, z, dout, dlog_det, randn(g, INPUTS, DIM))
    store("sylvester", sylvester, z, dout, dlog_det, randn(g, INPUTS, 2 * DIM + DIM * DIM + 3 * DIM))
    weights = net(g, DIM, 7, 2 * DIM, 3)
    store("autoregressive", autoregressive(weights, 3, False), z, dout, dlog_det, randn(g, INPUTS, 3), weights)
    weights = net(g, DIM, 6, 2 * DIM)
    store("masked", autoregressive(weights, 0, True), z, dout, dlog_det, weights=weights)
    for position, name in enumerate(("coupling", "coupling_odd")):
        kept = DIM // 2 if position == 0 else DIM - DIM // 2
        weights = net(g, kept, 6, 2 * (DIM - kept))
        store(name, coupling(weights, position, 1.5), z, dout, dlog_det, weights=weights)
    latent(g, dout, dlog_det)

    def make_coupling(i):
        kept = DIM // 2 if i == 0 else DIM - DIM // 2
        weights = net(g, kept, 6, 2 * (DIM - kept))
        return weights, coupling(weights, i, 2)

    def make_masked(i):
        weights = net(g, DIM, 6, 2 * DIM)
        return weights, autoregressive(weights, 0, i == 1)

    prior(g, "prior_coupling", make_coupling, dlog_det)
    prior(g, "prior_autoregressive", make_masked, dlog_det)
    save("flows", inputs, expected)


if __name__ == "__main__":
    main()
