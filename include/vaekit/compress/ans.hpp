// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "vaekit/core/random.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// The place of a symbol among the 2^precision that all symbols of its distribution share: start, start + 1,
/// ..., start + frequency − 1. Its probability is frequency / 2^precision.
struct CodeInterval {
  std::uint32_t start = 0;
  std::uint32_t frequency = 0;

  friend bool operator==(const CodeInterval&, const CodeInterval&) = default;
};

/// A message as a stack of symbols (asymmetric numeral systems): `push` adds −log₂(frequency / 2^precision)
/// bits, `pop` takes them away again. What is pushed last is popped first.
///
///   push   head ← ⌊head / frequency⌋ 2^precision + head mod frequency + start
///   pop    head ← frequency ⌊head / 2^precision⌋ + head mod 2^precision − start
///
/// The head is kept in [2³¹, 2⁶³) by 32-bit words that go to a stack and come back. Popping from a message
/// that has no such symbol draws one: this is how bits back coding samples. Such bits come from `clean`,
/// endless random words below the message, whose number is counted.
///
/// Accuracy  a symbol costs up to 3 · 10⁻³ bits more than it should at precision 31, 10⁻³ at 30, 10⁻⁵ up to
/// 24 Threads   const calls are safe Source    Duda 2013 (arXiv:1311.2540), section 3; Townsend, Bird, Barber
/// 2019 (arXiv:1901.04866), section 2.2
class AnsStack {
 public:
  using Word = std::uint32_t;
  static constexpr int max_precision = 31;

  /// An empty message on clean bits.
  explicit AnsStack(const RandomStream& clean) : head_(first_head(clean)), clean_(clean) {}

  /// A message that was written before: `head()` and `words()` of its stack.
  AnsStack(std::uint64_t head, std::vector<Word> words) : head_(head), words_(std::move(words)) {}

  /// frequency in 1 ... 2^precision, precision in 1 ... 31.
  void push(CodeInterval symbol, int precision) {
    const std::uint64_t frequency = symbol.frequency;
    if (head_ >= frequency << (63 - precision)) {
      words_.push_back(static_cast<Word>(head_));
      head_ >>= 32;
    }
    head_ = ((head_ / frequency) << precision) + head_ % frequency + symbol.start;
  }

  /// A number below 2^precision that lies in the interval of the symbol on top.
  [[nodiscard]] std::uint32_t peek(int precision) const {
    return static_cast<std::uint32_t>(head_ & ((std::uint64_t{1} << precision) - 1));
  }

  /// Removes the symbol whose interval holds `peek(precision)`.
  void pop(CodeInterval symbol, int precision) {
    head_ = symbol.frequency * (head_ >> precision) + peek(precision) - symbol.start;
    if (head_ < smallest_head) {
      head_ = head_ << 32 | take_word();
    }
  }

  [[nodiscard]] std::uint64_t head() const { return head_; }
  [[nodiscard]] const std::vector<Word>& words() const { return words_; }
  /// Clean bits that the message began with.
  [[nodiscard]] std::size_t clean_bits() const { return 64 + 32 * drawn_; }
  /// True when more was popped than a message without clean bits held: it is none of ours.
  [[nodiscard]] bool exhausted() const { return exhausted_; }

  /// True when nothing is left but what a message on `clean` began with.
  [[nodiscard]] bool holds_only(const RandomStream& clean) const {
    std::size_t place = words_.size();
    for (const Word word : words_) {
      if (word != clean_word(clean, --place)) {
        return false;
      }
    }
    return !exhausted_ && head_ == first_head(clean);
  }

  static constexpr std::uint64_t smallest_head = std::uint64_t{1} << 31;
  static constexpr std::uint64_t largest_head = (std::uint64_t{1} << 63) - 1;

 private:
  /// 62 random bits below a leading one.
  [[nodiscard]] static std::uint64_t first_head(const RandomStream& clean) {
    const PhiloxCounter words = clean.words(0);
    return std::uint64_t{1} << 62 | (std::uint64_t{words[0]} << 32 | words[1]) >> 2;
  }

  [[nodiscard]] static Word clean_word(const RandomStream& clean, std::size_t place) {
    return clean.words(1 + place / 4)[place % 4];
  }

  [[nodiscard]] Word take_word() {
    if (!words_.empty()) {
      const Word word = words_.back();
      words_.pop_back();
      return word;
    }
    if (!clean_) {
      exhausted_ = true;
      return 0;
    }
    return clean_word(*clean_, drawn_++);
  }

  std::uint64_t head_;
  std::vector<Word> words_;
  std::optional<RandomStream> clean_;
  std::size_t drawn_ = 0;
  bool exhausted_ = false;
};

}  // namespace vaekit::inline VAEKIT_ABI
