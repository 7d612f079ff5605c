# shellcheck shell=bash
# The recipe of the QUIC stack: OpenSSL 3.5 (shared, full ABI), ngtcp2 with its OpenSSL backend and
# libsrtp with OpenSSL, from the newer source packages of the distribution itself.
# Sourced by scripts/bootstrap after lib.sh.
# shellcheck disable=SC2154 # cache and root are of lib.sh

# shellcheck disable=SC2034 # read through a name reference
# Extended regular expressions of acceptable source versions, best first. Newest match wins: an
# exact pin disappears from a moving suite.
versions_openssl=('^3\.5\.' '^(3\.([6-9]|[1-9][0-9])|[4-9])\.')
versions_ngtcp2=('^1\.(2[4-9]|[3-9][0-9])\.')
versions_libsrtp2=('^2\.([6-9]|[1-9][0-9])\.')

# What decides how the result looks, and so the cache's key: versions and build steps.
stack_recipe() {
    declare -p versions_openssl versions_ngtcp2 versions_libsrtp2
    declare -f build_openssl cmake_stack build_ngtcp2 build_libsrtp2
}

# Which suites of the distribution are newer than the oldest one supported.
newer_suites() { # os-id
    case $1 in
    debian) echo trixie sid forky ;;
    ubuntu) echo devel resolute ;;
    esac
}

# Writes a source list for one suite, derived from the system's own: same host, same keys.
derive_sources() { # suite codename out-file
    local suite=$1 codename=$2 out=$3 file
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -f "$file" ] || continue
        awk -v suite="$suite" -v own="$codename" '
            function flush_stanza(   i, matched) {
                for (i = 1; i <= count; i++)
                    matched = matched || line[i] ~ ("^Suites:(.*[ \t])?" own "([ \t/]|$)")
                for (i = 1; matched && i <= count; i++) {
                    sub(/^Types:.*/, "Types: deb-src", line[i])
                    sub(/^Suites:.*/, "Suites: " suite, line[i])
                    if (line[i] !~ /^#/) print line[i]
                }
                print ""
                count = 0
            }
            /^[ \t]*$/ { flush_stanza(); next }
            { line[++count] = $0 }
            END { flush_stanza() }' "$file" >>"$out.sources"
    done
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -f "$file" ] || continue
        sed -nE "/cdrom:/d
            s#^deb((-src)?[ ]+(\[[^]]*\][ ]+)?[^ ]+[ ]+)${codename}[ ]+(.*)#deb\1$suite \4#
            t keep
            d
            : keep
            s#^deb(-src)?#deb-src#p" "$file" | sort -u >>"$out.list"
    done
    if ! grep -q ^Types "$out.sources" 2>/dev/null; then rm -f "$out.sources"; fi
    if [ ! -s "$out.list" ]; then rm -f "$out.list"; fi
    [ -e "$out.sources" ] || [ -e "$out.list" ]
}

