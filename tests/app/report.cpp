// SPDX-License-Identifier: MIT
#include "vaekit/app/report.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <string_view>

#include "support/count_text.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;

namespace {

/// Two epochs, training and test; the test ELBO is better in the first.
ReportData two_epochs() {
  ReportData data;
  data.name = "tiny";
  data.config = R"({"seed":1,"model":{"latent":{"dim":3}}})";
  data.metrics = {{1, 469, "train", -290.5, -280, 10.5, 290.5, 20000, 60},
                  {1, 469, "test", -260, -250, 10, 260, 0, 60},
                  {2, 938, "train", -255.25, -243.25, 12, 255.25, 22000, 125},
                  {2, 938, "test", -261.5, -249.25, 12.25, 261.5, 0, 125}};
  return data;
}

}  // namespace

TEST_CASE("report: the page is complete, needs no script and nothing from outside") {
  ReportData data = two_epochs();
  data.samples = {{1, "png"}};
  const std::string page = render_report(data);
  CHECK(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">"));
  CHECK(page.ends_with("</body>\n</html>\n"));
  CHECK(contains(page, "<title>tiny</title>"));
  CHECK(contains(page, "<h1>tiny</h1>"));
  CHECK(contains(page, "prefers-color-scheme: dark"));
  for (const char* outside : {"<script", "http:", "https:", "@import", "url(", "<link", "<iframe"}) {
    CAPTURE(outside);
    CHECK_FALSE(contains(page, outside));
  }
  CHECK(count(page, "src=") == count(page, "src=\"data:image/png;base64,"));
}

TEST_CASE("report: how a run ended that is not complete stands at the top") {
  ReportData data = two_epochs();
  CHECK_FALSE(contains(render_report(data), "class=\"notice\""));
  data.notice = "It diverged: a < b.";
  CHECK(contains(render_report(data), "</h1>\n<p class=\"notice\">It diverged: a &lt; b.</p>\n<dl"));
}

TEST_CASE("report: key numbers are those of the last epoch") {
  const std::string page = render_report(two_epochs());
  CHECK(contains(page, "<dt>Test ELBO</dt><dd>\u2212261.50 <small>nats</small></dd>"));
  CHECK(contains(page, "<dt>Epochs</dt><dd>2 <small>938 steps</small></dd>"));
  CHECK(contains(page, "<dt>Speed</dt><dd>22,000 <small>samples/s</small></dd>"));
  CHECK(contains(page, "<dt>Training time</dt><dd>2 min 05 s</dd>"));
  CHECK(contains(page,
                 "<tr><td>Training</td><td>\u2212255.25</td><td>\u2212243.25</td><td>12.00</td>"
                 "<td>255.25</td><td>\u2212255.25</td><td>2</td></tr>"));
  CHECK(contains(page,
                 "<tr><td>Test</td><td>\u2212261.50</td><td>\u2212249.25</td><td>12.25</td>"
                 "<td></td><td>\u2212260.00</td><td>1</td></tr>"));
  CHECK_FALSE(contains(page, "Validation"));
}

TEST_CASE("report: one chart a metric, one curve a split, of the loss that of training alone") {
  const std::string page = render_report(two_epochs());
  for (const char* title : {"ELBO", "Reconstruction", "KL", "Loss"}) {
    CAPTURE(title);
    CHECK(count(page, concat("aria-label=\"", title, "\"")) == 1);
  }
  CHECK(count(page, "<path class=\"line s0\"") == 4);
  CHECK(count(page, "<path class=\"line s1\"") == 0);
  CHECK(count(page, "<path class=\"line s2\"") == 3);
  CHECK(contains(page, "<title>train, 2: \u2212255.25</title>"));
}

TEST_CASE("report: the first twentieth of a long run does not stretch the y axis") {
  ReportData data = two_epochs();
  data.metrics.clear();
  for (std::uint64_t epoch = 1; epoch <= 40; ++epoch) {
    const double elbo = epoch == 1 ? -5000 : -250 + 0.1 * static_cast<double>(epoch);
    data.metrics.push_back({epoch, epoch * 10, "train", elbo, elbo + 10, 10, -elbo, 20000, 1});
  }
  const std::string page = render_report(data);
  CHECK(contains(page, ">\u2212248</text>"));
  CHECK(count(page, "(the curves begin outside the frame)") == 3);
}

TEST_CASE("report: of rows with the same epoch and split the last one counts") {
  ReportData data = two_epochs();
  data.metrics.push_back({2, 938, "test", -250, -240, 10, 250, 0, 130});
  const std::string page = render_report(data);
  CHECK(contains(page, "<dt>Test ELBO</dt><dd>\u2212250.00"));
  CHECK_FALSE(contains(page, "\u2212261.50"));
}

