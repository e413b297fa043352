// What stands behind a Family: its instruments by labels, and the records of their series that
// snapshots refer to. Outlives the Family for as long as a snapshot shows it. Internal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "integrations/prometheus_cpp/dropin/drop_in_process.h"
#include "integrations/prometheus_cpp/dropin/index_table.h"
#include "polymeter/snapshot.h"
#include "prometheus/family.h"
#include "sdk/src/snapshot_data.h"

namespace prometheus {
namespace detail {

// Thread-safe. Calls nothing of the application under its lock.
class FamilyStore {
 public:
  // Throws std::invalid_argument for names that are not allowed.
  FamilyStore(const InstrumentType& type, const std::string& name, const std::string& help,
              const Labels& constant_labels);
  ~FamilyStore();
  FamilyStore(const FamilyStore&) = delete;
  FamilyStore& operator=(const FamilyStore&) = delete;

  const InstrumentType& type() const noexcept { return type_; }
  const std::string& name() const noexcept { return name_; }
  const Labels& constant_labels() const noexcept { return constant_labels_; }
  bool HasConstantLabels(const Labels& labels) const;  // as they were given

  // In snapshots.
  const std::string& shown_name() const noexcept { return shown_name_; }
  std::size_t size() const;

  // family.h describes these.
  void* Find(const Labels& labels) const;
  void* Add(const Labels& labels, void* instrument);
  void Remove(const void* instrument);
  std::vector<MetricFamily> Collect() const;

  // The Family ends: destroys all instruments.
  void Clear();

  // Whether Read can show it: instruments of other types have no cells.
  bool readable() const noexcept { return type_.native; }
  polymeter::MetricType snapshot_type() const noexcept;
  // Fills in all of a view but its points.
  void Describe(polymeter::FamilyView& view) const;
  // Appends the series to the points of `view`, which are of snapshot_type(). The caller has a
  // pin, and holds this store as long as the snapshot lives.
  void Read(polymeter::FamilyView& view, polymeter::detail::SnapshotData& data,
            polymeter::detail::Arena& arena, std::int64_t now);

 private:
  using SeriesRecord = polymeter::detail::SeriesRecord;
  struct Series {
    SeriesRecord* record = nullptr;  // null: free
    CellAddress cell = polymeter::detail::kNoopCell;
    void* instrument = nullptr;
  };
  // An instrument that is not of the library's types: kept while it is asked, under no lock.
  struct Guest {
    void* instrument = nullptr;
    void (*destroy)(void*) = nullptr;
    ~Guest() {
      if (instrument != nullptr) destroy(instrument);
    }
  };
  // Label names that series have in common, in the order of their records.
  struct Shape {
    std::vector<std::string> texts;
    std::vector<std::string_view> names;
  };

  static std::uint32_t HashOf(const Labels& labels);
  static std::uint32_t HashOf(const void* instrument) noexcept;
  bool HasLabels(const SeriesRecord& record, const Labels& labels) const;
  std::uint32_t Position(const Labels& labels, std::uint32_t hash) const;
  std::uint32_t Position(const void* instrument) const;
  void CheckNames(const Labels& labels) const;
  const Shape& ShapeOf(const Labels& labels);
  SeriesRecord* MakeRecord(const Labels& labels, std::uint32_t hash, CellAddress cell);
  static SeriesRecord* CopyRecord(const SeriesRecord& record);
  static std::size_t SizeOf(const SeriesRecord& record) noexcept;
  // Gives new records to the series that have begun anew, by Reset or in a forked child.
  void RenewRecords(std::int64_t now);
  // Calls visit(series) for each of them, a few under the lock at a time, so that Add need not
  // wait long; those that come or go meanwhile are visited or not.
  template <class Visit>
  void InSlices(std::size_t slice, Visit&& visit) const;

  const InstrumentType type_;
  const std::string name_;
  const std::string shown_name_;
  const std::string help_;
  const Labels constant_labels_;
  const std::shared_ptr<SeriesPlaces> places_;

  std::mutex& mutex_;
  std::vector<Series> series_;
  std::vector<std::shared_ptr<Guest>> guests_;  // by position
  std::vector<std::uint32_t> free_;
  std::size_t live_ = 0;
  IndexTable by_labels_;
  IndexTable by_instrument_;
  std::vector<std::unique_ptr<const Shape>> shapes_;
  std::uint64_t resets_seen_;
  std::uint32_t forks_seen_;
  std::int64_t last_read_nanos_ = 0;
};

}  // namespace detail
}  // namespace prometheus
