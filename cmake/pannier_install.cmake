# Rules to install libpannier as a CMake package and a pkg-config module.
