// Makes the linker refuse a program that gets this library and prometheus-cpp's core, whichever
// comes first and whether they are static or shared.
//
// Names that only prometheus-cpp's core defines, as functions, are referred to here as thread-local
// variables. The reference is weak: without prometheus-cpp there is nothing to find and nothing
// happens. With it a linker stops (GNU ld: "TLS reference in polymeter_prometheus_api_excludes_
// prometheus_cpp.cpp.o mismatches non-TLS definition in libprometheus-cpp-core.so"). Defining the
// names would not do: a shared library never clashes with a definition of the program's own.

#include <prometheus/detail/one_library.h>

const char polymeter_prometheus_api_excludes_prometheus_cpp = 0;

// R_*_NONE: the reference alone, and a byte for it to stand at, in a section that nothing loads.
#define POLYMETER_EXCLUDE(symbol)     \
  ".weak " symbol                     \
  "\n"                                \
  ".type " symbol                     \
  ", %tls_object\n"                   \
  ".reloc ., BFD_RELOC_NONE, " symbol \
  "\n"                                \
  ".byte 0\n"

// detail::CKMSQuantiles::insert(double) and detail::CKMSQuantiles::reset(): in every version since
// 0.4, exported by the shared library, and needed by everything that has a Family.
asm(".pushsection .polymeter_excludes,\"\",%progbits\n"  //
    POLYMETER_EXCLUDE("_ZN10prometheus6detail13CKMSQuantiles6insertEd")
        POLYMETER_EXCLUDE("_ZN10prometheus6detail13CKMSQuantiles5resetEv") ".popsection\n");
