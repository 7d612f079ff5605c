# All of the client but main.cpp is a library, so that tests link it.
get_target_property(parts moqrtc-client SOURCES)
list(FILTER parts EXCLUDE REGEX "/main\\.cpp$")
add_library(moqrtc_client STATIC ${parts})
target_link_libraries(moqrtc_client PUBLIC moqrtc_reference PRIVATE moqrtc_ours)

set_property(TARGET moqrtc-client PROPERTY SOURCES "${CMAKE_CURRENT_SOURCE_DIR}/client/main.cpp")
target_link_libraries(moqrtc-client PRIVATE moqrtc_client)
