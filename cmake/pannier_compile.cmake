# How every target of the project is compiled: language, output folders, warnings, sanitizers.
# Included once, before any target; a folder needs nothing of its own.
if(CMAKE_LIBRARY_ARCHITECTURE AND NOT DEFINED CMAKE_INSTALL_LIBDIR)
  # Where Debian's linker, pkg-config and CMake look below /usr/local as well as below /usr; GNUInstallDirs knows the latter.
  set(CMAKE_INSTALL_LIBDIR "lib/${CMAKE_LIBRARY_ARCHITECTURE}" CACHE PATH "Where libraries are installed, from the prefix")
endif()
include(GNUInstallDirs)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")

# An installed program finds libpannier beside it, where it is not in the program itself; packagers switch this off by
# CMAKE_SKIP_INSTALL_RPATH.
if(BUILD_SHARED_LIBS)
  set(CMAKE_INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
endif()

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Build type" FORCE)
endif()

# The sanitizers' presets: some optimization, line tables, assertions of libraries on.
set(CMAKE_CXX_FLAGS_SANITIZE "-O1 -g1 -fno-omit-frame-pointer -D_GLIBCXX_ASSERTIONS")
# At a fixed address: half a million places where sanitizers name sources need not be filled in at each start of a program.
set(CMAKE_EXE_LINKER_FLAGS_SANITIZE "-no-pie")
set(CMAKE_SHARED_LINKER_FLAGS_SANITIZE "")

# pannier_is_not_hot(TARGET...): with sanitizers, these are compiled without optimization, which takes half as long: what
# they do is waiting for the daemon, or being read once.
function(pannier_is_not_hot)
  foreach(target IN LISTS ARGN)
    target_compile_options(${target} PRIVATE "$<$<CONFIG:Sanitize>:-O0>")
  endforeach()
endfunction()

# pannier_compile_together(TARGET FILES): so many files of the target are compiled as one, in the order in which they are
# listed. Most of what compiling takes is the headers: all of it together takes a third of the time, and one file that was
# changed a few seconds more, for which the preset debug does without.
option(PANNIER_UNITY "Compile files in groups" ON)
function(pannier_compile_together target files)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${PANNIER_UNITY} UNITY_BUILD_BATCH_SIZE ${files})
endfunction()

if(NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(PANNIER_CCACHE ccache)
  if(PANNIER_CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${PANNIER_CCACHE}")
  endif()
endif()

# Includes are written from the repository root: #include "storage/cache.h".
include_directories("${PROJECT_SOURCE_DIR}")

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # Wrong about std::string's own memcpy in these releases (GCC's bug 105651).
  add_compile_options(-Wno-restrict)
  if(PANNIER_SANITIZE)
    # Wrong about std::function inside std::regex when sanitizers' checks are between (GCC's bug 105562).
    add_compile_options(-Wno-maybe-uninitialized)
  endif()
  if(PANNIER_SANITIZE MATCHES "thread")
    # That it does not know fences. Between memory that is only accessed by atomics it finds no race for that.
    add_compile_options(-Wno-tsan)
  endif()
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # Part of clang's -Wconversion, not of g++'s.
  add_compile_options(-Wno-sign-conversion)
endif()
if(PANNIER_WERROR)
  add_compile_options(-Werror)
endif()

# What Debian builds its own daemons with: the programs read what strangers send.
add_compile_options("$<$<CONFIG:RelWithDebInfo,Release>:-fstack-protector-strong;-D_FORTIFY_SOURCE=2>")
add_link_options(-Wl,-z,relro,-z,now -Wl,--as-needed)

if(PANNIER_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "PANNIER_FUZZ needs clang: configure with -DCMAKE_CXX_COMPILER=clang++ or --preset fuzz")
  endif()
  # Coverage counters in every object; only the fuzz binaries link libFuzzer's own main.
  add_compile_options(-fsanitize=fuzzer-no-link)
  add_link_options(-fsanitize=fuzzer-no-link)
endif()
if(PANNIER_SANITIZE)
  add_compile_options(-fsanitize=${PANNIER_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${PANNIER_SANITIZE})
endif()
