# SPDX-License-Identifier: MIT
"""Normalizing flows of the family in PyTorch: forward(z, params) gives f(z) and log |det|. What depends on the
parameters alone is computed for all steps at once."""
import torch
import torch.nn.functional as F
from torch import nn


class Planar(nn.Module):
    def __init__(self, dim, length):
        super().__init__()
        self.dim, self.length, self.parameter_count = dim, length, length * (2 * dim + 1)

    def forward(self, z, params):
        u, w, b = params.unflatten(1, (self.length, -1)).split([self.dim, self.dim, 1], 2)
        product = (u * w).sum(2, keepdim=True)
        bound = F.softplus(product) - 1  # w u^
        direction = u + (bound - product) / w.square().sum(2, keepdim=True) * w
        slopes = []
        for u_k, w_k, b_k in zip(direction.unbind(1), w.unbind(1), b.unbind(1), strict=True):
            t = torch.tanh((w_k * z).sum(1, keepdim=True) + b_k)
            z = torch.addcmul(z, u_k, t)
            slopes.append(t)
        t = torch.stack(slopes, 1)
        return z, torch.log1p((1 - t.square()) * bound).sum((1, 2))


class Radial(nn.Module):
    def __init__(self, dim, length):
        super().__init__()
        self.dim, self.length, self.parameter_count = dim, length, length * (dim + 2)

    def forward(self, z, params):
        centre, numbers = params.unflatten(1, (self.length, -1)).split([self.dim, 2], 2)
        alpha, gamma = F.softplus(numbers).chunk(2, 2)
        radii = []
        for c, a, b in zip(centre.unbind(1), alpha.unbind(1), (gamma - alpha).unbind(1), strict=True):
            difference = z - c
            r = torch.linalg.vector_norm(difference, dim=1, keepdim=True)
            z = torch.addcmul(z, b / (a + r), difference)
            radii.append(r)
        r = torch.stack(radii, 1)
        far = torch.log(r + alpha)
        log_det = (self.dim - 1) * (torch.log(r + gamma) - far)
        log_det = log_det + torch.log(r * (r + 2 * alpha) + alpha * gamma) - 2 * far
        return z, log_det.sum((1, 2))


def reflect(v, z):
    """v of length 1."""
    return torch.addcmul(z, v, (v * z).sum(1, keepdim=True), value=-2)


class Householder(nn.Module):
    def __init__(self, dim, length):
        super().__init__()
        self.length, self.parameter_count = length, length * dim

    def forward(self, z, params):
        for v in F.normalize(params.unflatten(1, (self.length, -1)), dim=2).unbind(1):
            z = reflect(v, z)
        return z, 0.0


class Sylvester(nn.Module):
    def __init__(self, dim, length, reflections):
        super().__init__()
        self.dim, self.length, self.reflections = dim, length, reflections
        self.parameter_count = length * (2 + dim + reflections) * dim
        above = torch.triu_indices(dim, dim, 1)
        diagonal = torch.arange(dim) * (dim + 1)
        self.places = torch.cat([above[0] * dim + above[1], diagonal])

    def triangular(self, above, diagonal):
        """[length, n, dim, dim]"""
        values = torch.cat([above, diagonal], 2)
        full = values.new_zeros(*values.shape[:2], self.dim * self.dim).index_copy(2, self.places, values)
        return full.unflatten(2, (self.dim, self.dim))

    def forward(self, z, params):
        d, triangle = self.dim, self.dim * (self.dim - 1) // 2
        parts = params.view(len(z), self.length, -1).transpose(0, 1).split(
            [2 * d, d, triangle, triangle, self.reflections * d], 2)
        first, second = torch.tanh(parts[0]).chunk(2, 2)
        outer, inner = self.triangular(parts[2], first), self.triangular(parts[3], second)
        vectors = F.normalize(parts[4].unflatten(2, (self.reflections, d)), dim=3)
        activations = []
        for k in range(self.length):
            basis = vectors[k].unbind(1)
            y = z
            for v in basis:
                y = reflect(v, y)
            t = torch.tanh(torch.baddbmm(parts[1][k][:, :, None], inner[k], y[:, :, None]))
            y = torch.bmm(outer[k], t)[:, :, 0]
            for v in reversed(basis):
                y = reflect(v, y)
            z = z + y
            activations.append(t[:, :, 0])
        t = torch.stack(activations)
        return z, torch.log1p((1 - t.square()) * first * second).sum((0, 2))


class Autoregressive(nn.Module):
    def __init__(self, dim, hidden, context, position):
        super().__init__()
        self.hidden, self.output = nn.Linear(dim, hidden), nn.Linear(hidden, 2 * dim)
        self.context = nn.Linear(context, hidden, bias=False)
        self.parameter_count = context
        variables = torch.arange(1, dim + 1)
        if position % 2:
            variables = variables.flip(0)
        seen = (variables[None] <= (torch.arange(hidden) % dim)[:, None]).float()
        self.hidden_mask, self.output_mask = seen, (1 - seen).T.repeat(2, 1)

    def forward(self, z, params):
        h = F.linear(z, self.hidden.weight * self.hidden_mask, self.hidden.bias)
        h = torch.tanh(h + self.context(params))
        m, s = F.linear(h, self.output.weight * self.output_mask, self.output.bias).chunk(2, 1)
        return torch.lerp(m, z, torch.sigmoid(s)), F.logsigmoid(s).sum(1)


class Coupling(nn.Module):
    def __init__(self, dim, hidden, position):
        super().__init__()
        self.half, self.reversed = dim // 2, position % 2 == 1
        kept = dim - self.half if self.reversed else self.half
        self.hidden, self.output = nn.Linear(kept, hidden), nn.Linear(hidden, 2 * (dim - kept))
        self.parameter_count = 0

    def forward(self, z, params):
        first, second = z.tensor_split([self.half], 1)
        kept, changed = (second, first) if self.reversed else (first, second)
        raw, t = self.output(torch.tanh(self.hidden(kept))).chunk(2, 1)
        s = 2 * torch.tanh(0.5 * raw)
        changed = torch.addcmul(t, changed, s.exp())
        return torch.cat([changed, kept] if self.reversed else [kept, changed], 1), s.sum(1)


class Chain(nn.ModuleList):
    """Steps with weights of their own."""

    def __init__(self, steps):
        super().__init__(steps)
        self.parameter_count = sum(step.parameter_count for step in steps)

    def forward(self, z, params):
        counts = [step.parameter_count for step in self]
        parts = params.split(counts, 1) if self.parameter_count else [None] * len(counts)
        log_det = 0
        for step, part in zip(self, parts, strict=True):
            z, term = step(z, part)
            log_det = log_det + term
        return z, log_det


def make(config, dim, length):
    config = dict(config)
    kind = config.pop("type")
    if kind in ("autoregressive", "coupling"):
        step = Autoregressive if kind == "autoregressive" else Coupling
        return Chain([step(dim, **config, position=i) for i in range(length)])
    return {"planar": Planar, "radial": Radial, "householder": Householder, "sylvester": Sylvester}[kind](
        dim, length, **config)
