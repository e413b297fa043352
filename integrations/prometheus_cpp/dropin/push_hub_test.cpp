// METRICS_BACKEND beside Exposers: what leaves, when, and once. StatsD's lines are read from a
// socket.
#include "integrations/prometheus_cpp/dropin/push_hub.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <future>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <vector>

#include "exporters/common/transport/raw_client_for_test.h"
#include "polymeter/prometheus_api.h"
#include "prometheus/counter.h"
#include "prometheus/exposer.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"
#include "sdk/testing/sanitizer.h"

namespace push_hub_test {
namespace {

using namespace std::chrono_literals;
using polymeter::Export;
using polymeter::Exported;
using prometheus::BuildCounter;
using prometheus::Collectable;
using prometheus::Counter;
using prometheus::Exposer;
using prometheus::MetricFamily;
using prometheus::Registry;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

// A UDP socket that a StatsD server would have.
class Receiver {
 public:
  Receiver() : socket_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  ~Receiver() { close(socket_); }
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  std::string port() const { return std::to_string(port_); }
  // The lines that have come and do not begin with polymeter_. Waits for `first`, where it is
  // given.
  std::vector<std::string> Lines(const std::string& first = {}) {
    std::vector<std::string> lines;
    bool found = first.empty();
    for (;;) {
      pollfd wait{socket_, POLLIN, 0};
      if (poll(&wait, 1, found ? 0 : 10000) <= 0) return lines;
      char buffer[65536];
      const ssize_t n = recv(socket_, buffer, sizeof(buffer), 0);
      if (n <= 0) return lines;
      std::istringstream packet(std::string(buffer, static_cast<std::size_t>(n)));
      for (std::string line; std::getline(packet, line);) {
        if (line.rfind("polymeter_", 0) == 0) continue;
        found = found || line.rfind(first, 0) == 0;
        lines.push_back(line);
      }
    }
  }

 private:
  const int socket_;
  int port_ = 0;
};

// Sets variables for one test.
class PushHub : public ::testing::Test {
 protected:
  PushHub() {
    Set("METRICS_BACKEND", "statsd");
    Set("METRICS_STATSD_ADDRESS", ("udp://127.0.0.1:" + receiver_.port()).c_str());
    Set("METRICS_STATSD_INTERVAL", "1h");
    Set("METRICS_STATSD_TAGS", "none");
  }
  ~PushHub() override {
    for (const char* name : names_) unsetenv(name);
  }
  void Set(const char* name, const char* value) {
    names_.push_back(name);
    setenv(name, value, 1);
  }

