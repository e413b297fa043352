// From the bytes of both directions to a session's messages. Internal.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "integrations/common/forks.h"
#include "integrations/lsp/jsonrpc_frames.h"
#include "integrations/lsp/lsp_message.h"
#include "integrations/lsp/lsp_session.h"
#include "integrations/lsp/lsp_state.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

class LspSessionFeed {
 public:
  explicit LspSessionFeed(std::shared_ptr<LspState> state);
  ~LspSessionFeed();

  void Bytes(LspDirection direction, std::string_view bytes, LspTime now);
  void Eof(LspDirection direction);
  void End(const LspExit& exit);
  void Forwarded(LspDirection direction, std::chrono::duration<double> time) {
    if (ours()) state_->OnForwarded(direction, time);
  }
  bool InSync(LspDirection direction) const {
    return !Of(direction).failed && Of(direction).reader.in_sync();
  }

 private:
  // One direction's frames, on their way into the session.
  struct Stream final : FrameSink {
    Stream(LspSessionFeed& of, LspDirection where, std::size_t body_limit)
        : feed(of), direction(where), reader(body_limit) {}
    void OnFrame(const FrameBody& body) override;
    void OnFrameError(FrameError error) override;

    LspSessionFeed& feed;
    const LspDirection direction;
    FrameReader reader;
    bool ended = false;
    bool failed = false;
  };

  const Stream& Of(LspDirection direction) const {
    return direction == LspDirection::kClientToServer ? from_client_ : from_server_;
  }
  Stream& Of(LspDirection direction) {
    return direction == LspDirection::kClientToServer ? from_client_ : from_server_;
  }
  // What whoever collects sees.
  void Show() noexcept;

  // In a forked child the session is the parent's: nothing of it is counted there.
  bool ours() const noexcept { return forks_ == ForkCount(); }

  const std::uint32_t forks_ = ForkCount();
  const std::shared_ptr<LspState> state_;
  const std::shared_ptr<LspLive> live_;
  LspMessageParser parser_;
  LspSessionMachine session_;
  Stream from_client_;
  Stream from_server_;
  LspTime now_{};
  bool ended_ = false;
};

}  // namespace detail
POLYMETER_END_NAMESPACE
