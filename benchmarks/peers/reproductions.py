# SPDX-License-Identifier: MIT
"""The shortened schedules of docs/reproductions.md in PyTorch: the figure beside ours.

    reproductions.py iwae  --images F --test F --epochs 13 --samples 50
    reproductions.py gated --images F --test F --epochs 20 --prior vamp
    reproductions.py static --images F --test F --validation F --epochs 500 --layers 1
    reproductions.py m2 --images F --labels F --test F --test-labels F --epochs 10 --labelled 3000

F are IDX files of images, or of labels (gzip). Prints the negative log-likelihood of the test images in nats, its
standard error and the minutes that training took; of "m2" the accuracy on the test images after each epoch. Images are
binarised anew for each batch, the test images once; those of "static" are black and white, and the weights with the
best ELBO of the validation images are taken; those of "m2" are grey.
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


def read_labels(path):
    with gzip.open(path) as file:
        return torch.from_numpy(np.frombuffer(file.read(), np.uint8, offset=8).astype(np.int64))


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


class M2(nn.Module):
    """Kingma et al. 2014 with the network of the M2 tutorial of Pyro; p(y) is uniform."""

    def __init__(self, classes=10, units=500, dim=50):
        super().__init__()
        self.encoder = nn.Linear(784 + classes, units)
        self.posterior = nn.Linear(units, 2 * dim)
        self.decoder = nn.Linear(dim + classes, units)
        self.likelihood = nn.Linear(units, 784)
        self.classifier = nn.Sequential(nn.Linear(784, units), nn.Softplus(), nn.Linear(units, classes))

    def losses(self, x, y):
        """-ELBO of x with the label y"""
        mu, logvar = self.posterior(functional.softplus(self.encoder(torch.cat([x, y], -1)))).chunk(2, -1)
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        logits = self.likelihood(functional.softplus(self.decoder(torch.cat([z, y], -1))))
        kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(-1)
        return kl - (x * logits - functional.softplus(logits)).sum(-1)

    def loss(self, x, labels, weight=1.0):
        """`labels` is -1 where there is none; equations 6 to 9 of the paper."""
        log_q = self.classifier(x).log_softmax(-1)
        classes = log_q.shape[-1]
        known = labels >= 0
        log_q_open = log_q[~known]
        labelled = self.losses(x[known], functional.one_hot(labels[known], classes).float())
        every_label = torch.eye(classes).repeat(len(log_q_open), 1)
        others = self.losses(x[~known].repeat_interleave(classes, 0), every_label).view(-1, classes)
        total = labelled.sum() + (log_q_open.exp() * (others + log_q_open)).sum()
        total = total / len(x) + math.log(classes)
        if known.any():
            total = total + weight * functional.nll_loss(log_q[known], labels[known])
        return total


def hide_labels(labels, count, share):
    """Labels, -1 but for `count` of them, equally many of each class; rows of an epoch, where those fill `share`."""
    order = torch.randperm(len(labels))
    known = torch.cat([order[labels[order] == y][: count // 10] for y in range(10)])
    hidden = torch.full_like(labels, -1)
    hidden[known] = labels[known]
    repeats = round(share / (1 - share) * (len(labels) - count) / count)
    return hidden, torch.cat([torch.arange(len(labels))] + [known] * (repeats - 1))


def train_m2(options, images):
    labels, epoch_rows = hide_labels(read_labels(options.labels), options.labelled, 0.05)
    test, test_labels = read_images(options.test), read_labels(options.test_labels)
    model = M2()
    optimizer = torch.optim.Adam(model.parameters(), 3e-4)
    start = time.monotonic()
    for epoch in range(options.epochs):
        for rows in epoch_rows[torch.randperm(len(epoch_rows))].split(100):
            optimizer.zero_grad()
            model.loss(images[rows], labels[rows]).backward()
            optimizer.step()
        with torch.no_grad():
            accuracy = (model.classifier(test).argmax(-1) == test_labels).float().mean().item()
        minutes = (time.monotonic() - start) / 60
        print(f"epoch {epoch + 1}: accuracy {accuracy:.4f}, {minutes:.1f} min", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["iwae", "gated", "static", "m2"])
    parser.add_argument("--images", required=True)
    parser.add_argument("--test", required=True)
    parser.add_argument("--validation")
    parser.add_argument("--labels")
    parser.add_argument("--test-labels")
    parser.add_argument("--labelled", type=int, default=100)
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
    if options.what == "m2":
        train_m2(options, images)
        return
    validation = read_images(options.validation) if options.validation else None
    test = torch.bernoulli(read_images(options.test))
    start = time.monotonic()
    model = train(options, images, validation)
    minutes = (time.monotonic() - start) / 60
    nll, error = negative_log_likelihood(model, test, options.importance_samples)
    print(f"{nll:.2f} +- {error:.2f} nats, trained in {minutes:.1f} min")


if __name__ == "__main__":
    main()
