// SPDX-License-Identifier: MIT
#include "vaekit/app/interrupt.hpp"

#include <doctest/doctest.h>

using namespace vaekit;

namespace {

volatile std::sig_atomic_t seen_outside = 0;
void see_outside(int) { seen_outside = 1; }

}  // namespace

TEST_CASE("interrupt: both signals set the flag, and what handled them before does so again") {
  using Handler = void (*)(int);
  const Handler before = std::signal(SIGINT, see_outside);
  for (const int number : {SIGINT, SIGTERM}) {
    const InterruptGuard guard;
    CHECK(interrupt_requested == 0);
    std::raise(number);
    CHECK(interrupt_requested == 1);
  }
  CHECK(seen_outside == 0);
  std::raise(SIGINT);
  CHECK(seen_outside == 1);
  std::signal(SIGINT, before);
  interrupt_requested = 0;
}