  Receiver receiver_;
  std::vector<const char*> names_;
};

struct Counted {
  std::shared_ptr<Registry> registry = std::make_shared<Registry>();
  Counter* counter = nullptr;
};
Counted Make(const char* name) {
  Counted made;
  made.counter = &BuildCounter().Name(name).Register(*made.registry).Add({});
  return made;
}

TEST_F(PushHub, DeliversWhatAnExposerHasAtItsEnd) {
  const auto [registry, counter] = Make("c_total");
  {
    Exposer exposer("127.0.0.1:0");
    exposer.RegisterCollectable(registry);
    counter->Increment(3);
    EXPECT_THAT(receiver_.Lines(), IsEmpty());
  }
  EXPECT_THAT(receiver_.Lines(), ElementsAre("c_total:3|c"));
}

// The usual order: the Registry is declared later, so it goes first.
TEST_F(PushHub, DeliversTheLastValuesOfARegistryThatIsGone) {
  {
    Exposer exposer("127.0.0.1:0");
    const auto [registry, counter] = Make("c_total");
    exposer.RegisterCollectable(registry);
    counter->Increment(3);
  }
  EXPECT_THAT(receiver_.Lines(), ElementsAre("c_total:3|c"));
}

TEST_F(PushHub, DeliversTheLastValuesOfGoneRegistriesOnceToEachBackend) {
  Set("METRICS_STATSD_INTERVAL", "100ms");
  Exposer exposer("127.0.0.1:0");
  for (int i = 0; i < 3; ++i) {
    {
      const auto [registry, counter] = Make("c_total");
      exposer.RegisterCollectable(registry);
      counter->Increment(2);
    }
    EXPECT_THAT(receiver_.Lines("c_total"), Contains("c_total:2|c"));
    std::this_thread::sleep_for(250ms);
    EXPECT_THAT(receiver_.Lines(), Not(Contains(StartsWith("c_total"))));
  }
}

TEST_F(PushHub, DeliversWhatSeveralPlacesHaveOnce) {
  const auto [registry, counter] = Make("c_total");
  counter->Increment(5);
  {
    Exposer one("127.0.0.1:0");
    Exposer two("127.0.0.1:0");
    const Exported exported = Export(registry);
    one.RegisterCollectable(registry);
    one.RegisterCollectable(registry);
    one.RegisterCollectable(registry, "/other");
    two.RegisterCollectable(registry);
    one.RemoveCollectable(registry, "/other");
    one.RemoveCollectable(registry, "/other");
    one.RemoveCollectable(registry, "/never");
  }
  EXPECT_THAT(receiver_.Lines(), ElementsAre("c_total:5|c"));
}

TEST_F(PushHub, NoLongerDeliversWhatWasRemoved) {
  const auto [registry, counter] = Make("c_total");
  const auto [stays, other] = Make("stays_total");
  counter->Increment();
  other->Increment();
  {
    Exposer exposer("127.0.0.1:0");
    exposer.RegisterCollectable(registry);
    exposer.RegisterCollectable(stays);
    exposer.RegisterCollectable(registry, "/other");
    exposer.RemoveCollectable(registry);
    exposer.RemoveCollectable(registry, "/other");
  }
  EXPECT_THAT(receiver_.Lines(), ElementsAre("stays_total:1|c"));
}

// The receiver adds up what it gets: it must not get anything twice.
TEST_F(PushHub, GoesOnWhereItWasWhenItStartsAgain) {
  const auto [registry, counter] = Make("c_total");
  for (int i = 1; i <= 3; ++i) {
    Exposer exposer("127.0.0.1:0");
    exposer.RegisterCollectable(registry);
    counter->Increment(i);
    receiver_.Lines();
  }
  const auto last = receiver_.Lines();
  EXPECT_THAT(last, ElementsAre("c_total:3|c"));
}

TEST_F(PushHub, ExportsWithoutAnExposer) {
  const auto [registry, counter] = Make("c_total");
  counter->Increment();
  Exported exported = Export(registry);
  Exported moved = std::move(exported);
  exported = Exported();
  EXPECT_THAT(receiver_.Lines(), IsEmpty());
  moved = Exported();
  EXPECT_THAT(receiver_.Lines(), ElementsAre("c_total:1|c"));
}

// A program that is shorter than an interval: what is not the last one to end has its only delivery
// with the last one.
TEST_F(PushHub, DeliversTheLastValuesOfEachOfSeveralThatEnd) {
  const auto [first, first_counter] = Make("first_total");
  const auto [second, second_counter] = Make("second_total");
  const auto [third, third_counter] = Make("third_total");
  {
    const Exported outer = Export(first);
    Exposer exposer("127.0.0.1:0");
    exposer.RegisterCollectable(second);
    const Exported inner = Export(third);
    first_counter->Increment(1);
    second_counter->Increment(2);
    third_counter->Increment(3);
  }
  EXPECT_THAT(receiver_.Lines(),
              UnorderedElementsAre("first_total:1|c", "second_total:2|c", "third_total:3|c"));
}

TEST_F(PushHub, DeliversOnceWhatIsExportedAgainAfterAnEnd) {
  const auto [registry, counter] = Make("c_total");
  const auto [other, other_counter] = Make("other_total");
  {
    const Exported lasts = Export(other);
    other_counter->Increment();
    counter->Increment(2);
    { const Exported one = Export(registry); }
    const Exported two = Export(registry);
    counter->Increment(3);
    { const Exported three = Export(registry); }
  }
  EXPECT_THAT(receiver_.Lines(), UnorderedElementsAre("c_total:5|c", "other_total:1|c"));
}

// Timings made of buckets would lose the sum.
TEST_F(PushHub, SendsHistogramsToStatsdAsCounters) {
  const auto registry = std::make_shared<Registry>();
  auto& histogram = prometheus::BuildHistogram().Name("h").Register(*registry).Add(
      {}, prometheus::Histogram::BucketBoundaries{1, 2});
  for (const double value : {0.25, 1.5, 7.0}) histogram.Observe(value);
  Export(registry) = Exported();
  EXPECT_THAT(receiver_.Lines(), Contains("h_sum:8.75|c"));
}

TEST_F(PushHub, PutsPrefixAndLabelsOnWhatLeaves) {
  Set("METRICS_PREFIX", "app_");
  Set("METRICS_LABELS", "env=prod,a=other");
  Set("METRICS_STATSD_TAGS", "dogstatsd");
  Set("METRICS_STATSD_DIALECT", "dogstatsd");
  const auto registry = std::make_shared<Registry>();
  BuildCounter().Name("c_total").Labels({{"a", "own"}}).Register(*registry).Add({}).Increment();
  BuildCounter().Name("d_total").Register(*registry).Add({{"x", "y"}}).Increment();
  Export(registry) = Exported();
  const auto lines = receiver_.Lines();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[0], StartsWith("app_c_total:1|c|#"));
  EXPECT_THAT(lines[0], HasSubstr("a:own"));
  EXPECT_THAT(lines[0], Not(HasSubstr("a:other")));
  EXPECT_THAT(lines[0], HasSubstr("env:prod"));
  EXPECT_THAT(lines[1], StartsWith("app_d_total:1|c|#"));
  EXPECT_THAT(lines[1], HasSubstr("x:y"));
  EXPECT_THAT(lines[1], HasSubstr("a:other"));
}

TEST_F(PushHub, ReadsTheEnvironmentAgainWhenItStartsAgain) {
  const auto [registry, counter] = Make("c_total");
  counter->Increment();
  unsetenv("METRICS_BACKEND");
  Export(registry) = Exported();
  EXPECT_THAT(receiver_.Lines(), IsEmpty());
  Set("METRICS_BACKEND", " ");
  Export(registry) = Exported();
  EXPECT_THAT(receiver_.Lines(), IsEmpty());
  Set("METRICS_BACKEND", "prometheus,null,statsd");
  Export(registry) = Exported();
  EXPECT_THAT(receiver_.Lines(), ElementsAre("c_total:1|c"));
}

// An instrument of a program's own.
struct HoldingInstrument {
  explicit HoldingInstrument(std::shared_ptr<int> given) : held(std::move(given)) {}
  std::shared_ptr<int> held;
  static const prometheus::MetricType metric_type{prometheus::MetricType::Gauge};
  prometheus::ClientMetric Collect() const { return {}; }
};

// Without backends nothing is kept of a Registry.
TEST_F(PushHub, KeepsNothingWithoutABackend) {
  unsetenv("METRICS_BACKEND");
  const auto held = std::make_shared<int>(1);
  Exposer exposer("127.0.0.1:0");
  {
    const auto registry = std::make_shared<Registry>();
    prometheus::detail::Builder<HoldingInstrument>().Name("x").Register(*registry).Add({}, held);
    exposer.RegisterCollectable(registry);
    EXPECT_EQ(held.use_count(), 2);
  }
  EXPECT_EQ(held.use_count(), 1);
}

// An instrument of a program's own that uses what the program destroys after the Registry.
struct ReferringInstrument {
  struct Calls {
    std::atomic<int> collected{0};
    std::atomic<int> destroyed{0};
    std::atomic<bool> may_collect{true};
    std::atomic<int> too_late{0};
  };
  explicit ReferringInstrument(Calls& given) : calls(given) {}
  ~ReferringInstrument() { ++calls.destroyed; }
  static const prometheus::MetricType metric_type{prometheus::MetricType::Gauge};
  prometheus::ClientMetric Collect() const {
    ++(calls.may_collect ? calls.collected : calls.too_late);
    prometheus::ClientMetric metric;
    metric.gauge.value = 7;
    return metric;
  }
  Calls& calls;
};

void AddReferringInstrument(Registry& registry, ReferringInstrument::Calls& calls) {
  prometheus::detail::Builder<ReferringInstrument>().Name("own").Register(registry).Add({}, calls);
}

TEST_F(PushHub, EndsInstrumentsOfAProgramsOwnWithTheirRegistry) {
  ReferringInstrument::Calls calls;
  {
    Exposer exposer("127.0.0.1:0");
    {
      const auto [registry, counter] = Make("c_total");
      AddReferringInstrument(*registry, calls);
      counter->Increment(4);
      exposer.RegisterCollectable(registry);
      EXPECT_EQ(calls.destroyed, 0);
    }
    calls.may_collect = false;
    EXPECT_EQ(calls.destroyed, 1) << "on the thread that destroyed the Registry";
  }
  EXPECT_EQ(calls.too_late, 0);
  EXPECT_EQ(calls.destroyed, 1);
  EXPECT_THAT(receiver_.Lines(), ElementsAre("c_total:4|c")) << "ours outlive it";
}

TEST_F(PushHub, AsksInstrumentsOfAProgramsOwnWhileTheirRegistryLives) {
  Set("METRICS_STATSD_INTERVAL", "100ms");
  ReferringInstrument::Calls calls;
  const auto [other, counter] = Make("c_total");
  const Exported lasts = Export(other);
  Exported exported;
  std::weak_ptr<Registry> owner;
  {
    const auto registry = std::make_shared<Registry>();
    owner = registry;
    AddReferringInstrument(*registry, calls);
    exported = Export(registry);
    EXPECT_THAT(receiver_.Lines("own"), Contains("own:7|g"));
  }
  while (!owner.expired()) std::this_thread::yield();  // a delivery may hold it
  calls.may_collect = false;
  for (int i = 1; i <= 2; ++i) {
    counter->Increment(i);
    receiver_.Lines("c_total:" + std::to_string(i));
  }
  EXPECT_GT(calls.collected, 0);
  EXPECT_EQ(calls.too_late, 0);
  EXPECT_EQ(calls.destroyed, 1);
}

TEST_F(PushHub, SaysWhatIsWrongAndThrowsWhereItIsStrict) {
  Set("METRICS_BACKEND", "statds");
  ::testing::internal::CaptureStderr();
  EXPECT_NO_THROW(Export(std::weak_ptr<Collectable>()) = Exported());
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("did you mean statsd?"));
  Set("METRICS_STRICT", "true");
  EXPECT_THROW(Export(std::weak_ptr<Collectable>()) = Exported(), std::invalid_argument);
  EXPECT_THROW(Exposer("127.0.0.1:0"), std::invalid_argument);
  Set("METRICS_BACKEND", "statsd");
  EXPECT_NO_THROW(Exposer("127.0.0.1:0"));
}

