// Lets requests through to a handler, or answers them.
#pragma once

#include "exporters/common/security/authenticator.h"
#include "exporters/common/transport/http_server.h"

POLYMETER_BEGIN_NAMESPACE
namespace detail {

// True: the request may be answered. False: it has been, with 401 and how to log in, or with 503
// when too many passwords are being checked. May take as long as checking one does.
bool AdmitRequest(Authenticator& authenticator, const HttpRequest& request, HttpResponse& response);

}  // namespace detail
POLYMETER_END_NAMESPACE
