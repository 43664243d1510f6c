// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "vaekit/core/check.hpp"
#include "vaekit/core/matrix.hpp"
#include "vaekit/core/parallel.hpp"
#include "vaekit/kernels/gemm_few_rows.hpp"
#include "vaekit/kernels/gemm_narrow.hpp"
#include "vaekit/kernels/gemm_task.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// A matrix seen through two strides, so that one routine serves all four transpositions.
template <class T>
struct Strided {
  const T* data;
  Index row_stride;
  Index col_stride;
};

template <class T>
[[nodiscard]] Strided<T> as_is(MatrixIn<T> m) {
  return {m.data(), m.outerStride(), 1};
}
template <class T>
[[nodiscard]] Strided<T> transposed(MatrixIn<T> m) {
  return {m.data(), 1, m.outerStride()};
}

namespace detail {

template <class T>
inline constexpr T nothing{};

/// Grow-only packing buffers of the calling thread.
template <class T>
struct GemmBuffers {
  AlignedVector<T> a;
  AlignedVector<T> b;
  AlignedVector<T> c;  ///< the transposed result of a narrow product
  LiveSteps<T> live;
};
template <class T>
[[nodiscard]] GemmBuffers<T>& gemm_buffers() {
  thread_local GemmBuffers<T> buffers;
  return buffers;
}

template <class T>
[[nodiscard]] T* reserve(AlignedVector<T>& buffer, Index elements) {
  if (buffer.empty() || static_cast<Index>(buffer.size()) < elements) {
    buffer.resize(static_cast<std::size_t>(std::max<Index>(elements, 1)));
  }
  return buffer.data();
}

/// Gives the task room for what it packs.
template <class T, class Epilogue>
void lend_buffers(GemmTask<T, Epilogue>& task) {
  GemmBuffers<T>& buffers = gemm_buffers<T>();
  if (task.plan.pack_a) {
    task.packed_a = reserve(buffers.a, task.a.count * DepthBlocks<T>{task.k}.longest());
  }
  if (task.plan.pack_b == PackB::panels) {
    task.packed_b = reserve(buffers.b, task.packed_b_size());
  }
}

template <class T, class Epilogue>
void run_narrow(const GemmTask<T, Epilogue>& task) {
  constexpr NoEpilogue none;
  const Index stride = narrow_stride<T>(task.a.count);
  GemmTask<T, NoEpilogue> transposed{
      task.k, task.b,           task.a,  nullptr,
      stride, Store::overwrite, none,    make_plan(task.k, task.b, task.a, false),
      {},     nullptr,          nullptr, nullptr};
  transposed.c = reserve(gemm_buffers<T>().c, task.b.count * stride);
  lend_buffers(transposed);
  parallel_region(transposed.plan.threads, [&task, &transposed](int thread, int threads) {
    multiply_narrow(task, transposed, thread, threads);
  });
}

/// Runs the product; returns whether A was packed, which is when `extras.row_sums` were added to.
template <class T, class Epilogue>
bool run_gemm(Index k, const Lines<T>& a, const Lines<T>& b, T* c, Index c_stride, Store mode,
              const Epilogue& epilogue, const GemmExtras<T>& extras) {
  if (a.count == 0 || b.count == 0) {
    return false;
  }
  if (k == 0 && a.data != &nothing<T>) {
    // Nothing is read, but addresses are computed, and an empty matrix may have none.
    return run_gemm<T>(0, {&nothing<T>, 0, 0, a.count}, {&nothing<T>, 0, 0, b.count}, c, c_stride, mode,
                       epilogue, {.row_sums = extras.row_sums});
  }
  const bool prepared = extras.prepared != nullptr;
  const GemmPlan plan = make_plan(k, a, b, prepared);
  GemmTask<T, Epilogue> task{k, a, b, c, c_stride, mode, epilogue, plan, extras, nullptr, nullptr, nullptr};
  GemmBuffers<T>& buffers = gemm_buffers<T>();
  constexpr Index search_gate = 8;  // panels of columns from which looking for zeros pays
  if (extras.skip_zeros && a.depth_stride == 1 && ColumnPanels<T>{b.count}.count() >= search_gate &&
      buffers.live.find(a, k)) {
    task.live = &buffers.live;
  }
  if (has_few_rows(k, a, b, prepared)) {
    parallel_region(plan.threads,
                    [&task](int thread, int threads) { multiply_few_rows(task, thread, threads); });
    return false;
  }
  if (!prepared && is_narrow(k, a, b, mode)) {
    run_narrow(task);
    return false;
  }
  lend_buffers(task);
  parallel_region(plan.threads, [&task](int thread, int threads) { task.run(thread, threads); });
  return plan.pack_a;
}

}  // namespace detail