// --- what Collect() may do ----------------------------------------------------------------------

class OwnCollectable final : public Collectable {
 public:
  explicit OwnCollectable(std::function<void()> during) : during_(std::move(during)) {}
  std::vector<MetricFamily> Collect() const override {
    during_();
    MetricFamily family;
    family.name = "own";
    family.type = prometheus::MetricType::Gauge;
    family.metric.emplace_back().gauge.value = 7;
    return {family};
  }

 private:
  std::function<void()> during_;
};

TEST_F(PushHub, LetsACollectRegisterAndExport) {
  Set("METRICS_STATSD_INTERVAL", "100ms");
  const Counted counted = Make("c_total");
  counted.counter->Increment();
  std::unique_ptr<Exposer> inner;
  Exported exported;
  std::promise<void> done;
  std::atomic<bool> once{false};
  Exposer exposer("127.0.0.1:0");
  const auto own = std::make_shared<OwnCollectable>([&] {
    if (once.exchange(true)) return;
    inner = std::make_unique<Exposer>("127.0.0.1:0");
    inner->RegisterCollectable(counted.registry);
    exported = Export(counted.registry);
    done.set_value();
  });
  exposer.RegisterCollectable(own);
  ASSERT_EQ(done.get_future().wait_for(10s), std::future_status::ready);
  EXPECT_THAT(receiver_.Lines("c_total"), Contains("c_total:1|c"));
}

