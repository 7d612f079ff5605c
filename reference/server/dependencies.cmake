# What the server needs besides the reference library, all packaged.
find_package(spdlog REQUIRED)
find_package(Boost 1.74 REQUIRED) # Asio and Beast are headers
find_package(nlohmann_json REQUIRED)
target_link_libraries(moqrtc-server PRIVATE spdlog::spdlog Boost::headers
    nlohmann_json::nlohmann_json)
target_compile_definitions(moqrtc-server PRIVATE MOQRTC_VERSION_TEXT="${PROJECT_VERSION}"
    BOOST_ERROR_CODE_HEADER_ONLY)
