// What the application recorded, written down beside polymeter and never read back from it, so
// that the judges compare receivers with the truth and not with ourselves.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace receivers {

using Labels = std::vector<std::pair<std::string, std::string>>;  // raw bytes

// A number as an integer where it was one, else as a double.
struct Number {
  Number(std::uint64_t n) : integer(n), is_integer(true) {}  // NOLINT: implicit
  Number(double d) : real(d) {}                              // NOLINT: implicit
  std::uint64_t integer = 0;
  double real = 0;
  bool is_integer = false;
};

struct Point {
  Labels labels;
  std::vector<Number> value;                     // one; none for info and for distributions
  std::vector<std::pair<double, Number>> parts;  // bound, count not cumulative; quantile, value
  Number count{std::uint64_t{0}};
  Number sum{0.0};
};

struct Family {
  std::string kind;  // a row of the matrix
  std::string type;
  std::string name;
  std::string help;
  std::string unit;
  Labels constant_labels;
  std::vector<Point> points;
};

class Truth {
 public:
  // Valid as long as the Truth.
  Family& Add(std::string kind, std::string type, std::string name, std::string help,
              std::string unit = {});
  // Must not be seen on any page.
  void Refused(std::string name) { refused_.push_back(std::move(name)); }
  void ConstantLabels(Labels labels) { constant_labels_ = std::move(labels); }
  void Resource(Labels attributes) { resource_ = std::move(attributes); }
  void Dropped(std::string format, std::string reason, std::uint64_t points);
  // Bytes are base64, doubles hexadecimal, integers decimal.
  std::string Json() const;

 private:
  std::deque<Family> families_;  // Add gives references
  std::vector<std::string> refused_;
  Labels constant_labels_;
  Labels resource_;
  struct Drop {
    std::string format;
    std::string reason;
    std::uint64_t points;
  };
  std::vector<Drop> dropped_;
};

}  // namespace receivers