apt_isolated() { # apt-tool args...: sees the derived sources alone, leaves the system's state be
    local tool=$1
    shift
    "$tool" -qq -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$work/apt/sources.list.d" \
        -o "Dir::State::lists=$work/apt/lists" -o "Dir::Cache=$work/apt/cache" \
        -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}

# The versions of a source package that fit, best first.
fitting_sources() { # package regex...
    local package=$1 regex known
    shift
    known=$(apt_isolated apt-cache showsrc "$package" 2>/dev/null | awk '/^Version:/ { print $2 }' | sort -rVu)
    for regex in "$@"; do
        grep -E "$regex" <<<"$known" || true
    done
}

# Downloads and unpacks into $work/src/PACKAGE and sets `fetched` to the version; signed indexes
# vouch for every file. An archive may list what it does not serve (yet, or any more): then the
# next older version, and at last the newest upstream tarball without the packaging's patches.
fetch_source() { # package regex...
    local package=$1 version dir=$work/src
    cd "$dir" || return 1
    for version in $(fitting_sources "$@"); do
        if apt_isolated apt-get source --download-only "$package=$version" >>"$work/log/fetch.log" 2>&1 &&
            dpkg-source --no-check -x "${package}_${version#*:}.dsc" "$package" >>"$work/log/fetch.log" 2>&1; then
            fetched=$version
            return 0
        fi
    done
    for version in $(fitting_sources "$@"); do
        rm -rf "$package" "${package}"_*.orig.tar.*
        if apt_isolated apt-get source --tar-only --download-only "$package=$version" >>"$work/log/fetch.log" 2>&1 &&
            mkdir "$package" && tar -xf "${package}"_*.orig.tar.[gxbz]*[z2t] -C "$package" --strip-components=1; then
            fetched="${version%-*} (upstream's tarball alone)"
            return 0
        fi
    done
    return 1
}

# Adds suites one by one until each wanted package has a version that fits.
find_sources() { # os-id codename package...
    local os=$1 codename=$2 suite package missing
    shift 2
    mkdir -p "$work"/apt/{sources.list.d,lists/partial,cache/archives/partial} "$work"/{src,log}
    for suite in $(newer_suites "$os"); do
        missing=
        if [ "$suite" != "$codename" ]; then
            derive_sources "$suite" "$codename" "$work/apt/sources.list.d/$suite" ||
                fail 2 "no entry for '$codename' in the system's apt sources" \
                    "the newer source packages are looked up next to it: add the distribution's main entry again"
            # Moving suites have no security suite of their own.
            derive_sources "$suite-security" "$codename-security" "$work/apt/sources.list.d/$suite-security" || true
            if ! apt_isolated apt-get update >>"$work/log/fetch.log" 2>&1; then
                rm -f "$work/apt/sources.list.d/$suite-security".*
                if ! apt_isolated apt-get update >>"$work/log/fetch.log" 2>&1; then
                    note "the suite '$suite' is not served where '$codename' is: going on without it"
                    rm -f "$work/apt/sources.list.d/$suite".*
                fi
            fi
        fi
        for package in "$@"; do
            local -n versions=versions_$package
            [ -n "$(fitting_sources "$package" "${versions[@]}")" ] || missing="$missing $package"
        done
        [ -n "$missing" ] || return 0
    done
    missing_sources=$missing
    return 1
}

build_openssl() { # final-prefix staging-root
    local build=$work/build/openssl options=()
    case $(uname -m) in x86_64 | aarch64) options+=(enable-ec_nistp_64_gcc_128) ;; esac
    mkdir -p "$build"
    cd "$build" || return 1
    # No engine, CMS or similar is left out: other OpenSSL users in the process bind to this copy.
    logged "$work/log/openssl-configure.log" "$work/src/openssl/Configure" --release --prefix="$1" --libdir=lib \
        --openssldir=/usr/lib/ssl shared no-tests no-docs no-apps no-legacy no-module no-zlib no-ssl3 no-idea \
        no-mdc2 no-rc5 "${options[@]}" "-Wl,-rpath,$1/lib" || return 1
    logged_long "$work/log/openssl.log" "OpenSSL" make -s -j"$(jobs_that_fit)" build_libs LIBS= || return 1
    logged "$work/log/openssl-install.log" make -s install_dev LIBS= INSTALL_LIBS= DESTDIR="$2"
}

# An OpenSSL in the staging root is named file by file: its own pkg-config says the final prefix.
cmake_stack() { # name final-prefix staging-root options...
    local name=$1 prefix=$2 staging=$3 openssl=()
    shift 3
    if [ -e "$staging$prefix/lib/libssl.so" ]; then
        openssl=(-DOPENSSL_ROOT_DIR="$staging$prefix" -DOPENSSL_INCLUDE_DIR="$staging$prefix/include"
            -DOPENSSL_SSL_LIBRARY="$staging$prefix/lib/libssl.so"
            -DOPENSSL_CRYPTO_LIBRARY="$staging$prefix/lib/libcrypto.so")
    fi
    logged "$work/log/$name-configure.log" cmake -S "$work/src/$name" -B "$work/build/$name" -G Ninja \
        -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib \
        -DCMAKE_INSTALL_RPATH="$prefix/lib" -DBUILD_TESTING=OFF -DCMAKE_C_FLAGS="-ffile-prefix-map=$work=." -DCMAKE_POLICY_VERSION_MINIMUM=3.5 "${openssl[@]}" "$@" || return 1
    logged_long "$work/log/$name.log" "$name" ninja -C "$work/build/$name" -j"$(jobs_that_fit)" || return 1
    DESTDIR=$staging logged "$work/log/$name-install.log" ninja -C "$work/build/$name" install
}

