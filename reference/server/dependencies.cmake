# What the server needs besides the reference library, all packaged. All of it but main.cpp is a
# library, so that tests link it.
find_package(spdlog REQUIRED)
find_package(Boost 1.74 REQUIRED) # Asio and Beast are headers
find_package(nlohmann_json REQUIRED)

get_target_property(parts moqrtc-server SOURCES)
list(FILTER parts EXCLUDE REGEX "/main\\.cpp$")
include(server/web.cmake)
add_library(moqrtc_server STATIC ${parts} "${web_output}")
target_link_libraries(moqrtc_server
    PUBLIC moqrtc_reference
    PRIVATE moqrtc_ours spdlog::spdlog Boost::headers nlohmann_json::nlohmann_json)
target_compile_definitions(moqrtc_server PRIVATE MOQRTC_VERSION_TEXT="${PROJECT_VERSION}")
# Without Asio: the HTTP listener takes that of Boost, and the two share include guards.
moqrtc_precompile(moqrtc_server <moqrtc/moqt/relay/relay.hpp>)

set_property(TARGET moqrtc-server PROPERTY SOURCES "${CMAKE_CURRENT_SOURCE_DIR}/server/main.cpp")
target_link_libraries(moqrtc-server PRIVATE moqrtc_server)
