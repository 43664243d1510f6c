# SPDX-License-Identifier: MIT
"""Trains the quickstart's VAE (784-400-20, Bernoulli on grey values) on Fashion-MNIST with PyTorch.

Same architecture, initialisation family, optimizer, batch size and epochs as configs/quickstart.json; prints the
test ELBO, reconstruction and KL in nats for each seed. One posterior sample an image, as in training.

  python benchmarks/peers/pytorch_quickstart.py [--epochs 10] [--seeds 1 2 3] [--threads 2]
"""
import argparse
import gzip
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


def images(path):
    with gzip.open(path) as file:
        return torch.from_numpy(np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784).copy())


class Vae(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(784, 400)
        self.posterior = nn.Linear(400, 40)
        self.decoder = nn.Linear(20, 400)
        self.likelihood = nn.Linear(400, 784)

    def terms(self, x):
        """Reconstruction log-likelihood and KL, each [batch], in nats."""
        mu, logvar = self.posterior(F.relu(self.encoder(x))).chunk(2, dim=1)
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        logits = self.likelihood(F.relu(self.decoder(z)))
        log_likelihood = -F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
        kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(1)
        return log_likelihood, kl


def run(seed, args, train, test):
    torch.manual_seed(seed)
    model = Vae()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    start = time.perf_counter()
    for _ in range(args.epochs):
        order = torch.randperm(len(train))
        for first in range(0, len(train), args.batch):
            x = train[order[first : first + args.batch]].float() / 255
            log_likelihood, kl = model.terms(x)
            loss = (kl - log_likelihood).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    seconds = time.perf_counter() - start
    with torch.no_grad():
        totals = torch.zeros(2, dtype=torch.float64)
        for first in range(0, len(test), 1000):
            log_likelihood, kl = model.terms(test[first : first + 1000].float() / 255)
            totals += torch.tensor([log_likelihood.sum().item(), kl.sum().item()], dtype=torch.float64)
    reconstruction, kl = (totals / len(test)).tolist()
    print(f"seed {seed}: elbo {reconstruction - kl:.3f}, reconstruction {reconstruction:.3f}, kl {kl:.3f}, "
          f"{seconds:.1f} s", flush=True)
    return reconstruction - kl


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    train = images(args.data + "/train-images-idx3-ubyte.gz")
    test = images(args.data + "/t10k-images-idx3-ubyte.gz")
    elbos = [run(seed, args, train, test) for seed in args.seeds]
    print(f"torch {torch.__version__}, {args.epochs} epochs, batch {args.batch}: "
          f"mean test elbo {np.mean(elbos):.3f}, standard deviation {np.std(elbos, ddof=1):.3f}")


if __name__ == "__main__":
    main()
