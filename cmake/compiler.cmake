# Warnings are errors everywhere: a warning that is allowed to stay is one that nobody reads.
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
                    -Woverloaded-virtual -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports these falsely from inside optimised standard headers.
  add_compile_options(-Wno-restrict -Wno-dangling-reference -Wno-maybe-uninitialized -Wno-stringop-overflow
                      -Wno-array-bounds -Wno-stringop-overread)
endif()

if(PARLEY_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    add_compile_options(-fno-sanitize=function)
  endif()
endif()
if(PARLEY_TSAN)
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
endif()
if(PARLEY_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize=function -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=address,undefined)
endif()

# The release build is hardened; assertions of the standard library stay on.
if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")  # lines for stack traces; whole debug information doubles the time to build
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -D_GLIBCXX_ASSERTIONS -fstack-protector-strong
                      -fstack-clash-protection -fcf-protection -ftrivial-auto-var-init=zero)
  add_link_options(-pie -Wl,-z,relro,-z,now,-z,noexecstack)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
find_program(LLD NAMES ld.lld ld.lld-14)
if(LLD)
  add_link_options(-fuse-ld=lld)  # links in a fifth of the time
endif()
