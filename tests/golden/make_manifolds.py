#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes manifolds.safetensors beside itself: distributions on the sphere and in the Poincare ball.

Needs torch (2.13.0 made the file in the repository), safetensors and mpmath. Inputs are stored in float32, so that a
test in float and one in double start from the same numbers; expected results are computed and stored in float64. The
sphere's integrals are mpmath's with 30 digits.
"""

import math

import mpmath as mp
import torch
from make_vae import randn, save

mp.mp.dps = 30
SAMPLES = 2


class Angle:
    """The angle between mu and z ~ vMF(mu, kappa) on the unit sphere of R^dim."""

    def __init__(self, dim, kappa):
        self.dim, self.kappa, half = dim, mp.mpf(kappa), mp.mpf(dim) / 2
        with mp.workdps(60):
            bessel = mp.besseli(half - 1, self.kappa)
            self.mean = mp.besseli(half, self.kappa) / bessel
            self.variance = 1 - self.mean**2 - (dim - 1) * self.mean / self.kappa
            log_total = mp.log(bessel) + half * mp.log(2 * mp.pi) - (half - 1) * mp.log(self.kappa)
            self.log_normalizer = log_total - self.kappa
            surface = mp.log(2) + half * mp.log(mp.pi) - mp.loggamma(half)
            self.divergence = self.kappa * self.mean - log_total + surface
            self.deficit = 1 - self.mean
        self.log_surface = surface
        root = mp.sqrt((dim - 2) ** 2 + 4 * self.kappa**2)
        self.mode = mp.acos(2 * self.kappa / (dim - 2 + root)) if dim > 2 else mp.mpf(0)
        self.width = 1 / mp.sqrt(self.kappa + (dim - 2 + root) / 2)
        self.total = self.integral(lambda t: 1, 0, mp.pi)

    def density(self, t):
        if self.dim == 2:
            return mp.exp(-2 * self.kappa * mp.sin(t / 2) ** 2)
        ratio = mp.sin(t) / mp.sin(self.mode)
        return mp.exp(self.kappa * (mp.cos(t) - mp.cos(self.mode))) * ratio ** (self.dim - 2)

    def integral(self, f, low, high):
        cuts = [self.mode + i * self.width for i in range(-14, 60, 2)]
        cuts = [low] + [c for c in cuts if low < c < high] + [high]
        return mp.quad(lambda t: f(t) * self.density(t), cuts)

    def tail(self, f, t, below):
        return self.integral(f, 0, t) / self.total if below else self.integral(f, t, mp.pi) / self.total

    def quantile(self, normal):
        """t with F(t) = Phi(normal), and dt/dkappa = -(dF/dkappa) / F'(t)."""
        below = normal < 0
        target = mp.erfc(abs(mp.mpf(normal)) / mp.sqrt(2)) / 2
        low, high = mp.mpf(0), min(mp.pi, self.mode + 60 * self.width)
        for _ in range(12):
            middle = (low + high) / 2
            low, high = (low, middle) if (self.tail(lambda t: 1, middle, below) > target) == below else (middle, high)
        t = (low + high) / 2
        for _ in range(60):
            mass = self.tail(lambda t: 1, t, below)
            step = mass * mp.log(mass / target) * self.total / self.density(t) * (1 if below else -1)
            t = min(max(t - step, t / 2), (t + mp.pi) / 2)
            if abs(step) < mp.mpf(10) ** -22 * t:
                break
        change = self.tail(lambda s: 2 * mp.sin(s / 2) ** 2 - self.deficit, t, below)
        return t, change * self.total / self.density(t) * (1 if below else -1)


def angles():
    """Moments, divergences and angles of small and large concentrations."""
    kappas = torch.tensor([1e-6, 1e-3, 0.3, 1.0, 3.0, 20.0, 300.0, 1e4, 1e6]).double()
    normals = torch.tensor([-5.0, -2.0, -0.5, 0.0, 0.25, 1.5, 4.0]).double()
    expected = {}
    for dim in (2, 3, 10, 256):
        moments, draws = [], []
        for kappa in kappas.tolist():
            angle = Angle(dim, kappa)
            moments.append([float(v) for v in (angle.log_normalizer, angle.mean, angle.deficit, angle.variance,
                                               angle.divergence)])  # fmt: skip
            for normal in normals.tolist():
                t, to_kappa = angle.quantile(normal)
                draws.append([float(2 * mp.sin(t / 2) ** 2), float(mp.sin(t)), float(to_kappa)])
        expected[f"angle_{dim}.moments"] = torch.tensor(moments, dtype=torch.float64)
        expected[f"angle_{dim}.draws"] = torch.tensor(draws, dtype=torch.float64)
    return {"angle.kappa": kappas, "angle.normal": normals}, expected


def linear(value, slope, x):
    """A number whose derivative by x is known."""
    return value + slope * (x - x.detach())


