// SPDX-License-Identifier: MIT
#include "vaekit/app/describe.hpp"

#include <doctest/doctest.h>

#include <sstream>
#include <string>

#include "app/example_run.hpp"
#include "support/count_text.hpp"

using namespace vaekit;

namespace {

std::string described(const DescribeOptions& options) {
  std::ostringstream out;
  CHECK(run_describe(options, out) == ExitCode::done);
  return out.str();
}

}  // namespace

TEST_CASE("describe: a configuration, its run and its checkpoint read alike") {
  const example::ExampleRun example("describe");
  write_file_atomically(example.run.config(), dump(write_json(example.config)));
  const std::string text = described({example.run.config(), {}});
  CHECK(text.starts_with("bars: 8x8x1 inputs, bernoulli likelihood, float32\n"));
  CHECK(contains(text, "encoder.0"));
  CHECK(contains(text, "likelihood_head"));
  // 64·6 + 6, 6·4 + 4, 2·6 + 6, 6·64 + 64
  CHECK(contains(text, " 884 "));
  CHECK(described({example.run.root, {}}) == text);
  CHECK(described({example.run.last(), {}}) == text);
  const std::filesystem::path other = example.folder / "experiment.conf";
  std::filesystem::copy_file(example.run.config(), other);
  CHECK(described({other, {}}) == text);
  CHECK(contains(described({example.run.config(), {"model.latent.dim=3"}}), " 904 "));
}

TEST_CASE("describe: memory is that of the optimizer, and of an average of the weights") {
  const example::ExampleRun example("describe-memory");
  write_file_atomically(example.run.config(), dump(write_json(example.config)));
  const auto with = [&](std::vector<std::string> overrides) {
    return described({example.run.config(), std::move(overrides)});
  };
  // 884 parameters of 4 bytes: once, twice and three times.
  CHECK(contains(with({R"(optimizer={"type":"sgd"})"}), "gradient 3.5 kB, optimizer 3.5 kB,"));
  CHECK(contains(with({}), "gradient 3.5 kB, optimizer 7.1 kB,"));
  CHECK(contains(with({"training.weight_average=0.9"}), "gradient 3.5 kB, optimizer 10.6 kB,"));
}

TEST_CASE("schema: JSON, or the reference page") {
  std::ostringstream out;
  CHECK(run_schema(false, out) == ExitCode::done);
  CHECK(parse_json(out.str(), "schema")["title"] == "vaekit experiment");
  std::ostringstream page;
  CHECK(run_schema(true, page) == ExitCode::done);
  CHECK(page.str().starts_with("# Configuration\n"));
}
