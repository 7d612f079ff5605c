# find_package(moqrtc), add_subdirectory and pkg-config: three ways to the same headers.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

get_property(targets GLOBAL PROPERTY MOQRTC_TARGETS)
install(TARGETS ${targets} EXPORT moqrtc-targets FILE_SET HEADERS)
install(EXPORT moqrtc-targets NAMESPACE moqrtc:: DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/moqrtc")
# The catalog's target exists only where nlohmann/json was found.
set(MOQRTC_NEEDS_JSON OFF)
if(TARGET moqrtc_catalog)
    set(MOQRTC_NEEDS_JSON ON)
endif()
# Likewise WebTransport's where nghttp3 was found.
set(MOQRTC_NEEDS_NGHTTP3 OFF)
set(MOQRTC_PC_REQUIRES "")
if(TARGET moqrtc_webtransport)
    set(MOQRTC_NEEDS_NGHTTP3 ON)
    set(MOQRTC_PC_REQUIRES "libnghttp3 >= 0.8")
endif()
set(MOQRTC_NEEDS_OPENSSL OFF)
if(TARGET moqrtc_crypto)
    set(MOQRTC_NEEDS_OPENSSL ON)
    string(APPEND MOQRTC_PC_REQUIRES " libcrypto >= 3.0")
endif()
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/moqrtc-config.cmake.in"
    "${PROJECT_BINARY_DIR}/moqrtc-config.cmake"
    INSTALL_DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/moqrtc")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/moqrtc-config-version.cmake"
    COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES "${PROJECT_BINARY_DIR}/moqrtc-config.cmake"
    "${PROJECT_BINARY_DIR}/moqrtc-config-version.cmake"
    "${CMAKE_CURRENT_LIST_DIR}/MoqrtcSeparate.cmake"
    DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/moqrtc")
# Found from the file's own place, so that an installed tree can be moved.
file(RELATIVE_PATH MOQRTC_PC_TO_PREFIX
    "${CMAKE_INSTALL_FULL_DATADIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
configure_file("${CMAKE_CURRENT_LIST_DIR}/moqrtc.pc.in" "${PROJECT_BINARY_DIR}/moqrtc.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/moqrtc.pc" DESTINATION "${CMAKE_INSTALL_DATADIR}/pkgconfig")
