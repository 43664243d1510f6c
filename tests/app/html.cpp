// SPDX-License-Identifier: MIT
#include "vaekit/app/html.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>

using namespace vaekit;

namespace {
constexpr double infinite = std::numeric_limits<double>::infinity();
}

TEST_CASE("html: every character with a meaning in HTML is escaped, all others stay") {
  CHECK(escape_html("a < b & \"c\" > 'd' \xC3\xA4") ==
        "a &lt; b &amp; &quot;c&quot; &gt; &#39;d&#39; \xC3\xA4");
  CHECK(escape_html("&lt;") == "&amp;lt;");
  CHECK(escape_html("") == "");
}

TEST_CASE("html: base64 gives the test vectors of RFC 4648 and keeps bytes above 127") {
  CHECK(base64("") == "");
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foo") == "Zm9v");
  CHECK(base64("foob") == "Zm9vYg==");
  CHECK(base64("fooba") == "Zm9vYmE=");
  CHECK(base64("foobar") == "Zm9vYmFy");
  CHECK(base64(std::string("\x89PNG\0\xFF\xFE", 7)) == "iVBORwD//g==");
}

TEST_CASE("html: fixed numbers have grouped thousands, a true minus sign and no negative zero") {
  CHECK(format_fixed(-243.156, 2) == "\u2212243.16");
  CHECK(format_fixed(21340.4, 0) == "21,340");
  CHECK(format_fixed(-1234567.5, 1) == "\u22121,234,567.5");
  CHECK(format_fixed(-123456, 0) == "\u2212123,456");
  CHECK(format_fixed(999, 0) == "999");
  CHECK(format_fixed(-0.001, 2) == "0.00");
  CHECK(format_fixed(std::nan(""), 2) == "nan");
  CHECK(format_fixed(-infinite, 2) == "\u2212inf");
  CHECK(format_fixed(1e300, 0).size() == 301 + 100);
}

TEST_CASE("html: scientific and general numbers") {
  CHECK(format_scientific(-1.5e-7, 2) == "\u22121.50e\u221207");
  CHECK(format_scientific(infinite, 2) == "inf");
  CHECK(format_scientific(-0.0, 0) == "0e+00");
  CHECK(format_general(0.03125, 3) == "0.0312");
  CHECK(format_general(-2e7, 3) == "\u22122e+07");
  CHECK(format_general(std::nan(""), 3) == "nan");
}

TEST_CASE("html: decimals for five significant digits") {
  CHECK(decimals_for(-243.15) == 2);
  CHECK(decimals_for(1.5) == 4);
  CHECK(decimals_for(0.05) == 6);
  CHECK(decimals_for(123456) == 0);
  CHECK(decimals_for(1e-12) == 6);
  CHECK(decimals_for(0) == 2);
  CHECK(decimals_for(infinite) == 2);
}

TEST_CASE("html: durations") {
  CHECK(format_duration(0.5) == "0.50 s");
  CHECK(format_duration(41.04) == "41.0 s");
  CHECK(format_duration(187.4) == "3 min 07 s");
  CHECK(format_duration(3599.6) == "1 h 00 min");
  CHECK(format_duration(7512) == "2 h 05 min");
  CHECK(format_duration(std::nan("")) == "nan s");
}
