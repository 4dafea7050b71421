# What `cmake --install` puts into the prefix: the programs, what systemd is to know of them, and the client libraries
# with their headers, as a CMake package (find_package(pannier), targets pannier::pannier, pannier::pannier_async and
# pannier::pannier_c) and as pkg-config modules (pannier, pannier-async, pannier-c).
include(CMakePackageConfigHelpers)

# Installs those of the programs that exist. Call it after the folders.
function(pannier_install_programs)
  foreach(target IN LISTS ARGN)
    if(TARGET ${target})
      install(TARGETS ${target} RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
    endif()
  endforeach()
endfunction()

# Installs what systemd is to know of the daemon.
function(pannier_install_units)
  install(SCRIPT "${PROJECT_SOURCE_DIR}/cmake/install_units.cmake")
  install(FILES "${PROJECT_SOURCE_DIR}/systemd/pannier.sysusers" DESTINATION lib/sysusers.d RENAME pannier.conf)
  install(FILES "${PROJECT_SOURCE_DIR}/systemd/pannier.tmpfiles" DESTINATION lib/tmpfiles.d RENAME pannier.conf)
endfunction()

# Installs the client libraries with the headers of client/include. `pannier_msgpack` goes with them, because these
# headers include msgpack.hpp; pannier-config.cmake finds that again where it is used. What needs libuv is a set of
# its own, which those who do not use it need not have.
function(pannier_install_client_libraries)
  set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/pannier")
  set(generated_dir "${PROJECT_BINARY_DIR}/package")
  install(TARGETS pannier pannier_msgpack pannier_c EXPORT pannier_targets)
  install(TARGETS pannier_async EXPORT pannier_async_targets)
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/client/include/pannier"
    DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.h")

  configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/pannier-config.cmake.in"
    "${generated_dir}/pannier-config.cmake" INSTALL_DESTINATION "${package_dir}")
  write_basic_package_version_file("${generated_dir}/pannier-config-version.cmake" COMPATIBILITY SameMinorVersion)
  install(FILES "${generated_dir}/pannier-config.cmake" "${generated_dir}/pannier-config-version.cmake"
    DESTINATION "${package_dir}")
  install(EXPORT pannier_targets NAMESPACE pannier:: FILE pannier-targets.cmake DESTINATION "${package_dir}")
  install(EXPORT pannier_async_targets NAMESPACE pannier:: FILE pannier-async-targets.cmake
    DESTINATION "${package_dir}")

  pannier_install_pc(pannier "C++ client of pannierd, the cache at the side of every process on a host" -lpannier "")
  pannier_install_pc(pannier-async "Asynchronous C++ client of pannierd, on libuv" -lpannier_async "pannier libuv")
  pannier_install_pc(pannier-c "C interface to pannierd, the cache at the side of every process on a host"
    -lpannier_c "")
endfunction()

# Installs NAME.pc.
function(pannier_install_pc pc_name pc_description pc_libs pc_requires)
  # From the folder of the file to the prefix, so that an installed tree can be moved.
  set(prefix_from_pc "/prefix")
  cmake_path(RELATIVE_PATH prefix_from_pc BASE_DIRECTORY "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig")
  set(file "${PROJECT_BINARY_DIR}/package/${pc_name}.pc")
  configure_file("${PROJECT_SOURCE_DIR}/cmake/pannier.pc.in" "${file}" @ONLY)
  install(FILES "${file}" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endfunction()
