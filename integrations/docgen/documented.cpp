#include "integrations/docgen/documented.h"

#include <algorithm>
#include <functional>
#include <iterator>

POLYMETER_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr std::size_t kMaxRemembered = 1000000;
constexpr std::size_t kMaxTag = 4096;  // far from any end, each tag would be a search of the rest

constexpr std::string_view kCompounds[] = {"class",     "struct",   "union",
                                           "interface", "protocol", "exception",
                                           "namespace", "group",    "concept"};

// Parts that nothing in them counts for: the source itself, most of the file; and values and
// parameters, whose descriptions are not those of their enum or function.
constexpr std::string_view kPassedOver[][2] = {
    {"<programlisting>", "</programlisting>"},
    {"<enumvalue ", "</enumvalue>"},
    {"<param>", "</param>"},
};

std::string_view Attribute(std::string_view tag, std::string_view name) {
  // ` id="` in `<memberdef kind="function" id="a" ...`
  for (std::size_t at = tag.find(name); at != std::string_view::npos; at = tag.find(name, at + 1)) {
    if (at == 0 || tag[at - 1] != ' ' || tag.substr(at + name.size(), 2) != "=\"") continue;
    const std::size_t begin = at + name.size() + 2;
    return tag.substr(begin, tag.find('"', begin) - begin);
  }
  return {};
}

// The opening tag that `text` begins with; empty where it has no end.
std::string_view Tag(std::string_view text) {
  text = text.substr(0, kMaxTag);
  const std::size_t end = text.find('>');
  return end == std::string_view::npos ? std::string_view() : text.substr(0, end);
}

// Whether <briefdescription> or <detaileddescription> holds more than blanks, where `text` begins
// behind its opening tag.
bool HoldsText(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text.substr(first, 2) != "</";
}

}  // namespace

void DocumentedCount::Count(std::string_view id, bool documented) {
  const std::uint64_t hash = std::hash<std::string_view>()(id);
  if (!id.empty()) {
    if (seen_.count(hash) != 0) return;
    if (seen_.size() < kMaxRemembered) seen_.insert(hash);
  }
  ++all_;
  documented_ += documented;
}

void DocumentedCount::Add(std::string_view xml) {
  // Elements in question do not nest, but for members within their compound.
  struct Element {
    bool open = false;
    std::string_view id;
    bool documented = false;
  };
  Element compound;
  Element member;
  for (std::size_t at = xml.find('<'); at != std::string_view::npos; at = xml.find('<', at + 1)) {
    const std::string_view rest = xml.substr(at);
    const auto begins = [&rest](std::string_view tag) { return rest.substr(0, tag.size()) == tag; };
    if (begins("<memberdef ")) {
      const std::string_view tag = Tag(rest);
      member = {true, Attribute(tag, "id"), false};
    } else if (begins("</memberdef>")) {
      if (member.open) Count(member.id, member.documented);
      member = Element();
    } else if (begins("<compounddef ")) {
      const std::string_view tag = Tag(rest);
      const std::string_view kind = Attribute(tag, "kind");
      compound = {
          std::find(std::begin(kCompounds), std::end(kCompounds), kind) != std::end(kCompounds),
          Attribute(tag, "id"), false};
    } else if (begins("</compounddef>")) {
      if (compound.open) Count(compound.id, compound.documented);
      compound = Element();
    } else if (begins("<briefdescription>") || begins("<detaileddescription>")) {
      const bool documented = HoldsText(rest.substr(rest.find('>') + 1));
      (member.open ? member : compound).documented |= documented;
    } else {
      for (const auto& [open, close] : kPassedOver) {
        if (!begins(open)) continue;
        const std::size_t end = rest.find(close);
        if (end == std::string_view::npos) return;
        at += end;
        break;
      }
    }
  }
}

}  // namespace detail
POLYMETER_END_NAMESPACE
