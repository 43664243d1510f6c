// SPDX-License-Identifier: MIT
#pragma once

#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string_view>

#include "vaekit/core/error.hpp"
#include "vaekit/data/bytes.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// True when the bytes start as a gzip file does.
[[nodiscard]] inline bool is_gzip(ByteView bytes) {
  return bytes.size() >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B;
}

namespace detail {

/// zlib's streams count in `unsigned`, so long buffers are handed over in pieces.
[[nodiscard]] inline unsigned zlib_piece(std::size_t size) {
  return static_cast<unsigned>(std::min<std::size_t>(size, std::numeric_limits<int>::max()));
}

class InflateStream {
 public:
  InflateStream() {
    constexpr int gzip_only = 16 + MAX_WBITS;
    if (inflateInit2(&stream_, gzip_only) != Z_OK) {
      throw IoError("gunzip: cannot start zlib, must have memory");
    }
  }
  ~InflateStream() { inflateEnd(&stream_); }
  InflateStream(const InflateStream&) = delete;
  InflateStream& operator=(const InflateStream&) = delete;

  z_stream* operator->() { return &stream_; }
  z_stream* get() { return &stream_; }

 private:
  z_stream stream_{};
};

}  // namespace detail

/// Decompresses a gzip file (RFC 1952) of one or more members.
///
/// Throws DataError "<name>: truncated gzip stream ..." or "<name>: corrupt gzip data: ...".
[[nodiscard]] inline Bytes gunzip(ByteView compressed, std::string_view name) {
  detail::InflateStream stream;
  Bytes out(std::max<std::size_t>(4 * compressed.size(), 4096));
  std::size_t read = 0;
  std::size_t written = 0;
  int status = Z_OK;
  while (status != Z_STREAM_END || is_gzip(compressed.subspan(read))) {
    if (status == Z_STREAM_END) {
      inflateReset(stream.get());
    }
    if (written == out.size()) {
      out.resize(2 * out.size());
    }
    const unsigned input = detail::zlib_piece(compressed.size() - read);
    const unsigned room = detail::zlib_piece(out.size() - written);
    stream->next_in = const_cast<std::uint8_t*>(compressed.data() + read);  // zlib's interface; only read
    stream->avail_in = input;
    stream->next_out = out.data() + written;
    stream->avail_out = room;
    status = inflate(stream.get(), Z_NO_FLUSH);
    read += input - stream->avail_in;
    written += room - stream->avail_out;
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
      throw DataError(concat(name,
                             ": corrupt gzip data: ", stream->msg != nullptr ? stream->msg : "bad stream",
                             " after ", read, " of ", compressed.size(), " bytes"));
    }
    if (status != Z_STREAM_END && read == compressed.size() && written < out.size()) {
      throw DataError(concat(name, ": truncated gzip stream: ends after ", read, " bytes, must go on"));
    }
  }
  // Padding with zeros is allowed, as by the gzip program; anything else is not ours.
  if (std::ranges::any_of(compressed.subspan(read), [](std::uint8_t byte) { return byte != 0; })) {
    throw DataError(concat(name, ": corrupt gzip data: ", compressed.size() - read, " bytes after the end"));
  }
  out.resize(written);
  return out;
}

}  // namespace vaekit::inline VAEKIT_ABI