/// C[m × n] (+)= A[m × k] · B[k × n], then `epilogue(vector, row, first column, lanes)` on every vector of C.
///
/// The sum over k is taken in blocks of fixed depth and in index order for every element, and threads divide
/// the tiles of C only: the bits of a row depend neither on the number of threads nor on the rows around it.
/// Small products stay on the calling thread. C must not overlap A or B.
///
/// Threads  safe; packing buffers belong to the calling thread and grow only.
/// Source   Goto & van de Geijn: Anatomy of high-performance matrix multiplication (2008).
template <class T, class Epilogue = NoEpilogue>
void gemm(Index m, Index n, Index k, Strided<T> a, Strided<T> b, T* c, Index c_stride, Store mode,
          const Epilogue& epilogue = {}) {
  detail::run_gemm<T>(k, {a.data, a.row_stride, a.col_stride, m}, {b.data, b.col_stride, b.row_stride, n}, c,
                      c_stride, mode, epilogue, {});
}

/// C (+)= A · B for strided operands, with the sizes taken from C.
template <class T, class Epilogue = NoEpilogue>
void gemm(Strided<T> a, Strided<T> b, Index k, MatrixOut<T> c, Store mode, const Epilogue& epilogue = {}) {
  gemm(c.rows(), c.cols(), k, a, b, c.data(), c.outerStride(), mode, epilogue);
}

/// C (+)= Aᵀ · B and sums[i] += Σ_k A(k, i): the gradients of a dense layer's weight and bias, which read A
/// once where they can.
///
/// Shapes  A [k × m], B [k × n], C [m × n], sums [m] or empty
template <class T>
void gemm_with_column_sums(MatrixIn<T> a, MatrixIn<T> b, MatrixOut<T> c, Store mode, std::span<T> sums) {
  const bool added = detail::run_gemm<T>(
      a.rows(), {a.data(), 1, a.outerStride(), a.cols()}, {b.data(), 1, b.outerStride(), b.cols()}, c.data(),
      c.outerStride(), mode, NoEpilogue{}, {.row_sums = sums.empty() ? nullptr : sums.data()});
  if (!added && !sums.empty()) {
    add_column_sums<T>(a, sums);
  }
}

/// The right-hand operand of products, laid out for them once: for weights that many batches meet before they
/// change. Equal bits to the same product with the matrix itself.
///
/// Threads  const use is safe
template <class T>
class PackedMatrix {
 public:
  PackedMatrix() = default;

  /// Packs B [k × n]; allocates only while the size grows.
  void pack(Strided<T> b, Index k, Index n) {
    const detail::Lines<T> lines{b.data, b.col_stride, b.row_stride, n};
    columns_ = n;
    depth_ = k;
    const detail::ColumnPanels<T> panels{n};
    const detail::DepthBlocks<T> depths{k};
    T* target = detail::reserve(values_, panels.vectors() * lanes<T> * k);
    for (Index d = 0; d < depths.count(); ++d) {
      for (Index q = 0; q < panels.count(); ++q) {
        const Index col = q * detail::GemmTile<T>::cols;
        const Index width = panels.width(q);
        detail::pack_panel(lines, col, std::min(width, n - col), depths[d], width, target);
        target += width * (depths[d].last - depths[d].first);
      }
    }
    finite_ = all_finite(
        std::span<const T>(values_).first(static_cast<std::size_t>(panels.vectors() * lanes<T> * k)));
  }

  void clear() { depth_ = 0; }
  [[nodiscard]] bool empty() const { return depth_ == 0; }

  /// C[m × n] (+)= A[m × k] · B, as `gemm`. The matrix that was packed is not looked at. Columns of A that
  /// are 0 in all rows of a tile are left out where B is finite.
  template <class Epilogue = NoEpilogue>
  void multiply(Strided<T> a, MatrixOut<T> c, Store mode, const Epilogue& epilogue = {},
                Sweep sweep = Sweep::forwards) const {
    detail::run_gemm<T>(depth_, {a.data, a.row_stride, a.col_stride, c.rows()},
                        {nullptr, 1, columns_, columns_}, c.data(), c.outerStride(), mode, epilogue,
                        {.prepared = values_.data(), .sweep = sweep, .skip_zeros = finite_});
  }

 private:
  AlignedVector<T> values_;
  Index columns_ = 0;
  Index depth_ = 0;
  bool finite_ = false;
};

}  // namespace vaekit::inline VAEKIT_ABI