TEST_F(PushHub, MayEndInACollectThatItCalls) {
  Set("METRICS_STATSD_INTERVAL", "100ms");
  auto exposer = std::make_unique<Exposer>("127.0.0.1:0");
  std::promise<void> ended;
  std::atomic<bool> once{false};
  const auto own = std::make_shared<OwnCollectable>([&] {
    if (once.exchange(true)) return;
    exposer.reset();
    ended.set_value();
  });
  exposer->RegisterCollectable(own);
  ASSERT_EQ(ended.get_future().wait_for(10s), std::future_status::ready);
  // And it starts again.
  const auto [registry, counter] = Make("c_total");
  counter->Increment();
  { const Exported exported = Export(registry); }
  EXPECT_THAT(receiver_.Lines("c_total"), Contains("c_total:1|c"));
}

TEST_F(PushHub, DoesNotWaitForACollectThatHangs) {
  Set("METRICS_STATSD_INTERVAL", "100ms");
  std::promise<void> hangs;
  std::promise<void> go_on;
  std::atomic<bool> once{false};
  const auto own = std::make_shared<OwnCollectable>([&, wait = go_on.get_future().share()] {
    if (once.exchange(true)) return;
    hangs.set_value();
    wait.wait();
  });
  auto exported = std::make_unique<Exported>(Export(own));
  hangs.get_future().wait();
  const auto begin = std::chrono::steady_clock::now();
  exported.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 8s);
  go_on.set_value();
}