TEST_CASE("report: latent dimensions are sorted by KL, inactive ones are pale") {
  ReportData data = two_epochs();
  data.latent = {{0.001, 2, 0.5}, {0.0001, 0.9, 0.2}, 2};
  data.latent_source = "the <test> set";
  const std::string page = render_report(data);
  CHECK(contains(page, "<dt>Active units</dt><dd>2 <small>of 3</small></dd>"));
  const auto first = page.find("<title>1: 2.0000</title>");
  const auto second = page.find("<title>2: 0.50000</title>");
  const auto third = page.find("<title>0: 0.001000</title>");
  REQUIRE(third != std::string::npos);
  CHECK(first < second);
  CHECK(second < third);
  CHECK(count(page, "<rect class=\"bar\"") == 2);
  CHECK(count(page, "<rect class=\"bar pale\"") == 1);
  CHECK(contains(page, "All together 2.501 nats, on the &lt;test&gt; set."));
  CHECK_FALSE(contains(page, "untrained"));
  data.latent = {{0.001, 2}, {}, 0};
  data.posterior_trained = false;
  const std::string one_input = render_report(data);
  CHECK_FALSE(contains(one_input, "Active units"));
  CHECK(contains(one_input, "<p class=\"note\">All together 2.001 nats"));
  CHECK(contains(one_input,
                 "weights of the objective. This one trains no variances of q(z|x): ELBO and KL are those of "
                 "untrained ones.</p>"));
}

TEST_CASE("report: pictures by epoch, inlined") {
  ReportData data = two_epochs();
  for (const std::uint64_t epoch : {1U, 4U, 12U}) {
    data.samples.push_back({epoch, concat("s", epoch)});
  }
  data.reconstructions = {{2, "foobar"}};
  const std::string page = render_report(data);
  CHECK(count(page, "alt=\"Samples after epoch ") == 3);
  for (const int epoch : {1, 4, 12}) {
    CAPTURE(epoch);
    CHECK(
        contains(page, concat("alt=\"Samples after epoch ", epoch, "\" src=\"data:image/png;base64,",
                              base64(concat("s", epoch)), "\"><figcaption>epoch ", epoch, "</figcaption>")));
  }
  CHECK(contains(page, "alt=\"Reconstructions after epoch 2\" src=\"data:image/png;base64,Zm9vYmFy\""));
}

TEST_CASE("report: sections of pictures of the final model, each with captions and a note") {
  ReportData data = two_epochs();
  CHECK_FALSE(contains(render_report(data), "pictures wide\">"));
  data.sections = {{"Latent <space>", {{"foobar", "a"}, {"s1", "b & c"}}, "x < y"}, {"Other", {}, ""}};
  const std::string page = render_report(data);
  CHECK(contains(page,
                 "<h2>Latent &lt;space&gt;</h2>\n<div class=\"pictures wide\">\n"
                 "<figure><img alt=\"Latent &lt;space&gt;: a\" src=\"data:image/png;base64,Zm9vYmFy\">"
                 "<figcaption>a</figcaption></figure>\n"
                 "<figure><img alt=\"Latent &lt;space&gt;: b &amp; c\" src=\"data:image/png;base64,czE=\">"
                 "<figcaption>b &amp; c</figcaption></figure>\n"
                 "</div>\n<p class=\"note\">x &lt; y</p>\n<h2>Other</h2>"));
}

TEST_CASE("report: names, configuration and environment are shown and escaped") {
  ReportData data = two_epochs();
  data.name = "<b>&";
  data.config = R"({"name":"</pre><script>","seed":1})";
  data.environment = {{"compiler", "g++ <12>"}, {"threads", "2"}};
  const std::string page = render_report(data);
  CHECK(contains(page, "<h1>&lt;b&gt;&amp;</h1>"));
  CHECK(contains(
      page,
      "<pre>{\n  &quot;name&quot;: &quot;&lt;/pre&gt;&lt;script&gt;&quot;,\n  &quot;seed&quot;: 1\n}</pre>"));
  CHECK(contains(page, "<tr><td>compiler</td><td>g++ &lt;12&gt;</td></tr>"));
  CHECK(contains(page, "<tr><td>threads</td><td>2</td></tr>"));
}

TEST_CASE("report: a run without an epoch, pictures and statistics has a page") {
  ReportData data;
  data.config = "{}";
  const std::string page = render_report(data);
  CHECK(contains(page, "<p>No epoch was completed.</p>"));
  CHECK(contains(page, "<pre>{}</pre>"));
  for (const char* absent : {"<svg", "<img", "<dt>", "Environment"}) {
    CAPTURE(absent);
    CHECK_FALSE(contains(page, absent));
  }
}

TEST_CASE("report: numbers that are not finite are shown as such") {
  ReportData data = two_epochs();
  for (MetricsRow& row : data.metrics) {
    row.elbo = row.epoch == 1 ? std::nan("") : row.elbo;
    row.samples_per_second = std::nan("");
  }
  data.latent = {{std::nan(""), 1}, {1, 1}, 2};
  const std::string page = render_report(data);
  CHECK(contains(page, "<dt>Speed</dt><dd>nan <small>"));
  CHECK(contains(page, "<td>\u2212261.50</td><td>2</td></tr>"));
  CHECK(count(page, "<rect class=\"bar\"") == 1);
}

TEST_CASE("report: a configuration that is not JSON is refused") {
  ReportData data = two_epochs();
  data.config = "{\"a\": }";
  check_throws_with<ConfigError>(
      "config.json:1:7: syntax error while parsing value - unexpected '}'; expected '[', "
      "'{', or a literal",
      [&] { static_cast<void>(render_report(data)); });
}
