// Views: what becomes of families that somebody else's code records, said where the service is
// configured. C++17.
//
//   Options().AddView(View("http_*").DropLabels({"path"}))
//       .AddView(View("*").Backend("statsd").Type(MetricType::kHistogram).Drop());
//
// METRICS_VIEWS says the same in the environment; its rules come before these.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "polymeter/export.h"
#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE

// A rule for the families whose name matches. A view for every backend acts where a family is
// registered: a dropped family records nothing and costs nothing, and series that differ in a
// dropped label alone are one series. A view for one backend acts on the snapshots that this
// backend gets; so does every view on what producers give.
//
// Of Keep and Drop the first view that matches decides, in their order. On labels all that match
// act, each on what those before it have left: first the views for every backend, wherever they
// stand, then those for the backend. Of the buckets the first view for every backend decides, and
// on what it makes of them acts the first one for the backend; of what producers give, that one
// alone. One view drops labels first and renames then. What is not accepted is reported and left
// out.
class View {
 public:
  // Whether a view keeps or drops whole families.
  enum class Fate : std::uint8_t { kOpen, kKeep, kDrop };

  // `families`: a family's name, with or without the prefix of the options; `*` stands for any
  // characters, none included: "http_*".
  POLYMETER_EXPORT explicit View(std::string families);

  // For this backend alone: its name in METRICS_BACKEND or, of an application's own backend, in
  // its BackendReport. Views for every backend act before.
  POLYMETER_EXPORT View& Backend(std::string name);
  // For families of this type alone.
  View& Type(MetricType type) {
    type_ = type;
    return *this;
  }
  // Keeps the families, whatever a later view says.
  View& Keep() {
    fate_ = Fate::kKeep;
    return *this;
  }
  // Leaves the families out, unless an earlier view keeps them.
  View& Drop() {
    fate_ = Fate::kDrop;
    return *this;
  }
  // Takes these labels away, constant ones too. Series that then have the same labels become one:
  // counters, histograms, and gauges that are Additive() are added up, of other gauges the greatest
  // value is shown (of a registered family: the last one that was set), of summaries count and sum
  // are added and the quantiles left out. Gauges of series that are idle have no part in it.
  POLYMETER_EXPORT View& DropLabels(std::vector<std::string> labels);
  // Takes away every other label of the series; constant labels stay.
  POLYMETER_EXPORT View& KeepLabels(std::vector<std::string> labels);
  // Gives a label another name, [a-zA-Z_][a-zA-Z0-9_]*. Where the series has a label of that name,
  // a constant one included, nothing is renamed, and one message says so.
  POLYMETER_EXPORT View& RenameLabel(std::string from, std::string to);
  // Upper bounds of histograms instead of their buckets, ascending, finite, without +Inf. For one
  // backend and for producers' histograms, as far as these bounds are among the histogram's own.
  POLYMETER_EXPORT View& Buckets(std::vector<double> bounds);
  // Exponential buckets of histograms instead of theirs; see NativeHistogramOptions::Schema. For
  // one backend and for producers' histograms: where the histogram has exponential buckets, these
  // alone, no finer than `schema`.
  POLYMETER_EXPORT View& Native(int schema = 3);

  // The pattern.
  const std::string& families() const noexcept { return families_; }
  // Lower case; empty: of every backend.
  const std::string& backend() const noexcept { return backend_; }
  std::optional<MetricType> type() const noexcept { return type_; }
  // What the last of Keep() and Drop() says.
  Fate fate() const noexcept { return fate_; }
  // What DropLabels() says.
  const std::vector<std::string>& dropped_labels() const noexcept { return dropped_labels_; }
  // What KeepLabels() says.
  const std::optional<std::vector<std::string>>& kept_labels() const noexcept {
    return kept_labels_;
  }
  // From and to.
  const std::vector<std::pair<std::string, std::string>>& renamed_labels() const noexcept {
    return renamed_labels_;
  }
  // What Buckets() says.
  const std::optional<std::vector<double>>& buckets() const noexcept { return buckets_; }
  // What Native() says.
  std::optional<int> native_schema() const noexcept { return native_schema_; }

 private:
  std::string families_;
  std::string backend_;
  std::optional<MetricType> type_;
  Fate fate_ = Fate::kOpen;
  std::vector<std::string> dropped_labels_;
  std::optional<std::vector<std::string>> kept_labels_;
  std::vector<std::pair<std::string, std::string>> renamed_labels_;
  std::optional<std::vector<double>> buckets_;  // or
  std::optional<int> native_schema_;
};

POLYMETER_END_NAMESPACE