TEST_F(PushHub, CallsACollectOnceAtATime) {
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::atomic<int> calls{0};
  const auto own = std::make_shared<OwnCollectable>([&] {
    const int now = ++inside;
    if (now > most) most = now;
    ++calls;
    std::this_thread::sleep_for(20ms);
    --inside;
  });
  Set("METRICS_STATSD_INTERVAL", "100ms");
  {
    Exposer exposer("127.0.0.1:0");
    exposer.RegisterCollectable(own);
    exposer.RegisterCollectable(own, "/other");
    const auto port = static_cast<std::uint16_t>(exposer.GetListeningPorts().at(0));
    std::vector<std::future<void>> scrapes;
    for (const char* path : {"/metrics", "/other"}) {
      scrapes.push_back(std::async(std::launch::async, [port, path] {
        for (int i = 0; i < 10; ++i) EXPECT_EQ(polymeter::testing::Get(port, path).status, 200);
      }));
    }
    for (auto& scrape : scrapes) scrape.get();
  }
  EXPECT_GT(calls, 20);
  EXPECT_EQ(most, 1);
}

// --- exit paths ---------------------------------------------------------------------------------

// Runs `body` in a child that ends with std::exit, and returns its status.
int InChildThatExits(const std::function<void()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    body();
    std::exit(0);
  }
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return status;
}

TEST_F(PushHub, DeliversFromStaticDestructors) {
  EXPECT_EQ(InChildThatExits([] {
              static Exposer exposer("127.0.0.1:0");
              static const Counted counted = Make("static_total");
              exposer.RegisterCollectable(counted.registry);
              counted.counter->Increment(4);
            }),
            0);
  EXPECT_THAT(receiver_.Lines("static_total"), ElementsAre("static_total:4|c"));
}

TEST_F(PushHub, DeliversAtExitWhatWasExportedForEver) {
  EXPECT_EQ(InChildThatExits([] {
              static const Counted counted = Make("ever_total");
              Exported exported = Export(counted.registry);
              exported.Forever();
              counted.counter->Increment(4);
            }),
            0);
  EXPECT_THAT(receiver_.Lines("ever_total"), ElementsAre("ever_total:4|c"));
}

TEST_F(PushHub, DeliversAtExitAllThatWasExportedForEver) {
  EXPECT_EQ(InChildThatExits([] {
              static const Counted first = Make("first_total");
              static const Counted second = Make("second_total");
              first.counter->Increment(4);
              second.counter->Increment(5);
              Export(first.registry).Forever();
              Export(second.registry).Forever();
            }),
            0);
  EXPECT_THAT(receiver_.Lines("second_total"),
              UnorderedElementsAre("first_total:4|c", "second_total:5|c"));
}

int ThreadsOfThisProcess() {
  DIR* const tasks = opendir("/proc/self/task");
  if (tasks == nullptr) return -1;
  int threads = 0;
  while (const dirent* const task = readdir(tasks)) threads += task->d_name[0] != '.' ? 1 : 0;
  closedir(tasks);
  return threads;
}

// A program that sets nothing does what it did before.
// ThreadSanitizer has a thread of its own.
TEST_F(PushHub, POLYMETER_PLAIN(StartsNoThreadWithoutABackend)) {
  unsetenv("METRICS_BACKEND");
  EXPECT_EQ(InChildThatExits([] {
              std::atomic<bool> go_on{true};
              std::atomic<int> looks{0};
              const int expected = ThreadsOfThisProcess() + 1;  // with the one that looks
              int most = 0;
              std::thread looking([&] {
                while (go_on) {
                  most = std::max(most, ThreadsOfThisProcess());
                  ++looks;
                }
              });
              const Counted counted = Make("c_total");
              for (int i = 0; i < 200 || looks < 100; ++i) Export(counted.registry) = Exported();
              go_on = false;
              looking.join();
              if (most != expected) _exit(1);
            }),
            0);
}

TEST_F(PushHub, IsForgottenByAForkedChildThatMayStartItsOwn) {
  const auto [registry, counter] = Make("c_total");
  auto exposer = std::make_unique<Exposer>("127.0.0.1:0");
  exposer->RegisterCollectable(registry);
  counter->Increment(2);
  const Counter& shared = *counter;
  EXPECT_EQ(InChildThatExits([&, counter = counter, registry = registry] {
              exposer->RegisterCollectable(registry, "/child");
              exposer.reset();  // sends nothing
              EXPECT_EQ(shared.Value(), 0);
              Exported exported = Export(registry);
              counter->Increment(5);
            }),
            0);
  EXPECT_THAT(receiver_.Lines("c_total"), ElementsAre("c_total:5|c"));
  exposer.reset();
  EXPECT_THAT(receiver_.Lines("c_total"), ElementsAre("c_total:2|c"));
}

}  // namespace
}  // namespace push_hub_test
