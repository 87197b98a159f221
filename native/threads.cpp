#include "threads.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#ifndef _WIN32
#include <pthread.h>
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "module.h"

namespace smartvm {
namespace {

std::atomic<int> wanted{1};

// How long a worker looks for the next job before it sleeps: the kernels of a network follow one
// another within a few hundred microseconds, and waking a thread takes as long as a small kernel.
constexpr auto patience = std::chrono::microseconds(500);

void relax() {
#if defined(__x86_64__)
  _mm_pause();
#else
  std::this_thread::yield();
#endif
}

// Threads that take the parts of a job in turn, whoever is free the next one: who runs a part
// cannot show in its result, and nobody waits for a thread that the system is slow to wake.
//
// `job_` holds the job's number, its count of parts and the next part to take, so that taking one
// is a single step: whoever succeeds knows that the job is not over before this part is done.
class Pool {
 public:
  // Fewer than asked for where the system has no more.
  explicit Pool(int workers) : asked_(workers) {
    try {
      for (; workers_ < workers; ++workers_) std::thread([this] { serve(); }).detach();
    } catch (const std::system_error&) {
    }
  }

  int asked() const { return asked_; }

  void run(int parts, void (*work)(int, void*), void* context) {
    work_ = work;
    context_ = context;
    done_.store(0, std::memory_order_relaxed);
    {
      const std::lock_guard<std::mutex> lock(sleep_);
      const std::uint64_t number = (job_.load() >> 32) + 1;
      job_.store(number << 32 | static_cast<std::uint64_t>(parts) << 16, std::memory_order_release);
    }
    if (sleepers_.load() > 0) wake_.notify_all();
    while (take()) {
    }
    for (int i = 0; done_.load(std::memory_order_acquire) < parts; ++i)
      i < 10000 ? relax() : std::this_thread::yield();
  }

  // Let all threads end; nothing may run.
  void stop() {
    {
      const std::lock_guard<std::mutex> lock(sleep_);
      stopping_ = true;
    }
    wake_.notify_all();
    while (workers_.load() > 0) std::this_thread::yield();
  }

 private:
  static bool open(std::uint64_t job) { return (job & 0xffff) < (job >> 16 & 0xffff); }

  // Run the next part, if there is one.
  bool take() {
    std::uint64_t job = job_.load(std::memory_order_acquire);
    do {
      if (!open(job)) return false;
    } while (!job_.compare_exchange_weak(job, job + 1, std::memory_order_acq_rel));
    work_(static_cast<int>(job & 0xffff), context_);
    done_.fetch_add(1, std::memory_order_release);
    return true;
  }

  void serve() {
    while (wait())
      while (take()) {
      }
    workers_.fetch_sub(1);
  }

  // Until there is a part to take; false where it is time to end.
  bool wait() {
    const auto end = std::chrono::steady_clock::now() + patience;
    do {
      for (int i = 0; i < 64; ++i) {
        if (stopping_) return false;
        if (open(job_.load(std::memory_order_acquire))) return true;
        relax();
      }
    } while (std::chrono::steady_clock::now() < end);
    std::unique_lock<std::mutex> lock(sleep_);
    sleepers_.fetch_add(1);
    wake_.wait(lock, [&] { return stopping_ || open(job_.load(std::memory_order_acquire)); });
    sleepers_.fetch_sub(1);
    return !stopping_;
  }

  const int asked_;
  std::atomic<int> workers_{0};
  std::atomic<std::uint64_t> job_{0};
  std::atomic<int> done_{0};
  std::atomic<int> sleepers_{0};
  std::atomic<bool> stopping_{false};
  std::mutex sleep_;
  std::condition_variable wake_;
  void (*work_)(int, void*) = nullptr;
  void* context_ = nullptr;
};

// The pool is made when it is first needed and never destroyed: its threads may outlive the
// module's own objects. A forked child has none of them, so it forgets the pool and its lock.
struct Shared {
  std::mutex in_use;
  Pool* pool = nullptr;
};

std::atomic<Shared*> shared{new Shared};

#ifndef _WIN32
const int forgets_at_fork = pthread_atfork(nullptr, nullptr, [] { shared = new Shared; });
#endif

void resize(Shared& mine, int workers) {
  if (mine.pool && mine.pool->asked() == workers) return;
  if (mine.pool) {
    mine.pool->stop();
    delete mine.pool;
  }
  mine.pool = nullptr;
  mine.pool = new Pool(workers);
}

}  // namespace

int threads() { return wanted.load(std::memory_order_relaxed); }

void run_parts(int parts, void (*work)(int, void*), void* context) {
  Shared& mine = *shared.load();
  const int count = threads();
  std::unique_lock<std::mutex> lock(mine.in_use, std::defer_lock);
  if (count > 1 && parts > 1 && parts < 1 << 16 && lock.try_lock()) {
    resize(mine, count - 1);
    mine.pool->run(parts, work, context);
  } else {
    for (int part = 0; part < parts; ++part) work(part, context);
  }
}

void bind_threads(nanobind::module_& m) {
  m.def("threads", &threads, "Most threads that a kernel runs on.");
  m.def(
      "set_threads", [](int count) { wanted = std::max(1, count); }, nanobind::arg("count"),
      "Run kernels on at most `count` threads from now on.");
}

}  // namespace smartvm