build_ngtcp2() { cmake_stack ngtcp2 "$1" "$2" -DENABLE_OPENSSL=ON -DENABLE_LIB_ONLY=ON -DENABLE_STATIC_LIB=OFF; }

build_libsrtp2() {
    local pc=$2$1/lib/pkgconfig/libsrtp2.pc
    cmake_stack libsrtp2 "$1" "$2" -DENABLE_OPENSSL=ON -DBUILD_SHARED_LIBS=ON -DLIBSRTP_TEST_APPS=OFF || return 1
    # Its CMake build installs no pkg-config file, unlike its packages.
    # shellcheck disable=SC2016 # the variables are pkg-config's own
    [ -e "$pc" ] || printf '%s\n' "prefix=$1" 'libdir=${prefix}/lib' 'includedir=${prefix}/include' '' 'Name: libsrtp2' \
        'Description: Secure RTP' "Version: $(sed 's/[-+ ].*//' "$work/src/libsrtp2.version")" \
        'Requires.private: libcrypto' 'Libs: -L${libdir} -lsrtp2' 'Cflags: -I${includedir}' >"$pc"
}

# Builds the named parts and puts them at the prefix in one rename.
build_stack() { # os-id codename final-prefix part...
    local os=$1 codename=$2 prefix=$3 part version staging
    shift 3
    work=$(mktemp -d "$(dirname "$prefix")/build.XXXXXX")
    staging=$work/stage
    mkdir -p "$staging$prefix"
    step "QUIC stack ($*): looking up the distribution's newer sources"
    find_sources "$os" "$codename" "$@" || {
        case $missing_sources in
        *openssl* | *ngtcp2*)
            keep_log
            fail 1 "no source package fits for:$missing_sources" \
                "looked in the suites: $(newer_suites "$os"), at the hosts of the system's own apt sources" \
                "install OpenSSL >= 3.5 and ngtcp2 >= 1.24 with its OpenSSL backend (libngtcp2_crypto_ossl) by hand," \
                "so that pkg-config finds them, and run this again; the log is $cache/log/fetch.log"
            ;;
        esac
    }
    for part in "$@"; do
        local -n versions=versions_$part
        step "$part: download"
        if (fetch_source "$part" "${versions[@]}" && echo "$fetched" >"$work/src/$part.version"); then
            version=$(cat "$work/src/$part.version")
            step "$part $version: build"
            (build_"$part" "$prefix" "$staging") || {
                keep_log
                fail 1 "building $part $version failed; the logs are in $cache/log"
            }
            echo "$part $version" >>"$staging$prefix/VERSIONS"
        elif [ "$part" = libsrtp2 ]; then
            note "libsrtp2: no newer source to be had; the packaged one (slower) has to do"
            echo "libsrtp2 system" >>"$staging$prefix/VERSIONS"
        else
            keep_log
            fail 1 "the source of $part could not be fetched" \
                "the suite may have moved: run 'scripts/bootstrap' again later, or install it by hand so that" \
                "pkg-config finds it; the log is $cache/log/fetch.log"
        fi
    done
    # Nothing may remember the staging directory, which is gone after the rename.
    if grep -rlF "$work" "$staging$prefix" >&2; then
        keep_log
        fail 1 "these files of the QUIC stack name the temporary build directory"
    fi
    rm -rf "$prefix"
    mv "$staging$prefix" "$prefix"
    keep_log
}

keep_log() {
    rm -rf "$cache/log"
    mv "$work/log" "$cache/log" 2>/dev/null || true
    rm -rf "$work"
}
