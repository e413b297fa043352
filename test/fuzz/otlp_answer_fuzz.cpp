// libFuzzer: any bytes as a receiver's answer. The first byte chooses how they are presented.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "exporters/common/encoding/base64.h"
#include "exporters/common/transport/retry_after.h"
#include "exporters/otlp/answer_parts.h"
#include "exporters/otlp/classify.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace polymeter;
  if (size < 3) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 3), size - 3);
  const SystemTime now(std::chrono::seconds(1700000000));
  static_cast<void>(detail::ParseRetryAfter(bytes, now));
  static_cast<void>(detail::DecodeBase64(bytes));
  static_cast<void>(detail::DecodePercent(bytes));
  detail::HttpResult result;
  result.outcome = detail::HttpResult::Outcome::kAnswered;
  result.status = data[0] % 2 == 0 ? 200 : 400 + data[1];
  result.http2 = true;
  const char* const types[] = {"application/json", "application/x-protobuf", "text/plain", ""};
  result.headers = {{"content-type", types[data[0] / 2 % 4]},
                    {"retry-after", std::string(bytes)},
                    {"grpc-status", std::to_string(data[2] % 18)},
                    {"grpc-message", std::string(bytes)},
                    {"grpc-status-details-bin", std::string(bytes)}};
  result.body = bytes;
  static_cast<void>(detail::ClassifyHttp(result, now));
  static_cast<void>(detail::ClassifyGrpc(result, now));
  return 0;
}
