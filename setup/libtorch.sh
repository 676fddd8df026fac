# Sourced by ./lab: puts libtorch into .libtorch/ from Python wheels, pinned by version and SHA-256 in setup/libtorch*.txt.
# .libtorch/stamp is a copy of the list it was made from. Work happens in .libtorch.tmp under a lock and is renamed at the end,
# so a run may be interrupted at any moment and two may run at once.

libtorch() {
    local list
    if [ -n "${LIBTORCH:-}" ]; then exported_libtorch && return; fi
    list=$(libtorch_list)
    if ! stamped "$list"; then fetch_libtorch "$list"; fi
}

stamped() { [ -e .libtorch/stamp ] && [ "$(<.libtorch/stamp)" = "$(<"$1")" ]; }

# Prints the list of wheels that fits this machine and the user's wish.
libtorch_list() {
    local cpu=setup/libtorch.txt cuda=setup/libtorch-cuda.txt driver
    case "${LONGLAB_LIBTORCH:-auto}" in
        cpu) echo $cpu && return ;;
        cuda) echo $cuda && return ;;
        auto) ;;
        *) fail "LONGLAB_LIBTORCH=$LONGLAB_LIBTORCH is not known" "mend: LONGLAB_LIBTORCH=cpu, LONGLAB_LIBTORCH=cuda, or leave it unset" ;;
    esac
    if stamped $cuda; then echo $cuda && return; fi
    if type -P nvidia-smi >/dev/null && driver=$(nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null); then
        driver=${driver%%[!0-9.]*}
        # CUDA 13, which these wheels are built for, came with driver 580.
        if at_least "${driver:-0}" 580; then echo $cuda && return; fi
        stamped $cpu || say "NVIDIA driver ${driver:-unknown} is older than 580: using the CPU libtorch" "mend: update the driver, then run this again"
    fi
    echo $cpu
}

# The user's own libtorch: fetch nothing, but say what will not work.
exported_libtorch() {
    local need found
    [ -e "$LIBTORCH/lib/libtorch_cpu.so" ] || fail \
        "LIBTORCH=$LIBTORCH has no lib/libtorch_cpu.so" "mend: point LIBTORCH at a libtorch folder, or unset it to have one fetched"
    LIBTORCH=$(readlink -f "$LIBTORCH") && export LIBTORCH
    need=$(torch_version setup/libtorch.txt)
    found=$(cat "$LIBTORCH/build-version" 2>/dev/null || echo unknown)
    [ "${found%%+*}" = "$need" ] || say \
        "LIBTORCH=$LIBTORCH is version $found, longlab is made for $need" \
        "mend: unset LIBTORCH to have $need fetched, or go on at your own risk with LIBTORCH_BYPASS_VERSION_CHECK=1"
}

torch_version() { sed -n 's/^torch==\([0-9.]*\).*/\1/p' "$1"; }

fetch_libtorch() (
    list=$1
    case "$(uname -sm)" in
        "Linux x86_64") ;;
        *) fail "the pinned libtorch is for Linux x86_64, this is $(uname -sm)" "mend: export LIBTORCH=DIR with libtorch $(torch_version "$list")" ;;
    esac
    type -P flock >/dev/null || fail "no flock" "mend: sudo apt-get install util-linux"
    exec 9>.libtorch.lock || fail "cannot write in $PWD" "mend: run ./lab as a user who may write there"
    flock -n 9 || { say "another set-up is at work here; waiting for it" && flock 9; }
    if stamped "$list"; then exit 0; fi
    trap 'rm -rf .libtorch.tmp' EXIT
    rm -rf .libtorch.tmp .libtorch.old
    need=1200 && [ "$list" = setup/libtorch.txt ] || need=8500
    room=$(df -Pm . | awk 'NR == 2 { print $4 }')
    (( room >= need )) || fail "too little disk: libtorch needs $need MB while it is set up, $room MB are free in $PWD" "mend: free some space, then run this again"
    python=$(python_with_pip)
    mkdir -p .libtorch.tmp/wheels .libtorch.tmp/pip .libtorch.tmp/root
    say "fetching libtorch $(torch_version "$list") ($(sed -n 's/^# size: //p' "$list"))"
    download "$python" "$list"
    "$python" setup/unpack.py .libtorch.tmp/wheels .libtorch.tmp/root || fail "libtorch was not set up"
    cp "$list" .libtorch.tmp/root/stamp
    sync -f .libtorch.tmp
    if [ -e .libtorch ] || [ -L .libtorch ]; then mv -T .libtorch .libtorch.old; fi
    mv -T .libtorch.tmp/root .libtorch
    rm -rf .libtorch.old
    say "libtorch $(torch_version "$list") is ready in .libtorch/ ($(du -sh .libtorch | cut -f1))"
)

# Any Python with pip will do, since the wheels are only unpacked: the tag they were built for is asked for by name.
download() {
    local python=$1 list=$2 log=.libtorch.tmp/pip.log minor bar=off platforms=(--platform manylinux1_x86_64 --platform manylinux2010_x86_64 --platform manylinux2014_x86_64)
    for minor in {5..28}; do platforms+=(--platform "manylinux_2_${minor}_x86_64"); done
    if [ -t 2 ]; then bar=on; fi
    TMPDIR="$PWD/.libtorch.tmp/pip" PIP_REQUIRE_VIRTUALENV=0 "$python" -m pip download -r "$list" --require-hashes --no-deps \
        --only-binary=:all: --python-version 3.11 --implementation cp --abi cp311 --abi abi3 --abi none "${platforms[@]}" \
        --no-cache-dir --disable-pip-version-check --retries 3 --progress-bar $bar $([ $bar = on ] || echo --quiet) \
        --dest .libtorch.tmp/wheels >&2 2>$log && return
    grep -v '^ *$' $log | tail -n 8 >&2 || true
    if grep -q 'HASHES' $log; then
        fail "a downloaded file is not the pinned one (SHA-256 differs); nothing was kept" "mend: run it again; if it stays, the package index or a proxy serves other files"
    elif grep -qi 'no space left\|Errno 28' $log; then
        fail "the disk ran full while libtorch was fetched; nothing was kept" "mend: free some space in $PWD, then run this again"
    fi
    fail "libtorch could not be fetched; nothing was kept" "mend: check the network (pip obeys HTTPS_PROXY, PIP_INDEX_URL, PIP_FIND_LINKS), then run this again," "      or export LIBTORCH=DIR with libtorch $(torch_version "$list")"
}
