// SPDX-License-Identifier: MIT
#include "vaekit/core/parallel.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <bit>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace vaekit;

namespace {

/// How often each index is visited, and the pieces, by a loop over `count` on `threads` threads.
struct Coverage {
  std::vector<std::atomic<int>> visits;
  std::vector<std::atomic<int>> starts;
  std::atomic<int> calls{0};

  Coverage(Index count, int threads, Index grain, Index multiple)
      : visits(static_cast<std::size_t>(count)), starts(static_cast<std::size_t>(count)) {
    const ThreadScope scope(threads);
    parallel_for(
        count, grain,
        [&](Index first, Index last) {
          ++calls;
          ++starts[static_cast<std::size_t>(first)];
          for (Index i = first; i < last; ++i) {
            ++visits[static_cast<std::size_t>(i)];
          }
        },
        multiple);
  }

  [[nodiscard]] int pieces() const { return calls; }
  [[nodiscard]] bool each_once() const {
    return std::ranges::all_of(visits, [](const std::atomic<int>& n) { return n == 1; });
  }
  [[nodiscard]] bool starts_at_multiples_of(Index multiple) const {
    for (std::size_t i = 0; i < starts.size(); ++i) {
      if (starts[i] != 0 && i % static_cast<std::size_t>(multiple) != 0) {
        return false;
      }
    }
    return true;
  }
};

double sum_of_squares(const std::vector<float>& values, int threads) {
  const ThreadScope scope(threads);
  std::vector<double> partials;
  return parallel_sum(static_cast<Index>(values.size()), partials, [&](Index first, Index last) {
    double sum = 0;
    for (Index i = first; i < last; ++i) {
      const double value = static_cast<double>(values[static_cast<std::size_t>(i)]);
      sum += value * value;
    }
    return sum;
  });
}

}  // namespace

TEST_CASE("chunk: pieces are disjoint, in order, cover everything and cut at multiples") {
  for (const Index count : {0, 1, 2, 7, 8, 9, 63, 64, 100, 1000}) {
    for (const Index parts : {1, 2, 3, 5, 16}) {
      for (const Index multiple : {1, 4, 8, 64}) {
        Index next = 0;
        for (Index part = 0; part < parts; ++part) {
          const Chunk piece = chunk(count, part, parts, multiple);
          REQUIRE(piece.first == next);
          REQUIRE(piece.last >= piece.first);
          REQUIRE((piece.first % multiple == 0 || piece.first == count));
          next = piece.last;
        }
        REQUIRE(next == count);
      }
    }
  }
}

TEST_CASE("chunk: pieces differ by at most one multiple") {
  for (Index part = 0; part < 3; ++part) {
    const Chunk piece = chunk(100, part, 3);
    CHECK(piece.last - piece.first >= 33);
    CHECK(piece.last - piece.first <= 34);
  }
  static_assert(chunk(10, 1, 2).first == 5);
}

TEST_CASE("parallel_for: every index once, for all counts, threads and multiples") {
  for (const Index count : {0, 1, 2, 3, 15, 16, 17, 100, 1000}) {
    for (const int threads : {1, 2, 3, 7}) {
      for (const Index multiple : {1, 4, 16}) {
        const Coverage coverage(count, threads, 1, multiple);
        REQUIRE(coverage.each_once());
        REQUIRE(coverage.starts_at_multiples_of(multiple));
        REQUIRE(coverage.pieces() <= threads);
      }
    }
  }
}

TEST_CASE("parallel_for: an empty range calls nothing") {
  CHECK(Coverage(0, 3, 1, 1).pieces() == 0);
  CHECK(Coverage(0, 1, 1, 1).pieces() == 0);
}

TEST_CASE("parallel_for: less work than two grains stays on the calling thread") {
  CHECK(Coverage(199, 4, 100, 1).pieces() == 1);
  CHECK(Coverage(10, 4, 0, 1).each_once());
  const ThreadScope scope(4);
  std::thread::id worker;
  parallel_for(199, 100, [&](Index, Index) { worker = std::this_thread::get_id(); });
  CHECK(worker == std::this_thread::get_id());
}

TEST_CASE("parallel_for: uses the threads it may" * doctest::skip(!has_openmp)) {
  CHECK(Coverage(200, 2, 100, 1).pieces() == 2);
  CHECK(Coverage(1000, 3, 1, 1).pieces() == 3);
}

TEST_CASE("parallel_for: an exception of any piece reaches the caller, and the next loop works") {
  for (const int threads : {1, 3}) {
    const ThreadScope scope(threads);
    for (const Index bad : {0, 50, 99}) {
      std::string caught;
      try {
        parallel_for(100, 1, [&](Index first, Index last) {
          if (first <= bad && bad < last) {
            throw std::runtime_error("piece with " + std::to_string(bad));
          }
        });
      } catch (const std::runtime_error& error) {
        caught = error.what();
      }
      CHECK(caught == "piece with " + std::to_string(bad));
    }
    CHECK_THROWS_AS(parallel_for(100, 1, [](Index, Index) { throw 5; }), int);
    CHECK(Coverage(100, threads, 1, 1).each_once());
  }
}

