// Gateway, towards a server that records what it gets (compare.py). What it got is a part of the
// transcript.
#include "prometheus/gateway.h"

#include <future>
#include <memory>
#include <string>

#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/registry.h"
#include "test/dropin/surface/transcript.h"

namespace surface {
namespace {

std::shared_ptr<prometheus::Registry> Pushed(const std::string& name, double value) {
  auto registry = std::make_shared<prometheus::Registry>();
  prometheus::BuildCounter()
      .Name(name)
      .Help("Pushed.")
      .Register(*registry)
      .Add({{"a", "b"}})
      .Increment(value);
  return registry;
}

}  // namespace

void Gateways(const std::string& port) {
  const prometheus::Labels instance = prometheus::Gateway::GetInstanceLabel("host-7");
  Say("gateway/instance label",
      instance.size() == 1 ? instance.begin()->first + "=" + instance.begin()->second : "?");
  Say("gateway/no instance", prometheus::Gateway::GetInstanceLabel("").size());
  {
    prometheus::Gateway gateway("127.0.0.1", port, "batch", instance);
    Say("gateway/nothing registered: Push", gateway.Push());
    const auto first = Pushed("first_total", 1);
    const auto second = Pushed("second_total", 2.5);
    const prometheus::Labels shard = {{"shard", "5"}};
    gateway.RegisterCollectable(first);
    gateway.RegisterCollectable(second, &shard);
    Say("gateway/Push", gateway.Push());
    Say("gateway/PushAdd", gateway.PushAdd());
    Say("gateway/Delete", gateway.Delete());
    Say("gateway/AsyncPush", gateway.AsyncPush().get());
    Say("gateway/AsyncPushAdd", gateway.AsyncPushAdd().get());
    Say("gateway/AsyncDelete", gateway.AsyncDelete().get());
    Say("gateway/DeleteForInstance", gateway.DeleteForInstance());
    Say("gateway/AsyncDeleteForInstance", gateway.AsyncDeleteForInstance().get());
  }
  {
    prometheus::Gateway gateway("127.0.0.1", port, "labelled", {{"x", "1"}, {"a", "2"}});
    const auto registry = Pushed("labels_total", 3);
    gateway.RegisterCollectable(registry);
    Say("gateway/several labels", gateway.Push());
  }
  {
    prometheus::Gateway gateway("127.0.0.1", port, "with space/slash", {{"path", "/a b"}});
    const auto registry = Pushed("escaped_total", 3);
    gateway.RegisterCollectable(registry);
    Say("gateway/spaces and slashes", gateway.Push());
  }
  {
    prometheus::Gateway gateway("127.0.0.1", port, "private", {}, "user", "pass word");
    const auto registry = Pushed("private_total", 4);
    gateway.RegisterCollectable(registry);
    Say("gateway/with a password", gateway.Push());
  }
  {
    prometheus::Gateway gateway("127.0.0.1", port, "gone");
    auto registry = Pushed("gone_total", 5);
    gateway.RegisterCollectable(registry);
    registry.reset();
    Say("gateway/what is gone", gateway.Push());
  }
  for (const char* status : {"202", "400", "401", "500"}) {
    // The recorder answers what the job's name asks for.
    prometheus::Gateway gateway("127.0.0.1", port, std::string("answer") + status);
    const auto registry = Pushed("answered_total", 6);
    gateway.RegisterCollectable(registry);
    Say(std::string("gateway/answered ") + status, gateway.Push());
    Say(std::string("gateway/answered ") + status + " to AsyncPushAdd",
        gateway.AsyncPushAdd().get());
    Say(std::string("gateway/answered ") + status + " to Delete", gateway.Delete());
  }
  {
    prometheus::Gateway nobody("127.0.0.1", "1", "nobody");
    const auto registry = Pushed("nobody_total", 7);
    nobody.RegisterCollectable(registry);
    Say("gateway/nobody listens: negative", nobody.Push() < 0);
    Say("gateway/nobody listens: AsyncPush negative", nobody.AsyncPush().get() < 0);
    Say("gateway/nobody listens: Delete negative", nobody.Delete() < 0);
  }
}

}  // namespace surface
