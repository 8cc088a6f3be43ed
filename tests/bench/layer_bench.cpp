// What each step of building a layer takes on one core, and the whole chain on all. The content is
// that of the file $DAVIT_BENCH_TAR, else 64 MiB of words and noise; trees are $DAVIT_BENCH_TREE.

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>

#include "oci/base/file.hpp"
#include "oci/layer/decompress.hpp"
#include "oci/layer/deflate.hpp"
#include "oci/layer/layer.hpp"
#include "oci/layer/tree.hpp"
#include "oci/layer/zstd.hpp"
#include "oci/model/digest.hpp"
#include "tests/support/content.hpp"

namespace davit {
namespace {

using oci::Bytes;

std::string read_content() {
  const char* path = std::getenv("DAVIT_BENCH_TAR");
  if (path == nullptr) return tests::words(48 * oci::MiB, 1) + tests::noise(16 * oci::MiB, 2);
  std::string content;
  oci::FunctionSink append([&](Bytes bytes) { content.append(oci::text_of(bytes)); });
  const oci::Fd file = oci::open_file(path, O_RDONLY);
  oci::send_file(file.get(), 0, std::filesystem::file_size(path), append, path);
  return content;
}

Bytes content() {
  static const std::string text = read_content();
  return oci::bytes_of(text);
}

template <class Each>
void for_blocks(const Each& each) {
  for (std::size_t at = 0; at < content().size(); at += oci::block_size) {
    each(at, content().subspan(at, std::min(oci::block_size, content().size() - at)));
  }
}

void count(benchmark::State& state, std::size_t in) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * in));
}

void count(benchmark::State& state, std::size_t in, std::size_t out) {
  count(state, in);
  state.counters["ratio"] = static_cast<double>(out) / static_cast<double>(in);
}

void sha256(benchmark::State& state) {
  for (auto _ : state) {
    oci::Hasher hasher;
    for_blocks([&](std::size_t, Bytes block) { hasher.write(block); });
    benchmark::DoNotOptimize(hasher.finish());
  }
  count(state, content().size());
}

void deflate(benchmark::State& state, oci::BlockDeflater& deflater) {
  std::vector<std::byte> room(oci::deflated_limit);
  std::size_t size = 0;
  for (auto _ : state) {
    size = 0;
    for_blocks([&](std::size_t at, Bytes block) {
      const std::size_t window = std::min(at, oci::deflate_window);
      size += deflater.deflate(content().subspan(at - window, window), block, room);
    });
  }
  count(state, content().size(), size);
}

void gzip(benchmark::State& state) { deflate(state, *oci::make_fast_deflater()); }

void gzip_level(benchmark::State& state) {
  deflate(state, *oci::make_zlib_deflater(static_cast<int>(state.range(0))));
}

void zstd(benchmark::State& state) {
  std::size_t size = 0;
  for (auto _ : state) {
    size = 0;
    oci::FunctionSink out([&](Bytes bytes) { size += bytes.size(); });
    oci::ZstdWriter writer(static_cast<int>(state.range(0)), 1, out);
    for_blocks([&](std::size_t, Bytes block) { writer.write(block); });
    writer.finish();
  }
  count(state, content().size(), size);
}

/// The layer that a compression makes of the content.
std::size_t make_layer(const oci::Compression& compression, oci::CompressionPool& pool,
                       oci::Sink& out) {
  std::size_t size = 0;
  oci::FunctionSink counted([&](Bytes bytes) {
    size += bytes.size();
    out.write(bytes);
  });
  oci::write_layer([](oci::BlockWriter& to) { to.write(content()); }, compression, pool, counted);
  return size;
}

void chain(benchmark::State& state, const char* compression) {
  oci::CompressionPool pool;
  std::size_t size = 0;
  oci::NullSink nowhere;
  for (auto _ : state) size = make_layer(oci::Compression::parse(compression), pool, nowhere);
  count(state, content().size(), size);
}

void decompress(benchmark::State& state, const char* compression) {
  std::string compressed;
  oci::FunctionSink append([&](Bytes bytes) { compressed.append(oci::text_of(bytes)); });
  oci::CompressionPool pool;
  make_layer(oci::Compression::parse(compression), pool, append);
  const Bytes bytes = oci::bytes_of(compressed);
  for (auto _ : state) {
    oci::NullSink nowhere;
    const auto decompressor = oci::make_decompressor(oci::sniff(bytes), nowhere, "the layer");
    decompressor->write(bytes);
    decompressor->finish();
  }
  count(state, content().size());
}

/// A tree to nowhere: what reading it costs.
void tree(benchmark::State& state) {
  const char* path = std::getenv("DAVIT_BENCH_TREE");
  if (path == nullptr) return state.SkipWithError("DAVIT_BENCH_TREE names no tree");
  std::size_t size = 0;
  for (auto _ : state) {
    size = 0;
    oci::BlockPool pool(8);
    oci::BlockWriter to(pool, [&](const oci::Block& block) { size += block->size(); });
    oci::tree_source(path, {})(to);
    to.finish();
  }
  count(state, size);
}

// Steps: CPU time of all threads. The chain and what reads ahead: wall time.
BENCHMARK(sha256)->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);
BENCHMARK(gzip)->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);
BENCHMARK(gzip_level)->Arg(1)->Arg(6)->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);
BENCHMARK(zstd)->Arg(3)->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(decompress, gzip, "gzip")->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(decompress, zstd, "zstd")->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);
BENCHMARK(tree)->MeasureProcessCPUTime()->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(chain, gzip, "gzip")
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(chain, zstd, "zstd")
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(chain, none, "none")
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace davit

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  davit::content();  // read before anything is timed
  benchmark::RunSpecifiedBenchmarks();
}
