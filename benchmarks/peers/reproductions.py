# SPDX-License-Identifier: MIT
"""The shortened schedules of docs/reproductions.md in PyTorch: the figure beside ours.

    reproductions.py iwae  --images F --test F --epochs 13 --samples 50
    reproductions.py gated --images F --test F --epochs 20 --prior vamp
    reproductions.py static --images F --test F --validation F --epochs 500 --layers 1

F are IDX files of images (gzip). Prints the negative log-likelihood of the test images in nats, its standard error and
the minutes that training took. Images are binarised anew for each batch, the test images once; those of "static" are
black and white, and the weights with the best ELBO of the validation images are taken.
"""
import argparse
import copy
import gzip
import math
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.optim.lr_scheduler import MultiStepLR

PSEUDO_INPUTS = 500


def read_images(path):
    with gzip.open(path) as file:
        data = np.frombuffer(file.read(), np.uint8, offset=16)
    return torch.from_numpy(data.reshape(-1, 784).astype(np.float32) / data.max())


class GatedDense(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.value = nn.Linear(inputs, outputs)
        self.gate = nn.Linear(inputs, outputs)

    def forward(self, x):
        return self.value(x) * torch.sigmoid(self.gate(x))


class ReluDense(nn.Linear):
    def forward(self, x):
        return torch.relu(super().forward(x))


class TanhDense(nn.Linear):
    def reset_parameters(self):
        nn.init.xavier_uniform_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, x):
        return torch.tanh(super().forward(x))


def log_normal(z, mu, logvar):
    return -0.5 * (math.log(2 * math.pi) + logvar + (z - mu) ** 2 * torch.exp(-logvar)).sum(-1)


def log_normal_pairs(z, mu, logvar):
    """log N(z; mu, diag(exp(logvar))) of every z [... x dim] under every component [components x dim], by products of
    matrices."""
    precision = torch.exp(-logvar)
    squares = z**2 @ precision.T - 2 * z @ (mu * precision).T + (mu**2 * precision).sum(-1)
    return -0.5 * (squares + logvar.sum(-1) + mu.shape[-1] * math.log(2 * math.pi))


class Vae(nn.Module):
    """Hidden layers of one width; the prior is N(0, I) or the mixture of posteriors of learned pseudo-inputs."""

    def __init__(self, layer, units, dim, prior="normal", layers=2):
        super().__init__()

        def hidden(inputs):
            return nn.Sequential(layer(inputs, units), *[layer(units, units) for _ in range(layers - 1)])

        self.encoder = hidden(784)
        self.posterior = nn.Linear(units, 2 * dim)
        self.decoder = hidden(dim)
        self.likelihood = nn.Linear(units, 784)
        self.pseudo_logits = nn.Parameter(torch.randn(PSEUDO_INPUTS, 784)) if prior == "vamp" else None
        if layer is TanhDense:
            for head in (self.posterior, self.likelihood):
                nn.init.xavier_uniform_(head.weight)
                nn.init.zeros_(head.bias)

    def encode(self, x):
        return self.posterior(self.encoder(x)).chunk(2, -1)

    def log_prior(self, z):
        if self.pseudo_logits is None:
            return log_normal(z, torch.zeros(()), torch.zeros(()))
        mu, logvar = self.encode(torch.sigmoid(self.pseudo_logits))
        return torch.logsumexp(log_normal_pairs(z, mu, logvar), -1) - math.log(PSEUDO_INPUTS)

    def log_weights(self, x, samples, beta=1.0):
        """log p(x|z) + beta (log p(z) - log q(z|x)) [samples x batch]"""
        mu, logvar = self.encode(x)
        z = mu + torch.exp(0.5 * logvar) * torch.randn(samples, *mu.shape)
        logits = self.likelihood(self.decoder(z))
        log_likelihood = (x * logits - functional.softplus(logits)).sum(-1)
        return log_likelihood + beta * (self.log_prior(z) - log_normal(z, mu, logvar))


def negative_log_likelihood(model, images, samples, chunk=100):
    values = []
    with torch.no_grad():
        for x in images.split(50):
            weights = torch.cat([model.log_weights(x, chunk) for _ in range(samples // chunk)])
            values.append(math.log(len(weights)) - torch.logsumexp(weights, 0))
    values = torch.cat(values)
    return values.mean().item(), (values.std() / math.sqrt(len(values))).item()


def elbo(model, images):
    with torch.no_grad():
        return torch.cat([model.log_weights(x, 1)[0] for x in images.split(500)]).mean().item()


def schedule(options):
    """Model, optimizer, learning rates by epoch, batch size and epochs of KL warm-up."""
    if options.what == "iwae":
        model = Vae(TanhDense, 200, 50, options.prior)
        optimizer = torch.optim.Adam(model.parameters(), 1e-3, eps=1e-4)
        return model, optimizer, MultiStepLR(optimizer, [1, 4, 13, 40], 10 ** (-1 / 7)), 20, 0
    if options.what == "gated":
        model = Vae(GatedDense, 300, 40, options.prior)
        optimizer = torch.optim.Adam(model.parameters(), 5e-4)
        return model, optimizer, MultiStepLR(optimizer, []), 100, 10
    model = Vae(ReluDense, 400, 40, layers=options.layers)
    optimizer = torch.optim.Adam(model.parameters(), 1e-4)
    return model, optimizer, MultiStepLR(optimizer, [200, 350, 500], 10 ** (-1 / 5)), 100, 0


def train(options, images, validation):
    """The model after the last epoch, or that with the best ELBO of the validation images."""
    model, optimizer, scheduler, batch, warm_up = schedule(options)
    best, kept = -math.inf, model
    for epoch in range(options.epochs):
        batches = torch.randperm(len(images)).split(batch)
        for step, rows in enumerate(batches):
            beta = min(1.0, (epoch + step / len(batches)) / warm_up) if warm_up else 1.0
            x = images[rows] if options.what == "static" else torch.bernoulli(images[rows])
            weights = model.log_weights(x, options.samples, beta)
            loss = math.log(options.samples) - torch.logsumexp(weights, 0).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scheduler.step()
        if validation is not None:
            now = elbo(model, validation)
            if now > best:
                best, kept = now, copy.deepcopy(model)
            print(f"epoch {epoch + 1}: validation ELBO {now:.2f}", flush=True)
    return kept


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["iwae", "gated", "static"])
    parser.add_argument("--images", required=True)
    parser.add_argument("--test", required=True)
    parser.add_argument("--validation")
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--samples", type=int, default=1)
    parser.add_argument("--prior", choices=["normal", "vamp"], default="normal")
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--importance-samples", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)

    images = read_images(options.images)
    validation = read_images(options.validation) if options.validation else None
    test = torch.bernoulli(read_images(options.test))
    start = time.monotonic()
    model = train(options, images, validation)
    minutes = (time.monotonic() - start) / 60
    nll, error = negative_log_likelihood(model, test, options.importance_samples)
    print(f"{nll:.2f} +- {error:.2f} nats, trained in {minutes:.1f} min")


if __name__ == "__main__":
    main()