def von_mises_fisher(g, dim):
    batch = 3
    params = randn(g, batch, dim + 1)
    params[:, dim] = torch.tensor([-1.0, 2.0, 30.0]).double()
    params.requires_grad_()
    epsilon = randn(g, batch * SAMPLES, dim + 1)
    dz, dlog_q, dkl = randn(g, batch * SAMPLES, dim), randn(g, batch, SAMPLES), randn(g, batch, 1)
    mu = params[:, :dim] / params[:, :dim].norm(dim=1, keepdim=True)
    kappa = torch.nn.functional.softplus(params[:, dim])
    z, log_q, kl = [], [], []
    for i in range(batch):
        angle, k = Angle(dim, kappa[i].item()), kappa[i]
        kl.append(linear(float(angle.divergence), float(angle.kappa * angle.variance), k))
        log_total = linear(float(angle.log_normalizer + angle.kappa), float(angle.mean), k)
        for s in range(i * SAMPLES, (i + 1) * SAMPLES):
            t, to_kappa = angle.quantile(epsilon[s, 0].item())
            t = linear(float(t), float(to_kappa), k)
            tangent = epsilon[s, 1:] - (epsilon[s, 1:] @ mu[i]) * mu[i]
            z.append(torch.cos(t) * mu[i] + torch.sin(t) * tangent / tangent.norm())
            log_q.append(k * torch.cos(t) - log_total)
    z, log_q, kl = torch.stack(z), torch.stack(log_q).reshape(batch, SAMPLES), torch.stack(kl).reshape(batch, 1)
    ((z * dz).sum() + (log_q * dlog_q).sum() + (kl * dkl).sum()).backward()
    name = f"vmf_{dim}"
    inputs = {"params": params, "epsilon": epsilon, "dz": dz, "dlog_q": dlog_q, "dkl": dkl}
    results = {"mu": mu, "z": z, "log_q": log_q, "kl": kl, "gradient": params.grad,
               "log_p": torch.tensor([-float(Angle(dim, 1).log_surface)], dtype=torch.float64)}  # fmt: skip
    return {f"{name}.{k}": v for k, v in inputs.items()}, {f"{name}.{k}": v for k, v in results.items()}


def mobius_addition(x, y, c):
    xy, xx, yy = (x * y).sum(1, True), (x * x).sum(1, True), (y * y).sum(1, True)
    return ((1 + 2 * c * xy + c * yy) * x + (1 - c * xx) * y) / (1 + 2 * c * xy + c * c * xx * yy)


def scaled_tanh(v, c, factor):
    r = math.sqrt(c) * v.norm(dim=1, keepdim=True)
    return torch.tanh(factor * r) * v / r


def log_volume(r, c, dim):
    return (dim - 1) * torch.log(math.sqrt(c) * r / torch.sinh(math.sqrt(c) * r))


def poincare(g, dim, c, deviation):
    batch = 3
    params = randn(g, batch, 2 * dim, scale=0.7).requires_grad_()
    epsilon = randn(g, batch * SAMPLES, dim)
    dz, dlog_q, dlog_p = randn(g, batch * SAMPLES, dim), randn(g, batch, SAMPLES), randn(g, batch, SAMPLES)
    mu = scaled_tanh(params[:, :dim], c, 1)
    sigma = torch.exp(params[:, dim:] / 2).repeat_interleave(SAMPLES, 0)
    v = sigma * epsilon
    z = mobius_addition(mu.repeat_interleave(SAMPLES, 0), scaled_tanh(v, c, 0.5), c)
    log_q = torch.distributions.Normal(0.0, sigma).log_prob(v).sum(1) + log_volume(v.norm(dim=1), c, dim)
    point = z.detach().float().double().requires_grad_()
    r = 2 * torch.atanh(math.sqrt(c) * point.norm(dim=1)) / math.sqrt(c)
    log_p = -0.5 * (r / deviation) ** 2 - dim * math.log(deviation * math.sqrt(2 * math.pi)) + log_volume(r, c, dim)
    (log_p @ dlog_p.reshape(-1)).backward()
    log_q = log_q.reshape(batch, SAMPLES)
    ((z * dz).sum() + (log_q * dlog_q).sum()).backward()
    name = f"poincare_{dim}"
    inputs = {"params": params, "epsilon": epsilon, "dz": dz, "dlog_q": dlog_q, "point": point, "dlog_p": dlog_p}
    results = {"mu": mu, "z": z, "log_q": log_q, "gradient": params.grad, "log_p": log_p, "dpoint": point.grad}
    return {f"{name}.{k}": v for k, v in inputs.items()}, {f"{name}.{k}": v for k, v in results.items()}


def main():
    g = torch.Generator().manual_seed(21)
    parts = [angles()] + [von_mises_fisher(g, dim) for dim in (2, 3, 10)]
    parts += [poincare(g, 2, 1.0, 1.0), poincare(g, 5, 0.5, 1.5)]
    inputs, expected = {}, {}
    for more_inputs, more_expected in parts:
        inputs |= more_inputs
        expected |= more_expected
    save("manifolds", inputs, expected)


if __name__ == "__main__":
    main()
