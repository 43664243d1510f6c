// SPDX-License-Identifier: MIT
#include "vaekit/app/study_report.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "support/count_text.hpp"

using namespace vaekit;

namespace {

MetricsRow result_row(const std::string& split, double elbo) {
  return {2, 40, split, elbo, elbo + 10, 10, -elbo, 1000, 3.5};
}

/// Two values, two seeds; one run failed.
StudyReport beta_study() {
  StudyReport report{.name = "bars", .keys = {"objective.beta"}, .results = {}, .command = "vaekit sweep a"};
  const auto add = [&](const std::string& beta, std::uint64_t seed, const std::string& status, double elbo) {
    StudyResult result{{"objective.beta=" + beta, {beta}, {}, seed}, status, {}, "runs/" + beta};
    if (status == "finished") {
      result.last = {{"train", result_row("train", elbo - 1)}, {"test", result_row("test", elbo)}};
    }
    report.results.push_back(result);
  };
  add("1", 1, "finished", -100);
  add("1", 2, "finished", -103);
  add("4", 1, "failed: loss is nan, \"oh\"", 0);
  add("4", 2, "finished", -120);
  return report;
}

}  // namespace

TEST_CASE("study report: one line a run, empty where there is nothing, quoted where it must be") {
  CHECK(study_csv(beta_study()) ==
        "objective.beta,seed,status,epoch,step,seconds,test_elbo,test_reconstruction,test_kl,"
        "validation_elbo,validation_reconstruction,validation_kl,train_elbo,train_reconstruction,train_kl,"
        "folder\n"
        "1,1,finished,2,40,3.5,-100,-90,10,,,,-101,-91,10,runs/1\n"
        "1,2,finished,2,40,3.5,-103,-93,10,,,,-104,-94,10,runs/1\n"
        "4,1,\"failed: loss is nan, \"\"oh\"\"\",,,,,,,,,,,,,runs/4\n"
        "4,2,finished,2,40,3.5,-120,-110,10,,,,-121,-111,10,runs/4\n");
}

TEST_CASE("study report: mean and standard deviation over seeds, and the best combination") {
  const std::string page = study_page(beta_study());
  CHECK(contains(page, "<td>1</td><td>2 of 2</td><td>\u2212101.50 \u00b1 2.12</td>"));
  CHECK(contains(page, "<td>4</td><td>1 of 2</td><td>\u2212120.00</td>"));
  CHECK(count(page, "highest ELBO") == 1);
  CHECK(contains(page, "ELBO, test"));
  CHECK(contains(page, "failed: loss is nan, &quot;oh&quot;"));
  CHECK(contains(page, "<svg class=\"chart\""));
  CHECK(contains(page, "<pre>vaekit sweep a</pre>"));
  // Only a finished run has written its page.
  CHECK(count(page, "<a href=\"runs/1/report.html\">") == 2);
  CHECK(count(page, "<a href=\"runs/4/report.html\">") == 1);
  CHECK(contains(page, "<tr><td>runs/4</td><td>failed: "));
}

TEST_CASE("study report: the chart goes by value, whatever the order of the combinations") {
  const StudyReport report = beta_study();
  StudyReport turned = report;
  std::rotate(turned.results.begin(), turned.results.begin() + 2, turned.results.end());
  const auto chart = [](const StudyReport& study) {
    const std::string page = study_page(study);
    const std::size_t begin = page.find("<svg");
    return page.substr(begin, page.find("</svg>") - begin);
  };
  CHECK(chart(turned) == chart(report));
}

TEST_CASE("study report: no chart where what varies is no number, no means before a run has ended") {
  StudyReport report{.name = "bars", .keys = {"likelihood"}, .results = {}, .command = ""};
  report.results.push_back({{"likelihood=x", {"\"x\""}, {}, 1}, "waiting", {}, "runs/x"});
  const std::string page = study_page(report);
  CHECK_FALSE(contains(page, "<svg"));
  CHECK(contains(page, "<td>0 of 1</td><td>\u2013</td>"));
}
