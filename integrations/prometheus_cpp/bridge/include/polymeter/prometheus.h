// Bridge to prometheus-cpp: its families leave through every backend, and ours through its
// Exposer and Gateway. C++17; link polymeter::prometheus_bridge. Works with prometheus-cpp 1.0
// and later.
//
//   auto registry = std::make_shared<prometheus::Registry>();     // as before
//   auto metrics = polymeter::FromEnvironment("transcriber");     // new
//   auto attached = polymeter::Attach(metrics, registry);         // new
//
// All functions are thread-safe and throw nothing.
#pragma once

#include <memory>

#include <prometheus/collectable.h>

#include "polymeter/metrics.h"

POLYMETER_BEGIN_NAMESPACE

// Makes a prometheus::Collectable (a Registry, a Family, one of your own) a producer: each
// snapshot calls Collect() on a thread of the library and copies what it gives.
//
// The pointer is weak: attaching keeps nothing alive, and once the Collectable is gone its families
// are gone from the next snapshot on. A Collect() that runs at that moment ends first, so the
// Collectable may then be destroyed on the library's thread. No Collect() begins after the
// token has been destroyed; the token's destructor waits for one that runs, though no longer than
// the producers' time budget. Attachment::Forever() leaves it attached as long as the Metrics
// lives.
//
// Types: Untyped becomes unknown, Info (prometheus-cpp 1.1 and later) stays info. timestamp_ms is
// ignored: values are of the time of the snapshot. The Metrics' prefix and constant labels apply.
// What a Collectable of one's own may get wrong is put right where it can be: a histogram's
// buckets are sorted, counts that decrease are raised, +Inf covers every count. Bounds that are
// NaN and quantiles outside 0 to 1 are left out; each with one message, at most once a minute.
// Names, labels and duplicates are judged as for every Producer.
//
// On a Metrics that does not record it attaches nothing and calls nothing.
POLYMETER_EXPORT Attachment Attach(const Metrics& metrics,
                                   std::weak_ptr<::prometheus::Collectable> collectable);

// Our families as a Collectable for an unchanged prometheus::Exposer or Gateway: a snapshot,
// families of attached Collectables included, so serve those there or here, not both.
//
// The Metrics keeps the Collectable alive, the Collectable not the Metrics: when that is gone,
// Collect() gives nothing. The same Metrics gives the same Collectable again. Collect() is
// thread-safe and throws nothing.
//
// prometheus-cpp's model sets limits: integers above 2^53 become doubles, units and start times
// are lost, info x is the gauge x_info with value 1, unknown is Untyped. Its serializer
// writes 16 significant digits and HELP as it is; HELP is therefore escaped here.
//
// A Metrics shows itself never, whatever was attached to what: where Attach and Collectable
// form a loop, the Collectable that would close it gives nothing, with one message.
//
// On a Metrics that does not record (declare Options().Consumer()) Collect() gives nothing, with
// one message; TryCollectable gives the reason as an error.
POLYMETER_EXPORT std::shared_ptr<::prometheus::Collectable> Collectable(const Metrics& metrics);
// The same; an error says why it would give nothing.
POLYMETER_EXPORT Result<std::shared_ptr<::prometheus::Collectable>> TryCollectable(
    const Metrics& metrics);

POLYMETER_END_NAMESPACE
