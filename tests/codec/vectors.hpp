#pragma once

#include <moqrtc/codec/fourcc.hpp>
#include <moqrtc/core/bytes.hpp>
#include <moqrtc/core/hex.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace moqrtc::codec::vectors {

/// A decoder configuration as an encoder wrote it, and what other software says about the file.
///
/// The files are one tenth to three tenths of a second of generated video or audio, written by
/// FFmpeg 5.1 with the named encoder; dimensions, rates and channels are ffprobe's.
struct vector {
    const char* name;
    std::uint32_t sample_entry;
    std::string_view hex;
    std::string_view codec_string;
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    std::uint32_t sample_rate = 0;
    std::uint32_t channels = 0;

    [[nodiscard]] std::vector<std::byte> data() const { return *hex_decode(hex); }
};

inline constexpr vector h264_baseline{
    "libx264 baseline",
    fourcc("avc1"),
    "0142c01fffe100196742c01fd9005005bb0110000003001000000303c0f183248001000568cb83cb20",
    "avc1.42C01F",
    1280,
    720};
inline constexpr vector h264_high{
    "libx264 high, cropped",
    fourcc("avc1"),
    "01640028ffe1001b67640028acd940780227e5c044000003000400000300c83c60c65801000668ebe3cb22c0fdf8f8"
    "00",
    "avc1.640028",
    1920,
    1080};
inline constexpr vector h264_interlaced{"libx264 high, interlaced, 16:11",
                                        fourcc("avc1"),
                                        "0164001fffe1001a6764001facd940b824f11e08200000030020000006"
                                        "43e2c5b2c001000668fba3cb22c0fdf8f800",
                                        "avc1.64001F",
                                        722,
                                        576};
inline constexpr vector h264_444{"libx264 high 4:4:4 10 bit",
                                 fourcc("avc1"),
                                 "01f4001effe1001a67f4001e90d9b281405ff13808800000030080000019078b1"
                                 "6cb01000668ebe3c44844fffafa00",
                                 "avc1.F4001E",
                                 640,
                                 360};
inline constexpr vector h265_main{
    "libx265 main",
    fourcc("hvc1"),
    "0101600000009000000000005df000fcfdf8f800000f03a00001001840010c01ffff01600000030090000003000003"
    "005d959809a10001002b42010101600000030090000003000003005da00280802d165959a4932bc05a020000030002"
    "000003003c10a2000100074401c172b46240",
    "hvc1.1.6.L93.90",
    1280,
    720};
inline constexpr vector h265_main10{
    "libx265 main 10",
    fourcc("hev1"),
    "01022000000090000000000078f000fcfdfafa00000f03200001001840010c01ffff02200000030090000003000003"
    "0078959809210001002c420101022000000300900000030000030078a003c08010e4d96566924caf01680800000300"
    "0800000300c84022000100074401c172b46240",
    "hev1.2.4.L120.90",
    1920,
    1080};
inline constexpr vector vp9_profile_0{"libvpx-vp9 profile 0", fourcc("vp09"),
                                      "01000000001f820202020000", "vp09.00.31.08.01.02.02.02.00"};
inline constexpr vector vp9_profile_3{"libvpx-vp9 profile 3", fourcc("vp09"),
                                      "010000000314a40910090000", "vp09.03.20.10.02.09.16.09.00"};
inline constexpr vector av1_main{
    "libsvtav1 8 bit", fourcc("av01"), "81050c000a0b0000002d4cffb3c02f8004",
    "av01.0.05M.08",   1280,           720};
inline constexpr vector av1_hdr{"libaom-av1 10 bit BT.2020 PQ",
                                fourcc("av01"),
                                "81014c000a0e0000000cc4ff6736be5424402410",
                                "av01.0.01M.10.0.110.09.16.09.0",
                                640,
                                360};
inline constexpr vector av1_gray{"libaom-av1 monochrome, full range",
                                 fourcc("av01"),
                                 "81001c000a0a000000043cffbcdaf92a",
                                 "av01.0.00M.08.1.110.01.01.01.1",
                                 320,
                                 240};
inline constexpr vector aac_stereo{
    "aac stereo",
    fourcc("mp4a"),
    "000000000380808025000100048080801740150000000001f4000001e5610580808005119056e500068080800102",
    "mp4a.40.2",
    0,
    0,
    48000,
    2};
inline constexpr vector aac_surround{
    "aac 5.1",
    fourcc("mp4a"),
    "00000000038080802500010004808080174015000000000534080002aaf80580808005123056e500068080800102",
    "mp4a.40.2",
    0,
    0,
    44100,
    6};
inline constexpr vector aac_mono{
    "aac mono",
    fourcc("mp4a"),
    "0000000003808080250001000480808017401500000000010d880000f9f40580808005138856e500068080800102",
    "mp4a.40.2",
    0,
    0,
    22050,
    1};
inline constexpr vector opus_stereo{
    "libopus stereo", fourcc("Opus"), "000201380000bb80000000", "opus", 0, 0, 48000, 2};
inline constexpr vector opus_surround{"libopus 5.1",
                                      fourcc("Opus"),
                                      "000601380000bb800000010402000401020305",
                                      "opus",
                                      0,
                                      0,
                                      48000,
                                      6};

/// An object type without AudioSpecificConfig, and so without rate and channels.
inline constexpr vector mp3{
    "libmp3lame", fourcc("mp4a"),
    "00000000038080801b000100048080800d6b150000000001040b0001040b068080800102", "mp4a.6B"};

inline constexpr vector all[]{
    h264_baseline, h264_high,     h264_interlaced, h264_444,      h265_main, h265_main10,
    vp9_profile_0, vp9_profile_3, av1_main,        av1_hdr,       av1_gray,  aac_stereo,
    aac_surround,  aac_mono,      opus_stereo,     opus_surround, mp3};

/// Calls `use` with every proper prefix of `data`, each in memory of exactly its own size, so that
/// a sanitizer sees a read behind the end.
template <class Use>
void for_each_prefix(bytes data, Use use) {
    for (std::size_t n = 0; n < data.size(); ++n) {
        const std::vector<std::byte> prefix(data.begin(),
                                            data.begin() + static_cast<std::ptrdiff_t>(n));
        use(bytes{prefix});
    }
}

/// Calls `use` with `data` after each change of one byte to each of eight telling values.
template <class Use>
void for_each_damage(bytes data, Use use) {
    std::vector<std::byte> damaged(data.begin(), data.end());
    for (std::size_t i = 0; i < data.size(); ++i) {
        for (const int flip : {0x01, 0x02, 0x04, 0x10, 0x40, 0x80, 0xf0, 0xff}) {
            damaged[i] = data[i] ^ static_cast<std::byte>(flip);
            use(bytes{damaged});
        }
        damaged[i] = data[i];
    }
}

} // namespace moqrtc::codec::vectors
