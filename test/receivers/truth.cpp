#include "test/receivers/truth.h"

#include <cstdio>

namespace receivers {
namespace {

std::string Base64(std::string_view bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out = "\"";
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      out += i + j <= bytes.size() ? kDigits[group >> (18 - 6 * j) & 63] : '=';
    }
  }
  return out + "\"";
}

std::string Json(const Number& number) {
  char text[64];
  if (number.is_integer) {
    std::snprintf(text, sizeof(text), "{\"integer\":\"%llu\"}",
                  static_cast<unsigned long long>(number.integer));
  } else {
    std::snprintf(text, sizeof(text), "{\"double\":\"%a\"}", number.real);
  }
  return text;
}

std::string Json(const Labels& labels) {
  std::string out = "[";
  for (const auto& [name, value] : labels) {
    out += (out.size() > 1 ? ",[" : "[") + Base64(name) + "," + Base64(value) + "]";
  }
  return out + "]";
}

std::string Json(const Point& point) {
  std::string out = "{\"labels\":" + Json(point.labels);
  if (!point.value.empty()) out += ",\"value\":" + Json(point.value.front());
  if (!point.parts.empty()) {
    out += ",\"parts\":[";
    for (std::size_t i = 0; i < point.parts.size(); ++i) {
      out += (i > 0 ? ",[" : "[") + Json(Number(point.parts[i].first)) + "," +
             Json(point.parts[i].second) + "]";
    }
    out += "],\"count\":" + Json(point.count) + ",\"sum\":" + Json(point.sum);
  }
  return out + "}";
}

}  // namespace

Family& Truth::Add(std::string kind, std::string type, std::string name, std::string help,
                   std::string unit) {
  return families_.emplace_back(Family{
      std::move(kind), std::move(type), std::move(name), std::move(help), std::move(unit), {}, {}});
}

void Truth::Dropped(std::string format, std::string reason, std::uint64_t points) {
  dropped_.push_back({std::move(format), std::move(reason), points});
}

std::string Truth::Json() const {
  std::string out = "{\"families\":[";
  for (const Family& family : families_) {
    if (out.back() != '[') out += ",\n";
    out += "{\"kind\":\"" + family.kind + "\",\"type\":\"" + family.type + "\",\"name\":\"" +
           family.name + "\",\"help\":" + Base64(family.help) + ",\"unit\":\"" + family.unit +
           "\",\"constant_labels\":" + receivers::Json(family.constant_labels) + ",\"points\":[";
    for (const Point& point : family.points) {
      if (out.back() != '[') out += ",\n";
      out += receivers::Json(point);
    }
    out += "]}";
  }
  out += "],\n\"refused\":[";
  for (const std::string& name : refused_) out += (out.back() == '[' ? "" : ",") + Base64(name);
  out += "],\n\"constant_labels\":" + receivers::Json(constant_labels_);
  out += ",\n\"resource\":" + receivers::Json(resource_);
  out += ",\n\"dropped\":[";
  for (const Drop& drop : dropped_) {
    out += (out.back() == '[' ? "" : ",") + ("[\"" + drop.format + "\",\"" + drop.reason + "\"," +
                                             std::to_string(drop.points) + "]");
  }
  return out + "]}\n";
}

}  // namespace receivers
