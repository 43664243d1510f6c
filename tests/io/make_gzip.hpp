// SPDX-License-Identifier: MIT
#pragma once

#include <zlib.h>

#include <doctest/doctest.h>

#include "vaekit/data/bytes.hpp"

/// A gzip file of one member.
inline vaekit::Bytes make_gzip(vaekit::ByteView data) {
  z_stream stream{};
  constexpr int gzip_format = 16 + MAX_WBITS;
  REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, gzip_format, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  vaekit::Bytes out(deflateBound(&stream, data.size()));
  stream.next_in = const_cast<std::uint8_t*>(data.data());
  stream.avail_in = static_cast<unsigned>(data.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<unsigned>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}
