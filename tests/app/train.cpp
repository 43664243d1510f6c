// SPDX-License-Identifier: MIT
#include "vaekit/app/train.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <ostream>
#include <sstream>
#include <string>

#include "io/temporary_folder.hpp"
#include "support/throws_with.hpp"
#include "vaekit/app/evaluate.hpp"

using namespace vaekit;

namespace {

/// A configuration file in a folder, and calls of `train` on it.
struct Trained {
  TemporaryFolder folder;
  RunFolder run{folder / "run"};
  std::string out = {};
  std::string err = {};

  explicit Trained(const std::string& name) : folder(name) {
    write_file_atomically(folder / "c.json", R"({
      "name": "bars",
      "data": {"train": {"format": "synthetic", "source": "bars", "count": 40, "size": 8},
               "test": {"format": "synthetic", "source": "bars", "count": 12, "size": 8, "seed": 2}},
      "model": {"encoder": [{"type": "dense", "units": 6}], "decoder": [{"type": "dense", "units": 6}],
                "latent": {"type": "gaussian", "dim": 2}},
      "training": {"epochs": 2, "batch_size": 10, "threads": 1}})");
  }

  /// `set(options)` changes the options.
  template <class Set>
  ExitCode train(Set&& set) {
    TrainOptions options;
    set(options);
    options.config = folder / "c.json";
    options.out = run.root;
    std::ostringstream o;
    std::ostringstream e;
    const ExitCode code = run_train(options, o, e);
    out = o.str();
    err = e.str();
    return code;
  }
};

}  // namespace

TEST_CASE("train: fills a run folder, prints results on one stream and progress on the other") {
  Trained t("train");
  CHECK(t.train([](TrainOptions& o) { o.seed = 9; }) == ExitCode::done);
  CHECK(t.err.starts_with(environment_line(1, "float32") + "\nepoch 1/2: train loss "));
  CHECK(t.out.starts_with("train: elbo -"));
  CHECK(t.out.find("\ntest: elbo -") != std::string::npos);
  CHECK(t.out.ends_with(" nats after 2 epochs\nrun folder: " + t.run.root.string() + "\n"));
  for (const auto& file : {t.run.config(), t.run.metrics(), t.run.report(), t.run.last(), t.run.best(),
                           t.run.checkpoint(1), t.run.image("samples", 2)}) {
    CHECK(std::filesystem::exists(file));
  }
  CHECK(parse_json(read_text_file(t.run.config()), "c")["seed"] == 9);
}

TEST_CASE("train: an existing run is refused, resumed or replaced") {
  Trained t("train-again");
  t.train([](TrainOptions& o) { o.quiet = true; });
  CHECK(t.err == environment_line(1, "float32") + "\n");
  check_throws_with<IoError>(
      t.run.root.string() + ": holds another run, must be a new folder; use --resume to go on or --overwrite",
      [&] { t.train([](TrainOptions&) {}); });
  CHECK(t.train([](TrainOptions& o) {
    o.overrides = {"training.epochs=3"};
    o.resume = true;
    o.quiet = true;
  }) == ExitCode::done);
  CHECK(t.err.ends_with("\nresuming after 2 epochs and 0 batches\n"));
  const Bytes resumed = read_file(t.run.last());
  CHECK(std::filesystem::exists(t.run.checkpoint(2)));
  CHECK(t.train([](TrainOptions& o) {
    o.overrides = {"training.epochs=3", "training.checkpoint_every=0"};
    o.overwrite = true;
  }) == ExitCode::done);
  CHECK_FALSE(std::filesystem::exists(t.run.checkpoint(2)));
  const Checkpoint straight = read_checkpoint(t.run.last());
  const Safetensors other = parse_safetensors(resumed, "resumed");
  for (std::size_t i = 0; i < other.tensors.size(); ++i) {
    CHECK(straight.file.tensors[i].bytes == other.tensors[i].bytes);
  }
}

TEST_CASE("train: nothing to resume, and a run of another experiment, are refused") {
  Trained t("train-refuse");
  check_throws_with<IoError>(t.run.root.string() + ": holds no checkpoint, must hold one to resume from",
                             [&] { t.train([](TrainOptions& o) { o.resume = true; }); });
  CHECK_FALSE(std::filesystem::exists(t.run.root));
  t.train([](TrainOptions& o) { o.quiet = true; });
  check_throws_with<ConfigError>("config /seed: is 2, must be 1 to resume the run in " + t.run.root.string(),
                                 [&] {
                                   t.train([](TrainOptions& o) {
                                     o.seed = 2;
                                     o.resume = true;
                                   });
                                 });
}

