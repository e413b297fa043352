# Takes the dependencies from Debian 12's own packages, so that no Conan remote is needed.
include(default)
[settings]
compiler.cppstd=20
[platform_requires]
prometheus-cpp/1.0.1
civetweb/1.15
zlib/1.2.13
libcurl/7.88.1
protozero/1.7.1
nlohmann_json/3.11.2
simdjson/3.0.1
[replace_requires]
prometheus-cpp/*: prometheus-cpp/1.0.1
civetweb/*: civetweb/1.15
