// surface [PORT]: prints the transcript; with the port of a recording HTTP server Gateway's, too.
#include "test/dropin/surface/transcript.h"

int main(int argc, char** argv) {
  surface::ForwardDeclarations();
  surface::CompileTimeFacts();
  surface::Instruments();
  surface::Summaries();
  surface::Families();
  surface::Registries();
  surface::OwnTypes();
  surface::Serializers();
  surface::Names();
  surface::Threads();
  surface::Exposers();
  if (argc > 1) surface::Gateways(argv[1]);
}
