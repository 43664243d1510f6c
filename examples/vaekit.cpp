// SPDX-License-Identifier: MIT
// The command line: `vaekit --help`. Each subcommand is a call of one function in include/vaekit/app/.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <iostream>
#include <string>
#include <string_view>
#include <vaekit/app/compress.hpp>
#include <vaekit/app/describe.hpp>
#include <vaekit/app/doctor.hpp>
#include <vaekit/app/encode.hpp>
#include <vaekit/app/evaluate.hpp>
#include <vaekit/app/failure.hpp>
#include <vaekit/app/latent_space.hpp>
#include <vaekit/app/metrics.hpp>
#include <vaekit/app/option_text.hpp>
#include <vaekit/app/sample.hpp>
#include <vaekit/app/scatter.hpp>
#include <vaekit/app/standard_output.hpp>
#include <vaekit/app/sweep.hpp>
#include <vaekit/app/train.hpp>
#include <vector>

#include "vaekit_options.hpp"

namespace {

using namespace options;
using vaekit::ExitCode;

// Options live as long as the command line that fills them; the chosen subcommand's callback runs the
// program.
struct Program {
  CLI::App app{"vaekit: train, evaluate and sample variational autoencoders"};
  ExitCode result = ExitCode::done;

  vaekit::TrainOptions train;
  vaekit::EvaluateOptions evaluate;
  vaekit::SampleOptions sample;
  vaekit::ReconstructOptions reconstruct;
  vaekit::EncodeOptions encode;
  vaekit::DecodeOptions decode;
  vaekit::LatentPictureOptions picture;
  vaekit::ScatterOptions scatter;
  vaekit::ScoreOptions score;
  vaekit::MetricsOptions metrics;
  vaekit::CompressOptions compress;
  vaekit::DecompressOptions decompress;
  vaekit::DescribeOptions describe;
  vaekit::SweepOptions sweep;
  vaekit::DoctorOptions doctor;
  bool markdown = false;

  Program() {
    app.require_subcommand(0, 1);  // none is reported by main: CLI11 would say so of a misspelt one too
    app.set_version_flag("--version", std::string("vaekit ") + vaekit::version);
    add_train();
    add_evaluate();
    add_sample();
    add_reconstruct();
    add_encode_decode();
    add_pictures();
    add_score();
    add_metrics();
    add_compress();
    add_describe_schema();
    add_sweep();
    add_doctor();
  }

  template <class Run>
  CLI::App& command(const std::string& name, const std::string& help, Run&& run) {
    CLI::App& sub = *app.add_subcommand(name, help);
    sub.callback([this, run] { result = run(); });
    return sub;
  }

  void add_train() {
    CLI::App& sub = command("train", "train a configuration into a run folder",
                            [this] { return vaekit::run_train(train, std::cout, std::cerr); });
    sub.add_option("CONFIG", train.config, "configuration file (JSON)")->required();
    add_overrides(sub, train.overrides, "override a key: model.latent.dim=8 (repeatable)");
    sub.add_option("--out", train.out, "run folder (default: runs/NAME)")->check(some_path());
    add_threads(sub, train.threads);
    add_seed(sub, train.seed, "seed of every random number of the run");
    CLI::Option* resume = sub.add_flag("--resume", train.resume, "go on from the folder's last checkpoint");
    sub.add_flag("--overwrite", train.overwrite, "replace the run that the folder holds")->excludes(resume);
    sub.add_flag("--quiet", train.quiet, "no progress");
  }

  void add_evaluate() {
    CLI::App& sub =
        command("evaluate", "ELBO, log-likelihood and statistics of the latent variables of a run",
                [this] { return vaekit::run_evaluate(evaluate, std::cout, std::cerr); });
    add_run(sub, evaluate.run);
    sub.add_option_function<std::string>(
           "--split",
           [this](const std::string& name) {
             evaluate.split = name == "train"        ? vaekit::DataSplit::train
                              : name == "validation" ? vaekit::DataSplit::validation
                                                     : vaekit::DataSplit::test;
           },
           "train, validation or test (default)")
        ->check(CLI::IsMember({"train", "validation", "test"}).description(""));
    sub.add_option("--importance-samples", evaluate.importance_samples,
                   "also the log-likelihood, from this many samples an input")
        ->check(CLI::Range(1, 10'000'000));
    add_annealing(sub);
    add_overrides(sub, evaluate.overrides, "override a key of the run's configuration");
    add_threads(sub, evaluate.threads);
    sub.add_flag("--json", evaluate.json, "print one JSON object");
  }