TEST_CASE("train: a folder that another run or a study uses is refused, and nothing in it changes") {
  Trained t("train-busy");
  t.train([](TrainOptions& o) { o.quiet = true; });
  const Bytes before = read_file(t.run.last());
  {
    const FolderLock lock(t.run.root);
    for (const bool resume : {true, false}) {
      check_throws_with<IoError>(t.run.root.string() + ": is in use by another process, must be free", [&] {
        t.train([&](TrainOptions& o) {
          o.resume = resume;
          o.overwrite = !resume;
        });
      });
    }
  }
  write_file_atomically(t.run.root / "study.json", std::string_view("{}"));
  check_throws_with<IoError>(t.run.root.string() + ": holds a study of vaekit sweep, must be a new folder",
                             [&] { t.train([](TrainOptions& o) { o.overwrite = true; }); });
  CHECK(read_file(t.run.last()) == before);
}

TEST_CASE("train: a run goes on with its own data only, wherever they are") {
  Trained t("train-data");
  Matrix<float> x(12, 3);
  for (Index i = 0; i < x.size(); ++i) {
    x.data()[i] = static_cast<float>(i % 2);
  }
  const auto train = [&](Trained& into, const char* name, bool resume) {
    return into.train([&](TrainOptions& o) {
      o.overrides = {R"(data.train={"format":"npy","path":")" + (t.folder / name).string() + "\"}",
                     "data.test=null", resume ? "training.epochs=3" : "training.epochs=2"};
      o.resume = resume;
      o.quiet = true;
    });
  };
  write_file_atomically(t.folder / "a.npy", npy_bytes<float>(x, Shape::flat(3)));
  write_file_atomically(t.folder / "same.npy", npy_bytes<float>(x, Shape::flat(3)));
  x(5, 1) = 0.5F;
  write_file_atomically(t.folder / "other.npy", npy_bytes<float>(x, Shape::flat(3)));
  Trained u("train-other-data");
  train(t, "a.npy", false);
  train(u, "other.npy", false);
  const std::string before = read_checkpoint(t.run.last()).data();
  const std::string other = read_checkpoint(u.run.last()).data();
  CHECK(before.starts_with("12 samples, checksum "));
  CHECK(before != other);
  check_throws_with<DataError>(
      concat("data/train: is ", other, ", must be ", before, " to resume the run in ", t.run.root.string()),
      [&] { train(t, "other.npy", true); });
  CHECK(train(t, "same.npy", true) == ExitCode::done);
}

TEST_CASE("train: no epochs leave the model as it was initialised") {
  Trained t("train-none");
  CHECK(t.train([](TrainOptions& o) { o.overrides = {"training.epochs=0"}; }) == ExitCode::done);
  CHECK(t.out == "run folder: " + t.run.root.string() + "\n");
  CHECK(read_checkpoint(t.run.last()).progress().step == 0);
  std::ostringstream out;
  CHECK(run_evaluate({.run = t.run.root, .overrides = {}, .threads = 1}, out, out) == ExitCode::done);
}

TEST_CASE("train: a name that leads out of runs/ is refused") {
  for (const char* name : {"", ".", "..", "/a", "a/b"}) {
    check_throws_with<ConfigError>(
        concat("config /name: is \"", name,
               "\", must be the name of a folder below runs/; or choose one with --out"),
        [&] { static_cast<void>(detail::default_folder(name)); });
  }
  CHECK(detail::default_folder("a b") == "runs/a b");
}

TEST_CASE("train: divergence names the last finite checkpoint and what to do") {
  const NumericError error("train: step 7: loss is nan");
  const TemporaryFolder parent("train-advice");
  const RunFolder folder{parent / "run"};
  CHECK(std::string(detail::with_advice(error, folder).what()) ==
        "train: step 7: loss is nan; last finite checkpoint: none; try a lower learning_rate or gradient "
        "clipping");
  folder.create();
  write_file_atomically(folder.last(), std::string("x"));
  CHECK(std::string(detail::with_advice(error, folder).what()) ==
        "train: step 7: loss is nan; last finite checkpoint: " + folder.last().string() +
            "; try a lower learning_rate or gradient clipping");
}

