// SPDX-License-Identifier: MIT
// A second translation unit of every public header in each test executable: a function that lacks `inline`
// fails the link, and a forward declaration that disagrees with its definition fails the compile.
#if __has_include("vaekit/fwd.hpp")
#include "vaekit/fwd.hpp"
#endif
#include "all_headers.hpp"
