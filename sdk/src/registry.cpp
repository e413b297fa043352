#include "sdk/src/registry.h"

#include <sys/random.h>

#include <algorithm>
#include <cstdlib>

#include "sdk/src/exemplar_labels.h"
#include "sdk/src/tap.h"
#include "sdk/src/text.h"
#include "sdk/src/view_text.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::size_t kDefaultSeriesLimit = 50000;
constexpr std::size_t kDefaultSeriesWarning = 2000;

std::uint64_t RandomSeed() noexcept {
  std::uint64_t seed = 0;
  if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed)) {
    seed = reinterpret_cast<std::uintptr_t>(&seed);
  }
  return seed;
}

// What code asks for that a family of this type does not have: "Buckets and Exemplars are for other
// types and are ignored". Empty: nothing.
std::string IgnoredOptions(MetricType type, const FamilyOptions& options) {
  const bool histogram = type == MetricType::kHistogram;
  std::vector<std::string_view> names;
  if (options.buckets() && !histogram) names.push_back("Buckets");
  if (options.native() && !histogram) names.push_back("Native");
  if (options.summary() && type != MetricType::kSummary) names.push_back("Summary");
  if (options.exemplars() && !histogram && type != MetricType::kCounter) {
    names.push_back("Exemplars");
  }
  if (options.additive() && type != MetricType::kGauge) names.push_back("Additive");
  if (names.empty()) return {};
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += i + 1 < names.size() ? ", " : " and ";
    out += names[i];
  }
  return out + (names.size() == 1 ? " is for another type and is ignored"
                                  : " are for other types and are ignored");
}

}  // namespace

Registry::Registry(const Options& options, std::shared_ptr<Logger> logger)
    : logger_(std::move(logger)),
      clock_(options.clock()),
      prefix_(options.prefix()),
      names_(options.names()),
      series_limit_(options.series_limit().value_or(kDefaultSeriesLimit)),
      series_warning_(options.series_warning().value_or(kDefaultSeriesWarning)),
      buckets_(options.buckets()),
      native_buckets_(options.native_buckets()),
      configured_buckets_(Configured::Of(options).buckets),
      exemplar_filter_(options.exemplar_filter().value_or(ExemplarFilter::kTraceBased)),
      hash_seed_(RandomSeed()),
      expiry_(options.series_ttl()) {
  cells_.SetExemplarFilter(exemplar_filter_);
  for (const auto& [name, value] : options.const_labels()) {
    const bool twice = std::any_of(constant_texts_.begin(), constant_texts_.end(),
                                   [&, &n = name](const auto& known) { return known.first == n; });
    if (!IsLabelName(name, names_) || name == "le" || name == "quantile" || twice) {
      Refuse("bad_label", "constant label " + Quoted(name) + " is reserved, named twice or not " +
                              std::string(AcceptedLabelNames(names_)) + "; it is left out");
    } else {
      constant_texts_.emplace_back(name, ToUtf8(value));
    }
  }
  for (const auto& [name, value] : constant_texts_) constant_labels_.push_back({name, value});

  std::vector<View> views;
  const std::size_t configured = Configured::Of(options).views;  // checked: all are right
  for (const View& view : options.views()) {
    const std::string trouble = CheckView(view);
    if (trouble.empty()) {
      views.push_back(view);
    } else {
      Refuse("bad_view", "view " + Quoted(ToText(view)) + " " + trouble + "; it is left out");
    }
  }
  views_ = std::make_shared<const ViewRules>(std::move(views), prefix_, configured);
}

Registry::~Registry() {
  for (const Retired& retired : retired_) std::free(retired.memory);
}

std::int64_t Registry::NowNanos() const {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Now().time_since_epoch()).count();
}
std::int64_t Registry::ExpiryNanos() const {
  if (clock_) return NowNanos();
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}
SystemTime Registry::Now() const { return clock_ ? clock_() : std::chrono::system_clock::now(); }

// --- families --------------------------------------------------------------------------------