TEST_CASE("parallel_for: nested loops run serially on the thread that meets them") {
  const ThreadScope scope(3);
  std::atomic<int> inner_calls{0};
  std::atomic<int> other_thread{0};
  std::atomic<int> most_threads{0};
  parallel_for(3, 1, [&](Index first, Index last) {
    for (Index i = first; i < last; ++i) {
      const std::thread::id self = std::this_thread::get_id();
      if (has_openmp && thread_count() != 1) {
        ++most_threads;
      }
      parallel_for(1000, 1, [&](Index inner_first, Index inner_last) {
        inner_calls += static_cast<int>(inner_last - inner_first);
        if (std::this_thread::get_id() != self) {
          ++other_thread;
        }
      });
    }
  });
  CHECK(inner_calls.load() == 3000);
  CHECK(other_thread.load() == 0);
  CHECK(most_threads.load() == 0);
}

TEST_CASE("ThreadScope: sets the number of threads and restores it, also nested and after an exception") {
  const int before = thread_count();
  {
    const ThreadScope outer(3);
    CHECK(thread_count() == (has_openmp ? 3 : 1));
    {
      const ThreadScope inner(2);
      CHECK(thread_count() == (has_openmp ? 2 : 1));
    }
    CHECK(thread_count() == (has_openmp ? 3 : 1));
    {
      const ThreadScope keeps(0);
      CHECK(thread_count() == (has_openmp ? 3 : 1));
    }
    try {
      const ThreadScope thrown(1);
      throw std::runtime_error("");
    } catch (const std::runtime_error&) {
      CHECK(thread_count() == (has_openmp ? 3 : 1));
    }
  }
  CHECK(thread_count() == before);
}

TEST_CASE("ThreadScope: another thread keeps its own number") {
  const ThreadScope scope(3);
  int other = 0;
  std::thread thread([&] {
    const ThreadScope own(2);
    other = thread_count();
  });
  thread.join();
  CHECK(other == (has_openmp ? 2 : 1));
  CHECK(thread_count() == (has_openmp ? 3 : 1));
}

TEST_CASE("parallel_for: many threads of the program may run loops at the same time") {
  std::vector<std::thread> threads;
  std::vector<int> sums(4);
  for (std::size_t t = 0; t < sums.size(); ++t) {
    threads.emplace_back([&sums, t] {
      const ThreadScope scope(2);
      std::vector<int> values(500);
      parallel_for(500, 1, [&](Index first, Index last) {
        for (Index i = first; i < last; ++i) {
          values[static_cast<std::size_t>(i)] = 1;
        }
      });
      for (const int value : values) {
        sums[t] += value;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(sums == std::vector<int>{500, 500, 500, 500});
}

TEST_CASE("parallel_region: each thread once, and a barrier separates phases") {
  std::vector<std::atomic<int>> phase_one(3);
  std::atomic<int> seen_incomplete{0};
  std::atomic<int> calls{0};
  parallel_region(3, [&](int thread, int threads) {
    ++calls;
    ++phase_one[static_cast<std::size_t>(thread)];
    parallel_barrier(threads);
    for (int t = 0; t < threads; ++t) {
      if (phase_one[static_cast<std::size_t>(t)] != 1) {
        ++seen_incomplete;
      }
    }
  });
  CHECK(calls.load() >= 1);
  CHECK(calls.load() <= 3);
  CHECK(seen_incomplete.load() == 0);
  parallel_region(1, [&](int thread, int threads) {
    CHECK(thread == 0);
    CHECK(threads == 1);
  });
}

TEST_CASE("parallel_sum: the same bits at any number of threads") {
  std::vector<float> values(100003);
  std::uint32_t state = 1;
  for (float& value : values) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(state) * 1e-6f - 2000.0f;
  }
  const double one = sum_of_squares(values, 1);
  CHECK(one > 0);
  for (const int threads : {2, 3, 7}) {
    CHECK(std::bit_cast<std::uint64_t>(sum_of_squares(values, threads)) == std::bit_cast<std::uint64_t>(one));
  }
}

TEST_CASE("parallel_sum: exact at the edges of its blocks") {
  for (const Index count :
       {Index{0}, Index{1}, sum_block - 1, sum_block, sum_block + 1, 10 * sum_block + 7}) {
    std::vector<double> partials;
    const ThreadScope scope(2);
    const double sum = parallel_sum(count, partials, [](Index first, Index last) {
      double part = 0;
      for (Index i = first; i < last; ++i) {
        part += static_cast<double>(i);
      }
      return part;
    });
    CHECK(sum == static_cast<double>(count) * static_cast<double>(count - 1) / 2);
  }
}

TEST_CASE("parallel_sum: reuses its scratch and forgets what it held") {
  std::vector<double> partials(100, 1e9);
  CHECK(parallel_sum(1, partials, [](Index, Index) { return 2.0; }) == 2.0);
  CHECK(partials.size() == 1);
  CHECK(partials.capacity() >= 100);
}
