// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "vaekit/core/parallel.hpp"
#include "vaekit/evaluate/data_view.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// A worker, with the workspaces it needs, for each thread: for work on single inputs, or a few at a time,
/// that is long enough for a thread each. With fewer groups of inputs than threads there is one worker, whose
/// products use all threads.
///
/// Threads  results do not depend on their number where those of the work do not depend on the worker
template <class Worker>
class InputWorkers {
 public:
  /// For `inputs` inputs, `group` at a time; `make_worker()` is called once for each worker.
  template <class MakeWorker>
  InputWorkers(Index inputs, Index group, MakeWorker&& make_worker) : group_(group) {
    const Index groups = (inputs + group - 1) / group;
    const Index count = groups < thread_count() ? 1 : thread_count();
    workers_.reserve(static_cast<std::size_t>(count));
    for (Index i = 0; i < count; ++i) {
      workers_.push_back(make_worker());
    }
  }

  /// Inputs to hand over at a time: a few groups for each worker.
  [[nodiscard]] Index batch() const { return 4 * group_ * count(); }

  /// Calls `work(worker, first, x, results)` for groups of rows of x; `results` has an element for each.
  ///
  /// Shapes  x [n × columns], results [n]
  template <class T, class Result, class Work>
  void run(Index first, MatrixIn<T> x, std::span<Result> results, Work&& work) {
    const Index groups = (x.rows() + group_ - 1) / group_;
    parallel_for(count(), 1, [&](Index first_worker, Index last_worker) {
      for (Index w = first_worker; w < last_worker; ++w) {
        const Chunk own = chunk(groups, w, count());
        for (Index row = own.first * group_; row < std::min(own.last * group_, x.rows()); row += group_) {
          const Index rows = std::min(group_, x.rows() - row);
          work(workers_[static_cast<std::size_t>(w)], first + row, x.middleRows(row, rows),
               results.subspan(static_cast<std::size_t>(row), static_cast<std::size_t>(rows)));
        }
      }
    });
  }

 private:
  [[nodiscard]] Index count() const { return static_cast<Index>(workers_.size()); }

  Index group_;
  std::vector<Worker> workers_;
};

/// `InputWorkers` over a view; then `visit(i, result)` for each input, in order, on the calling thread.
///
/// Memory  the workers and a few groups of inputs, whatever the size of the view
template <class T, class Result, class MakeWorker, class Work, class Visit>
void for_each_input(const DataView& view, Index columns, Index group, MakeWorker&& make_worker, Work&& work,
                    Visit&& visit) {
  InputWorkers<decltype(make_worker())> workers(view.size(), group, make_worker);
  Matrix<T> buffer(std::min(workers.batch(), view.size()), columns);
  std::vector<Result> results(static_cast<std::size_t>(buffer.rows()));
  for_each_batch<T>(view, buffer, [&](Index first, MatrixIn<T> x) {
    workers.template run<T>(first, x, std::span(results).first(static_cast<std::size_t>(x.rows())), work);
    for (Index row = 0; row < x.rows(); ++row) {
      visit(first + row, results[static_cast<std::size_t>(row)]);
    }
  });
}

}  // namespace vaekit::inline VAEKIT_ABI
