// Reads a protobuf page with Google's library, which shares no code with the encoder. The messages
// are described here, from client_model's field numbers, and made at run time.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/text_format.h>

#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "polymeter/export.h"

POLYMETER_BEGIN_NAMESPACE
namespace testing {

class ProtobufPageReader {
 public:
  using Message = google::protobuf::Message;

  ProtobufPageReader() {
    const auto* const built = pool_.BuildFile(Schema());
    Need(built != nullptr, "the schema");
    prototype_ = factory_.GetPrototype(built->FindMessageTypeByName("MetricFamily"));
  }

  // The messages of a page. Throws for one that is not whole or has a field that is not known.
  std::vector<std::unique_ptr<Message>> Read(std::string_view page) const {
    std::vector<std::unique_ptr<Message>> families;
    google::protobuf::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(page.data()),
                                              static_cast<int>(page.size()));
    std::uint32_t size = 0;
    while (in.CurrentPosition() < static_cast<int>(page.size())) {
      Need(in.ReadVarint32(&size), "a length");
      const auto begin = static_cast<std::size_t>(in.CurrentPosition());
      Need(size <= page.size() - begin, "a whole message");
      auto family = std::unique_ptr<Message>(prototype_->New());
      Need(family->ParseFromArray(page.data() + begin, static_cast<int>(size)), "a message");
      NeedKnownFields(*family);
      Need(in.Skip(static_cast<int>(size)), "a whole message");
      families.push_back(std::move(family));
    }
    return families;
  }

  // One line a message, as protobuf's text format has it.
  std::string Text(std::string_view page) const {
    google::protobuf::TextFormat::Printer printer;
    printer.SetSingleLineMode(true);
    std::string out;
    for (const auto& family : Read(page)) {
      std::string line;
      Need(printer.PrintToString(*family, &line), "text");
      while (!line.empty() && line.back() == ' ') line.pop_back();
      out += line + "\n";
    }
    return out;
  }

  // --- what a message holds, by the names of fields ----------------------------------------------
  static std::vector<const Message*> All(const Message& in, const std::string& field) {
    std::vector<const Message*> out;
    for (int i = 0; i < in.GetReflection()->FieldSize(in, Field(in, field)); ++i) {
      out.push_back(&in.GetReflection()->GetRepeatedMessage(in, Field(in, field), i));
    }
    return out;
  }
  static const Message& One(const Message& in, const std::string& field) {
    Need(Has(in, field), field);
    return in.GetReflection()->GetMessage(in, Field(in, field));
  }
  static bool Has(const Message& in, const std::string& field) {
    return in.GetReflection()->HasField(in, Field(in, field));
  }
  static std::string String(const Message& in, const std::string& field) {
    return in.GetReflection()->GetString(in, Field(in, field));
  }
  static double Double(const Message& in, const std::string& field) {
    Need(Has(in, field), field);
    return in.GetReflection()->GetDouble(in, Field(in, field));
  }

 private:
  // message: field number type, ...; '*' repeated. Field numbers as client_model's metrics.proto.
  static constexpr const char* kSchema = R"(
    Timestamp: seconds 1 int64, nanos 2 int32
    LabelPair: name 1 string, value 2 string
    Gauge: value 1 double
    Untyped: value 1 double
    Exemplar: label 1 *LabelPair, value 2 double, timestamp 3 Timestamp
    Counter: value 1 double, exemplar 2 Exemplar, created_timestamp 3 Timestamp
    Quantile: quantile 1 double, value 2 double
    Summary: sample_count 1 uint64, sample_sum 2 double, quantile 3 *Quantile,
      created_timestamp 4 Timestamp
    Bucket: cumulative_count 1 uint64, upper_bound 2 double, exemplar 3 Exemplar
    BucketSpan: offset 1 sint32, length 2 uint32
    Histogram: sample_count 1 uint64, sample_sum 2 double, bucket 3 *Bucket, schema 5 sint32,
      zero_threshold 6 double, zero_count 7 uint64, negative_span 9 *BucketSpan,
      negative_delta 10 *sint64, positive_span 12 *BucketSpan, positive_delta 13 *sint64,
      created_timestamp 15 Timestamp, exemplars 16 *Exemplar
    Metric: label 1 *LabelPair, gauge 2 Gauge, counter 3 Counter, summary 4 Summary,
      untyped 5 Untyped, histogram 7 Histogram
    MetricFamily: name 1 string, help 2 string, type 3 MetricType, metric 4 *Metric,
      unit 5 string
  )";
  static constexpr const char* kMetricTypes[] = {"COUNTER", "GAUGE",     "SUMMARY",
                                                 "UNTYPED", "HISTOGRAM", "GAUGE_HISTOGRAM"};

  static google::protobuf::FileDescriptorProto Schema() {
    using Field = google::protobuf::FieldDescriptorProto;
    const std::map<std::string, Field::Type> scalars = {
        {"double", Field::TYPE_DOUBLE}, {"int64", Field::TYPE_INT64},
        {"uint64", Field::TYPE_UINT64}, {"int32", Field::TYPE_INT32},
        {"uint32", Field::TYPE_UINT32}, {"sint32", Field::TYPE_SINT32},
        {"sint64", Field::TYPE_SINT64}, {"string", Field::TYPE_STRING}};
    google::protobuf::FileDescriptorProto file;
    file.set_name("metrics.proto");
    auto* const type = file.add_enum_type();
    type->set_name("MetricType");
    for (const char* const name : kMetricTypes) {
      auto* const value = type->add_value();
      value->set_number(type->value_size() - 1);
      value->set_name(name);
    }
    std::istringstream words(kSchema);
    for (std::string word; words >> word;) {
      if (word.back() == ':') {
        file.add_message_type()->set_name(word.substr(0, word.size() - 1));
        continue;
      }
      Field& field = *file.mutable_message_type(file.message_type_size() - 1)->add_field();
      int number = 0;
      field.set_name(word);
      words >> number >> word;
      if (word.back() == ',') word.pop_back();
      field.set_number(number);
      field.set_label(word[0] == '*' ? Field::LABEL_REPEATED : Field::LABEL_OPTIONAL);
      if (word[0] == '*') word.erase(0, 1);
      if (const auto scalar = scalars.find(word); scalar != scalars.end()) {
        field.set_type(scalar->second);
      } else {
        field.set_type_name(word);
      }
    }
    return file;
  }

  static void Need(bool holds, const std::string& what) {
    if (!holds) throw std::runtime_error("not there: " + what);
  }
  static const google::protobuf::FieldDescriptor* Field(const Message& in,
                                                        const std::string& name) {
    return in.GetDescriptor()->FindFieldByName(name);
  }
  static void NeedKnownFields(const Message& message) {
    const auto* const reflection = message.GetReflection();
    Need(reflection->GetUnknownFields(message).empty(), "a description of every field");
    std::vector<const google::protobuf::FieldDescriptor*> present;
    reflection->ListFields(message, &present);
    for (const auto* const field : present) {
      if (field->message_type() == nullptr) continue;
      if (!field->is_repeated()) NeedKnownFields(reflection->GetMessage(message, field));
      for (int i = 0; field->is_repeated() && i < reflection->FieldSize(message, field); ++i) {
        NeedKnownFields(reflection->GetRepeatedMessage(message, field, i));
      }
    }
  }

  google::protobuf::DescriptorPool pool_;
  google::protobuf::DynamicMessageFactory factory_;
  const Message* prototype_ = nullptr;
};

}  // namespace testing
POLYMETER_END_NAMESPACE
