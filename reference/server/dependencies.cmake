# What the server needs besides the reference library, all packaged. All of it but main.cpp is a
# library, so that tests link it.
find_package(spdlog REQUIRED)
find_package(Boost 1.74 REQUIRED) # Asio and Beast are headers
find_package(nlohmann_json REQUIRED)
find_package(SQLite3 REQUIRED)

get_target_property(parts moqrtc-server SOURCES)
list(FILTER parts EXCLUDE REGEX "/main\\.cpp$")
file(GLOB control CONFIGURE_DEPENDS control/*.cpp)
include(server/web.cmake)
add_library(moqrtc_server STATIC ${parts} ${control} "${web_output}")
target_link_libraries(moqrtc_server
    PUBLIC moqrtc_reference nlohmann_json::nlohmann_json
    PRIVATE moqrtc_ours spdlog::spdlog Boost::headers SQLite::SQLite3)
target_compile_definitions(moqrtc_server PRIVATE MOQRTC_VERSION_TEXT="${PROJECT_VERSION}")
# Without Asio: the HTTP listener takes that of Boost, and the two share include guards.
moqrtc_precompile(moqrtc_server <moqrtc/moqt/relay/relay.hpp> <nlohmann/json.hpp>)

# What reads and writes JSON is compiled together: the reader and the writer are templates.
set_target_properties(moqrtc_server PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
foreach(part IN LISTS control)
    if(part MATCHES "/(routes_.*|openapi|api_dispatch)\\.cpp$")
        set_source_files_properties("${part}" PROPERTIES UNITY_GROUP routes)
    elseif(part MATCHES "/(control_api|call_coordinator|control_state|broadcast_watch|webhooks|signing_keys)\\.cpp$")
        set_source_files_properties("${part}" PROPERTIES UNITY_GROUP control)
    endif()
endforeach()

set_property(TARGET moqrtc-server PROPERTY SOURCES "${CMAKE_CURRENT_SOURCE_DIR}/server/main.cpp")
target_link_libraries(moqrtc-server PRIVATE moqrtc_server)
