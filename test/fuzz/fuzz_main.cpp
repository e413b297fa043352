// Runs the fuzzer's function over inputs from a fixed seed, where libFuzzer is not to be had:
// fuzz_main [INPUTS].
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
  const int inputs = argc > 1 ? std::atoi(argv[1]) : 1000;
  std::mt19937_64 random(1);
  std::vector<std::uint8_t> bytes;
  for (int i = 0; i < inputs; ++i) {
    bytes.resize(random() % 600);
    // Half of them of few different bytes, so that names and labels meet again.
    const std::uint64_t kinds = i % 2 == 0 ? 256 : 1 + random() % 8;
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random() % kinds * 37);
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  }
  std::printf("%d inputs\n", inputs);
}
