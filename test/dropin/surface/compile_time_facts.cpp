// What a program can find out at compile time: signatures, what can be copied, defaults.
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "prometheus/check_names.h"
#include "prometheus/client_metric.h"
#include "prometheus/collectable.h"
#include "prometheus/counter.h"
#include "prometheus/exposer.h"
#include "prometheus/family.h"
#include "prometheus/gateway.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/labels.h"
#include "prometheus/registry.h"
#include "prometheus/serializer.h"
#include "prometheus/summary.h"
#include "prometheus/text_serializer.h"
#include "test/dropin/surface/transcript.h"

namespace surface {
namespace {

using prometheus::ClientMetric;
using prometheus::Collectable;
using prometheus::Counter;
using prometheus::Exposer;
using prometheus::Family;
using prometheus::Gateway;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Labels;
using prometheus::MetricFamily;
using prometheus::MetricType;
using prometheus::Registry;
using prometheus::Summary;
using prometheus::TextSerializer;

// Overloads are chosen by these types; a signature that differs does not compile.
using Families = std::vector<MetricFamily>;
template <class Class, class Signature>
using Member = Signature Class::*;
constexpr Member<Counter, void()> kCounterIncrement = &Counter::Increment;
constexpr Member<Counter, void(double)> kCounterIncrementBy = &Counter::Increment;
constexpr Member<Counter, double() const> kCounterValue = &Counter::Value;
constexpr Member<Counter, ClientMetric() const> kCounterCollect = &Counter::Collect;
constexpr Member<Gauge, void()> kGaugeIncrement = &Gauge::Increment;
constexpr Member<Gauge, void(double)> kGaugeIncrementBy = &Gauge::Increment;
constexpr Member<Gauge, void()> kGaugeDecrement = &Gauge::Decrement;
constexpr Member<Gauge, void(double)> kGaugeDecrementBy = &Gauge::Decrement;
constexpr Member<Gauge, void(double)> kGaugeSet = &Gauge::Set;
constexpr Member<Gauge, void()> kGaugeSetToCurrentTime = &Gauge::SetToCurrentTime;
constexpr Member<Gauge, double() const> kGaugeValue = &Gauge::Value;
constexpr Member<Gauge, ClientMetric() const> kGaugeCollect = &Gauge::Collect;
constexpr Member<Histogram, void(double)> kObserve = &Histogram::Observe;
constexpr Member<Histogram, void(const std::vector<double>&, double)> kObserveMultiple =
    &Histogram::ObserveMultiple;
constexpr Member<Histogram, ClientMetric() const> kHistogramCollect = &Histogram::Collect;
constexpr Member<Summary, void(double)> kSummaryObserve = &Summary::Observe;
constexpr Member<Summary, ClientMetric() const> kSummaryCollect = &Summary::Collect;
constexpr Member<Family<Counter>, Counter&(const Labels&)> kFamilyAdd = &Family<Counter>::Add<>;
constexpr Member<Family<Counter>, void(Counter*)> kFamilyRemove = &Family<Counter>::Remove;
constexpr Member<Family<Counter>, bool(const Labels&) const> kFamilyHas = &Family<Counter>::Has;
constexpr Member<Family<Counter>, const std::string&() const> kFamilyName =
    &Family<Counter>::GetName;
constexpr Member<Family<Counter>, Families() const> kFamilyCollect = &Family<Counter>::Collect;
constexpr Member<Registry, Families() const> kRegistryCollect = &Registry::Collect;
constexpr Member<Registry, bool(const Family<Gauge>&)> kRegistryRemove = &Registry::Remove<Gauge>;
constexpr Member<Exposer, void(const std::weak_ptr<Collectable>&, const std::string&)>
    kRegisterCollectable = &Exposer::RegisterCollectable;
constexpr Member<Exposer, void(std::function<bool(const std::string&, const std::string&)>,
                               const std::string&, const std::string&)>
    kRegisterAuth = &Exposer::RegisterAuth;
constexpr Member<Exposer, void(const std::weak_ptr<Collectable>&, const std::string&)>
    kRemoveCollectable = &Exposer::RemoveCollectable;
constexpr Member<Exposer, std::vector<int>() const> kListeningPorts = &Exposer::GetListeningPorts;
constexpr Member<Gateway, void(const std::weak_ptr<Collectable>&, const Labels*)> kGatewayRegister =
    &Gateway::RegisterCollectable;
constexpr Member<Gateway, int()> kPush = &Gateway::Push;
constexpr Member<Gateway, int()> kPushAdd = &Gateway::PushAdd;
constexpr Member<Gateway, int()> kDelete = &Gateway::Delete;
constexpr Member<Gateway, std::future<int>()> kAsyncPush = &Gateway::AsyncPush;
constexpr Member<Gateway, std::future<int>()> kAsyncPushAdd = &Gateway::AsyncPushAdd;
constexpr Member<Gateway, std::future<int>()> kAsyncDelete = &Gateway::AsyncDelete;
Labels (*const kInstanceLabel)(std::string) = &Gateway::GetInstanceLabel;

// Every constant above is used here, so that no compiler calls it unused.
template <class... Pointers>
std::size_t Count(Pointers... pointers) {
  const bool there[] = {pointers != nullptr...};
  std::size_t count = 0;
  for (const bool one : there) count += one ? 1u : 0u;
  return count;
}

static_assert(std::is_same<Labels, std::map<std::string, std::string>>::value, "Labels is a map");
static_assert(std::is_same<Histogram::BucketBoundaries, std::vector<double>>::value, "bounds");
static_assert(std::is_same<decltype(Counter::metric_type), const MetricType>::value, "type");
static_assert(std::is_same<decltype(MetricFamily::metric), std::vector<ClientMetric>>::value, "");
static_assert(std::is_same<decltype(ClientMetric::timestamp_ms), std::int64_t>::value, "");
static_assert(std::is_same<decltype(ClientMetric::Bucket::cumulative_count), std::uint64_t>::value,
              "");
static_assert(std::is_same<decltype(ClientMetric::Summary::sample_count), std::uint64_t>::value,
              "");
static_assert(Counter::metric_type == MetricType::Counter, "usable as a constant");
static_assert(Gauge::metric_type == MetricType::Gauge, "usable as a constant");
static_assert(Histogram::metric_type == MetricType::Histogram, "usable as a constant");
static_assert(Summary::metric_type == MetricType::Summary, "usable as a constant");
static_assert(static_cast<int>(MetricType::Counter) == 0, "as numbers, too");
static_assert(static_cast<int>(MetricType::Gauge) == 1, "");
static_assert(static_cast<int>(MetricType::Summary) == 2, "");
static_assert(static_cast<int>(MetricType::Untyped) == 3, "");
static_assert(static_cast<int>(MetricType::Histogram) == 4, "");
static_assert(std::is_base_of<Collectable, Registry>::value, "");
static_assert(std::is_base_of<Collectable, Family<Histogram>>::value, "");
static_assert(std::has_virtual_destructor<Collectable>::value, "");
static_assert(std::is_base_of<prometheus::Serializer, TextSerializer>::value, "");
static_assert(std::is_convertible<std::shared_ptr<Registry>, std::weak_ptr<Collectable>>::value,
              "");

template <class T>
void SayTraits(const std::string& name) {
  std::string traits;
  traits += std::is_default_constructible<T>::value ? " default" : "";
  traits += std::is_copy_constructible<T>::value ? " copy" : "";
  traits += std::is_move_constructible<T>::value ? " move" : "";
  traits += std::is_copy_assignable<T>::value ? " copy=" : "";
  traits += std::is_move_assignable<T>::value ? " move=" : "";
  traits += std::is_polymorphic<T>::value ? " polymorphic" : "";
  traits += std::is_abstract<T>::value ? " abstract" : "";
  traits += std::is_final<T>::value ? " final" : "";
  traits += std::is_nothrow_destructible<T>::value ? " nothrow-destructible" : "";
  Say("traits/" + name, traits);
}

}  // namespace

void CompileTimeFacts() {
  SayTraits<Counter>("Counter");
  SayTraits<Gauge>("Gauge");
  SayTraits<Histogram>("Histogram");
  SayTraits<Summary>("Summary");
  SayTraits<Family<Counter>>("Family<Counter>");
  SayTraits<Family<Summary>>("Family<Summary>");
  SayTraits<Registry>("Registry");
  SayTraits<Collectable>("Collectable");
  SayTraits<ClientMetric>("ClientMetric");
  SayTraits<MetricFamily>("MetricFamily");
  SayTraits<TextSerializer>("TextSerializer");
  SayTraits<prometheus::Serializer>("Serializer");
  SayTraits<Exposer>("Exposer");
  SayTraits<Gateway>("Gateway");
  Say("traits/implicit conversion double to Gauge",
      std::is_convertible<double, const Gauge&>::value);
  Say("traits/implicit conversion bounds to Histogram",
      std::is_convertible<Histogram::BucketBoundaries, const Histogram&>::value);
  Say("traits/implicit conversion quantiles to Summary",
      std::is_convertible<Summary::Quantiles, const Summary&>::value);
  Say("traits/implicit conversion string to Exposer",
      std::is_convertible<std::string, const Exposer&>::value);
  Say("traits/noexcept Increment", noexcept(std::declval<Counter&>().Increment()));
  Say("traits/noexcept Observe", noexcept(std::declval<Histogram&>().Observe(1)));
  Say("traits/pointers to members",
      Count(kCounterIncrement, kCounterIncrementBy, kCounterValue, kCounterCollect, kGaugeIncrement,
            kGaugeIncrementBy, kGaugeDecrement, kGaugeDecrementBy, kGaugeSet,
            kGaugeSetToCurrentTime, kGaugeValue, kGaugeCollect, kObserve, kObserveMultiple,
            kHistogramCollect, kSummaryObserve, kSummaryCollect, kFamilyAdd, kFamilyRemove,
            kFamilyHas, kFamilyName, kFamilyCollect, kRegistryCollect, kRegistryRemove,
            kRegisterCollectable, kRegisterAuth, kRemoveCollectable, kListeningPorts,
            kGatewayRegister, kPush, kPushAdd, kDelete, kAsyncPush, kAsyncPushAdd, kAsyncDelete,
            kInstanceLabel));
  const ClientMetric empty;
  Say("traits/defaults of ClientMetric",
      empty.label.empty() && empty.counter.value == 0 && empty.gauge.value == 0 &&
          empty.untyped.value == 0 && empty.histogram.sample_count == 0 &&
          empty.histogram.bucket.empty() && empty.summary.sample_sum == 0 &&
          empty.summary.quantile.empty() && empty.timestamp_ms == 0);
  Say("traits/default type of MetricFamily", Text(MetricFamily().type));
  const ClientMetric::Label a{"a", "1"};
  const ClientMetric::Label b{"a", "2"};
  Say("traits/labels compare", a < b && a == a && !(b < a));
#if defined(SURFACE_1_3)
  Say("1.3/traits/Reset of counters and histograms",
      Count(Member<Counter, void()>(&Counter::Reset),
            Member<Histogram, void()>(&Histogram::Reset)));
  Say("1.3/traits/MetricType::Info", static_cast<int>(MetricType::Info));
#endif
}

}  // namespace surface