  void add_annealing(CLI::App& sub) {
    CLI::Option* chains = sub.add_option("--ais-chains", evaluate.annealing.chains,
                                         "also the log-likelihood by annealed importance sampling, from this "
                                         "many chains an input; the method's authors took 16")
                              ->check(CLI::Range(1, 100'000));
    const auto add = [&](const std::string& name, vaekit::Index& value, const std::string& help, int least) {
      sub.add_option(name, value, help)
          ->capture_default_str()
          ->check(CLI::Range(least, 10'000'000))
          ->needs(chains);
    };
    add("--ais-steps", evaluate.annealing.steps, "temperatures of each chain", 1);
    add("--ais-leapfrog", evaluate.annealing.leapfrog_steps, "leapfrog steps at each temperature", 1);
    add("--ais-inputs", evaluate.annealed_inputs, "samples of the split", 1);
    add("--ais-simulated", evaluate.simulated_inputs, "also bounds from both sides of samples of the model",
        0);
    sub.add_option_function<std::string>(
           "--ais-start",
           [this](const std::string& name) {
             evaluate.annealing.start =
                 name == "posterior" ? vaekit::AnnealingStart::posterior : vaekit::AnnealingStart::prior;
           },
           "where chains start: prior (default) or posterior, q(z|x)")
        ->check(CLI::IsMember({"prior", "posterior"}).description(""))
        ->needs(chains);
  }

  void add_sample() {
    CLI::App& sub = command("sample", "new samples from the prior",
                            [this] { return vaekit::run_sample(sample, std::cout); });
    add_run(sub, sample.run);
    sub.add_option("--out", sample.out, "picture (.png) or array (.npy)")->required();
    sub.add_option("--count", sample.count, "number of samples")
        ->capture_default_str()
        ->check(CLI::Range(1, 10'000'000));
    add_real(sub, "--temperature", sample.temperature,
             "factor on the noise of z; ignored by uniform priors: of spheres, one-hot vectors, codes",
             vaekit::non_negative);
    add_seed(sub, sample.seed, "seed of z")->default_str(std::to_string(sample.seed));
    add_condition(sub, sample.condition, "; default: each class in turn");
    add_sampler(sub, sample.sampler, sample.components);
    add_threads(sub, sample.threads);
  }

  void add_reconstruct() {
    CLI::App& sub = command("reconstruct", "inputs beside their reconstructions",
                            [this] { return vaekit::run_reconstruct(reconstruct, std::cout); });
    add_run(sub, reconstruct.run);
    sub.add_option("--out", reconstruct.out, "picture (.png) or array (.npy)")->required();
    CLI::Option* in = sub.add_option("--in", reconstruct.in, "inputs (.npy); default: the run's test split");
    add_condition(sub, reconstruct.condition, "; of --in")->needs(in);
    sub.add_option("--count", reconstruct.count, "number of samples")->check(CLI::Range(1, 10'000'000));
    add_threads(sub, reconstruct.threads);
  }

  void add_encode_decode() {
    CLI::App& enc = command("encode", "posterior means of inputs",
                            [this] { return vaekit::run_encode(encode, std::cout); });
    add_run(enc, encode.run);
    enc.add_option("--in", encode.in, "inputs (.npy)")->required();
    enc.add_option("--out", encode.out, "latents (.npy)")->required();
    add_condition(enc, encode.condition, "");
    enc.add_flag("--logvar", encode.logvar, "append the log-variances");
    add_threads(enc, encode.threads);
    CLI::App& dec = command("decode", "decoder means of latents",
                            [this] { return vaekit::run_decode(decode, std::cout); });
    add_run(dec, decode.run);
    dec.add_option("--in", decode.in, "latents (.npy)")->required();
    dec.add_option("--out", decode.out, "outputs (.npy or .png)")->required();
    add_condition(dec, decode.condition, "; default: each class in turn");
    add_threads(dec, decode.threads);
  }

  template <class Run>
  void add_picture(const std::string& name, const std::string& help, const std::string& rows, Run&& run) {
    CLI::App& sub = command(name, help, [this, run] { return run(picture, std::cout); });
    add_run(sub, picture.run);
    sub.add_option("--out", picture.out, "picture (.png)")->required();
    if (!rows.empty()) {
      sub.add_option("--rows", picture.rows, rows)->check(CLI::Range(1, 1000));
    }
    sub.add_option("--steps", picture.steps, "columns of the picture")->check(CLI::Range(1, 1000));
    add_threads(sub, picture.threads);
    if (name == "manifold") {
      add_condition(sub, picture.condition, "; default: class 0");
    }
    if (name == "interpolate") {
      sub.add_flag("--spherical", picture.spherical,
                   "along an arc around 0, which keeps to the prior's shell");
    }
    if (name == "traverse") {
      add_real(sub, "--range", picture.range, "how far a dimension moves", vaekit::positive);
    }
  }

  void add_pictures() {
    add_picture("interpolate", "the way between the latents of pairs of inputs", "pairs of inputs",
                vaekit::run_interpolate);
    add_picture("traverse", "one latent dimension a row, from -range to range", "latent dimensions",
                vaekit::run_traverse);
    add_picture("manifold", "the whole of a two-dimensional latent space", "", vaekit::run_manifold);
    add_scatter();
  }

  void add_scatter() {
    CLI::App& sub = command("scatter", "posterior means in the plane, coloured by label",
                            [this] { return vaekit::run_scatter(scatter, std::cout); });
    add_run(sub, scatter.run);
    sub.add_option("--out", scatter.out, "picture (.png)")->required();
    sub.add_option("--count", scatter.count, "samples at most")
        ->capture_default_str()
        ->check(CLI::Range(1, 10'000'000));
    sub.add_option("--size", scatter.size, "pixels of each side")
        ->capture_default_str()
        ->check(CLI::Range(64, 8192));
    add_overrides(sub, scatter.overrides, "override a key of the run's configuration, e.g. its labels");
    add_threads(sub, scatter.threads);
  }

  void add_score() {
    CLI::App& sub = command("score", "negative ELBO of each input: an anomaly score",
                            [this] { return vaekit::run_score(score, std::cout, std::cerr); });
    add_run(sub, score.run);
    sub.add_option("--in", score.in, "inputs (.npy)")->required();
    sub.add_option("--out", score.out, "scores (.npy)")->required();
    add_condition(sub, score.condition, "");
    sub.add_option("--importance-samples", score.importance_samples,
                   "negative log-likelihood from this many samples instead")
        ->check(CLI::Range(1, 10'000'000));
    add_threads(sub, score.threads);
  }

  void add_metrics() {
    CLI::App& sub = command("metrics", "disentanglement, probes of the latents, quality, outliers",
                            [this] { return vaekit::run_metrics(metrics, std::cout); });
    add_run(sub, metrics.run);
    sub.add_flag("--disentanglement", metrics.disentanglement,
                 "MIG, SAP, DCI, modularity, FactorVAE and beta-VAE scores; for data of known factors");
    sub.add_flag("--probe", metrics.probe, "accuracy of labels from latents; for data with labels");
    sub.add_flag("--quality", metrics.quality, "error, PSNR and SSIM of reconstructions");
    CLI::Option* features =
        sub.add_option("--features", metrics.features,
                       "feature classifier (.safetensors): also distances of samples from the data")
            ->check(some_path());
    for (CLI::Option* option : add_sampler(sub, metrics.sampler, metrics.components)) {
      option->needs(features);
    }
    CLI::Option* outliers =
        sub.add_option("--outliers", metrics.outliers,
                       "array (.npy): AUROC and average precision of their negative ELBO against the data's")
            ->check(some_path());
    add_condition(sub, metrics.condition, "; of --outliers")->needs(outliers);
    sub.add_option("--importance-samples", metrics.importance_samples,
                   "score outliers and data by the log-likelihood from this many samples instead")
        ->check(CLI::Range(1, 10'000'000))
        ->needs(outliers);
    sub.add_option("--samples", metrics.samples, "samples at most")
        ->capture_default_str()
        ->check(CLI::Range(10, 10'000'000));
    sub.add_option("--neighbours", metrics.neighbours, "nearest neighbours that vote on a label")
        ->capture_default_str()
        ->check(CLI::Range(1, 1000));
    add_overrides(sub, metrics.overrides, "override a key of the run's configuration");
    add_threads(sub, metrics.threads);
    sub.add_flag("--json", metrics.json, "print one JSON object");
  }

  void add_compress() {
    CLI::App& pack = command("compress", "data without loss, in the bits of the model's ELBO",
                             [this] { return vaekit::run_compress(compress, std::cout); });
    add_run(pack, compress.run);
    pack.add_option("--in", compress.in,
                    "bytes (.npy or IDX, may be gzipped); default: the run's test split");
    pack.add_option("--out", compress.out, "compressed file")->required();
    add_threads(pack, compress.threads);
    pack.add_flag("--json", compress.json, "print one JSON object");
    CLI::App& unpack = command("decompress", "what compress was given, from its file",
                               [this] { return vaekit::run_decompress(decompress, std::cout); });
    add_run(unpack, decompress.run);
    unpack.add_option("--in", decompress.in, "compressed file")->required();
    unpack.add_option("--out", decompress.out, "array (.npy)")->required();
    add_threads(unpack, decompress.threads);
  }

  void add_describe_schema() {
    CLI::App& sub = command("describe", "layers, shapes, parameters, work and memory; trains nothing",
                            [this] { return vaekit::run_describe(describe, std::cout); });
    sub.add_option("TARGET", describe.target, "configuration, run folder or checkpoint")->required();
    add_overrides(sub, describe.overrides, "override a key");
    CLI::App& schema = command("schema", "JSON Schema of the configuration",
                               [this] { return vaekit::run_schema(markdown, std::cout); });
    schema.add_flag("--markdown", markdown, "the reference page instead");
  }

  void add_doctor() {
    CLI::App& sub = command("doctor", "look for faults in a configuration, its data or a run",
                            [this] { return vaekit::run_doctor(doctor, std::cout); });
    sub.add_option("TARGET", doctor.target, "configuration, run folder or checkpoint")->required();
    add_overrides(sub, doctor.overrides, "override a key (repeatable)");
    add_threads(sub, doctor.threads);
    sub.add_flag("--json", doctor.json, "print one JSON object");
  }

  void add_sweep() {
    CLI::App& sub = command("sweep", "train every combination of values, with several seeds",
                            [this] { return vaekit::run_sweep(sweep, std::cout, std::cerr); });
    sub.add_option("CONFIG", sweep.config, "configuration file (JSON)")->required();
    sub.add_option("--grid", sweep.grid, "values of a key: model.latent.dim=[2,5,10] (repeatable)")
        ->type_name("KEY=[JSON,...]")
        ->allow_extra_args(false);
    sub.add_option("--seeds", sweep.seeds, "runs of each combination, from the configuration's seed on")
        ->capture_default_str()
        ->check(CLI::Range(1, 100'000));
    add_overrides(sub, sweep.overrides, "override a key of all runs (repeatable)");
    sub.add_option("--jobs", sweep.jobs, "runs at a time (default: as the cores have room for)")
        ->check(CLI::Range(1, 1024));
    sub.add_option("--threads", sweep.threads, "OpenMP threads of each run")
        ->capture_default_str()
        ->check(CLI::Range(1, 1024));
    sub.add_option("--out", sweep.out, "folder of the study (default: runs/NAME-sweep)")->check(some_path());
    CLI::Option* resume = sub.add_flag("--resume", sweep.resume, "go on: train what is not finished");
    sub.add_flag("--overwrite", sweep.overwrite, "replace the study that the folder holds")->excludes(resume);
  }
};

/// Throws UsageError when the first argument names no command.
void check_command(const CLI::App& app, int argc, char** argv) {
  const std::string given = argc > 1 ? argv[1] : "--help";
  std::vector<std::string> names;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(sub->get_name());
  }
  if (!given.starts_with('-') && std::ranges::find(names, given) == names.end()) {
    vaekit::refuse_command(given, std::vector<std::string_view>(names.begin(), names.end()));
  }
}

ExitCode run(int argc, char** argv) {
  Program program;
  program.sweep.program = vaekit::program_path(argv[0]);
  try {
    check_command(program.app, argc, argv);
    program.app.parse(argc, argv);
    if (program.app.get_subcommands().empty()) {
      std::cerr << "a command is required; see vaekit --help\n";
      return ExitCode::usage;
    }
    return program.result;
  } catch (const CLI::Success& request) {  // --help, --version
    program.app.exit(request);
    return ExitCode::done;
  } catch (const CLI::ParseError& error) {
    std::cerr << error.what() << "; see vaekit --help\n";
    return ExitCode::usage;
  } catch (...) {
    return vaekit::report_failure(std::cerr);
  }
}

}  // namespace

int main(int argc, char** argv) {
  vaekit::occupy_standard_descriptors();
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error of its write
  vaekit::StandardOutput output(std::cout, STDOUT_FILENO);
  return static_cast<int>(output.finish(run(argc, argv), std::cerr));
}
