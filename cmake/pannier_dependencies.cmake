# Third-party libraries that have no usable CMake package of their own in Debian 12, as imported targets.
# A folder links what it uses, PRIVATE. The others come by find_package in the folder that uses them:
#   find_package(spdlog REQUIRED)        spdlog::spdlog
#   find_package(tomlplusplus REQUIRED)  tomlplusplus::tomlplusplus
#   find_package(CLI11 REQUIRED)         CLI11::CLI11
#   find_package(nlohmann_json REQUIRED) nlohmann_json::nlohmann_json

# pannier::msgpack: msgpack-c for C++, header-only. The project itself compiles it without Boost; those who link the
# installed libpannier get it as they have it (pannier-config.cmake.in).
find_path(MSGPACK_INCLUDE_DIR msgpack.hpp REQUIRED)
add_library(pannier_msgpack INTERFACE)
add_library(pannier::msgpack ALIAS pannier_msgpack)
set_target_properties(pannier_msgpack PROPERTIES EXPORT_NAME msgpack)
target_include_directories(pannier_msgpack SYSTEM INTERFACE "$<BUILD_INTERFACE:${MSGPACK_INCLUDE_DIR}>")
target_compile_definitions(pannier_msgpack INTERFACE $<BUILD_INTERFACE:MSGPACK_NO_BOOST>)

if(PANNIER_PYTHON_ONLY)
  return()
endif()
find_package(PkgConfig REQUIRED)

# pannier::libuv: libuv, shared.
pkg_check_modules(LIBUV REQUIRED IMPORTED_TARGET GLOBAL libuv>=1.44)
add_library(pannier::libuv ALIAS PkgConfig::LIBUV)

# pannier::systemd: libsystemd, shared; what a daemon tells its service manager.
pkg_check_modules(LIBSYSTEMD REQUIRED IMPORTED_TARGET GLOBAL libsystemd>=252)
add_library(pannier::systemd ALIAS PkgConfig::LIBSYSTEMD)

# pannier::ncurses: ncurses for wide characters, shared.
pkg_check_modules(NCURSES REQUIRED IMPORTED_TARGET GLOBAL ncursesw)
add_library(pannier::ncurses ALIAS PkgConfig::NCURSES)

# pannier::microhttpd: libmicrohttpd, shared; HTTP for `pannier metrics`.
pkg_check_modules(LIBMICROHTTPD REQUIRED IMPORTED_TARGET GLOBAL libmicrohttpd>=0.9.75)
add_library(pannier::microhttpd ALIAS PkgConfig::LIBMICROHTTPD)

# pannier::leveldb: LevelDB, shared. Its own CMake package asks for snappy's development files too, which Debian's
# libleveldb-dev does not bring and nobody needs.
find_path(LEVELDB_INCLUDE_DIR leveldb/db.h REQUIRED)
find_library(LEVELDB_LIBRARY leveldb REQUIRED)
add_library(pannier_leveldb INTERFACE)
add_library(pannier::leveldb ALIAS pannier_leveldb)
target_include_directories(pannier_leveldb SYSTEM INTERFACE "${LEVELDB_INCLUDE_DIR}")
target_link_libraries(pannier_leveldb INTERFACE "${LEVELDB_LIBRARY}")
