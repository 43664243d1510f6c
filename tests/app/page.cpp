// SPDX-License-Identifier: MIT
#include "vaekit/app/page.hpp"

#include <doctest/doctest.h>

#include "support/count_text.hpp"

using namespace vaekit;

TEST_CASE("page: heading and title are escaped, the body is not") {
  const std::string page = render_page("a < b", "<p>text</p>\n");
  CHECK(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">"));
  CHECK(contains(page, "<title>a &lt; b</title>"));
  CHECK(page.ends_with("<h1>a &lt; b</h1>\n<p>text</p>\n</body>\n</html>\n"));
}

TEST_CASE("page: a tile has its unit only where there is one") {
  CHECK(page_tile("Speed", "3", "m/s") == "<div><dt>Speed</dt><dd>3 <small>m/s</small></dd></div>\n");
  CHECK(page_tile("A & B", "3") == "<div><dt>A &amp; B</dt><dd>3</dd></div>\n");
}
