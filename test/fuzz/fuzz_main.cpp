// Runs the fuzzer's function where libFuzzer is not to be had, from a fixed seed: over the files of
// a corpus, over changes of them, and over bytes of its own. fuzz_main [INPUTS [CORPUS]].
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;

std::vector<Bytes> ReadCorpus(const char* folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry);
  std::sort(files.begin(), files.end());
  std::vector<Bytes> corpus;
  for (const auto& file : files) {
    std::ifstream in(file, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return corpus;
}

// A few bytes changed, taken out, put in, or a piece of another one put in.
void ChangeInput(Bytes& bytes, const Bytes& other, std::mt19937_64& random) {
  for (std::uint64_t changes = 1 + random() % 4; changes > 0; --changes) {
    const auto at = [&](const Bytes& of) { return of.empty() ? 0 : random() % of.size(); };
    const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(at(bytes));
    switch (random() % 4) {
      case 0:
        if (!bytes.empty()) *begin = static_cast<std::uint8_t>(random());
        break;
      case 1:
        bytes.insert(begin, static_cast<std::uint8_t>(random()));
        break;
      case 2: {
        const auto left = static_cast<std::uint64_t>(bytes.end() - begin);
        bytes.erase(begin, begin + static_cast<std::ptrdiff_t>(std::min(left, random() % 8)));
        break;
      }
      default: {
        const auto from = other.begin() + static_cast<std::ptrdiff_t>(at(other));
        const auto left = static_cast<std::uint64_t>(other.end() - from);
        bytes.insert(begin, from,
                     from + static_cast<std::ptrdiff_t>(std::min(left, random() % 32)));
      }
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int inputs = argc > 1 ? std::atoi(argv[1]) : 1000;
  const std::vector<Bytes> corpus = argc > 2 ? ReadCorpus(argv[2]) : std::vector<Bytes>();
  if (argc > 2 && corpus.empty()) {
    std::fprintf(stderr, "no corpus in %s\n", argv[2]);
    return 1;
  }
  for (const Bytes& bytes : corpus) LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  std::mt19937_64 random(1);
  Bytes bytes;
  for (int i = 0; i < inputs; ++i) {
    if (!corpus.empty() && i % 2 == 0) {
      bytes = corpus[random() % corpus.size()];
      ChangeInput(bytes, corpus[random() % corpus.size()], random);
    } else {
      bytes.resize(random() % 600);
      // Half of them of few different bytes, so that names and labels meet again.
      const std::uint64_t kinds = i % 4 == 1 ? 256 : 1 + random() % 8;
      for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random() % kinds * 37);
    }
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  }
  std::printf("%zu files, %d inputs\n", corpus.size(), inputs);
}
