// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "vaekit/app/html.hpp"
#include "vaekit/app/plot.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {

inline constexpr std::string_view page_style = R"css(
:root { color-scheme: light dark; --page: #ffffff; --panel: #f6f7f9; }
@media (prefers-color-scheme: dark) { :root { --page: #14171c; --panel: #1b2027; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1180px; padding: 28px 32px 56px; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { margin: 0 0 18px; font-size: 28px; line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 40px 0 12px; font-size: 19px; }
.note { margin: 10px 0 0; color: var(--faint); font-size: 13px; }
.notice { margin: 0 0 18px; padding: 10px 16px; border-left: 4px solid var(--s1); background: var(--panel); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 0 0 20px; }
.tiles div { background: var(--panel); border-radius: 8px; padding: 12px 16px; }
.tiles dt { color: var(--faint); font-size: 13px; }
.tiles dd { margin: 0; font-size: 21px; font-weight: 600; font-variant-numeric: tabular-nums; white-space: nowrap; }
.tiles small { font-size: 13px; font-weight: 400; color: var(--faint); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 7px 12px; border-bottom: 1px solid var(--grid); text-align: right; white-space: nowrap; }
th { font-size: 13px; font-weight: 500; color: var(--faint); }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
td:first-child { font-weight: 500; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(440px, 100%), 1fr)); gap: 24px 32px; }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(200px, 45%), 1fr)); gap: 16px; }
.pictures.wide { grid-template-columns: repeat(auto-fill, minmax(min(340px, 100%), 1fr)); }
figure { margin: 0; }
figcaption { margin-top: 4px; color: var(--faint); font-size: 13px; text-align: center; }
.pictures img { display: block; width: 100%; image-rendering: pixelated; border-radius: 4px; }
.scatter { display: block; width: min(640px, 100%); border-radius: 4px; }
.columns { display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: 0 40px; align-items: start; }
@media (max-width: 800px) { body { padding: 20px 16px 40px; } .columns { grid-template-columns: minmax(0, 1fr); } }
.columns td { white-space: normal; overflow-wrap: anywhere; }
pre { margin: 0; padding: 14px 18px; background: var(--panel); border-radius: 8px; overflow-x: auto;
  font: 12.5px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
)css";

}  // namespace detail

/// A self-contained HTML page: a heading, then `body`, which is HTML. No scripts, nothing from outside.
[[nodiscard]] inline std::string render_page(std::string_view title, std::string_view body) {
  const std::string name = escape_html(title);
  return concat(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
      name, "</title>\n<style>", chart_style, detail::page_style, "</style>\n</head>\n<body>\n<h1>", name,
      "</h1>\n", body, "</body>\n</html>\n");
}

/// A number with its name, to stand in `<dl class="tiles">`.
[[nodiscard]] inline std::string page_tile(std::string_view title, std::string_view value,
                                           std::string_view unit = "") {
  std::string out = concat("<div><dt>", escape_html(title), "</dt><dd>", escape_html(value));
  if (!unit.empty()) {
    out += concat(" <small>", escape_html(unit), "</small>");
  }
  return out + "</dd></div>\n";
}

}  // namespace vaekit::inline VAEKIT_ABI
