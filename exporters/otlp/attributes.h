// The attributes of series and of the resource: names, values and their types.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/snapshot.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct Attribute {
  enum class Type : std::uint8_t { kText, kInteger, kBool };
  std::string_view key;  // valid UTF-8
  Type type = Type::kText;
  std::string_view text;     // of kText: valid UTF-8, may be empty
  std::int64_t integer = 0;  // of kInteger; 1 or 0 of kBool
};

// Reusable; what Of and the resource's constructor give refers to the snapshot and to this.
class Attributes {
 public:
  // The labels of a series, with the keys that the family's map gives, and the attributes that the
  // map alone has. No key twice, and no label is lost: one whose new key is taken, or is the name
  // of another label, keeps its own name. The overflow series' label becomes what OpenTelemetry has
  // for it, otel.metric.overflow = true.
  const std::vector<Attribute>& Of(const FamilyView& family, SeriesView series);
  // process.pid is an integer; everything else is text.
  const std::vector<Attribute>& Of(const Resource& resource);
  // An exemplar's labels.
  const std::vector<Attribute>& Of(const Exemplar& exemplar);

 private:
  bool Has(std::string_view key) const noexcept;
  // What is not UTF-8 is repaired: a request with bytes that are not is refused as a whole.
  std::string_view Checked(std::string_view text);

  std::vector<Attribute> attributes_;
  std::vector<std::string> repaired_;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
