// SPDX-License-Identifier: MIT
#include "vaekit/app/interrupt.hpp"

#include <doctest/doctest.h>

using namespace vaekit;

TEST_CASE("interrupt: the first is noted, and the handlers of before come back") {
  struct sigaction before = {};
  sigaction(SIGTERM, nullptr, &before);
  {
    const InterruptGuard guard;
    CHECK(interrupt_requested == 0);
    std::raise(SIGTERM);
    CHECK(interrupt_requested == 1);
    struct sigaction now = {};
    sigaction(SIGTERM, nullptr, &now);
    const bool default_again = now.sa_handler == SIG_DFL;
    CHECK(default_again);
  }
  interrupt_requested = 0;
  struct sigaction after = {};
  sigaction(SIGTERM, nullptr, &after);
  const bool restored = after.sa_handler == before.sa_handler;
  CHECK(restored);
}