Result<std::shared_ptr<FamilyCore>> Registry::GetOrMake(MetricType type, std::string_view name,
                                                        std::string_view help,
                                                        const std::string_view* labels,
                                                        std::size_t count,
                                                        const FamilyOptions& options) {
  FamilySpec spec;
  const std::string full_name = prefix_ + std::string(name);
  const FamilyRules views = views_->AtRegistration(full_name, type);
  // METRICS_BUCKETS comes after METRICS_VIEWS and before the code's views.
  spec.viewed_buckets =
      views.buckets != nullptr && type == MetricType::kHistogram &&
      (views.configured_buckets ||
       !BucketsNamed(full_name, buckets_.size() - configured_buckets_, buckets_.size()));
  FamilyOptions viewed;
  if (spec.viewed_buckets) {
    viewed = options;
    ViewOverrides::Buckets(*views.buckets, viewed);
  }
  Status status = Check(type, name, labels, count, spec.viewed_buckets ? viewed : options, spec);
  if (!status) return status;
  if (views.dropped) return std::shared_ptr<FamilyCore>();
  spec.help = ToUtf8(help);
  // The sum of an additive gauge needs each one's value: that is the view stage's.
  if (!views.labels.empty() && !spec.additive) {
    spec.label_views = views.labels;
    spec.shown = ShownNames(views.labels, type, {spec.labels.begin(), spec.labels.end()},
                            ConstantLabels(spec.const_labels, constant_texts_));
  }

  std::shared_ptr<FamilyCore> family;
  {
    const std::lock_guard lock(mutex_);
    const auto known = families_.find(spec.name);
    if (known != families_.end()) {
      status = CheckSame(known->second->spec(), spec);
      if (!status) return status;
      return known->second;
    }
    if (closed_)
      return Status::Error("the Metrics has ended; " + ShownName(spec.name) + " records nothing");
    status = CheckSuffixes(spec);
    if (!status) return status;
    family = std::make_shared<FamilyCore>(shared_from_this(), next_family_id_++, std::move(spec),
                                          constant_texts_, tapped());
    families_.emplace(family->spec().name, family);
    list_.reset();
  }
  const std::string& trouble = family->spec().shown.trouble;
  if (!trouble.empty()) Refuse("view", "family " + ShownName(family->spec().name) + ": " + trouble);
  // Of what code says: a view or METRICS_BUCKETS may well name families of several types.
  const std::string ignored = IgnoredOptions(type, options);
  if (!ignored.empty()) {
    logger_->Log(LogLevel::kWarning, std::string(ToString(type)) + " " +
                                         ShownName(family->spec().name) + ": " + ignored);
  }
  if (on_new_family_) on_new_family_(family->spec());
  return family;
}

std::shared_ptr<FamilyCore> Registry::Find(MetricType type, std::string_view name) {
  const std::string full_name = prefix_ + std::string(name);
  const std::lock_guard lock(mutex_);
  const auto known = families_.find(full_name);
  return known != families_.end() && known->second->spec().type == type ? known->second : nullptr;
}

std::shared_ptr<const Registry::FamilyList> Registry::FamiliesLocked() {
  if (list_ == nullptr) {
    auto made = std::make_shared<FamilyList>();
    made->reserve(families_.size());
    for (const auto& [name, family] : families_) made->push_back(family);
    list_ = std::move(made);
  }
  return list_;
}

std::shared_ptr<const Registry::FamilyList> Registry::Families() {
  const std::lock_guard lock(mutex_);
  return FamiliesLocked();
}

std::size_t Registry::CellBytes() {
  const std::lock_guard lock(mutex_);
  return cells_.bytes() + summaries_.bytes();
}

void Registry::Close() noexcept {
  std::map<std::string, std::shared_ptr<FamilyCore>, std::less<>> families;
  std::shared_ptr<const FamilyList> list;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    ended_.store(true, std::memory_order_relaxed);
    families.swap(families_);
    list.swap(list_);
  }
}

// --- reading ---------------------------------------------------------------------------------

std::shared_ptr<const void> Registry::Pin() {
  // Allocated first: nothing throws once the pin is set.
  struct PinOfSnapshot {
    std::shared_ptr<Registry> registry;
    std::uint64_t pin = 0;
    bool set = false;
    ~PinOfSnapshot() {
      if (!set) return;
      const std::lock_guard lock(registry->pin_mutex_);
      registry->pins_.erase(pin);
    }
  };
  auto pin = std::make_shared<PinOfSnapshot>();
  pin->registry = shared_from_this();
  const std::lock_guard lock(pin_mutex_);
  pin->pin = next_pin_++;
  pins_.insert(pin->pin);
  pin->set = true;
  return pin;
}

void Registry::Retire(void* memory) {
  if (memory == nullptr) return;
  const std::lock_guard lock(pin_mutex_);
  retired_.push_back({memory, epoch_.Mark(), next_pin_});
}

void Registry::Reclaim() noexcept {
  if (retired_.empty()) return;
  epoch_.Poll();
  std::uint64_t oldest = 0;
  {
    const std::lock_guard lock(pin_mutex_);
    oldest = pins_.empty() ? next_pin_ : *pins_.begin();
  }
  // A snapshot taken after the unlinking does not see it.
  while (!retired_.empty() && retired_.front().pin_mark <= oldest &&
         epoch_.Passed(retired_.front().epoch_mark)) {
    std::free(retired_.front().memory);
    retired_.pop_front();
  }
}

bool Registry::TapObservations(std::size_t per_thread) noexcept {
  if (tapped_.exchange(true)) return false;
  Tap::Instance().Reserve(per_thread);
  return true;
}

// --- refusals --------------------------------------------------------------------------------

