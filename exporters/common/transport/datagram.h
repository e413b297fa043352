// Datagrams over UDP and Unix sockets. Nobody acknowledges them: what the system takes is sent, and
// what it does not take is tried again only where it is sure that it never left.
//
//   kSent                    the system has it; with a message when it has just refused an earlier
//                            datagram: then nobody listens at the port, or did until just now
//   kRetry                   there is no receiver to give it to: the host has no address yet, no
//                            route, no socket file, nobody behind the file
//   kRejected would_block    the receiver is there and takes nothing
//             refused        refusals of two earlier datagrams came before the system took it
//             too_large      more than one datagram holds
//             io_error       anything else
//
// A host's name is resolved in a thread that nobody waits for longer than the message's deadline,
// anew every minute and after a refusal. A socket file that was replaced is opened anew. Where
// nothing holds the sender back (UDP on the same machine), it holds itself back, so that a receiver
// with the system's default buffers loses nothing of tens of thousands of lines.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "exporters/common/transport/datagram_address.h"
#include "polymeter/push_backend.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

struct DatagramOptions {
  DatagramTarget target;
  // Over UDP: so many bytes at once, then so many a second, and half of what the batch has sent so
  // far on top of that (1 MiB in a second, 13 in four); 0 is no limit. Not kept to when the
  // deadline is near.
  std::size_t burst_bytes = std::size_t{32} << 10;
  std::size_t bytes_per_second = std::size_t{1} << 20;
  HostResolver::Resolve resolve = {};  // in place of the system's resolver
  std::chrono::milliseconds resolve_again{60000};
};

// Opens nothing but an eventfd before the first message.
std::unique_ptr<PushTransport> MakeDatagramTransport(DatagramOptions options);

}  // namespace detail
POLYMETER_END_NAMESPACE
