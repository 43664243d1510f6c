// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/finding.hpp"

#include <doctest/doctest.h>

using namespace vaekit;

TEST_CASE("finding: verdicts have names, and faults are counted") {
  const std::vector<Finding> findings{Finding::ok("a", "1"), Finding::skipped("b", "none"),
                                      Finding::fault("c", "2", "less"), Finding::fault("d", "3", "more")};
  CHECK(fault_count(findings) == 2);
  CHECK(fault_count(std::span(findings).first(2)) == 0);
  CHECK(to_string(findings[0].verdict) == "ok");
  CHECK(to_string(findings[1].verdict) == "skipped");
  CHECK(to_string(findings[2].verdict) == "fault");
  CHECK(findings[2].check == "c");
  CHECK(findings[2].figure == "2");
  CHECK(findings[2].advice == "less");
  CHECK(findings[0].advice.empty());
}

TEST_CASE("finding: figures have three digits") {
  CHECK(rounded(3.14159) == "3.14");
  CHECK(rounded(-1234.5) == "-1.23e+03");
  CHECK(rounded(2e-9) == "2e-09");
}
