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

/// Two runs: 1 is the better one in training and on test, 4 on validation.
StudyReport validated_study() {
  StudyReport report{.name = "bars", .keys = {"objective.beta"}, .results = {}, .command = ""};
  const auto add = [&](const std::string& beta, double train, double validation, double test) {
    report.results.push_back({{"objective.beta=" + beta, {beta}, {}, 1},
                              "finished",
                              {{"train", result_row("train", train)},
                               {"validation", result_row("validation", validation)},
                               {"test", result_row("test", test)}},
                              "runs/" + beta});
  };
  add("1", -80, -100, -90);
  add("4", -97, -95, -99);
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
  CHECK(contains(page, "<td>1</td><td>2 of 2</td><td>\u2212102.50 \u00b1 2.12</td>"));
  CHECK(contains(page,
                 "<td>4</td><td>1 of 2</td><td>\u2212121.00</td><td>\u2212111.00</td><td>10.00</td>"
                 "<td>\u2212120.00</td><td>3.50</td><td></td>"));
  CHECK(count(page, "highest ELBO") == 1);
  CHECK(contains(page, "<th>ELBO, train</th><th>Reconstruction</th><th>KL</th><th>ELBO, test</th>"));
  CHECK(contains(page, "failed: loss is nan, &quot;oh&quot;"));
  CHECK(contains(page, "<svg class=\"chart\""));
  CHECK(contains(page, "<pre>vaekit sweep a</pre>"));
  // Only a finished run has written its page.
  CHECK(count(page, "<a href=\"runs/1/report.html\">") == 2);
  CHECK(count(page, "<a href=\"runs/4/report.html\">") == 1);
  CHECK(contains(page, "<tr><td>runs/4</td><td>failed: "));
}

TEST_CASE("study report: validation chooses, whatever test and training say") {
  StudyReport report = validated_study();
  const std::string page = study_page(report);
  CHECK(contains(page,
                 "<td>\u2212100.00</td><td>\u221290.00</td><td>10.00</td><td>\u221290.00</td>"
                 "<td>3.50</td><td></td>"));
  CHECK(contains(page,
                 "<td>\u221295.00</td><td>\u221285.00</td><td>10.00</td><td>\u221299.00</td>"
                 "<td>3.50</td><td>highest ELBO</td>"));
  CHECK(contains(page, "<th>ELBO, validation</th><th>Reconstruction</th><th>KL</th><th>ELBO, test</th>"));
  CHECK(contains(page, "Highest: on the validation split."));
  CHECK(detail::decisive_split(report.results) == "validation");

  // Where one run has no validation set, only training compares all.
  report.results[0].last.erase("validation");
  CHECK(detail::decisive_split(report.results) == "train");
  CHECK(contains(study_page(report),
                 "<td>\u221280.00</td><td>\u221270.00</td><td>10.00</td><td>\u221290.00</td>"
                 "<td>3.50</td><td>highest ELBO</td>"));
  // A run without figures has no say.
  report.results[0].last.clear();
  CHECK(detail::decisive_split(report.results) == "validation");
  CHECK(detail::decisive_split({}) == "train");
}

TEST_CASE("study report: the accuracy of classifiers, in the table and on the page") {
  StudyReport report = validated_study();
  report.results[0].last["validation"].accuracy = 0.875;
  report.results[0].last["test"].accuracy = 0.5;
  report.results[1].last["validation"].accuracy = 0.75;
  CHECK(study_csv(report) ==
        "objective.beta,seed,status,epoch,step,seconds,test_elbo,test_reconstruction,test_kl,test_accuracy,"
        "validation_elbo,validation_reconstruction,validation_kl,validation_accuracy,train_elbo,"
        "train_reconstruction,train_kl,folder\n"
        "1,1,finished,2,40,3.5,-90,-80,10,0.5,-100,-90,10,0.875,-80,-70,10,runs/1\n"
        "4,1,finished,2,40,3.5,-99,-89,10,,-95,-85,10,0.75,-97,-87,10,runs/4\n");
  const std::string page = study_page(report);
  CHECK(contains(page, "<th>KL</th><th>Accuracy, validation</th><th>ELBO, test</th><th>Accuracy, test</th>"));
  CHECK(contains(page,
                 "<td>10.00</td><td>0.8750</td><td>\u221290.00</td><td>0.5000</td><td>3.50</td>"
                 "<td>highest accuracy</td>"));
  CHECK(contains(page,
                 "<td>10.00</td><td>0.7500</td><td>\u221299.00</td><td>\u2013</td><td>3.50</td>"
                 "<td>highest ELBO</td>"));
  report.results[1].last["validation"].accuracy = 0.9;
  CHECK(contains(study_page(report), "<td>highest ELBO, highest accuracy</td>"));
  // A run without figures has empty fields.
  report.results[1].last.clear();
  CHECK(contains(study_csv(report), "\n4,1,finished,,,,,,,,,,,,,,,runs/4\n"));
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

TEST_CASE("study report: arranged, the runs of a cell are together, and each key has its column") {
  StudyReport report{.name = "", .keys = {"b"}, .results = {}, .command = ""};
  const auto add = [&](const std::string& key, const std::string& value, std::uint64_t seed) {
    const std::string setting = key + '=' + value;
    report.results.push_back({{setting, {value}, {setting}, seed}, "finished", {}, ""});
  };
  add("b", "2", 5);
  add("a", "1", 1);
  add("b", "2", 4);
  report.results.push_back({{"", {}, {}, 1}, "finished", {}, ""});
  arrange(report);
  CHECK(report.keys == std::vector<std::string>{"b", "a"});
  std::vector<std::uint64_t> seeds;
  for (const StudyResult& result : report.results) {
    seeds.push_back(result.run.seed);
  }
  CHECK(seeds == std::vector<std::uint64_t>{4, 5, 1, 1});
  CHECK(report.results[0].run.values == std::vector<std::string>{"2", ""});
  CHECK(report.results[2].run.values == std::vector<std::string>{"", "1"});
  CHECK(report.results[3].run.values == std::vector<std::string>{"", ""});
}
