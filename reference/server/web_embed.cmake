# Puts the files of the web client into the server: writes OUTPUT, a source with one table entry
# for each line "/path=file" of LIST. The assembler takes the bytes from the files themselves.
file(STRINGS "${LIST}" entries)
list(SORT entries)
set(bodies "")
set(rows "")
set(number 0)
foreach(entry IN LISTS entries)
    string(FIND "${entry}" "=" at)
    string(SUBSTRING "${entry}" 0 ${at} path)
    math(EXPR at "${at} + 1")
    string(SUBSTRING "${entry}" ${at} -1 file)
    file(SIZE "${file}" size)
    file(SHA256 "${file}" hash)
    string(SUBSTRING "${hash}" 0 32 hash)
    string(APPEND bodies
        "asm(\".section .rodata.moqrtc_web,\\\"a\\\",%progbits\\n\"\n"
        "    \"moqrtc_web_${number}: .incbin \\\"${file}\\\"\\n\"\n"
        "    \".byte 0\\n.previous\\n\");\n"
        "extern const char web_${number}[] asm(\"moqrtc_web_${number}\");\n")
    string(APPEND rows
        "    {\"${path}\", \"\\\"${hash}\\\"\", {web_${number}, ${size}}},\n")
    math(EXPR number "${number} + 1")
endforeach()
file(WRITE "${OUTPUT}" "#include <server/web_files.hpp>

extern \"C\" {
${bodies}}

namespace moqrtc::reference {
namespace {

const embedded_file table[] = {
${rows}};

} // namespace

std::span<const embedded_file> embedded_files() {
    return table;
}

} // namespace moqrtc::reference
")
