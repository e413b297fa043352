#include "integrations/lsp/lsp_feed.h"

#include <utility>

POLYMETER_BEGIN_NAMESPACE
namespace detail {

LspSessionFeed::LspSessionFeed(std::shared_ptr<LspState> state)
    : state_(std::move(state)),
      live_(std::make_shared<LspLive>(state_->gauges(), false)),
      session_(*state_, state_->methods(),
               {state_->options().request_limit(), state_->options().document_limit()},
               state_->options().cpu()
                   ? LspSessionMachine::CpuReader([this] { return state_->ReadCpu(); })
                   : LspSessionMachine::CpuReader()),
      from_client_(*this, LspDirection::kClientToServer, state_->options().body_limit()),
      from_server_(*this, LspDirection::kServerToClient, state_->options().body_limit()) {
  state_->Attach(live_);
}

LspSessionFeed::~LspSessionFeed() {
  if (ended_) return;
  state_->Detach(*live_);
  if (ours()) session_.Abandon();
}

void LspSessionFeed::Stream::OnFrame(const FrameBody& body) {
  feed.state_->OnMessageBytes(direction, body.size);
  feed.session_.OnMessage(direction, feed.parser_.Parse(body), feed.now_);
}

void LspSessionFeed::Stream::OnFrameError(FrameError error) { feed.state_->OnFrameError(error); }

void LspSessionFeed::Bytes(LspDirection direction, std::string_view bytes, LspTime now) {
  Stream& stream = Of(direction);
  if (ended_ || stream.ended || !ours()) return;
  now_ = now;
  try {
    stream.reader.Feed(bytes, stream);
  } catch (...) {
    stream.ended = stream.failed = true;  // no memory: where messages begin is not known any more
  }
  Show();
}

void LspSessionFeed::Eof(LspDirection direction) {
  Stream& stream = Of(direction);
  if (ended_ || stream.ended || !ours()) return;
  stream.ended = true;
  stream.reader.Finish(stream);
  session_.OnEof(direction);
}

void LspSessionFeed::End(const LspExit& exit) {
  if (ended_ || !ours()) return;
  for (Stream* const stream : {&from_client_, &from_server_}) {
    if (!stream->ended) stream->reader.Finish(*stream);
    stream->ended = true;
  }
  ended_ = true;
  state_->OnServerGone(exit.cpu_seconds());
  state_->Detach(*live_);
  session_.End(exit);
}

void LspSessionFeed::Show() noexcept {
  live_->in_flight.Set(static_cast<std::int64_t>(session_.in_flight()));
  const std::optional<LspTime> oldest = session_.oldest();
  live_->oldest.store(
      oldest ? std::chrono::nanoseconds(oldest->time_since_epoch()).count() : LspLive::kNothing,
      std::memory_order_relaxed);
  const LspDocuments& documents = session_.documents();
  live_->open_documents.Set(static_cast<std::int64_t>(documents.open()));
  for (std::size_t i = 0; i < kLspSeverities; ++i) {
    live_->diagnostics[i].Set(documents.diagnostics()[i]);
  }
}

}  // namespace detail
POLYMETER_END_NAMESPACE
