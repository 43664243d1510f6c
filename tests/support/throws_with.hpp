// SPDX-License-Identifier: MIT
#pragma once

#include <doctest/doctest.h>

#include <exception>
#include <string>
#include <typeinfo>

/// Fails the test unless `body()` throws exactly an `E` (no class derived from it) whose text is `message`.
template <class E, class Body>
void check_throws_with(const std::string& message, Body&& body) {
  try {
    body();
  } catch (const std::exception& error) {
    CHECK_MESSAGE(typeid(error) == typeid(E), "threw a ", typeid(error).name(), ", expected a ",
                  typeid(E).name());
    CHECK(std::string(error.what()) == message);
    return;
  }
  FAIL_CHECK("threw nothing, expected: " << message);
}
