# What `cmake --install` puts into the prefix: the programs, and libpannier with its headers, as a CMake package
# (find_package(pannier), target pannier::pannier) and as a pkg-config module (pannier).
include(CMakePackageConfigHelpers)

# Installs those of the programs that exist. Call it after the folders.
function(pannier_install_programs)
  foreach(target IN LISTS ARGN)
    if(TARGET ${target})
      install(TARGETS ${target} RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
    endif()
  endforeach()
endfunction()

# Installs the library target `pannier` with the headers of client/include. `pannier_msgpack` goes with it, because
# these headers include msgpack.hpp; pannier-config.cmake finds that again where it is used.
function(pannier_install_client_library)
  set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/pannier")
  set(generated_dir "${PROJECT_BINARY_DIR}/package")
  install(TARGETS pannier pannier_msgpack EXPORT pannier_targets)
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/client/include/pannier"
    DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.h")

  configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/pannier-config.cmake.in"
    "${generated_dir}/pannier-config.cmake" INSTALL_DESTINATION "${package_dir}")
  write_basic_package_version_file("${generated_dir}/pannier-config-version.cmake" COMPATIBILITY SameMinorVersion)
  install(FILES "${generated_dir}/pannier-config.cmake" "${generated_dir}/pannier-config-version.cmake"
    DESTINATION "${package_dir}")
  install(EXPORT pannier_targets NAMESPACE pannier:: FILE pannier-targets.cmake DESTINATION "${package_dir}")

  # From the folder of pannier.pc to the prefix, so that an installed tree can be moved.
  set(prefix_from_pc "/prefix")
  cmake_path(RELATIVE_PATH prefix_from_pc BASE_DIRECTORY "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig")
  configure_file("${PROJECT_SOURCE_DIR}/cmake/pannier.pc.in" "${generated_dir}/pannier.pc" @ONLY)
  install(FILES "${generated_dir}/pannier.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endfunction()
