// SPDX-License-Identifier: MIT
#include "vaekit/config/write_json.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "example_config.hpp"

using namespace vaekit;

namespace {

template <class X>
X there_and_back(const X& value) {
  return read_json<X>(Json::parse(write_json(value).dump()));
}

}  // namespace

TEST_CASE("write_json: every field in table order, defaults filled in, tags first") {
  CHECK(write_json(example::Experiment{}).dump() ==
        R"({"name":"first","seed":1,"data":{"train":{"format":"idx","path":"","labels":""},"test":null,)"
        R"("validation_fraction":0.0,"scale":"auto"},"encoder":[],"beta":1.0,)"
        R"("optimizer":{"type":"adam","learning_rate":0.001,"beta1":0.9,"epsilon":1e-08},)"
        R"("training":{"epochs":10,"threads":0,"grid":[8,8]}})");
}

TEST_CASE("write_json: the order of the written file does not depend on that of the read one") {
  const auto config = read_json<example::Experiment>(Json::parse(example::full_text));
  CHECK(write_json(config).dump() ==
        R"({"name":"full","seed":18446744073709551615,"data":{"train":{"format":"idx","path":"train.gz",)"
        R"("labels":"labels.gz"},"test":{"format":"csv","path":["a.csv","b.csv"],"columns":[0,2]},)"
        R"("validation_fraction":0.1,"scale":[0.0,255.0]},"encoder":[{"type":"dense","units":400,)"
        R"("activation":"relu","bias":false},{"type":"residual","layers":[{"type":"dropout","rate":0.3},)"
        R"({"type":"flatten"}]}],"beta":{"schedule":"linear","from":0.0,"to":1.0,"epochs":10.0,"factor":0.1,)"
        R"("milestones":[],"warmup_epochs":0.0},"optimizer":{"type":"sgd","learning_rate":)"
        R"({"schedule":"multi_step","from":0.1,"to":0.0,"epochs":1.0,"factor":0.1,"milestones":[5.0,8.0],)"
        R"("warmup_epochs":0.0},"momentum":0.9},"training":{"epochs":3,"threads":2,"grid":[4,6]}})");
  CHECK(write_json(there_and_back(config)) == write_json(config));
}

TEST_CASE("write_json: numbers read back equal, bit for bit") {
  std::uint64_t bits = 88172645463325252U;
  for (int i = 0; i < 2000; ++i) {
    bits ^= bits << 13U;
    bits ^= bits >> 7U;
    bits ^= bits << 17U;
    if (const auto value = std::bit_cast<double>(bits); std::isfinite(value)) {
      CHECK(std::bit_cast<std::uint64_t>(there_and_back(value)) == bits);
    }
    const auto half = static_cast<std::uint32_t>(bits >> 32U);
    if (const auto value = std::bit_cast<float>(half); std::isfinite(value)) {
      CHECK(std::bit_cast<std::uint32_t>(there_and_back(value)) == half);
    }
  }
  CHECK(there_and_back(std::numeric_limits<double>::denorm_min()) ==
        std::numeric_limits<double>::denorm_min());
  CHECK(there_and_back(std::numeric_limits<float>::max()) == std::numeric_limits<float>::max());
  CHECK(there_and_back(std::numeric_limits<std::int64_t>::min()) == std::numeric_limits<std::int64_t>::min());
  CHECK(there_and_back(std::numeric_limits<std::uint64_t>::max()) ==
        std::numeric_limits<std::uint64_t>::max());
}

TEST_CASE("write_json: a float is written as its shortest decimal") {
  CHECK(write_json(0.1F).dump() == "0.1");
  CHECK(write_json(1e-5F).dump() == "1e-05");
  CHECK(write_json(3.0F).dump() == "3.0");
  CHECK(write_json(0.1).dump() == "0.1");
}

TEST_CASE("write_json: a schedule is a number only when the number says it all") {
  Schedule schedule = 0.5;
  CHECK(write_json(schedule).dump() == "0.5");
  schedule.warmup_epochs = 2;
  CHECK(
      write_json(schedule).dump() ==
      R"({"schedule":"constant","from":0.5,"to":0.0,"epochs":1.0,"factor":0.1,"milestones":[],"warmup_epochs":2.0})");
  CHECK(there_and_back(schedule).warmup_epochs == 2);
}

TEST_CASE("write_json: a number that JSON does not have is refused") {
  CHECK_THROWS_WITH_AS(static_cast<void>(write_json(std::nan(""))),
                       "write_json: a number is nan, must be finite", ConfigError);
}