TEST_CASE("train: a run that diverged leaves its curves and what happened") {
  Trained t("train-diverged");
  const auto diverge = [&] {
    t.train([](TrainOptions& o) {
      // One step an epoch: the first leaves the model as it is.
      o.overrides = {"training.batch_size=40",
                     R"(optimizer.learning_rate={"schedule":"linear","from":1e-9,"to":1e30,"epochs":2})"};
    });
  };
  std::string message;
  try {
    diverge();
  } catch (const NumericError& error) {
    message = error.what();
  }
  CHECK(message.starts_with("train: "));
  CHECK(message.find("; last finite checkpoint: " + t.run.last().string() + "; try a lower learning_rate") !=
        std::string::npos);
  const std::string page = read_text_file(t.run.report());
  CHECK(page.find("<p class=\"notice\">This run diverged: " + escape_html(message) + "</p>") !=
        std::string::npos);
  CHECK(page.find("Training curves") != std::string::npos);
  CHECK(page.find("Posterior means") == std::string::npos);
  CHECK(page.find("Latent space") == std::string::npos);
  CHECK(std::filesystem::exists(t.run.curves()));
  CHECK_FALSE(std::filesystem::exists(t.run.image("samples", 2)));
}

TEST_CASE("train: a report that cannot be written hides neither a divergence nor an interrupt") {
  const TemporaryFolder parent("train-unreported");
  const RunFolder folder{parent / "run"};
  std::ostringstream err;
  detail::write_if_possible(folder, err, [] { throw IoError("disk full"); });
  CHECK(err.str() == folder.report().string() + ": not written: disk full\n");
}

namespace {

/// Interrupts the process when the first epoch is reported.
struct InterruptingBuffer : std::stringbuf {
  bool interrupted = false;

  int sync() override {
    if (!interrupted && str().find("epoch 1/") != std::string::npos) {
      interrupted = true;
      std::raise(SIGINT);
    }
    return 0;
  }
};

}  // namespace

TEST_CASE("train: an interrupted run has a report of what it is so far, a resumed one of the end") {
  Trained t("train-interrupted");
  InterruptingBuffer buffer;
  std::ostream err(&buffer);
  std::ostringstream out;
  CHECK(
      run_train({.config = t.folder / "c.json", .overrides = {}, .out = t.run.root, .threads = 1, .seed = {}},
                out, err) == ExitCode::interrupted);
  CHECK(buffer.str().ends_with("interrupted: wrote " + t.run.last().string() + "; go on with --resume\n"));
  const char* notice = "<p class=\"notice\">This run was interrupted after 1 of 2 epochs.</p>";
  const std::string page = read_text_file(t.run.report());
  CHECK(page.find(notice) != std::string::npos);
  CHECK(page.find("Training curves") != std::string::npos);
  CHECK(page.find("Posterior means") != std::string::npos);
  CHECK(std::filesystem::exists(t.run.curves()));
  CHECK(t.train([](TrainOptions& o) { o.resume = true; }) == ExitCode::done);
  CHECK(read_text_file(t.run.report()).find("class=\"notice\"") == std::string::npos);
}

TEST_CASE("train: a validation set of its own is watched, whole, beside all training samples") {
  Trained t("train-validation");
  const auto validate = [](TrainOptions& o) {
    o.overrides = {
        R"(data.validation={"format": "synthetic", "source": "bars", "count": 9, "size": 8, "seed": 3})"};
  };
  CHECK(t.train(validate) == ExitCode::done);
  CHECK(t.out.find("\nvalidation: elbo -") != std::string::npos);
  const Run run = load_run(t.run.root);
  CHECK(run.checkpoint.name == t.run.best().string());
  CHECK(load_split(run, DataSplit::validation).view().size() == 9);
  CHECK(load_split(run, DataSplit::train).view().size() == 40);
  const MetricsRow last = RunWriter::read_metrics(t.run)[1];
  CHECK(last.split == "validation");
  CHECK(last.step == 4);

  check_throws_with<ConfigError>(
      "config /data/validation_fraction: is 0.5, must be 0 where data/validation names the samples", [&] {
        static_cast<void>(t.train([&](TrainOptions& o) {
          validate(o);
          o.overrides.emplace_back("data.validation_fraction=0.5");
          o.overwrite = true;
        }));
      });
  check_throws_with<DataError>(
      "synthetic bars: samples have 16 features (4x4x1), must have 64 for this model (8x8x1)", [&] {
        static_cast<void>(t.train([&](TrainOptions& o) {
          validate(o);
          o.overrides.emplace_back("data.validation.size=4");
          o.overwrite = true;
        }));
      });
}