void Registry::Refuse(std::string_view reason, std::string_view message, std::uint64_t n) noexcept {
  try {
    const std::lock_guard lock(refusals_mutex_);
    refusals_[std::string(reason)] += n;
  } catch (...) {  // no memory: the message must do
  }
  logger_->Log(LogLevel::kWarning, message);
}

std::uint64_t Registry::Rejected(CellAddress* offender) const noexcept {
  CellAddress of_summaries = 0;
  const std::uint64_t summaries = summaries_.Rejected(&of_summaries);
  const std::uint64_t others = cells_.Rejected(offender);
  if (*offender == 0) *offender = of_summaries;
  return summaries + others;
}

void Registry::CheckRejected() {
  std::uint64_t rejected = 0;
  bool native = false;  // some family has exponential buckets, which may find no memory
  std::string offender;
  {
    const std::lock_guard lock(mutex_);
    CellAddress cell = 0;
    rejected = Rejected(&cell);
    if (rejected <= reported_rejections_) return;
    // Said at the first and whenever the number has doubled.
    if (reported_rejections_ != 0 && rejected < 2 * reported_rejections_) return;
    reported_rejections_ = rejected;
    for (const auto& entry : families_) {
      const FamilySpec& spec = entry.second->spec();
      native = native || spec.native.has_value();
      entry.second->ForEachSeries([&](const SeriesRecord* record) {
        CellAddress own = record->cell;
        if (spec.type == MetricType::kHistogram) {
          own = reinterpret_cast<const HistogramCell*>(own)->row;
        } else if (spec.type == MetricType::kSummary) {
          own = SummaryCellOf(own).base.load(std::memory_order_relaxed);
        }
        if (own == cell) offender = ShownName(spec.name);
      });
    }
  }
  logger_->Log(LogLevel::kWarning,
               "refused " + std::to_string(rejected) +
                   " increments that were negative or NaN, or observations of NaN" +
                   (native ? ", or that exponential buckets had no memory for" : "") +
                   (offender.empty() ? std::string() : ", at first on " + offender));
}

void Registry::CheckExemplarLabels() {
  std::string offender;
  {
    const std::lock_guard lock(mutex_);
    std::uintptr_t address = 0;
    if (reported_exemplar_labels_ || cells_.RefusedExemplarLabels(&address) == 0) return;
    reported_exemplar_labels_ = true;
    for (const auto& entry : families_) {
      const FamilySpec& spec = entry.second->spec();
      if (!spec.exemplars) continue;
      entry.second->ForEachSeries([&](const SeriesRecord* record) {
        const auto own = spec.type == MetricType::kHistogram
                             ? reinterpret_cast<std::uintptr_t>(RichCellOf(record->cell).exemplars)
                             : record->cell;
        if (own == address) offender = ShownName(spec.name);
      });
    }
  }
  logger_->Log(LogLevel::kWarning,
               "labels of exemplars were left out" +
                   (offender.empty() ? std::string() : ", at first on " + offender) +
                   ": with trace_id and span_id, names and values may have " +
                   std::to_string(kMostExemplarCodePoints) + " code points and there may be " +
                   std::to_string(kMostExemplarLabels) +
                   " labels; names are [a-zA-Z_][a-zA-Z0-9_]*, none twice, and not trace_id, "
                   "span_id or le");
}

std::map<std::string, std::uint64_t> Registry::Refusals() {
  std::uint64_t rejected = 0;
  std::uint64_t exemplar_labels = 0;
  {
    const std::lock_guard lock(mutex_);
    CellAddress cell = 0;
    rejected = Rejected(&cell);
    exemplar_labels = cells_.RefusedExemplarLabels(&cell);
  }
  const std::lock_guard lock(refusals_mutex_);
  auto refusals = refusals_;
  if (rejected != 0) refusals["bad_value"] += rejected;
  if (exemplar_labels != 0) refusals["exemplar_label"] += exemplar_labels;
  return refusals;
}

double Registry::RetiredIncrements() {
  const std::lock_guard lock(mutex_);
  return cells_.RetiredIncrements() + summaries_.RetiredIncrements();
}

// --- fork ------------------------------------------------------------------------------------

void Registry::LockForFork() noexcept {
  mutex_.lock();
  pin_mutex_.lock();
  refusals_mutex_.lock();
  expiry_.LockForFork();
}
void Registry::UnlockAfterFork() noexcept {
  expiry_.UnlockAfterFork();
  refusals_mutex_.unlock();
  pin_mutex_.unlock();
  mutex_.unlock();
}
void Registry::RestartInChild() noexcept {
  // Cells are zero already (MADV_WIPEONFORK).
  const std::int64_t now = NowNanos();
  for (const auto& [name, family] : families_) family->RestartSeries(now);
  cells_.RestartInChild();
  summaries_.RestartInChild();
  refusals_.clear();
  reported_rejections_ = 0;
  reported_exemplar_labels_ = false;
  tapped_.store(false, std::memory_order_relaxed);  // until a backend asks again
}

}  // namespace detail
POLYMETER_END_NAMESPACE
