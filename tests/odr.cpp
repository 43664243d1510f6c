// SPDX-License-Identifier: MIT
// A second translation unit of every public header in each test executable: a function that lacks `inline`
// fails the link, and a forward declaration that disagrees with its definition fails the compile.
#include "vaekit/fwd.hpp"
// After the declarations:
#include "all_headers.hpp"
