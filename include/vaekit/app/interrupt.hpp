// SPDX-License-Identifier: MIT
#pragma once

#include <csignal>

#include "vaekit/train/trainer.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {

inline void handle_interrupt(int) { interrupt_requested = 1; }

}  // namespace detail

/// Lets the first Ctrl-C or SIGTERM set `interrupt_requested`, which ends training at the next step; a second
/// one kills as usual. What handled the signals before does so again when the object is gone.
class InterruptGuard {
 public:
  InterruptGuard() {
    interrupt_requested = 0;
    struct sigaction action = {};
    action.sa_handler = detail::handle_interrupt;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(SIGINT, &action, &old_interrupt_);
    sigaction(SIGTERM, &action, &old_terminate_);
  }
  ~InterruptGuard() {
    sigaction(SIGINT, &old_interrupt_, nullptr);
    sigaction(SIGTERM, &old_terminate_, nullptr);
  }
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

 private:
  struct sigaction old_interrupt_ = {};
  struct sigaction old_terminate_ = {};
};

}  // namespace vaekit::inline VAEKIT_ABI
